//! The `COPY … FROM stdin;` statement of a dump: which table and columns the rows after it are for.

use crate::error::{Error, Result};
use crate::pg::dump::CopyTarget;
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::QualifiedName;

/// Where the rows of `COPY … FROM stdin` go; `default_schema` is for a table without schema.
///
/// A list of no columns counts as no list. Options are refused: they change the form of the rows, and those of
/// `WITH OIDS` (before PostgreSQL 12) have a value more than their columns.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it is not of the form that pg_dump writes; its text is not
/// repeated.
pub fn copy_target(statement: &str, default_schema: &str) -> Result<CopyTarget> {
    read(statement, default_schema).ok_or_else(|| {
        Error::snapshot(
            "a COPY statement of a form that is not read: only `COPY table (columns) FROM stdin;` is",
        )
        .hint("take the dump with pg_dump, without oids")
    })
}

fn read(statement: &str, default_schema: &str) -> Option<CopyTarget> {
    let mut tokens = Tokens::new(statement, false);
    if !tokens.eat("COPY") {
        return None;
    }
    let (schema, name) = tokens.qualified_name()?;
    let columns = match tokens.peek() {
        Some(Token::Symbol(b'(')) => Some(tokens.identifiers()?).filter(|columns| !columns.is_empty()),
        _ => None,
    };
    let schema = schema.unwrap_or_else(|| default_schema.to_string());
    let is_plain = tokens.eat_all(&["FROM", "STDIN"]) && tokens.is_done();
    is_plain.then_some(CopyTarget { table: QualifiedName { schema, name }, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(statement: &str) -> Option<Vec<String>> {
        copy_target(statement, "public").unwrap().columns
    }

    #[test]
    fn names_are_taken_as_postgres_takes_them() {
        let statement = "COPY \"a.b\".\"c\"\"d (x)\" (id, \"E, Mail)\", naïve, \"exclude\") FROM stdin;\n";
        let target = copy_target(statement, "public").unwrap();
        assert_eq!(target.table, QualifiedName::new("a.b", "c\"d (x)"));
        assert_eq!(target.columns.unwrap(), ["id", "E, Mail)", "naïve", "exclude"]);
    }

    #[test]
    fn a_bare_table_is_in_the_default_schema() {
        let target = copy_target("copy T from STDIN;", "old").unwrap();
        assert_eq!(target, CopyTarget { table: QualifiedName::new("old", "t"), columns: None });
    }

    #[test]
    fn the_columns_may_be_missing() {
        assert_eq!(columns("COPY public.t  FROM stdin;\n"), None);
        assert_eq!(columns("COPY public.t () FROM stdin;\n"), None);
    }

    #[test]
    fn another_statement_is_refused_without_repeating_it() {
        for statement in [
            "",
            "COPY secret",
            "COPY secret TO stdout;",
            "COPY secret FROM '/tmp/x';",
            "COPY secret (a FROM stdin;",
            "COPY \"secret FROM stdin;",
            "COPY (SELECT 1) TO stdout",
            "COPY secret (a) WITH OIDS FROM stdin;",
            "COPY secret (a) FROM stdin WITH OIDS;",
            "COPY secret FROM stdin WITH (FORMAT csv);",
            "COPY secret FROM stdin; DROP TABLE t;",
            "SELECT 1",
        ] {
            let error = copy_target(statement, "public").unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
