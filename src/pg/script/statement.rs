//! What a statement of a script is, told from its keywords: the kind, tag and section that an archive gives its entry.
//!
//! Fails closed: a statement that could carry rows in a form that is not read as rows is an error. An unknown one that
//! is only DDL is carried over under its keywords.

use crate::error::{Error, Result};
use crate::pg::dump::Section;

use super::tokens::{Token, Tokens};

/// What a statement is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Class {
    /// Its kind in pg_dump's words, or one of `SESSION`, `OWNER`, `DROP`, `ROLE`, `BEGIN`, `COMMIT`,
    /// `ENABLE TRIGGER`, `DISABLE TRIGGER`; empty for DDL of an unknown kind.
    pub kind: &'static str,
    /// The part of a restore it belongs to; `None` for that of the statement before it.
    pub section: Option<Section>,
    /// The schema of what it makes or changes, where it names one.
    pub schema: Option<String>,
    /// The name of that, where it is told easily.
    pub name: String,
}

impl Class {
    fn new(kind: &'static str, section: impl Into<Option<Section>>) -> Self {
        Class { kind, section: section.into(), ..Class::default() }
    }

    /// With the name that follows in `tokens`.
    fn named(mut self, tokens: &mut Tokens<'_>) -> Self {
        if let Some((schema, name)) = tokens.qualified_name() {
            self.schema = schema;
            self.name = name;
        }
        self
    }
}

/// An object type of CREATE, ALTER and DROP: its keywords, its kind in pg_dump's words, its section.
type ObjectType = (&'static [&'static str], &'static str, Section);

/// The object types; longer keyword sequences come before their own beginnings.
const OBJECT_TYPES: [ObjectType; 38] = [
    (&["ACCESS", "METHOD"], "ACCESS METHOD", Section::PreData),
    (&["AGGREGATE"], "AGGREGATE", Section::PreData),
    (&["CAST"], "CAST", Section::PreData),
    (&["COLLATION"], "COLLATION", Section::PreData),
    (&["CONVERSION"], "CONVERSION", Section::PreData),
    (&["DATABASE"], "DATABASE", Section::PreData),
    (&["DOMAIN"], "DOMAIN", Section::PreData),
    (&["EVENT", "TRIGGER"], "EVENT TRIGGER", Section::PostData),
    (&["EXTENSION"], "EXTENSION", Section::PreData),
    (&["FOREIGN", "DATA", "WRAPPER"], "FOREIGN DATA WRAPPER", Section::PreData),
    (&["FOREIGN", "TABLE"], "FOREIGN TABLE", Section::PreData),
    (&["FUNCTION"], "FUNCTION", Section::PreData),
    (&["GROUP"], "ROLE", Section::PreData),
    (&["INDEX"], "INDEX", Section::PostData),
    (&["LANGUAGE"], "PROCEDURAL LANGUAGE", Section::PreData),
    (&["MATERIALIZED", "VIEW"], "MATERIALIZED VIEW", Section::PreData),
    (&["OPERATOR", "CLASS"], "OPERATOR CLASS", Section::PreData),
    (&["OPERATOR", "FAMILY"], "OPERATOR FAMILY", Section::PreData),
    (&["OPERATOR"], "OPERATOR", Section::PreData),
    (&["POLICY"], "POLICY", Section::PostData),
    (&["PROCEDURE"], "PROCEDURE", Section::PreData),
    (&["PUBLICATION"], "PUBLICATION", Section::PostData),
    (&["ROLE"], "ROLE", Section::PreData),
    (&["RULE"], "RULE", Section::PostData),
    (&["SCHEMA"], "SCHEMA", Section::PreData),
    (&["SEQUENCE"], "SEQUENCE", Section::PreData),
    (&["SERVER"], "SERVER", Section::PreData),
    (&["STATISTICS"], "STATISTICS", Section::PostData),
    (&["SUBSCRIPTION"], "SUBSCRIPTION", Section::PostData),
    (&["TABLESPACE"], "TABLESPACE", Section::PreData),
    (&["TABLE"], "TABLE", Section::PreData),
    (&["TEXT", "SEARCH", "CONFIGURATION"], "TEXT SEARCH CONFIGURATION", Section::PreData),
    (&["TEXT", "SEARCH", "DICTIONARY"], "TEXT SEARCH DICTIONARY", Section::PreData),
    (&["TRANSFORM"], "TRANSFORM", Section::PreData),
    (&["TRIGGER"], "TRIGGER", Section::PostData),
    (&["TYPE"], "TYPE", Section::PreData),
    (&["USER", "MAPPING"], "USER MAPPING", Section::PreData),
    (&["VIEW"], "VIEW", Section::PreData),
];

/// Object types that few dumps hold, so that the table above stays in one piece.
const RARE_OBJECT_TYPES: [ObjectType; 3] = [
    (&["TEXT", "SEARCH", "PARSER"], "TEXT SEARCH PARSER", Section::PreData),
    (&["TEXT", "SEARCH", "TEMPLATE"], "TEXT SEARCH TEMPLATE", Section::PreData),
    (&["USER"], "ROLE", Section::PreData),
];

/// The words between CREATE and the object type.
const MODIFIERS: [&str; 13] = [
    "OR",
    "REPLACE",
    "GLOBAL",
    "LOCAL",
    "TEMPORARY",
    "TEMP",
    "UNLOGGED",
    "RECURSIVE",
    "TRUSTED",
    "PROCEDURAL",
    "UNIQUE",
    "CONSTRAINT",
    "DEFAULT",
];

/// First words of further statements that hold no rows: carried over as they are.
const OTHER_DDL: [&str; 9] =
    ["REASSIGN", "IMPORT", "LOAD", "CLUSTER", "REINDEX", "ANALYZE", "VACUUM", "TRUNCATE", "LOCK"];

/// First words of statements that may carry rows or make them, so that a message can name them.
const ROW_STATEMENTS: [&str; 14] = [
    "COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "DO", "SELECT", "EXECUTE", "PREPARE", "CALL", "WITH",
    "VALUES", "TABLE", "EXPLAIN",
];

/// Says what the statement `sql` is, which is neither COPY from stdin nor INSERT.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it may carry rows in a form that is not known.
pub fn classify(sql: &str, backslashes: bool) -> Result<Class> {
    let mut tokens = Tokens::new(sql, backslashes);
    let Some(Token::Word(first)) = tokens.next() else {
        return Err(unknown("a statement does not begin with a keyword"));
    };
    let first = first.to_ascii_uppercase();
    match first.as_str() {
        "CREATE" => create(tokens),
        "ALTER" => Ok(alter(tokens)),
        "DROP" => Ok(drop(tokens)),
        "COMMENT" => Ok(Class { name: large_object(sql, tokens), ..Class::new("COMMENT", None) }),
        "GRANT" | "REVOKE" if tokens.has(&["ON"]) => {
            Ok(Class { name: large_object(sql, tokens), ..Class::new("ACL", None) })
        }
        "GRANT" | "REVOKE" => Ok(Class::new("ROLE", Section::PreData)),
        "SECURITY" if tokens.eat("LABEL") => {
            Ok(Class { name: large_object(sql, tokens), ..Class::new("SECURITY LABEL", None) })
        }
        "REFRESH" if tokens.eat_all(&["MATERIALIZED", "VIEW"]) => {
            Ok(Class::new("MATERIALIZED VIEW DATA", Section::PostData).named(&mut tokens))
        }
        "SET" | "RESET" => Ok(Class::new("SESSION", Section::None)),
        "BEGIN" | "START" => Ok(Class::new("BEGIN", Section::None)),
        "COMMIT" => Ok(Class::new("COMMIT", Section::None)),
        "SELECT" => select(tokens),
        // How pg_dumpall of old versions marks a template database.
        "UPDATE" if tokens.eat_all(&["PG_CATALOG"]) => catalog_update(tokens),
        other if OTHER_DDL.contains(&other) => Ok(Class::new("", None)),
        other => Err(match ROW_STATEMENTS.iter().find(|known| **known == other) {
            Some(known) => unknown(&format!("a {known} statement of a form that is not read as rows")),
            None => unknown("a statement of an unknown kind"),
        }),
    }
}

/// What the statement sets to which value, if it is `SET name = value` or sets `search_path` by `set_config`.
///
/// The name is in lower case; the value is that of a literal, a name or a word, without quotes.
pub fn setting(sql: &str) -> Option<(String, String)> {
    let mut tokens = Tokens::new(sql, false);
    if tokens.eat("SELECT") {
        if tokens.eat("PG_CATALOG") {
            tokens.eat_symbol(b'.');
        }
        if !tokens.eat("SET_CONFIG") || !tokens.eat_symbol(b'(') {
            return None;
        }
        let name = plain_literal(tokens.next()?)?;
        tokens.eat_symbol(b',');
        return Some((name.to_ascii_lowercase(), plain_literal(tokens.next()?)?));
    }
    if !tokens.eat("SET") {
        return None;
    }
    let _ = tokens.eat("SESSION") || tokens.eat("LOCAL");
    if tokens.eat("NAMES") {
        return Some(("client_encoding".to_string(), plain_literal(tokens.next()?)?));
    }
    let name = tokens.identifier()?;
    if !tokens.eat_symbol(b'=') && !tokens.eat("TO") {
        return None;
    }
    Some((name, plain_literal(tokens.next()?)?))
}

fn plain_literal(token: Token<'_>) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.to_string()),
        Token::Name(name) => Some(name),
        Token::Literal(text) => {
            Some(text.strip_prefix('\'')?.strip_suffix('\'').unwrap_or_default().replace("''", "'"))
        }
        Token::Number | Token::Symbol(_) => None,
    }
}

/// The ranges of `sql` that hold `PASSWORD '…'` clauses, `ENCRYPTED` included.
pub fn password_clauses(sql: &str, backslashes: bool) -> Vec<std::ops::Range<usize>> {
    let mut clauses = Vec::new();
    let mut tokens = Tokens::new(sql, backslashes);
    loop {
        let start = tokens.offset();
        let _ = tokens.eat("ENCRYPTED") || tokens.eat("UNENCRYPTED");
        if tokens.eat("PASSWORD") {
            if matches!(tokens.peek(), Some(Token::Literal(_))) {
                tokens.next();
                clauses.push(start..tokens.offset());
            }
        } else if tokens.next().is_none() {
            return clauses;
        }
    }
}

/// The tag of a statement that says something `ON LARGE OBJECT`, such as `LARGE OBJECT 70001`; else nothing. One
/// comment may stand before several such statements, so that it cannot tell for each.
fn large_object(sql: &str, mut tokens: Tokens<'_>) -> String {
    while !tokens.eat_all(&["ON", "LARGE", "OBJECT"]) {
        if tokens.next().is_none() {
            return String::new();
        }
    }
    let start = tokens.offset();
    tokens.next();
    format!("LARGE OBJECT {}", sql[start..tokens.offset()].trim())
}

fn unknown(what: &str) -> Error {
    Error::snapshot(what).hint("give a script as pg_dump wrote it: rows as COPY or INSERT … VALUES")
}

fn object_type(tokens: &mut Tokens<'_>) -> Option<(&'static str, Section)> {
    OBJECT_TYPES
        .iter()
        .chain(&RARE_OBJECT_TYPES)
        .find(|(keywords, _, _)| tokens.eat_all(keywords))
        .map(|(_, kind, section)| (*kind, *section))
}

fn create(mut tokens: Tokens<'_>) -> Result<Class> {
    while MODIFIERS.iter().any(|modifier| tokens.eat(modifier)) {}
    let Some((kind, section)) = object_type(&mut tokens) else { return Ok(Class::new("", None)) };
    let _ = tokens.eat_all(&["IF", "NOT", "EXISTS"]) || tokens.eat("CONCURRENTLY");
    if kind == "TABLE" && tokens.has(&["AS"]) {
        return Err(unknown("a CREATE TABLE AS statement, which carries rows"));
    }
    let class = Class::new(kind, section);
    Ok(match kind {
        // Their names are descriptions, or operators.
        "CAST" | "TRANSFORM" | "OPERATOR" | "USER MAPPING" => class,
        _ => class.named(&mut tokens),
    })
}

fn alter(mut tokens: Tokens<'_>) -> Class {
    if tokens.eat_all(&["DEFAULT", "PRIVILEGES"]) {
        return Class::new("DEFAULT ACL", Section::PostData);
    }
    if tokens.eat_all(&["LARGE", "OBJECT"]) {
        return Class::new("BLOB", Section::PreData);
    }
    let _ = tokens.eat("PROCEDURAL");
    let Some((object, section)) = object_type(&mut tokens) else { return Class::new("", None) };
    if matches!(object, "ROLE" | "USER MAPPING" | "SUBSCRIPTION") {
        return Class::new(object, section);
    }
    if object == "OPERATOR" {
        return Class::new(if tokens.has(&["OWNER", "TO"]) { "OWNER" } else { object }, None);
    }
    let _ = tokens.eat_all(&["IF", "EXISTS"]);
    let _ = tokens.eat("ONLY");
    let named = Class::new("", None).named(&mut tokens);
    let (kind, section) = match object {
        "DATABASE" if tokens.has(&["SET"]) => ("DATABASE PROPERTIES", Some(Section::PreData)),
        "DATABASE" => ("DATABASE", Some(Section::PreData)),
        _ if tokens.has(&["OWNER", "TO"]) => ("OWNER", None),
        "TABLE" | "FOREIGN TABLE" | "VIEW" => alter_table(&mut tokens, object),
        "INDEX" if tokens.eat_all(&["ATTACH", "PARTITION"]) => ("INDEX ATTACH", Some(Section::PostData)),
        "SEQUENCE" if tokens.has(&["OWNED", "BY"]) => ("SEQUENCE OWNED BY", Some(Section::PreData)),
        "DOMAIN" if tokens.eat_all(&["ADD", "CONSTRAINT"]) => ("CHECK CONSTRAINT", Some(Section::PostData)),
        "PUBLICATION" if tokens.eat_all(&["ADD", "TABLES"]) => {
            ("PUBLICATION TABLES IN SCHEMA", Some(Section::PostData))
        }
        "PUBLICATION" if tokens.eat_all(&["ADD", "TABLE"]) => ("PUBLICATION TABLE", Some(Section::PostData)),
        "PUBLICATION" | "EVENT TRIGGER" | "INDEX" | "STATISTICS" | "TRIGGER" => {
            (object, Some(Section::PostData))
        }
        _ => (object, Some(section).filter(|section| *section != Section::PreData)),
    };
    Class { kind, section, ..named }
}

/// The action of ALTER TABLE, in `tokens` after the table's name.
fn alter_table(tokens: &mut Tokens<'_>, object: &'static str) -> (&'static str, Option<Section>) {
    const ADD: [&[&str]; 7] = [
        &["ADD", "CONSTRAINT"],
        &["ADD", "PRIMARY", "KEY"],
        &["ADD", "UNIQUE"],
        &["ADD", "FOREIGN", "KEY"],
        &["ADD", "CHECK"],
        &["ADD", "EXCLUDE"],
        &["ADD", "NOT", "NULL"],
    ];
    let post_data = Some(Section::PostData);
    let adds = ADD.iter().any(|keywords| tokens.clone().eat_all(keywords));
    if adds && tokens.has(&["FOREIGN", "KEY"]) {
        return ("FK CONSTRAINT", post_data);
    }
    if adds {
        return (if tokens.has(&["CHECK"]) { "CHECK CONSTRAINT" } else { "CONSTRAINT" }, post_data);
    }
    if tokens.eat_all(&["ATTACH", "PARTITION"]) {
        return ("TABLE ATTACH", Some(Section::PreData));
    }
    if tokens.eat_all(&["CLUSTER", "ON"]) || tokens.has(&["REPLICA", "IDENTITY", "USING"]) {
        return ("INDEX", post_data);
    }
    let is_forced = tokens.clone().eat("FORCE") || tokens.clone().eat_all(&["NO", "FORCE"]);
    if tokens.has(&["ROW", "LEVEL", "SECURITY"]) && !is_forced {
        return ("ROW SECURITY", post_data);
    }
    if tokens.eat_all(&["ENABLE", "TRIGGER", "ALL"]) {
        return ("ENABLE TRIGGER", Some(Section::Data));
    }
    if tokens.eat_all(&["DISABLE", "TRIGGER", "ALL"]) {
        return ("DISABLE TRIGGER", Some(Section::Data));
    }
    if tokens.clone().eat("ENABLE") || tokens.clone().eat("DISABLE") {
        return (if tokens.has(&["RULE"]) { "RULE" } else { "TRIGGER" }, post_data);
    }
    if tokens.clone().eat("DROP")
        || tokens.has(&["DROP", "DEFAULT"])
        || tokens.eat_all(&["DETACH", "PARTITION"])
    {
        return ("DROP", Some(Section::PreData));
    }
    if tokens.has(&["SET", "DEFAULT"]) {
        return ("DEFAULT", Some(Section::PreData));
    }
    if tokens.has(&["ADD", "GENERATED"]) {
        return ("SEQUENCE", Some(Section::PreData));
    }
    (object, None)
}

fn drop(mut tokens: Tokens<'_>) -> Class {
    match object_type(&mut tokens) {
        Some((kind @ ("DATABASE" | "ROLE"), _)) => Class::new(kind, Section::PreData),
        _ => Class::new("DROP", Section::PreData),
    }
}

/// `SELECT function(…)`, or `SELECT * FROM function(…)`, of a function that pg_dump calls, with constants only.
fn select(mut tokens: Tokens<'_>) -> Result<Class> {
    let drops_large_object = tokens.clone().eat_all(&["CASE", "WHEN", "EXISTS"]);
    if drops_large_object && calls_only(tokens.clone(), "LO_UNLINK") {
        return Ok(Class::new("DROP", Section::PreData));
    }
    if tokens.eat_symbol(b'*') {
        tokens.eat("FROM");
    }
    if tokens.eat("PG_CATALOG") {
        tokens.eat_symbol(b'.');
    }
    let function = tokens.identifier().unwrap_or_default();
    let mut class = match function.as_str() {
        "setval" => Class::new("SEQUENCE SET", Section::Data),
        "set_config" => Class::new("SESSION", Section::None),
        "lo_create" | "lo_creat" | "lo_unlink" => Class::new("BLOB", Section::PreData),
        "lo_open" | "lowrite" | "lo_close" => Class::new("BLOBS", Section::Data),
        "pg_restore_relation_stats"
        | "pg_restore_attribute_stats"
        | "pg_restore_extended_stats"
        | "pg_clear_relation_stats"
        | "pg_clear_attribute_stats"
        | "pg_clear_extended_stats" => Class::new("STATISTICS DATA", None),
        _ => return Err(unknown("a SELECT of something other than the functions that pg_dump calls")),
    };
    if !calls_with_constants(tokens.clone()) {
        return Err(unknown("a SELECT with more than one call with constants"));
    }
    if class.kind == "SEQUENCE SET"
        && tokens.eat_symbol(b'(')
        && let Some(sequence) = tokens.next().and_then(plain_literal)
        && let Some((schema, name)) = Tokens::new(&sequence, false).qualified_name()
    {
        class = Class { schema, name, ..class };
    }
    Ok(class)
}

/// Whether `tokens` is one call's arguments in parentheses, without a query in them, and nothing else.
fn calls_with_constants(mut tokens: Tokens<'_>) -> bool {
    let mut depth = 0_u32;
    loop {
        match tokens.next() {
            Some(Token::Symbol(b'(')) => depth += 1,
            Some(Token::Symbol(b')')) if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return tokens.is_done();
                }
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("select") => return false,
            Some(_) if depth > 0 => {}
            _ => return false,
        }
    }
}

/// Whether the only functions of `pg_catalog` that are called are `function` and EXISTS.
fn calls_only(mut tokens: Tokens<'_>, function: &str) -> bool {
    let mut calls = 0;
    while let Some(token) = tokens.next() {
        if !matches!(token, Token::Word(_)) || tokens.peek() != Some(Token::Symbol(b'(')) {
            continue;
        }
        match token {
            Token::Word(word) if word.eq_ignore_ascii_case(function) => calls += 1,
            Token::Word(word) if word.eq_ignore_ascii_case("exists") => {}
            _ => return false,
        }
    }
    calls == 1
}

fn catalog_update(mut tokens: Tokens<'_>) -> Result<Class> {
    if tokens.eat_symbol(b'.') && tokens.eat("PG_DATABASE") {
        return Ok(Class::new("DATABASE PROPERTIES", Section::PreData));
    }
    Err(unknown("an UPDATE statement of a form that is not read as rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(sql: &str) -> &'static str {
        classify(sql, false).unwrap().kind
    }

    #[test]
    fn what_is_said_of_a_large_object_is_named_for_it() {
        for sql in [
            "GRANT SELECT ON LARGE OBJECT 70001 TO \"ON LARGE OBJECT 2\";",
            "REVOKE ALL ON LARGE OBJECT 70001 FROM PUBLIC;",
            "COMMENT ON LARGE OBJECT 70001 IS 'x';",
            "SECURITY LABEL FOR a ON LARGE OBJECT 70001 IS 'x';",
        ] {
            assert_eq!(classify(sql, false).unwrap().name, "LARGE OBJECT 70001", "{sql}");
        }
        assert_eq!(classify("GRANT SELECT ON TABLE a TO \"ON LARGE OBJECT 2\";", false).unwrap().name, "");
    }

    #[test]
    fn statements_have_the_kinds_of_an_archive() {
        for (sql, expected) in [
            ("CREATE UNLOGGED TABLE public.a (b integer GENERATED ALWAYS AS (1) STORED);", "TABLE"),
            ("CREATE UNIQUE INDEX a ON public.b USING btree (c);", "INDEX"),
            ("CREATE CONSTRAINT TRIGGER a AFTER INSERT ON b EXECUTE FUNCTION c();", "TRIGGER"),
            ("CREATE OR REPLACE PROCEDURE a() LANGUAGE sql AS $$ $$;", "PROCEDURE"),
            ("CREATE USER MAPPING FOR a SERVER b OPTIONS (password 'x');", "USER MAPPING"),
            ("CREATE USER a;", "ROLE"),
            ("CREATE TEXT SEARCH CONFIGURATION a (PARSER = b);", "TEXT SEARCH CONFIGURATION"),
            ("ALTER TABLE ONLY a ADD CONSTRAINT b FOREIGN KEY (c) REFERENCES d(e);", "FK CONSTRAINT"),
            ("ALTER TABLE ONLY a ADD CONSTRAINT b PRIMARY KEY (c);", "CONSTRAINT"),
            ("ALTER TABLE a ADD CONSTRAINT b CHECK ((c > 0)) NOT VALID;", "CHECK CONSTRAINT"),
            ("ALTER TABLE ONLY a ATTACH PARTITION b FOR VALUES IN (1);", "TABLE ATTACH"),
            ("ALTER TABLE ONLY a ALTER COLUMN b SET DEFAULT nextval('c');", "DEFAULT"),
            ("ALTER TABLE a ENABLE ROW LEVEL SECURITY;", "ROW SECURITY"),
            ("ALTER TABLE ONLY a FORCE ROW LEVEL SECURITY;", "TABLE"),
            ("ALTER TABLE a DISABLE TRIGGER ALL;", "DISABLE TRIGGER"),
            ("ALTER TABLE a OWNER TO b;", "OWNER"),
            ("ALTER TABLE IF EXISTS ONLY a DROP CONSTRAINT IF EXISTS b;", "DROP"),
            ("ALTER INDEX a ATTACH PARTITION b;", "INDEX ATTACH"),
            ("ALTER SEQUENCE a OWNED BY b.c;", "SEQUENCE OWNED BY"),
            ("ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b;", "DEFAULT ACL"),
            ("GRANT ALL ON TABLE a TO b;", "ACL"),
            ("GRANT a TO b;", "ROLE"),
            ("SECURITY LABEL FOR a ON COLUMN b.c IS 'd';", "SECURITY LABEL"),
            ("REFRESH MATERIALIZED VIEW a;", "MATERIALIZED VIEW DATA"),
            ("SELECT pg_catalog.setval('a', 1, true);", "SEQUENCE SET"),
            ("SELECT pg_catalog.lowrite(0, '\\x00');", "BLOBS"),
            ("SELECT * FROM pg_catalog.pg_restore_relation_stats('a', '1'::integer);", "STATISTICS DATA"),
            (
                "SELECT CASE WHEN EXISTS(SELECT 1 FROM pg_catalog.pg_largeobject_metadata WHERE oid = '1') \
                 THEN pg_catalog.lo_unlink('1') END;",
                "DROP",
            ),
            ("TRUNCATE a;", ""),
            ("CREATE NOVELTY a;", ""),
        ] {
            assert_eq!(kind(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_may_carry_rows_is_refused_without_repeating_them() {
        for sql in [
            "UPDATE a SET b = 'secret';",
            "DELETE FROM a WHERE b = 'secret';",
            "DO $$ secret $$;",
            "SELECT secret();",
            "SELECT pg_catalog.setval('a', (SELECT 1), true);",
            "SELECT pg_catalog.setval('a', 1, true), secret();",
            "SELECT CASE WHEN EXISTS(SELECT 1) THEN secret('1') END;",
            "COPY a FROM '/secret';",
            "CREATE TABLE a AS SELECT 'secret';",
            "EXECUTE secret;",
            "CALL secret();",
            "secret;",
            "'secret';",
        ] {
            let error = classify(sql, false).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn settings_are_read_in_both_forms() {
        for (sql, expected) in [
            ("SET client_encoding = 'LATIN1';", Some(("client_encoding", "LATIN1"))),
            ("SET search_path = public, pg_catalog;", Some(("search_path", "public"))),
            ("SET standard_conforming_strings TO off;", Some(("standard_conforming_strings", "off"))),
            ("SELECT pg_catalog.set_config('search_path', '', false);", Some(("search_path", ""))),
            ("SET SESSION AUTHORIZATION 'a';", None),
            ("SET NAMES 'LATIN1';", Some(("client_encoding", "LATIN1"))),
        ] {
            let expected = expected.map(|(name, value)| (name.to_string(), value.to_string()));
            assert_eq!(setting(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_password_is_found_with_its_keywords() {
        let sql = "ALTER ROLE a WITH LOGIN ENCRYPTED PASSWORD 'md5''x' VALID UNTIL 'infinity';";
        let [clause] = &password_clauses(sql, false)[..] else { panic!("one clause expected") };
        assert_eq!(&sql[clause.clone()], " ENCRYPTED PASSWORD 'md5''x'");
    }
}
