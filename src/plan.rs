//! The plan: everything that is decided before the first row moves.

use crate::pg::dump::Dump;
use crate::schema::{Catalog, TableId};

/// What a run will do. `mask plan` prints it; `pipeline` carries it out.
pub struct Plan {
    /// The snapshot's table of contents.
    pub dump: Dump,
    /// The snapshot's schema.
    pub catalog: Catalog,
    /// The parts of data to move, in the order of the dump.
    pub parts: Vec<PartPlan>,
}

/// A part of a table's rows: those of one data entry.
pub struct PartPlan {
    /// Its index in the source's data parts.
    pub source_index: usize,
    /// The id of its entry in the dump.
    pub entry: i32,
    /// The table that the rows belong to.
    pub table: TableId,
    /// For each column of the rows, its index in the table's columns.
    pub columns: Vec<usize>,
}
