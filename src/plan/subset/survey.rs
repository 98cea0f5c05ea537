//! What is known of a snapshot's tables: counted as far as they were read, else estimated from what the source knows.

use super::choice::{Measures, References};
use super::graph::{Edge, Graph};
use crate::plan::Plan;
use crate::source::Source;
use crate::source::look_up::LookUp;
use crate::subset::key_read::{COUNTED_BYTES, KeyColumns, KeyRead};

/// What is known of the snapshot before all of it is read.
pub struct Survey<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its tables and references.
    pub graph: &'a Graph,
    /// The parts, among those of the plan's data.
    pub parts: &'a [usize],
    /// What is to be read of each.
    pub columns: &'a [KeyColumns],
    /// The snapshot.
    pub source: &'a dyn Source,
    /// The way to look its rows up, if there is one.
    pub look_up: Option<&'a dyn LookUp>,
}

impl Survey<'_> {
    /// The table of the graph that a part's rows belong to.
    pub fn table(&self, part: usize) -> usize {
        self.graph.table(self.plan.data[self.parts[part]].table).expect("the parts are those of the graph")
    }

    fn parts_of(&self, table: usize) -> impl Iterator<Item = usize> {
        (0..self.parts.len()).filter(move |&part| self.table(part) == table)
    }

    /// The parts of tables that are large enough for rows to be looked up, and of which the source knows the rows.
    pub fn large_parts(&self) -> Vec<usize> {
        let Some(look_up) = self.look_up else { return Vec::new() };
        let is_large = |table: usize| {
            let bytes: u64 = self.parts_of(table).map(|part| self.stored_bytes(part)).sum();
            let is_known = |part: usize| {
                self.stored_bytes(part) == 0 || look_up.rows_about(self.columns[part].source_index).is_some()
            };
            bytes > COUNTED_BYTES && self.parts_of(table).all(is_known)
        };
        let large: Vec<bool> = (0..self.graph.tables.len()).map(is_large).collect();
        (0..self.parts.len()).filter(|&part| large[self.table(part)]).collect()
    }

    /// About how many rows a part has, as far as the source knows.
    pub fn rows_about(&self, part: usize) -> Option<u64> {
        self.look_up?.rows_about(self.columns[part].source_index)
    }

    fn stored_bytes(&self, part: usize) -> u64 {
        self.source.data()[self.columns[part].source_index].stored_bytes.unwrap_or(0)
    }

    /// What `rows` counted, and of the parts `unread` what the source knows.
    pub fn measures(&self, rows: &KeyRead, unread: &[usize]) -> Measures {
        let tables = self.graph.tables.len();
        let mut measures = Measures {
            rows: vec![0; tables],
            bytes: vec![0; tables],
            references: Vec::new(),
            is_estimated: vec![false; tables],
        };
        for part in 0..self.parts.len() {
            let table = self.table(part);
            let about = self.look_up.filter(|_| unread.contains(&part));
            measures.is_estimated[table] |= about.is_some();
            (measures.rows[table], measures.bytes[table]) = match about {
                Some(look_up) => (
                    measures.rows[table] + look_up.rows_about(self.columns[part].source_index).unwrap_or(0),
                    measures.bytes[table] + self.stored_bytes(part),
                ),
                None => {
                    (measures.rows[table] + rows.rows(part), measures.bytes[table] + rows.text_bytes(part))
                }
            };
        }
        let references =
            self.graph.edges.iter().enumerate().map(|(edge, _)| self.references(edge, rows, &measures));
        measures.references = references.collect();
        measures
    }

    fn references(&self, edge: usize, rows: &KeyRead, measures: &Measures) -> References {
        let child = self.graph.edges[edge].child;
        match self.look_up.filter(|_| measures.is_estimated[child]) {
            None => {
                let distinct = rows.distinct(edge);
                References::Counted(distinct.values(), distinct.count())
            }
            Some(look_up) => {
                let referring = self.parts_of(child).map(|part| {
                    let columns = &self.columns[part];
                    let null_share = |column: &usize| {
                        columns
                            .place(*column)
                            .and_then(|place| look_up.null_share(columns.source_index, place))
                    };
                    let nulls = self.graph.edges[edge].child_columns.iter().map(|column| {
                        // A column of which nothing is known is as likely to be NULL as not.
                        null_share(column).unwrap_or(if self.is_not_null(child, *column) { 0.0 } else { 0.5 })
                    });
                    let rows = look_up.rows_about(columns.source_index).unwrap_or(0);
                    (rows as f64 * (1.0 - nulls.fold(0.0, f64::max))) as u64
                });
                References::About(referring.sum())
            }
        }
    }

    fn is_not_null(&self, table: usize, column: usize) -> bool {
        self.plan.catalog.table(self.graph.tables[table]).columns[column].not_null
    }

    /// Of each edge, whether the database sees to it that references lead somewhere.
    pub fn enforced(&self) -> Vec<bool> {
        self.graph.edges.iter().map(|edge| edge.holds).collect()
    }

    /// Of each edge, whether no row of the child is NULL there.
    pub fn required(&self) -> Vec<bool> {
        let is_required =
            |edge: &Edge| edge.child_columns.iter().all(|&column| self.is_not_null(edge.child, column));
        self.graph.edges.iter().map(is_required).collect()
    }
}
