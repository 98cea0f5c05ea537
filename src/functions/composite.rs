//! `composite`: each field of a row value by a rule of its own.

use super::nested::{Nested, PART_TYPES, Part};
use super::row::Row;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::nearest::did_you_mean;
use crate::schema::PgType;

pub static COMPOSITE: Function = Function {
    name: "composite",
    summary: "Mask the fields of a row value, a column of a composite type, each by a rule of its own; a NULL field stays",
    parameters: &[
        Parameter {
            name: "fields",
            help: "a table from the names of fields to rules, such as `{ street = \"street_address\", floor = \"keep\" }`, \
                   where the column is of a composite type; or a list of rules, one a field in the order of the type, such \
                   as `[\"keep\", \"city\", { fn = \"integer_id\", type = \"bigint\" }]`; a value of another number of \
                   fields is invalid; required",
        },
        Parameter {
            name: "unlisted",
            help: "with a table, the rule for the fields that it does not name, a function's name or a table; default \
                   \"error\", which refuses the rule",
        },
    ],
    example: Example {
        rule: r#"{ fn = "composite", fields = ["redact", "keep", "keep"] }"#,
        ty: PgType::Text,
        input: r#"("12, Main St",94110,)"#,
        output: Some(r#"("xxx xxxx xx",94110,)"#),
    },
    domain: "composite",
    domain_by: None,
    takes: |ty| {
        matches!(ty.base(), PgType::Composite(_))
            || matches!(ty.base(), PgType::Other(name) if name.schema != "pg_catalog")
            || *ty.base() == PgType::Text
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
    let hint = "add a list of rules, such as `fields = [\"keep\", \"email\"]`, or a table from names of fields to rules";
    let declared = match build.ty.base() {
        PgType::Composite(composite) => Some(composite.fields.as_slice()),
        _ => None,
    };
    let mut inputs = Vec::new();
    let mut nested = |name: &str, rule: &toml::Value, ty: Option<&PgType>| {
        let types: Vec<PgType> = ty.into_iter().chain(PART_TYPES).cloned().collect();
        build.nest_for(rule, &types, &mut inputs).map_err(|refusal| refusal.of_part(name))
    };
    let fields = match (build.parameters.0.get("fields"), declared) {
        (Some(toml::Value::Array(rules)), declared) if !rules.is_empty() => {
            if let Some(declared) = declared.filter(|declared| declared.len() != rules.len()) {
                let what =
                    format!("`fields` has {} rules, `{}` {} fields", rules.len(), build.ty, declared.len());
                return Err(Refusal::new(what).hint("give one rule a field, in their order"));
            }
            let ty = |at: usize| declared.map(|declared| &declared[at].1);
            let numbered = rules.iter().enumerate();
            numbered
                .map(|(at, rule)| nested(&format!("fields[{at}]"), rule, ty(at)))
                .collect::<Result<_, _>>()?
        }
        (Some(toml::Value::Table(rules)), Some(declared)) => {
            if let Some(unknown) = rules.keys().find(|key| declared.iter().all(|(name, _)| name != *key)) {
                let hint = did_you_mean(unknown, declared.iter().map(|(name, _)| name.as_str()));
                return Err(Refusal { what: format!("`{}` has no field `{unknown}`", build.ty), hint });
            }
            let field = |(name, ty): &(String, PgType)| {
                let rule = rules.get(name).or_else(|| build.unlisted()).ok_or_else(|| {
                    Refusal::new(format!("the field `{name}` of `{}` has no rule", build.ty))
                        .hint("name it in `fields`, or say what becomes of all others by `unlisted`")
                })?;
                nested(name, rule, Some(ty))
            };
            declared.iter().map(field).collect::<Result<_, _>>()?
        }
        (Some(toml::Value::Table(_)), None) => {
            return Err(
                Refusal::new(format!("the names of the fields of `{}` are not known", build.ty)).hint(hint)
            );
        }
        (Some(_), _) => return Err(Refusal::new("`fields` is not a list or table of rules").hint(hint)),
        (None, _) => return Err(Refusal::new("`composite` has no `fields`").hint(hint)),
    };
    Ok(Built { inputs, ..Built::text(Composite { fields }, Uniqueness::None, build.ty.max_chars()) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::functions::test_support::Tester;
    use crate::schema::QualifiedName;
    use crate::schema::types::CompositeType;

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

    #[test]
    fn fields_are_known_by_the_names_that_the_type_gives_them() {
        let fields = [("street", PgType::Text), ("no", PgType::Int4), ("Floor 2", PgType::Text)];
        let fields = fields.map(|(name, ty)| (name.to_string(), ty)).to_vec();
        let ty = CompositeType { name: QualifiedName::new("public", "place"), fields };
        let ty = || PgType::Composite(Arc::new(ty.clone()));
        let masked = |rule: &str| Tester::new(&COMPOSITE, rule, ty()).masked("(Ana,7,x)").unwrap();
        let rule = "fields = { \"Floor 2\" = 'null', street = 'redact', no = 'integer_id' }";
        let number =
            Tester::new(&crate::functions::integer_id::INTEGER_ID, "", PgType::Int4).masked("7").unwrap();
        assert_eq!(masked(rule), format!("(xxx,{number},)"));
        assert_eq!(masked("unlisted = 'keep'\nfields = { street = 'redact' }"), "(xxx,7,x)");
        assert_eq!(masked("fields = ['keep', 'integer_id', 'keep']"), format!("(Ana,{number},x)"));
        let refused = |rule: &str, ty| Tester::refused(&COMPOSITE, rule, ty);
        assert!(refused("fields = { street = 'redact' }", ty()).contains("field `no`"));
        assert!(refused("fields = ['keep']", ty()).contains("1 rules"));
        assert!(refused("fields = { street = 'redact' }", PgType::Text).contains("not known"));
        let unknown = refused("unlisted = 'keep'\nfields = { stret = 'redact' }", ty());
        assert!(unknown.contains("no field `stret`"));
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
