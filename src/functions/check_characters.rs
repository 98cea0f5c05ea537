//! Check characters of identifiers: the algorithms of ISO/IEC 7064, of Luhn, Verhoeff and Damm, and weighted sums.
//!
//! All take the payload as ASCII digits and upper-case letters, which the caller sees to, and give the check characters.

/// The value of a digit or letter: A is 10, Z is 35.
#[inline]
pub fn value(character: u8) -> u32 {
    u32::from(VALUES[usize::from(character)])
}

const VALUES: [u8; 256] = {
    let mut values = [0; 256];
    let mut value = 0;
    while value < 36 {
        values[CHARACTERS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

const CHARACTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The digit or letter of a value below 36.
pub fn character(value: u32) -> u8 {
    CHARACTERS[value as usize]
}

/// The digit of a value below 10.
pub fn digit(value: u32) -> u8 {
    b'0' + value as u8
}

/// The sum of the digits' and letters' values, each times its weight.
#[inline]
pub fn weighted_sum(payload: &[u8], weights: &[u32]) -> u32 {
    payload.iter().zip(weights).map(|(&character, weight)| value(character) * weight).sum()
}

/// Luhn's check digit (ISO/IEC 7812-1, annex B).
pub fn luhn(payload: &[u8]) -> u8 {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let from_the_right = payload.iter().rev().map(|&character| value(character)).enumerate();
    let sum: u32 = from_the_right.map(|(at, digit)| if at % 2 == 0 { doubled(digit) } else { digit }).sum();
    digit((10 - sum % 10) % 10)
}

/// Verhoeff's check digit: the dihedral group of order ten (Verhoeff 1969, table of the permutation in the base case).
pub fn verhoeff(payload: &[u8]) -> u8 {
    // From the right, after the check digit's own place 0.
    let places = payload.iter().rev().zip(1..);
    let sum = places.fold(0, |sum, (&character, place)| {
        DIHEDRAL[usize::from(sum)][usize::from(VERHOEFF[place % 8][value(character) as usize % 10])]
    });
    // A reflection is its own inverse; a rotation's is the rest of the turn.
    digit(u32::from(if sum < 5 { (5 - sum) % 5 } else { sum }))
}

/// What each digit becomes at each place: the permutation once more than at the place before.
const VERHOEFF: [[u8; 10]; 8] = {
    let once = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut places = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let mut place = 1;
    while place < 8 {
        let mut digit = 0;
        while digit < 10 {
            places[place][digit] = once[places[place - 1][digit] as usize];
            digit += 1;
        }
        place += 1;
    }
    places
};

/// The products of the elements of the dihedral group of order ten: rotations are 0 to 4, reflections 5 to 9.
const DIHEDRAL: [[u8; 10]; 10] = {
    let mut products = [[0; 10]; 10];
    let mut one = 0u8;
    while one < 10 {
        let mut other = 0u8;
        while other < 10 {
            products[one as usize][other as usize] = match (one < 5, other < 5) {
                (true, true) => (one + other) % 5,
                (true, false) => 5 + (one + other - 5) % 5,
                (false, true) => 5 + (one - other) % 5,
                (false, false) => (one + 5 - other) % 5,
            };
            other += 1;
        }
        one += 1;
    }
    products
};

/// Damm's check digit: a weakly totally anti-symmetric quasigroup (Damm 2004, table of order ten).
pub fn damm(payload: &[u8]) -> u8 {
    payload
        .iter()
        .fold(b'0', |interim, &character| DAMM[usize::from(interim - b'0')][value(character) as usize % 10])
}

const DAMM: [&[u8; 10]; 10] = [
    b"0317598642",
    b"7092154863",
    b"4206871359",
    b"1750983426",
    b"6123045978",
    b"3674209581",
    b"5869720134",
    b"8945362017",
    b"9438617205",
    b"2581436790",
];

/// ISO/IEC 7064, a pure system with one check character: `radix` 2, and the modulus 11 or 37.
pub fn pure(payload: &[u8], modulus: u32) -> u8 {
    let sum = payload.iter().fold(0, |sum, &character| (sum + value(character)) * 2 % modulus);
    match (modulus + 1 - sum % modulus) % modulus {
        10 if modulus == 11 => b'X',
        36 => b'*',
        check => character(check),
    }
}

/// ISO/IEC 7064, MOD 97-10: two check digits; letters count as two digits each.
pub fn mod_97_10(payload: &[u8]) -> [u8; 2] {
    let check = 98 - remainder_97(payload.iter().chain(b"00")) % 97;
    [digit(check / 10), digit(check % 10)]
}

/// The number that the characters are, letters as two digits each, modulo 97.
pub fn remainder_97<'a>(characters: impl IntoIterator<Item = &'a u8>) -> u32 {
    // A remainder is only taken where the number would become too large: that is what takes time.
    let number = characters.into_iter().fold(0u64, |number, &character| {
        let number = if number < 1 << 56 { number } else { number % 97 };
        let value = u64::from(value(character));
        number * if value < 10 { 10 } else { 100 } + value
    });
    (number % 97) as u32
}

/// ISO/IEC 7064, a hybrid system: the modulus `radix` + 1 and then `radix`, which is 10 or 36.
pub fn hybrid(payload: &[u8], radix: u32) -> u8 {
    // What is below twice a number needs no division to be taken modulo it.
    let below = |number: u32, bound: u32| if number < bound { number } else { number - bound };
    let product = payload.iter().fold(radix, |product, &character| {
        let sum = below(product + value(character), radix);
        let sum = if sum == 0 { radix } else { sum };
        below(2 * sum, radix + 1)
    });
    character((radix + 1 - product) % radix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_verhoeff_and_damm_give_their_published_examples() {
        assert_eq!(luhn(b"7992739871"), b'3');
        assert_eq!(luhn(b"411111111111111"), b'1');
        assert_eq!(verhoeff(b"236"), b'3');
        assert_eq!(verhoeff(b"12345"), b'1');
        assert_eq!(damm(b"572"), b'4');
    }

    #[test]
    fn iso_7064_gives_the_examples_of_the_standard() {
        assert_eq!(pure(b"0794", 11), b'0');
        assert_eq!(pure(b"079", 11), b'X');
        assert_eq!(pure(b"A999914123456", 37), b'N');
        assert_eq!(mod_97_10(b"794"), *b"44");
        assert_eq!(hybrid(b"0794", 10), b'5');
        for (payload, check) in
            [(b"1556078923", b'0'), (b"7684928013", b'1'), (b"3346351970", b'3'), (b"7402886358", b'9')]
        {
            assert_eq!(hybrid(payload, 10), check);
        }
        assert_eq!(hybrid(b"A12425GABC1234002", 36), b'M');
    }

    #[test]
    fn verhoeff_and_damm_tell_any_wrong_digit_and_any_swap() {
        for algorithm in [verhoeff, damm] {
            for number in 0..1000 {
                let payload = format!("{number:03}").into_bytes();
                let check = algorithm(&payload);
                for place in 0..3 {
                    for other in b'0'..=b'9' {
                        let mut wrong = payload.clone();
                        wrong[place] = other;
                        assert_eq!(algorithm(&wrong) == check, wrong == payload);
                    }
                }
                let mut swapped = payload.clone();
                swapped.swap(0, 1);
                assert_eq!(algorithm(&swapped) == check, swapped == payload);
            }
        }
    }
}
