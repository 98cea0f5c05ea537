//! Columns of integers, NULLs among them, in blocks of rows: how they are kept, and how they are read again.
//!
//! A block is packed as [`super::packed`] does it, after a bit a row where there are NULLs.

use arrow::array::Int64Array;

use super::packed::{FRAME, decode, encode};
use super::value_block::ValueBlock;
use crate::error::Result;

/// Some rows of a column of integers.
pub type IntegerBlock = ValueBlock<i64>;

/// A column of integers that can be read as often as is asked for, in blocks of rows in their order.
pub trait IntegerColumn: Send + Sync {
    /// Puts the block `index` in the place of what is in `block`; false after the last one.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool>;
}

impl IntegerBlock {
    /// The block in few bytes.
    pub fn packed(&self) -> Vec<u8> {
        let mut bytes = self.packed_nulls();
        let mut frame = [0; FRAME];
        for values in self.values.chunks(FRAME) {
            frame.iter_mut().zip(values).for_each(|(packed, &value)| *packed = ordered(value));
            encode(&frame[..values.len()], &mut bytes);
        }
        bytes
    }

    /// Reads what [`IntegerBlock::packed`] wrote of `rows` rows in the place of what is here.
    pub fn unpack(&mut self, bytes: &[u8], rows: usize) {
        let mut rest = self.unpack_nulls(bytes, rows);
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
        let (values, nulls) = self.into_parts();
        Int64Array::new(values.into(), nulls)
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
