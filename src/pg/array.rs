//! Array literals such as `{1,NULL,"a \"b\""}`, as `array_out` of Postgres writes them, read into their elements.
//!
//! What the elements mean is left to the caller: they come out as text, as a value outside of an array would be.

use crate::schema::PgType;

/// The dimensions that Postgres allows (`MAXDIM`).
const MAX_DIMENSIONS: usize = 6;

/// The form of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Empty, or of one dimension with the indexes 1, 2, …
    List,
    /// Of several dimensions, or with another first index: more than a list of its elements says.
    Other,
}

/// The literal is not one of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The elements of arrays, one after another, as text; grows with each literal read.
#[derive(Clone, Debug, Default)]
pub struct Elements {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    valid: Vec<bool>,
}

impl Elements {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of the element at `index`; `None` if it is NULL.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.valid[index].then(|| &self.bytes[start..self.ends[index]])
    }

    /// Forgets all but the first `len` elements.
    pub fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.valid.truncate(len);
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    fn close(&mut self, valid: bool) {
        self.ends.push(self.bytes.len());
        self.valid.push(valid);
    }
}

/// Reads `literal` and appends its elements to `elements`, those of several dimensions in the order of the text.
///
/// `delimiter` stands between elements: `,`, or `;` for the type `box`. The format is that of the PostgreSQL manual,
/// "Array Input and Output Syntax": white space around elements does not count, `NULL` in any case is null unless
/// quoted, a backslash takes the next byte as it is, and `[2:3]=` before the braces gives the indexes. That inner
/// arrays have equal lengths is not checked.
///
/// # Errors
/// If it is not an array; `elements` are as before then.
pub fn parse_array(literal: &[u8], delimiter: u8, elements: &mut Elements) -> Result<Shape, Malformed> {
    let before = elements.len();
    let result = Reader { rest: literal, delimiter }.array(elements);
    if result.is_none() {
        elements.truncate(before);
    }
    result.ok_or(Malformed)
}

struct Reader<'a> {
    rest: &'a [u8],
    delimiter: u8,
}

impl Reader<'_> {
    fn array(&mut self, elements: &mut Elements) -> Option<Shape> {
        let is_shifted = self.bounds()?;
        let deepest = self.braces(elements)?;
        self.skip_space();
        let shape = if is_shifted || deepest > 1 { Shape::Other } else { Shape::List };
        self.rest.is_empty().then_some(shape)
    }

    /// `[2:3][1:2]=`, if it is there; whether it says more than that the indexes start at 1.
    fn bounds(&mut self) -> Option<bool> {
        let mut is_shifted = false;
        let mut dimensions = 0;
        while self.take(b'[') {
            let first = self.integer()?;
            if !self.take(b':') {
                return None;
            }
            let last = self.integer()?;
            if !self.take(b']') || last < first {
                return None;
            }
            is_shifted |= first != 1;
            dimensions += 1;
        }
        (dimensions == 0 || self.take(b'=')).then_some(is_shifted)
    }

    fn integer(&mut self) -> Option<i32> {
        let length = self.rest.iter().take_while(|byte| matches!(byte, b'-' | b'+' | b'0'..=b'9')).count();
        let (number, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(number).ok()?.parse().ok()
    }

    /// The braces and all in them; how deep they go.
    fn braces(&mut self, elements: &mut Elements) -> Option<usize> {
        self.skip_space();
        if !self.take(b'{') {
            return None;
        }
        let (mut depth, mut deepest) = (1, 1);
        // An item may follow an opening brace or a delimiter; a closing brace only an item or an opening brace.
        let (mut wants_item, mut may_close) = (true, true);
        while depth > 0 {
            self.skip_space();
            match *self.rest.first()? {
                b'}' if may_close => {
                    self.rest = &self.rest[1..];
                    depth -= 1;
                    (wants_item, may_close) = (false, true);
                }
                byte if byte == self.delimiter && !wants_item => {
                    self.rest = &self.rest[1..];
                    (wants_item, may_close) = (true, false);
                }
                b'{' if wants_item && depth < MAX_DIMENSIONS => {
                    self.rest = &self.rest[1..];
                    depth += 1;
                    deepest = deepest.max(depth);
                    (wants_item, may_close) = (true, true);
                }
                b'"' if wants_item => {
                    self.quoted(elements)?;
                    (wants_item, may_close) = (false, true);
                }
                _ if wants_item => {
                    self.unquoted(elements)?;
                    (wants_item, may_close) = (false, true);
                }
                _ => return None,
            }
        }
        Some(deepest)
    }

    fn quoted(&mut self, elements: &mut Elements) -> Option<()> {
        let mut rest = &self.rest[1..];
        loop {
            let special = memchr::memchr2(b'"', b'\\', rest)?;
            elements.bytes.extend_from_slice(&rest[..special]);
            if rest[special] == b'"' {
                self.rest = &rest[special + 1..];
                elements.close(true);
                return Some(());
            }
            elements.bytes.push(*rest.get(special + 1)?);
            rest = &rest[special + 2..];
        }
    }

    fn unquoted(&mut self, elements: &mut Elements) -> Option<()> {
        let start = elements.bytes.len();
        // White space at the end does not count, unless a backslash made it part of the element.
        let mut kept = start;
        let mut is_escaped = false;
        loop {
            match *self.rest.first()? {
                b'{' | b'"' => return None,
                byte if byte == b'}' || byte == self.delimiter => break,
                b'\\' => {
                    elements.bytes.push(*self.rest.get(1)?);
                    self.rest = &self.rest[2..];
                    kept = elements.bytes.len();
                    is_escaped = true;
                }
                byte => {
                    elements.bytes.push(byte);
                    self.rest = &self.rest[1..];
                    if !is_space(byte) {
                        kept = elements.bytes.len();
                    }
                }
            }
        }
        elements.bytes.truncate(kept);
        let is_null = !is_escaped && elements.bytes[start..].eq_ignore_ascii_case(b"null");
        if is_null {
            elements.bytes.truncate(start);
        }
        let is_missing = kept == start;
        elements.close(!is_null);
        (!is_missing).then_some(())
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        while let [byte, rest @ ..] = self.rest
            && is_space(*byte)
        {
            self.rest = rest;
        }
    }
}

/// White space as Postgres' `array_isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What stands between the elements of an array: a comma but for the geometric type `box` (`pg_type.typdelim`).
pub fn delimiter(element: &PgType) -> u8 {
    match element.base() {
        PgType::Other(name) if name.name == "box" && matches!(name.schema.as_str(), "" | "pg_catalog") => {
            b';'
        }
        _ => b',',
    }
}

/// Appends an element that is not NULL, given as a value outside of an array would be, in quotes where it needs them.
pub fn push_element(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let is_special =
        |&byte: &u8| byte == delimiter || matches!(byte, b'"' | b'\\' | b'{' | b'}') || is_space(byte);
    if !text.is_empty() && !text.eq_ignore_ascii_case(b"null") && !text.iter().any(is_special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The shape and the elements, NULL as `None`.
    fn parse(literal: &str) -> Result<(Shape, Vec<Option<String>>), Malformed> {
        let mut elements = Elements::default();
        let shape = parse_array(literal.as_bytes(), b',', &mut elements)?;
        Ok((shape, texts(&elements)))
    }

    fn texts(elements: &Elements) -> Vec<Option<String>> {
        let text = |index| elements.get(index).map(|text| String::from_utf8_lossy(text).into_owned());
        (0..elements.len()).map(text).collect()
    }

    fn list(items: &[Option<&str>]) -> Result<(Shape, Vec<Option<String>>), Malformed> {
        Ok((Shape::List, items.iter().map(|item| item.map(str::to_string)).collect()))
    }

    #[test]
    fn elements_are_unquoted() {
        assert_eq!(parse("{}"), list(&[]));
        assert_eq!(parse("{1,NULL,-3}"), list(&[Some("1"), None, Some("-3")]));
        assert_eq!(
            parse(r#"{"a \"b\"","",null,"NULL"}"#),
            list(&[Some("a \"b\""), Some(""), None, Some("NULL")])
        );
        assert_eq!(parse(r#"{"a,b","{c}","d\\e"}"#), list(&[Some("a,b"), Some("{c}"), Some("d\\e")]));
        assert_eq!(parse(r"{ a b , \ , n\ull }"), list(&[Some("a b"), Some(" "), Some("null")]));
    }

    #[test]
    fn a_delimiter_may_be_another() {
        let mut elements = Elements::default();
        assert_eq!(parse_array(b"{(1,1),(0,0);(2,2),(1,1)}", b';', &mut elements), Ok(Shape::List));
        assert_eq!(texts(&elements), [Some("(1,1),(0,0)".to_string()), Some("(2,2),(1,1)".to_string())]);
    }

    #[test]
    fn what_a_list_cannot_say_is_told() {
        let shape = |literal| parse(literal).map(|(shape, _)| shape);
        assert_eq!(shape("[1:2]={1,2}"), Ok(Shape::List));
        assert_eq!(shape("[2:3]={1,2}"), Ok(Shape::Other));
        assert_eq!(shape("[-1:0]={1,2}"), Ok(Shape::Other));
        assert_eq!(shape("{{1,2},{3,4}}"), Ok(Shape::Other));
        assert_eq!(shape("[1:1][0:1]={{1,2}}"), Ok(Shape::Other));
    }

    #[test]
    fn what_is_no_array_is_refused_and_leaves_the_elements() {
        let mut elements = Elements::default();
        assert_eq!(parse_array(b"{a}", b',', &mut elements), Ok(Shape::List));
        for literal in [
            "",
            "1",
            "{",
            "{1",
            "{1,",
            "{1,}",
            "{,1}",
            "{,}",
            "}",
            "{1}}",
            "{1}x",
            "{\"a}",
            "{\"a\"b}",
            "{a\"b\"}",
            "{a\\",
            "{1}{2}",
            "[1:2]{1,2}",
            "[2:1]={}",
            "[1]={1}",
            "[a:b]={1}",
            "{{{{{{{1}}}}}}}",
            "{{1}2}",
        ] {
            assert_eq!(parse_array(literal.as_bytes(), b',', &mut elements), Err(Malformed), "{literal}");
        }
        assert_eq!(texts(&elements), [Some("a".to_string())]);
    }

    /// A literal with every element quoted.
    fn write(items: &[Option<String>]) -> String {
        let escaped = |item: &String| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""));
        let items = items.iter().map(|item| item.as_ref().map_or("NULL".to_string(), escaped));
        format!("{{{}}}", items.collect::<Vec<_>>().join(","))
    }

    proptest! {
        #[test]
        fn an_array_is_read_as_it_was_written(items: Vec<Option<String>>) {
            prop_assert_eq!(parse(&write(&items)), Ok((Shape::List, items)));
        }

        #[test]
        fn an_element_is_read_as_it_was_written(items: Vec<Option<String>>) {
            let mut literal = vec![b'{'];
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    literal.push(b',');
                }
                match item {
                    Some(item) => push_element(item.as_bytes(), b',', &mut literal),
                    None => literal.extend_from_slice(b"NULL"),
                }
            }
            literal.push(b'}');
            prop_assert_eq!(parse(std::str::from_utf8(&literal).unwrap()), Ok((Shape::List, items)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(literal in r#"[\[\]{}",;:=\\ a1NUL]{0,20}"#) {
            let mut elements = Elements::default();
            let read = parse_array(literal.as_bytes(), b',', &mut elements);
            prop_assert!(read.is_ok() || elements.is_empty());
        }
    }
}
