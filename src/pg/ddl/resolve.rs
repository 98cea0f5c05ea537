//! The draft made into the [`Catalog`]: names looked up, columns numbered, a partition given its root's constraints.

use super::Unread;
use super::draft::{Draft, ForeignKeyDraft, KeyDraft, TableDraft, TableIndex};
use super::name::Name;
use super::types::Types;
use crate::schema::{Catalog, Column, ForeignKey, Key, Sequence, Table, TableId};

/// Makes the catalog; keys and references to what is not there are left out and named in `unread`.
pub(super) fn catalog(mut draft: Draft, unread: &mut Vec<Unread>) -> Catalog {
    share_with_partitions(&mut draft);
    let mut catalog = Catalog::default();
    catalog.unread_tables = std::mem::take(&mut draft.unread_tables);
    let mut types = Types::new(&draft.types);
    for table in &draft.tables {
        catalog.add_table(resolved_table(table, &mut types, unread));
    }
    for (index, table) in draft.tables.iter().enumerate() {
        for foreign_key in &table.foreign_keys {
            match resolved_reference(&draft, &catalog, TableId(index), foreign_key) {
                Ok(foreign_key) => catalog.foreign_keys.push(foreign_key),
                Err(missing) => unread.push(Unread {
                    place: foreign_key.place.clone(),
                    what: format!("the foreign key `{}` of `{}`: {missing}", foreign_key.name, table.name),
                }),
            }
        }
    }
    for sequence in &draft.sequences {
        let owned_by = sequence.owned_by.as_ref().and_then(|(table, column)| {
            let table = draft.find(table)?;
            Some((TableId(table), catalog.tables[table].column_index(column)?))
        });
        catalog.sequences.push(Sequence { name: sequence.name.clone(), owned_by });
    }
    catalog
}

/// Gives each partition the keys and references of its root that it does not declare itself.
///
/// pg_dump writes a root's foreign keys once, and Postgres makes them again for each partition.
fn share_with_partitions(draft: &mut Draft) {
    for index in 0..draft.tables.len() {
        let mut above = draft.tables[index].partition_of;
        // A chain longer than there are tables is a circle.
        for _ in 0..draft.tables.len() {
            let Some(root) = above else { break };
            let root_table = &draft.tables[root];
            let (primary_key, unique) = (root_table.primary_key.clone(), root_table.unique.clone());
            let foreign_keys = root_table.foreign_keys.clone();
            above = root_table.partition_of;
            let table = &mut draft.tables[index];
            if table.primary_key.is_none() {
                table.primary_key = primary_key;
            }
            for key in unique {
                if !table.unique.iter().any(|own| same_key(own, &key)) {
                    table.unique.push(key);
                }
            }
            for foreign_key in foreign_keys {
                if !table.foreign_keys.iter().any(|own| same_reference(own, &foreign_key)) {
                    table.foreign_keys.push(foreign_key);
                }
            }
        }
    }
}

fn same_key(one: &KeyDraft, other: &KeyDraft) -> bool {
    one.columns == other.columns
        && one.has_expression == other.has_expression
        && one.predicate == other.predicate
        && one.without_overlaps == other.without_overlaps
}

fn same_reference(one: &ForeignKeyDraft, other: &ForeignKeyDraft) -> bool {
    let parent = |name: &Name| name.created();
    one.columns == other.columns && parent(&one.parent) == parent(&other.parent)
}

fn resolved_table(draft: &TableDraft, types: &mut Types<'_>, unread: &mut Vec<Unread>) -> Table {
    let mut table = Table {
        name: draft.name.clone(),
        kind: draft.kind,
        unlogged: draft.unlogged,
        checks: draft.checks.clone(),
        partition_of: draft.partition_of.map(TableId),
        inherits: draft.inherits.iter().copied().map(TableId).collect(),
        ..Table::default()
    };
    table.columns = draft
        .columns
        .iter()
        .map(|column| Column {
            name: column.name.clone(),
            ty: types.resolve(&column.ty),
            type_text: column.ty.text.clone(),
            collation: column.collation.clone(),
            not_null: column.not_null,
            default: column.default.clone(),
            identity: column.identity,
            generated: column.generated,
        })
        .collect();
    table.partition_columns =
        draft.partition_columns.iter().filter_map(|name| table.column_index(name)).collect();
    let mut resolved = |key: &KeyDraft| {
        let key_of_table = resolved_key(&table, key);
        if let Err(missing) = &key_of_table {
            let what = format!("the key `{}` of `{}`: {missing}", key.name, draft.name);
            unread.push(Unread { place: key.place.clone(), what });
        }
        key_of_table.ok()
    };
    let primary_key = draft.primary_key.as_ref().and_then(&mut resolved);
    let unique = draft.unique.iter().filter_map(&mut resolved).collect();
    for &column in primary_key.iter().flat_map(|key: &Key| &key.columns) {
        table.columns[column].not_null = true;
    }
    (table.primary_key, table.unique) = (primary_key, unique);
    table
}

fn resolved_key(table: &Table, key: &KeyDraft) -> Result<Key, String> {
    Ok(Key {
        name: key.name.clone(),
        columns: column_indexes(table, &key.columns)?,
        has_expression: key.has_expression,
        predicate: key.predicate.clone(),
        nulls_not_distinct: key.nulls_not_distinct,
        without_overlaps: key.without_overlaps,
        deferrable: key.deferrable,
    })
}

fn resolved_reference(
    draft: &Draft,
    catalog: &Catalog,
    child: TableId,
    foreign_key: &ForeignKeyDraft,
) -> Result<ForeignKey, String> {
    let parent: TableIndex = draft
        .find(&foreign_key.parent)
        .ok_or_else(|| format!("no table `{}`", foreign_key.parent.created()))?;
    let parent_table = &catalog.tables[parent];
    let parent_columns = if foreign_key.parent_columns.is_empty() {
        let key = parent_table.primary_key.as_ref();
        key.ok_or_else(|| format!("`{}` has no primary key", parent_table.name))?.columns.clone()
    } else {
        column_indexes(parent_table, &foreign_key.parent_columns)?
    };
    let child_columns = column_indexes(catalog.table(child), &foreign_key.columns)?;
    if child_columns.len() != parent_columns.len() {
        return Err(format!("{} columns refer to {}", child_columns.len(), parent_columns.len()));
    }
    Ok(ForeignKey {
        name: foreign_key.name.clone(),
        child,
        child_columns,
        parent: TableId(parent),
        parent_columns,
        match_full: foreign_key.match_full,
        on_delete: foreign_key.on_delete,
        on_update: foreign_key.on_update,
        deferrable: foreign_key.deferrable,
        initially_deferred: foreign_key.initially_deferred,
        not_valid: foreign_key.not_valid,
        not_enforced: foreign_key.not_enforced,
        period: foreign_key.period,
    })
}

fn column_indexes(table: &Table, names: &[String]) -> Result<Vec<usize>, String> {
    let index = |name: &String| {
        table.column_index(name).ok_or_else(|| format!("`{}` has no column `{name}`", table.name))
    };
    names.iter().map(index).collect()
}
