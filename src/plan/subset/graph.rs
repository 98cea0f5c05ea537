//! The tables of a snapshot and the references between them, as a subset sees them: partitions are their root's rows,
//! and a table that inherits refers to what its parents refer to.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::error::{Error, Result};
use crate::rules::subset_names::{Held, ReferenceAsked};
use crate::schema::{Catalog, ForeignKey, Key, ReferentialAction, TableId, TableKind, quoted};
use crate::subset::json_path::JsonPath;
use crate::subset::spec::Extract;

/// The tables and the references between them.
#[derive(Clone, Default)]
pub struct Graph {
    /// The tables, each with its place in the catalog: partitioned tables without their partitions.
    pub tables: Vec<TableId>,
    /// The references, in the order of the catalog, then of the rules.
    pub edges: Vec<Edge>,
    /// The table that each table of the catalog is part of.
    of_table: HashMap<TableId, usize>,
}

/// A reference from one table to another.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The table that refers, by its index in [`Graph::tables`].
    pub child: usize,
    /// The columns that refer.
    pub child_columns: Vec<usize>,
    /// The table referred to.
    pub parent: usize,
    /// The columns referred to, in the same order.
    pub parent_columns: Vec<usize>,
    /// Where in the child's value the reference is.
    pub extract: Extract,
    /// For a polymorphic reference, the column that says which parent is meant, and its value for this one.
    pub label: Option<(usize, String)>,
    /// `ON DELETE …`.
    pub on_delete: ReferentialAction,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// The last columns are a `PERIOD`.
    pub period: bool,
    /// The database sees to it that every reference leads to a row.
    pub holds: bool,
    /// Who declares it.
    pub origin: Origin,
}

/// Who declares a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The database, by the constraint of that name.
    Constraint(String),
    /// A table that the child inherits from, which does not bind the child's rows.
    Inherited(String),
    /// `[[foreign_keys]]`, at that place.
    Rules(String),
}

impl Graph {
    /// The graph of `catalog`, and of what the rules declare besides. Foreign tables are in it where they are among
    /// `with_rows`: a snapshot has their rows only where it was asked for them.
    ///
    /// # Errors
    /// [`Kind::Rules`](crate::error::Kind::Rules) for a path into JSON that cannot be read.
    pub fn new(
        catalog: &Catalog,
        with_rows: &HashSet<TableId>,
        declared: &[ReferenceAsked],
    ) -> Result<Self, Vec<Error>> {
        let mut graph = Graph::default();
        for (id, table) in catalog.iter() {
            let is_here = table.kind != TableKind::Foreign || with_rows.contains(&id);
            if table.partition_of.is_none() && is_here {
                graph.of_table.insert(id, graph.tables.len());
                graph.tables.push(id);
            }
        }
        for (id, _) in catalog.iter() {
            let root = root(catalog, id);
            if let Some(&index) = graph.of_table.get(&root) {
                graph.of_table.insert(id, index);
            }
        }
        for foreign_key in &catalog.foreign_keys {
            graph.add_foreign_key(catalog, foreign_key);
        }
        let errors: Vec<Error> =
            declared.iter().filter_map(|asked| graph.add_declared(catalog, asked).err()).collect();
        if errors.is_empty() { Ok(graph) } else { Err(errors) }
    }

    /// The table of the graph that `table` is or is a partition of.
    pub fn table(&self, table: TableId) -> Option<usize> {
        self.of_table.get(&table).copied()
    }

    /// An edge as `[[subset.edges]]` names it: the child table and its columns.
    pub fn edge_name(&self, catalog: &Catalog, edge: &Edge) -> String {
        let table = catalog.table(self.tables[edge.child]);
        let columns: Vec<String> =
            edge.child_columns.iter().map(|&column| quoted(&table.columns[column].name)).collect();
        format!("{}({})", table.name, columns.join(", "))
    }

    fn add_foreign_key(&mut self, catalog: &Catalog, key: &ForeignKey) {
        let edge = Edge {
            child: 0,
            child_columns: Vec::new(),
            parent: 0,
            parent_columns: Vec::new(),
            extract: Extract::Value,
            label: None,
            on_delete: key.on_delete,
            match_full: key.match_full,
            period: key.period,
            holds: !key.not_valid && !key.not_enforced,
            origin: Origin::Constraint(key.name.clone()),
        };
        self.add(catalog, (key.child, &key.child_columns), (key.parent, &key.parent_columns), edge.clone());
        for heir in heirs(catalog, key.child) {
            if let Some(columns) = columns_of_name(catalog, (key.child, &key.child_columns), heir) {
                let edge = Edge { holds: false, origin: Origin::Inherited(key.name.clone()), ..edge.clone() };
                self.add(catalog, (heir, &columns), (key.parent, &key.parent_columns), edge);
            }
        }
    }

    fn add_declared(&mut self, catalog: &Catalog, asked: &ReferenceAsked) -> Result<()> {
        let extract = match &asked.held {
            Held::Value => Extract::Value,
            Held::Elements => Extract::Elements,
            Held::Path(path) => Extract::Json(JsonPath::parse(path).map_err(|error| error.at(&asked.place))?),
        };
        let edge = Edge {
            child: 0,
            child_columns: Vec::new(),
            parent: 0,
            parent_columns: Vec::new(),
            extract,
            label: asked.label.clone(),
            on_delete: ReferentialAction::NoAction,
            match_full: false,
            period: false,
            holds: false,
            origin: Origin::Rules(asked.place.clone()),
        };
        let (child, parent) =
            ((asked.child, &asked.child_columns[..]), (asked.parent, &asked.parent_columns[..]));
        self.add(catalog, child, parent, edge);
        Ok(())
    }

    /// Adds an edge between the tables that `child` and `parent` are part of; one that is there already is not added
    /// again: partitions repeat what their table declares.
    fn add(
        &mut self,
        catalog: &Catalog,
        child: (TableId, &[usize]),
        parent: (TableId, &[usize]),
        edge: Edge,
    ) {
        let ends = [child, parent].map(|(table, columns)| {
            let index = self.table(table)?;
            let columns = columns_of_name(catalog, (table, columns), self.tables[index])?;
            Some((index, columns))
        });
        let [Some((child_index, child_columns)), Some((parent_index, parent_columns))] = ends else { return };
        let label = edge.label.clone().and_then(|(column, label)| {
            let columns = columns_of_name(catalog, (child.0, &[column]), self.tables[child_index])?;
            Some((columns[0], label))
        });
        let edge =
            Edge { child: child_index, child_columns, parent: parent_index, parent_columns, label, ..edge };
        let is_same = |other: &Edge| {
            (other.child, &other.child_columns, other.parent, &other.parent_columns, &other.label)
                == (edge.child, &edge.child_columns, edge.parent, &edge.parent_columns, &edge.label)
                && is_same_extract(&other.extract, &edge.extract)
        };
        if !self.edges.iter().any(is_same) {
            self.edges.push(edge);
        }
    }
}

fn is_same_extract(left: &Extract, right: &Extract) -> bool {
    match (left, right) {
        (Extract::Value, Extract::Value) | (Extract::Elements, Extract::Elements) => true,
        (Extract::Json(left), Extract::Json(right)) => left == right,
        _ => false,
    }
}

impl Edge {
    /// Whether the table refers to itself.
    pub fn is_self(&self) -> bool {
        self.child == self.parent
    }

    /// Whether the reference is a column's whole value, so that NULL would be no reference.
    pub fn is_plain(&self) -> bool {
        matches!(self.extract, Extract::Value)
    }
}

/// The columns that a table's rows are told apart by: its primary key, else a unique key without NULL, else none.
pub fn row_key(catalog: &Catalog, table: TableId) -> Vec<usize> {
    let table = catalog.table(table);
    let is_whole = |key: &&Key| {
        let plain = !key.has_expression && key.predicate.is_none() && !key.columns.is_empty();
        plain
            && !key.without_overlaps
            && key
                .columns
                .iter()
                .all(|&column| table.columns[column].not_null && table.columns[column].generated.is_none())
    };
    let primary = table.primary_key.as_ref().filter(|key| !key.columns.is_empty());
    primary.or_else(|| table.unique.iter().find(is_whole)).map(|key| key.columns.clone()).unwrap_or_default()
}

/// The partitioned table at the top, or the table itself.
fn root(catalog: &Catalog, table: TableId) -> TableId {
    let above = |table: &TableId| catalog.table(*table).partition_of;
    std::iter::successors(Some(table), above).take(catalog.tables.len()).last().unwrap_or(table)
}

/// The tables that inherit from `table`, directly or not.
fn heirs(catalog: &Catalog, table: TableId) -> BTreeSet<TableId> {
    let mut found = BTreeSet::new();
    let mut open = vec![table];
    while let Some(above) = open.pop() {
        let direct = catalog.iter().filter(|(_, table)| table.inherits.contains(&above)).map(|(id, _)| id);
        open.extend(direct.filter(|id| *id != table && found.insert(*id)).collect::<Vec<_>>());
    }
    found
}

/// The columns of `to` with the names of the columns of `from`; `None` where one is not there.
fn columns_of_name(catalog: &Catalog, from: (TableId, &[usize]), to: TableId) -> Option<Vec<usize>> {
    if from.0 == to {
        return Some(from.1.to_vec());
    }
    let names = from.1.iter().map(|&column| &catalog.table(from.0).columns[column].name);
    names.map(|name| catalog.table(to).column_index(name)).collect()
}
