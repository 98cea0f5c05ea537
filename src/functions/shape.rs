//! Identifiers of any shape: digits become digits, letters become letters of the same case, all else stays, one to one.

use std::sync::OnceLock;

use super::feistel::{Feistel, Lane, Size};
use super::replaced::push_replaced;
use super::results::Results;
use super::text::{Given, LANES, TextMask};
use crate::key::DomainKey;

/// The most digits and letters of a value: so many that the number of values is below 2¹²⁷.
const MAX_DIGITS: usize = 38;
const MAX_LETTERS: usize = 27;

/// A keyed permutation of the values of every shape.
pub struct Shapes {
    feistel: Feistel,
    /// One for each number of letters and digits, made when a value has them.
    sizes: Vec<OnceLock<Size>>,
    /// The fewest values of a shape that are encrypted.
    least_values: u128,
}

/// A value as a number among those of its shape: that of its letters times the values of its digits, and that of those.
#[derive(Clone, Copy)]
struct Shaped<'a> {
    lane: Lane<'a>,
    digits: usize,
    letters: usize,
}

impl Shapes {
    /// The permutation under `key` of shapes that have 10⁶ values or more, or of all.
    pub fn new(key: &DomainKey, accepts_small: bool) -> Self {
        let sizes = (0..(MAX_DIGITS + 1) * (MAX_LETTERS + 1)).map(|_| OnceLock::new()).collect();
        let least_values = if accepts_small { 1 } else { 1_000_000 };
        Shapes { feistel: Feistel::new(key), sizes, least_values }
    }

    /// Reads a value; `None` if it is empty.
    fn read(&self, value: &str) -> Result<Option<Shaped<'_>>, &'static str> {
        let (mut of_digits, mut of_letters, mut digits, mut letters) = (0u128, 0u128, 0, 0);
        for character in value.chars() {
            match character {
                '0'..='9' => {
                    of_digits = of_digits.wrapping_mul(10) + (character as u128 - '0' as u128);
                    digits += 1;
                }
                'A'..='Z' | 'a'..='z' => {
                    let letter = character.to_ascii_uppercase() as u128 - 'A' as u128;
                    of_letters = of_letters.wrapping_mul(26) + letter;
                    letters += 1;
                }
                _ if character.is_alphanumeric() => {
                    return Err("has letters or digits that are not of ASCII");
                }
                _ => {}
            }
        }
        match (digits, letters) {
            (0, 0) if value.is_empty() => return Ok(None),
            (0, 0) => return Err("has neither letters nor digits"),
            (0..=MAX_DIGITS, 0..=MAX_LETTERS) => {}
            _ => return Err(TOO_LONG),
        }
        let (digit_values, letter_values) = (10u128.pow(digits as u32), 26u128.pow(letters as u32));
        let size =
            letter_values.checked_mul(digit_values).filter(|size| *size <= 1 << 127).ok_or(TOO_LONG)?;
        if size < self.least_values {
            return Err("has so few letters and digits that there are fewer than 10^6 such values");
        }
        let size = self.sizes[digits * (MAX_LETTERS + 1) + letters].get_or_init(|| self.feistel.size(size));
        let lane = Lane { size, number: of_letters * digit_values + of_digits };
        Ok(Some(Shaped { lane, digits, letters }))
    }
}

impl Shaped<'_> {
    /// Appends the value that the number is now, as `value` is spelled.
    fn write(&self, value: &str, out: &mut String) {
        let digit_values = 10u128.pow(self.digits as u32);
        let (mut digits, mut letters) = ([0; MAX_DIGITS], [0; MAX_LETTERS]);
        numerals(self.lane.number % digit_values, 10, &mut digits[..self.digits]);
        numerals(self.lane.number / digit_values, 26, &mut letters[..self.letters]);
        let (mut digits, mut letters) = (digits.into_iter(), letters.into_iter());
        let mut next_digit = || digits.next().expect("one for each digit");
        let mut next_letter = || letters.next().expect("one for each letter");
        push_replaced(value, out, |byte| match byte {
            b'0'..=b'9' => b'0' + next_digit(),
            b'A'..=b'Z' => b'A' + next_letter(),
            b'a'..=b'z' => b'a' + next_letter(),
            _ => byte,
        });
    }
}

/// Fills `places` with the numerals of a number.
fn numerals(mut number: u128, radix: u64, places: &mut [u8]) {
    for place in places.iter_mut().rev() {
        // The machine divides small numbers itself.
        match u64::try_from(number) {
            Ok(small) => (*place, number) = ((small % radix) as u8, u128::from(small / radix)),
            Err(_) => {
                *place = (number % u128::from(radix)) as u8;
                number /= u128::from(radix);
            }
        }
    }
}

impl TextMask for Shapes {
    /// # Errors
    /// The reason, without the value, if it has nothing to encrypt, too little or too much, or letters that are not of
    /// ASCII.
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if let Some(mut shaped) = self.read(value)? {
            self.feistel.apply(std::slice::from_mut(&mut shaped.lane));
            shaped.write(value, out);
        }
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut read = [Ok(None); LANES];
        read.iter_mut().zip(values).for_each(|(read, given)| *read = self.read(given.value));
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(LANES);
        lanes.extend(read.iter().flatten().flatten().map(|shaped| shaped.lane));
        self.feistel.apply(&mut lanes);
        read.iter_mut().flatten().flatten().zip(lanes).for_each(|(shaped, lane)| shaped.lane = lane);
        for (shaped, given) in read.into_iter().zip(values) {
            results.push(|out| {
                if let Some(shaped) = shaped? {
                    shaped.write(given.value, out);
                }
                Ok(())
            });
        }
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
        shapes.mask(value, b"", &mut out).map(|()| out)
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
