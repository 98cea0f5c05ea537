//! `passport`: numbers of passports.

use super::document::{Country, PATTERN, SMALL_DOMAIN, built};
use super::{Example, Function, Parameter, TEXT_TYPES};
use crate::schema::PgType;

pub static PASSPORT: Function = Function {
    name: "passport",
    summary: "Replace a passport's number by another of the same shape, one to one; a shape has ten numbers for each digit \
              and 26 for each letter",
    parameters: &[
        Parameter {
            name: "country",
            help: "the two letters of the country whose numbers these all are, so that any other is invalid: AU, BR, CA, \
                   CN, DE, ES, FR, GB, IN, IT, JP, NL, PL, US",
        },
        PATTERN,
        SMALL_DOMAIN,
    ],
    example: Example {
        rule: r#""passport""#,
        ty: PgType::Text,
        input: "YA1234567",
        output: Some("MK9674006"),
    },
    domain: "passport",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| built(build, COUNTRIES, "is not a passport number of the country or pattern"),
};

/// As the countries' passport offices and the EU's PRADO show them.
const COUNTRIES: &[Country] = &[
    Country { name: "AU", patterns: &["A9999999", "[PR]A9999999"] },
    Country { name: "BR", patterns: &["AA999999"] },
    Country { name: "CA", patterns: &["AA999999", "A999999AA"] },
    Country { name: "CN", patterns: &["[EGDSPH]99999999", "E[A-HJ-NP-Z]9999999"] },
    Country {
        name: "DE",
        patterns: &[
            "[CFGHJK][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z]",
        ],
    },
    Country { name: "ES", patterns: &["AAA999999", "AA999999"] },
    Country { name: "FR", patterns: &["99AA99999"] },
    Country { name: "GB", patterns: &["999999999"] },
    Country { name: "IN", patterns: &["A9999999"] },
    Country { name: "IT", patterns: &["AA9999999"] },
    Country { name: "JP", patterns: &["AA9999999"] },
    Country {
        name: "NL",
        patterns: &["[A-NP-Z][A-NP-Z][0-9A-NP-Z][0-9A-NP-Z][0-9A-NP-Z][0-9A-NP-Z][0-9A-NP-Z][0-9A-NP-Z]9"],
    },
    Country { name: "PL", patterns: &["AA9999999"] },
    Country { name: "US", patterns: &["999999999", "A99999999"] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Uniqueness;
    use crate::functions::test_support::Tester;

    #[test]
    fn the_shape_stays() {
        let mask = Tester::new(&PASSPORT, "", PgType::Text);
        assert_eq!(mask.uniqueness, Uniqueness::Injective);
        let result = mask.masked("ab 123456-C").unwrap();
        let shape = |text: &str| -> String {
            text.chars()
                .map(|c| {
                    if c.is_ascii_digit() {
                        '9'
                    } else if c.is_ascii_lowercase() {
                        'a'
                    } else if c.is_ascii_uppercase() {
                        'A'
                    } else {
                        c
                    }
                })
                .collect()
        };
        assert_eq!(shape(&result), "aa 999999-A");
        assert_eq!(
            mask.masked("12-34").unwrap_err(),
            "has so few letters and digits that there are fewer than 10^6 such values"
        );
    }

    #[test]
    fn a_country_or_pattern_bounds_the_numbers() {
        let mask = Tester::new(&PASSPORT, "country = 'US'", PgType::Text);
        assert!(mask.masked("A12345678").unwrap().starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(mask.masked("AB1234567").is_err());
        let mask = Tester::new(&PASSPORT, "pattern = ['AA999999', '9999999X']", PgType::Text);
        assert!(mask.masked("1234567A").is_ok() && mask.masked("ABC12345").is_err());
        for country in COUNTRIES {
            Tester::new(&PASSPORT, &format!("country = '{}'", country.name), PgType::Text);
        }
        let refused = |rule: &str| Tester::refused(&PASSPORT, rule, PgType::Text);
        assert!(refused("country = 'XX'").contains("no choice"));
        assert!(refused("country = 'US'\npattern = 'A9'").contains("both"));
        assert!(refused("pattern = 'A9'").contains("260 numbers"));
        assert!(refused("pattern = 'A99999999#'").contains("check character"));
        assert!(refused("pattern = []").contains("neither"));
    }
}
