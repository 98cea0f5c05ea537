//! Columns of integers, NULLs among them, in blocks of rows: how they are kept, and how they are read again.
//!
//! A block is packed as [`super::packed`] does it, after a bit a row where there are NULLs.

use arrow::array::Int64Array;
use arrow::buffer::NullBuffer;

use super::bits::Bits;
use super::packed::{FRAME, decode, encode};
use crate::error::Result;

/// Some rows of a column of integers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegerBlock {
    /// The integers; where there is NULL, any.
    pub values: Vec<i64>,
    /// Where there is NULL; of no rows at all if there is none.
    pub nulls: Bits,
}

/// A column of integers that can be read as often as is asked for, in blocks of rows in their order.
pub trait IntegerColumn: Send + Sync {
    /// Puts the block `index` in the place of what is in `block`; false after the last one.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool>;
}

impl IntegerBlock {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The integer of a row, or NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i64> {
        let is_null = !self.nulls.is_empty() && self.nulls.contains(row as u64);
        (!is_null).then(|| self.values[row])
    }

    /// Appends a row.
    pub fn push(&mut self, value: Option<i64>) {
        if value.is_none() && self.nulls.is_empty() {
            self.nulls = Bits::new(self.values.len() as u64);
        }
        if value.is_none() || !self.nulls.is_empty() {
            self.nulls.push(value.is_none());
        }
        // The one before packs best.
        self.values.push(value.unwrap_or_else(|| self.values.last().copied().unwrap_or(0)));
    }

    /// The block in few bytes.
    pub fn packed(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(!self.nulls.is_empty())];
        self.nulls.words().iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        let mut frame = [0; FRAME];
        for values in self.values.chunks(FRAME) {
            frame.iter_mut().zip(values).for_each(|(packed, &value)| *packed = ordered(value));
            encode(&frame[..values.len()], &mut bytes);
        }
        bytes
    }

    /// Reads what [`IntegerBlock::packed`] wrote of `rows` rows in the place of what is here.
    pub fn unpack(&mut self, bytes: &[u8], rows: usize) {
        let (has_nulls, mut rest) = (bytes.first() == Some(&1), bytes.get(1..).unwrap_or_default());
        self.nulls = Bits::default();
        if has_nulls {
            let (words, after) = rest.split_at(rows.div_ceil(64) * 8);
            let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
            self.nulls = Bits::of_words(words.as_chunks().0.iter().map(word).collect(), rows as u64);
            rest = after;
        }
        self.values.clear();
        let mut frame = Vec::with_capacity(FRAME);
        while !rest.is_empty() {
            let used = decode(rest, &mut frame);
            self.values.extend(frame.iter().map(|&packed| unordered(packed)));
            rest = &rest[used..];
        }
    }

    /// The same as an array of Arrow.
    pub fn into_array(self) -> Int64Array {
        let nulls = (!self.nulls.is_empty()).then(|| NullBuffer::new(!&self.nulls.into_arrow()));
        Int64Array::new(self.values.into(), nulls)
    }
}

/// An integer as a number without a sign, in the same order: the sign's bit is turned.
#[inline]
pub fn ordered(integer: i64) -> u64 {
    integer as u64 ^ (1 << 63)
}

/// The integer of which [`ordered`] made `number`.
#[inline]
pub fn unordered(number: u64) -> i64 {
    (number ^ (1 << 63)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_reads_back_and_is_what_the_array_says(
            values in proptest::collection::vec(
                prop_oneof![4 => any::<i16>().prop_map(|value| Some(i64::from(value))),
                    2 => any::<i64>().prop_map(Some), 1 => Just(None)], 0..700),
        ) {
            let mut block = IntegerBlock::default();
            values.iter().for_each(|&value| block.push(value));
            let mut read = IntegerBlock::default();
            read.push(None);
            read.unpack(&block.packed(), values.len());
            prop_assert_eq!(read.rows(), values.len());
            prop_assert!((0..values.len()).all(|row| read.get(row) == values[row]));
            prop_assert_eq!(&read, &block);
            let array = read.into_array();
            prop_assert!(array.iter().eq(values.iter().copied()));
            prop_assert_eq!(array.null_count(), values.iter().filter(|value| value.is_none()).count());
        }
    }

    #[test]
    fn numbers_without_a_sign_are_in_the_order_of_the_integers() {
        let integers = [i64::MIN, -2, -1, 0, 1, i64::MAX];
        assert!(integers.map(ordered).is_sorted());
        assert_eq!(integers.map(ordered).map(unordered), integers);
    }
}
