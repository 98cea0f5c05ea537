//! `mac`: addresses of network interfaces.

use super::feistel::{Feistel, Lane, Size};
use super::replaced::push_replaced;
use super::results::Results;
use super::text::{Given, LANES};
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
        output: Some("b4:a1:1f:9e:77:83"),
    },
    domain: "mac",
    domain_by: None,
    takes: |ty| matches!(ty.base(), PgType::Macaddr | PgType::Macaddr8) || ty.is_text(),
    takes_text: "`macaddr`, `macaddr8`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Permutes the bits of an address but the two lowest of its first byte (IEEE 802, clause 8.2), or but its first bytes.
struct Mac {
    feistel: Feistel,
    six: Size,
    eight: Size,
    keeps_oui: bool,
    /// Whether values that differ in case are equal.
    ignores_case: bool,
}

/// An address, and whether its letters are in upper case.
#[derive(Clone, Copy)]
struct Read {
    address: u64,
    bytes: u32,
    is_upper: bool,
}

impl Mac {
    fn read(&self, value: &str) -> Result<Read, &'static str> {
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
        Ok(Read { address, bytes: digits / 2, is_upper: upper })
    }

    /// The bits of an address that are permuted, as a number.
    fn lane(&self, read: &Read) -> Lane<'_> {
        let size = if read.bytes == 6 { &self.six } else { &self.eight };
        let number = match self.keeps_oui {
            true => read.address & low_bits(8 * read.bytes - 24),
            // The two bits are moved out of the way and back again.
            false => {
                let below = 8 * (read.bytes - 1);
                read.address >> (below + 2) << below | read.address & low_bits(below)
            }
        };
        Lane { size, number: number.into() }
    }

    /// Appends the address with those bits replaced, as `value` is spelled.
    fn write(&self, read: &Read, permuted: u128, value: &str, out: &mut String) {
        let (permuted, below) = (permuted as u64, 8 * (read.bytes - 1));
        let result = match self.keeps_oui {
            true => read.address & !low_bits(8 * read.bytes - 24) | permuted,
            false => {
                permuted >> below << (below + 2) | read.address & (0b11 << below) | permuted & low_bits(below)
            }
        };
        let figures: &[u8; 16] = if read.is_upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        let mut shift = 8 * read.bytes;
        push_replaced(value, out, |byte| match byte.is_ascii_hexdigit() {
            false => byte,
            true => {
                shift -= 4;
                figures[(result >> shift) as usize & 15]
            }
        });
    }
}

fn low_bits(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl TextMask for Mac {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let read = self.read(value)?;
        let mut lane = [self.lane(&read)];
        self.feistel.apply(&mut lane);
        self.write(&read, lane[0].number, value, out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut addresses = [Err(INVALID); LANES];
        addresses.iter_mut().zip(values).for_each(|(address, given)| *address = self.read(given.value));
        let mut lanes: Vec<Lane<'_>> = Vec::with_capacity(LANES);
        lanes.extend(addresses[..values.len()].iter().flatten().map(|read| self.lane(read)));
        self.feistel.apply(&mut lanes);
        let mut permuted = lanes.into_iter().map(|lane| lane.number);
        for (read, given) in addresses.into_iter().zip(values) {
            results.push(|out| {
                let read = read?;
                self.write(&read, permuted.next().expect("one a valid address"), given.value, out);
                Ok(())
            });
        }
    }
}

const INVALID: &str = "is not a MAC address of 6 or 8 bytes";

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let keeps_oui = build.parameters.flag("keep_oui")?;
    let bits = |bytes: u32| if keeps_oui { 8 * bytes - 24 } else { 8 * bytes - 2 };
    let feistel = Feistel::new(build.key);
    let mask = Mac {
        six: feistel.size(1 << bits(6)),
        eight: feistel.size(1 << bits(8)),
        feistel,
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
