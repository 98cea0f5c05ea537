//! Entries of a dump as the SQL text that restores them, in the manner of `pg_restore -f`.
//!
//! The entries of a script are complete statements and go out as they stand. Those of an archive leave to the restorer
//! what its options decide: the owner, the tablespace, the table access method and, before 2018, the schema to search.

use std::collections::HashMap;

use crate::pg::dump::{Dump, Entry, Section};
use crate::schema::quoted_always;

/// The settings that every restore begins with.
const SESSION: &str = "SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
";

/// What of ownership and privileges goes into the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Include {
    /// Leave out who owns what.
    pub no_owner: bool,
    /// Leave out privileges.
    pub no_privileges: bool,
}

/// Writes entries as SQL, one after another in the order of the dump.
pub struct Restorer {
    include: Include,
    from_script: bool,
    /// Whether the line that says that the dump is complete was among the comments of an entry.
    is_complete: bool,
    has_search_path: bool,
    /// The oids of the large objects of each entry that makes several (PostgreSQL 17).
    large_objects: HashMap<i32, Vec<String>>,
    namespace: Option<String>,
    tablespace: Option<String>,
    access_method: Option<String>,
}

impl Restorer {
    /// A restorer of entries of `dump`.
    pub fn new(dump: &Dump, include: Include) -> Self {
        let groups = dump.entries.iter().filter(|entry| entry.kind == "BLOB METADATA");
        Restorer {
            include,
            is_complete: false,
            large_objects: groups.map(|entry| (entry.id, oids(entry))).collect(),
            from_script: dump.archive_version.is_none(),
            has_search_path: dump.entries.iter().any(|entry| entry.kind == "SEARCHPATH"),
            namespace: None,
            tablespace: None,
            access_method: None,
        }
    }

    /// What comes before the first entry.
    pub fn prelude(&self) -> String {
        let head = "--\n-- PostgreSQL database dump\n--\n\n";
        if self.from_script { String::new() } else { format!("{head}{SESSION}") }
    }

    /// What comes after the last entry: the line by which a script that was cut is told from a whole one.
    pub fn epilogue(&self) -> String {
        let tail = "--\n-- PostgreSQL database dump complete\n--\n\n";
        if self.is_complete { String::new() } else { tail.to_string() }
    }

    /// The SQL of an entry that is not data; empty for what a restore makes only on request.
    pub fn entry(&mut self, entry: &Entry) -> String {
        if self.leaves_out(entry) {
            return String::new();
        }
        if self.from_script {
            self.is_complete |= entry.definition.contains("\n-- PostgreSQL database dump complete\n");
            return format!("{}\n", entry.definition);
        }
        if matches!(entry.kind.as_str(), "ENCODING" | "STDSTRINGS" | "SEARCHPATH") {
            return entry.definition.clone();
        }
        let mut text = header(entry, "Name");
        text += &self.session_for(entry);
        text += self.definition(entry).trim_end_matches('\n');
        text += "\n\n";
        text += &self.owner(entry);
        text + "\n"
    }

    /// The comment and the settings before the rows of a data entry.
    pub fn before_data(&mut self, entry: &Entry) -> String {
        if self.from_script {
            return header(entry, "Data for Name");
        }
        header(entry, "Data for Name") + &self.search_path(entry)
    }

    fn leaves_out(&self, entry: &Entry) -> bool {
        let is_owner_statement = entry.kind == "OWNER";
        let is_privilege = matches!(entry.kind.as_str(), "ACL" | "DEFAULT ACL");
        let is_database =
            matches!(entry.kind.as_str(), "DATABASE" | "DATABASE PROPERTIES") && !self.from_script;
        is_database
            || (is_owner_statement && self.include.no_owner)
            || (is_privilege && self.include.no_privileges)
            || entry.definition.trim().is_empty()
    }

    fn session_for(&mut self, entry: &Entry) -> String {
        let mut text = self.search_path(entry);
        if let Some(tablespace) = &entry.tablespace
            && self.tablespace.as_ref() != Some(tablespace)
        {
            let name = if tablespace.is_empty() { "''".to_string() } else { quoted_always(tablespace) };
            text += &format!("SET default_tablespace = {name};\n\n");
            self.tablespace = Some(tablespace.clone());
        }
        // A partitioned table may name a method that its own CREATE TABLE does not take from the default.
        if let Some(method) = entry.table_access_method.as_ref().filter(|method| !method.is_empty())
            && entry.relation_kind != Some('p')
            && self.access_method.as_ref() != Some(method)
        {
            text += &format!("SET default_table_access_method = {};\n\n", quoted_always(method));
            self.access_method = Some(method.clone());
        }
        text
    }

    /// Dumps from before 2018-03 name objects without their schema and rely on the search path.
    fn search_path(&mut self, entry: &Entry) -> String {
        let Some(namespace) = entry.namespace.as_ref().filter(|name| !name.is_empty()) else {
            return String::new();
        };
        if self.has_search_path || self.namespace.as_ref() == Some(namespace) {
            return String::new();
        }
        self.namespace = Some(namespace.clone());
        format!("SET search_path = {}, pg_catalog;\n\n", quoted_always(namespace))
    }

    /// The statements of an entry. For a group of large objects it holds their oids and, of privileges, those of one.
    fn definition(&self, entry: &Entry) -> String {
        if entry.kind == "BLOB METADATA" {
            return oids(entry)
                .iter()
                .map(|oid| format!("SELECT pg_catalog.lo_create('{oid}');\n"))
                .collect();
        }
        let group = entry.dependencies.iter().find_map(|id| self.large_objects.get(id));
        match group {
            Some(group) if entry.kind == "ACL" && entry.tag.starts_with("LARGE OBJECTS ") => {
                group.iter().map(|oid| of_large_object(&entry.definition, oid)).collect()
            }
            _ => entry.definition.clone(),
        }
    }

    /// The statement that gives what an entry makes to its owner; empty where it has none.
    pub fn owner(&self, entry: &Entry) -> String {
        if self.include.no_owner || entry.owner.is_empty() || entry.drop_statement.is_empty() {
            return String::new();
        }
        if entry.kind == "BLOB METADATA" {
            let owner = quoted_always(&entry.owner);
            let of_each = oids(entry);
            let of_each = of_each.iter().map(|oid| format!("ALTER LARGE OBJECT {oid} OWNER TO {owner};\n"));
            return of_each.collect::<String>() + "\n";
        }
        let Some(object) = owned_object(entry) else { return String::new() };
        let mut text = format!("\nALTER {object} OWNER TO {};\n\n", quoted_always(&entry.owner));
        if let (Some('p'), Some(method)) = (entry.relation_kind, &entry.table_access_method)
            && !method.is_empty()
        {
            text += &format!("ALTER {object} SET ACCESS METHOD {};\n\n", quoted_always(method));
        }
        text
    }
}

/// The schema of a dump as a script: what is carried over, but for rows, sequence values and refreshes.
pub fn schema_sql(dump: &Dump, carried: impl Fn(usize) -> bool, include: Include) -> String {
    let mut restorer = Restorer::new(dump, include);
    let mut text = restorer.prelude();
    for (index, entry) in dump.entries.iter().enumerate() {
        if carried(index) && entry.section != Section::Data && entry.kind != "MATERIALIZED VIEW DATA" {
            text += &restorer.entry(entry);
        }
    }
    text + &restorer.epilogue()
}

/// The oids that the definition of a group of large objects lists, one a line.
fn oids(entry: &Entry) -> Vec<String> {
    entry.definition.split_whitespace().map(str::to_string).collect()
}

/// Statements on the privileges of one large object, as those of the one with this `oid`.
fn of_large_object(statements: &str, oid: &str) -> String {
    const OBJECT: &str = " ON LARGE OBJECT ";
    let mut text = String::new();
    for line in statements.split_inclusive('\n') {
        match line.split_once(OBJECT) {
            Some((before, after)) => {
                text = text + before + OBJECT + oid + after.trim_start_matches(|c: char| c.is_ascii_digit());
            }
            None => text += line,
        }
    }
    text
}

/// The comment that pg_dump puts before a statement. Line ends in names become blanks, so that none begins a statement.
fn header(entry: &Entry, label: &str) -> String {
    let plain = |text: &str| text.replace(['\n', '\r'], " ");
    let or_dash = |text: &str| if text.is_empty() { "-".to_string() } else { plain(text) };
    format!(
        "--\n-- {label}: {}; Type: {}; Schema: {}; Owner: {}\n--\n\n",
        plain(&entry.tag),
        plain(&entry.kind),
        or_dash(entry.namespace.as_deref().unwrap_or("")),
        or_dash(&entry.owner),
    )
}

/// What stands between `ALTER` and `OWNER TO`, after `_getObjectDescription` of pg_backup_archiver.c; `None` for kinds
/// that have no owner of their own.
fn owned_object(entry: &Entry) -> Option<String> {
    let name = quoted_always(&entry.tag);
    let qualified = match entry.namespace.as_deref() {
        Some(namespace) if !namespace.is_empty() => format!("{}.{name}", quoted_always(namespace)),
        _ => name.clone(),
    };
    match entry.kind.as_str() {
        "COLLATION"
        | "CONVERSION"
        | "DOMAIN"
        | "FOREIGN TABLE"
        | "MATERIALIZED VIEW"
        | "SEQUENCE"
        | "STATISTICS"
        | "TABLE"
        | "TEXT SEARCH DICTIONARY"
        | "TEXT SEARCH CONFIGURATION"
        | "TYPE"
        | "VIEW" => Some(format!("{} {qualified}", entry.kind)),
        "DATABASE"
        | "FOREIGN DATA WRAPPER"
        | "SCHEMA"
        | "SERVER"
        | "PUBLICATION"
        | "SUBSCRIPTION"
        | "EVENT TRIGGER" => Some(format!("{} {name}", entry.kind)),
        "PROCEDURAL LANGUAGE" => Some(format!("LANGUAGE {name}")),
        "BLOB" => Some(format!("LARGE OBJECT {}", entry.tag)),
        "AGGREGATE" | "FUNCTION" | "OPERATOR" | "OPERATOR CLASS" | "OPERATOR FAMILY" | "PROCEDURE" => {
            let object = entry.drop_statement.strip_prefix("DROP ")?;
            Some(object.trim_end().trim_end_matches(';').to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Entry {
        Entry {
            tag: "Order.Items".into(),
            kind: "TABLE".into(),
            namespace: Some("public".into()),
            owner: "app".into(),
            definition: "CREATE TABLE public.\"Order.Items\" ();\n".into(),
            drop_statement: "DROP TABLE public.\"Order.Items\";\n".into(),
            ..Entry::default()
        }
    }

    fn archive(entries: Vec<Entry>) -> Dump {
        Dump { archive_version: Some((1, 14, 0)), entries, ..Dump::default() }
    }

    #[test]
    fn an_owner_is_named_as_pg_restore_does() {
        let text = Restorer::new(&archive(vec![table()]), Include::default()).entry(&table());
        assert!(text.contains("ALTER TABLE \"public\".\"Order.Items\" OWNER TO \"app\";"), "{text}");
        let include = Include { no_owner: true, ..Include::default() };
        assert!(!Restorer::new(&archive(vec![table()]), include).entry(&table()).contains("OWNER TO"));
    }

    #[test]
    fn a_group_of_large_objects_is_made_and_granted_one_by_one() {
        let group = Entry {
            id: 7,
            tag: "70001..70002".into(),
            kind: "BLOB METADATA".into(),
            owner: "app".into(),
            definition: "70001\n70002\n".into(),
            drop_statement: "-- dummy".into(),
            ..Entry::default()
        };
        let privileges = Entry {
            tag: "LARGE OBJECTS 70001..70002".into(),
            kind: "ACL".into(),
            definition: "GRANT SELECT ON LARGE OBJECT 70001 TO PUBLIC;\n".into(),
            dependencies: vec![7],
            ..Entry::default()
        };
        let mut restorer = Restorer::new(&archive(vec![group.clone()]), Include::default());
        let text = restorer.entry(&group) + &restorer.entry(&privileges);
        for oid in [70001, 70002] {
            assert!(text.contains(&format!("SELECT pg_catalog.lo_create('{oid}');\n")), "{text}");
            assert!(text.contains(&format!("ALTER LARGE OBJECT {oid} OWNER TO \"app\";\n")), "{text}");
            assert!(text.contains(&format!("GRANT SELECT ON LARGE OBJECT {oid} TO PUBLIC;\n")), "{text}");
        }
    }

    #[test]
    fn an_old_dump_sets_the_search_path_once_a_schema() {
        let mut restorer = Restorer::new(&archive(vec![table()]), Include::default());
        assert!(restorer.entry(&table()).contains("SET search_path = \"public\", pg_catalog;"));
        assert!(!restorer.entry(&table()).contains("search_path"));
    }

    #[test]
    fn a_script_ends_with_the_line_that_says_so_once() {
        let entry = |definition: &str| Entry { definition: definition.into(), ..Entry::default() };
        let script = Dump::default();
        let mut restorer = Restorer::new(&script, Include::default());
        restorer.entry(&entry("SELECT 1;"));
        assert!(restorer.epilogue().contains("dump complete"));
        restorer.entry(&entry("--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x"));
        assert_eq!(restorer.epilogue(), "");
    }

    #[test]
    fn a_line_end_in_a_name_does_not_end_the_comment() {
        let entry = Entry { tag: "a\n; DROP TABLE x".into(), ..table() };
        assert!(header(&entry, "Name").contains("-- Name: a ; DROP TABLE x; Type"));
    }
}
