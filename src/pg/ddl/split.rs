//! A text of SQL cut into statements, and the few first words that say which of them are worth parsing.

use super::identifier::{bare_word, blank_bytes};

/// The statements of `sql`, without their semicolons; comments and psql's backslash commands between them left out.
pub(super) fn statements(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[blank_bytes(rest)..];
            if rest.is_empty() {
                return None;
            }
            if rest.starts_with('\\') {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            let length = statement_bytes(rest);
            let statement = &rest[..length];
            rest = rest[length..].strip_prefix(';').unwrap_or("");
            if !statement.is_empty() {
                return Some(statement);
            }
        }
    })
}

/// How many bytes come before the semicolon that ends the statement: one outside of strings, names and comments.
fn statement_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at += match &bytes[at..] {
            [b';', ..] => return at,
            [b'\'', ..] => 1 + to_closing(&bytes[at + 1..], b'\'', false),
            [b'"', ..] => 1 + to_closing(&bytes[at + 1..], b'"', false),
            [b'-', b'-', ..] | [b'/', b'*', ..] => blank_bytes(&text[at..]),
            [b'e' | b'E', b'\'', ..] => 2 + to_closing(&bytes[at + 2..], b'\'', true),
            [b'$', ..] => dollar_string_bytes(&text[at..]),
            // A word is passed as a whole, so that the `$` of `a$b$` and the `e` of `type'…'` start nothing.
            [first, ..] if first.is_ascii_alphabetic() || *first == b'_' || !first.is_ascii() => {
                bare_word(&text[at..]).map_or(1, str::len)
            }
            _ => 1,
        };
    }
    bytes.len()
}

/// How many bytes there are up to and with the closing quote; all, where there is none.
fn to_closing(bytes: &[u8], quote: u8, backslash_escapes: bool) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash_escapes => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// How many bytes the dollar-quoted string at the start of `text` takes; 1 if none starts there.
fn dollar_string_bytes(text: &str) -> usize {
    let tag_bytes = bare_word(&text[1..]).map_or(0, |word| word.find('$').unwrap_or(word.len()));
    let Some(mark) = text.get(..tag_bytes + 2).filter(|mark| mark.ends_with('$')) else { return 1 };
    let body = &text[mark.len()..];
    body.find(mark).map_or(text.len(), |end| mark.len() + end + mark.len())
}

/// Statements that say something about the tables; the others are carried over unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    CreateTable,
    CreateUniqueIndex,
    CreateMaterializedView,
    AlterTable,
    /// Types, domains and sequences, made or changed.
    Definition,
    SetSearchPath,
    /// `SELECT pg_catalog.set_config('search_path', …)`
    SetConfig,
}

/// What `statement` is about; `None` if it has no bearing on the catalog.
pub(super) fn topic(statement: &str) -> Option<Topic> {
    let words = first_words(statement);
    let mut words = words.iter().map(String::as_str).peekable();
    match words.next()? {
        "create" => {
            while words
                .next_if(|word| matches!(*word, "global" | "local" | "unlogged" | "temp" | "temporary"))
                .is_some()
            {}
            match (words.next()?, words.next()) {
                ("table", _) | ("foreign", Some("table")) => Some(Topic::CreateTable),
                ("unique", _) => Some(Topic::CreateUniqueIndex),
                ("materialized", _) => Some(Topic::CreateMaterializedView),
                ("type" | "domain" | "sequence", _) => Some(Topic::Definition),
                _ => None,
            }
        }
        "alter" => match (words.next()?, words.next()) {
            ("table", _) | ("foreign", Some("table")) => Some(Topic::AlterTable),
            ("type" | "domain" | "sequence", _) => Some(Topic::Definition),
            _ => None,
        },
        "set" => {
            words.next_if(|word| matches!(*word, "session" | "local"));
            (words.next() == Some("search_path")).then_some(Topic::SetSearchPath)
        }
        "select" => words.any(|word| word == "set_config").then_some(Topic::SetConfig),
        _ => None,
    }
}

/// The first words in lower case, up to five; symbols between them are passed over.
fn first_words(statement: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = statement;
    while words.len() < 5 {
        rest = rest[blank_bytes(rest)..].trim_start_matches('.');
        let Some(word) = bare_word(rest) else { break };
        words.push(word.to_ascii_lowercase());
        rest = &rest[word.len()..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_in_a_string_name_or_comment_ends_nothing() {
        let sql = "-- a;\n\\restrict x;y\nSELECT ';', E'\\';', \";\", $$;$$, $a$;$$;$a$, a$b;/* ; */ SELECT /* ; */ 2;;";
        let cut: Vec<_> = statements(sql).collect();
        assert_eq!(cut, ["SELECT ';', E'\\';', \";\", $$;$$, $a$;$$;$a$, a$b", "SELECT /* ; */ 2"]);
    }

    #[test]
    fn the_first_words_tell_the_topic() {
        for (statement, expected) in [
            ("CREATE UNLOGGED TABLE a ()", Some(Topic::CreateTable)),
            ("CREATE FOREIGN TABLE a ()", Some(Topic::CreateTable)),
            ("CREATE FOREIGN DATA WRAPPER a", None),
            ("CREATE UNIQUE INDEX a", Some(Topic::CreateUniqueIndex)),
            ("CREATE INDEX a", None),
            ("ALTER TABLE ONLY a", Some(Topic::AlterTable)),
            ("set session search_path = a", Some(Topic::SetSearchPath)),
            ("SET lock_timeout = 0", None),
            ("SELECT pg_catalog.set_config('search_path', '', false)", Some(Topic::SetConfig)),
            ("SELECT pg_catalog.setval('a', 1)", None),
            ("CREATE FUNCTION create_table() AS 'CREATE TABLE a ()'", None),
        ] {
            assert_eq!(topic(statement), expected, "{statement}");
        }
    }
}
