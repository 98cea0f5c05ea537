//! Calls the SQL parser on one statement, so that what it cannot read is told apart from what it can.

use squawk_syntax::SourceFile;
use squawk_syntax::ast::Stmt;

use super::identifier::{bare_word, blank_bytes, identifier};

/// The deepest tree that is parsed. The parser recurses, and a tree deeper than this could exhaust the stack; also,
/// its time grows with the square of the depth.
const MAX_DEPTH: usize = 2048;

/// The longest statement that is parsed; the parser counts bytes in 32 bits.
const MAX_BYTES: usize = 256 << 20;

/// The stack that parsing needs for a tree of [`MAX_DEPTH`]; only what is used of it is ever touched.
pub(super) const STACK_BYTES: usize = 256 << 20;

/// Parses one statement; `None` if it is not read without an error.
pub(super) fn statement(sql: &str) -> Option<Stmt> {
    if sql.len() > MAX_BYTES || depth_bound(sql) > MAX_DEPTH {
        return None;
    }
    let parse = SourceFile::parse(sql);
    if !parse.errors().is_empty() {
        return None;
    }
    parse.tree().stmts().next()
}

/// Parses one `CREATE TABLE`; where that fails, once more with the name that starts each line in quotes.
///
/// pg_dump writes a column a line and leaves names bare that Postgres does not reserve, but the parser does (`exclude`).
pub(super) fn create_table(sql: &str) -> Option<Stmt> {
    statement(sql).or_else(|| statement(&with_quoted_columns(sql)))
}

/// The statement with the lower-case word in quotes that starts a line after four blanks; keywords are upper-case.
fn with_quoted_columns(sql: &str) -> String {
    let quote = |line: &str| {
        let word = line.strip_prefix("    ").and_then(bare_word);
        match word.filter(|word| !word.contains(|c: char| c.is_ascii_uppercase())) {
            Some(word) => format!("    \"{word}\"{}", &line[4 + word.len()..]),
            None => line.to_string(),
        }
    };
    sql.split('\n').map(quote).collect::<Vec<_>>().join("\n")
}

/// A bound on the depth of the syntax tree of `sql`: in each bracket that is open, the tokens since its last comma.
fn depth_bound(sql: &str) -> usize {
    let mut open: Vec<usize> = vec![0];
    let (mut depth, mut deepest) = (0, 0);
    let mut rest = sql;
    loop {
        rest = &rest[blank_bytes(rest)..];
        let Some(first) = rest.chars().next() else { return deepest };
        let length = match first {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            _ => bare_word(rest)
                .map(str::len)
                .or_else(|| identifier(rest).map(|(_, length)| length))
                .unwrap_or(first.len_utf8()),
        };
        let innermost = open.len() - 1;
        match first {
            ',' => depth -= std::mem::take(&mut open[innermost]),
            ')' | ']' if innermost > 0 => depth -= open.pop().unwrap_or(0),
            _ => {
                open[innermost] += 1;
                depth += 1;
                if matches!(first, '(' | '[') {
                    open.push(0);
                }
            }
        }
        deepest = deepest.max(depth);
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_named_like_a_keyword_of_the_parser_is_read() {
        let sql = "CREATE TABLE public.t (\n    id integer NOT NULL,\n    exclude text,\n    CONSTRAINT c CHECK (true)\n)";
        assert!(statement(sql).is_none());
        assert!(matches!(create_table(sql), Some(Stmt::CreateTable(_))));
    }

    #[test]
    fn a_statement_that_would_exhaust_the_stack_is_not_parsed() {
        let nested = format!("ALTER TABLE t ADD CHECK ({}1{})", "(".repeat(9999), ")".repeat(9999));
        assert!(statement(&nested).is_none());
        let chained = format!("ALTER TABLE t ADD CHECK ({}1)", "- ".repeat(9999));
        assert!(statement(&chained).is_none());
    }

    #[test]
    fn a_long_list_is_not_deep() {
        assert!(depth_bound(&format!("CREATE TYPE e AS ENUM ({}'z')", "'a', ".repeat(9999))) < 20);
    }
}
