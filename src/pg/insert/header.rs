//! The beginning of an INSERT statement: the table and the columns that its rows go into.

use crate::pg::dump::CopyTarget;
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::QualifiedName;

/// Where the rows of the INSERT statement go that `first_bytes` begin with, after white space and comments.
///
/// Columns whose value in the first row is `DEFAULT` are left out, as far as `first_bytes` reach. The schema is empty
/// if the statement names none. `None` if this is no INSERT of constant rows.
pub fn insert_target(first_bytes: &[u8]) -> Option<CopyTarget> {
    let text = match std::str::from_utf8(first_bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&first_bytes[..error.valid_up_to()]).ok()?,
    };
    let header = Header::parse(text, false)?;
    let defaults = if header.is_default_values { Vec::new() } else { defaults(&text[header.length..]) };
    Some(header.target("", &defaults))
}

/// The places of the values that are `DEFAULT` in the row that `text` begins with.
fn defaults(text: &str) -> Vec<usize> {
    let mut tokens = Tokens::new(text, false);
    let (mut defaults, mut value, mut depth) = (Vec::new(), 0, 0_u32);
    loop {
        if depth == 1 && tokens.eat("DEFAULT") {
            defaults.push(value);
            continue;
        }
        match tokens.next() {
            Some(Token::Symbol(b'(')) => depth += 1,
            Some(Token::Symbol(b')')) if depth > 1 => depth -= 1,
            Some(Token::Symbol(b',')) if depth == 1 => value += 1,
            None | Some(Token::Symbol(b')')) => return defaults,
            Some(_) => {}
        }
    }
}

/// An INSERT up to `VALUES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The schema that it names.
    pub schema: Option<String>,
    /// The table's name.
    pub name: String,
    /// The columns that it names.
    pub columns: Option<Vec<String>>,
    /// Whether it ends in `DEFAULT VALUES`: one row, without a value.
    pub is_default_values: bool,
    /// Its length in bytes.
    pub length: usize,
}

impl Header {
    /// Reads it from the start of `text`; `None` if it is of another form than those of pg_dump.
    pub fn parse(text: &str, backslashes: bool) -> Option<Header> {
        let mut tokens = Tokens::new(text, backslashes);
        if !tokens.eat_all(&["INSERT", "INTO"]) {
            return None;
        }
        tokens.eat("ONLY");
        let (schema, name) = tokens.qualified_name()?;
        let columns = match tokens.peek() {
            Some(Token::Symbol(b'(')) => Some(tokens.identifiers()?),
            _ => None,
        };
        if tokens.eat("OVERRIDING") {
            let known = tokens.eat("SYSTEM") || tokens.eat("USER");
            if !known || !tokens.eat("VALUE") {
                return None;
            }
        }
        let is_default_values = tokens.eat_all(&["DEFAULT", "VALUES"]);
        if !is_default_values && !tokens.eat("VALUES") {
            return None;
        }
        Some(Header { schema, name, columns, is_default_values, length: tokens.offset() })
    }

    /// Where its rows go, without the columns at `defaults`.
    pub fn target(&self, default_schema: &str, defaults: &[usize]) -> CopyTarget {
        let schema = self.schema.clone().unwrap_or_else(|| default_schema.to_string());
        let columns = self.columns.as_ref().map(|columns| without(columns, defaults));
        CopyTarget { table: QualifiedName::new(schema, self.name.clone()), columns }
    }
}

pub(super) fn without(columns: &[String], places: &[usize]) -> Vec<String> {
    let kept = columns.iter().enumerate().filter(|(place, _)| !places.contains(place));
    kept.map(|(_, column)| column.clone()).collect()
}
