//! The conditions of `where …`: evaluated here, or decided by the server that has the rows, where that is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};

use super::graph::Graph;
use crate::condition::Condition;
use crate::error::{Error, Place, Result};
use crate::rules::subset::Amount;
use crate::rules::subset_names::SubsetAsked;
use crate::schema::{Catalog, quoted};
use crate::subset::spec::RowCondition;

/// The conditions of `where …`, by table of the graph.
#[derive(Clone, Default)]
pub struct Conditions(BTreeMap<usize, Asked>);

/// The condition of a table, and who decides it.
#[derive(Clone)]
enum Asked {
    Here(Arc<Evaluated>),
    Server(Arc<Decided>),
}

/// A condition, and the names of its table for messages.
struct Evaluated {
    condition: Condition,
    table: String,
    columns: Vec<String>,
}

/// A condition that the server decides.
struct Decided {
    sql: String,
    table: String,
    /// The index of a column that the table does not have, which holds what the server says.
    column: [usize; 1],
}

impl RowCondition for Evaluated {
    fn columns(&self) -> &[usize] {
        self.condition.columns()
    }

    fn holds(&self, batch: &RecordBatch, first_row: u64) -> Result<Vec<bool>> {
        let inputs: Vec<&BinaryViewArray> = batch.columns().iter().map(|c| c.as_binary_view()).collect();
        let held = self.condition.holds(&inputs, batch.num_rows()).map_err(|undecided| {
            let mut place = Place::table(&self.table);
            if let Some(column) = undecided.column {
                place = place.column(&self.columns[column]);
            }
            if let Some(row) = undecided.row {
                place = place.row(first_row + row as u64 + 1);
            }
            no_answer(undecided.reason, place)
        })?;
        Ok(held.values().iter().collect())
    }
}

impl RowCondition for Decided {
    fn columns(&self) -> &[usize] {
        &self.column
    }

    fn holds(&self, batch: &RecordBatch, first_row: u64) -> Result<Vec<bool>> {
        let said = batch.column(0).as_binary_view();
        if let Some(row) = (0..said.len()).find(|&row| said.is_null(row)) {
            let place = Place::table(&self.table).row(first_row + row as u64 + 1);
            return Err(no_answer("one of its numbers is NaN", place));
        }
        Ok((0..said.len()).map(|row| said.value(row) == b"t").collect())
    }
}

fn no_answer(reason: &str, place: Place) -> Error {
    Error::snapshot(format!("the condition of the subset has no answer: {reason}")).at(place)
}

impl Conditions {
    /// Reads the conditions that are asked of tables.
    ///
    /// # Errors
    /// Each that cannot be read, of [`Kind::Rules`](crate::error::Kind::Rules).
    pub fn new(catalog: &Catalog, graph: &Graph, asked: &SubsetAsked) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut conditions = Conditions::default();
        for (&id, table) in &asked.tables {
            let (Some((Amount::Where(text), place)), Some(index)) = (&table.amount, graph.table(id)) else {
                continue;
            };
            let table = catalog.table(id);
            match Condition::parse(text, table) {
                Ok(condition) => {
                    let columns = table.columns.iter().map(|column| quoted(&column.name)).collect();
                    let table = table.name.to_string();
                    let evaluated = Evaluated { condition, table, columns };
                    conditions.0.insert(index, Asked::Here(Arc::new(evaluated)));
                }
                Err(error) => errors.push(error.at(format!("{place}, table `{}`", table.name))),
            }
        }
        if errors.is_empty() { Ok(conditions) } else { Err(errors) }
    }

    /// Leaves those conditions to the server that it decides as they are decided here.
    pub fn leave_to_server(&mut self, catalog: &Catalog, graph: &Graph) {
        for (&index, asked) in &mut self.0 {
            let Asked::Here(evaluated) = asked else { continue };
            let table = catalog.table(graph.tables[index]);
            if let Some(sql) = evaluated.condition.to_certain_sql(table) {
                let decided = Decided { sql, table: table.name.to_string(), column: [table.columns.len()] };
                *asked = Asked::Server(Arc::new(decided));
            }
        }
    }

    /// The condition of a table.
    pub fn of(&self, table: usize) -> Option<Arc<dyn RowCondition>> {
        Some(match self.0.get(&table)? {
            Asked::Here(evaluated) => evaluated.clone(),
            Asked::Server(decided) => decided.clone(),
        })
    }

    /// The columns that the condition of a table reads.
    pub fn columns(&self, table: usize) -> Vec<usize> {
        self.of(table).map_or_else(Vec::new, |condition| condition.columns().to_vec())
    }

    /// What the server is asked of the rows of a table, and the index of the column that its answer stands for.
    pub fn left_to_server(&self, table: usize) -> Option<(usize, String)> {
        match self.0.get(&table)? {
            Asked::Here(_) => None,
            Asked::Server(decided) => Some((decided.column[0], decided.sql.clone())),
        }
    }
}
