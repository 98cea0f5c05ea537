//! `credit_card`: card numbers to other card numbers.

use super::ff1::{Ff1, Lane};
use super::fpe::{ff1, least_numerals};
use super::replaced::push_replaced;
use super::results::Results;
use super::text::Given;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static CREDIT_CARD: Function = Function {
    name: "credit_card",
    summary: "Encrypt a card number to another with a valid check digit, one to one; length and separators stay",
    parameters: &[Parameter {
        name: "keep_bin",
        help: "digits at the start that stay, 0 to 8; default 1, which says the network. A card of 16 digits has \
               10^(15 - keep_bin) others: 10¹⁴ by default, 10⁷ with 8, the most that PCI DSS 4.0 lets be seen; what would \
               have fewer than 10⁶ is invalid",
    }],
    example: Example {
        rule: r#""credit_card""#,
        ty: PgType::Text,
        input: "4111 1111 1111 1111",
        output: Some("4190 1504 0434 6939"),
    },
    domain: "credit_card",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Encrypts all digits but the kept ones, which are the tweak, and the last, which is computed anew.
struct CreditCard {
    ff1: Ff1,
    keep_bin: usize,
}

/// The fewest and the most digits of a card number (ISO/IEC 7812).
const LEAST_DIGITS: usize = 12;
const MAX_DIGITS: usize = 19;

/// The digits of a card number.
struct Card {
    digits: [u16; MAX_DIGITS],
    len: usize,
    tweak: [u8; MAX_DIGITS],
    keep_bin: usize,
}

impl CreditCard {
    fn read(&self, value: &str) -> Result<Card, &'static str> {
        let (digits, len) = card_digits(value).ok_or("is not a card number of 12 to 19 digits")?;
        if !luhn_sum(&digits[..len]).is_multiple_of(10) {
            return Err("is not a card number: its check digit is wrong");
        }
        if len - self.keep_bin - 1 < least_numerals(10) {
            return Err("has so few digits to encrypt that there are fewer than 10^6 such values");
        }
        let mut tweak = [0; MAX_DIGITS];
        tweak.iter_mut().zip(&digits[..self.keep_bin]).for_each(|(byte, &digit)| *byte = digit as u8);
        Ok(Card { digits, len, tweak, keep_bin: self.keep_bin })
    }
}

impl Card {
    fn lane(&mut self) -> Lane<'_> {
        let numerals = &mut self.digits[self.keep_bin..self.len - 1];
        Lane { tweak: &self.tweak[..self.keep_bin], numerals }
    }

    /// Appends the card with a new check digit, as `value` is spelled.
    fn write(&mut self, value: &str, out: &mut String) {
        let digits = &mut self.digits[..self.len];
        digits[self.len - 1] = 0;
        digits[self.len - 1] = (10 - luhn_sum(digits) % 10) % 10;
        let mut next = digits.iter();
        push_replaced(value, out, |byte| match byte.is_ascii_digit() {
            true => b'0' + *next.next().expect("one a digit of the value") as u8,
            false => byte,
        });
    }
}

impl TextMask for CreditCard {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut card = self.read(value)?;
        self.ff1.encrypt_lanes(&mut [card.lane()]);
        card.write(value, out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut cards: Vec<Result<Card, _>> = values.iter().map(|given| self.read(given.value)).collect();
        self.ff1.encrypt_lanes(&mut cards.iter_mut().flatten().map(Card::lane).collect::<Vec<_>>());
        for (card, given) in cards.iter_mut().zip(values) {
            results.push(|out| {
                card.as_mut().map_err(|reason| *reason)?.write(given.value, out);
                Ok(())
            });
        }
    }
}

/// The digits of a card number, which blanks and hyphens may separate, and how many they are.
fn card_digits(value: &str) -> Option<([u16; MAX_DIGITS], usize)> {
    let (mut digits, mut len) = ([0; MAX_DIGITS], 0);
    for byte in value.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        *digits.get_mut(len)? = u16::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        len += 1;
    }
    (len >= LEAST_DIGITS).then_some((digits, len))
}

/// The sum of Luhn's algorithm (ISO/IEC 7812-1, annex B) over all digits; a multiple of ten where they are valid.
fn luhn_sum(digits: &[u16]) -> u16 {
    let doubled = |digit: u16| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let from_the_right = digits.iter().rev().enumerate();
    from_the_right.map(|(at, &digit)| if at % 2 == 1 { doubled(digit) } else { digit }).sum()
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let keep_bin = build.parameters.integer("keep_bin", 0..=8)?.unwrap_or(1) as usize;
    let mask = CreditCard { ff1: ff1(build.key, 10), keep_bin };
    Ok(Built::text(mask, Uniqueness::Injective, build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn masked(keep_bin: usize, value: &str) -> Result<String, &'static str> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("credit_card");
        let mut out = String::new();
        CreditCard { ff1: ff1(&key, 10), keep_bin }.mask(value, b"", &mut out).map(|()| out)
    }

    #[test]
    fn a_card_becomes_a_valid_card_of_the_same_shape() {
        for value in ["4111 1111 1111 1111", "378282246310005", "5555-5555-5555-4444", "6304000000000000000"]
        {
            let result = masked(1, value).unwrap();
            assert_ne!(result, value);
            assert_eq!(result[..1], value[..1]);
            let (digits, len) = card_digits(&result).unwrap();
            assert!(luhn_sum(&digits[..len]).is_multiple_of(10));
            assert_eq!(result.find(['-', ' ']), value.find(['-', ' ']));
        }
        assert_eq!(masked(6, "4111111111111111").unwrap()[..6], *"411111");
    }

    #[test]
    fn what_is_no_card_is_refused() {
        assert!(masked(1, "4111111111111112").unwrap_err().contains("check digit"));
        assert!(masked(1, "4111").is_err());
        assert!(masked(1, "4111x1111 1111 1111").is_err());
        assert!(masked(1, &"0".repeat(20)).is_err());
        assert!(masked(8, "000000000000").unwrap_err().contains("10^6"));
    }
}
