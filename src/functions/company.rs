//! `company`: an invented company.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static COMPANY: Function = Function {
    name: "company",
    summary: "Replace a company by an invented one",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""company""#,
        ty: PgType::Text,
        input: "Acme Ltd",
        output: Some("Ebert Group"),
    },
    domain: "company",
    domain_by: Some("company"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let words = locale(build.parameters)?;
        let slots = vec![
            Slot { name: "Name_1", draw: 0, choice: Choice::Words(distinct(words.last_names)) },
            Slot { name: "Suffix", draw: 1, choice: Choice::Words(distinct(words.company_suffixes)) },
        ];
        PhraseMask::build(build, words.company, slots)
    },
};
