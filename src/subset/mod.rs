//! Subsets: from a [`Spec`] and the rows' keys, which rows are kept. Closed, stable, nested, the same in any order.
//!
//! The definition, with C→P an edge from a child to a parent:
//!
//! ```text
//! D  = least fixpoint:    anchors ∪ children of D along owner/any edges ∪ rows whose `all` edges all lead into D
//! S0 = least fixpoint:    D ∪ whole tables ∪ every parent that a row of S0 refers to along a `require` edge
//! S1 = greatest fixpoint: S0 minus excluded rows, minus rows with a require/drop edge to a row that is not in it
//! ```
//!
//! D are the *owned* rows, the others of S1 the *stubs*; `up = null` references of S1 to rows outside become NULL. A
//! reference that leads nowhere in the source demands nothing and is copied as found.

pub mod batch_reader;
pub mod bits;
pub mod cap;
pub mod closure;
pub mod code_reader;
pub mod component;
pub mod distinct;
pub mod fingerprints;
pub mod forest;
pub mod gather;
pub mod gathered;
pub mod graph;
pub mod integers;
pub mod json_path;
pub mod key_block;
pub mod key_layout;
pub mod key_maps;
pub mod key_read;
pub mod key_set;
pub mod key_values;
pub mod links;
pub mod lists;
pub mod mix;
pub mod order;
pub mod packed;
pub mod packed_array;
pub mod period;
pub mod seed;
pub mod selection;
pub mod slices;
pub mod spec;
pub mod spill;
pub mod spread;
pub mod table_integers;
pub mod table_reader;
pub mod uuids;
pub mod value_block;

use std::path::PathBuf;

use arrow::array::RecordBatch;

pub use selection::{EdgeCounts, RowFilter, Selection, TableCounts};
pub use spec::Spec;

use self::gather::gather;
use self::integers::IntegerColumn;
use self::spill::Stores;
use crate::error::Result;
use crate::key::MasterKey;

/// The rows of the snapshot, a few columns at a time.
pub trait KeyRows: Sync {
    /// Calls `visit` with every row of the part `part` of the specification, in batches that hold `columns` (indexes into
    /// the table's columns; of a partition, the columns of those names) in that order: in COPY text form, still escaped, or,
    /// where all its values are integers or UUIDs as Postgres writes them, as 64-bit integers or in 16 bytes; NULL in the null bitmap. A column that
    /// the part does not hold is all NULL; there may be no columns.
    ///
    /// `visit` also takes the ordinal of the batch's first row in the part, counted from 0. It may be called from several
    /// threads at once and in any order, as long as the batches make up the part without gap or overlap, and none is
    /// given later than a bounded number of others that follow it. May be called for a part more than once, with other
    /// columns; the rows and their order are the same.
    ///
    /// # Errors
    /// What the source fails with; what `visit` fails with.
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()>;

    /// The column `column` of the part `part`, if all its values are integers as Postgres writes them, or NULL, and can be
    /// read again at little cost; `None` also where nobody can say.
    fn integers(&self, part: usize, column: usize) -> Option<Box<dyn IntegerColumn + '_>> {
        let _ = (part, column);
        None
    }
}

/// Takes a batch, and the ordinal of its first row in its part.
pub type Visit<'a> = dyn Fn(u64, &RecordBatch) -> Result<()> + Sync + 'a;

/// What the engine may use.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Bytes of memory for keys and references; what does not fit is kept in encrypted temporary files. A few bits a row
    /// are in memory whatever it says.
    pub memory_bytes: u64,
    /// The folder of temporary files.
    pub temp_dir: PathBuf,
}

/// Selects the rows of the subset that `spec` describes. Reads the key columns of every table once.
///
/// # Errors
/// What `rows` fails with, a condition that cannot be evaluated, or a temporary file that cannot be written.
pub fn select(spec: &Spec, rows: &dyn KeyRows, key: &MasterKey, budget: &Budget) -> Result<Selection> {
    let stores = Stores::new(budget.memory_bytes / 2, &budget.temp_dir);
    let graph = gather(spec, rows, key, budget, &stores)?;
    closure::close(spec, graph, budget.memory_bytes / 2)
}
