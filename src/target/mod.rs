//! Targets: what is written. A target turns masked batches into its form and puts them in place, whole or not at all.
//!
//! A target never sees an unmasked batch. Every format is a file here and an entry of [`FORMATS`].

pub mod archive;

use parquet::arrow::arrow_writer::ArrowColumnChunk;

use crate::error::Result;
use crate::masked::MaskedBatch;
use crate::pg::zlib::Deflated;

/// A target being written. Dropped without [`Target::finish`], it removes what it wrote.
pub trait Target: Send + Sync {
    /// The size of the blocks of COPY text that it wants, in bytes.
    fn block_bytes(&self) -> usize;

    /// Whether parts must be written one after another in their order; else each may be written by its own thread.
    fn is_sequential(&self) -> bool;

    /// What turns the masked batches of part `part` (of the plan's parts) into its form; runs on many threads.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the table has no form in this target.
    fn encoder(&self, part: usize) -> Result<Box<dyn Encoder>>;

    /// Opens the place for the rows of part `part`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>>;

    /// Completes the target and puts it in place under its name. All parts are written by then.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written; then nothing is left behind.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Turns masked batches into a target's form. A pure function of the batch, so that threads do not matter.
pub trait Encoder: Send + Sync {
    /// The encoded batch; `first_row` is the number of its first row in the part, from 0, for messages.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) with table, column and row if a value has no form in the target.
    fn encode(&self, batch: &MaskedBatch, first_row: u64) -> Result<Encoded>;
}

/// A batch in a target's form.
pub enum Encoded {
    /// Bytes to be appended as they are.
    Bytes(Vec<u8>),
    /// A block of a zlib stream.
    Deflated(Deflated),
    /// The encoded columns of a Parquet row group.
    RowGroup(Vec<ArrowColumnChunk>),
}

/// Appends the encoded batches of one part, in the order of the rows.
pub trait PartWriter: Send {
    /// Appends a batch.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn write(&mut self, encoded: Encoded) -> Result<()>;

    /// Completes the part; returns how many bytes it takes.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn finish(self: Box<Self>) -> Result<u64>;
}
