//! `street_address`: a house number and an invented street.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::places::ADDRESS;
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static STREET_ADDRESS: Function = Function {
    name: "street_address",
    summary: "Replace a street address by an invented one",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""street_address""#,
        ty: PgType::Text,
        input: "12 Rua Augusta",
        output: Some("641 Berge Mall"),
    },
    domain: "street_address",
    domain_by: Some(ADDRESS),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let words = locale(build.parameters)?;
        let slots = vec![
            Slot { name: "Number", draw: 0, choice: Choice::Number(999) },
            Slot { name: "StreetName", draw: 1, choice: Choice::Words(distinct(words.last_names)) },
            Slot { name: "StreetSuffix", draw: 2, choice: Choice::Words(distinct(words.street_suffixes)) },
        ];
        PhraseMask::build(build, &format!("{{Number}} {}", words.street), slots)
    },
};
