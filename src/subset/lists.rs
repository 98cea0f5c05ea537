//! The codes of keys and references, a list a row, mostly of one or none: kept here, or read again where they are cheap to read.

use std::sync::Arc;

use super::code_reader::integer_code;
use super::packed::{Cursor, PackedColumn};
use super::spill::Store;
use super::table_integers::{IntegerCursor, TableIntegers};
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

/// The codes of a column, wherever they are.
pub enum Codes<'r> {
    /// Kept by the engine.
    Kept(Box<CodeLists>),
    /// Of integers that can be read again; none or one a row.
    Again(TableIntegers<'r>),
}

impl<'r> Codes<'r> {
    /// Whether the codes are integers.
    pub fn are_integers(&self) -> bool {
        match self {
            Codes::Kept(lists) => lists.are_integers(),
            Codes::Again(_) => true,
        }
    }

    /// Calls `visit` with each code, in the order of the rows, and the number of its row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn for_each(&self, visit: &mut dyn FnMut(u64, Code)) -> Result<()> {
        match self {
            Codes::Again(integers) => integers.for_each(&mut |row, value| visit(row, integer_code(value))),
            Codes::Kept(lists) => {
                let mut cursor = lists.cursor();
                for row in 0..lists.rows() {
                    cursor.read()?.iter().for_each(|&code| visit(row, code));
                }
                Ok(())
            }
        }
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> AnyCodeCursor<'_, 'r> {
        match self {
            Codes::Kept(lists) => AnyCodeCursor::Kept(lists.cursor()),
            Codes::Again(integers) => AnyCodeCursor::Again(integers.cursor(), None),
        }
    }
}

/// Reads codes, wherever they are.
pub enum AnyCodeCursor<'a, 'r> {
    /// Kept by the engine.
    Kept(CodeCursor<'a>),
    /// Read again; and the code of the last row.
    Again(IntegerCursor<'a, 'r>, Option<Code>),
}

impl AnyCodeCursor<'_, '_> {
    /// The codes of the next row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    pub fn read(&mut self) -> Result<&[Code]> {
        match self {
            AnyCodeCursor::Kept(cursor) => cursor.read(),
            AnyCodeCursor::Again(cursor, code) => {
                *code = cursor.read()?.map(integer_code);
                Ok(code.as_slice())
            }
        }
    }
}
