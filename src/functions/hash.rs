//! `hash`: a keyed digest of a value.

use super::draws::{push_ascii, push_base32};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static HASH: Function = Function {
    name: "hash",
    summary: "Replace a value by a keyed digest of it",
    parameters: &[
        Parameter {
            name: "length",
            help: "characters of the digest, 1 to 64 in hex, 1 to 51 in base32; default 32 in hex, 26 in base32",
        },
        Parameter {
            name: "encoding",
            help: "\"hex\" (4 bits a character) or \"base32\" (5 bits, lower case); default \"hex\"",
        },
    ],
    example: Example {
        rule: r#""hash""#,
        ty: PgType::Text,
        input: "A-1002",
        output: Some("fb361e7e80d48dbb9fa84a60b8906682"),
    },
    domain: "hash",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

#[derive(Clone, Copy)]
enum Encoding {
    Hex,
    Base32,
}

struct Hash {
    key: DomainKey,
    encoding: Encoding,
    chars: usize,
}

impl TextMask for Hash {
    fn mask(&self, _value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        match self.encoding {
            Encoding::Hex => push_hex(&digest, self.chars, out),
            Encoding::Base32 => push_base32(&digest, self.chars, out),
        }
        Ok(())
    }
}

/// Appends the first `chars` hex digits of `bytes`.
fn push_hex(bytes: &[u8], chars: usize, out: &mut String) {
    push_ascii(chars, out, |at| {
        let nibble = if at % 2 == 0 { bytes[at / 2] >> 4 } else { bytes[at / 2] & 15 };
        b"0123456789abcdef"[usize::from(nibble)]
    });
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let encodings = [("hex", Encoding::Hex), ("base32", Encoding::Base32)];
    let encoding = build.parameters.choice("encoding", &encodings)?.unwrap_or(Encoding::Hex);
    let (most, default, bits) = match encoding {
        Encoding::Hex => (64, 32, 4),
        Encoding::Base32 => (51, 26, 5),
    };
    let chars = build.parameters.integer("length", 1..=most)?.unwrap_or(default) as u32;
    let mask = Hash { key: build.key.clone(), encoding, chars: chars as usize };
    Ok(Built::text(mask, Uniqueness::Bits(f64::from(bits * chars)), Some(chars)))
}
