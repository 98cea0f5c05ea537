//! The values of a batch of key columns, which are integers or text.

use arrow::array::builder::BinaryViewBuilder;
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use std::sync::Arc;

use crate::pg::escape::unescape;
use crate::pg::integer::{parse_integer, push_integer};

/// A column of a batch.
#[derive(Clone, Copy)]
pub enum KeyValues<'a> {
    /// Integers.
    Integers(&'a Int64Array),
    /// COPY text, still escaped.
    Text(&'a BinaryViewArray),
}

impl<'a> KeyValues<'a> {
    /// The values of `array`.
    pub fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Int64 => KeyValues::Integers(array.as_primitive::<Int64Type>()),
            _ => KeyValues::Text(array.as_binary_view()),
        }
    }

    /// Whether a row has NULL.
    #[inline]
    pub fn is_null(self, row: usize) -> bool {
        match self {
            KeyValues::Integers(integers) => integers.is_null(row),
            KeyValues::Text(texts) => texts.is_null(row),
        }
    }

    /// The text of a row's value, not escaped; `scratch` holds it where it is not borrowed.
    #[inline]
    pub fn text<'v>(&self, row: usize, scratch: &'v mut Vec<u8>) -> &'v [u8]
    where
        'a: 'v,
    {
        match self {
            KeyValues::Integers(integers) => {
                scratch.clear();
                push_integer(integers.value(row), scratch);
                scratch
            }
            KeyValues::Text(texts) => unescape(texts.value(row), scratch),
        }
    }
}

/// The integer that `text` is, written as it may be.
pub fn integer(text: &[u8]) -> Option<i64> {
    parse_integer(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// `batch` with its integers as text.
pub fn texts(batch: &RecordBatch) -> RecordBatch {
    let text = |array: &ArrayRef| match KeyValues::of(array) {
        KeyValues::Integers(integers) => Arc::new(texts_of(integers)) as ArrayRef,
        KeyValues::Text(_) => array.clone(),
    };
    batch_of(batch.columns().iter().map(text).collect(), batch.num_rows())
}

fn texts_of(integers: &Int64Array) -> BinaryViewArray {
    let (mut texts, mut text) = (BinaryViewBuilder::with_capacity(integers.len()), Vec::new());
    for integer in integers {
        match integer {
            Some(integer) => {
                text.clear();
                push_integer(integer, &mut text);
                texts.append_value(&text);
            }
            None => texts.append_null(),
        }
    }
    texts.finish()
}

/// A batch of `rows` rows of nameless columns.
pub fn batch_of(columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let field =
        |(index, array): (usize, &ArrayRef)| Field::new(index.to_string(), array.data_type().clone(), true);
    let fields: Vec<Field> = columns.iter().enumerate().map(field).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .expect("every column has a value a row")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_the_same_as_their_texts() {
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None, Some(i64::MAX)]));
        let batch = batch_of(vec![integers], 3);
        let as_text = texts(&batch);
        let (integers, texts) = (KeyValues::of(batch.column(0)), KeyValues::of(as_text.column(0)));
        let mut scratch = Vec::new();
        for row in [0, 2] {
            let text = integers.text(row, &mut scratch).to_vec();
            assert_eq!(texts.text(row, &mut Vec::new()), text);
        }
        assert!(integers.is_null(1) && texts.is_null(1));
        assert_eq!(as_text.num_rows(), 3);
    }

    #[test]
    fn an_integer_may_be_written_otherwise() {
        assert_eq!(integer(b"+07"), Some(7));
        assert_eq!(integer(b"7 "), None);
    }
}
