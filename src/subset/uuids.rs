//! Columns of UUIDs, NULLs among them, in blocks of rows: 16 bytes each instead of 36 of text.

use arrow::array::FixedSizeBinaryArray;
use arrow::buffer::Buffer;

use super::value_block::ValueBlock;

/// Some rows of a column of UUIDs.
pub type UuidBlock = ValueBlock<[u8; 16]>;

impl UuidBlock {
    /// The block in bytes.
    pub fn packed(&self) -> Vec<u8> {
        let mut bytes = self.packed_nulls();
        bytes.extend_from_slice(self.values.as_flattened());
        bytes
    }

    /// The block of `rows` rows of which [`UuidBlock::packed`] made `bytes`.
    pub fn unpacked(bytes: &[u8], rows: usize) -> Self {
        let mut block = UuidBlock::default();
        block.values = block.unpack_nulls(bytes, rows).as_chunks().0.to_vec();
        block
    }

    /// The same as an array of Arrow.
    pub fn into_array(self) -> FixedSizeBinaryArray {
        let (values, nulls) = self.into_parts();
        FixedSizeBinaryArray::new(16, Buffer::from_slice_ref(values.as_flattened()), nulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_reads_back_and_is_what_the_array_says(
            values in proptest::collection::vec(any::<Option<[u8; 16]>>(), 0..200),
        ) {
            let mut block = UuidBlock::default();
            values.iter().for_each(|&value| block.push(value));
            let read = UuidBlock::unpacked(&block.packed(), values.len());
            prop_assert!(values.iter().enumerate().all(|(row, &value)| read.get(row) == value));
            prop_assert_eq!(&read, &block);
            let array = read.into_array();
            prop_assert!(array.iter().eq(values.iter().map(|value| value.as_ref().map(|uuid| &uuid[..]))));
        }
    }
}
