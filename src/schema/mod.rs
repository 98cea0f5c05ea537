//! What the snapshot's schema says: tables, columns, keys, references. Read from DDL by `pg::ddl`; changes nothing.

pub mod arrow;
pub mod types;

use std::collections::HashMap;
use std::fmt;

pub use types::PgType;

/// A name within a schema, as Postgres holds it (not quoted, not folded). Shown quoted where it must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct QualifiedName {
    /// The schema, such as `public`.
    pub schema: String,
    /// The name within it.
    pub name: String,
}

impl QualifiedName {
    /// The name `name` in the schema `schema`.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        QualifiedName { schema: schema.into(), name: name.into() }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

/// An identifier as SQL writes it: bare if it is lower-case letters, digits and underscores, else in double quotes.
///
/// Reserved words are quoted only by [`quoted_always`]; this form is for people and for rules files.
pub fn quoted(identifier: &str) -> String {
    let mut characters = identifier.chars();
    let bare = characters.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if bare { identifier.to_string() } else { quoted_always(identifier) }
}

/// An identifier in double quotes, safe in any SQL text.
pub fn quoted_always(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The index of a table in [`Catalog::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub usize);

/// Everything the DDL of a snapshot says that masking needs to know.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// All tables, in the snapshot's order.
    pub tables: Vec<Table>,
    /// All foreign keys between them.
    pub foreign_keys: Vec<ForeignKey>,
    /// All sequences.
    pub sequences: Vec<Sequence>,
    /// Tables that are declared in a way that could not be read; data for them has to be refused.
    pub unread_tables: Vec<QualifiedName>,
    by_name: HashMap<QualifiedName, TableId>,
}

impl Catalog {
    /// Adds a table and returns its id; a table of that name must not be there yet.
    pub fn add_table(&mut self, table: Table) -> TableId {
        let id = TableId(self.tables.len());
        self.by_name.insert(table.name.clone(), id);
        self.tables.push(table);
        id
    }

    /// The table of that exact name.
    pub fn find(&self, name: &QualifiedName) -> Option<TableId> {
        self.by_name.get(name).copied()
    }

    /// The table with the index `id`.
    pub fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }

    /// The table with the index `id`, to be completed.
    pub fn table_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.tables[id.0]
    }

    /// Every table with its id.
    pub fn iter(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.tables.iter().enumerate().map(|(index, table)| (TableId(index), table))
    }
}

/// What kind of relation a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TableKind {
    /// An ordinary table, a partition among them.
    #[default]
    Ordinary,
    /// The root or a branch of a partitioned table; holds no rows of its own.
    Partitioned,
    /// A foreign table; its rows are elsewhere.
    Foreign,
    /// Not in the DDL: known only by its data (an extension's table, or a data-only dump).
    Undeclared,
}

/// A table that may hold rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Its name.
    pub name: QualifiedName,
    /// Its kind.
    pub kind: TableKind,
    /// `CREATE UNLOGGED TABLE`.
    pub unlogged: bool,
    /// Its columns in the order of the table, inherited ones first as Postgres lays them out.
    pub columns: Vec<Column>,
    /// Its primary key.
    pub primary_key: Option<Key>,
    /// Its unique constraints and unique indexes.
    pub unique: Vec<Key>,
    /// Its CHECK constraints, as SQL expressions.
    pub checks: Vec<String>,
    /// The partitioned table that this one is a partition of.
    pub partition_of: Option<TableId>,
    /// The columns of the partition key, where they are plain columns; empty if it is not partitioned.
    pub partition_columns: Vec<usize>,
    /// The parents of `INHERITS`, in order (not the partitioned table).
    pub inherits: Vec<TableId>,
}

impl Table {
    /// The index of the column `name`.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The columns that a dump holds values of: all but the generated ones.
    pub fn written_columns(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&index| self.columns[index].generated.is_none()).collect()
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, user-defined types resolved.
    pub ty: PgType,
    /// Its type as the DDL writes it, such as `character varying(40)` or `public.mpaa_rating`.
    pub type_text: String,
    /// Its collation, where the DDL names one.
    pub collation: Option<QualifiedName>,
    /// Whether NULL is refused (a primary key refuses it too).
    pub not_null: bool,
    /// Its default as an SQL expression; of a generated column, what it is computed from.
    pub default: Option<String>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (…)`: the database computes it and a dump holds no values of it.
    pub generated: Option<Generated>,
}

impl Column {
    /// A column `name` of type `ty`, and nothing more: it takes NULL and has no default.
    pub fn new(name: impl Into<String>, ty: PgType) -> Self {
        Column {
            name: name.into(),
            type_text: ty.to_string(),
            ty,
            collation: None,
            not_null: false,
            default: None,
            identity: None,
            generated: None,
        }
    }
}

/// How an identity column is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// `GENERATED ALWAYS AS IDENTITY`
    Always,
    /// `GENERATED BY DEFAULT AS IDENTITY`
    ByDefault,
}

/// How a generated column is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// `STORED`
    Stored,
    /// `VIRTUAL` (PostgreSQL 18)
    Virtual,
}

/// A primary key, a unique constraint or a unique index.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Key {
    /// The constraint's or index's name.
    pub name: String,
    /// Its columns, as indexes into the table's; empty where it is over expressions only.
    pub columns: Vec<usize>,
    /// Whether an expression is among its parts.
    pub has_expression: bool,
    /// `WHERE …` of a partial unique index.
    pub predicate: Option<String>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WITHOUT OVERLAPS` on its last column (PostgreSQL 18).
    pub without_overlaps: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
}

/// What happens to a child row when its parent goes or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReferentialAction {
    /// `NO ACTION`, the default
    #[default]
    NoAction,
    /// `RESTRICT`
    Restrict,
    /// `CASCADE`
    Cascade,
    /// `SET NULL`
    SetNull,
    /// `SET DEFAULT`
    SetDefault,
}

/// A foreign key from a child table to a parent table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The table that refers.
    pub child: TableId,
    /// The columns that refer, in the constraint's order.
    pub child_columns: Vec<usize>,
    /// The table referred to.
    pub parent: TableId,
    /// The columns referred to, in the same order.
    pub parent_columns: Vec<usize>,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// `ON DELETE …`.
    pub on_delete: ReferentialAction,
    /// `ON UPDATE …`.
    pub on_update: ReferentialAction,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub initially_deferred: bool,
    /// `NOT VALID`: rows that break it may be there.
    pub not_valid: bool,
    /// `NOT ENFORCED` (PostgreSQL 18).
    pub not_enforced: bool,
    /// The last column is a `PERIOD` (PostgreSQL 18).
    pub period: bool,
}

impl ForeignKey {
    /// The constraint `name` by which columns of `child` refer to as many of `parent`, and nothing more.
    pub fn new(name: impl Into<String>, child: (TableId, Vec<usize>), parent: (TableId, Vec<usize>)) -> Self {
        ForeignKey {
            name: name.into(),
            child: child.0,
            child_columns: child.1,
            parent: parent.0,
            parent_columns: parent.1,
            match_full: false,
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            deferrable: false,
            initially_deferred: false,
            not_valid: false,
            not_enforced: false,
            period: false,
        }
    }
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sequence {
    /// Its name.
    pub name: QualifiedName,
    /// The column that owns it, by identity, `serial` or `OWNED BY`.
    pub owned_by: Option<(TableId, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_where_it_must_be() {
        assert_eq!(QualifiedName::new("public", "users").to_string(), "public.users");
        assert_eq!(QualifiedName::new("Sales", "a\"b.c").to_string(), "\"Sales\".\"a\"\"b.c\"");
        assert_eq!(quoted("1st"), "\"1st\"");
    }
}
