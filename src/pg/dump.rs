//! A dump as pg_dump thinks of it: a header and a table of contents, whatever the format it came in.
//!
//! Archives hold one as such; a plain script is read into one, an entry a statement. The order is that of the dump,
//! which is an order in which it can be restored.

use crate::schema::QualifiedName;

/// A dump's header and its table of contents.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// The database's name, where the dump says it.
    pub database: Option<String>,
    /// The version of the server, such as `15.20`, where the dump says it.
    pub server_version: Option<String>,
    /// The version of pg_dump, such as `15.20 (Debian 15.20-1)`, where the dump says it.
    pub dump_version: Option<String>,
    /// When the dump was taken, as the dump says it: seconds since 1970-01-01 UTC.
    pub created_at: Option<i64>,
    /// The archive version as (major, minor, revision), such as (1, 14, 0); `None` for a script.
    pub archive_version: Option<(u8, u8, u8)>,
    /// How the archive's data is compressed; what an archive target uses again.
    pub compression: Compression,
    /// The entries, in the order of the dump.
    pub entries: Vec<Entry>,
}

/// The compression methods of pg_dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not compressed.
    None,
    /// zlib streams in a custom archive, gzip files in a directory.
    #[default]
    Gzip,
    /// LZ4 frames (PostgreSQL 16).
    Lz4,
    /// Zstandard frames (PostgreSQL 16).
    Zstd,
}

/// The part of a restore that an entry belongs to, with the numbers that archives use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Section {
    /// Session settings and comments (1).
    #[default]
    None,
    /// Before the rows: tables, types, functions (2).
    PreData,
    /// The rows, sequence values and large objects (3).
    Data,
    /// After the rows: indexes, constraints, triggers (4).
    PostData,
}

/// An entry of the table of contents; the fields are those of an archive (`TocEntry` in pg_backup_archiver.h).
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its number, unique in the dump.
    pub id: i32,
    /// Whether the archive has a data block for it.
    pub has_data: bool,
    /// The oid of the catalog that its object is in, as text.
    pub table_oid: String,
    /// The object's oid, as text.
    pub oid: String,
    /// The object's name as the dump tags it; unquoted, and for some kinds a whole description.
    pub tag: String,
    /// What it is, in pg_dump's words: `TABLE`, `TABLE DATA`, `FK CONSTRAINT`, `ACL`, …
    pub kind: String,
    /// The part of a restore it belongs to.
    pub section: Section,
    /// The SQL that makes it; empty for data.
    pub definition: String,
    /// The SQL that drops it, for `--clean`.
    pub drop_statement: String,
    /// `COPY … FROM stdin;` for data in COPY form; empty where data is INSERT statements.
    pub copy_statement: String,
    /// Its schema.
    pub namespace: Option<String>,
    /// Its tablespace; `Some("")` is the default one.
    pub tablespace: Option<String>,
    /// Its table access method.
    pub table_access_method: Option<String>,
    /// The relation's kind (`r`, `p`, `v`, …; archive version 1.16).
    pub relation_kind: Option<char>,
    /// Its owner; empty where it has none.
    pub owner: String,
    /// The entries that must be restored before it.
    pub dependencies: Vec<i32>,
}

/// What a data entry's rows are, as its copy statement or its INSERT statements say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyTarget {
    /// The table that the rows go into (a partition root's, with `--load-via-partition-root`).
    pub table: QualifiedName,
    /// The columns in the order of the rows; `None` where the statement names none.
    pub columns: Option<Vec<String>>,
}

impl Dump {
    /// Whether its text is UTF-8, as that of all encodings is once it is read; only SQL_ASCII says nothing of its bytes.
    pub fn is_utf8(&self) -> bool {
        let is_setting = |entry: &&Entry| matches!(entry.kind.as_str(), "ENCODING" | "SESSION");
        let mut settings = self.entries.iter().filter(is_setting);
        !settings.any(|entry| {
            entry.definition.contains("client_encoding") && entry.definition.contains("SQL_ASCII")
        })
    }

    /// Whether it says what tables there are.
    pub fn declares_tables(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == "TABLE")
    }

    /// This dump with the schema of another around its rows, as one dump that restores whole.
    ///
    /// A dump that declares tables itself is returned as it is: the other one then only repeats it.
    pub fn with_schema(self, schema: &Dump) -> Dump {
        if self.declares_tables() {
            return self;
        }
        let offset = self.entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        let mut before: Vec<Entry> = schema.entries.iter().map(|entry| entry.renumbered(offset)).collect();
        let after_rows = before.iter().position(|entry| entry.section == Section::PostData);
        let after = before.split_off(after_rows.unwrap_or(before.len()));
        let mut rows: Vec<Entry> =
            self.entries.into_iter().filter(|entry| entry.section == Section::Data).collect();
        for entry in rows.iter_mut().filter(|entry| entry.kind == "TABLE DATA") {
            // A restore in parallel makes no index before the rows: it finds them by their table.
            entry.dependencies =
                before.iter().filter(|table| entry.is_of_table(table)).map(|table| table.id).collect();
        }
        Dump {
            archive_version: schema.archive_version,
            entries: before.into_iter().chain(rows).chain(after).collect(),
            ..self
        }
    }
}

impl Entry {
    fn renumbered(&self, offset: i32) -> Entry {
        let dependencies = self.dependencies.iter().map(|id| id + offset).collect();
        Entry { id: self.id + offset, dependencies, ..self.clone() }
    }

    fn is_of_table(&self, table: &Entry) -> bool {
        table.kind == "TABLE" && table.tag == self.tag && table.namespace == self.namespace
    }
}
