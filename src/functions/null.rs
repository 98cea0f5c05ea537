//! `null`: nothing is left of a value.

use super::{Built, Example, Function, Masking, Uniqueness};
use crate::schema::PgType;

pub static NULL: Function = Function {
    name: "null",
    summary: "Replace every value by NULL",
    parameters: &[],
    example: Example { rule: r#""null""#, ty: PgType::Text, input: "likes tea", output: None },
    domain: "null",
    domain_by: None,
    takes: |_| true,
    takes_text: "any type",
    build: |_| Ok(built()),
};

/// What makes every value NULL.
pub fn built() -> Built {
    Built { masking: Masking::Null, uniqueness: Uniqueness::None, max_chars: None, inputs: Vec::new() }
}
