//! `when`: a mask for some rows of a batch, while the others keep their values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, RecordBatch};
use arrow::compute::{filter, filter_record_batch, interleave};

use super::{ColumnCounts, ColumnMask, Unmaskable, apply};
use crate::condition::Condition;

/// A condition over the columns of the rows.
#[derive(Clone)]
pub struct RowCondition {
    condition: Arc<Condition>,
    /// The column of the rows for each column that the condition reads.
    places: Vec<usize>,
}

impl RowCondition {
    /// `condition`, whose columns of the table are where `place` says in the rows.
    ///
    /// `None` where the rows lack one of them: then every row is masked, for none could be kept for a reason.
    pub fn new(condition: &Arc<Condition>, place: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        let places = condition.columns().iter().map(|&column| place(column)).collect::<Option<_>>()?;
        Some(RowCondition { condition: condition.clone(), places })
    }

    fn holds(&self, batch: &RecordBatch) -> Result<BooleanArray, Unmaskable> {
        let inputs: Vec<&BinaryViewArray> =
            self.places.iter().map(|&place| batch.column(place).as_binary_view()).collect();
        self.condition.holds(&inputs, batch.num_rows()).map_err(|undecided| {
            let column = undecided
                .column
                .and_then(|column| self.condition.columns().iter().position(|&c| c == column));
            Unmaskable {
                column: column.map_or(0, |input| self.places[input]),
                row: undecided.row,
                reason: undecided.reason,
                is_of_condition: true,
            }
        })
    }
}

/// The answers of the conditions of a batch, each asked once.
#[derive(Default)]
pub struct Conditions(Vec<(*const Condition, BooleanArray)>);

impl Conditions {
    /// The rows that the mask of the column `index` is for; `None` for all of them.
    ///
    /// # Errors
    /// If the condition has no answer for a row.
    pub fn chosen(
        &mut self,
        batch: &RecordBatch,
        masks: &[ColumnMask],
        index: usize,
    ) -> Result<Option<BooleanArray>, Unmaskable> {
        let Some(when) = &masks[index].when else { return Ok(None) };
        let asked = Arc::as_ptr(&when.condition);
        if let Some((_, chosen)) = self.0.iter().find(|(known, _)| *known == asked) {
            return Ok(Some(chosen.clone()));
        }
        let chosen = when.holds(batch).map_err(|unmaskable| match unmaskable.row {
            Some(_) => unmaskable,
            None => Unmaskable { column: index, ..unmaskable },
        })?;
        self.0.push((asked, chosen.clone()));
        Ok(Some(chosen))
    }
}

/// Masks the column `index` in the rows of `chosen`; the other rows keep their values.
///
/// # Errors
/// The first value that cannot be masked.
pub fn apply_to_chosen(
    batch: &RecordBatch,
    masks: &[ColumnMask],
    done: &[Option<(ArrayRef, ColumnCounts)>],
    index: usize,
    chosen: &BooleanArray,
) -> Result<(ArrayRef, ColumnCounts), Unmaskable> {
    const AS_LONG: &str = "the condition has an answer for each row";
    let rows = filter_record_batch(batch, chosen).expect(AS_LONG);
    let part = |done: &Option<(ArrayRef, ColumnCounts)>| {
        done.as_ref().map(|(values, counts)| (filter(values, chosen).expect(AS_LONG), *counts))
    };
    let done: Vec<_> = done.iter().map(part).collect();
    let places: Vec<usize> = chosen.values().set_indices().collect();
    let (masked, counts) = apply(&rows, masks, &done, index)
        .map_err(|unmaskable| Unmaskable { row: unmaskable.row.map(|row| places[row]), ..unmaskable })?;
    let mut next = 0;
    let source = |row| match chosen.value(row) {
        false => (0, row),
        true => {
            next += 1;
            (1, next - 1)
        }
    };
    let sources: Vec<(usize, usize)> = (0..batch.num_rows()).map(source).collect();
    let values = interleave(&[&**batch.column(index), &*masked], &sources).expect("every row has a source");
    let nulls = values.null_count() as u64;
    Ok((values, ColumnCounts { masked: counts.masked, nulls }))
}
