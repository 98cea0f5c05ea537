//! Identifiers of any shape: digits become digits, letters become letters of the same case, all else stays, one to one.

use std::sync::OnceLock;

use super::feistel::Permutation;
use crate::key::DomainKey;

/// The most digits and letters of a value: so many that the number of values is below 2¹²⁷.
const MAX_DIGITS: usize = 38;
const MAX_LETTERS: usize = 27;

/// A keyed permutation of the values of every shape.
pub struct Shapes {
    key: DomainKey,
    /// One for each number of letters and digits, made when a value has them.
    permutations: Vec<OnceLock<Box<Permutation>>>,
    /// The fewest values of a shape that are encrypted.
    least_values: u128,
}

impl Shapes {
    /// The permutation under `key` of shapes that have 10⁶ values or more, or of all.
    pub fn new(key: &DomainKey, accepts_small: bool) -> Self {
        let permutations = (0..(MAX_DIGITS + 1) * (MAX_LETTERS + 1)).map(|_| OnceLock::new()).collect();
        Shapes { key: key.clone(), permutations, least_values: if accepts_small { 1 } else { 1_000_000 } }
    }

    /// Appends what `value` becomes.
    ///
    /// # Errors
    /// The reason, without the value, if it has nothing to encrypt, too little or too much, or letters that are not of
    /// ASCII.
    pub fn mask(&self, value: &str, out: &mut String) -> Result<(), &'static str> {
        let (mut number, mut digits, mut letters) = (0u128, 0, 0);
        for character in value.chars() {
            let (radix, numeral) = match character {
                '0'..='9' => (10, character as u32 - '0' as u32),
                'A'..='Z' => (26, character as u32 - 'A' as u32),
                'a'..='z' => (26, character as u32 - 'a' as u32),
                _ if character.is_alphanumeric() => {
                    return Err("has letters or digits that are not of ASCII");
                }
                _ => continue,
            };
            *(if radix == 10 { &mut digits } else { &mut letters }) += 1;
            number = number.checked_mul(radix).ok_or(TOO_LONG)? + u128::from(numeral);
        }
        if digits + letters == 0 {
            return if value.is_empty() { Ok(()) } else { Err("has neither letters nor digits") };
        }
        let size = 10u128.checked_pow(digits as u32).zip(26u128.checked_pow(letters as u32));
        let size = size.and_then(|(one, other)| one.checked_mul(other)).filter(|size| *size <= 1 << 127);
        let size = size.ok_or(TOO_LONG)?;
        if size < self.least_values {
            return Err("has so few letters and digits that there are fewer than 10^6 such values");
        }
        let permutation = self.permutations[digits * (MAX_LETTERS + 1) + letters]
            .get_or_init(|| Box::new(Permutation::new(&self.key, size)));
        let mut rest = permutation.of(number);
        // The last numeral is the least: they are taken off from the end, and the text is turned round.
        let start = out.len();
        let mut reversed = [0; 256];
        let mut len = 0;
        let mut take = |radix: u128, first: char| {
            let numeral = (rest % radix) as u8;
            rest /= radix;
            first as u8 + numeral
        };
        for character in value.chars().rev() {
            let byte = match character {
                '0'..='9' => take(10, '0'),
                'A'..='Z' => take(26, 'A'),
                'a'..='z' => take(26, 'a'),
                _ => continue,
            };
            reversed[len] = byte;
            len += 1;
        }
        let mut next = reversed[..len].iter().rev();
        out.extend(value.chars().map(|character| match character.is_ascii_alphanumeric() {
            true => char::from(*next.next().expect("one for each letter and digit")),
            false => character,
        }));
        debug_assert!(out.len() == start + value.len());
        Ok(())
    }
}

const TOO_LONG: &str = "has too many letters and digits to encrypt at once";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn shapes(accepts_small: bool) -> Shapes {
        Shapes::new(&MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test"), accepts_small)
    }

    fn masked(shapes: &Shapes, value: &str) -> Result<String, &'static str> {
        let mut out = String::new();
        shapes.mask(value, &mut out).map(|()| out)
    }

    #[test]
    fn every_value_of_a_shape_is_permuted() {
        let shapes = shapes(true);
        let values = || ('a'..='z').flat_map(|letter| (0..10).map(move |digit| format!("{digit}-{letter}")));
        let results: std::collections::BTreeSet<String> =
            values().map(|value| masked(&shapes, &value).unwrap()).collect();
        assert_eq!(results, values().collect());
        assert_eq!(masked(&shapes, "1-A"), masked(&shapes, "1-a").map(|text| text.to_uppercase()));
    }

    #[test]
    fn small_and_long_and_foreign_values_are_refused() {
        let shapes = shapes(false);
        assert_eq!(masked(&shapes, ""), Ok(String::new()));
        assert!(masked(&shapes, "--").is_err());
        assert!(masked(&shapes, "12345").unwrap_err().contains("10^6"));
        assert!(masked(&shapes, "123456").is_ok() && masked(&shapes, "AB 12 CD").is_ok());
        assert!(masked(&shapes, &"9".repeat(38)).is_ok() && masked(&shapes, &"9".repeat(39)).is_err());
        assert!(masked(&shapes, &"Z".repeat(27)).is_ok() && masked(&shapes, &"Z".repeat(28)).is_err());
        assert!(masked(&shapes, &"9".repeat(400)).is_err());
        assert!(masked(&shapes, "MÜ-AB 123").unwrap_err().contains("ASCII"));
    }
}
