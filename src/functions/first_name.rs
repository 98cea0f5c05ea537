//! `first_name`: a given name from a word list.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::words::{LOCALE, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static FIRST_NAME: Function = Function {
    name: "first_name",
    summary: "Replace a given name by another",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example { rule: r#""first_name""#, ty: PgType::Text, input: "Ana", output: Some("Lincoln") },
    domain: "first_name",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let names = Choice::Words(locale(build.parameters)?.first_names);
        PhraseMask::build(build, "{FirstName}", vec![Slot { name: "FirstName", draw: 0, choice: names }])
    },
};
