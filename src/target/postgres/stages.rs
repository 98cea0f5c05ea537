//! The entries of a dump in the stages of a load, after pg_restore's `restore_toc_entries_prefork` and
//! `_tocEntryRestorePass`: before the rows, after them, then privileges, then what must see everything.

use std::collections::{HashMap, HashSet};

use super::schedule::{Lock, Task};
use crate::pg::dump::{Dump, Entry, Section};
use crate::pg::script::tokens::{Token, Tokens};
use crate::schema::{Catalog, PgType, QualifiedName, TableKind, quoted_always};

/// The entries of a dump, by their indexes, in the order in which they are restored.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Before the rows.
    pub before: Vec<usize>,
    /// Sequence values.
    pub sequences: Vec<usize>,
    /// After the rows: indexes, constraints, triggers, and comments on them.
    pub after: Vec<usize>,
    /// Privileges.
    pub privileges: Vec<usize>,
    /// Refreshes of materialized views, event triggers.
    pub last: Vec<usize>,
}

/// Kinds that a restore leaves to those who make the database.
const OF_DATABASE: [&str; 5] = ["DATABASE", "DATABASE PROPERTIES", "ENCODING", "STDSTRINGS", "SEARCHPATH"];

impl Stages {
    /// The stages of the entries of `dump`; rows and large objects are written by others.
    pub fn of(dump: &Dump) -> Self {
        let mut stages = Stages::default();
        let mut is_before_rows = true;
        for (index, entry) in dump.entries.iter().enumerate() {
            if OF_DATABASE.contains(&entry.kind.as_str())
                || entry.tag.starts_with("DATABASE ") && is_remark(entry)
            {
                continue;
            }
            match entry.kind.as_str() {
                "TABLE DATA" | "BLOBS" => is_before_rows = false,
                "SEQUENCE SET" => {
                    is_before_rows = false;
                    stages.sequences.push(index);
                }
                "ACL" | "ACL LANGUAGE" | "DEFAULT ACL" => stages.privileges.push(index),
                "EVENT TRIGGER" | "MATERIALIZED VIEW DATA" => stages.last.push(index),
                _ if is_remark(entry) && entry.tag.starts_with("EVENT TRIGGER") => stages.last.push(index),
                // Large objects are made before any is written, wherever the dump has them.
                "BLOB" | "BLOB METADATA" => stages.before.push(index),
                _ if entry.section == Section::PreData => stages.before.push(index),
                _ if entry.section == Section::None && is_before_rows => stages.before.push(index),
                _ => {
                    is_before_rows = false;
                    stages.after.push(index);
                }
            }
        }
        stages
    }
}

/// Whether an entry says something of another object.
fn is_remark(entry: &Entry) -> bool {
    matches!(entry.kind.as_str(), "ACL" | "COMMENT" | "SECURITY LABEL")
}

/// What one task after the rows does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Restores the entry of this index.
    Entry(usize),
    /// Runs a statement of the entry of this index.
    Statement(usize, String),
}

impl Work {
    /// The index of the entry that it is of.
    pub fn entry(&self) -> usize {
        match self {
            Work::Entry(index) | Work::Statement(index, _) => *index,
        }
    }
}

/// Makes tasks of entries that are restored on several connections.
pub struct Planner<'a> {
    /// The dump.
    pub dump: &'a Dump,
    /// What its tables are.
    pub catalog: &'a Catalog,
    /// How many bytes the rows of each table took.
    pub bytes: HashMap<QualifiedName, u64>,
    /// Tables whose rows are left out, so that references to them cannot hold.
    pub excluded: HashSet<QualifiedName>,
}

impl Planner<'_> {
    /// The tasks of the entries `indexes`.
    ///
    /// As in pg_restore, an entry needs its dependencies, and locks the tables among them. A foreign key is added
    /// without a look at the rows, which takes a lock against everything, and then validated, which does not.
    pub fn tasks(&self, indexes: &[usize]) -> Vec<Task<Work>> {
        let tables = self.tables();
        let mut tasks: Vec<Task<Work>> = Vec::with_capacity(indexes.len());
        let mut ids: Vec<i32> = Vec::with_capacity(indexes.len());
        for &index in indexes {
            let entry = &self.dump.entries[index];
            let of_tables = || entry.dependencies.iter().filter(|id| tables.contains_key(id));
            let bytes = of_tables().map(|id| tables[id]).max().unwrap_or(0);
            let lock = if entry.kind == "INDEX" { Lock::Index } else { Lock::Exclusive };
            let locks = |lock: Lock| of_tables().map(|&id| (id, lock)).collect::<Vec<_>>();
            let costs_a_scan =
                matches!(entry.kind.as_str(), "INDEX" | "CONSTRAINT" | "CHECK CONSTRAINT" | "FK CONSTRAINT");
            let cost = if costs_a_scan { bytes + 1 } else { 1 };
            match self.foreign_key(entry) {
                None => {
                    tasks.push(Task {
                        work: Work::Entry(index),
                        needs: Vec::new(),
                        locks: locks(lock),
                        cost,
                    });
                    ids.push(entry.id);
                }
                Some(ForeignKey { add, validate, child }) => {
                    let mut validating = locks(Lock::Read);
                    let is_child = |id: i32| {
                        self.dump.entries.iter().any(|entry| entry.id == id && is_named(entry, &child))
                    };
                    validating
                        .iter_mut()
                        .filter(|(id, _)| is_child(*id))
                        .for_each(|(_, lock)| *lock = Lock::Validate);
                    let work = Work::Statement(index, add);
                    tasks.push(Task { work, needs: Vec::new(), locks: locks(Lock::Exclusive), cost: 1 });
                    ids.push(entry.id);
                    if let Some(validate) = validate {
                        let work = Work::Statement(index, validate);
                        tasks.push(Task { work, needs: vec![tasks.len() - 1], locks: validating, cost });
                        ids.push(0);
                    }
                }
            }
        }
        self.add_needs(&mut tasks, &ids);
        tasks
    }

    /// The bytes of each table, by the ids of its entries.
    fn tables(&self) -> HashMap<i32, u64> {
        let is_table = |entry: &&Entry| matches!(entry.kind.as_str(), "TABLE" | "TABLE DATA");
        let bytes = |entry: &Entry| {
            let name = QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
            (entry.id, self.bytes.get(&name).copied().unwrap_or(0))
        };
        self.dump.entries.iter().filter(is_table).map(bytes).collect()
    }

    fn add_needs(&self, tasks: &mut [Task<Work>], ids: &[i32]) {
        let task_of: HashMap<i32, usize> = ids.iter().enumerate().map(|(task, &id)| (id, task)).collect();
        for (index, task) in tasks.iter_mut().enumerate() {
            if ids[index] == 0 {
                continue;
            }
            let entry = &self.dump.entries[task.work.entry()];
            let needs = entry.dependencies.iter().filter_map(|id| task_of.get(id).copied());
            task.needs.extend(needs.filter(|&need| need != index));
        }
    }

    /// Whether the columns are of types whose values compare as fast as they hash; text does not in most locales.
    fn are_quick_to_sort(&self, table: &QualifiedName, columns: &[String]) -> bool {
        let is_quick = |ty: &PgType| {
            matches!(
                ty,
                PgType::Int2
                    | PgType::Int4
                    | PgType::Int8
                    | PgType::Uuid
                    | PgType::Date
                    | PgType::Timestamp(_)
                    | PgType::TimestampTz(_)
            )
        };
        self.catalog.find(table).map(|id| self.catalog.table(id)).is_some_and(|table| {
            columns
                .iter()
                .all(|name| table.column_index(name).is_some_and(|index| is_quick(&table.columns[index].ty)))
        })
    }

    /// The two statements of a foreign key between two tables that hold rows; none for one that checks nothing.
    fn foreign_key(&self, entry: &Entry) -> Option<ForeignKey> {
        if entry.kind != "FK CONSTRAINT" {
            return None;
        }
        let mut tokens = Tokens::new(&entry.definition, false);
        if tokens.has(&["NOT", "VALID"])
            || tokens.has(&["NOT", "ENFORCED"])
            || !tokens.eat_all(&["ALTER", "TABLE"])
        {
            return None;
        }
        tokens.eat("ONLY");
        let child = qualified(&mut tokens)?;
        if !tokens.eat_all(&["ADD", "CONSTRAINT"]) {
            return None;
        }
        let name = tokens.identifier()?;
        if !tokens.eat_all(&["FOREIGN", "KEY"]) {
            return None;
        }
        let columns = tokens.identifiers()?;
        while !tokens.eat("REFERENCES") {
            tokens.next()?;
        }
        let parent = qualified(&mut tokens)?;
        let is_ordinary = |name: &QualifiedName| {
            self.catalog.find(name).is_some_and(|id| self.catalog.table(id).kind == TableKind::Ordinary)
        };
        if !is_ordinary(&child) || !is_ordinary(&parent) {
            return None;
        }
        let end = statement_end(&entry.definition)?;
        let (join, after) =
            if self.are_quick_to_sort(&child, &columns) { (MERGE_JOIN, JOINS_AS_BEFORE) } else { ("", "") };
        let validate = format!(
            "{join}ALTER TABLE ONLY {}.{} VALIDATE CONSTRAINT {};{after}",
            quoted_always(&child.schema),
            quoted_always(&child.name),
            quoted_always(&name)
        );
        // A reference to rows that are not there is declared, and not validated.
        let holds = !self.excluded.contains(&parent) || self.excluded.contains(&child);
        Some(ForeignKey {
            add: format!("{} NOT VALID;", &entry.definition[..end]),
            validate: holds.then_some(validate),
            child,
        })
    }
}

/// Has a key validated by a merge of two indexes, or of an index and a sort. The planner would hash the parent's keys,
/// which takes several times as long: it does not know that nothing of the new tables has to be read from a disk.
const MERGE_JOIN: &str = "SET enable_hashjoin = off; SET enable_nestloop = off; ";
const JOINS_AS_BEFORE: &str = " RESET enable_hashjoin; RESET enable_nestloop;";

struct ForeignKey {
    add: String,
    validate: Option<String>,
    child: QualifiedName,
}

fn qualified(tokens: &mut Tokens<'_>) -> Option<QualifiedName> {
    let (schema, name) = tokens.qualified_name()?;
    Some(QualifiedName::new(schema?, name))
}

/// Where the only statement of a text ends, before its semicolon; `None` where there are several.
fn statement_end(text: &str) -> Option<usize> {
    let mut tokens = Tokens::new(text, false);
    loop {
        let end = tokens.offset();
        if tokens.next()? == Token::Symbol(b';') {
            return tokens.next().is_none().then_some(end);
        }
    }
}

/// Whether an entry is of the relation `name`.
fn is_named(entry: &Entry, name: &QualifiedName) -> bool {
    entry.tag == name.name && entry.namespace.as_deref().unwrap_or_default() == name.schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Table};

    fn entry(id: i32, kind: &str, tag: &str, section: Section, dependencies: &[i32]) -> Entry {
        Entry {
            id,
            kind: kind.into(),
            tag: tag.into(),
            section,
            namespace: Some("public".into()),
            dependencies: dependencies.to_vec(),
            ..Entry::default()
        }
    }

    fn catalog(names: &[&str]) -> Catalog {
        let mut catalog = Catalog::default();
        for name in names {
            catalog.add_table(Table { name: QualifiedName::new("public", *name), ..Table::default() });
        }
        catalog
    }

    fn with_foreign_key(definition: &str) -> Dump {
        let mut key = entry(4, "FK CONSTRAINT", "b b_fk", Section::PostData, &[1, 2, 3]);
        key.definition = definition.into();
        let entries = vec![
            entry(1, "TABLE", "a", Section::PreData, &[]),
            entry(2, "TABLE", "b", Section::PreData, &[]),
            entry(3, "CONSTRAINT", "a a_pkey", Section::PostData, &[1]),
            key,
        ];
        Dump { entries, ..Dump::default() }
    }

    fn tasks(dump: &Dump, excluded: &[&str]) -> Vec<Task<Work>> {
        let excluded = excluded.iter().map(|name| QualifiedName::new("public", *name)).collect();
        let catalog = catalog(&["a", "b"]);
        Planner { dump, catalog: &catalog, bytes: HashMap::new(), excluded }.tasks(&[2, 3])
    }

    const KEY: &str = "ALTER TABLE ONLY public.b\n    ADD CONSTRAINT b_fk FOREIGN KEY (a) REFERENCES public.a(id) ON DELETE CASCADE;\n";

    #[test]
    fn a_foreign_key_is_added_and_then_validated() {
        let dump = with_foreign_key(KEY);
        let tasks = tasks(&dump, &[]);
        assert_eq!(tasks.len(), 3);
        assert!(
            matches!(&tasks[1].work, Work::Statement(3, sql) if sql.ends_with("ON DELETE CASCADE NOT VALID;"))
        );
        let validate = "ALTER TABLE ONLY \"public\".\"b\" VALIDATE CONSTRAINT \"b_fk\";";
        assert_eq!(tasks[2].work, Work::Statement(3, validate.into()));
        assert_eq!((tasks[1].needs.as_slice(), tasks[2].needs.as_slice()), (&[0][..], &[1][..]));
        assert_eq!(tasks[2].locks, [(1, Lock::Read), (2, Lock::Validate)]);
    }

    #[test]
    fn a_key_of_numbers_is_validated_by_a_merge() {
        let dump = with_foreign_key(KEY);
        let mut catalog = catalog(&["a", "b"]);
        let child = catalog.find(&QualifiedName::new("public", "b")).unwrap();
        catalog.table_mut(child).columns.push(Column::new("a", PgType::Int8));
        let (bytes, excluded) = (HashMap::new(), HashSet::new());
        let tasks = Planner { dump: &dump, catalog: &catalog, bytes, excluded }.tasks(&[2, 3]);
        assert!(matches!(&tasks[2].work, Work::Statement(3, sql) if sql.starts_with(MERGE_JOIN)));
    }

    #[test]
    fn a_foreign_key_that_is_not_valid_stays_as_it_is() {
        let dump = with_foreign_key(&KEY.replace(" ON DELETE CASCADE", " NOT VALID"));
        assert_eq!(tasks(&dump, &[])[1].work, Work::Entry(3));
    }

    #[test]
    fn a_reference_to_rows_that_are_left_out_is_not_validated() {
        assert_eq!(tasks(&with_foreign_key(KEY), &["a"]).len(), 2);
    }

    #[test]
    fn remarks_before_the_rows_are_made_before_them() {
        let dump = Dump {
            entries: vec![
                entry(1, "ENCODING", "ENCODING", Section::PreData, &[]),
                entry(2, "TABLE", "a", Section::PreData, &[]),
                entry(3, "COMMENT", "TABLE a", Section::None, &[2]),
                entry(4, "ACL", "TABLE a", Section::None, &[2]),
                entry(5, "TABLE DATA", "a", Section::Data, &[2]),
                entry(6, "INDEX", "i", Section::PostData, &[2]),
                entry(7, "COMMENT", "INDEX i", Section::None, &[6]),
                entry(8, "MATERIALIZED VIEW DATA", "m", Section::PostData, &[2]),
                entry(9, "COMMENT", "DATABASE shop", Section::None, &[]),
            ],
            ..Dump::default()
        };
        let stages = Stages::of(&dump);
        assert_eq!((stages.before, stages.after), (vec![1, 2], vec![5, 6]));
        assert_eq!((stages.privileges, stages.last), (vec![3], vec![7]));
    }
}
