//! The references of a table's rows by an edge: for each row of the child, the numbers of the parents it refers to.
//!
//! They are kept packed, or found again whenever they are read: where the references are integers that can be read again,
//! and the map of the parents' keys takes so little that it can stay.

use std::sync::Arc;

use super::code_reader::integer_code;
use super::key_set::KeySet;
use super::packed::{Cursor, PackedColumn};
use super::spill::Store;
use super::table_integers::{IntegerCursor, TableIntegers};
use crate::error::Result;

/// What a link is that leads nowhere: the key it names is not in the source.
pub const DANGLING: u64 = u64::MAX;

/// For each row of a child, in the order of its table, the numbers of the parents that it refers to by an edge, each once;
/// none where the reference is NULL, [`DANGLING`] where it leads nowhere.
pub enum Links<'r> {
    /// Kept by the engine.
    Kept(KeptLinks),
    /// Found again.
    Found(FoundLinks<'r>),
}

impl<'r> Links<'r> {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        match self {
            Links::Kept(links) => links.counts.len(),
            Links::Found(links) => links.rows,
        }
    }

    /// How many links there are at most, those to nowhere among them.
    pub fn links(&self) -> u64 {
        match self {
            Links::Kept(links) => links.targets.len(),
            Links::Found(links) => links.rows,
        }
    }

    /// Whether no row has more than one.
    pub fn are_single(&self) -> bool {
        match self {
            Links::Kept(links) => links.are_single,
            Links::Found(_) => true,
        }
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> LinkCursor<'_, 'r> {
        match self {
            Links::Kept(links) => LinkCursor::Kept(links.cursor()),
            Links::Found(links) => {
                LinkCursor::Found { integers: links.integers.cursor(), map: &links.map, link: None }
            }
        }
    }
}

/// Links by integers, which are looked for in a map of the parents' keys.
pub struct FoundLinks<'r> {
    /// The references.
    pub integers: TableIntegers<'r>,
    /// Finds a parent.
    pub map: Arc<KeySet>,
    /// How many rows there are.
    pub rows: u64,
}

/// Links that are kept packed.
pub struct KeptLinks {
    counts: PackedColumn,
    /// Rows of the parent and one more, so that a link to nowhere is a small number too.
    targets: PackedColumn,
    are_single: bool,
}

impl KeptLinks {
    /// No row yet.
    pub fn new(store: &Arc<Store>) -> Self {
        KeptLinks { counts: PackedColumn::new(store), targets: PackedColumn::new(store), are_single: true }
    }

    /// Appends a row; sorts its links and drops those that are there twice.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn push(&mut self, links: &mut Vec<u64>) -> Result<()> {
        if links.len() > 1 {
            links.sort_unstable();
            links.dedup();
        }
        self.are_single &= links.len() <= 1;
        self.counts.push(links.len() as u64)?;
        links.iter().try_for_each(|&link| self.targets.push(link.wrapping_add(1)))
    }

    /// Ends the column.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        self.counts.finish()?;
        self.targets.finish()
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> KeptCursor<'_> {
        KeptCursor { counts: self.counts.cursor(), targets: self.targets.cursor(), list: Vec::new() }
    }
}

/// Reads links. A clone goes on from where it is.
#[derive(Clone)]
pub enum LinkCursor<'a, 'r> {
    /// Kept links.
    Kept(KeptCursor<'a>),
    /// Links that are found again.
    Found {
        /// The references.
        integers: IntegerCursor<'a, 'r>,
        /// Finds a parent.
        map: &'a KeySet,
        /// That of the last row.
        link: Option<u64>,
    },
}

impl LinkCursor<'_, '_> {
    /// The links of the next row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn read(&mut self) -> Result<&[u64]> {
        match self {
            LinkCursor::Kept(cursor) => cursor.read(),
            LinkCursor::Found { integers, map, link } => {
                *link = integers.read()?.map(|value| map.find_one(integer_code(value)).unwrap_or(DANGLING));
                Ok(link.as_slice())
            }
        }
    }

    /// Goes on to the row after the next one; how many links it passes over.
    ///
    /// # Errors
    /// As those of [`LinkCursor::read`].
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn skip(&mut self) -> Result<u64> {
        match self {
            LinkCursor::Kept(cursor) => Ok(cursor.read()?.len() as u64),
            LinkCursor::Found { integers, .. } => Ok(u64::from(integers.read()?.is_some())),
        }
    }
}

/// Reads links that are kept.
#[derive(Clone)]
pub struct KeptCursor<'a> {
    counts: Cursor<'a>,
    targets: Cursor<'a>,
    list: Vec<u64>,
}

impl KeptCursor<'_> {
    /// The links of the next row; see [`LinkCursor::read`].
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    #[inline]
    pub fn read(&mut self) -> Result<&[u64]> {
        self.list.clear();
        for _ in 0..self.counts.read()? {
            self.list.push(self.targets.read()?.wrapping_sub(1));
        }
        Ok(&self.list)
    }
}
