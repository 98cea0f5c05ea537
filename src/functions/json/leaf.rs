//! What a rule makes of a leaf: a string, a number, `true`, `false` or `null`.

use super::reader::{is_number, push_string};
use crate::functions::nested::{Nested, PART_TYPES, Part};
use crate::functions::row::{Input, Row};
use crate::functions::{Build, Refusal};
use crate::schema::PgType;

/// The rule of a path, made ready for each kind of leaf that its function takes.
pub struct LeafRule {
    string: Option<Nested>,
    number: Option<Nested>,
    boolean: Option<Nested>,
}

/// A leaf, unescaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// A string.
    String(&'a str),
    /// A number as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(&'static str),
    /// `null`.
    Null,
}

/// The types as which numbers are masked: the first that a function takes. As a text, a number becomes a string.
const NUMBER_TYPES: &[PgType] =
    &[PgType::Numeric(None), PgType::Int8, PgType::Int4, PgType::Float8, PgType::Text];

impl LeafRule {
    /// Makes `rule` ready; the columns that it asks for are added to `inputs`.
    ///
    /// # Errors
    /// Its function refuses it for strings and for numbers.
    pub fn new(build: &Build<'_>, rule: &toml::Value, inputs: &mut Vec<Input>) -> Result<Self, Refusal> {
        let string = build.nest_for(rule, PART_TYPES, inputs);
        let number = build.nest_for(rule, NUMBER_TYPES, inputs);
        let boolean = build.nest_for(rule, &[PgType::Bool, PgType::Text], inputs);
        match (string, number) {
            (Err(refusal), Err(_)) => Err(refusal),
            (string, number) => {
                Ok(LeafRule { string: string.ok(), number: number.ok(), boolean: boolean.ok() })
            }
        }
    }

    /// Whether it makes NULL of every value.
    pub fn is_null(&self) -> bool {
        self.string.as_ref().is_some_and(Nested::nulls)
    }

    /// Whether every value goes out as it came in.
    pub fn keeps(&self) -> bool {
        self.string.as_ref().is_some_and(Nested::keeps)
    }

    /// Masks a leaf, as it was written in `raw`, and appends the result; `scratch` is for use here alone.
    ///
    /// # Errors
    /// It does not parse, or its kind is none that the function takes.
    pub fn mask(
        &self,
        leaf: Leaf<'_>,
        raw: &str,
        row: &Row<'_>,
        scratch: &mut String,
        out: &mut String,
    ) -> Result<(), &'static str> {
        scratch.clear();
        let part = match leaf {
            Leaf::String(value) => mask_string(self.string.as_ref(), value, row, scratch)?,
            Leaf::Number(value) => self
                .number
                .as_ref()
                .ok_or("holds a number where its rule takes none")?
                .mask(value, row, scratch)?,
            Leaf::Bool(value) => {
                let boolean =
                    self.boolean.as_ref().ok_or("holds `true` or `false` where its rule takes none")?;
                boolean.mask(value, row, scratch)?
            }
            Leaf::Null => match self.string.as_ref().filter(|nested| nested.masks_null()) {
                Some(nested) => nested.mask("", row, scratch)?,
                None => Part::Kept,
            },
        };
        match (part, leaf) {
            (Part::Kept, _) => out.push_str(raw),
            (Part::Null, _) => out.push_str("null"),
            (Part::Masked, Leaf::Number(_)) if is_number(scratch.as_bytes()) => out.push_str(scratch),
            (Part::Masked, Leaf::Bool(_)) => match &**scratch {
                "t" | "true" => out.push_str("true"),
                "f" | "false" => out.push_str("false"),
                other => push_string(other, out),
            },
            (Part::Masked, _) => push_string(scratch, out),
        }
        Ok(())
    }
}

/// Masks a string. A time may be written as ISO 8601 has it, with a `T` and a `Z`; Postgres writes neither.
fn mask_string(
    nested: Option<&Nested>,
    value: &str,
    row: &Row<'_>,
    out: &mut String,
) -> Result<Part, &'static str> {
    let nested = nested.ok_or("holds a string where its rule takes none")?;
    let is_time = matches!(nested.ty(), PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_));
    if !is_time || value.as_bytes().get(10) != Some(&b'T') {
        return nested.mask(value, row, out);
    }
    let (time, zone) = match value.strip_suffix('Z') {
        Some(time) => (time, "Z"),
        None => (value, ""),
    };
    let part = nested.mask(&time.replacen('T', " ", 1), row, out)?;
    if part == Part::Masked {
        if let Some(blank) = out.find(' ') {
            out.replace_range(blank..=blank, "T");
        }
        out.push_str(zone);
    }
    Ok(part)
}
