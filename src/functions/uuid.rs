//! `uuid`: a keyed permutation of UUIDs.

use std::ops::Range;

use super::draws::push_ascii;
use super::feistel::Permutation;
use super::results::Results;
use super::text::{Given, LANES};
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

const LOW: u128 = (1 << 62) - 1;
const MIDDLE: u128 = 0xfff << 64;
const HIGH: u128 = !0 << 80;

impl Uuid {
    /// Replaces each of at most [`LANES`] UUIDs by what it becomes.
    fn apply(&self, uuids: &mut [Result<Spelt, &'static str>]) {
        let bits = |spelt: &Result<Spelt, _>| spelt.as_ref().map_or(0, |spelt| spelt.uuid);
        let mut numbers = [0; LANES];
        for (number, uuid) in numbers.iter_mut().zip(&*uuids) {
            let uuid = bits(uuid);
            *number = (uuid & HIGH) >> 6 | (uuid & MIDDLE) >> 2 | uuid & LOW;
        }
        self.0.apply(&mut numbers[..uuids.len()]);
        for (spelt, permuted) in uuids.iter_mut().flatten().zip(numbers) {
            let fixed = spelt.uuid & !(LOW | MIDDLE | HIGH);
            spelt.uuid = fixed | (permuted << 6) & HIGH | (permuted << 2) & MIDDLE | permuted & LOW;
        }
    }
}

impl TextMask for Uuid {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut uuid = [Spelt::parse(value)];
        self.apply(&mut uuid);
        let [uuid] = uuid;
        uuid?.push(value, out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut uuids = [const { Err("") }; LANES];
        for (uuid, given) in uuids.iter_mut().zip(values) {
            *uuid = Spelt::parse(given.value);
        }
        self.apply(&mut uuids[..values.len()]);
        for (uuid, given) in uuids.into_iter().zip(values) {
            results.push(|out| {
                uuid?.push(given.value, out);
                Ok(())
            });
        }
    }
}

/// A UUID and how its letters are written.
struct Spelt {
    uuid: u128,
    upper_case: bool,
}

impl Spelt {
    fn parse(value: &str) -> Result<Self, &'static str> {
        let groups = groups(value.as_bytes()).ok_or("is not a UUID")?;
        let (mut halves, mut letters) = ([0u64; 2], 0);
        let digits = groups.into_iter().flat_map(|group| &value.as_bytes()[group]);
        for (at, &byte) in digits.enumerate() {
            let digit = HEX[usize::from(byte)];
            letters |= digit;
            halves[at / 16] = halves[at / 16] << 4 | u64::from(digit & 15);
        }
        match letters & !15 {
            letters if letters & NO_DIGIT != 0 => Err("is not a UUID"),
            0xc0.. => Err("is a UUID in both upper and lower case"),
            letters => Ok(Spelt {
                uuid: u128::from(halves[0]) << 64 | u128::from(halves[1]),
                upper_case: letters == UPPER_CASE,
            }),
        }
    }

    /// Appends the UUID with the hyphens and braces of `value`.
    fn push(&self, value: &str, out: &mut String) {
        let digits: &[u8; 16] = if self.upper_case { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut hex = self.uuid.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut spelt = [0; MAX_CHARS];
        spelt[..value.len()].copy_from_slice(value.as_bytes());
        for group in groups(value.as_bytes()).expect("it was read as a UUID") {
            for (byte, digit) in spelt[group].iter_mut().zip(&mut hex) {
                *byte = digits[usize::from(digit)];
            }
        }
        push_ascii(value.len(), out, |at| spelt[at]);
    }
}

/// With braces and hyphens.
const MAX_CHARS: usize = 38;

const UPPER_CASE: u8 = 0x40;
const LOWER_CASE: u8 = 0x80;
const NO_DIGIT: u8 = 0x20;

/// What each byte is as a hex digit: its value, and whether it is a letter of which case, or no digit at all.
static HEX: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        if digit < 10 {
            digits[(b'0' + digit) as usize] = digit;
        } else {
            digits[(b'a' - 10 + digit) as usize] = LOWER_CASE | digit;
            digits[(b'A' - 10 + digit) as usize] = UPPER_CASE | digit;
        }
        digit += 1;
    }
    digits
};

/// Where the digits of a UUID of that length stand: it may be in braces, and have hyphens where Postgres puts them.
fn groups(value: &[u8]) -> Option<[Range<usize>; 5]> {
    let braces = matches!(value, [b'{', .., b'}']);
    let start = usize::from(braces);
    let ends = match value.len() - 2 * start {
        32 => [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)],
        36 => [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)],
        _ => return None,
    };
    let groups = ends.map(|(from, to)| start + from..start + to);
    let mut gaps = groups.windows(2).map(|pair| &value[pair[0].end..pair[1].start]);
    gaps.all(|gap| matches!(gap, [] | [b'-'])).then_some(groups)
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    // As text, two spellings of a UUID are two values, and what they become may have no letter to tell them apart.
    let uniqueness = match build.ty.base() {
        PgType::Uuid => Uniqueness::Injective,
        _ => Uniqueness::Bits(122.0),
    };
    let max_chars = if build.ty.is_text() {
        let longest = MAX_CHARS as u32;
        Some(build.ty.max_chars().map_or(longest, |limit| limit.min(longest)))
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
