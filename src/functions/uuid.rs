//! `uuid`: a keyed permutation of UUIDs.

use super::draws::push_ascii;
use super::feistel::Permutation;
use super::{Build, Built, Example, Function, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static UUID: Function = Function {
    name: "uuid",
    summary: "Replace a UUID by another, one to one, its version and variant kept",
    parameters: &[],
    example: Example {
        rule: r#""uuid""#,
        ty: PgType::Uuid,
        input: "0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4",
        output: Some("bfbda9e7-131f-70f1-9e1d-16a1c8b0c7db"),
    },
    domain: "uuid",
    domain_by: None,
    takes: |ty| *ty.base() == PgType::Uuid || ty.is_text(),
    takes_text: "`uuid`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Permutes the 122 bits of a UUID that are neither version nor variant (RFC 9562).
struct Uuid(Permutation);

impl Uuid {
    fn apply(&self, uuid: u128) -> u128 {
        const LOW: u128 = (1 << 62) - 1;
        const MIDDLE: u128 = 0xfff << 64;
        const HIGH: u128 = !0 << 80;
        let packed = (uuid & HIGH) >> 6 | (uuid & MIDDLE) >> 2 | uuid & LOW;
        let permuted = self.0.apply(packed);
        let fixed = uuid & !(LOW | MIDDLE | HIGH);
        fixed | (permuted << 6) & HIGH | (permuted << 2) & MIDDLE | permuted & LOW
    }
}

impl TextMask for Uuid {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digits = hex_digits(value).ok_or("is not a UUID")?;
        let mut uuid = 0;
        let (mut upper_case, mut lower_case) = (false, false);
        for character in digits.chars().filter(|&c| c != '-') {
            uuid = uuid << 4 | u128::from(character.to_digit(16).ok_or("is not a UUID")?);
            upper_case |= character.is_ascii_uppercase();
            lower_case |= character.is_ascii_lowercase();
        }
        if upper_case && lower_case {
            return Err("is a UUID in both upper and lower case");
        }
        push_like(value, self.apply(uuid), upper_case, out);
        Ok(())
    }
}

/// The part of `value` with 32 digits, which may stand in braces and have hyphens where Postgres puts them.
fn hex_digits(value: &str) -> Option<&str> {
    let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(value);
    let hyphens = inner.bytes().enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    match inner.len() {
        32 => hyphens.count() == 0,
        36 => hyphens.eq([8, 13, 18, 23]),
        _ => false,
    }
    .then_some(inner)
}

/// Appends `uuid` in the spelling of `value`.
fn push_like(value: &str, uuid: u128, upper_case: bool, out: &mut String) {
    let digits: &[u8; 16] = if upper_case { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let (mut shift, value) = (128, value.as_bytes());
    push_ascii(value.len(), out, |at| match value[at] {
        separator @ (b'-' | b'{' | b'}') => separator,
        _ => {
            shift -= 4;
            digits[(uuid >> shift) as usize & 15]
        }
    });
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    // As text, two spellings of a UUID are two values, and what they become may have no letter to tell them apart.
    let uniqueness = match build.ty.base() {
        PgType::Uuid => Uniqueness::Injective,
        _ => Uniqueness::Bits(122.0),
    };
    let max_chars = if build.ty.is_text() {
        build.ty.max_chars().map(|limit| limit.min(38)).or(Some(38))
    } else {
        Some(36)
    };
    Ok(Built::text(Uuid(Permutation::new(build.key, 1 << 122)), uniqueness, max_chars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn masked(value: &str) -> Result<String, &'static str> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("uuid");
        let mut out = String::new();
        Uuid(Permutation::new(&key, 1 << 122)).mask(value, b"", &mut out).map(|()| out)
    }

    #[test]
    fn version_variant_and_spelling_are_kept() {
        let lower = masked("0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4").unwrap();
        assert_eq!((&lower[14..15], &lower[8..9]), ("7", "-"));
        assert!("89ab".contains(&lower[19..20]));
        let upper = masked("{0190A6B27C3E7D519F0A3B6C1E88D2F4}").unwrap();
        assert_eq!(upper, format!("{{{}}}", lower.replace('-', "").to_uppercase()));
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for value in
            ["", "0190a6b2", "0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2fg", "0190a6b27c3e-7d51-9f0a-3b6c1e88d2f4-"]
        {
            assert_eq!(masked(value), Err("is not a UUID"));
        }
        assert!(masked("0190a6B2-7c3e-7d51-9f0a-3b6c1e88d2f4").is_err());
    }
}
