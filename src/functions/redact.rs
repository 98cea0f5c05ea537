//! `redact`: a filler of like length.

use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static REDACT: Function = Function {
    name: "redact",
    summary: "Replace every character but white space by `x`, so that only the text's layout is left",
    parameters: &[],
    example: Example {
        rule: r#""redact""#,
        ty: PgType::Text,
        input: "Call Ana at 9.",
        output: Some("xxxx xxx xx xx"),
    },
    domain: "redact",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| Ok(Built::text(Redact, Uniqueness::None, build.ty.max_chars())),
};

struct Redact;

impl TextMask for Redact {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        fill(value, out);
        Ok(())
    }
}

/// Appends as many characters as `text` has: white space as it is, `x` for all else.
pub fn fill(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if c.is_whitespace() { c } else { 'x' }));
}
