//! What the names of `[subset]`, of `--subset` and of `[[foreign_keys]]` mean in a schema.

use std::collections::BTreeMap;

use super::name::{ColumnName, TableName};
use super::reference::Reference;
use super::resolve::{find_column, find_reference, find_tables};
use super::subset::{Amount, Down, Share, TableAmount, Up};
use super::{DeclaredReference, HeldWritten, RuleSet};
use crate::error::{Error, Result};
use crate::schema::{Catalog, TableId};

/// What is asked of the subset, by table and column.
#[derive(Clone, Debug, Default)]
pub struct SubsetAsked {
    /// The share of each table whose rows stand for themselves.
    pub percent: Option<Share>,
    /// What is asked of tables.
    pub tables: BTreeMap<TableId, TableAsked>,
    /// What is asked of edges, in order.
    pub edges: Vec<EdgeAsked>,
    /// Rows that are kept whatever is drawn.
    pub includes: Vec<IncludeAsked>,
    /// References that the database does not declare.
    pub references: Vec<ReferenceAsked>,
    /// The subset in words.
    pub summary: String,
}

/// What is asked of a table.
#[derive(Clone, Debug, Default)]
pub struct TableAsked {
    /// What it holds for its own sake, and where that is written.
    pub amount: Option<(Amount, String)>,
    /// What its rows stand for.
    pub entity: Option<String>,
}

/// What is asked of an edge.
#[derive(Clone, Debug)]
pub struct EdgeAsked {
    /// The child table.
    pub child: TableId,
    /// The columns that refer.
    pub columns: Vec<usize>,
    /// Which children are kept.
    pub down: Option<Down>,
    /// What becomes of references.
    pub up: Option<Up>,
    /// The most children that a parent brings along.
    pub cap: Option<u64>,
    /// Where it is written.
    pub place: String,
}

/// Rows that are kept whatever is drawn.
#[derive(Clone, Debug)]
pub struct IncludeAsked {
    /// The table.
    pub table: TableId,
    /// The columns that the keys are of, where they are named.
    pub columns: Option<Vec<usize>>,
    /// The keys.
    pub keys: Vec<Vec<String>>,
    /// Where it is written.
    pub place: String,
}

/// A reference that the database does not declare.
#[derive(Clone, Debug)]
pub struct ReferenceAsked {
    /// The table that refers.
    pub child: TableId,
    /// The columns that refer.
    pub child_columns: Vec<usize>,
    /// The table referred to.
    pub parent: TableId,
    /// The columns referred to.
    pub parent_columns: Vec<usize>,
    /// The column that says which parent is meant, and its value for this one.
    pub label: Option<(usize, String)>,
    /// Where in the child's value the reference is.
    pub held: Held,
    /// Where it is written.
    pub place: String,
}

/// Where in a value a reference is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The value itself.
    Value,
    /// Each element of an array.
    Elements,
    /// What a path finds within JSON.
    Path(String),
}

impl RuleSet {
    /// Finds everything that the subset's rules name in `catalog`.
    ///
    /// # Errors
    /// Everything that is not there, each of [`Kind::Rules`](crate::error::Kind::Rules).
    pub fn subset_asked(&self, catalog: &Catalog) -> Result<SubsetAsked, Vec<Error>> {
        let mut errors = Vec::new();
        let mut asked = SubsetAsked {
            percent: self.subset.percent,
            summary: self.subset.summary(),
            ..SubsetAsked::default()
        };
        asked.tables = tables(&self.subset.tables, catalog, &mut errors);
        for rule in &self.subset.edges {
            match columns_of(&rule.edge, catalog) {
                Ok((child, columns)) => asked.edges.push(EdgeAsked {
                    child,
                    columns,
                    down: rule.down,
                    up: rule.up,
                    cap: rule.cap,
                    place: rule.place.clone(),
                }),
                Err(error) => errors.push(error.at(&rule.place)),
            }
        }
        for include in &self.subset.includes {
            let found = match &include.columns {
                Some(reference) => {
                    columns_of(reference, catalog).map(|(table, columns)| (table, Some(columns)))
                }
                None => find_tables(&include.table, catalog).map(|tables| (tables[0], None)),
            };
            match found {
                Ok((table, columns)) => asked.includes.push(IncludeAsked {
                    table,
                    columns,
                    keys: include.keys.clone(),
                    place: include.place.clone(),
                }),
                Err(error) => errors.push(error.at(&include.place)),
            }
        }
        for declared in &self.foreign_keys {
            match reference(declared, catalog) {
                Ok(reference) => asked.references.push(reference),
                Err(error) => errors.push(error.at(&declared.line)),
            }
        }
        if errors.is_empty() { Ok(asked) } else { Err(errors) }
    }
}

/// What is asked of each table: of two that say the same of one, the later layer counts, then the closer name, then the
/// later line.
fn tables(
    amounts: &[TableAmount],
    catalog: &Catalog,
    errors: &mut Vec<Error>,
) -> BTreeMap<TableId, TableAsked> {
    let mut asked: BTreeMap<TableId, TableAsked> = BTreeMap::new();
    let mut in_order: Vec<&TableAmount> = amounts.iter().collect();
    in_order.sort_by_key(|table| (table.layer, !table.name.is_pattern()));
    for written in in_order {
        let found = match find_tables(&written.name, catalog) {
            Ok(found) => found,
            Err(error) => {
                errors.push(error.at(&written.place));
                continue;
            }
        };
        for table in found {
            if let Some(root) = catalog.table(table).partition_of {
                if !written.name.is_pattern() {
                    let what =
                        format!("`{}` is a partition, and a partitioned table is one table", written.name);
                    let hint = format!("say it of `{}`", catalog.table(root).name);
                    errors.push(Error::rules(what).at(&written.place).hint(hint));
                }
                continue;
            }
            let entry = asked.entry(table).or_default();
            if let Some(amount) = &written.amount {
                entry.amount = Some((amount.clone(), written.place.clone()));
            }
            if written.entity.is_some() {
                entry.entity.clone_from(&written.entity);
            }
        }
    }
    asked
}

/// The one table that `name`, which is no pattern, means.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if there is none, or more than one.
pub fn one_table(name: &TableName, catalog: &Catalog) -> Result<TableId> {
    find_tables(name, catalog).map(|tables| tables[0])
}

fn columns_of(reference: &Reference, catalog: &Catalog) -> Result<(TableId, Vec<usize>)> {
    let columns = find_reference(reference, catalog)?;
    Ok((columns[0].table, columns.iter().map(|id| id.column).collect()))
}

fn reference(declared: &DeclaredReference, catalog: &Catalog) -> Result<ReferenceAsked> {
    let (child, child_columns) = columns_of(&declared.child, catalog)?;
    let (parent, parent_columns) = columns_of(&declared.parent, catalog)?;
    let column = |name: &ColumnName| find_column(name, child, catalog).map(|id| id.column);
    let (label, held) = match &declared.held {
        HeldWritten::Value => (None, Held::Value),
        HeldWritten::Typed { column: name, label } => (Some((column(name)?, label.clone())), Held::Value),
        HeldWritten::Path(path) => (None, Held::Path(path.clone())),
        HeldWritten::Elements => (None, Held::Elements),
    };
    let place = declared.line.to_string();
    Ok(ReferenceAsked { child, child_columns, parent, parent_columns, label, held, place })
}
