//! `keep`: the decision that a column holds nothing to mask.

use super::{Built, Example, Function, Masking, Uniqueness};
use crate::schema::PgType;

pub static KEEP: Function = Function {
    name: "keep",
    summary: "Leave values as they are",
    parameters: &[],
    example: Example { rule: r#""keep""#, ty: PgType::Text, input: "blue", output: Some("blue") },
    domain: "keep",
    domain_by: None,
    takes: |_| true,
    takes_text: "any type",
    build: |_| {
        Ok(Built {
            masking: Masking::Keep,
            uniqueness: Uniqueness::Injective,
            max_chars: None,
            inputs: Vec::new(),
        })
    },
};
