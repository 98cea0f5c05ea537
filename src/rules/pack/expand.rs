//! Packs against a schema: a rule for each column that an entry names, made to fit the column.

use std::collections::{HashMap, HashSet};

use super::super::ColumnRule;
use super::super::group::{Ties, inherited_columns};
use super::super::name::ColumnName;
use super::super::resolve::ColumnId;
use super::super::setting::takes;
use super::column_words::words_of;
use super::{Entry, Pack};
use crate::functions::Function;
use crate::functions::text::InvalidPolicy;
use crate::schema::{Catalog, PgType, Table, TableId, TableKind, quoted_always};

/// What an entry writes for the column of the table's primary key, where that is one column.
const PRIMARY_KEY: &str = "primary key";

/// The rules that `packs` have for the columns of `catalog`; a later pack wins over an earlier one.
///
/// A column that refers to another one with a rule gets none: it follows. So does one of a partition.
pub(in crate::rules) fn expand(
    packs: &[Pack],
    catalog: &Catalog,
    ties: &Ties,
    functions: &[&'static Function],
) -> Vec<(ColumnId, ColumnRule)> {
    let referred_to: HashSet<ColumnId> = referred_to(catalog);
    let mut named: HashMap<ColumnId, &Entry> = HashMap::new();
    for_each_named(packs, catalog, |id, entry| {
        let ty = &catalog.table(id.table).columns[id.column].ty;
        let function = entry.rule.as_ref().and_then(|rule| find(functions, &rule.function));
        if function.is_some_and(|function| (function.takes)(ty)) {
            named.entry(id).or_insert(entry);
        }
    });
    let follows = |id: &ColumnId| ties.above(*id).iter().any(|above| named.contains_key(above));
    let mut rules: Vec<(ColumnId, ColumnRule)> = named
        .iter()
        .filter(|(id, _)| !follows(id))
        .filter_map(|(id, entry)| {
            let is_tied = ties.refers(*id) || referred_to.contains(id);
            Some((*id, fitted(entry.rule.as_ref()?, *id, catalog, functions, is_tied)))
        })
        .collect();
    rules.sort_by_key(|(id, _)| *id);
    rules
}

/// Calls `visit` with each column and each entry that names it, those of later packs first.
pub(super) fn for_each_named<'p>(
    packs: &'p [Pack],
    catalog: &Catalog,
    mut visit: impl FnMut(ColumnId, &'p Entry),
) {
    for (table_id, table) in catalog.iter().filter(|(_, table)| table.kind != TableKind::Foreign) {
        let words: Vec<String> = table.columns.iter().map(|column| words_of(&column.name)).collect();
        let tells_person = |entry: &Entry| {
            entry.tells_person
                && entry.names_table(table)
                && words.iter().any(|words| entry.names_column(words))
        };
        let has_person = packs.iter().flat_map(|pack| &pack.entries).any(tells_person);
        for (column, words) in words.iter().enumerate() {
            if table.columns[column].generated.is_some() {
                continue;
            }
            let entries = packs.iter().rev().flat_map(|pack| &pack.entries);
            let ty = &table.columns[column].ty;
            for entry in entries.filter(|entry| entry.names(table, words, has_person) && entry.means(ty)) {
                visit(ColumnId { table: table_id, column }, entry);
            }
        }
    }
}

impl Entry {
    fn names(&self, table: &Table, words: &str, has_person: bool) -> bool {
        (has_person || !self.with_person) && self.names_table(table) && self.names_column(words)
    }

    fn means(&self, ty: &PgType) -> bool {
        self.types.is_empty()
            || self.types.iter().any(|name| match name.as_str() {
                "text" => ty.is_text(),
                name => name == ty.base().to_string(),
            })
    }

    fn names_table(&self, table: &Table) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|name| !name.find([&table.name]).is_empty())
    }

    fn names_column(&self, words: &str) -> bool {
        let any = |names: &[ColumnName]| names.iter().any(|name| !name.find([words]).is_empty());
        any(&self.names) && !any(&self.except)
    }
}

fn find(functions: &[&'static Function], name: &str) -> Option<&'static Function> {
    functions.iter().copied().find(|function| function.name == name)
}

/// `rule` for the column `id`: as long as the column takes, unique where it must be, and by the row's key where the
/// entry asks for it and no foreign key ties the column.
fn fitted(
    rule: &ColumnRule,
    id: ColumnId,
    catalog: &Catalog,
    functions: &[&'static Function],
    is_tied: bool,
) -> ColumnRule {
    let table = catalog.table(id.table);
    let name = &table.columns[id.column].name;
    let mut rule = ColumnRule { column: ColumnName::new(&quoted_always(name)), ..rule.clone() };
    if rule.by.as_deref() == Some(PRIMARY_KEY) {
        let key = sole_key(table).filter(|&key| key != id.column && !is_tied);
        rule.by = key.map(|key| quoted_always(&table.columns[key].name));
    }
    let Some(function) = find(functions, &rule.function) else { return rule };
    let parameters = &mut rule.parameters.0;
    if let Some(limit) = table.columns[id.column].ty.max_chars().filter(|_| takes(function, "max_length")) {
        parameters.entry("max_length".into()).or_insert_with(|| i64::from(limit).into());
    }
    if is_under_key(catalog, id) {
        if takes(function, "unique") {
            parameters.entry("unique".into()).or_insert_with(|| true.into());
        }
        // Fillers of one length are equal.
        rule.invalid = rule.invalid.filter(|invalid| *invalid != InvalidPolicy::Redact);
    }
    rule
}

/// The column of a primary key of one column.
fn sole_key(table: &Table) -> Option<usize> {
    match &table.primary_key.as_ref()?.columns[..] {
        [column] => Some(*column),
        _ => None,
    }
}

fn is_under_key(catalog: &Catalog, id: ColumnId) -> bool {
    let table = catalog.table(id.table);
    let holds = |table: &Table, column: usize| {
        table.primary_key.iter().chain(&table.unique).any(|key| key.columns.contains(&column))
    };
    holds(table, id.column)
        || inherited_columns(catalog, id.table)
            .any(|(child, above)| child == id && holds(catalog.table(above.table), above.column))
}

fn referred_to(catalog: &Catalog) -> HashSet<ColumnId> {
    let parents = |key: &crate::schema::ForeignKey| {
        let table: TableId = key.parent;
        key.parent_columns.iter().map(move |&column| ColumnId { table, column }).collect::<Vec<_>>()
    };
    catalog.foreign_keys.iter().flat_map(parents).collect()
}
