//! The entries of a plain script in the form that an archive has: what `pg_restore` sets itself is left to it, owners
//! become a field, and every entry says which ones must come before it, so that it can be restored in parallel.

use std::collections::HashMap;

use crate::pg::dump::{Entry, Section};
use crate::pg::script::statement::{classify, setting};
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::QualifiedName;

/// Settings that `pg_restore` makes itself before the first entry.
const RESTORER_SETTINGS: [&str; 9] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "check_function_bodies",
    "xmloption",
    "client_min_messages",
    "row_security",
    "session_replication_role",
];

/// Kinds that belong to a script as a session of `psql`, or to the cluster rather than to the database.
const SESSION_KINDS: [&str; 7] = ["META", "BEGIN", "COMMIT", "DROP", "ROLE", "TABLESPACE", "DATABASE"];

/// The entries of a script as those of an archive, in the same order.
pub fn archive_form(entries: Vec<Entry>) -> Vec<Entry> {
    let is_data = |entry: &Entry| entry.section == Section::Data;
    let mut form = Form { is_before_rows: entries.iter().any(is_data), ..Form::default() };
    for entry in entries {
        form.is_before_rows &= !is_data(&entry);
        form.take(entry);
    }
    let mut entries = form.entries;
    Dependencies::of(&entries).fill(&mut entries);
    entries
}

/// The entries so far, and what the script's settings say of those to come.
#[derive(Default)]
struct Form {
    entries: Vec<Entry>,
    namespace: Option<String>,
    tablespace: Option<String>,
    access_method: Option<String>,
    is_before_rows: bool,
    is_after_rows: bool,
}

impl Form {
    fn take(&mut self, mut entry: Entry) {
        if entry.kind == "SESSION" {
            return self.set(entry);
        }
        if SESSION_KINDS.contains(&entry.kind.as_str()) || (entry.kind == "OWNER" && self.give_owner(&entry))
        {
            return;
        }
        if entry.tag.starts_with("LARGE OBJECTS ")
            && let Ok(class) = classify(without_comments(&entry.definition), false)
        {
            // One comment for the statements on a group of them: to pg_restore it would say that this is a template.
            entry.tag = class.name;
        }
        if entry.kind == "BLOBS" {
            // An archive has the contents of all large objects in one entry.
            entry.definition = String::new();
            if self.entries.iter().any(|known| known.kind == "BLOBS") {
                return;
            }
        }
        if entry.namespace.is_none() {
            entry.namespace = self.namespace.clone();
        }
        if self.is_before_rows && entry.section == Section::PostData {
            // What stands before the first row may be needed by what is made before it, whatever it looks like.
            entry.section = Section::PreData;
        }
        self.is_after_rows |= entry.section == Section::PostData;
        if self.is_after_rows && entry.section == Section::PreData {
            // Such as a view that relies on a primary key: what comes after the rows cannot be restored before them.
            entry.section = Section::PostData;
        }
        if matches!(entry.kind.as_str(), "TABLE" | "MATERIALIZED VIEW" | "INDEX" | "CONSTRAINT") {
            entry.tablespace = self.tablespace.clone();
        }
        if matches!(entry.kind.as_str(), "TABLE" | "MATERIALIZED VIEW") {
            entry.table_access_method = self.access_method.clone();
        }
        if !matches!(entry.kind.as_str(), "TABLE DATA" | "BLOBS") {
            // The comments of the script give way to those that the restorer writes.
            entry.definition = format!("{}\n", without_comments(&entry.definition));
        }
        self.entries.push(entry);
    }

    /// Takes a setting: as an entry of its own where archives have one, as a field of later entries, or not at all.
    fn set(&mut self, entry: Entry) {
        let Some((name, value)) = setting(without_comments(&entry.definition)) else { return };
        let (kind, definition) = match name.as_str() {
            "client_encoding" => ("ENCODING", format!("SET client_encoding = '{value}';\n")),
            "standard_conforming_strings" => {
                ("STDSTRINGS", format!("SET standard_conforming_strings = '{value}';\n"))
            }
            "search_path" if value.is_empty() => {
                ("SEARCHPATH", "SELECT pg_catalog.set_config('search_path', '', false);\n".to_string())
            }
            "search_path" => return self.namespace = Some(value),
            "default_tablespace" => return self.tablespace = Some(value),
            "default_table_access_method" => return self.access_method = Some(value),
            name if RESTORER_SETTINGS.contains(&name) => return,
            _ => ("", format!("{}\n", without_comments(&entry.definition))),
        };
        if kind.is_empty() || self.entries.iter().all(|known| known.kind != kind) {
            self.entries.push(Entry { kind: kind.into(), tag: kind.into(), definition, ..entry });
        }
    }

    /// Makes `ALTER … OWNER TO` a field of the entry before it, as far as it is of the same object.
    fn give_owner(&mut self, entry: &Entry) -> bool {
        let text = without_comments(&entry.definition);
        let Some((object, owner)) =
            text.strip_prefix("ALTER ").and_then(|rest| rest.rsplit_once(" OWNER TO "))
        else {
            return false;
        };
        let owner = owner.trim_end().trim_end_matches(';');
        let Some(owner) = Tokens::new(owner, false).identifier() else { return false };
        let Some(last) = self.entries.last_mut().filter(|last| is_made_by(last, entry)) else {
            return false;
        };
        last.owner = owner;
        // `ALTER TABLE` is said of sequences and views too; what drops them is named for what they are.
        let name = object.strip_prefix("TABLE ").or(object.strip_prefix(&*format!("{} ", last.kind)));
        last.drop_statement = match name {
            Some(name) => format!("DROP {} {name};\n", last.kind),
            None => format!("DROP {object};\n"),
        };
        true
    }
}

/// Whether `entry` makes the object that `owner`, an `ALTER … OWNER TO`, is of. Functions are told apart by their
/// arguments only in comments, and an owner follows what it owns.
fn is_made_by(entry: &Entry, owner: &Entry) -> bool {
    let name = |entry: &Entry| entry.tag.split('(').next().unwrap_or_default().to_string();
    entry.section == Section::PreData && name(entry) == name(owner)
}

/// A definition from its first statement on.
fn without_comments(definition: &str) -> &str {
    let mut rest = definition.trim_start();
    while rest.starts_with("--") {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest.trim_end()
}

/// Which entries make what others need.
struct Dependencies {
    tables: HashMap<QualifiedName, i32>,
    /// The entries that make a table's columns unique: what a foreign key to it needs.
    unique: HashMap<QualifiedName, Vec<i32>>,
    indexes: HashMap<QualifiedName, i32>,
    attached: Vec<i32>,
}

impl Dependencies {
    fn of(entries: &[Entry]) -> Self {
        let mut known = Dependencies {
            tables: HashMap::new(),
            unique: HashMap::new(),
            indexes: HashMap::new(),
            attached: Vec::new(),
        };
        for entry in entries {
            let name = || QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
            match entry.kind.as_str() {
                "TABLE" | "FOREIGN TABLE" | "MATERIALIZED VIEW" => {
                    known.tables.insert(name(), entry.id);
                }
                "CONSTRAINT" | "INDEX" => {
                    if let Some(table) = table_of(entry) {
                        known.unique.entry(table.clone()).or_default().push(entry.id);
                        let index = QualifiedName::new(table.schema, made_name(entry));
                        known.indexes.insert(index, entry.id);
                    }
                }
                "INDEX ATTACH" => known.attached.push(entry.id),
                _ => (),
            }
        }
        known
    }

    /// Gives each entry the earlier ones that it needs; as the script can be restored in its order, none are circular.
    fn fill(&self, entries: &mut [Entry]) {
        let rows: Vec<i32> =
            entries.iter().filter(|entry| entry.kind == "TABLE DATA").map(|entry| entry.id).collect();
        let mut indexes = Vec::new();
        let (mut last_object, mut last_other) = (None, None);
        for entry in entries {
            let table = table_of(entry).and_then(|table| self.tables.get(&table)).copied();
            let mut needed: Vec<i32> = table.into_iter().collect();
            match (entry.section, entry.kind.as_str()) {
                (Section::PostData, "CONSTRAINT" | "CHECK CONSTRAINT" | "INDEX") => indexes.push(entry.id),
                (Section::PostData, "INDEX ATTACH") => needed = self.indexes_named(entry),
                (Section::PostData, "FK CONSTRAINT") => needed.extend(self.referenced(entry)),
                (Section::PostData, "COMMENT") => needed.extend(last_object),
                (Section::PostData, _) => {
                    // A view may rely on a primary key, a trigger on a view: the rest keeps its order.
                    needed.append(&mut indexes);
                    needed.extend(last_other.replace(entry.id));
                    needed.extend(
                        (entry.kind == "MATERIALIZED VIEW DATA").then_some(&rows).into_iter().flatten(),
                    );
                }
                _ => (),
            }
            if entry.section == Section::PostData && entry.kind != "COMMENT" {
                last_object = Some(entry.id);
            }
            needed.retain(|&id| id != entry.id);
            entry.dependencies = needed;
        }
    }

    /// What a foreign key needs of the table that it refers to.
    fn referenced(&self, entry: &Entry) -> Vec<i32> {
        let Some(parent) = name_after(&entry.definition, &["REFERENCES"]) else { return Vec::new() };
        let table = self.tables.get(&parent).copied();
        table
            .into_iter()
            .chain(self.unique.get(&parent).into_iter().flatten().copied())
            .chain(self.attached.clone())
            .collect()
    }

    /// The indexes that `ALTER INDEX parent ATTACH PARTITION child` names.
    fn indexes_named(&self, entry: &Entry) -> Vec<i32> {
        let parent = name_after(&entry.definition, &["INDEX"]);
        let child = name_after(&entry.definition, &["PARTITION"]);
        parent.into_iter().chain(child).filter_map(|name| self.indexes.get(&name)).copied().collect()
    }
}

/// The table that an entry fills, changes or indexes.
fn table_of(entry: &Entry) -> Option<QualifiedName> {
    match entry.kind.as_str() {
        "TABLE DATA" => {
            Some(QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone()))
        }
        "INDEX" if entry.definition.starts_with("CREATE") => name_after(&entry.definition, &["ON"]),
        "TRIGGER" | "POLICY" if entry.definition.starts_with("CREATE") => {
            name_after(&entry.definition, &["ON"])
        }
        "RULE" if entry.definition.starts_with("CREATE") => name_after(&entry.definition, &["TO"]),
        _ => name_after(&entry.definition, &["ALTER", "TABLE"]),
    }
}

/// The name of the constraint or the index that an entry makes.
fn made_name(entry: &Entry) -> String {
    let keyword: &[&str] = if entry.kind == "INDEX" { &["INDEX"] } else { &["CONSTRAINT"] };
    name_after(&entry.definition, keyword).map(|name| name.name).unwrap_or_default()
}

/// The first name after `keywords`, an `ONLY` between them passed over.
fn name_after(definition: &str, keywords: &[&str]) -> Option<QualifiedName> {
    let mut tokens = Tokens::new(definition, false);
    while !tokens.eat_all(keywords) {
        tokens.next()?;
    }
    while tokens.eat("ONLY") || tokens.eat_all(&["IF", "EXISTS"]) {}
    let is_name = matches!(tokens.peek(), Some(Token::Word(_) | Token::Name(_)));
    let (schema, name) = is_name.then(|| tokens.qualified_name()).flatten()?;
    Some(QualifiedName::new(schema.unwrap_or_default(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, section: Section) -> Entry {
        Entry { kind: kind.into(), tag: "t".into(), section, ..Entry::default() }
    }

    #[test]
    fn nothing_before_the_first_row_is_restored_after_the_last() {
        let form = archive_form(vec![
            entry("TABLE", Section::PreData),
            entry("INDEX", Section::PostData),
            entry("TABLE", Section::PreData),
            entry("TABLE DATA", Section::Data),
            entry("CONSTRAINT", Section::PostData),
            entry("VIEW", Section::PreData),
        ]);
        let sections: Vec<Section> = form.iter().map(|entry| entry.section).collect();
        let (before, after) = (Section::PreData, Section::PostData);
        assert_eq!(sections, [before, before, before, Section::Data, after, after]);
    }
}
