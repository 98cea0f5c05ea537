//! One end of a reference as `[[foreign_keys]]` writes it: `events(user_ref)`, `"Sales"."Order"("Id", line)`.

use super::name::{ColumnName, TableName};

/// A table and some of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table.
    pub table: TableName,
    /// Its columns, one or more.
    pub columns: Vec<ColumnName>,
}

impl Reference {
    /// Reads `table(column, …)`; `None` where it is not that, or a pattern.
    pub fn parse(written: &str) -> Option<Self> {
        let open = find_outside_quotes(written, '(')?;
        let table = TableName::parse(written[..open].trim()).filter(|table| !table.is_pattern())?;
        let mut rest = written[open + 1..].trim_end().strip_suffix(')')?;
        let mut columns = Vec::new();
        loop {
            let end = find_outside_quotes(rest, ',').unwrap_or(rest.len());
            let column = rest[..end].trim();
            let name = ColumnName::new(column);
            if column.is_empty() || name.is_pattern() {
                return None;
            }
            columns.push(name);
            match rest[end..].strip_prefix(',') {
                Some(after) => rest = after,
                None => return Some(Reference { table, columns }),
            }
        }
    }
}

/// The byte at which `wanted` first stands outside of double quotes.
pub fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(index, c)| {
        quoted ^= c == '"';
        (c == wanted && !quoted).then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_quoted_and_several() {
        let reference = Reference::parse(r#" "Sales"."Order(s)" ( "Id,1" , line ) "#).unwrap();
        assert_eq!(reference.table, TableName::parse(r#""Sales"."Order(s)""#).unwrap());
        assert_eq!(reference.columns, [ColumnName::new(r#""Id,1""#), ColumnName::new("line")]);
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for written in ["events", "events()", "events(a,)", "(a)", "events(a", "e*(a)", "events(*)"] {
            assert!(Reference::parse(written).is_none(), "{written}");
        }
    }
}
