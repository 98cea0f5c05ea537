//! The `COPY … FROM stdin` statement of a dump: which table and which columns the rows after it are for.

use super::identifier::{bare_word, blank_bytes, identifier, qualified_name};
use crate::pg::dump::CopyTarget;
use crate::schema::QualifiedName;

/// What `COPY table (columns) FROM stdin …` is for; `None` if `statement` is no such statement.
///
/// A bare table name is taken to be in `default_schema`. `WITH OIDS` (before PostgreSQL 12) is not read: its rows have
/// a value more than their columns.
pub fn copy_target(statement: &str, default_schema: &str) -> Option<CopyTarget> {
    let rest = after_keyword(statement, "copy")?;
    let (schema, name, length) = qualified_name(rest)?;
    let table = QualifiedName { schema: schema.unwrap_or_else(|| default_schema.to_string()), name };
    let rest = &rest[length..];
    let (columns, rest) = match after_symbol(rest, '(') {
        Some(list) => {
            let (columns, rest) = column_list(list)?;
            (Some(columns), rest)
        }
        None => (None, rest),
    };
    let rest = after_keyword(after_keyword(rest, "from")?, "stdin")?;
    let with_oids = after_keyword(rest, "with").and_then(|rest| after_keyword(rest, "oids"));
    with_oids.is_none().then_some(CopyTarget { table, columns })
}

/// The names up to the closing parenthesis, and the text after it.
fn column_list(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut columns = Vec::new();
    if let Some(rest) = after_symbol(text, ')') {
        return Some((columns, rest));
    }
    loop {
        let (column, length) = identifier(text)?;
        columns.push(column);
        text = &text[length..];
        match after_symbol(text, ',') {
            Some(rest) => text = rest,
            None => return Some((columns, after_symbol(text, ')')?)),
        }
    }
}

fn after_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = &text[blank_bytes(text)..];
    let word = bare_word(rest)?;
    word.eq_ignore_ascii_case(keyword).then(|| &rest[word.len()..])
}

fn after_symbol(text: &str, symbol: char) -> Option<&str> {
    text[blank_bytes(text)..].strip_prefix(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_columns_are_read_as_postgres_holds_them() {
        let target =
            copy_target("COPY sales.\"Big.Table\" (id, \"a,)b\", \"exclude\") FROM stdin;\n", "public");
        let target = target.expect("a COPY statement");
        assert_eq!(target.table, QualifiedName::new("sales", "Big.Table"));
        assert_eq!(target.columns.expect("columns"), ["id", "a,)b", "exclude"]);
    }

    #[test]
    fn a_bare_table_is_in_the_default_schema_and_needs_no_columns() {
        let target = copy_target("copy T from STDIN WITH (FORMAT text);", "old").expect("a COPY statement");
        assert_eq!(target, CopyTarget { table: QualifiedName::new("old", "t"), columns: None });
    }

    #[test]
    fn what_is_no_copy_from_stdin_is_none() {
        for statement in [
            "COPY t TO stdout;",
            "COPY t (a) FROM '/tmp/x';",
            "COPY t (a FROM stdin;",
            "COPY (SELECT 1) TO stdout",
            "COPY t (a) WITH OIDS FROM stdin;",
            "COPY t (a) FROM stdin WITH OIDS;",
            "SELECT 1",
            "",
        ] {
            assert_eq!(copy_target(statement, "public"), None, "{statement}");
        }
    }
}
