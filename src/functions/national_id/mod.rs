//! `national_id`: identifiers that countries give people and firms. Each country is a file here.

mod ar;
mod au;
mod be;
mod br;
mod ca;
mod ch;
mod cl;
mod cn;
mod de;
mod dk;
mod es;
mod fi;
mod fr;
mod gb;
mod il;
mod in_;
mod it;
mod kr;
mod mx;
mod nl;
mod no;
mod pl;
mod pt;
mod se;
mod steuer_id;
mod tr;
mod us;
mod za;

use super::scheme::{Numbers, Scheme};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES};
use crate::nearest::did_you_mean;
use crate::schema::PgType;

pub static NATIONAL_ID: Function = Function {
    name: "national_id",
    summary: "Replace a number that a country gives people or firms by another that is valid, one to one, separators \
              kept; it may be somebody's, and nothing that the number says, such as a birth date, stays; \
              there are as many as the scheme has: of a Dutch BSN 91 million, of a German tax number 330 million",
    parameters: &[
        Parameter {
            name: "country",
            help: "the two letters of the country (ISO 3166): AR, AU, BE, BR, CA, CH, CL, CN, DE, DK, ES, FI, FR, GB, IL, \
                   IN, IT, KR, MX, NL, NO, PL, PT, SE, TR, US, ZA; required",
        },
        Parameter {
            name: "kind",
            help: "which of the country's numbers: BR \"cpf\" or \"cnpj\"; DE \"steuer_id\" or \"personalausweis\"; ES \
                   \"dni\" (with NIE) or \"cif\"; GB \"nino\" or \"nhs\"; IN \"aadhaar\" or \"pan\"; IT \"codice_fiscale\" or \
                   \"partita_iva\"; US \"ssn\", \"itin\" or \"ein\"; default the first; other countries have one",
        },
    ],
    example: Example {
        rule: r#"{ fn = "national_id", country = "NL" }"#,
        ty: PgType::Text,
        input: "1112.22.333",
        output: Some("5495.13.140"),
    },
    domain: "national_id",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The schemes of each country, the usual one first.
static COUNTRIES: &[(&str, &[&Scheme])] = &[
    ("AR", &[&ar::CUIT]),
    ("AU", &[&au::TFN]),
    ("BE", &[&be::NATIONAL_NUMBER]),
    ("BR", &[&br::CPF, &br::CNPJ]),
    ("CA", &[&ca::SIN]),
    ("CH", &[&ch::AHV]),
    ("CL", &[&cl::RUT]),
    ("CN", &[&cn::RESIDENT_ID]),
    ("DE", &[&de::STEUER_ID, &de::PERSONALAUSWEIS]),
    ("DK", &[&dk::CPR]),
    ("ES", &[&es::DNI, &es::CIF]),
    ("FI", &[&fi::HETU]),
    ("FR", &[&fr::NIR]),
    ("GB", &[&gb::NINO, &gb::NHS]),
    ("IL", &[&il::ID]),
    ("IN", &[&in_::AADHAAR, &in_::PAN]),
    ("IT", &[&it::CODICE_FISCALE, &it::PARTITA_IVA]),
    ("KR", &[&kr::RRN]),
    ("MX", &[&mx::CURP]),
    ("NL", &[&nl::BSN]),
    ("NO", &[&no::FODSELSNUMMER]),
    ("PL", &[&pl::PESEL]),
    ("PT", &[&pt::NIF]),
    ("SE", &[&se::PERSONNUMMER]),
    ("TR", &[&tr::TCKN]),
    ("US", &[&us::SSN, &us::ITIN, &us::EIN]),
    ("ZA", &[&za::ID]),
];

pub use it::check_letter as italian_check;
pub use us::SSN;

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let names = || COUNTRIES.iter().map(|(name, _)| *name);
    let Some(country) = build.parameters.text("country")? else {
        let names: Vec<&str> = names().collect();
        return Err(Refusal::new("`national_id` has no `country`")
            .hint(format!("add `country`, one of {}", names.join(", "))));
    };
    let Some((_, schemes)) = COUNTRIES.iter().find(|(name, _)| *name == country) else {
        let hint = did_you_mean(country, names());
        return Err(Refusal::new(format!("`country` has no choice `{country}`"))
            .hint(hint.unwrap_or_else(|| "use `check_digit` with its pattern, or `fpe`".into())));
    };
    let kinds: Vec<(&'static str, &'static Scheme)> =
        schemes.iter().map(|scheme| (scheme.name, *scheme)).collect();
    let scheme = build.parameters.choice("kind", &kinds)?.unwrap_or(schemes[0]);
    Ok(Numbers::of(scheme, build).built(build))
}

/// Whether the ASCII digits of a month and a day can be a date of some year.
fn is_date(month: u32, day: u32) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The number that ASCII digits are.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
}

/// The two digits of a number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// The date that the six digits of a year, a month and a day begin with, is one.
fn starts_with_date(digits: &[u8]) -> bool {
    is_date(number(&digits[2..4]) as u32, number(&digits[4..6]) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Uniqueness;
    use crate::functions::test_support::Tester;

    /// Checks that every one of `valid` becomes another valid number of the same spelling, and that every one of
    /// `invalid` is refused.
    #[track_caller]
    pub fn check(country: &str, kind: &str, valid: &[&str], invalid: &[&str]) {
        let rule = format!("country = '{country}'\nkind = '{kind}'");
        let mask = Tester::new(&NATIONAL_ID, &rule, PgType::Text);
        assert_eq!(mask.uniqueness, Uniqueness::Injective);
        for value in valid {
            let result = mask.masked(value).unwrap_or_else(|reason| panic!("{value} {reason}"));
            assert_ne!(result, *value);
            let again = mask
                .masked(&result)
                .unwrap_or_else(|reason| panic!("{value} became {result}, which {reason}"));
            assert_ne!(again, result);
            let separators = |text: &str| -> Vec<(usize, char)> {
                text.char_indices().filter(|(_, c)| !c.is_ascii_alphanumeric()).collect()
            };
            assert_eq!(separators(&result), separators(value));
        }
        for value in invalid {
            assert!(mask.masked(value).is_err(), "{value}");
        }
    }

    #[test]
    fn every_scheme_is_one_to_one_and_keeps_lower_case_apart() {
        for (country, schemes) in COUNTRIES {
            for scheme in *schemes {
                let rule = format!("country = '{country}'\nkind = '{}'", scheme.name);
                let mask = Tester::new(&NATIONAL_ID, &rule, PgType::Text);
                // Start somewhere in the scheme and follow results, which are numbers of it again: no two are equal.
                let Some(mut value) = start(scheme) else { panic!("{}", scheme.name) };
                let mut seen = std::collections::BTreeSet::new();
                for _ in 0..300 {
                    assert!(seen.insert(value.clone()), "{country} {}", scheme.name);
                    value = mask.masked(&value).unwrap();
                }
            }
        }
    }

    /// Some number of the first form of a scheme, found by trying.
    fn start(scheme: &Scheme) -> Option<String> {
        use crate::functions::feistel::Feistel;
        use crate::functions::layout::{Permuter, Walk, walk};
        let feistel = Feistel::new(&crate::key::MasterKey::from_bytes(vec![1; 32]).unwrap().domain("start"));
        let permuter = Permuter::new(scheme.layouts().next()?, &feistel);
        let mut number = permuter.layout.first();
        let start = Walk { permuter: &permuter, ranks: permuter.layout.rank(&number)?, chars: &mut number };
        walk(&feistel, &mut [start], |_, number| (scheme.complete)(0, number));
        String::from_utf8(number).ok()
    }

    #[test]
    fn an_unknown_country_or_kind_is_refused() {
        let refused = |rule: &str| Tester::refused(&NATIONAL_ID, rule, PgType::Text);
        assert!(refused("").contains("no `country`"));
        assert!(refused("country = 'nl'").contains("no choice `nl`"));
        assert!(refused("country = 'US'\nkind = 'nino'").contains("no choice `nino`"));
    }
}
