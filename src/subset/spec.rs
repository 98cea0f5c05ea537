//! The specification of a subset: every choice made and spelled out, for the engine to carry out.
//!
//! Who chooses owner edges, anchors and lookups, and reads `[subset]`, is left to the planner; nothing is guessed here.
//! Tables, edges and parts are named by their index in [`Spec`], columns by their index in [`TableSpec::columns`].

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::json_path::JsonPath;
use super::order::components;
use crate::error::Result;
use crate::schema::PgType;

/// What a subset is of, and which rows are in it.
#[derive(Clone, Default)]
pub struct Spec {
    /// The tables. A partitioned table is one table, its root; its leaves are parts. A table that inherits from another
    /// (`INHERITS`) is a table of its own, as foreign keys see it.
    pub tables: Vec<TableSpec>,
    /// For each part of the data, in the order of the plan's parts, the table that its rows belong to.
    pub parts: Vec<usize>,
    /// The references between the tables.
    pub edges: Vec<EdgeSpec>,
}

/// One table.
#[derive(Clone)]
pub struct TableSpec {
    /// Its name, for messages.
    pub name: String,
    /// The types of all its columns; of a partitioned table, those of the root.
    pub columns: Vec<PgType>,
    /// The columns of the key by which rows are sampled, in order; empty if the table has none. See [`super::seed`].
    pub key: Vec<usize>,
    /// The name under which keys are sampled: tables of one entity keep the same keys, in any database.
    pub entity: String,
    /// Which of its rows are anchors, for their own sake.
    pub rows: Rows,
    /// The share of the rows that no edge with `down` ties to any parent (every such reference is NULL or dangling)
    /// that are anchors as well; without it a row whose owner is NULL would be in no subset, not even in one of 100 %.
    pub unowned: Option<Share>,
    /// Keys that are anchors whatever the rest says: values in text form (not escaped) in the order of `key`.
    pub include: Vec<Vec<Vec<u8>>>,
    /// Kept whole, as small lookup tables are: its rows are stubs, which no child follows.
    pub whole: bool,
}

/// Which rows of a table are anchors. Anchors are owned, and their children follow along edges with `down`.
#[derive(Clone, Default)]
pub enum Rows {
    /// Nothing is said: none of its own.
    #[default]
    Unsaid,
    /// Those with u below the share.
    Percent(Share),
    /// Those with the smallest u, so many of them; where others have the same u as the last, these too.
    Count(u64),
    /// Those for which a condition holds.
    Where(Arc<dyn RowCondition>),
    /// Every row. Unlike a table that is kept whole, its children follow.
    All,
    /// Every row is excluded outright, and so is whatever requires one.
    None,
}

/// A condition over a row's own columns.
pub trait RowCondition: Send + Sync {
    /// The columns that it reads, as indexes into [`TableSpec::columns`].
    fn columns(&self) -> &[usize];

    /// For each row of `batch`, whether the condition is true (not false, not NULL). The batch has the columns of
    /// [`Self::columns`] in that order, in COPY text form, still escaped, NULL in the null bitmap; `first_row` is the
    /// ordinal of its first row in its part, for messages.
    ///
    /// # Errors
    /// A value that the condition cannot take; the message does not show it.
    fn holds(&self, batch: &RecordBatch, first_row: u64) -> Result<Vec<bool>>;
}

/// A share of the rows: those with u below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The bound of u, in 2⁻⁶⁴; 2⁶⁴ and above takes every row.
    below: u128,
}

impl Share {
    /// Every row.
    pub const ALL: Share = Share { below: 1 << 64 };

    /// `percent` of a hundred; below 0 or not a number is none, above 100 is all.
    pub fn percent(percent: f64) -> Share {
        // A power of two scales exactly, and a cast saturates: a greater percentage is never a smaller share.
        let below = percent / 100.0 * 2_f64.powi(64);
        Share { below: (below as u128).min(Share::ALL.below) }
    }

    /// The share as a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.below as f64 / Share::ALL.below as f64
    }

    /// The rows with this u, in 2⁻⁶⁴, or a smaller one.
    pub fn up_to(u: u64) -> Share {
        Share { below: u128::from(u) + 1 }
    }

    /// Whether a row with this u, in 2⁻⁶⁴, is within the share.
    pub fn takes(self, u: u64) -> bool {
        u128::from(u) < self.below
    }
}

/// A reference from the rows of a child table to rows of a parent table.
#[derive(Clone)]
pub struct EdgeSpec {
    /// Its name, for messages and the report.
    pub name: String,
    /// The table that refers.
    pub child: usize,
    /// The table referred to.
    pub parent: usize,
    /// The columns, each with the one it refers to, in the order of the constraint. The parent's columns need not be its
    /// key, nor unique.
    pub columns: Vec<ColumnPair>,
    /// Where it is a reference at all: a polymorphic one is, in rows whose type column has one of some values.
    pub guard: Option<Guard>,
    /// Whether children follow their parent.
    pub down: Down,
    /// At most so many children follow a parent: those with the smallest u among all its children (and any with the same u
    /// as the last).
    pub cap: Option<u64>,
    /// What a reference demands of its parent.
    pub up: Up,
    /// The last pair of columns holds ranges (`PERIOD`): a child refers to every parent whose other columns are equal and
    /// whose range overlaps the child's. Where the type of the range is not one of PostgreSQL's own, to every parent
    /// whose other columns are equal.
    pub period: bool,
}

/// A column that refers, and the one it refers to. The values are compared as the parent's type compares them.
#[derive(Clone, Debug)]
pub struct ColumnPair {
    /// The child's column.
    pub child: usize,
    /// Where in the child's value the reference is.
    pub extract: Extract,
    /// The parent's column.
    pub parent: usize,
}

/// Where in a value the reference is. More than one value makes a reference to each; only an edge of one column has
/// such.
#[derive(Clone, Debug, Default)]
pub enum Extract {
    /// The value itself; of another type than the parent's, what its text means there (a cast).
    #[default]
    Value,
    /// Each element of an array; NULL elements refer to nothing.
    Elements,
    /// Each scalar that a path finds in a `json` or `jsonb`; null, objects and lists refer to nothing.
    Json(JsonPath),
}

/// The rows in which a polymorphic reference refers to the edge's parent.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The child's type column.
    pub column: usize,
    /// Its values that name the parent, in text form (not escaped).
    pub values: Vec<Vec<u8>>,
}

/// Whether a child follows its parent into the subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Down {
    /// As the parent's property: a child of an owned row is owned. The planner gives a table one such edge.
    Owner,
    /// A child of an owned row is owned; any of several edges is enough.
    Any,
    /// A child is owned when it has a reference by at least one `all` edge, and all of its references by `all` edges are
    /// to owned rows.
    All,
    /// No child follows.
    #[default]
    None,
}

/// What a reference from a kept row demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Up {
    /// The parent is kept too; where it is excluded, the child is not kept.
    #[default]
    Require,
    /// Where the parent is not kept, the reference becomes NULL. Which columns become NULL is the planner's to say: not
    /// one that another reference shares, every one under MATCH FULL.
    Null,
    /// Where the parent is not kept, neither is the child.
    Drop,
}

impl Spec {
    /// The tables by the strongly connected components of their references, parents before children.
    pub fn components(&self) -> Vec<Vec<usize>> {
        components(self.tables.len(), self.edges.iter().map(|edge| (edge.child, edge.parent)))
    }
}

impl TableSpec {
    /// A table of which nothing is said, sampled under its own name.
    pub fn new(name: impl Into<String>, columns: Vec<PgType>, key: Vec<usize>) -> Self {
        let name = name.into();
        TableSpec {
            entity: name.clone(),
            name,
            columns,
            key,
            rows: Rows::Unsaid,
            unowned: None,
            include: Vec::new(),
            whole: false,
        }
    }
}

impl EdgeSpec {
    /// A foreign key from `child` to `parent` by pairs of columns; no child follows, and a parent is required.
    pub fn new(name: impl Into<String>, child: usize, parent: usize, pairs: &[(usize, usize)]) -> Self {
        let pair = |&(child, parent): &(usize, usize)| ColumnPair { child, extract: Extract::Value, parent };
        EdgeSpec {
            name: name.into(),
            child,
            parent,
            columns: pairs.iter().map(pair).collect(),
            guard: None,
            down: Down::None,
            cap: None,
            up: Up::Require,
            period: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_percentage_is_a_greater_share() {
        let shares = [-1.0, 0.0, 1e-9, 0.5, 10.0, 99.999, 100.0, 1e9].map(Share::percent);
        assert!(shares.is_sorted());
        assert_eq!(shares[0], shares[1]);
        assert_eq!(shares[6], Share::ALL);
        assert_eq!(shares[7], Share::ALL);
        assert!(!Share::percent(f64::NAN).takes(0) && !shares[0].takes(0));
        assert!(shares[4].takes(1844674407370955160) && !shares[4].takes(1844674407370955264));
        assert!(shares[6].takes(u64::MAX));
    }
}
