//! The tables of which only some rows are worth reading: large ones, of which few rows can be in the subset, and those
//! can be looked up.

use std::collections::BTreeSet;

use super::choice::Measures;
use crate::source::look_up::{KeyKind, LookUp};
use crate::subset::key_read::KeyColumns;
use crate::subset::spec::{Down, EdgeSpec, Extract, Rows, Spec};

/// A table that is read whole has no more rows than this where it refers to one that is not: all that it refers to is
/// looked up.
const WHOLE_CHILD_ROWS: u64 = 100_000;

/// Above this share of its rows, a table is read whole.
const MOST: f64 = 0.5;

/// What share of the rows a condition is thought to hold for.
const HELD: f64 = 0.3;

/// The choice of those tables.
pub struct Candidates<'a> {
    spec: &'a Spec,
    columns: &'a [KeyColumns],
    look_up: &'a dyn LookUp,
    measures: &'a Measures,
    /// Of each edge, whether every row of the child that is not NULL there has its parent.
    is_enforced: &'a [bool],
    /// Of each edge, whether no row of the child is NULL there.
    is_required: &'a [bool],
    narrowed: Vec<bool>,
}

impl<'a> Candidates<'a> {
    /// Chooses among the tables whose rows `measures` has only an estimate of.
    pub fn new(
        spec: &'a Spec,
        columns: &'a [KeyColumns],
        look_up: &'a dyn LookUp,
        measures: &'a Measures,
        is_enforced: &'a [bool],
        is_required: &'a [bool],
    ) -> Candidates<'a> {
        let mut candidates =
            Candidates { spec, columns, look_up, measures, is_enforced, is_required, narrowed: Vec::new() };
        let acyclic = candidates.acyclic();
        let may_be = |table: usize| {
            measures.is_estimated[table] && acyclic.contains(&table) && candidates.is_of_others(table)
        };
        candidates.narrowed = (0..spec.tables.len()).map(may_be).collect();
        candidates.leave_out_others();
        candidates
    }

    /// Whether only some rows of a table are to be read.
    pub fn is_narrowed(&self, table: usize) -> bool {
        self.narrowed[table]
    }

    /// As what the values of a column can be looked up.
    ///
    /// # Panics
    /// If they cannot, which is never so for the ends of edges of the tables that are narrowed.
    pub fn kind(&self, table: usize, column: usize) -> KeyKind {
        self.found_kind(table, column).expect("an end of an edge of a table that is narrowed")
    }

    /// The column that is NULL in every row that has no owner, if there are such rows and they count.
    pub fn null_column(&self, table: usize) -> Option<usize> {
        self.spec.tables[table].unowned?;
        let is_bound = |edge: usize| self.is_enforced[edge] && self.is_required[edge];
        let down: Vec<usize> = self.down_edges(table).collect();
        let is_owned = down.iter().any(|&edge| is_bound(edge));
        down.first().filter(|_| !is_owned).map(|&edge| self.spec.edges[edge].columns[0].child)
    }

    /// A column by which rows can be looked up.
    ///
    /// # Panics
    /// If there is none.
    pub fn referred_column(&self, table: usize) -> usize {
        let mut ends = self.spec.edges.iter().filter(|edge| edge.parent == table);
        ends.next().expect("a table that is narrowed is tied to another").columns[0].parent
    }

    /// The same, for any column.
    pub fn found_kind(&self, table: usize, column: usize) -> Option<KeyKind> {
        let mut kinds = (0..self.columns.len()).filter(|&part| self.spec.parts[part] == table).map(|part| {
            let asked = &self.columns[part];
            self.look_up.kind(asked.source_index, asked.place(column)?)
        });
        let first = kinds.next()??;
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }

    fn down_edges(&self, table: usize) -> impl Iterator<Item = usize> {
        let edges = self.spec.edges.iter().enumerate();
        edges.filter(move |(_, edge)| edge.child == table && edge.down != Down::None).map(|(index, _)| index)
    }

    /// The tables that are in no cycle.
    fn acyclic(&self) -> BTreeSet<usize> {
        let alone = self.spec.components().into_iter().filter(|tables| tables.len() == 1);
        let is_self =
            |table: &usize| self.spec.edges.iter().any(|edge| edge.child == *table && edge.parent == *table);
        alone.flatten().filter(|table| !is_self(table)).collect()
    }

    /// Whether a table has no rows but those that follow others or that others refer to.
    fn is_of_others(&self, table: usize) -> bool {
        let spec = &self.spec.tables[table];
        let is_tied = self.spec.edges.iter().any(|edge| edge.parent == table);
        let has_owner = self.down_edges(table).next().is_some();
        matches!(spec.rows, Rows::Unsaid | Rows::None)
            && !spec.whole
            && spec.include.is_empty()
            && (has_owner || (is_tied && spec.unowned.is_none()))
    }

    /// Whether the ends of an edge are one column each, of one kind.
    fn is_simple(&self, edge: &EdgeSpec) -> bool {
        let [pair] = &edge.columns[..] else { return false };
        let kinds = (self.found_kind(edge.child, pair.child), self.found_kind(edge.parent, pair.parent));
        matches!(pair.extract, Extract::Value)
            && edge.guard.is_none()
            && !edge.period
            && matches!(kinds, (Some(child), Some(parent)) if child == parent)
    }

    fn leave_out_others(&mut self) {
        let is_simple: Vec<bool> = self.spec.edges.iter().map(|edge| self.is_simple(edge)).collect();
        loop {
            let others: Vec<usize> = (0..self.narrowed.len())
                .filter(|&table| self.narrowed[table] && !self.can_be_found(table, &is_simple))
                .collect();
            let others = if others.is_empty() { self.with_many_rows() } else { others };
            if others.is_empty() {
                return;
            }
            others.into_iter().for_each(|table| self.narrowed[table] = false);
        }
    }

    /// Whether all rows of a table that may be in the subset can be looked up.
    fn can_be_found(&self, table: usize, is_simple: &[bool]) -> bool {
        let is_small = |table: usize| self.measures.rows[table] <= WHOLE_CHILD_ROWS;
        let edges = || self.spec.edges.iter().zip(is_simple);
        let followed = |edge: &EdgeSpec| edge.child == table && edge.down != Down::None;
        edges()
            .filter(|(edge, _)| edge.parent == table)
            .all(|(edge, is_simple)| *is_simple && (self.narrowed[edge.child] || is_small(edge.child)))
            && edges().filter(|(edge, _)| followed(edge)).all(|(edge, is_simple)| {
                *is_simple && (self.narrowed[edge.parent] || self.is_known(edge.parent, &mut BTreeSet::new()))
            })
    }

    /// Whether it is known which rows of a table are owned without looking rows up.
    fn is_known(&self, table: usize, seen: &mut BTreeSet<usize>) -> bool {
        !self.narrowed[table]
            && (!seen.insert(table)
                || self.down_edges(table).all(|edge| self.is_known(self.spec.edges[edge].parent, seen)))
    }

    /// The tables of which about more than [`MOST`] of the rows would be looked up.
    fn with_many_rows(&self) -> Vec<usize> {
        let order = self.spec.components().concat();
        let rows = |table: usize| self.measures.rows[table] as f64;
        let mut owned = vec![0.0_f64; order.len()];
        for &table in &order {
            owned[table] = self.own_share(table);
            for edge in self.down_edges(table) {
                owned[table] = (owned[table] + owned[self.spec.edges[edge].parent]).min(1.0);
            }
        }
        let mut found = vec![0.0; order.len()];
        for &table in order.iter().rev() {
            let children = self.spec.edges.iter().filter(|edge| edge.parent == table && edge.child != table);
            let referring = |edge: &EdgeSpec| {
                let referring = match (self.narrowed[edge.child], edge.down) {
                    (false, _) => rows(edge.child),
                    (true, Down::None) => found[edge.child],
                    // What follows a parent along the edge refers to one that is there.
                    (true, _) => found[edge.child] - owned[edge.child] * rows(edge.child),
                };
                let nulls =
                    edge.columns.first().map_or(0.0, |pair| self.null_share(edge.child, pair.child, 0.0));
                referring * (1.0 - nulls)
            };
            let referring: f64 = children.map(referring).sum();
            // As many rows are referred to as boxes are hit by so many balls.
            let missed = (-referring / rows(table).max(1.0)).exp();
            found[table] = rows(table) * (1.0 - (1.0 - owned[table]) * missed);
        }
        let has_many = |&table: &usize| self.narrowed[table] && found[table] > MOST * rows(table);
        (0..order.len()).filter(has_many).collect()
    }

    /// About what share of a table's rows are owned for their own sake.
    fn own_share(&self, table: usize) -> f64 {
        let of_nobody = self.null_column(table).map_or(0.0, |column| self.null_share(table, column, 1.0));
        match &self.spec.tables[table].rows {
            Rows::Unsaid | Rows::None => of_nobody,
            Rows::Percent(share) => share.fraction(),
            Rows::Count(count) => *count as f64 / (self.measures.rows[table].max(1)) as f64,
            Rows::Where(_) => HELD,
            Rows::All => 1.0,
        }
    }

    /// About what share of a table's rows are NULL in a column; `unknown` where nobody knows.
    fn null_share(&self, table: usize, column: usize, unknown: f64) -> f64 {
        let parts = (0..self.columns.len()).filter(|&part| self.spec.parts[part] == table);
        let share = |part: usize| {
            let columns = &self.columns[part];
            self.look_up.null_share(columns.source_index, columns.place(column)?)
        };
        parts.map(|part| share(part).unwrap_or(unknown)).fold(0.0, f64::max)
    }
}
