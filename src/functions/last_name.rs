//! `last_name`: a family name from a word list.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static LAST_NAME: Function = Function {
    name: "last_name",
    summary: "Replace a family name by another",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example { rule: r#""last_name""#, ty: PgType::Text, input: "Silva", output: Some("Champlin") },
    domain: "last_name",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let names = Choice::Words(distinct(locale(build.parameters)?.last_names));
        PhraseMask::build(build, "{LastName}", vec![Slot { name: "LastName", draw: 1, choice: names }])
    },
};
