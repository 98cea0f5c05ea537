//! The subset as people read it and as programs do: what is done with each table, what each reference brings along, and
//! what to set to have it otherwise. Holds names and counts; no key, no value, no condition.

use serde::Serialize;

use super::SubsetPlan;
use super::choice::{Choice, Measures, Policy};
use super::estimate::SubsetEstimate;
use super::graph::{Graph, Origin};
use super::null_out::null_columns;
use crate::report::human_bytes;
use crate::rules::subset::Amount;
use crate::schema::Catalog;
use crate::subset::spec::{Down, Rows, Up};
use crate::subset::{EdgeCounts, Spec, TableCounts};

/// A subset and its sizes.
pub struct SizedSubset<'a> {
    summary: &'a str,
    graph: &'a Graph,
    measures: &'a Measures,
    choice: &'a Choice,
    spec: &'a Spec,
    tables: &'a [TableCounts],
    edges: &'a [EdgeCounts],
    is_estimated: bool,
}

impl<'a> SizedSubset<'a> {
    /// A subset whose rows are selected.
    pub fn selected(subset: &'a SubsetPlan) -> Self {
        SizedSubset {
            summary: &subset.summary,
            graph: &subset.graph,
            measures: &subset.measures,
            choice: &subset.choice,
            spec: &subset.spec,
            tables: &subset.selection.tables,
            edges: &subset.selection.edges,
            is_estimated: false,
        }
    }

    /// A subset of which only that much is known.
    pub fn estimated(estimate: &'a SubsetEstimate) -> Self {
        SizedSubset {
            summary: &estimate.summary,
            graph: &estimate.graph,
            measures: &estimate.measures,
            choice: &estimate.choice,
            spec: &estimate.spec,
            tables: &estimate.tables,
            edges: &estimate.edges,
            is_estimated: true,
        }
    }
}

/// A subset in the form that `mask plan --format json` prints. Keys are only ever added.
#[derive(Serialize)]
pub struct SubsetView {
    asked: String,
    estimated: bool,
    rows_read: u64,
    rows_read_is_estimate: bool,
    rows: u64,
    bytes_read: u64,
    bytes: u64,
    tables: Vec<TableView>,
    edges: Vec<EdgeView>,
}

#[derive(Serialize)]
struct TableView {
    name: String,
    policy: &'static str,
    why: String,
    rows_read: u64,
    rows_read_is_estimate: bool,
    rows: u64,
    rows_owned: u64,
    rows_stub: u64,
    rows_pruned: u64,
    bytes_read: u64,
    bytes: u64,
    change: String,
}

#[derive(Serialize)]
struct EdgeView {
    edge: String,
    parent: String,
    declared_by: String,
    down: &'static str,
    up: &'static str,
    cap: Option<u64>,
    rows_followed: u64,
    rows_required: u64,
    references_kept: u64,
    references_nulled: u64,
    references_dangling: u64,
    change: Option<String>,
}

impl SubsetView {
    /// The view of `subset`, whose tables are those of `catalog`.
    pub fn new(subset: &SizedSubset<'_>, catalog: &Catalog) -> Self {
        let tables: Vec<TableView> =
            (0..subset.graph.tables.len()).map(|table| table_view(subset, catalog, table)).collect();
        let sum = |count: fn(&TableView) -> u64| tables.iter().map(count).sum();
        SubsetView {
            asked: subset.summary.to_string(),
            estimated: subset.is_estimated,
            rows_read: sum(|table| table.rows_read),
            rows_read_is_estimate: tables.iter().any(|table| table.rows_read_is_estimate),
            rows: sum(|table| table.rows),
            bytes_read: sum(|table| table.bytes_read),
            bytes: sum(|table| table.bytes),
            edges: (0..subset.graph.edges.len()).map(|edge| edge_view(subset, catalog, edge)).collect(),
            tables,
        }
    }

    /// The view as text: a line a table, a line a reference, and how to change it.
    pub fn to_text(&self) -> String {
        let estimated = match self.estimated {
            true => ", estimated from the server's statistics (`--sizes exact` reads the keys)",
            false => "",
        };
        let mut text = format!(
            "\nsubset {}{estimated}: {} of {} rows, about {} of {}\n",
            self.asked,
            self.rows,
            about(self.rows_read, self.rows_read_is_estimate),
            human_bytes(self.bytes),
            human_bytes(self.bytes_read)
        );
        let cells = self.tables.iter().filter(|table| table.rows_read > 0).map(TableView::cells).collect();
        text += &aligned(cells);
        let moving: Vec<&EdgeView> = self.edges.iter().filter(|edge| edge.is_told()).collect();
        if !moving.is_empty() {
            text += "\nreferences\n";
            text += &aligned(moving.iter().map(|edge| edge.cells()).collect());
        }
        text
    }
}

/// A number of rows, and whether it is an estimate.
fn about(rows: u64, is_estimate: bool) -> String {
    if is_estimate { format!("about {rows}") } else { rows.to_string() }
}

/// Lines of cells, each column as wide as its widest cell.
fn aligned(lines: Vec<Vec<String>>) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("  {cell:<width$}"));
        format!("{}\n", padded.collect::<String>().trim_end())
    };
    lines.iter().map(line).collect()
}

impl TableView {
    fn cells(&self) -> Vec<String> {
        let stubs = match (self.rows_stub, self.rows_owned) {
            (0, _) => String::new(),
            (stub, 0) if stub == self.rows_read => String::new(),
            (stub, _) => format!("{stub} of them referred to"),
        };
        vec![
            self.name.clone(),
            format!("{} of {} rows", self.rows, about(self.rows_read, self.rows_read_is_estimate)),
            format!("about {}", human_bytes(self.bytes)),
            stubs,
            self.why.clone(),
            self.change.clone(),
        ]
    }
}

impl EdgeView {
    /// Whether it does anything here that a person may want otherwise.
    fn is_told(&self) -> bool {
        self.rows_followed > 0 || self.change.is_some() || self.references_nulled > 0
    }

    fn cells(&self) -> Vec<String> {
        let mut does = Vec::new();
        if self.rows_followed > 0 {
            let cap = self.cap.map_or(String::new(), |cap| format!(", at most {cap} each"));
            does.push(format!("brings {} rows along{cap}", self.rows_followed));
        }
        if self.change.is_some() {
            does.push(format!("pulls in {} rows of {}", self.rows_required, self.parent));
        }
        if self.references_nulled > 0 {
            does.push(format!("{} references become NULL", self.references_nulled));
        }
        vec![
            format!("{} → {}", self.edge, self.parent),
            does.join("; "),
            self.change.clone().unwrap_or_default(),
        ]
    }
}

fn table_view(subset: &SizedSubset<'_>, catalog: &Catalog, table: usize) -> TableView {
    let counts = subset.tables[table];
    let rows_read_is_estimate = subset.measures.is_estimated[table];
    let (rows_read, bytes_read) = (subset.measures.rows[table], subset.measures.bytes[table]);
    let rows = counts.rows_kept();
    let bytes = match rows_read {
        0 => 0,
        _ => (bytes_read as f64 * rows as f64 / rows_read as f64) as u64,
    };
    let name = catalog.table(subset.graph.tables[table]).name.to_string();
    let (policy, why, change) = policy_texts(subset, table, &name);
    TableView {
        policy,
        why,
        change,
        name,
        rows_read,
        rows_read_is_estimate,
        rows,
        rows_owned: counts.rows_owned,
        rows_stub: counts.rows_stub,
        rows_pruned: counts.rows_pruned,
        bytes_read,
        bytes,
    }
}

/// The policy of a table in a word and in a sentence, and what to set to change it.
fn policy_texts(subset: &SizedSubset<'_>, table: usize, name: &str) -> (&'static str, String, String) {
    let set = |amount: &str| format!("to change: --subset '{name}={amount}'");
    let is_left_out = matches!(subset.spec.tables[table].rows, Rows::None);
    match &subset.choice.policies[table] {
        policy if is_left_out && *policy != Policy::Asked(Amount::None) => {
            ("empty", "left out: it needs rows of a table that is left out".into(), String::new())
        }
        Policy::Asked(amount) => {
            let amount = match amount {
                Amount::Where(_) => "where …".to_string(),
                amount => amount.to_string(),
            };
            ("asked", format!("as asked: {amount}"), String::new())
        }
        Policy::Anchor => ("anchor", "sampled: others belong to it".into(), set("all")),
        Policy::Untied => ("untied", "sampled: it is tied to nothing".into(), set("all")),
        Policy::Follows(edges) => {
            let owners: Vec<&str> = edges.iter().map(|&edge| subset.spec.edges[edge].name.as_str()).collect();
            ("follows", format!("follows {}", owners.join(", ")), set("10%"))
        }
        Policy::Lookup => ("lookup", "whole: it is small, and others refer to it".into(), set("none")),
        Policy::Referred => ("referred", "only what is referred to".into(), set("10%")),
    }
}

fn edge_view(subset: &SizedSubset<'_>, catalog: &Catalog, index: usize) -> EdgeView {
    let (edge, spec) = (&subset.graph.edges[index], &subset.spec.edges[index]);
    let counts = subset.edges[index];
    // The rows of a table that is kept whole are there without it.
    let pulls_in = counts.rows_required > 0 && !subset.spec.tables[edge.parent].whole;
    let change = (pulls_in && spec.up == Up::Require).then(|| {
        let up = match null_columns(catalog, subset.graph, edge) {
            Ok(_) => "null",
            Err(_) => "drop",
        };
        format!(
            "`edge = '{}'` with `up = \"{up}\"` would leave out up to {} of them",
            spec.name, counts.rows_required
        )
    });
    EdgeView {
        edge: spec.name.clone(),
        parent: catalog.table(subset.graph.tables[edge.parent]).name.to_string(),
        declared_by: match &edge.origin {
            Origin::Constraint(name) => format!("constraint {name}"),
            Origin::Inherited(name) => format!("constraint {name} of a table it inherits from"),
            Origin::Rules(place) => place.clone(),
        },
        down: match spec.down {
            Down::Owner => "owner",
            Down::Any => "any",
            Down::All => "all",
            Down::None => "none",
        },
        up: match spec.up {
            Up::Require => "require",
            Up::Null => "null",
            Up::Drop => "drop",
        },
        cap: spec.cap,
        rows_followed: counts.rows_followed,
        rows_required: counts.rows_required,
        references_kept: counts.references_kept,
        references_nulled: counts.references_nulled,
        references_dangling: counts.references_dangling,
        change,
    }
}
