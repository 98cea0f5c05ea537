//! The `COPY … FROM stdin;` statement of pg_dump: which table and columns the rows are of.

use crate::error::{Error, Result};
use crate::pg::dump::CopyTarget;
use crate::schema::QualifiedName;

/// Reads a statement such as `COPY public.users (id, "e mail") FROM stdin;`.
///
/// Quoted identifiers may hold anything. A list of no columns, as for a table without any, counts as no list.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it is another statement; its text is not repeated.
pub fn parse(statement: &str) -> Result<CopyTarget> {
    parsed(statement).ok_or_else(|| Error::snapshot("a data entry's COPY statement cannot be read"))
}

fn parsed(statement: &str) -> Option<CopyTarget> {
    let mut rest = Tokens(statement);
    rest.keyword("COPY")?;
    let first = rest.identifier()?;
    let (schema, name) = match rest.symbol('.') {
        Some(()) => (first, rest.identifier()?),
        // pg_dump always names the schema; a statement without one is of the default schema.
        None => ("public".to_string(), first),
    };
    let mut columns = Vec::new();
    if rest.symbol('(').is_some() && rest.symbol(')').is_none() {
        columns.push(rest.identifier()?);
        while rest.symbol(',').is_some() {
            columns.push(rest.identifier()?);
        }
        rest.symbol(')')?;
    }
    rest.keyword("FROM")?;
    rest.keyword("stdin")?;
    rest.symbol(';')?;
    let columns = (!columns.is_empty()).then_some(columns);
    rest.is_empty().then_some(CopyTarget { table: QualifiedName::new(schema, name), columns })
}

/// What is left of a statement.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn keyword(&mut self, keyword: &str) -> Option<()> {
        self.bare().filter(|word| word.eq_ignore_ascii_case(keyword)).map(|_| ())
    }

    /// An identifier: quoted as it stands, else folded to lower case as Postgres does for ASCII.
    fn identifier(&mut self) -> Option<String> {
        if self.symbol('"').is_none() {
            return self.bare().map(str::to_ascii_lowercase);
        }
        let mut name = String::new();
        loop {
            let (part, rest) = self.0.split_once('"')?;
            name.push_str(part);
            match rest.strip_prefix('"') {
                Some(rest) => {
                    name.push('"');
                    self.0 = rest;
                }
                None => {
                    self.0 = rest;
                    return Some(name);
                }
            }
        }
    }

    fn bare(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn is_empty(&self) -> bool {
        self.0.trim_start().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(statement: &str) -> Option<Vec<String>> {
        parse(statement).unwrap().columns
    }

    #[test]
    fn names_are_taken_as_postgres_takes_them() {
        let target = parse("COPY \"a.b\".\"c\"\"d (x)\" (id, \"E, Mail)\", naïve) FROM stdin;\n").unwrap();
        assert_eq!(target.table, QualifiedName::new("a.b", "c\"d (x)"));
        assert_eq!(target.columns.unwrap(), ["id", "E, Mail)", "naïve"]);
    }

    #[test]
    fn the_columns_may_be_missing() {
        assert_eq!(columns("COPY public.t FROM stdin;\n"), None);
        assert_eq!(columns("COPY public.t () FROM stdin;\n"), None);
    }

    #[test]
    fn another_statement_is_refused_without_repeating_it() {
        for statement in
            ["", "COPY t", "COPY t FROM '/tmp/x';", "COPY t (a FROM stdin;", "COPY \"t FROM stdin;"]
        {
            assert_eq!(parse(statement).unwrap_err().what(), "a data entry's COPY statement cannot be read");
        }
        assert!(parse("COPY t FROM stdin; DROP TABLE t;").is_err());
    }
}
