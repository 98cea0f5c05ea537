//! Names as a rules file writes them: bare, `"quoted"`, or a pattern with `*` and `?`.
//!
//! A bare name is first taken as it is written, for a TOML key is quoted already, and then in lower case, as Postgres
//! folds it. A name in double quotes of its own is exact, and `*` and `?` in it mean themselves.

use std::fmt;

use crate::schema::QualifiedName;

/// How well a name matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Matched {
    /// In lower case, as Postgres folds it, or as a pattern.
    Folded,
    /// As it is written.
    Exactly,
}

/// One part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    text: String,
    /// `text` as Postgres folds it.
    folded: String,
    quoted: bool,
}

impl Part {
    fn new(text: &str, quoted: bool) -> Self {
        Part { text: text.to_string(), folded: text.to_ascii_lowercase(), quoted }
    }

    fn is_pattern(&self) -> bool {
        !self.quoted && self.text.contains(['*', '?'])
    }

    fn matches(&self, name: &str) -> Option<Matched> {
        if self.text == name {
            return Some(Matched::Exactly);
        }
        if self.quoted {
            return None;
        }
        let matched = match self.is_pattern() {
            true => glob(&self.text, name) || glob(&self.folded, name),
            false => self.folded == name,
        };
        matched.then_some(Matched::Folded)
    }
}

/// The name or pattern of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    part: Part,
    written: String,
}

impl ColumnName {
    /// Whether it is the pattern of all columns, `*`.
    pub fn is_all(&self) -> bool {
        self.is_pattern() && self.written.chars().all(|character| character == '*')
    }

    /// Takes the name as it is written; anything that is not wholly in double quotes is bare.
    pub fn new(written: &str) -> Self {
        let part = match split(written).as_deref() {
            Some([part]) => part.clone(),
            _ => Part::new(written, false),
        };
        ColumnName { part, written: written.to_string() }
    }

    /// Whether it is a pattern.
    pub fn is_pattern(&self) -> bool {
        self.part.is_pattern()
    }

    /// The indexes of the columns among `columns` that it means.
    pub fn find<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        let matches = columns.into_iter().map(|column| {
            // A column whose name holds quotes or dots may be written as it is.
            let written = (column == self.written).then_some(Matched::Exactly);
            written.or_else(|| self.part.matches(column))
        });
        best(matches, self.is_pattern())
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.written)
    }
}

/// The name or pattern of tables, with or without a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    schema: Option<Part>,
    name: Part,
    written: String,
}

impl TableName {
    /// Reads `name` or `schema.name`; `None` where it is neither.
    pub fn parse(written: &str) -> Option<Self> {
        let (schema, name) = match <[Part; 2]>::try_from(split(written)?) {
            Ok([schema, name]) => (Some(schema), name),
            Err(parts) => (None, <[Part; 1]>::try_from(parts).ok()?.into_iter().next()?),
        };
        Some(TableName { schema, name, written: written.to_string() })
    }

    /// Whether it is a pattern.
    pub fn is_pattern(&self) -> bool {
        self.name.is_pattern() || self.schema.as_ref().is_some_and(Part::is_pattern)
    }

    /// Whether it names no schema.
    pub fn is_bare(&self) -> bool {
        self.schema.is_none()
    }

    /// The indexes of the tables among `tables` that it means: more than one only for a pattern or a bare name.
    pub fn find<'a>(&self, tables: impl IntoIterator<Item = &'a QualifiedName>) -> Vec<usize> {
        let matches = tables.into_iter().map(|table| {
            let name = self.name.matches(&table.name)?;
            match &self.schema {
                Some(schema) => Some(name.min(schema.matches(&table.schema)?)),
                None => Some(name),
            }
        });
        best(matches, self.is_pattern())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.written)
    }
}

/// The indexes of what matched: all for a pattern, else only what matched exactly, if anything did.
fn best(matches: impl Iterator<Item = Option<Matched>>, pattern: bool) -> Vec<usize> {
    let found: Vec<(usize, Matched)> =
        matches.enumerate().filter_map(|(index, matched)| Some((index, matched?))).collect();
    let exactly = found.iter().any(|(_, matched)| *matched == Matched::Exactly);
    let wanted = found.iter().filter(|(_, matched)| pattern || !exactly || *matched == Matched::Exactly);
    wanted.map(|(index, _)| *index).collect()
}

/// The parts of a name between its dots; `None` where a quote is not closed, or a part is empty.
fn split(written: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = written;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted_part(inner)?,
            None => {
                let end = rest.find(['.', '"']).unwrap_or(rest.len());
                (Part::new(&rest[..end], false), &rest[end..])
            }
        };
        if part.text.is_empty() {
            return None;
        }
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(parts),
        }
    }
}

/// The part that `inner`, the text after an opening quote, begins with, and the text after its closing quote.
fn quoted_part(inner: &str) -> Option<(Part, &str)> {
    let mut text = String::new();
    let mut rest = inner;
    loop {
        let end = rest.find('"')?;
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                text.push('"');
                rest = after;
            }
            None => return Some((Part::new(&text, true), rest)),
        }
    }
}

/// Whether `pattern` matches all of `name`: `*` is any characters or none, `?` one.
pub fn glob(pattern: &str, name: &str) -> bool {
    // Bytes can be compared: in UTF-8 no character begins within another.
    let pattern = pattern.as_bytes();
    let char_len = |at: usize| name[at..].chars().next().map_or(1, char::len_utf8);
    let (mut p, mut n) = (0, 0);
    // Where to go on from when a later part fails: after the last star, with one more character given to it.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, n));
            }
            Some(b'?') => {
                p += 1;
                n += char_len(n);
            }
            Some(byte) if *byte == name.as_bytes()[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else { return false };
                p = after_star;
                n = taken + char_len(taken);
                retry = Some((after_star, n));
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(written: &str, names: &[(&str, &str)]) -> Vec<usize> {
        let names: Vec<QualifiedName> = names.iter().map(|(s, n)| QualifiedName::new(*s, *n)).collect();
        TableName::parse(written).unwrap().find(&names)
    }

    #[test]
    fn a_bare_name_means_itself_as_written_then_in_lower_case() {
        assert_eq!(ColumnName::new("FirstName").find(["firstname", "FirstName"]), [1]);
        assert_eq!(ColumnName::new("FirstName").find(["firstname", "id"]), [0]);
        assert_eq!(ColumnName::new("\"FirstName\"").find(["firstname"]), [0; 0]);
        assert_eq!(ColumnName::new("a.b").find(["a", "a.b"]), [1]);
    }

    #[test]
    fn a_pattern_matches_as_written_or_in_lower_case() {
        assert_eq!(ColumnName::new("*At").find(["createdAt", "created_at", "id"]), [0, 1]);
        assert_eq!(ColumnName::new("a?c*").find(["abc", "abcd", "ac"]), [0, 1]);
        assert_eq!(ColumnName::new("\"*\"").find(["a", "*"]), [1]);
        assert!(glob("*a*b", "xaabab") && !glob("*a*b", "xaaba"));
        assert!(glob("*ö??", "xößé") && glob("???", "öße") && !glob("??", "ö"));
    }

    #[test]
    fn a_table_is_named_with_or_without_its_schema() {
        let names = [("public", "users"), ("Sales", "Order.Items"), ("audit", "users")];
        assert_eq!(tables("USERS", &names), [0, 2]);
        assert_eq!(tables("audit.users", &names), [2]);
        assert_eq!(tables("\"Sales\".\"Order.Items\"", &names), [1]);
        assert_eq!(tables("*.u*", &names), [0, 2]);
        assert_eq!(tables("*", &names), [0, 1, 2]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for written in ["", "a.", ".a", "a.b.c", "\"a", "a\"b\"", "\"\"", "\"a\"b"] {
            assert!(TableName::parse(written).is_none(), "{written}");
        }
    }
}
