//! The rows of a part that a subset keeps: read in blocks as if there were no others.
//!
//! They are dropped before they are decoded, and blocks are filled again up to their size, so that what comes after
//! costs what the kept rows cost. Where a block ends depends on the kept rows alone: it is where it would end in a
//! snapshot of nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use memchr::memchr;

use crate::error::{Error, Place, Result};
use crate::report::PartMeter;
use crate::source::{Block, BlockReader};
use crate::subset::RowFilter;

/// Reads the kept rows of a part.
pub struct KeptRows<'a> {
    reader: Box<dyn BlockReader + 'a>,
    filter: Option<Arc<RowFilter>>,
    /// Whether the reader gives other rows than those of the filter too.
    has_others: bool,
    block_bytes: usize,
    meter: &'a PartMeter,
    stop: &'a AtomicBool,
    place: Place,
    /// What was read last, and how much of it was looked at.
    block: Vec<u8>,
    looked_at: usize,
    /// The number of the next row to look at.
    next_row: u64,
    is_over: bool,
}

/// Kept rows, and which ones they are.
pub struct KeptBlock {
    /// The rows.
    pub block: Block,
    /// Their numbers in the snapshot.
    pub numbers: RowNumbers,
}

/// Which rows of a part are in a block.
#[derive(Clone)]
pub struct RowNumbers {
    filter: Option<Arc<RowFilter>>,
    /// The first row that was looked at for the block.
    first_row: u64,
    /// How many rows were looked at.
    rows: usize,
}

impl<'a> KeptRows<'a> {
    /// Reads the rows of `reader` that `filter` keeps, or all, in blocks of at most `block_bytes` bytes; tells `meter`
    /// what was read, and ends early when `stop` is set. `place` is for messages. Where the reader has only the rows that
    /// `filter` keeps, `has_others` is false.
    pub fn new(
        reader: Box<dyn BlockReader + 'a>,
        filter: Option<RowFilter>,
        has_others: bool,
        block_bytes: usize,
        meter: &'a PartMeter,
        stop: &'a AtomicBool,
        place: Place,
    ) -> Self {
        KeptRows {
            reader,
            filter: filter.map(Arc::new),
            has_others,
            block_bytes,
            meter,
            stop,
            place,
            block: Vec::new(),
            looked_at: 0,
            next_row: 0,
            is_over: false,
        }
    }

    /// The next rows; `None` after the last ones.
    ///
    /// # Errors
    /// What the reader fails with; [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the part has other rows than when
    /// the subset was selected.
    pub fn next_block(&mut self) -> Result<Option<KeptBlock>> {
        let Some(filter) = self.filter.clone() else {
            let Some(block) = self.read()? else { return Ok(None) };
            let rows = memchr::memchr_iter(b'\n', &block.bytes).count();
            self.meter.add_read(rows as u64, block.bytes.len() as u64);
            let numbers = RowNumbers { filter: None, first_row: self.next_row, rows };
            self.next_row += rows as u64;
            return Ok(Some(KeptBlock { block, numbers }));
        };
        if !self.has_others {
            return self.next_kept_block(filter);
        }
        let first_row = self.next_row;
        let mut kept = Vec::new();
        while !self.take_rows(&filter, &mut kept)? && self.next_source_block(&filter)? {}
        let rows = (self.next_row - first_row) as usize;
        let numbers = RowNumbers { filter: Some(filter), first_row, rows };
        Ok((!kept.is_empty()).then_some(KeptBlock { block: Block { bytes: kept }, numbers }))
    }

    /// The next rows of a reader that has no others; its blocks are as they are to be.
    fn next_kept_block(&mut self, filter: Arc<RowFilter>) -> Result<Option<KeptBlock>> {
        let first_row = self.next_row;
        let left = filter.kept(first_row, (filter.rows() - first_row) as usize);
        let Some(block) = self.read()? else {
            self.meter.add_read(left.len() as u64, 0);
            self.next_row = filter.rows();
            return if left.count_set_bits() == 0 { Ok(None) } else { Err(self.changed()) };
        };
        let count = memchr::memchr_iter(b'\n', &block.bytes).count();
        let last = count.checked_sub(1).and_then(|last| left.set_indices().nth(last));
        let rows = last.ok_or_else(|| self.changed())? + 1;
        self.next_row += rows as u64;
        self.meter.add_read(rows as u64, block.bytes.len() as u64);
        Ok(Some(KeptBlock { block, numbers: RowNumbers { filter: Some(filter), first_row, rows } }))
    }

    fn read(&mut self) -> Result<Option<Block>> {
        let block = self.reader.next_block()?;
        if let Some(bytes) = self.reader.stored_bytes_read() {
            self.meter.set_stored_bytes_read(bytes);
        }
        Ok(block)
    }

    /// Reads the next block of the snapshot; false after the last one.
    fn next_source_block(&mut self, filter: &RowFilter) -> Result<bool> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        match if self.is_over { None } else { self.read()? } {
            Some(block) => {
                (self.block, self.looked_at) = (block.bytes, 0);
                Ok(true)
            }
            None => {
                self.is_over = true;
                match self.next_row == filter.rows() {
                    true => Ok(false),
                    false => Err(self.changed()),
                }
            }
        }
    }

    /// Moves kept rows from the block that was read to `kept`; true where `kept` is full.
    fn take_rows(&mut self, filter: &RowFilter, kept: &mut Vec<u8>) -> Result<bool> {
        let first_row = self.next_row;
        let looked_at = self.looked_at;
        let mut is_full = false;
        let left = &self.block[looked_at..];
        let rows_left = memchr::memchr_iter(b'\n', left).count();
        if first_row + rows_left as u64 > filter.rows() {
            return Err(self.changed());
        }
        let is_kept = filter.kept(first_row, rows_left);
        let (mut start, mut row) = (0, 0);
        while let Some(length) = memchr(b'\n', &left[start..]) {
            let end = start + length + 1;
            if is_kept.value(row) {
                if !kept.is_empty() && kept.len() + (end - start) > self.block_bytes {
                    is_full = true;
                    break;
                }
                kept.extend_from_slice(&left[start..end]);
            }
            (start, row) = (end, row + 1);
        }
        self.looked_at += start;
        self.next_row += row as u64;
        self.meter.add_read(row as u64, start as u64);
        Ok(is_full)
    }

    fn changed(&self) -> Error {
        Error::snapshot("the table has other rows than when the subset was selected")
            .at(&self.place)
            .hint("run again, and leave the snapshot alone meanwhile")
    }
}

impl RowNumbers {
    /// The number in the snapshot, from 0, of the row `row` of the block.
    pub fn in_snapshot(&self, row: usize) -> u64 {
        let Some(filter) = &self.filter else { return self.first_row + row as u64 };
        let nth = filter.kept(self.first_row, self.rows).set_indices().nth(row);
        self.first_row + nth.unwrap_or(row) as u64
    }

    /// Makes the references NULL that are to be: `batch` has the block's rows, and `places` the columns of each edge.
    pub fn null_out(&self, batch: RecordBatch, places: impl Fn(usize) -> Vec<usize>) -> RecordBatch {
        let Some(filter) = &self.filter else { return batch };
        let kept = filter.kept(self.first_row, self.rows);
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        for (edge, nulled) in filter.nulled(self.first_row, self.rows) {
            if (&nulled & &kept).count_set_bits() == 0 {
                continue;
            }
            let is_nulled: BooleanBuffer = kept.set_indices().map(|row| nulled.value(row)).collect();
            for place in places(edge) {
                columns[place] = Arc::new(with_nulls(columns[place].as_binary_view(), &is_nulled));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(batch.schema(), columns, &options)
            .expect("a column keeps its length and type")
    }
}

/// `column` with NULL where `is_nulled` says so; the values there are forgotten.
fn with_nulls(column: &BinaryViewArray, is_nulled: &BooleanBuffer) -> BinaryViewArray {
    let views = column.views().iter().enumerate();
    let views: Vec<u128> = views.map(|(row, &view)| if is_nulled.value(row) { 0 } else { view }).collect();
    let valid: BooleanBuffer =
        (0..column.len()).map(|row| column.is_valid(row) && !is_nulled.value(row)).collect();
    let buffers = column.data_buffers().to_vec();
    BinaryViewArray::try_new(ScalarBuffer::from(views), buffers, Some(NullBuffer::new(valid)))
        .expect("the views are those of the column, or empty")
}
