//! `digits`: `fpe` over the decimal digits, for account numbers and the like.

use super::fpe::{Alphabet, Fpe, KEEP_FIRST, KEEP_LAST, SMALL_DOMAIN, built};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static DIGITS: Function = Function {
    name: "digits",
    summary: "Encrypt the digits of a value to others (FF1), one to one; all other characters stay in \
              place; n digits have 10ⁿ values",
    parameters: &[KEEP_FIRST, KEEP_LAST, SMALL_DOMAIN],
    example: Example {
        rule: r#""digits""#,
        ty: PgType::Text,
        input: "PT-0012-3456",
        output: Some("PT-7890-0477"),
    },
    domain: "digits",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| Ok(built(Fpe::new(build, Alphabet::digits())?, build)),
};
