//! `composite`: each field of a row value by a rule of its own.

use super::nested::{Nested, PART_TYPES, Part};
use super::row::Row;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static COMPOSITE: Function = Function {
    name: "composite",
    summary: "Mask the fields of a row value, a column of a composite type, each by a rule of its own; a NULL field stays",
    parameters: &[Parameter {
        name: "fields",
        help: "a list of rules, one a field in the order of the type, such as `[\"keep\", \"city\", { fn = \"integer_id\", \
               type = \"bigint\" }]`; a value of another number of fields is invalid; required",
    }],
    example: Example {
        rule: r#"{ fn = "composite", fields = ["redact", "keep", "keep"] }"#,
        ty: PgType::Text,
        input: r#"("12, Main St",94110,)"#,
        output: Some(r#"("xxx xxxx xx",94110,)"#),
    },
    domain: "composite",
    domain_by: None,
    takes: |ty| {
        matches!(ty.base(), PgType::Other(name) if name.schema != "pg_catalog") || *ty.base() == PgType::Text
    },
    takes_text: "composite types, and `text` that holds the text form of one",
    build,
};

struct Composite {
    fields: Vec<Nested>,
}

const NO_ROW: &str = "is not a row value of as many fields as its rule has";

impl TextMask for Composite {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let mut rest = value.strip_prefix('(').ok_or(NO_ROW)?;
        out.push('(');
        let (mut field, mut masked) = (String::new(), String::new());
        for (index, nested) in self.fields.iter().enumerate() {
            let raw_length = read_field(rest, &mut field).ok_or(NO_ROW)?;
            let raw = &rest[..raw_length];
            masked.clear();
            let is_null = raw.is_empty();
            let part = match is_null && !nested.masks_null() {
                true => Part::Kept,
                false => nested.mask(&field, row, &mut masked)?,
            };
            match part {
                Part::Kept => out.push_str(raw),
                Part::Null => {}
                Part::Masked => push_quoted(&masked, out),
            }
            let end = if index + 1 == self.fields.len() { ")" } else { "," };
            rest = rest[raw_length..].strip_prefix(end).ok_or(NO_ROW)?;
            out.push_str(end);
        }
        if rest.is_empty() { Ok(()) } else { Err(NO_ROW) }
    }
}

/// Reads the field at the start of `text`, as `record_in` of Postgres does, and gives its length there.
fn read_field(text: &str, field: &mut String) -> Option<usize> {
    field.clear();
    let mut is_quoted = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            ',' | ')' if !is_quoted => return Some(at),
            '\\' => field.push(characters.next()?.1),
            '"' if is_quoted && characters.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            '(' if !is_quoted => return None,
            c => field.push(c),
        }
    }
    None
}

/// Appends a field as `record_out` does: in quotes where it is empty or has what has a meaning.
fn push_quoted(field: &str, out: &mut String) {
    let has_meaning = |c: char| matches!(c, '(' | ')' | ',' | '"' | '\\' | ' ' | '\t'..='\r');
    if !field.is_empty() && !field.contains(has_meaning) {
        return out.push_str(field);
    }
    out.push('"');
    for c in field.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hint = "add a list of rules, such as `fields = [\"keep\", \"email\"]`";
    let rules = match build.parameters.0.get("fields") {
        Some(toml::Value::Array(rules)) if !rules.is_empty() => rules,
        Some(_) => return Err(Refusal::new("`fields` is not a list of rules").hint(hint)),
        None => return Err(Refusal::new("`composite` has no `fields`").hint(hint)),
    };
    let mut inputs = Vec::new();
    let mut fields = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let nested = build.nest_for(rule, PART_TYPES, &mut inputs);
        let of_field =
            |refusal: Refusal| Refusal { what: format!("field {}: {}", index + 1, refusal.what), ..refusal };
        fields.push(nested.map_err(of_field)?);
    }
    Ok(Built { inputs, ..Built::text(Composite { fields }, Uniqueness::None, build.ty.max_chars()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(rule: &str, value: &str) -> Result<String, &'static str> {
        Tester::new(&COMPOSITE, rule, PgType::Text).masked(value)
    }

    #[test]
    fn fields_are_masked_where_they_stand() {
        let rule = "fields = ['redact', 'keep', { fn = 'fixed', value = 'a \"b\" \\\\' }, 'null']";
        let expected = r#"("xx x","x ""y""","a ""b"" \\\\",)"#;
        assert_eq!(masked(rule, r#"("a"" )","x ""y""",z,5)"#).unwrap(), expected);
        assert_eq!(masked(rule, "(,,,)").unwrap(), "(,,,)");
        assert_eq!(masked("fields = ['redact']", r#"("")"#).unwrap(), r#"("")"#);
    }

    #[test]
    fn another_number_of_fields_is_invalid() {
        for value in ["", "(", "(a", "(a,b", "(a,b,c)", "(a)", "(a,b)x", "(\"a,b)", "(a,(b))", "a,b"] {
            assert_eq!(masked("fields = ['redact', 'redact']", value), Err(NO_ROW), "{value}");
        }
        for rule in ["", "fields = []", "fields = 'keep'", "fields = ['emial']"] {
            Tester::refused(&COMPOSITE, rule, PgType::Text);
        }
    }

    proptest! {
        #[test]
        fn a_field_is_read_as_it_is_written(text in "\\PC{0,8}|[(),\"\\\\ ]{0,6}") {
            let mut written = String::new();
            push_quoted(&text, &mut written);
            let mut field = String::new();
            prop_assert_eq!(read_field(&format!("{written})"), &mut field), Some(written.len()));
            prop_assert_eq!(field, text);
        }

        #[test]
        fn any_text_is_masked_or_refused(text in "[(),\"\\\\ aé]{0,20}") {
            let _ = masked("fields = ['redact', 'keep']", &text);
        }
    }
}
