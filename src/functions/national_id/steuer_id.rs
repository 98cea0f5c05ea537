//! The numbers of the first ten digits of German tax identification numbers.
//!
//! Of all ten digits only one in 27 are such, so they are numbered by themselves: by the first digit, by where the digit
//! stands that is there more than once, and by the order of the others.

use crate::functions::layout::Ranking;

/// Those of people: the first digit is not 0.
pub const RANKING: Ranking = Ranking {
    chars: DIGITS,
    size: 9 * OF_A_FIRST_DIGIT,
    rank: |chars| rank(chars)?.checked_sub(OF_A_FIRST_DIGIT),
    unrank: |rank, chars| unrank(rank + OF_A_FIRST_DIGIT, chars),
};

/// Those for tests: the first digit is 0.
pub const TEST_RANKING: Ranking = Ranking {
    chars: DIGITS,
    size: OF_A_FIRST_DIGIT,
    rank: |chars| rank(chars).filter(|rank| *rank < OF_A_FIRST_DIGIT),
    unrank,
};

const DIGITS: usize = 10;

/// How many begin with a digit: those with a pair, those with three alike.
const OF_A_FIRST_DIGIT: u64 = PAIRS as u64 * ORDERS[0] + (PLACES.len() - PAIRS) as u64 * ORDERS[1];

/// In how many orders the digits after the first new one may come: eight others of nine, or seven.
const ORDERS: [u64; 2] = [362_880, 181_440];

/// How many of [`PLACES`] are pairs.
const PAIRS: usize = 45;

/// Where the digit may stand that is there more than once, a bit a place: the pairs, then three that are not in a row.
const PLACES: [u16; 157] = {
    let mut places = [0; 157];
    let (mut pairs, mut threes, mut bits) = (0, PAIRS, 0u16);
    while bits < 1 << DIGITS {
        if bits.count_ones() == 2 {
            places[pairs] = bits;
            pairs += 1;
        } else if bits.count_ones() == 3 && bits >> bits.trailing_zeros() != 0b111 {
            places[threes] = bits;
            threes += 1;
        }
        bits += 1;
    }
    places
};

/// Where each of [`PLACES`] is in that list; others are past its end.
const INDICES: [u8; 1 << DIGITS] = {
    let mut indices = [u8::MAX; 1 << DIGITS];
    let mut index = 0;
    while index < PLACES.len() {
        indices[PLACES[index] as usize] = index as u8;
        index += 1;
    }
    indices
};

/// The number of ten digits; `None` if they are none of a tax identification number.
fn rank(chars: &[u8]) -> Option<u64> {
    let mut places_of = [0u16; DIGITS];
    for (place, byte) in chars.iter().enumerate() {
        *places_of.get_mut(usize::from(byte.wrapping_sub(b'0')))? |= 1 << place;
    }
    let mut repeated = places_of.iter().filter(|places| places.count_ones() > 1);
    let (places, None) = (*repeated.next()?, repeated.next()) else { return None };
    let index = usize::from(INDICES[usize::from(places)]);
    PLACES.get(index)?;
    // The digits that have not been there yet, a bit each, and how many of them there are.
    let first = chars[0] - b'0';
    let (mut fresh, mut count) = (ALL & !(1 << first), 9);
    let mut order = 0;
    for digit in new_places(places).map(|place| chars[place] - b'0') {
        order = order * count + u64::from((fresh & ((1 << digit) - 1)).count_ones());
        fresh &= !(1 << digit);
        count -= 1;
    }
    Some(u64::from(first) * OF_A_FIRST_DIGIT + start_of(index) + order)
}

/// Writes the ten digits of a number.
fn unrank(rank: u64, chars: &mut [u8]) {
    let first = (rank / OF_A_FIRST_DIGIT) as u8;
    let rest = rank % OF_A_FIRST_DIGIT;
    let with_pair = start_of(PAIRS);
    let index = match rest.checked_sub(with_pair) {
        None => (rest / ORDERS[0]) as usize,
        Some(rest) => PAIRS + (rest / ORDERS[1]) as usize,
    };
    let places = PLACES[index];
    let mut order = rest - start_of(index);
    let new_digits = new_places(places).count();
    let mut picks = [0; DIGITS];
    for at in (0..new_digits).rev() {
        let count = 9 - at as u64;
        picks[at] = order % count;
        order /= count;
    }
    let mut fresh = ALL & !(1 << first);
    chars[0] = b'0' + first;
    for (place, pick) in new_places(places).zip(picks) {
        let below = (0..pick).fold(fresh, |fresh, _| fresh & (fresh - 1));
        let digit = below.trailing_zeros();
        fresh &= !(1 << digit);
        chars[place] = b'0' + digit as u8;
    }
    let repeated = chars[places.trailing_zeros() as usize];
    (0..DIGITS).filter(|place| places >> place & 1 == 1).for_each(|place| chars[place] = repeated);
}

const ALL: u16 = (1 << DIGITS) - 1;

/// The number of the first order of digits with [`PLACES`] of that index.
const fn start_of(index: usize) -> u64 {
    if index < PAIRS {
        index as u64 * ORDERS[0]
    } else {
        PAIRS as u64 * ORDERS[0] + (index - PAIRS) as u64 * ORDERS[1]
    }
}

/// The places after the first with a digit that has not been there yet, where the one of `places` is the same.
fn new_places(places: u16) -> impl Iterator<Item = usize> {
    let again = places & (places - 1);
    (1..DIGITS).filter(move |place| again >> place & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule as it is written: one digit twice or three times, no other more than once, never three in a row.
    fn is_valid(chars: &[u8]) -> bool {
        let mut counts = [0; DIGITS];
        chars.iter().for_each(|digit| counts[usize::from(digit - b'0')] += 1);
        let repeated = counts.iter().filter(|&&count| count > 1).count();
        let is_thrice_in_a_row = chars.windows(3).any(|three| three[0] == three[1] && three[1] == three[2]);
        repeated == 1 && counts.iter().all(|&count| count <= 3) && !is_thrice_in_a_row
    }

    #[test]
    fn numbers_are_in_order_and_valid_and_back_again() {
        for ranking in [RANKING, TEST_RANKING] {
            for rank in (0..ranking.size).step_by(4_999).chain([ranking.size - 1]) {
                let mut chars = [b'?'; DIGITS];
                (ranking.unrank)(rank, &mut chars);
                assert!(is_valid(&chars));
                assert_eq!((ranking.rank)(&chars), Some(rank));
            }
        }
    }

    #[test]
    fn all_that_are_valid_have_a_number_and_no_others() {
        for start in [1_000_000_000u64, 1_234_500_000, 9_876_500_000, 98_000_000] {
            for number in start..start + 100_000 {
                let chars = format!("{number:010}").into_bytes();
                let ranking = if chars[0] == b'0' { TEST_RANKING } else { RANKING };
                assert_eq!((ranking.rank)(&chars).is_some(), is_valid(&chars), "{number}");
            }
        }
        assert_eq!(OF_A_FIRST_DIGIT, 36_650_880);
        assert_eq!(rank(b"12345678x9"), None);
    }
}
