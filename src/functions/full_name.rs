//! `full_name`: a given and a family name, in the order of the locale.

use super::genders::{GENDER, GENDER_FROM};
use super::phrase::{Choice, GivenNameMask, MAX_LENGTH, Slot};
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static FULL_NAME: Function = Function {
    name: "full_name",
    summary: "Replace a person's whole name by another",
    parameters: &[GENDER, GENDER_FROM, LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""full_name""#,
        ty: PgType::Text,
        input: "Ana Silva",
        output: Some("Dennis Cole"),
    },
    domain: "full_name",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let words = locale(build.parameters)?;
        GivenNameMask::build(build, words, words.full_name, |names| {
            vec![
                Slot { name: "FirstName", draw: 0, choice: Choice::Words(names) },
                Slot { name: "LastName", draw: 1, choice: Choice::Words(distinct(words.last_names)) },
            ]
        })
    },
};
