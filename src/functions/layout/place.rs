//! The places of an identifier: what may stand there, numbered from 0.

/// A place of an identifier, or several alike.
#[derive(Clone)]
pub enum Place {
    /// So many decimal digits.
    Digits(usize),
    /// So many letters from A to Z.
    Letters(usize),
    /// So many digits or letters.
    Alphanumerics(usize),
    /// One of a set of characters.
    OneOf(Box<Set>),
    /// A number from the first on, so many of them, of that many digits.
    Number { least: u64, count: u64, digits: usize },
    /// Characters that are numbered by rules of their own.
    Ranked(&'static Ranking),
    /// A check character, which follows from the others.
    Check,
    /// One of that place, which stays as it is.
    Kept(Box<Place>),
}

/// A set of characters, in an order.
#[derive(Clone)]
pub struct Set {
    characters: Vec<u8>,
    /// The place of each byte in that order, or [`NOT_IN_SET`].
    ranks: [u8; 256],
}

const NOT_IN_SET: u8 = u8::MAX;

/// How characters are numbered that no pattern describes.
pub struct Ranking {
    /// How many they are.
    pub chars: usize,
    /// How many values they have.
    pub size: u64,
    /// The number of a value, below the size; `None` for what is none.
    pub rank: fn(&[u8]) -> Option<u64>,
    /// Writes the value of a number below the size.
    pub unrank: fn(u64, &mut [u8]),
}

/// The most characters of a place of several alike: their values have numbers of 64 bits.
const MOST_DIGITS: usize = 18;
const MOST_LETTERS: usize = 13;
const MOST_ALPHANUMERICS: usize = 12;

impl Set {
    /// The first of its characters.
    pub fn first(&self) -> u8 {
        self.characters[0]
    }
}

impl Place {
    /// One of `characters`, of which none is there twice; at most 255.
    pub fn one_of(characters: Vec<u8>) -> Self {
        let mut ranks = [NOT_IN_SET; 256];
        characters.iter().zip(0..).for_each(|(&character, rank)| ranks[usize::from(character)] = rank);
        Place::OneOf(Box::new(Set { characters, ranks }))
    }

    /// How many values it has.
    pub fn size(&self) -> u64 {
        match self {
            Place::Digits(chars) => 10u64.pow(*chars as u32),
            Place::Letters(chars) => 26u64.pow(*chars as u32),
            Place::Alphanumerics(chars) => 36u64.pow(*chars as u32),
            Place::OneOf(set) => set.characters.len() as u64,
            Place::Number { count, .. } => *count,
            Place::Ranked(ranking) => ranking.size,
            Place::Check | Place::Kept(_) => 1,
        }
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        match self {
            Place::Digits(chars) | Place::Letters(chars) | Place::Alphanumerics(chars) => *chars,
            Place::Number { digits, .. } => *digits,
            Place::Ranked(ranking) => ranking.chars,
            Place::Kept(place) => place.chars(),
            Place::OneOf(_) | Place::Check => 1,
        }
    }

    /// This place and the one after it as one, where they are alike and their values are not too many.
    pub fn joined(&self, after: &Place) -> Option<Place> {
        match (self, after) {
            (Place::Digits(one), Place::Digits(other)) if one + other <= MOST_DIGITS => {
                Some(Place::Digits(one + other))
            }
            (Place::Letters(one), Place::Letters(other)) if one + other <= MOST_LETTERS => {
                Some(Place::Letters(one + other))
            }
            (Place::Alphanumerics(one), Place::Alphanumerics(other)) if one + other <= MOST_ALPHANUMERICS => {
                Some(Place::Alphanumerics(one + other))
            }
            _ => None,
        }
    }

    /// The number of the value that `chars` are, from 0; `None` if it is none of the place.
    #[inline]
    pub fn rank(&self, chars: &[u8]) -> Option<u64> {
        match self {
            Place::Digits(_) => rank_of(chars, 10, |byte| byte.wrapping_sub(b'0')),
            Place::Letters(_) => rank_of(chars, 26, |byte| byte.wrapping_sub(b'A')),
            Place::Alphanumerics(_) => rank_of(chars, 36, |byte| match byte {
                b'A'..=b'Z' => byte - b'A' + 10,
                b'0'..=b'9' => byte - b'0',
                _ => u8::MAX,
            }),
            Place::OneOf(set) => {
                Some(set.ranks[usize::from(chars[0])]).filter(|rank| *rank != NOT_IN_SET).map(u64::from)
            }
            Place::Number { least, count, .. } => {
                let number = rank_of(chars, 10, |byte| byte.wrapping_sub(b'0'))?;
                number.checked_sub(*least).filter(|rank| rank < count)
            }
            Place::Ranked(ranking) => (ranking.rank)(chars),
            Place::Check => Some(0),
            Place::Kept(place) => place.rank(chars).map(|_| 0),
        }
    }

    /// Fills `chars` with the value of that number.
    #[inline]
    pub fn unrank(&self, rank: u64, chars: &mut [u8]) {
        match self {
            Place::Digits(_) => unrank_to(rank, 10, chars, |numeral| b'0' + numeral),
            Place::Letters(_) => unrank_to(rank, 26, chars, |numeral| b'A' + numeral),
            Place::Alphanumerics(_) => {
                unrank_to(
                    rank,
                    36,
                    chars,
                    |numeral| {
                        if numeral < 10 { b'0' + numeral } else { b'A' - 10 + numeral }
                    },
                );
            }
            Place::OneOf(set) => chars[0] = set.characters[rank as usize],
            Place::Number { least, .. } => unrank_to(least + rank, 10, chars, |numeral| b'0' + numeral),
            Place::Ranked(ranking) => (ranking.unrank)(rank, chars),
            Place::Check | Place::Kept(_) => {}
        }
    }
}

/// The number that characters are whose numerals `numeral` gives; what is not below the radix is none.
#[inline(always)]
fn rank_of(chars: &[u8], radix: u64, numeral: impl Fn(u8) -> u8) -> Option<u64> {
    let (mut rank, mut is_valid) = (0u64, true);
    for &byte in chars {
        let numeral = u64::from(numeral(byte));
        is_valid &= numeral < radix;
        // What is none may be too much; it is not used then.
        rank = rank.wrapping_mul(radix).wrapping_add(numeral);
    }
    is_valid.then_some(rank)
}

/// Fills `chars` with the numerals of `rank`, as `character` writes them.
///
/// To be called with a radix that is known when it is compiled: then no division is left of it.
#[inline(always)]
fn unrank_to(mut rank: u64, radix: u64, chars: &mut [u8], character: impl Fn(u8) -> u8) {
    for byte in chars.iter_mut().rev() {
        *byte = character((rank % radix) as u8);
        rank /= radix;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_own_number() {
        let places = [
            Place::Digits(3),
            Place::Letters(2),
            Place::Alphanumerics(2),
            Place::one_of(b"AC-9".to_vec()),
            Place::Number { least: 8, count: 90, digits: 2 },
        ];
        for place in places {
            for rank in 0..place.size() {
                let mut chars = vec![0; place.chars()];
                place.unrank(rank, &mut chars);
                assert_eq!(place.rank(&chars), Some(rank));
            }
        }
    }

    #[test]
    fn what_is_none_of_a_place_has_no_number() {
        for (place, chars) in [
            (Place::Digits(2), "1A"),
            (Place::Digits(2), "1/"),
            (Place::Digits(18), "------------------"),
            (Place::Letters(2), "a1"),
            (Place::Letters(1), "["),
            (Place::Alphanumerics(1), "a"),
            (Place::one_of(b"AC".to_vec()), "B"),
            (Place::Number { least: 8, count: 2, digits: 2 }, "10"),
            (Place::Number { least: 8, count: 2, digits: 2 }, "07"),
            (Place::Kept(Box::new(Place::Digits(1))), "x"),
        ] {
            assert_eq!(place.rank(chars.as_bytes()), None, "{chars}");
        }
    }

    #[test]
    fn the_longest_places_have_numbers_of_64_bits() {
        let longest = [
            Place::Digits(MOST_DIGITS),
            Place::Letters(MOST_LETTERS),
            Place::Alphanumerics(MOST_ALPHANUMERICS),
        ];
        for place in longest {
            let mut chars = vec![0; place.chars()];
            place.unrank(place.size() - 1, &mut chars);
            assert_eq!(place.rank(&chars), Some(place.size() - 1));
            assert!(place.joined(&place).is_none());
        }
    }
}
