//! The mask stage: a batch of rows as read becomes a [`MaskedBatch`], the only thing that a target accepts.

mod chosen;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::datatypes::DataType;

pub use chosen::RowCondition;

use crate::functions::Form;
use crate::functions::row::InputColumn;
use crate::functions::text::TextColumn;
use crate::kept_rows::RowNumbers;
use crate::schema::PgType;
use chosen::{Conditions, apply_to_chosen};

/// What happens to a column's values.
#[derive(Clone)]
pub enum Action {
    /// They go out as they came in.
    Keep,
    /// They become NULL.
    Null,
    /// Each goes through a mask, shared by all columns that must mask alike.
    Text(Arc<TextColumn>),
}

/// The action for one column of the rows.
#[derive(Clone)]
pub struct ColumnMask {
    /// What happens to its values.
    pub action: Action,
    /// Its type.
    pub ty: PgType,
    /// The column of the rows whose value decides the result, where the rule says `by`.
    pub by: Option<usize>,
    /// Which rows are masked, where the rule says `when`; the others keep their values.
    pub when: Option<RowCondition>,
    /// The columns that the mask asks for, in its order. No two columns ask for each other's masked values.
    pub inputs: Vec<InputSource>,
}

/// A column of the rows that another column's mask asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputSource {
    /// Its index; `None` where the rows do not have it.
    pub column: Option<usize>,
    /// Whether its values are asked for as read or as masked.
    pub form: Form,
}

/// Rows after the plan's actions. Its one constructor applies them.
pub struct MaskedBatch {
    batch: RecordBatch,
    counts: Vec<ColumnCounts>,
    numbers: Option<RowNumbers>,
}

/// What happened to the values of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnCounts {
    /// Values that went through a mask, or were made NULL.
    pub masked: u64,
    /// NULLs that went out.
    pub nulls: u64,
}

/// A value that could not be masked. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmaskable {
    /// Its column in the rows.
    pub column: usize,
    /// Its row in the batch, from 0; `None` where only the batch is known.
    pub row: Option<usize>,
    /// The reason, such as "is not a UUID".
    pub reason: &'static str,
    /// Whether it was asked for by a condition, and not by a mask.
    pub is_of_condition: bool,
}

impl MaskedBatch {
    /// Applies `masks`, one a column, to `batch`: a column whose masked values another one asks for comes before it.
    ///
    /// # Errors
    /// The first value that cannot be masked.
    pub fn new(batch: RecordBatch, masks: &[ColumnMask]) -> Result<Self, Unmaskable> {
        assert_eq!(batch.num_columns(), masks.len(), "a plan decides every column");
        let mut done: Vec<Option<(ArrayRef, ColumnCounts)>> = vec![None; masks.len()];
        let mut waiting: Vec<usize> = (0..masks.len()).collect();
        let mut conditions = Conditions::default();
        while !waiting.is_empty() {
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|&index| masks[index].is_ready(&done));
            assert!(!ready.is_empty(), "a plan refuses columns that wait for each other");
            for index in ready {
                let chosen = conditions.chosen(&batch, masks, index)?;
                done[index] = Some(match chosen {
                    None => apply(&batch, masks, &done, index)?,
                    Some(chosen) => apply_to_chosen(&batch, masks, &done, index, &chosen)?,
                });
            }
            waiting = later;
        }
        let (columns, counts): (Vec<_>, Vec<_>) = done.into_iter().flatten().unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(batch.schema(), columns, &options)
            .expect("a mask gives as many values as it takes");
        Ok(MaskedBatch { batch, counts, numbers: None })
    }

    /// The rows with NULL for references whose parents a subset leaves out. Masks have seen the references by then, so
    /// that what they decide is the same with the parent and without it.
    pub fn nulled(self, numbers: &RowNumbers, places: impl Fn(usize) -> Vec<usize>) -> Self {
        let batch = numbers.null_out(self.batch, places);
        let nulls = |(counts, column): (ColumnCounts, &ArrayRef)| ColumnCounts {
            nulls: column.null_count() as u64,
            ..counts
        };
        let counts = self.counts.into_iter().zip(batch.columns()).map(nulls).collect();
        MaskedBatch { batch, counts, ..self }
    }

    /// The same rows, with their numbers in the snapshot.
    pub fn numbered(self, numbers: RowNumbers) -> Self {
        MaskedBatch { numbers: Some(numbers), ..self }
    }

    /// The number in the snapshot, from 0, of the row `row`, whose number among the rows that go out is `row_out`: for
    /// messages.
    pub fn snapshot_row(&self, row: usize, row_out: u64) -> u64 {
        self.numbers.as_ref().map_or(row_out, |numbers| numbers.in_snapshot(row))
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// The number of columns; a table may have none.
    pub fn columns(&self) -> usize {
        self.batch.num_columns()
    }

    /// The column at `index` in the order of the rows: COPY text, still escaped, NULL in the null bitmap.
    pub fn column(&self, index: usize) -> &BinaryViewArray {
        self.batch.column(index).as_binary_view()
    }

    /// What happened to each column.
    pub fn counts(&self) -> &[ColumnCounts] {
        &self.counts
    }

    /// A batch of values as they would come out of the masks, to test what takes one.
    #[cfg(test)]
    pub(crate) fn of_masked(batch: RecordBatch) -> Self {
        let keep =
            ColumnMask { action: Action::Keep, ty: PgType::Text, by: None, when: None, inputs: Vec::new() };
        let masks = vec![keep; batch.num_columns()];
        MaskedBatch::new(batch, &masks).expect("keep takes every value")
    }
}

impl ColumnMask {
    /// Whether every masked column that it asks for is done.
    fn is_ready(&self, done: &[Option<(ArrayRef, ColumnCounts)>]) -> bool {
        let mut masked = self.inputs.iter().filter(|input| input.form == Form::Masked);
        masked.all(|input| input.column.is_none_or(|column| done[column].is_some()))
    }
}

fn apply(
    batch: &RecordBatch,
    masks: &[ColumnMask],
    done: &[Option<(ArrayRef, ColumnCounts)>],
    index: usize,
) -> Result<(ArrayRef, ColumnCounts), Unmaskable> {
    let mask = &masks[index];
    let column = batch.column(index);
    let nulls = column.null_count() as u64;
    match &mask.action {
        Action::Keep => Ok((column.clone(), ColumnCounts { masked: 0, nulls })),
        Action::Null => {
            let rows = column.len();
            let counts = ColumnCounts { masked: rows as u64 - nulls, nulls: rows as u64 };
            Ok((new_null_array(&DataType::BinaryView, rows), counts))
        }
        Action::Text(text) => {
            let owner = mask.by.map(|by| (batch.column(by).as_binary_view(), &masks[by].ty));
            let input = |source: &InputSource| InputColumn {
                values: source.column.and_then(|column| match source.form {
                    Form::Original => Some(batch.column(column).as_binary_view()),
                    Form::Masked => done[column].as_ref().map(|(values, _)| values.as_binary_view()),
                }),
                ty: source.column.map_or(&mask.ty, |column| &masks[column].ty),
                form: source.form,
            };
            let inputs: Vec<InputColumn<'_>> = mask.inputs.iter().map(input).collect();
            let masked = text.apply_in_row(column.as_binary_view(), &mask.ty, owner, &inputs);
            let masked = masked.map_err(|unmasked| Unmaskable {
                column: index,
                row: Some(unmasked.row),
                reason: unmasked.reason,
                is_of_condition: false,
            })?;
            let counts = ColumnCounts { masked: masked.masked, nulls: masked.nulls };
            Ok((Arc::new(masked.values), counts))
        }
    }
}
