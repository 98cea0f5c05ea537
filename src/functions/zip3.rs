//! `zip3`: a United States ZIP code, but its first three digits.

use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static ZIP3: Function = Function {
    name: "zip3",
    summary: "Keep the first three digits of a United States ZIP code and make the others 0; all of them where the \
              three stand for 20,000 people or fewer",
    parameters: &[],
    example: Example { rule: r#""zip3""#, ty: PgType::Text, input: "94105-2201", output: Some("94100-0000") },
    domain: "zip3",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The first three digits of the areas in which 20,000 people or fewer lived at the census of 2000 (Department of Health
/// and Human Services, Guidance Regarding Methods for De-identification of Protected Health Information, 2012, on 45 CFR
/// § 164.514(b)(2)(i)(B)).
const SPARSE: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878", "879", "884",
    "890", "893",
];

struct Zip3;

impl TextMask for Zip3 {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        let is_code = matches!(digits, 5 | 9)
            && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b' '))
            && value.as_bytes()[..3].iter().all(u8::is_ascii_digit);
        if !is_code {
            return Err("is not a ZIP code of 5 or 9 digits");
        }
        let area = if SPARSE.contains(&&value[..3]) { "000" } else { &value[..3] };
        out.push_str(area);
        out.extend(
            value[3..].chars().map(|character| if character.is_ascii_digit() { '0' } else { character }),
        );
        Ok(())
    }
}

fn build(_build: &Build<'_>) -> Result<Built, Refusal> {
    Ok(Built::text(Zip3, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(value: &str) -> Result<String, &'static str> {
        let mut out = String::new();
        Zip3.mask(value, b"", &mut out).map(|()| out)
    }

    #[test]
    fn three_digits_stay_unless_few_live_there() {
        assert_eq!(masked("94105").unwrap(), "94100");
        assert_eq!(masked("03601-1234").unwrap(), "00000-0000");
        assert_eq!(masked("893011234").unwrap(), "000000000");
    }

    #[test]
    fn what_is_no_zip_code_is_refused() {
        for value in ["", "941", "SW1A 1AA", "9410", "94105-22", "9 4105"] {
            assert!(masked(value).is_err() || value == "{value}");
        }
        assert!(masked("9-4105").is_err());
    }
}
