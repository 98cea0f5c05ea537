//! The rows that are in a subset, as the pipeline asks for them: by part and ordinal, a block at a time, on any thread.

use arrow::buffer::BooleanBuffer;

/// Which rows are in the subset, and how many came in by what.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The counts of each table of the specification.
    pub tables: Vec<TableCounts>,
    /// The counts of each edge of the specification.
    pub edges: Vec<EdgeCounts>,
    /// The rows of each part of the specification.
    pub(super) parts: Vec<RowFilter>,
}

impl Selection {
    /// The rows of a part that are kept. Cheap; shares its memory with the selection.
    pub fn filter(&self, part: usize) -> RowFilter {
        self.parts[part].clone()
    }
}

/// Which rows of one part are kept. Rows are numbered from 0 in the order in which the source gives them.
#[derive(Clone, Debug)]
pub struct RowFilter {
    pub(super) kept: BooleanBuffer,
    pub(super) owned: BooleanBuffer,
    pub(super) nulled: Vec<(usize, BooleanBuffer)>,
}

impl RowFilter {
    /// How many rows the part has, kept or not: a source that gives another number of them has changed meanwhile.
    pub fn rows(&self) -> u64 {
        self.kept.len() as u64
    }

    /// Whether each of `rows` rows from `first_row` on is kept.
    ///
    /// # Panics
    /// If the part has no such rows.
    pub fn kept(&self, first_row: u64, rows: usize) -> BooleanBuffer {
        self.kept.slice(first_row as usize, rows)
    }

    /// Whether each row of the part is kept. Cheap.
    pub fn all_kept(&self) -> BooleanBuffer {
        self.kept.clone()
    }

    /// Whether each of `rows` rows from `first_row` on is owned; a kept row that is not is a stub. A row that is not kept
    /// may be owned: what it requires is excluded.
    ///
    /// # Panics
    /// If the part has no such rows.
    pub fn owned(&self, first_row: u64, rows: usize) -> BooleanBuffer {
        self.owned.slice(first_row as usize, rows)
    }

    /// The edges of the part's table with `up = null`, and whether each of `rows` rows from `first_row` on is kept with
    /// its reference by that edge made NULL.
    ///
    /// # Panics
    /// If the part has no such rows.
    pub fn nulled(&self, first_row: u64, rows: usize) -> impl Iterator<Item = (usize, BooleanBuffer)> + '_ {
        self.nulled.iter().map(move |(edge, bits)| (*edge, bits.slice(first_row as usize, rows)))
    }
}

/// How many rows of a table are in the subset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableCounts {
    /// Rows that the source has.
    pub rows_read: u64,
    /// Kept rows that are owned.
    pub rows_owned: u64,
    /// Kept rows that are there because something refers to them, or because the table is kept whole.
    pub rows_stub: u64,
    /// Rows that would be in the subset, but for an excluded row that they require.
    pub rows_pruned: u64,
}

impl TableCounts {
    /// Rows in the subset.
    pub fn rows_kept(&self) -> u64 {
        self.rows_owned + self.rows_stub
    }
}

/// What an edge has to do with the rows of the subset. A row may be counted at several edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EdgeCounts {
    /// Owned children that the edge ties to an owned parent, where it has `down`.
    pub rows_followed: u64,
    /// Kept parents that are stubs and to which a kept child refers by the edge, where the parent is required.
    pub rows_required: u64,
    /// References of kept children to kept parents.
    pub references_kept: u64,
    /// Kept children whose reference becomes NULL.
    pub references_nulled: u64,
    /// References of kept children that lead nowhere in the source: copied as found.
    pub references_dangling: u64,
}
