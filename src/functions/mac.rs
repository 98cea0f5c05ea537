//! `mac`: addresses of network interfaces.

use super::feistel::Permutation;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static MAC: Function = Function {
    name: "mac",
    summary: "Replace a MAC address by another, one to one; whether it is a group's and whether it is locally administered \
              stays, and so does its spelling; there are 2⁴⁶ of a kind, or 2⁶² of eight bytes",
    parameters: &[Parameter {
        name: "keep_oui",
        help: "`true` to keep the first three bytes, which tell the maker; default `false`. There are 2²⁴ of a maker, or \
               2⁴⁰ of eight bytes",
    }],
    example: Example {
        rule: r#""mac""#,
        ty: PgType::Macaddr,
        input: "08:00:2b:01:02:03",
        output: Some("4c:b9:a4:30:51:7d"),
    },
    domain: "mac",
    domain_by: None,
    takes: |ty| matches!(ty.base(), PgType::Macaddr | PgType::Macaddr8) || ty.is_text(),
    takes_text: "`macaddr`, `macaddr8`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Permutes the bits of an address but the two lowest of its first byte (IEEE 802, clause 8.2), or but its first bytes.
struct Mac {
    six: Permutation,
    eight: Permutation,
    keeps_oui: bool,
    /// Whether values that differ in case are equal.
    ignores_case: bool,
}

impl Mac {
    fn apply(&self, address: u64, bytes: u32) -> u64 {
        let permutation = if bytes == 6 { &self.six } else { &self.eight };
        if self.keeps_oui {
            let rest = (1 << (8 * bytes - 24)) - 1;
            return address & !rest | permutation.of(u128::from(address & rest)) as u64;
        }
        // The two bits are moved out of the way and back again.
        let below = 8 * (bytes - 1);
        let low = (1 << below) - 1;
        let packed = address >> (below + 2) << below | address & low;
        let permuted = permutation.of(u128::from(packed)) as u64;
        permuted >> below << (below + 2) | address & (0b11 << below) | permuted & low
    }
}

impl TextMask for Mac {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let (mut address, mut digits, mut separators) = (0u64, 0, 0);
        let (mut upper, mut lower) = (false, false);
        for (at, byte) in value.bytes().enumerate() {
            match char::from(byte).to_digit(16) {
                Some(digit) if digits < 16 => {
                    address = address << 4 | u64::from(digit);
                    digits += 1;
                }
                None if b":-.".contains(&byte) && at > 0 && digits % 2 == 0 && digits > 0 => separators += 1,
                _ => return Err(INVALID),
            }
            upper |= byte.is_ascii_uppercase();
            lower |= byte.is_ascii_lowercase();
        }
        if !matches!(digits, 12 | 16) || separators >= digits / 2 || upper && lower && !self.ignores_case {
            return Err(INVALID);
        }
        let result = self.apply(address, digits / 2);
        let figures: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut shift = 4 * digits;
        out.extend(value.chars().map(|character| match character.is_ascii_hexdigit() {
            false => character,
            true => {
                shift -= 4;
                char::from(figures[(result >> shift) as usize & 15])
            }
        }));
        Ok(())
    }
}

const INVALID: &str = "is not a MAC address of 6 or 8 bytes";

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let keeps_oui = build.parameters.flag("keep_oui")?;
    let bits = |bytes: u32| if keeps_oui { 8 * bytes - 24 } else { 8 * bytes - 2 };
    let permutation = |bytes| Permutation::new(build.key, 1 << bits(bytes));
    let mask = Mac {
        six: permutation(6),
        eight: permutation(8),
        keeps_oui,
        ignores_case: *build.ty.base() == PgType::Citext,
    };
    // As text, two spellings of an address are two values, and what they become may have no letter to tell them apart.
    let uniqueness = match build.ty.is_text() {
        false => Uniqueness::Injective,
        true => Uniqueness::Bits(f64::from(bits(6))),
    };
    let max_chars = build.ty.is_text().then_some(23);
    Ok(Built::text(mask, uniqueness, build.ty.max_chars().or(max_chars).map(|chars| chars.min(23))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn the_kind_and_the_spelling_stay() {
        let mask = Tester::new(&MAC, "", PgType::Text);
        let plain = mask.masked("08002b010203").unwrap();
        assert_ne!(plain, "08002b010203");
        for (value, separator) in
            [("08:00:2b:01:02:03", ':'), ("08-00-2B-01-02-03", '-'), ("0800.2b01.0203", '.')]
        {
            let result = mask.masked(value).unwrap();
            assert_eq!(result.to_lowercase().replace(separator, ""), plain);
            assert_eq!(result.find(separator), value.find(separator));
        }
        for first in 0..256u32 {
            let result = mask.masked(&format!("{first:02x}:00:2b:01:02:03:04:05")).unwrap();
            assert_eq!(u32::from_str_radix(&result[..2], 16).unwrap() & 3, first & 3);
        }
        let kept = Tester::new(&MAC, "keep_oui = true", PgType::Macaddr);
        assert!(kept.masked("08:00:2b:01:02:03").unwrap().starts_with("08:00:2b:"));
    }

    #[test]
    fn addresses_stay_different() {
        let mask = Tester::new(&MAC, "", PgType::Macaddr);
        let results: std::collections::BTreeSet<_> = (0..20_000)
            .map(|n: u32| {
                mask.masked(&format!("{:02x}:00:00:00:{:02x}:{:02x}", n >> 16, n >> 8 & 255, n & 255))
                    .unwrap()
            })
            .collect();
        assert_eq!(results.len(), 20_000);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let mask = Tester::new(&MAC, "", PgType::Text);
        for value in [
            "",
            "08:00:2b:01:02",
            "08:00:2b:01:02:0g",
            "8:00:2b:01:02:030",
            ":08002b010203",
            "08:00:2B:01:02:0a",
            "é",
        ] {
            assert_eq!(mask.masked(value), Err(INVALID), "{value}");
        }
    }
}
