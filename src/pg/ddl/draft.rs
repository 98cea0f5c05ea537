//! What the statements have said so far: tables by name, with the names in types, keys and references not looked up.

use std::collections::{HashMap, HashSet};

use super::name::{Name, SearchPath};
use crate::schema::{Generated, Identity, QualifiedName, ReferentialAction, TableKind};

/// The index of a table in [`Draft::tables`], which becomes its `TableId`.
pub(super) type TableIndex = usize;

/// The catalog in the making.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) tables: Vec<TableDraft>,
    pub(super) by_name: HashMap<QualifiedName, TableIndex>,
    pub(super) types: HashMap<QualifiedName, TypeDraft>,
    pub(super) sequences: Vec<SequenceDraft>,
    sequence_by_name: HashMap<QualifiedName, usize>,
    pub(super) materialized_views: HashSet<QualifiedName>,
    pub(super) unread_tables: Vec<QualifiedName>,
}

impl Draft {
    /// The table that `name` stands for.
    pub(super) fn find(&self, name: &Name) -> Option<TableIndex> {
        name.look_up(|name| self.by_name.get(name).copied())
    }

    /// Adds a table; one of that name must not be there yet.
    pub(super) fn add(&mut self, table: TableDraft) -> TableIndex {
        let index = self.tables.len();
        self.by_name.insert(table.name.clone(), index);
        self.tables.push(table);
        index
    }

    /// The sequence of that name, made if it is not there.
    pub(super) fn sequence(&mut self, name: QualifiedName) -> &mut SequenceDraft {
        let next = self.sequences.len();
        let index = *self.sequence_by_name.entry(name.clone()).or_insert(next);
        if index == next {
            self.sequences.push(SequenceDraft { name, owned_by: None });
        }
        &mut self.sequences[index]
    }
}

/// A table, its columns complete with inherited ones.
#[derive(Clone, Default)]
pub(super) struct TableDraft {
    pub(super) name: QualifiedName,
    pub(super) kind: TableKind,
    pub(super) unlogged: bool,
    pub(super) columns: Vec<ColumnDraft>,
    pub(super) primary_key: Option<KeyDraft>,
    pub(super) unique: Vec<KeyDraft>,
    pub(super) foreign_keys: Vec<ForeignKeyDraft>,
    pub(super) checks: Vec<String>,
    pub(super) partition_of: Option<TableIndex>,
    pub(super) partition_columns: Vec<String>,
    pub(super) inherits: Vec<TableIndex>,
}

impl TableDraft {
    /// The column of that name.
    pub(super) fn column_mut(&mut self, name: &str) -> Option<&mut ColumnDraft> {
        self.columns.iter_mut().find(|column| column.name == name)
    }
}

/// A type as written, and the path to look its name up with.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenType {
    pub(super) text: String,
    pub(super) path: SearchPath,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ColumnDraft {
    pub(super) name: String,
    pub(super) ty: WrittenType,
    pub(super) collation: Option<QualifiedName>,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    pub(super) identity: Option<Identity>,
    pub(super) generated: Option<Generated>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyDraft {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) has_expression: bool,
    pub(super) predicate: Option<String>,
    pub(super) nulls_not_distinct: bool,
    pub(super) without_overlaps: bool,
    pub(super) deferrable: bool,
    pub(super) place: String,
}

#[derive(Clone, Debug)]
pub(super) struct ForeignKeyDraft {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) parent: Name,
    /// Empty where the statement names none: then they are the parent's primary key.
    pub(super) parent_columns: Vec<String>,
    pub(super) match_full: bool,
    pub(super) on_delete: ReferentialAction,
    pub(super) on_update: ReferentialAction,
    pub(super) deferrable: bool,
    pub(super) initially_deferred: bool,
    pub(super) not_valid: bool,
    pub(super) not_enforced: bool,
    pub(super) period: bool,
    pub(super) place: String,
}

/// A user-defined type.
pub(super) enum TypeDraft {
    Enum(Vec<String>),
    Domain {
        base: WrittenType,
        not_null: bool,
        checks: Vec<String>,
    },
    Composite(Vec<ColumnDraft>),
    /// A range or a base type.
    Other,
}

pub(super) struct SequenceDraft {
    pub(super) name: QualifiedName,
    pub(super) owned_by: Option<(Name, String)>,
}
