//! `phone`: phone numbers that look alike and, where numbers are set aside for fiction, ring nobody.

use super::draws::Draws;
use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static PHONE: Function = Function {
    name: "phone",
    summary: "Replace a phone number by another of the same format: a North American one by one of the fictitious \
              555-01xx, others digit by digit, the country code kept",
    parameters: &[],
    example: Example {
        rule: r#""phone""#,
        ty: PgType::Text,
        input: "+1 (212) 736-5000",
        output: Some("+1 (822) 555-0154"),
    },
    domain: "phone",
    domain_by: Some("phone"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let mask = Phone { key: build.key.clone() };
        Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
    },
};

struct Phone {
    key: DomainKey,
}

impl TextMask for Phone {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err("has no digits");
        }
        let mut draws = Draws::new(&self.key, subject);
        let number = &value[..value.find(char::is_alphabetic).unwrap_or(value.len())];
        match north_american_prefix(number) {
            Some(prefix) => push_fictitious(value, prefix, &mut draws, out),
            None => push_drawn(value, country_code_len(value), &mut draws, out),
        }
        Ok(())
    }
}

/// Where `number` is one of the North American plan, how many digits come before its area code.
fn north_american_prefix(number: &str) -> Option<usize> {
    let mut digits = number.bytes().filter(u8::is_ascii_digit);
    let (first, len) = (digits.next()?, digits.count() + 1);
    match (number.trim_start().starts_with('+'), first, len) {
        (_, b'1', 11) => Some(1),
        (false, b'2'..=b'9', 10) => Some(0),
        _ => None,
    }
}

/// Replaces the digits after the first `prefix` by an area code and 555-01xx, which the plan sets aside for fiction
/// (ATIS-0300115), and those of an extension by drawn ones.
fn push_fictitious(value: &str, prefix: usize, draws: &mut Draws<'_>, out: &mut String) {
    let mut at = 0;
    out.extend(value.chars().map(|character| {
        if !character.is_ascii_digit() {
            return character;
        }
        at += 1;
        match (at - 1usize).checked_sub(prefix) {
            None => character,
            Some(0) => draws.digit(2),
            // An area code's second digit is never 9, nor are its last two 11.
            Some(1) => char::from(b'0' + draws.number(2, 8)),
            Some(place @ 3..=7) => char::from(b"55501"[place - 3]),
            Some(_) => draws.digit(0),
        }
    }));
}

/// Replaces the digits after the first `kept`: zeros at the start stay, as they are dialled to leave a town or a
/// country, the first other digit stays another than zero.
fn push_drawn(value: &str, kept: usize, draws: &mut Draws<'_>, out: &mut String) {
    let (mut at, mut leading) = (0, true);
    out.extend(value.chars().map(|character| {
        if !character.is_ascii_digit() {
            return character;
        }
        at += 1;
        if at <= kept || leading && character == '0' && at < kept + 3 {
            return character;
        }
        let least = u8::from(leading);
        leading = false;
        draws.digit(least)
    }));
}

/// How many digits the country code of a number with a leading `+` has (ITU-T E.164, list of assigned codes).
fn country_code_len(value: &str) -> usize {
    let value = value.trim_start();
    let mut digits = value.bytes().filter(u8::is_ascii_digit);
    match (value.starts_with('+'), digits.next(), digits.next()) {
        (false, ..) => 0,
        (_, Some(b'1' | b'7'), _) => 1,
        (_, Some(b'2'), Some(b'0' | b'7'))
        | (_, Some(b'3'), Some(b'0'..=b'4' | b'6' | b'9'))
        | (_, Some(b'4'), Some(b'0' | b'1' | b'3'..=b'9'))
        | (_, Some(b'5'), Some(b'1'..=b'8'))
        | (_, Some(b'6'), Some(b'0'..=b'6'))
        | (_, Some(b'8'), Some(b'1' | b'2' | b'4' | b'6'))
        | (_, Some(b'9'), Some(b'0'..=b'5' | b'8')) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn masked(value: &str) -> String {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("phone");
        let mut out = String::new();
        Phone { key }.mask(value, value.as_bytes(), &mut out).unwrap();
        out
    }

    #[test]
    fn a_north_american_number_becomes_a_fictitious_one() {
        for value in ["+1 (212) 736-5000", "212-736-5000", "1.212.736.5000", "2127365000 ext. 17"] {
            let digits: String = masked(value).chars().filter(char::is_ascii_digit).collect();
            let area_code = digits.find("55501").unwrap();
            assert!((3..=4).contains(&area_code), "{digits}");
        }
        assert!(masked("+1 (212) 736-5000").starts_with("+1 ("));
        assert!(masked("2127365000 ext. 17").contains(" ext. "));
    }

    #[test]
    fn other_numbers_keep_their_country_code_zeros_and_format() {
        let result = masked("+44 (0)20 7946 0018");
        assert!(result.starts_with("+44 (0)"), "{result}");
        assert_ne!(result.as_bytes()[7], b'0');
        let result = masked("030/901820");
        assert!(result.starts_with('0') && result.as_bytes()[3] == b'/', "{result}");
    }

    #[test]
    fn country_codes_have_one_to_three_digits() {
        for (value, len) in [("+7 495", 1), ("+49 30", 2), ("+351 21", 3), ("+44", 2), ("030", 0), ("+", 3)] {
            assert_eq!(country_code_len(value), len, "{value}");
        }
    }
}
