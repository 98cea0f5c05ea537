//! `driving_licence`: numbers of driving licences.

use super::document::{Country, PATTERN, SMALL_DOMAIN, built};
use super::{Example, Function, Parameter, TEXT_TYPES};
use crate::schema::PgType;

pub static DRIVING_LICENCE: Function = Function {
    name: "driving_licence",
    summary: "Replace a driving licence's number by another of the same shape, one to one; a shape has ten numbers for \
              each digit and 26 for each letter",
    parameters: &[
        Parameter {
            name: "country",
            help: "where these all are from, so that any other number is invalid: AU-NSW, AU-VIC, CA-ON, CA-QC, DE, ES, FR, \
                   GB, IN, IT, NL, US-CA, US-FL, US-IL, US-MI, US-NJ, US-NY, US-OH, US-PA, US-TX, US-WA",
        },
        PATTERN,
        SMALL_DOMAIN,
    ],
    example: Example {
        rule: r#""driving_licence""#,
        ty: PgType::Text,
        input: "D123-4567-8901",
        output: Some("W163-0192-7989"),
    },
    domain: "driving_licence",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| built(build, COUNTRIES, "is not a driving licence's number of the country or pattern"),
};

/// As the licensing authorities and the AAMVA's tables show them. Great Britain's begin with the surname, filled with 9s,
/// and the date of birth, with 5 more in the month for women.
const COUNTRIES: &[Country] = &[
    Country { name: "AU-NSW", patterns: &["99999999"] },
    Country { name: "AU-VIC", patterns: &["9999999999", "999999999"] },
    Country { name: "CA-ON", patterns: &["A99999999999999"] },
    Country { name: "CA-QC", patterns: &["A999999999999"] },
    Country { name: "DE", patterns: &["[A-Z0-9]99[A-Z0-9]99999[0-9X][A-Z0-9]"] },
    Country { name: "ES", patterns: &["99999999A", "[XYZ]9999999A"] },
    Country { name: "FR", patterns: &["999999999999", "99AA99999"] },
    Country {
        name: "GB",
        patterns: &[
            "AAAAA9{01-12}{01-31}9A[A-Z9][0-9]AA",
            "AAAAA9{51-62}{01-31}9A[A-Z9][0-9]AA",
            "AAAA\\99{01-12}{01-31}9A[A-Z9][0-9]AA",
            "AAAA\\99{51-62}{01-31}9A[A-Z9][0-9]AA",
            "AAA\\9\\99{01-12}{01-31}9A[A-Z9][0-9]AA",
            "AAA\\9\\99{51-62}{01-31}9A[A-Z9][0-9]AA",
            "AA\\9\\9\\99{01-12}{01-31}9A[A-Z9][0-9]AA",
            "AA\\9\\9\\99{51-62}{01-31}9A[A-Z9][0-9]AA",
        ],
    },
    Country { name: "IN", patterns: &["AA9999999999999"] },
    Country { name: "IT", patterns: &["AA9999999A", "U1XXXXXXXA"] },
    Country { name: "NL", patterns: &["9999999999"] },
    Country { name: "US-CA", patterns: &["A9999999"] },
    Country { name: "US-FL", patterns: &["A999999999999"] },
    Country { name: "US-IL", patterns: &["A99999999999"] },
    Country { name: "US-MI", patterns: &["A999999999999"] },
    Country { name: "US-NJ", patterns: &["A99999999999999"] },
    Country { name: "US-NY", patterns: &["999999999"] },
    Country { name: "US-OH", patterns: &["AA999999"] },
    Country { name: "US-PA", patterns: &["99999999"] },
    Country { name: "US-TX", patterns: &["99999999"] },
    Country { name: "US-WA", patterns: &["WDLXXXXXXXXX", "[A-Z*][A-Z*][A-Z*][A-Z*][A-Z*][A-Z*][A-Z*]999XX"] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn numbers_of_every_country_become_others() {
        for (country, value) in [
            ("GB", "MORGA657054SM9IJ"),
            ("GB", "FOX99 753116 SM9 IJ"),
            ("US-CA", "I1234568"),
            ("US-FL", "G544-061-73-925-0"),
            ("US-WA", "WDLABCD456DG"),
            ("DE", "B072RRE2I55"),
        ] {
            let mask = Tester::new(&DRIVING_LICENCE, &format!("country = '{country}'"), PgType::Text);
            if country == "DE" {
                assert!(mask.masked(value).is_err());
                continue;
            }
            let result = mask.masked(value).unwrap_or_else(|reason| panic!("{value} {reason}"));
            assert!(result != value && mask.masked(&result).is_ok(), "{result}");
        }
        for country in COUNTRIES {
            Tester::new(&DRIVING_LICENCE, &format!("country = '{}'", country.name), PgType::Text);
        }
    }
}
