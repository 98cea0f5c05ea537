//! What of a database acts on its own or reaches elsewhere: left out where a copy goes live, so that staging sends no
//! mail, replicates to nobody and logs in nowhere.
//!
//! Entry by entry; what columns hold is for the rules to say.

use crate::pg::dump::{Dump, Entry};
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::QualifiedName;

const OF_PUBLICATION: &str = "a copy publishes nothing";
const OF_EVENT_TRIGGER: &str = "event triggers would act on the copy";
const OF_CRON: &str = "scheduled jobs would run in the copy";

/// Why `entry` has no place in a live copy, if it has none.
pub fn reason(entry: &Entry) -> Option<&'static str> {
    let is_of =
        |kind: &str| entry.kind.starts_with(kind) || entry.tag.starts_with(kind) || names(entry, kind);
    if is_of("PUBLICATION") {
        return Some(OF_PUBLICATION);
    }
    if is_of("EVENT TRIGGER") {
        return Some(OF_EVENT_TRIGGER);
    }
    let namespace = entry.namespace.as_deref().unwrap_or_default();
    let is_job = matches!(entry.kind.as_str(), "TABLE DATA" | "SEQUENCE SET") && namespace == "cron";
    is_job.then_some(OF_CRON)
}

/// Whether the rows of `table` are jobs of pg_cron, or a log of them.
pub fn is_job_table(table: &QualifiedName) -> bool {
    table.schema == "cron" && matches!(table.name.as_str(), "job" | "job_run_details")
}

/// Whether a statement of a script that is not of its own kind is about an `object`: a comment, an owner, a switch.
fn names(entry: &Entry, object: &str) -> bool {
    let is_about = matches!(entry.kind.as_str(), "COMMENT" | "OWNER" | "SECURITY LABEL" | "ACL" | "");
    let mut tokens = Tokens::new(&entry.definition, false);
    let verbs: [&[&str]; 3] = [&["COMMENT", "ON"], &["ALTER"], &["SECURITY", "LABEL", "ON"]];
    let words: Vec<&str> = object.split(' ').collect();
    is_about && verbs.iter().any(|verb| tokens.eat_all(verb)) && tokens.eat_all(&words)
}

/// Takes the options of foreign servers and of their wrappers away: addresses and passwords. Says which.
pub fn strip_options(dump: &mut Dump) -> Vec<String> {
    let mut stripped = Vec::new();
    for entry in &mut dump.entries {
        if !matches!(entry.kind.as_str(), "SERVER" | "FOREIGN DATA WRAPPER") {
            continue;
        }
        if let Some(definition) = without_options(&entry.definition) {
            entry.definition = definition;
            stripped.push(format!("`{} {}`", entry.kind, entry.tag.replace(['\n', '\r'], " ")));
        }
    }
    if stripped.is_empty() {
        return Vec::new();
    }
    vec![format!("without their options, which reach elsewhere: {}", stripped.join(", "))]
}

/// A statement without its `OPTIONS (…)`; `None` where it has none.
fn without_options(definition: &str) -> Option<String> {
    let mut tokens = Tokens::new(definition, false);
    loop {
        let start = tokens.offset();
        if tokens.eat("OPTIONS") && tokens.eat_symbol(b'(') {
            while tokens.next()? != Token::Symbol(b')') {}
            return Some(format!("{}{}", &definition[..start], &definition[tokens.offset()..]));
        }
        tokens.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, tag: &str, definition: &str) -> Entry {
        Entry { kind: kind.into(), tag: tag.into(), definition: definition.into(), ..Entry::default() }
    }

    #[test]
    fn what_acts_on_its_own_has_no_place() {
        for (kind, tag, definition) in [
            ("PUBLICATION", "p", "CREATE PUBLICATION p;"),
            ("PUBLICATION TABLE", "p t", "ALTER PUBLICATION p ADD TABLE ONLY public.t;"),
            ("EVENT TRIGGER", "e", "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f();"),
            ("COMMENT", "EVENT TRIGGER e", "COMMENT ON EVENT TRIGGER e IS 'x';"),
            ("COMMENT", "", "COMMENT ON PUBLICATION p IS 'x';"),
            ("", "", "ALTER EVENT TRIGGER e DISABLE;"),
        ] {
            assert!(reason(&entry(kind, tag, definition)).is_some(), "{kind} {definition}");
        }
        assert_eq!(reason(&entry("TABLE", "event", "CREATE TABLE event ();")), None);
        let job = Entry { namespace: Some("cron".into()), ..entry("TABLE DATA", "job", "") };
        assert_eq!(reason(&job), Some(OF_CRON));
    }

    #[test]
    fn a_server_loses_its_options_and_nothing_else() {
        let text = "CREATE SERVER \"OPTIONS (\" TYPE 'x' FOREIGN DATA WRAPPER w OPTIONS (\n    host 'a)b',\n    password 'c'\n);\n";
        let mut dump = Dump { entries: vec![entry("SERVER", "OPTIONS (", text)], ..Dump::default() };
        assert_eq!(strip_options(&mut dump).len(), 1);
        assert_eq!(
            dump.entries[0].definition,
            "CREATE SERVER \"OPTIONS (\" TYPE 'x' FOREIGN DATA WRAPPER w;\n"
        );
        assert!(strip_options(&mut dump).is_empty());
    }
}
