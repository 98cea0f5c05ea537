//! The values of a batch of key columns, which are integers, UUIDs or text.

use arrow::array::builder::BinaryViewBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, FixedSizeBinaryArray, Int64Array, RecordBatch,
    RecordBatchOptions,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use std::sync::Arc;

use crate::pg::escape::unescape;
use crate::pg::integer::{parse_integer, push_integer};
use crate::pg::uuid::push_uuid;

/// A column of a batch.
#[derive(Clone, Copy)]
pub enum KeyValues<'a> {
    /// Integers.
    Integers(&'a Int64Array),
    /// UUIDs, 16 bytes each.
    Uuids(&'a FixedSizeBinaryArray),
    /// COPY text, still escaped.
    Text(&'a BinaryViewArray),
}

impl<'a> KeyValues<'a> {
    /// The values of `array`.
    pub fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Int64 => KeyValues::Integers(array.as_primitive::<Int64Type>()),
            DataType::FixedSizeBinary(_) => KeyValues::Uuids(array.as_fixed_size_binary()),
            _ => KeyValues::Text(array.as_binary_view()),
        }
    }

    /// Whether a row has NULL.
    #[inline]
    pub fn is_null(self, row: usize) -> bool {
        match self {
            KeyValues::Integers(integers) => integers.is_null(row),
            KeyValues::Uuids(uuids) => uuids.is_null(row),
            KeyValues::Text(texts) => texts.is_null(row),
        }
    }

    /// The text of a row's value, not escaped; `scratch` holds it where it is not borrowed.
    #[inline]
    pub fn text<'v>(&self, row: usize, scratch: &'v mut Vec<u8>) -> &'v [u8]
    where
        'a: 'v,
    {
        if let KeyValues::Text(texts) = self {
            return unescape(texts.value(row), scratch);
        }
        scratch.clear();
        match self {
            KeyValues::Integers(integers) => push_integer(integers.value(row), scratch),
            KeyValues::Uuids(uuids) => {
                uuids.value(row).first_chunk().into_iter().for_each(|uuid| push_uuid(uuid, scratch));
            }
            KeyValues::Text(_) => {}
        }
        scratch
    }
}

/// The integer that `text` is, written as it may be.
pub fn integer(text: &[u8]) -> Option<i64> {
    parse_integer(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// `batch` with all its values as text.
pub fn texts(batch: &RecordBatch) -> RecordBatch {
    let text = |array: &ArrayRef| match KeyValues::of(array) {
        KeyValues::Text(_) => array.clone(),
        values => Arc::new(texts_of(values, array.len())),
    };
    batch_of(batch.columns().iter().map(text).collect(), batch.num_rows())
}

fn texts_of(values: KeyValues<'_>, rows: usize) -> BinaryViewArray {
    let (mut texts, mut scratch) = (BinaryViewBuilder::with_capacity(rows), Vec::new());
    for row in 0..rows {
        match values.is_null(row) {
            true => texts.append_null(),
            false => texts.append_value(values.text(row, &mut scratch)),
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
    use crate::subset::uuids::UuidBlock;

    #[test]
    fn values_are_the_same_as_their_texts() {
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None, Some(i64::MAX)]));
        let mut uuids = UuidBlock::default();
        [Some([0; 16]), None, Some([0xfe; 16])].into_iter().for_each(|uuid| uuids.push(uuid));
        let batch = batch_of(vec![integers, Arc::new(uuids.into_array())], 3);
        let as_text = texts(&batch);
        for (column, last) in [(0, i64::MAX.to_string()), (1, "fefefefe-fefe-fefe-fefe-fefefefefefe".into())]
        {
            let (values, texts) =
                (KeyValues::of(batch.column(column)), KeyValues::of(as_text.column(column)));
            assert!(matches!(texts, KeyValues::Text(_)));
            for row in [0, 2] {
                let text = values.text(row, &mut Vec::new()).to_vec();
                assert_eq!(texts.text(row, &mut Vec::new()), text);
            }
            assert_eq!(texts.text(2, &mut Vec::new()), last.as_bytes());
            assert!(values.is_null(1) && texts.is_null(1));
        }
        assert_eq!(as_text.num_rows(), 3);
    }

    #[test]
    fn an_integer_may_be_written_otherwise() {
        assert_eq!(integer(b"+07"), Some(7));
        assert_eq!(integer(b"7 "), None);
    }
}
