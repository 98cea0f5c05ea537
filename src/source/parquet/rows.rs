//! The rows of a table: its row groups in order, and one of them as COPY text, batch after batch.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::columns::{Bound, TableColumns};
use super::footer::{Footer, damaged, guarded};
use super::special::{Cell, Cells, Extent};
use super::text::Column;
use crate::error::{Error, Place, Result};
use crate::pg::escape::escape_into;
use crate::schema::quoted;

/// How many rows are decoded at once: enough that what a batch costs does not count, few enough that long values fit.
const BATCH_ROWS: usize = 512;

/// About how many bytes of text are handed over at once.
const PIECE_BYTES: usize = 512 << 10;

/// A table and its files.
pub struct TableRows {
    /// The table, and the columns of its rows.
    pub columns: TableColumns,
    /// Its files, in order.
    pub files: Vec<PathBuf>,
    /// Their row groups, in order.
    pub groups: Vec<RowGroup>,
    /// The file with values that have no form in Parquet.
    pub special: Option<PathBuf>,
    /// The file that was opened last: others of its row groups are read next.
    pub opened: Mutex<Option<(usize, Arc<Bound>)>>,
}

/// A row group, or all rows of a file of no columns.
#[derive(Clone, Copy, Debug)]
pub struct RowGroup {
    /// The index of its file.
    pub file: usize,
    /// Its index in the file; `None` where there are no columns.
    pub index: Option<usize>,
    /// Which rows of a part it is.
    pub extent: Extent,
    /// How many rows of the file are before it.
    pub first_row: u64,
    /// Where its values begin in the file of those without a form.
    pub special_start: u64,
    /// Its bytes in the file.
    pub stored_bytes: u64,
    /// Its bytes decompressed.
    pub plain_bytes: u64,
}

impl TableRows {
    fn bound(&self, file: usize) -> Result<Arc<Bound>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((index, bound)) = &*opened
            && *index == file
        {
            return Ok(bound.clone());
        }
        let bound = Arc::new(self.columns.bind(&Footer::read(&self.files[file])?)?);
        *opened = Some((file, bound.clone()));
        Ok(bound)
    }

    /// Reads the columns `wanted` (ascending) of a row group and gives its rows to `put`, whole rows of COPY text at a
    /// time, until it says that no more are wanted.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with the file if it is damaged, with table, column and row of the
    /// file if a value is none of the column's type.
    pub fn read(
        &self,
        group: &RowGroup,
        wanted: &[usize],
        put: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<()> {
        let path = &self.files[group.file];
        let read = match group.index {
            Some(index) => self.read_group(group, index, wanted, put),
            None => {
                repeat_newline(group.extent.rows, put);
                Ok(())
            }
        };
        read.map_err(|error| error.at(path.display()))
    }

    fn read_group(
        &self,
        group: &RowGroup,
        index: usize,
        wanted: &[usize],
        put: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<()> {
        let bound = self.bound(group.file)?;
        let file = File::open(&self.files[group.file]).map_err(|error| Error::read(&error))?;
        let roots: Vec<usize> = wanted.iter().map(|&column| bound.roots[column]).collect();
        let mut batches = guarded(|| batches(file, &bound, index, &roots))?;
        let special = self.special.as_ref().map(|path| Cells::open(path, group.special_start)).transpose()?;
        let mut special = Specials { cells: special, next: None, extent: group.extent };
        special.advance()?;
        // The columns of a batch are in the order of the file.
        let mut in_file = roots.clone();
        in_file.sort_unstable();
        let places: Vec<usize> =
            roots.iter().map(|root| in_file.partition_point(|other| other < root)).collect();
        let (mut piece, mut rows, mut scratch) = (Vec::new(), 0, Vec::new());
        while let Some(batch) = guarded(|| batches.next().transpose().map_err(ParquetError::from))? {
            let arrays: Vec<&ArrayRef> = places.iter().map(|&place| batch.column(place)).collect();
            let text = BatchText { table: self, wanted, first_row: group.first_row + rows };
            text.push(&batch, &arrays, rows, &mut special, &mut scratch, &mut piece)?;
            rows += batch.num_rows() as u64;
            if piece.len() >= PIECE_BYTES && !put(std::mem::take(&mut piece)) {
                return Ok(());
            }
        }
        if rows != group.extent.rows || special.next.is_some() {
            return Err(damaged());
        }
        if !piece.is_empty() {
            put(piece);
        }
        Ok(())
    }
}

fn batches(
    file: File,
    bound: &Bound,
    group: usize,
    roots: &[usize],
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, bound.arrow.clone());
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
    builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(BATCH_ROWS).build()
}

fn repeat_newline(rows: u64, put: &mut dyn FnMut(Vec<u8>) -> bool) {
    let mut left = rows;
    while left > 0 {
        let count = left.min(PIECE_BYTES as u64);
        if !put(vec![b'\n'; count as usize]) {
            return;
        }
        left -= count;
    }
}

/// What the rows of a batch are.
struct BatchText<'a> {
    table: &'a TableRows,
    wanted: &'a [usize],
    /// How many rows of the file are before the batch.
    first_row: u64,
}

impl BatchText<'_> {
    /// Appends the rows of `batch`; `before` rows of the row group are before it.
    fn push(
        &self,
        batch: &RecordBatch,
        arrays: &[&ArrayRef],
        before: u64,
        special: &mut Specials,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let columns = &self.table.columns.columns;
        let mut texts = Vec::with_capacity(arrays.len());
        for (&column, &array) in self.wanted.iter().zip(arrays) {
            texts.push(Column::new(array, &columns[column].ty).ok_or_else(damaged)?);
        }
        for row in 0..batch.num_rows() {
            let of_row = special.of_row(before + row as u64 + 1)?;
            for (index, (text, &column)) in texts.iter().zip(self.wanted).enumerate() {
                if index > 0 {
                    out.push(b'\t');
                }
                let kept = of_row.iter().find(|cell| cell.column == columns[column].name);
                match kept {
                    Some(cell) if text.is_null(row) => escape_into(&cell.value, out),
                    Some(_) => return Err(special.mismatch()),
                    None => text.push_field(row, scratch, out).map_err(|fault| {
                        let column = &columns[column];
                        let place = Place::table(&self.table.columns.table).column(quoted(&column.name));
                        Error::snapshot(fault.what(&column.ty)).at(place.row(self.first_row + row as u64 + 1))
                    })?,
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

/// The values of a row group that have no form in Parquet.
struct Specials {
    cells: Option<Cells>,
    /// The first one that was not given out, if it is of this row group.
    next: Option<Cell>,
    extent: Extent,
}

impl Specials {
    fn advance(&mut self) -> Result<()> {
        let Some(cells) = &mut self.cells else { return Ok(()) };
        let cell = cells.next()?.map(|(_, cell)| cell);
        self.next = cell.filter(|cell| self.extent.holds(cell));
        Ok(())
    }

    /// The values of a row, counted from 1 in the row group.
    fn of_row(&mut self, row: u64) -> Result<Vec<Cell>> {
        let mut cells: Vec<Cell> = Vec::new();
        while let Some(cell) = self.next.take() {
            if cell.row != self.extent.first_row + row {
                self.next = Some(cell);
                break;
            }
            if cells.iter().any(|other| other.column == cell.column) {
                return Err(self.mismatch());
            }
            cells.push(cell);
            self.advance()?;
        }
        Ok(cells)
    }

    fn mismatch(&self) -> Error {
        Error::snapshot("a value that has no form in Parquet is beside the rows and among them")
            .hint("the folder is damaged; take the snapshot again")
    }
}
