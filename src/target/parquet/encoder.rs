//! Encodes a batch as a row group, a column at a time, so that only one column is held decoded.

use std::sync::Arc;

use arrow::array::{Array, new_null_array};
use arrow::datatypes::{Field, FieldRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::errors::ParquetError;

use super::cells::{Cells, Escaped};
use super::columns::{self, Column, Refused};
use super::layout::{Layout, RowGroups};
use super::special::SpecialCell;
use super::write_error;
use crate::error::{Error, Place, Result};
use crate::masked::MaskedBatch;
use crate::pg::values::Fault;
use crate::plan::Plan;
use crate::schema::{self, TableId, quoted};
use crate::target::{Encoded, Encoder};

/// A batch as a row group.
pub struct RowGroup {
    pub(super) rows: u64,
    pub(super) chunks: Vec<ArrowColumnChunk>,
    pub(super) specials: Vec<SpecialCell>,
}

/// Encodes the batches of one part.
pub(super) struct PartEncoder {
    plan: Arc<Plan>,
    table: TableId,
    layout: Arc<Layout>,
    row_groups: RowGroups,
    /// For each column of the files, where it is in the rows; `None` if the rows do not have it.
    sources: Vec<Option<usize>>,
}

impl PartEncoder {
    pub fn new(plan: &Arc<Plan>, part: usize, layout: Arc<Layout>) -> Result<Self> {
        let part = &plan.parts[part];
        let source = |column: &usize| part.columns.iter().position(|index| index == column);
        Ok(PartEncoder {
            plan: Arc::clone(plan),
            table: part.table,
            row_groups: layout.row_groups()?,
            sources: layout.columns.iter().map(source).collect(),
            layout,
        })
    }

    /// Turns a column of the rows into an array, and its special cells into text.
    fn convert(
        &self,
        batch: &MaskedBatch,
        source: usize,
        column: usize,
        field: &Field,
        first_row: u64,
    ) -> Result<(Column, Vec<SpecialCell>)> {
        let values = batch.column(source);
        let described = &self.plan.catalog.table(self.table).columns[column];
        let converted = columns::convert(values, &described.ty, field.data_type()).map_err(|refused| {
            let row = batch.snapshot_row(refused.row, first_row + refused.row as u64);
            self.refusal(&refused, described, row)
        })?;
        let cells = Escaped(values);
        let cell =
            |&row: &usize| SpecialCell { row: first_row + row as u64 + 1, column, text: text(&cells, row) };
        let specials = converted.specials.iter().map(cell).collect();
        Ok((converted, specials))
    }

    fn refusal(&self, refused: &Refused, column: &schema::Column, row: u64) -> Error {
        let error = match refused.fault {
            Fault::NotUtf8 => Error::snapshot("text is not valid UTF-8")
                .hint("Parquet holds UTF-8 only; take the dump with `pg_dump --encoding=UTF8`"),
            Fault::TooLong => Error::staging("the values of a block take more than 2 GiB in one column"),
            Fault::Invalid | Fault::Special => {
                Error::snapshot(format!("value is not a valid `{}`", column.ty.base()))
            }
        };
        error.at(Place::table(&self.layout.table).column(quoted(&column.name)).row(row + 1))
    }
}

impl Encoder for PartEncoder {
    fn encode(&self, batch: &MaskedBatch, first_row: u64) -> Result<Encoded> {
        let mut writers = self.row_groups.column_writers()?.into_iter();
        let mut chunks = Vec::with_capacity(writers.len());
        let mut specials = vec![];
        let columns = self.layout.schema.fields().iter().zip(&self.layout.columns);
        for ((field, &column), source) in columns.zip(&self.sources) {
            let array = match source {
                Some(source) => {
                    let (converted, cells) = self.convert(batch, *source, column, field, first_row)?;
                    specials.extend(cells);
                    converted.array
                }
                None => new_null_array(field.data_type(), batch.rows()),
            };
            encode_column(field, array, &mut writers, &mut chunks).map_err(|error| write_error(&error))?;
        }
        specials.sort_by_key(|cell| (cell.row, cell.column));
        Ok(Encoded::RowGroup(RowGroup { rows: batch.rows() as u64, chunks, specials }))
    }
}

/// The text of a value, unescaped.
fn text(cells: &impl Cells, row: usize) -> Vec<u8> {
    let raw = cells.raw(row).unwrap_or_default();
    let mut scratch = vec![];
    cells.unescaped(raw, &mut scratch).unwrap_or(raw).to_vec()
}

/// Writes a column with as many of `writers` as it has leaves.
fn encode_column(
    field: &FieldRef,
    array: Arc<dyn Array>,
    writers: &mut impl Iterator<Item = ArrowColumnWriter>,
    chunks: &mut Vec<ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    // Text may be in views, where the field says strings: for Parquet, they are the same.
    let held = Field::new(field.name(), array.data_type().clone(), true);
    let leaves = compute_leaves(&held, &array)?;
    drop(array);
    for (leaf, mut writer) in leaves.into_iter().zip(writers) {
        writer.write(&leaf)?;
        drop(leaf);
        chunks.push(writer.close()?);
    }
    Ok(())
}
