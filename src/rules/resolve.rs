//! Finds the tables and columns that rules name, and for each column the rule that decides it.
//!
//! A name that matches nothing is an error: a rule that does not do what it says must not look as if it did.

use super::name::{ColumnName, TableName};
use super::reference::Reference;
use super::{ColumnRule, Line, RuleSet, TableRules};
use crate::error::{Error, Result};
use crate::nearest::{did_you_mean, nearest};
use crate::schema::{Catalog, TableId, quoted};

/// A column of a table, by their indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId {
    /// The table.
    pub table: TableId,
    /// The index in the table's columns.
    pub column: usize,
}

impl ColumnId {
    /// The column's name for messages, such as `public.users.email`.
    pub fn display(self, catalog: &Catalog) -> String {
        let table = catalog.table(self.table);
        format!("{}.{}", table.name, quoted(&table.columns[self.column].name))
    }
}

/// How closely a rule names its column; the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// An entry of a pack.
    Pack,
    /// A pattern of columns in a pattern of tables.
    Patterns,
    /// A column's name in a pattern of tables.
    NameInPattern,
    /// A pattern of columns in a table's name.
    PatternInTable,
    /// A column's name in a table's name.
    Name,
}

/// The rule that decides a column.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'r> {
    /// The rule.
    pub rule: &'r ColumnRule,
    /// How closely it names the column.
    pub rank: Rank,
}

/// What the names of the rules mean in a catalog.
pub struct Resolved<'r> {
    chosen: Vec<Vec<Option<Chosen<'r>>>>,
    lines: Vec<Option<&'r Line>>,
    /// The references that the rules declare, column by column: child, parent.
    pub references: Vec<(ColumnId, ColumnId)>,
}

impl<'r> Resolved<'r> {
    /// Finds everything that `rules` name in `catalog`; what is not there goes to `errors`.
    pub fn new(rules: &'r RuleSet, catalog: &Catalog, errors: &mut Vec<Error>) -> Self {
        let chosen = catalog.tables.iter().map(|table| vec![None; table.columns.len()]).collect();
        let lines = vec![None; catalog.tables.len()];
        let mut resolved = Resolved { chosen, lines, references: Vec::new() };
        for table_rules in &rules.tables {
            match find_tables(&table_rules.name, catalog) {
                Ok(tables) => resolved.add(table_rules, &tables, catalog, errors),
                Err(error) => errors.push(error.at(&table_rules.line)),
            }
        }
        for declared in rules.foreign_keys.iter().filter(|declared| declared.held.is_value()) {
            let ends = find_reference(&declared.child, catalog)
                .and_then(|child| Ok((child, find_reference(&declared.parent, catalog)?)));
            match ends {
                Ok((child, parent)) => resolved.references.extend(child.into_iter().zip(parent)),
                Err(error) => errors.push(error.at(&declared.line)),
            }
        }
        resolved
    }

    /// Takes rules of packs for the columns that no other rule names.
    pub fn add_packs(&mut self, rules: &'r [(ColumnId, ColumnRule)]) {
        for (id, rule) in rules {
            self.offer(*id, Chosen { rule, rank: Rank::Pack });
        }
    }

    /// The rule that names the column most closely.
    pub fn rule(&self, id: ColumnId) -> Option<Chosen<'r>> {
        self.chosen[id.table.0][id.column]
    }

    /// The last line that names the table, not by a pattern.
    pub fn table_line(&self, table: TableId) -> Option<&'r Line> {
        self.lines[table.0]
    }

    fn add(&mut self, rules: &'r TableRules, tables: &[TableId], catalog: &Catalog, errors: &mut Vec<Error>) {
        if !rules.name.is_pattern() {
            tables.iter().for_each(|table| self.lines[table.0] = Some(&rules.line));
        }
        for rule in &rules.columns {
            let mut matched = false;
            for &table in tables {
                let columns = column_names(catalog, table);
                for column in rule.column.find(columns) {
                    matched = true;
                    self.offer(ColumnId { table, column }, Chosen { rule, rank: rank(rules, rule) });
                }
            }
            if !matched {
                errors.push(no_column(&rules.name, &rule.column, tables, catalog).at(&rule.line));
            }
        }
    }

    /// Takes the rule for the column unless a closer one is there. In the same rank the later one wins: tables come
    /// in the order of the files, columns in the order of the lines.
    fn offer(&mut self, id: ColumnId, offered: Chosen<'r>) {
        let place = &mut self.chosen[id.table.0][id.column];
        let order = |chosen: &Chosen<'r>| (chosen.rank, chosen.rule.line.clone());
        if place.as_ref().is_none_or(|chosen| order(&offered) >= order(chosen)) {
            *place = Some(offered);
        }
    }
}

fn rank(table: &TableRules, rule: &ColumnRule) -> Rank {
    match (table.name.is_pattern(), rule.column.is_pattern()) {
        (true, true) => Rank::Patterns,
        (true, false) => Rank::NameInPattern,
        (false, true) => Rank::PatternInTable,
        (false, false) => Rank::Name,
    }
}

/// The names of a table's columns.
pub fn column_names(catalog: &Catalog, table: TableId) -> impl Iterator<Item = &str> + Clone {
    catalog.table(table).columns.iter().map(|column| column.name.as_str())
}

/// The tables that a name means: one, or for a pattern one or more.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if there is none, or more than one for a name that is no pattern.
pub fn find_tables(name: &TableName, catalog: &Catalog) -> Result<Vec<TableId>> {
    let found = name.find(catalog.tables.iter().map(|table| &table.name));
    match found[..] {
        [] => Err(no_table(name, catalog)),
        [_, _, ..] if !name.is_pattern() => {
            let names: Vec<String> =
                found.iter().map(|index| format!("`{}`", catalog.tables[*index].name)).collect();
            Err(Error::rules(format!("`{name}` names more than one table: {}", names.join(", ")))
                .hint("write the schema before the name, such as `[tables.\"public.users\"]`"))
        }
        _ => Ok(found.into_iter().map(TableId).collect()),
    }
}

fn no_table(name: &TableName, catalog: &Catalog) -> Error {
    if name.is_pattern() {
        return Error::rules(format!("`{name}` matches no table"));
    }
    let error = Error::rules(format!("there is no table `{name}`"));
    let full: Vec<String> = catalog.tables.iter().map(|table| table.name.to_string()).collect();
    let bare = catalog.tables.iter().map(|table| table.name.name.as_str());
    // A name without a schema is near to another one by itself, whatever the other's schema.
    let near = nearest(&name.to_string(), bare.clone()).filter(|_| name.is_bare());
    let near = near.and_then(|near| bare.zip(&full).find(|(bare, _)| *bare == near));
    let hint = match near {
        Some((_, full)) => Some(format!("did you mean `{full}`?")),
        None => did_you_mean(&name.to_string(), full.iter().map(String::as_str)),
    };
    hint.into_iter().fold(error, Error::hint)
}

fn no_column(table: &TableName, column: &ColumnName, tables: &[TableId], catalog: &Catalog) -> Error {
    let what = match (tables, column.is_pattern()) {
        ([one], true) => format!("`{column}` matches no column of `{}`", catalog.table(*one).name),
        ([one], false) => format!("table `{}` has no column `{column}`", catalog.table(*one).name),
        (_, true) => format!("`{column}` matches no column of the tables `{table}`"),
        (_, false) => format!("none of the tables `{table}` has a column `{column}`"),
    };
    let error = Error::rules(what);
    if column.is_pattern() {
        return error;
    }
    let written = column.to_string();
    let hint = match tables {
        [one] => did_you_mean(&written, column_names(catalog, *one)),
        _ => nearest(&written, tables.iter().flat_map(|table| column_names(catalog, *table)))
            .map(|near| format!("did you mean `{near}`?")),
    };
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The columns that one end of a reference names.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if one of them is not there.
pub fn find_reference(reference: &Reference, catalog: &Catalog) -> Result<Vec<ColumnId>> {
    let table = find_tables(&reference.table, catalog)?[0];
    reference.columns.iter().map(|column| find_column(column, table, catalog)).collect()
}

/// The one column of `table` that `name`, which is no pattern, means.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if there is none, or two that differ in case.
pub fn find_column(name: &ColumnName, table: TableId, catalog: &Catalog) -> Result<ColumnId> {
    match name.find(column_names(catalog, table))[..] {
        [column] => Ok(ColumnId { table, column }),
        [] => {
            let what = format!("table `{}` has no column `{name}`", catalog.table(table).name);
            let hint = did_you_mean(&name.to_string(), column_names(catalog, table));
            Err(hint.into_iter().fold(Error::rules(what), Error::hint))
        }
        _ => Err(Error::rules(format!("`{name}` names more than one column"))),
    }
}
