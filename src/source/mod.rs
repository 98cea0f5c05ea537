//! Snapshots: what is read. A source says what its dump holds, then gives each table's rows as blocks of COPY text.
//!
//! A source never sees a rule. Every format is a file here and an entry of [`FORMATS`].

pub mod script;
pub mod spool;

use crate::error::Result;
use crate::pg::dump::{CopyTarget, Dump};

/// An open snapshot.
pub trait Source: Send + Sync {
    /// The table of contents, in restore order.
    fn dump(&self) -> &Dump;

    /// The rows' targets, one for each entry that holds rows, in the order of the entries.
    fn data(&self) -> &[DataPart];

    /// Opens the rows of `self.data()[index]`, in blocks of about `block_bytes` bytes.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the data cannot be read.
    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>>;

    /// Whether several parts can be read at once, and in any order; else one after another, in their order.
    fn is_seekable(&self) -> bool;
}

/// The rows of one entry.
#[derive(Clone, Debug)]
pub struct DataPart {
    /// The id of the entry in the dump.
    pub entry: i32,
    /// Where the rows go.
    pub target: CopyTarget,
    /// The bytes of the rows as stored, compressed or not, where they are known; for progress only.
    pub stored_bytes: Option<u64>,
}

/// Reads the rows of one entry, block after block.
pub trait BlockReader: Send {
    /// The next block; `None` after the last one.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the data is damaged or ends early.
    fn next_block(&mut self) -> Result<Option<Block>>;
}

/// Whole rows of COPY text: UTF-8 (or the bytes of an SQL_ASCII database), `\n` after each row, no end marker.
///
/// Where a block ends depends on the rows and the block size alone, so that it is the same from every format.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The rows.
    pub bytes: Vec<u8>,
}
