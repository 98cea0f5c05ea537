//! `full_name`: a given and a family name, in the order of the locale.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::words::{LOCALE, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static FULL_NAME: Function = Function {
    name: "full_name",
    summary: "Replace a person's whole name by another",
    parameters: &[LOCALE, MAX_LENGTH],
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
        let slots = vec![
            Slot { name: "FirstName", draw: 0, choice: Choice::Words(words.first_names) },
            Slot { name: "LastName", draw: 1, choice: Choice::Words(words.last_names) },
        ];
        PhraseMask::build(build, words.full_name, slots)
    },
};
