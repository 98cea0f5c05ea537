//! `ssn`: United States social security numbers that are nobody's.

use super::draws::place;
use super::national_id::SSN as SCHEME;
use super::scheme::Numbers;
use super::spelling::{SEPARATORS, Spelling};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static SSN: Function = Function {
    name: "ssn",
    summary: "Replace a US social security number by one that is never issued and is nobody's (area 900 to 999 with a \
              group that taxpayer numbers do not have); separators stay",
    parameters: &[Parameter {
        name: "unique",
        help: "`true` to replace it one to one, so that it may be used on a unique column: any of the 888,931,098 numbers \
               that can be issued by any other of them, which may be somebody's; default `false`: one of 5,399,460",
    }],
    example: Example {
        rule: r#""ssn""#,
        ty: PgType::Text,
        input: "536-90-4399",
        output: Some("986-27-0757"),
    },
    domain: "ssn",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The groups of area 9xx that are no taxpayer's either: those have 50 to 65, 70 to 88, 90 to 92 and 94 to 99 (ITIN), and
/// 93 (ATIN), by IRS Publication 1915 and Form W-7A. Area 9xx is never issued (SSA, POMS RM 10201.035).
const GROUPS: [u32; 54] = groups();

const fn groups() -> [u32; 54] {
    let mut groups = [0; 54];
    let (mut group, mut len) = (1, 0);
    while group < 100 {
        if matches!(group, 1..=49 | 66..=69 | 89) {
            groups[len] = group;
            len += 1;
        }
        group += 1;
    }
    groups
}

struct NeverIssued {
    key: DomainKey,
}

const INVALID: &str = "is not nine digits, as a social security number is";

impl TextMask for NeverIssued {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut spelling = Spelling::read(value, SEPARATORS, false).ok_or(INVALID)?;
        let number: &mut [u8; 9] = spelling.chars().try_into().map_err(|_| INVALID)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return Err(INVALID);
        }
        // Numbers are the subject, so that separators do not count.
        let digest = match subject == value.as_bytes() {
            true => self.key.prf(number),
            false => self.key.prf(subject),
        };
        let before = *number;
        let mut serial = place(&digest, 2, 9999) as u32;
        loop {
            let (area, group) =
                (900 + place(&digest, 0, 100) as u32, GROUPS[place(&digest, 1, GROUPS.len())]);
            let mut rest = area * 1_000_000 + group * 10_000 + 1 + serial % 9999;
            for digit in number.iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            if *number != before {
                break;
            }
            serial += 1;
        }
        spelling.write(out);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    if build.parameters.flag("unique")? {
        return Ok(Numbers::of(&SCHEME, build).built(build));
    }
    let bits = f64::log2(100.0 * GROUPS.len() as f64 * 9999.0);
    Ok(Built::text(NeverIssued { key: build.key.clone() }, Uniqueness::Bits(bits), build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_number_becomes_one_that_is_never_issued() {
        let mask = Tester::new(&SSN, "", PgType::Text);
        for serial in 1..2000 {
            let result = mask.masked(&format!("536-90-{serial:04}")).unwrap();
            let (group, last) = (result[4..6].parse::<u32>().unwrap(), &result[7..]);
            assert!(result.starts_with('9') && GROUPS.contains(&group) && last != "0000", "{result}");
        }
        assert_eq!(GROUPS[53], 89);
        let separated = mask.masked("536-90-4399").unwrap();
        assert_eq!(mask.masked("536904399").unwrap(), separated.replace('-', ""));
    }

    #[test]
    fn a_unique_number_stays_one_that_can_be_issued() {
        let mask = Tester::new(&SSN, "unique = true", PgType::Text);
        assert_eq!(mask.uniqueness, Uniqueness::Injective);
        for serial in 1..500 {
            let result = mask.masked(&format!("536-90-{serial:04}")).unwrap();
            assert!(!result.starts_with('9') && !result.starts_with("000") && !result.starts_with("666"));
        }
        for value in ["", "536-90-439", "536-90-439x"] {
            assert_eq!(mask.masked(value), Err(INVALID));
        }
    }
}
