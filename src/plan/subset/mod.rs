//! The subset of a run: what is asked, what is chosen where nothing was said, and which rows that makes.
//!
//! `graph` has the tables and references, `choice` decides what nobody said, `null_out` knows what NULL would break,
//! `conditions` holds what `where …` says, `specify` spells it out for `crate::subset`, which selects the rows; `show`
//! tells it to people. `keys` reads what that takes; `candidates` and `narrow` spare a source that can look rows up from
//! reading tables of which few rows can be in the subset.

pub mod affinity;
mod candidates;
pub mod choice;
mod conditions;
pub mod estimate;
mod expectation;
pub mod graph;
mod keys;
pub mod large_objects;
mod narrow;
pub mod null_out;
mod row_search;
pub mod show;
mod specify;
mod survey;
mod why;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::key::MasterKey;
use crate::plan::{PartPlan, Plan};
use crate::rules::subset_names::SubsetAsked;
use crate::rules::{LargeObjects, RuleSet};
use crate::schema::TableId;
use crate::source::Source;
use crate::subset::key_read::KeyColumns;
use crate::subset::{self, Budget, RowFilter, Selection, Spec};
use choice::{Choice, Measures};
use conditions::Conditions;
use estimate::SubsetEstimate;
use graph::Graph;
use keys::{Keys, Reading};
use row_search::RowSearch;
use why::Explainer;

/// The subset, selected.
pub struct SubsetPlan {
    /// What was asked, in words.
    pub summary: String,
    /// The tables and references.
    pub graph: Graph,
    /// What was counted of the snapshot.
    pub measures: Measures,
    /// What is done with each table and reference.
    pub choice: Choice,
    /// The same, spelled out.
    pub spec: Spec,
    /// The columns that become NULL where a reference of an edge does.
    pub null_columns: Vec<Vec<usize>>,
    /// The rows that are kept.
    pub selection: Selection,
    /// The large objects that kept rows refer to, where large objects are kept.
    pub large_objects: Option<HashSet<u32>>,
    /// Why the row that was asked for is kept or not.
    pub why: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Of each part that was selected from, about how many rows it has, where not all were read.
    rows_about: Vec<Option<u64>>,
    /// Of each part of the plan, its index among the parts that were selected from.
    part_of: Vec<Option<usize>>,
}

/// A subset whose names are found and whose rules agree; no row was read for it.
pub struct SubsetRequest<'a> {
    plan: &'a Plan,
    asked: SubsetAsked,
    graph: Graph,
    conditions: Conditions,
}

/// How the rows of a subset are selected; changes nothing of the result.
#[derive(Clone, Copy, Debug)]
pub struct SelectSettings<'a> {
    /// Threads.
    pub jobs: usize,
    /// Bytes of memory for keys.
    pub memory_bytes: u64,
    /// The folder of temporary files.
    pub temp_dir: &'a Path,
    /// A row to be explained, such as `orders(17)`.
    pub why: Option<&'a str>,
}

impl<'a> SubsetRequest<'a> {
    /// Finds what the subset's rules name in the schema of `plan`.
    ///
    /// # Errors
    /// Everything for which they are refused, each of [`Kind::Rules`](crate::error::Kind::Rules).
    pub fn new(plan: &'a Plan, rules: &RuleSet) -> Result<Self, Vec<Error>> {
        let asked = rules.subset_asked(&plan.catalog)?;
        let with_rows = plan.data.iter().map(|data| data.table).collect();
        let graph = Graph::new(&plan.catalog, &with_rows, &asked.references)?;
        let conditions = Conditions::new(&plan.catalog, &graph, &asked)?;
        Ok(SubsetRequest { plan, asked, graph, conditions })
    }

    /// Reads the key columns of `source` and selects the rows.
    ///
    /// # Errors
    /// What the source fails with, and what the rules ask that the schema does not allow.
    pub fn select(
        self,
        source: &dyn Source,
        key: &MasterKey,
        settings: SelectSettings<'_>,
    ) -> Result<SubsetPlan, Vec<Error>> {
        let one = |error| vec![error];
        let SubsetRequest { plan, asked, graph, mut conditions } = self;
        if source.decider().is_some() {
            conditions.leave_to_server(&plan.catalog, &graph);
        }
        let parts = parts(plan, &graph);
        let columns: Vec<KeyColumns> =
            parts.iter().map(|&part| key_columns(plan, &graph, &conditions, part)).collect();
        let reading = Reading {
            plan,
            graph: &graph,
            asked: &asked,
            parts: &parts,
            columns: &columns,
            source,
            key,
            settings,
        };
        let Keys { rows, measures, choice, specified, rows_about } = reading.read(conditions)?;
        let spec = specified.spec;
        let budget =
            Budget { memory_bytes: settings.memory_bytes / 2, temp_dir: settings.temp_dir.to_path_buf() };
        let selection = subset::select(&spec, &rows, key, &budget).map_err(one)?;
        let part_name = |&part: &usize| plan.catalog.table(plan.data[part].table).name.to_string();
        let part_names: Vec<String> = parts.iter().map(part_name).collect();
        let explainer = Explainer {
            catalog: &plan.catalog,
            graph: &graph,
            policies: &choice.policies,
            spec: &spec,
            search: RowSearch { spec: &spec, rows: &rows, selection: &selection },
            part_names: &part_names,
        };
        let why = settings.why.map(|row| explainer.explain(row)).transpose().map_err(one)?;
        let index_of = |part: &PartPlan| {
            parts.iter().position(|&index| plan.data[index].source_index == part.source_index)
        };
        let part_of: Vec<Option<usize>> = plan.parts.iter().map(index_of).collect();
        let mut large_objects = (plan.large_objects == Some(LargeObjects::Keep)).then(HashSet::new);
        if let Some(kept) = &mut large_objects {
            for part in part_of.iter().flatten().copied() {
                let root = graph.tables[spec.parts[part]];
                let columns = lo_columns(plan, root);
                if !columns.is_empty() {
                    kept.extend(large_objects::oids_of(&rows, part, &columns, &selection).map_err(one)?);
                }
            }
        }
        Ok(SubsetPlan {
            summary: asked.summary.clone(),
            part_of,
            large_objects,
            why,
            null_columns: specified.null_columns,
            notes: specified.notes,
            graph,
            measures,
            choice,
            spec,
            rows_about,
            selection,
        })
    }
}

/// The parts of the data that a subset is selected from.
fn parts(plan: &Plan, graph: &Graph) -> Vec<usize> {
    (0..plan.data.len()).filter(|&part| graph.table(plan.data[part].table).is_some()).collect()
}

impl Plan {
    /// The plan for the rows of `subset`.
    pub fn with_subset(mut self, subset: SubsetPlan) -> Plan {
        if let Some(kept) = &subset.large_objects {
            large_objects::leave_out_others(&mut self, kept);
        }
        self.notes.extend(subset.notes.iter().cloned());
        self.subset = Some(subset);
        self
    }

    /// The plan, of whose subset no more is known than `estimate` says; nothing can be moved by it.
    pub fn with_estimate(mut self, estimate: SubsetEstimate) -> Plan {
        self.notes.extend(estimate.notes.iter().cloned());
        self.estimate = Some(estimate);
        self
    }

    /// Whether the large object `oid` is to be moved.
    pub fn keeps_large_object(&self, oid: u32) -> bool {
        let kept = self.subset.as_ref().and_then(|subset| subset.large_objects.as_ref());
        kept.is_none_or(|kept| kept.contains(&oid))
    }
}

impl SubsetPlan {
    /// The rows of the plan's part `part` that are kept; `None` where all are.
    pub fn filter(&self, part: usize) -> Option<RowFilter> {
        self.part_of[part].map(|part| self.selection.filter(part))
    }

    /// About how many rows the plan's part `part` has in the snapshot, where not all of them were read.
    pub fn rows_about(&self, part: usize) -> Option<u64> {
        self.rows_about[self.part_of[part]?]
    }

    /// How many of the rows of the plan's part `part` are kept only since others refer to them, or with their table.
    pub fn stubs(&self, part: usize) -> u64 {
        let Some(filter) = self.filter(part) else { return 0 };
        let rows = filter.rows() as usize;
        let (kept, owned) = (filter.kept(0, rows), filter.owned(0, rows));
        (kept.count_set_bits() - (&kept & &owned).count_set_bits()) as u64
    }

    /// How many references of the rows of the plan's part `part` become NULL.
    pub fn nulled(&self, part: usize) -> u64 {
        let Some(filter) = self.filter(part) else { return 0 };
        let rows = filter.rows() as usize;
        let kept = filter.kept(0, rows);
        let nulled = filter.nulled(0, rows).map(|(_, nulled)| (&nulled & &kept).count_set_bits() as u64);
        nulled.sum()
    }

    /// What becomes NULL where the reference of an edge does: the places in the rows of the plan's part `part`.
    pub fn null_places(&self, plan: &Plan, part: usize, edge: usize) -> Vec<usize> {
        let part = &plan.parts[part];
        let root = self.graph.tables[self.graph.edges[edge].child];
        let columns = root_columns(plan, part.table, &part.columns, root);
        let is_nulled = |column: &Option<usize>| column.is_some_and(|c| self.null_columns[edge].contains(&c));
        (0..columns.len()).filter(|&place| is_nulled(&columns[place])).collect()
    }
}

/// For each column of a part's rows, the column of `root` of that name: of a partitioned table, its partitions' columns
/// may be in another order.
fn root_columns(plan: &Plan, table: TableId, columns: &[usize], root: TableId) -> Vec<Option<usize>> {
    let (table, root) = (plan.catalog.table(table), plan.catalog.table(root));
    columns.iter().map(|&column| root.column_index(&table.columns[column].name)).collect()
}

/// What is to be read of the part `part` of the data.
fn key_columns(plan: &Plan, graph: &Graph, conditions: &Conditions, part: usize) -> KeyColumns {
    let data = &plan.data[part];
    let index = graph.table(data.table).expect("the parts are those of the graph");
    let root = graph.tables[index];
    let mut wanted: BTreeSet<usize> = graph::row_key(&plan.catalog, root).into_iter().collect();
    let mut sketches = Vec::new();
    for (number, edge) in graph.edges.iter().enumerate() {
        if edge.child == index {
            wanted.extend(&edge.child_columns);
            wanted.extend(edge.label.iter().map(|(column, _)| *column));
            if edge.is_plain() {
                sketches.push((number, edge.child_columns.clone()));
            }
        }
        if edge.parent == index {
            wanted.extend(&edge.parent_columns);
        }
    }
    wanted.extend(conditions.columns(index));
    if plan.large_objects == Some(LargeObjects::Keep) {
        wanted.extend(lo_columns(plan, root));
    }
    let places = root_columns(plan, data.table, &data.columns, root).into_iter().enumerate();
    let mut all: Vec<(usize, usize)> = places.filter_map(|(place, column)| Some((column?, place))).collect();
    let decided = conditions.left_to_server(index);
    all.extend(decided.iter().map(|(column, _)| (*column, data.columns.len())));
    KeyColumns {
        source_index: data.source_index,
        table: plan.catalog.table(data.table).name.to_string(),
        width: data.columns.len(),
        columns: all.iter().copied().filter(|(column, _)| wanted.contains(column)).collect(),
        all,
        decided,
        sketches,
    }
}

/// The columns of a table that may name large objects.
fn lo_columns(plan: &Plan, table: TableId) -> Vec<usize> {
    let columns = plan.catalog.table(table).columns.iter().enumerate();
    columns.filter(|(_, column)| large_objects::may_refer(&column.ty)).map(|(index, _)| index).collect()
}
