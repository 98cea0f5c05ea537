//! The paths that find references inside JSON: `$.a`, `$.a.b`, `$.list[*].id`, `$.list[0]`, `$."odd name"`.

use serde_json::Value;

use crate::error::{Error, Result};

/// A path from the top of a document to some of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `.name` or `."name"`
    Member(String),
    /// `[3]`
    Index(usize),
    /// `[*]`
    Elements,
}

impl JsonPath {
    /// Reads a path: `$`, then `.name`, `."name"` (with JSON's escapes), `[number]` or `[*]`, any number of them.
    ///
    /// # Errors
    /// [`Kind::Rules`](crate::error::Kind::Rules) if it is anything else.
    pub fn parse(path: &str) -> Result<Self> {
        let malformed = || {
            Error::rules("this is no path into JSON")
                .hint("write one such as `$.customer.id` or `$.items[*].product`")
        };
        let mut rest = path.strip_prefix('$').ok_or_else(malformed)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(malformed)?;
            steps.push(step);
            rest = after;
        }
        Ok(JsonPath(steps))
    }

    /// Calls `found` with the text of each string, number and boolean that the path finds in `document`.
    ///
    /// A path that leads nowhere finds nothing, and so does a document that is not JSON. Numbers beyond 64 bits are not
    /// exact.
    pub fn find(&self, document: &[u8], found: &mut dyn FnMut(&[u8])) {
        if let Ok(value) = serde_json::from_slice::<Value>(document) {
            walk(&value, &self.0, found);
        }
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (index, rest) = inside.split_once(']')?;
        let step = if index == "*" { Step::Elements } else { Step::Index(index.parse().ok()?) };
        return Some((step, rest));
    }
    let name = text.strip_prefix('.')?;
    if name.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(name).into_iter::<String>();
        let member = strings.next()?.ok()?;
        return Some((Step::Member(member), &name[strings.byte_offset()..]));
    }
    let end = name.find(['.', '[']).unwrap_or(name.len());
    (end > 0).then(|| (Step::Member(name[..end].to_string()), &name[end..]))
}

fn walk(value: &Value, steps: &[Step], found: &mut dyn FnMut(&[u8])) {
    let Some((step, rest)) = steps.split_first() else {
        match value {
            Value::String(text) => found(text.as_bytes()),
            Value::Number(number) => found(number.to_string().as_bytes()),
            Value::Bool(true) => found(b"t"),
            Value::Bool(false) => found(b"f"),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
        return;
    };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => {
            members.get(name).into_iter().for_each(|value| walk(value, rest, found));
        }
        (Step::Index(index), Value::Array(elements)) => {
            elements.get(*index).into_iter().for_each(|value| walk(value, rest, found));
        }
        (Step::Elements, Value::Array(elements)) => {
            elements.iter().for_each(|value| walk(value, rest, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, document: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let path = JsonPath::parse(path).unwrap();
        path.find(document.as_bytes(), &mut |text| texts.push(String::from_utf8(text.to_vec()).unwrap()));
        texts
    }

    #[test]
    fn a_path_finds_scalars_and_nothing_else() {
        let document = r#"{"a": {"b": 7, "b.c": "x"}, "list": [{"id": 1}, {"id": "2"}, {"id": null}, 3]}"#;
        assert_eq!(found("$.a.b", document), ["7"]);
        assert_eq!(found(r#"$.a."b.c""#, document), ["x"]);
        assert_eq!(found("$.list[*].id", document), ["1", "2"]);
        assert_eq!(found("$.list[3]", document), ["3"]);
        assert_eq!(found("$.list", document), [""; 0]);
        assert_eq!(found("$.nowhere[*].id", document), [""; 0]);
        assert_eq!(found("$", "true"), ["t"]);
        assert_eq!(found("$.a", "{broken"), [""; 0]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "a", "$a", "$.", "$..a", "$[", "$[x]", "$.a[1", "$.\"a"] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
