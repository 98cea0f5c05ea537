//! Columns that hold a list of numbers a row: the references of a row, mostly one or none.

use std::sync::Arc;

use super::packed::{Cursor, PackedColumn};
use super::spill::Store;
use crate::error::Result;

/// What stands for a key: an integer, or a fingerprint of 72 bits.
///
/// Codes are compared as numbers. An integer of 64 bits has its sign's bit turned, so that codes are in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// The integer, or the first 64 bits of the fingerprint.
    pub high: u64,
    /// The last 8 bits of the fingerprint; 0 for an integer.
    pub low: u8,
}

/// A list of codes a row.
pub struct CodeLists {
    counts: PackedColumn,
    high: PackedColumn,
    low: Option<PackedColumn>,
}

impl CodeLists {
    /// No row yet; `integers` says of which kind the codes are.
    pub fn new(integers: bool, store: &Arc<Store>) -> Self {
        let column = || PackedColumn::new(store);
        CodeLists { counts: column(), high: column(), low: (!integers).then(column) }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn push(&mut self, codes: &[Code]) -> Result<()> {
        self.counts.push(codes.len() as u64)?;
        for code in codes {
            self.high.push(code.high)?;
            if let Some(low) = &mut self.low {
                low.push(u64::from(code.low))?;
            }
        }
        Ok(())
    }

    /// Ends the column.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        self.counts.finish()?;
        self.high.finish()?;
        self.low.as_mut().map_or(Ok(()), PackedColumn::finish)
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.counts.len()
    }

    /// How many codes there are.
    pub fn codes(&self) -> u64 {
        self.high.len()
    }

    /// Whether the codes are integers.
    pub fn are_integers(&self) -> bool {
        self.low.is_none()
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> CodeCursor<'_> {
        CodeCursor {
            counts: self.counts.cursor(),
            high: self.high.cursor(),
            low: self.low.as_ref().map(PackedColumn::cursor),
            list: Vec::new(),
        }
    }
}

/// Reads lists of codes.
pub struct CodeCursor<'a> {
    counts: Cursor<'a>,
    high: Cursor<'a>,
    low: Option<Cursor<'a>>,
    list: Vec<Code>,
}

impl CodeCursor<'_> {
    /// The codes of the next row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    pub fn read(&mut self) -> Result<&[Code]> {
        self.list.clear();
        for _ in 0..self.counts.read()? {
            let high = self.high.read()?;
            let low = self.low.as_mut().map_or(Ok(0), Cursor::read)? as u8;
            self.list.push(Code { high, low });
        }
        Ok(&self.list)
    }
}

/// What a link is that leads nowhere: the key it names is not in the source.
pub const DANGLING: u64 = u64::MAX;

/// For each row of a child, the rows of the parent that it refers to by an edge, each once; none where the reference is
/// NULL, [`DANGLING`] where it leads nowhere.
pub struct Links {
    counts: PackedColumn,
    /// Rows of the parent and one more, so that a link to nowhere is a small number too.
    targets: PackedColumn,
}

impl Links {
    /// No row yet.
    pub fn new(store: &Arc<Store>) -> Self {
        Links { counts: PackedColumn::new(store), targets: PackedColumn::new(store) }
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

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.counts.len()
    }

    /// How many links there are, those to nowhere among them.
    pub fn links(&self) -> u64 {
        self.targets.len()
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> LinkCursor<'_> {
        LinkCursor { counts: self.counts.cursor(), targets: self.targets.cursor(), list: Vec::new() }
    }
}

/// Reads links. A clone goes on from where it is.
#[derive(Clone)]
pub struct LinkCursor<'a> {
    counts: Cursor<'a>,
    targets: Cursor<'a>,
    list: Vec<u64>,
}

impl LinkCursor<'_> {
    /// The links of the next row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn read(&mut self) -> Result<&[u64]> {
        self.list.clear();
        for _ in 0..self.counts.read()? {
            self.list.push(self.targets.read()?.wrapping_sub(1));
        }
        Ok(&self.list)
    }
}
