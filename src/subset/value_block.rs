//! Some rows of a column of values of one size, NULLs among them.

use arrow::buffer::NullBuffer;

use super::bits::Bits;

/// Some rows of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueBlock<T> {
    /// The values; where there is NULL, any.
    pub values: Vec<T>,
    /// Where there is NULL; of no rows at all if there is none.
    pub nulls: Bits,
}

impl<T: Copy + Default> ValueBlock<T> {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The value of a row, or NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        let is_null = !self.nulls.is_empty() && self.nulls.contains(row as u64);
        (!is_null).then(|| self.values[row])
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, value: Option<T>) {
        if value.is_none() || !self.nulls.is_empty() {
            self.push_null_bit(value.is_none());
        }
        // The one before packs best.
        self.values.push(value.unwrap_or_else(|| self.values.last().copied().unwrap_or_default()));
    }

    fn push_null_bit(&mut self, is_null: bool) {
        if self.nulls.is_empty() {
            self.nulls = Bits::new(self.values.len() as u64);
        }
        self.nulls.push(is_null);
    }

    /// Whether there are NULLs, and where: what stands before the packed values.
    pub fn packed_nulls(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(!self.nulls.is_empty())];
        self.nulls.words().iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// Reads what [`ValueBlock::packed_nulls`] wrote of `rows` rows; returns the rest of `bytes`.
    pub fn unpack_nulls<'b>(&mut self, bytes: &'b [u8], rows: usize) -> &'b [u8] {
        let rest = bytes.get(1..).unwrap_or_default();
        self.nulls = Bits::default();
        if bytes.first() != Some(&1) {
            return rest;
        }
        let (words, rest) = rest.split_at(rows.div_ceil(64) * 8);
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        self.nulls = Bits::of_words(words.as_chunks().0.iter().map(word).collect(), rows as u64);
        rest
    }

    /// Where there is no NULL, for Arrow; and the values.
    pub fn into_parts(self) -> (Vec<T>, Option<NullBuffer>) {
        let nulls = (!self.nulls.is_empty()).then(|| NullBuffer::new(!&self.nulls.into_arrow()));
        (self.values, nulls)
    }
}
