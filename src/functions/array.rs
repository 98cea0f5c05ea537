//! `array`: each element by a rule of its own.

use super::nested::{Nested, Part};
use super::row::Row;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::pg::array::{Elements, parse_array};
use crate::schema::PgType;

pub static ARRAY: Function = Function {
    name: "array",
    summary: "Mask each element of an array, of any dimension, by a rule of its own; how many there are, their order and \
              NULL elements stay",
    parameters: &[Parameter {
        name: "element",
        help: "the rule for elements, a function's name or a table, made for their type; required",
    }],
    example: Example {
        rule: r#"{ fn = "array", element = "redact" }"#,
        ty: PgType::Text,
        input: r#"{Ana,"Silva, A.",NULL}"#,
        output: Some(r#"{xxx,"xxxxxx xx",NULL}"#),
    },
    domain: "array",
    domain_by: None,
    takes: |ty| matches!(ty.base(), PgType::Array(_)) || *ty.base() == PgType::Text,
    takes_text: "arrays, and `text` that holds the text form of one",
    build,
};

struct Array {
    element: Nested,
    delimiter: u8,
}

const NO_ARRAY: &str = "is not an array in text form";

impl TextMask for Array {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let mut elements = Elements::default();
        parse_array(value.as_bytes(), self.delimiter, &mut elements).map_err(|_| NO_ARRAY)?;
        let bytes = value.as_bytes();
        // The indexes before the braces hold none; the rest was read, so what is not one of these is an element.
        let mut at = value.find('{').ok_or(NO_ARRAY)?;
        out.push_str(&value[..at]);
        let mut index = 0;
        let mut masked = String::new();
        while at < bytes.len() {
            let is_structure =
                matches!(bytes[at], b'{' | b'}' | b' ' | b'\t'..=b'\r') || bytes[at] == self.delimiter;
            if is_structure {
                out.push(char::from(bytes[at]));
                at += 1;
                continue;
            }
            let end = element_end(bytes, at, self.delimiter);
            self.push_element(&value[at..end], elements.get(index), row, &mut masked, out)?;
            index += 1;
            at = end;
        }
        Ok(())
    }
}

impl Array {
    /// Appends what an element becomes that is written `raw` and is `value`, or NULL.
    fn push_element(
        &self,
        raw: &str,
        value: Option<&[u8]>,
        row: &Row<'_>,
        masked: &mut String,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let value = match value {
            Some(value) => std::str::from_utf8(value).map_err(|_| "is not valid UTF-8")?,
            None if self.element.masks_null() => "",
            None => {
                out.push_str(raw);
                return Ok(());
            }
        };
        masked.clear();
        match self.element.mask(value, row, masked)? {
            Part::Kept => out.push_str(raw),
            Part::Null => out.push_str("NULL"),
            Part::Masked => push_quoted(masked, self.delimiter, out),
        }
        Ok(())
    }
}

/// The end of the element at `at`, a quote or what is not quoted.
fn element_end(bytes: &[u8], at: usize, delimiter: u8) -> usize {
    let is_quoted = bytes[at] == b'"';
    let mut end = at + usize::from(is_quoted);
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 1,
            b'"' if is_quoted => return end + 1,
            byte if !is_quoted && (byte == b'}' || byte == delimiter) => break,
            _ => {}
        }
        end += 1;
    }
    end.min(bytes.len())
}

/// Appends an element as `array_out` does: in quotes where it is empty, would be NULL, or has what has a meaning.
fn push_quoted(element: &str, delimiter: u8, out: &mut String) {
    let has_meaning =
        |byte: u8| matches!(byte, b'{' | b'}' | b'"' | b'\\' | b' ' | b'\t'..=b'\r') || byte == delimiter;
    if !element.is_empty() && !element.eq_ignore_ascii_case("null") && !element.bytes().any(has_meaning) {
        return out.push_str(element);
    }
    out.push('"');
    for c in element.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(rule) = build.parameters.0.get("element") else {
        return Err(Refusal::new("`array` has no `element`")
            .hint("add the rule of its elements, such as `element = \"email\"`"));
    };
    let ty = match build.ty.base() {
        PgType::Array(element) => element,
        _ => &PgType::Text,
    };
    let mut inputs = Vec::new();
    let element = build.nest(rule, ty, &mut inputs)?;
    if let (Some(limit), Some(longest)) = (ty.max_chars(), element.max_chars)
        && longest > limit
    {
        return Err(Refusal::new(format!(
            "elements hold {limit} characters, but their rule makes up to {longest}"
        ))
        .hint("name a function with shorter results, or give it a `max_length`"));
    }
    let is_box =
        matches!(ty.base(), PgType::Other(name) if name.name == "box" && name.schema == "pg_catalog");
    let mask = Array { element, delimiter: if is_box { b';' } else { b',' } };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, build.ty.max_chars()) })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::functions::{Context, FUNCTIONS, Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(rule: &str, ty: PgType, value: &str) -> Result<String, String> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let context = Context {
            key: &key,
            functions: FUNCTIONS,
            locale: None,
            folder: Path::new(""),
            lists: &crate::functions::lists::Lists::default(),
        };
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let (domain, ty) = (key.domain("array"), PgType::Array(Box::new(ty)));
        let built = build(&Build::new(&parameters, &ty, &domain, false).within(&context));
        let Masking::Text(mask) = built.map_err(|refusal| refusal.what)?.masking else { unreachable!() };
        let mut out = String::new();
        mask.mask(value, value.as_bytes(), &mut out).map(|()| out).map_err(str::to_string)
    }

    #[test]
    fn elements_are_masked_where_they_stand() {
        let masked = |value: &str| masked("element = 'redact'", PgType::Text, value).unwrap();
        assert_eq!(masked("[0:1][3:3]={{a},{\"b \\\" c\"}}"), "[0:1][3:3]={{x},{\"x x x\"}}");
        assert_eq!(masked("{}"), "{}");
        assert_eq!(masked(r#"{ "" , null,"NULL", a\,b }"#), r#"{ "" , null,xxxx, xxx}"#);
    }

    #[test]
    fn elements_have_their_type() {
        let numbers = masked("element = 'integer_id'", PgType::Int4, "{1,NULL,2}").unwrap();
        assert!(numbers.contains(",NULL,") && numbers != "{1,NULL,2}", "{numbers}");
        assert_eq!(masked("element = 'null'", PgType::Date, "{2024-01-31}").unwrap(), "{NULL}");
        assert_eq!(
            masked("element = { fn = 'fixed', value = 'a, b' }", PgType::Text, "{x}").unwrap(),
            "{\"a, b\"}"
        );
        assert!(masked("element = 'email'", PgType::Int4, "{}").unwrap_err().contains("does not take"));
        assert!(
            masked("element = 'email'", PgType::Varchar(Some(9)), "{}").unwrap_err().contains("up to 20")
        );
        assert!(masked("", PgType::Text, "{}").unwrap_err().contains("no `element`"));
        assert_eq!(masked("element = 'email'", PgType::Text, "{a").unwrap_err(), NO_ARRAY);
    }

    proptest! {
        #[test]
        fn a_masked_array_has_the_same_elements(items in proptest::collection::vec(proptest::option::of("\\PC{0,6}|[{},\" \\\\]{0,4}"), 0..6)) {
            let text = |item: &Option<String>| match item {
                None => "NULL".to_string(),
                Some(item) => format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")),
            };
            let literal = format!("{{{}}}", items.iter().map(text).collect::<Vec<_>>().join(","));
            let result = masked("element = 'scramble'", PgType::Text, &literal).unwrap();
            let mut elements = Elements::default();
            prop_assert!(parse_array(result.as_bytes(), b',', &mut elements).is_ok());
            prop_assert_eq!(elements.len(), items.len());
            for (index, item) in items.iter().enumerate() {
                prop_assert_eq!(elements.get(index).is_some(), item.is_some());
            }
        }

        #[test]
        fn any_text_is_masked_or_refused(text in r#"[\[\]{}",:=\\ a1é]{0,20}"#) {
            let _ = masked("element = 'redact'", PgType::Text, &text);
        }
    }
}
