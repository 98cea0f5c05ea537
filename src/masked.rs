//! The mask stage: a batch of rows as read becomes a [`MaskedBatch`], the only thing that a target accepts.

use arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};

/// Rows after the plan's actions. Its one constructor applies them.
pub struct MaskedBatch {
    batch: RecordBatch,
}

impl MaskedBatch {
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
}

#[cfg(test)]
impl MaskedBatch {
    /// A batch of values as they would come out of the masks, to test what takes one.
    pub(crate) fn of_masked(batch: RecordBatch) -> Self {
        MaskedBatch { batch }
    }
}
