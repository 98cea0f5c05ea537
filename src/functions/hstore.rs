//! `hstore`: the values of keys each by a rule of its own.

use super::nested::{Nested, Part};
use super::row::{Input, Row};
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static HSTORE: Function = Function {
    name: "hstore",
    summary: "Mask the values in an hstore, each by the rule of its key; the keys stay, and a NULL value does",
    parameters: &[
        Parameter {
            name: "keys",
            help: "a table from keys to rules, such as `{ email = \"email\", size = \"keep\" }`; required",
        },
        Parameter {
            name: "unlisted",
            help: "what becomes of the value of another key: \"error\" makes the hstore invalid, any other is the name of a \
                   function or a rule, such as \"keep\", \"null\" or \"redact\"; default \"error\"",
        },
    ],
    example: Example {
        rule: r#"{ fn = "hstore", keys = { name = "redact" }, unlisted = "keep" }"#,
        ty: PgType::Text,
        input: r#""name"=>"Ana A.", "size"=>"9", "fax"=>NULL"#,
        output: Some(r#""name"=>"xxx xx", "size"=>"9", "fax"=>NULL"#),
    },
    domain: "hstore",
    domain_by: None,
    takes: |ty| {
        matches!(ty.base(), PgType::Other(name) if name.name == "hstore") || *ty.base() == PgType::Text
    },
    takes_text: "`hstore`, and `text` that holds the text form of one",
    build,
};

struct Hstore {
    keys: Vec<(String, Nested)>,
    /// What becomes of the values of other keys; `None` where they are refused.
    unlisted: Option<Nested>,
}

const NO_HSTORE: &str = "is not an hstore in text form";

impl TextMask for Hstore {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let (mut key, mut held, mut masked) = (String::new(), String::new(), String::new());
        let mut rest = value;
        while !rest.is_empty() {
            let key_end = read_quoted(rest, &mut key).ok_or(NO_HSTORE)?;
            let after = rest[key_end..].strip_prefix("=>").ok_or(NO_HSTORE)?;
            out.push_str(&rest[..key_end + 2]);
            let listed = self.keys.iter().find(|(name, _)| *name == key).map(|(_, nested)| nested);
            let nested = listed.or(self.unlisted.as_ref()).ok_or("has a key that its rule does not name")?;
            masked.clear();
            let (end, part) = if after.starts_with("NULL") {
                held.clear();
                (4, if nested.masks_null() { nested.mask(&held, row, &mut masked)? } else { Part::Kept })
            } else {
                let end = read_quoted(after, &mut held).ok_or(NO_HSTORE)?;
                (end, nested.mask(&held, row, &mut masked)?)
            };
            match part {
                Part::Kept => out.push_str(&after[..end]),
                Part::Null => out.push_str("NULL"),
                Part::Masked => push_quoted(&masked, out),
            }
            rest = &after[end..];
            if let Some(next) = rest.strip_prefix(", ").filter(|next| !next.is_empty()) {
                out.push_str(", ");
                rest = next;
            } else if !rest.is_empty() {
                return Err(NO_HSTORE);
            }
        }
        Ok(())
    }
}

/// Reads the quoted text at the start of `text`, as `hstore_out` writes it, and gives its length with the quotes.
fn read_quoted(text: &str, read: &mut String) -> Option<usize> {
    read.clear();
    let mut characters = text.char_indices();
    if characters.next()?.1 != '"' {
        return None;
    }
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => read.push(characters.next()?.1),
            c => read.push(c),
        }
    }
    None
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hint = "add the rules of its keys, such as `keys = { email = \"email\" }`";
    let table = build.rule_table("hstore", "keys", hint)?;
    let mut inputs: Vec<Input> = Vec::new();
    let mut nested = |name: &str, rule| build.nest_part(name, rule, &mut inputs);
    let mut keys = Vec::with_capacity(table.len());
    for (key, rule) in table {
        keys.push((key.clone(), nested(key, rule)?));
    }
    let unlisted = build.unlisted().map(|rule| nested("unlisted", rule)).transpose()?;
    Ok(Built { inputs, ..Built::text(Hstore { keys, unlisted }, Uniqueness::None, build.ty.max_chars()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(rule: &str, value: &str) -> Result<String, &'static str> {
        Tester::new(&HSTORE, rule, PgType::Text).masked(value)
    }

    #[test]
    fn values_are_masked_under_their_keys() {
        let rule = "unlisted = 'null'\nkeys = { 'a \"b\"' = 'redact', c = 'keep' }";
        let value = r#""a \"b\""=>"x\\y z", "c"=>"1", "d"=>"2", "e"=>NULL"#;
        assert_eq!(masked(rule, value).unwrap(), r#""a \"b\""=>"xxx x", "c"=>"1", "d"=>NULL, "e"=>NULL"#);
        assert_eq!(masked(rule, "").unwrap(), "");
    }

    #[test]
    fn another_key_or_form_is_invalid() {
        assert!(masked("keys = { a = 'keep' }", r#""b"=>"1""#).unwrap_err().contains("does not name"));
        for value in
            ["a", "\"a\"", "\"a\"=>", "\"a\"=>1", "\"a\"=>\"1", "\"a\"=>\"1\", ", "\"a\"=>\"1\"\"a\"=>\"1\""]
        {
            assert_eq!(masked("keys = { a = 'keep' }", value), Err(NO_HSTORE), "{value}");
        }
        for rule in ["", "keys = 1", "keys = { a = 'emial' }"] {
            Tester::refused(&HSTORE, rule, PgType::Text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_masked_or_refused(text in "(\"|=>|, |NULL|[\\\\aé]){0,20}") {
            let _ = masked("unlisted = 'redact'\nkeys = {}", &text);
        }
    }
}
