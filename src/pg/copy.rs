//! COPY text ⇄ `RecordBatch`: each column a view over the block as it was read, still escaped, `\N` in the null bitmap.
//!
//! The format is that of `COPY … TO STDOUT` in text form (PostgreSQL documentation, COPY, "Text Format"). Values are
//! never decoded here, so a column of any type goes through as the bytes that it is. Escapes are `pg::escape`'s.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryViewArray, RecordBatch, RecordBatchOptions, make_view};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use memchr::{memchr, memchr_iter, memchr2_iter};

use crate::error::{Error, Place, Result};
use crate::masked::MaskedBatch;
use crate::source::Block;

/// The longest block, in bytes: a view's offset has 32 bits, and Arrow reads it as signed.
pub const MAX_BLOCK_BYTES: usize = i32::MAX as usize;

/// Decodes the blocks of one table.
pub struct Decoder {
    schema: SchemaRef,
    table: String,
    is_utf8: bool,
}

impl Decoder {
    /// A decoder of rows of the columns `columns`; `table` is named in errors.
    ///
    /// With `is_utf8`, bytes that are not UTF-8 are refused; without, they may be anything but zero (SQL_ASCII).
    pub fn new(columns: &[&str], table: impl Into<String>, is_utf8: bool) -> Self {
        let fields: Vec<Field> =
            columns.iter().map(|name| Field::new(*name, DataType::BinaryView, true)).collect();
        Decoder { schema: Arc::new(Schema::new(fields)), table: table.into(), is_utf8 }
    }

    /// The rows of `block`, whose first row is the row `first_row` (from 0) of its part.
    ///
    /// # Errors
    /// As those of [`Decoder::decode_numbered`].
    pub fn decode(&self, block: Block, first_row: u64) -> Result<RecordBatch> {
        self.decode_numbered(block, &|row| first_row + row as u64)
    }

    /// The rows of `block`; `number` gives, for messages, the number (from 0) in its part of each row of the block.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with table and row if a row has another number of columns, or
    /// breaks off inside an escape.
    pub fn decode_numbered(&self, block: Block, number: &dyn Fn(usize) -> u64) -> Result<RecordBatch> {
        if block.bytes.len() > MAX_BLOCK_BYTES {
            return Err(self.fault("a row is longer than 2 GiB", number(0)));
        }
        self.check_text(&block.bytes).map_err(|(byte, what)| {
            self.fault(what, number(memchr_iter(b'\n', &block.bytes[..byte]).count()))
        })?;
        let columns = self.schema.fields().len();
        if columns == 0 {
            return self.rows_without_columns(&block.bytes, number);
        }
        let mut views = ColumnViews::new(columns, block.bytes.len());
        split(&block.bytes, &mut views).map_err(|fault| self.explain(fault, columns, number))?;
        let rows = views.rows();
        let arrays = views.into_arrays(Buffer::from_vec(block.bytes));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .expect("every column has a view a row"))
    }

    /// The first byte that text cannot have, and why.
    fn check_text(&self, bytes: &[u8]) -> Result<(), (usize, &'static str)> {
        if let Some(zero) = memchr(0, bytes) {
            return Err((zero, "the row has a zero byte, which no text can hold"));
        }
        match std::str::from_utf8(bytes) {
            Err(error) if self.is_utf8 => Err((error.valid_up_to(), "the row is not valid UTF-8")),
            _ => Ok(()),
        }
    }

    fn rows_without_columns(&self, bytes: &[u8], number: &dyn Fn(usize) -> u64) -> Result<RecordBatch> {
        if let Some(row) = bytes.iter().position(|&byte| byte != b'\n') {
            return Err(self.fault("the row has a value, but the table has no columns", number(row)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(bytes.len()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), Vec::new(), &options)
            .expect("a batch may have no columns"))
    }

    fn explain(&self, fault: Fault, columns: usize, number: &dyn Fn(usize) -> u64) -> Error {
        match fault {
            Fault::Columns { row, found } => {
                self.fault(&format!("the row has {found} columns instead of {columns}"), number(row))
            }
            Fault::Escape { row } => self.fault("the row breaks off inside an escape", number(row)),
            Fault::End { row } => self.fault("the data ends inside a row", number(row)),
        }
    }

    fn fault(&self, what: &str, row: u64) -> Error {
        Error::snapshot(what)
            .at(Place::table(&self.table).row(row + 1))
            .hint("the file is damaged; take the snapshot again")
    }
}

enum Fault {
    Columns { row: usize, found: usize },
    Escape { row: usize },
    End { row: usize },
}

/// Splits rows into `views`, one view a value.
fn split(bytes: &[u8], views: &mut ColumnViews) -> Result<(), Fault> {
    let columns = views.columns.len();
    let (mut start, mut column, mut row) = (0, 0, 0);
    for end in memchr2_iter(b'\t', b'\n', bytes) {
        let value = &bytes[start..end];
        if ends_inside_escape(value) {
            return Err(Fault::Escape { row });
        }
        if column < columns {
            views.push(column, value, start);
        }
        column += 1;
        start = end + 1;
        if bytes[end] == b'\n' {
            if column != columns {
                return Err(Fault::Columns { row, found: column });
            }
            column = 0;
            row += 1;
        }
    }
    if start < bytes.len() || column > 0 { Err(Fault::End { row }) } else { Ok(()) }
}

/// Whether a value ends in an odd number of backslashes: Postgres writes a tab or a line end as `\t` or `\n`, never as
/// a backslash before the character.
fn ends_inside_escape(value: &[u8]) -> bool {
    value.last() == Some(&b'\\') && value.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The views of each column over one block, as they are found.
struct ColumnViews {
    columns: Vec<Views>,
}

#[derive(Default)]
struct Views {
    views: Vec<u128>,
    null_rows: Vec<usize>,
}

impl ColumnViews {
    fn new(columns: usize, block_bytes: usize) -> Self {
        // A guess at the rows: two bytes a value at the least, and rarely more than a view takes.
        let rows = block_bytes / columns.max(1) / 16 + 16;
        let column = || Views { views: Vec::with_capacity(rows), null_rows: Vec::new() };
        ColumnViews { columns: (0..columns).map(|_| column()).collect() }
    }

    fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.views.len())
    }

    #[inline]
    fn push(&mut self, column: usize, value: &[u8], offset: usize) {
        let column = &mut self.columns[column];
        if matches!(value, [b'\\', b'N']) {
            column.null_rows.push(column.views.len());
            column.views.push(0);
        } else {
            column.views.push(make_view(value, 0, offset as u32));
        }
    }

    fn into_arrays(self, buffer: Buffer) -> Vec<ArrayRef> {
        let array = |column: Views| {
            let nulls = null_buffer(column.views.len(), &column.null_rows);
            let views = ScalarBuffer::from(column.views);
            Arc::new(
                BinaryViewArray::try_new(views, [buffer.clone()], nulls).expect("the views lie in the block"),
            ) as ArrayRef
        };
        self.columns.into_iter().map(array).collect()
    }
}

fn null_buffer(rows: usize, null_rows: &[usize]) -> Option<NullBuffer> {
    if null_rows.is_empty() {
        return None;
    }
    let mut valid = vec![true; rows];
    for &row in null_rows {
        valid[row] = false;
    }
    Some(NullBuffer::from(valid))
}

/// Appends the rows of `batch` to `out` as COPY text, `\n` after each.
pub fn encode(batch: &MaskedBatch, out: &mut Vec<u8>) {
    let columns: Vec<&BinaryViewArray> = (0..batch.columns()).map(|index| batch.column(index)).collect();
    let Some((last, others)) = columns.split_last() else {
        out.resize(out.len() + batch.rows(), b'\n');
        return;
    };
    for row in 0..batch.rows() {
        for column in others {
            append(column, row, out);
            out.push(b'\t');
        }
        append(last, row, out);
        out.push(b'\n');
    }
}

#[inline]
fn append(column: &BinaryViewArray, row: usize, out: &mut Vec<u8>) {
    use arrow::array::Array;
    if column.is_null(row) {
        out.extend_from_slice(b"\\N");
    } else {
        out.extend_from_slice(column.value(row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(text: &str) -> Block {
        Block { bytes: text.as_bytes().to_vec() }
    }

    fn encoded(batch: RecordBatch) -> Vec<u8> {
        let mut out = Vec::new();
        encode(&MaskedBatch::of_masked(batch), &mut out);
        out
    }

    #[test]
    fn rows_go_out_as_they_came_in() {
        let text = "1\t\\N\tana \\t\\\\ silva\n2\t\tÅ\n";
        let batch = Decoder::new(&["id", "b", "c"], "t", true).decode(block(text), 0).unwrap();
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(1).null_count(), 1);
        assert_eq!(encoded(batch), text.as_bytes());
    }

    #[test]
    fn a_row_without_columns_is_an_empty_line() {
        let batch = Decoder::new(&[], "t", true).decode(block("\n\n\n"), 0).unwrap();
        assert_eq!(batch.num_rows(), 3);
        assert_eq!(encoded(batch), b"\n\n\n");
        assert!(Decoder::new(&[], "t", true).decode(block("\nx\n"), 0).is_err());
    }

    #[test]
    fn a_damaged_row_is_refused_with_its_place() {
        let decoder = Decoder::new(&["a", "b"], "public.t", true);
        let message = |text: &str| decoder.decode(block(text), 10).unwrap_err().to_string();
        assert!(
            message("1\t2\n3\n")
                .starts_with("the row has 1 columns instead of 2\n  at: table `public.t`, row 12")
        );
        assert!(message("1\t2\t3\n").starts_with("the row has 3 columns instead of 2"));
        assert!(message("1\t2\\\n").starts_with("the row breaks off inside an escape"));
        assert!(message("1\t2").starts_with("the data ends inside a row"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>, columns in 0usize..4) {
            let names = &["a", "b", "c", "d"][..columns];
            if let Ok(batch) = Decoder::new(names, "t", true).decode(Block { bytes: bytes.clone() }, 0) {
                prop_assert_eq!(encoded(batch), bytes);
            }
        }
    }
}
