//! `uuid`: a keyed permutation of UUIDs.

use super::feistel::Permutation;
use super::results::Results;
use super::text::{Given, LANES};
use super::{Build, Built, Example, Function, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static UUID: Function = Function {
    name: "uuid",
    summary: "Replace a UUID by another, one to one, its version and variant kept; there are 2¹²² of \
              each",
    parameters: &[],
    example: Example {
        rule: r#""uuid""#,
        ty: PgType::Uuid,
        input: "0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4",
        output: Some("18fab528-d41a-79c5-b0e3-db5e456304a9"),
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
        uuid?.push(out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut uuids = [const { Err("") }; LANES];
        for (uuid, given) in uuids.iter_mut().zip(values) {
            *uuid = Spelt::parse(given.value);
        }
        self.apply(&mut uuids[..values.len()]);
        for uuid in uuids.into_iter().take(values.len()) {
            results.push(|out| {
                uuid?.push(out);
                Ok(())
            });
        }
    }
}

/// A UUID and how it is written.
struct Spelt {
    uuid: u128,
    is_upper: bool,
    form: Form,
}

/// Where the digits are: it may be in braces, and have hyphens where Postgres puts them.
#[derive(Clone, Copy)]
struct Form {
    has_braces: bool,
    has_hyphens: bool,
}

const DIGITS: usize = 32;

/// With braces and hyphens.
const MAX_CHARS: usize = 38;

/// The first digit of each group, and that of the next, in the order of digits.
const GROUPS: [(usize, usize); 5] = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];

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

impl Spelt {
    fn parse(value: &str) -> Result<Self, &'static str> {
        let (form, digits) = Form::read(value.as_bytes()).ok_or("is not a UUID")?;
        let (mut nibbles, mut letters) = ([0; DIGITS], 0);
        for (nibble, byte) in nibbles.iter_mut().zip(digits) {
            let digit = HEX[usize::from(byte)];
            letters |= digit;
            *nibble = digit & 15;
        }
        match letters & !15 {
            letters if letters & NO_DIGIT != 0 => Err("is not a UUID"),
            0xc0.. => Err("is a UUID in both upper and lower case"),
            letters => Ok(Spelt { uuid: packed(&nibbles), is_upper: letters == UPPER_CASE, form }),
        }
    }

    /// Appends the UUID as it was written.
    fn push(&self, out: &mut String) {
        let mut digits = spread(self.uuid);
        // Eight digits at a time: 6 more than 9 is where letters begin.
        let gap = u64::from(if self.is_upper { b'A' - b'0' - 10 } else { b'a' - b'0' - 10 });
        for digits in digits.as_chunks_mut::<8>().0 {
            let nibbles = u64::from_ne_bytes(*digits);
            let letters = (nibbles + EACH_BYTE * 6) >> 4 & EACH_BYTE;
            *digits = (nibbles + EACH_BYTE * u64::from(b'0') + letters * gap).to_ne_bytes();
        }
        let mut spelt = [b'-'; MAX_CHARS];
        let len = self.form.write(&digits, &mut spelt);
        out.push_str(std::str::from_utf8(&spelt[..len]).expect("it is ASCII"));
    }
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// The number whose hex digits these are.
fn packed(nibbles: &[u8; DIGITS]) -> u128 {
    nibbles.as_chunks::<8>().0.iter().fold(0, |number, nibbles| {
        // Neighbours are joined: two digits in a byte, then four in two bytes, then all eight in four.
        let pairs = u64::from_be_bytes(*nibbles);
        let pairs = (pairs | pairs >> 4) & 0x00ff_00ff_00ff_00ff;
        let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        number << 32 | u128::from((fours | fours >> 16) as u32)
    })
}

/// The hex digits of a number.
fn spread(number: u128) -> [u8; DIGITS] {
    let mut nibbles = [0; DIGITS];
    for (index, nibbles) in nibbles.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let eight = u64::from((number >> (96 - 32 * index)) as u32);
        let fours = (eight | eight << 16) & 0x0000_ffff_0000_ffff;
        let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
        *nibbles = ((pairs | pairs << 4) & 0x0f0f_0f0f_0f0f_0f0f).to_be_bytes();
    }
    nibbles
}

impl Form {
    /// The form of a UUID, and its digits.
    fn read(value: &[u8]) -> Option<(Self, [u8; DIGITS])> {
        let (has_braces, inner) = match value {
            [b'{', inner @ .., b'}'] => (true, inner),
            inner => (false, inner),
        };
        let has_hyphens = match inner.len() {
            32 => false,
            36 => true,
            _ => return None,
        };
        let form = Form { has_braces, has_hyphens };
        let mut digits = [0; DIGITS];
        for (group, (from, to)) in GROUPS.into_iter().enumerate() {
            let start = from + if has_hyphens { group } else { 0 };
            digits[from..to].copy_from_slice(&inner[start..start + to - from]);
            if has_hyphens && group > 0 && inner[start - 1] != b'-' {
                return None;
            }
        }
        Some((form, digits))
    }

    /// Writes the digits into hyphens, and gives how many characters there are.
    fn write(self, digits: &[u8; DIGITS], hyphens: &mut [u8; MAX_CHARS]) -> usize {
        let before = usize::from(self.has_braces);
        let mut end = before;
        for (group, (from, to)) in GROUPS.into_iter().enumerate() {
            let start = before + from + if self.has_hyphens { group } else { 0 };
            end = start + to - from;
            hyphens[start..end].copy_from_slice(&digits[from..to]);
        }
        if self.has_braces {
            (hyphens[0], hyphens[end]) = (b'{', b'}');
        }
        end + before
    }
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
