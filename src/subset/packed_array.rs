//! Arrays of numbers in as few bits as the widest needs, read and written in any order.

/// Numbers of up to 128 bits, each in as many bits as the widest needs.
pub struct PackedArray {
    words: Vec<u64>,
    width: u32,
}

impl PackedArray {
    /// So many numbers of so many bits, all 0.
    pub fn new(len: u64, width: u32) -> Self {
        let bits = u128::from(len) * u128::from(width);
        // Two words more, so that a number can be read from three words without a branch.
        PackedArray { words: vec![0; bits.div_ceil(64) as usize + 2], width }
    }

    /// The number at a place.
    pub fn get(&self, index: u64) -> u128 {
        let (word, shift) = self.place(index);
        let low = u128::from(self.words[word]) | u128::from(self.words[word + 1]) << 64;
        let value = match shift {
            0 => low,
            _ => low >> shift | u128::from(self.words[word + 2]) << (128 - shift),
        };
        value & self.mask()
    }

    /// Puts a number at a place.
    pub fn set(&mut self, index: u64, value: u128) {
        let (word, shift) = self.place(index);
        let mask = self.mask();
        let write = |at: &mut u64, mask: u64, value: u64| *at = *at & !mask | value;
        let (low_mask, low) = (mask << shift, value << shift);
        write(&mut self.words[word], low_mask as u64, low as u64);
        write(&mut self.words[word + 1], (low_mask >> 64) as u64, (low >> 64) as u64);
        if shift > 0 {
            let (high_mask, high) = (mask >> (128 - shift), value >> (128 - shift));
            write(&mut self.words[word + 2], high_mask as u64, high as u64);
        }
    }

    fn place(&self, index: u64) -> (usize, u32) {
        let bit = u128::from(index) * u128::from(self.width);
        ((bit / 64) as usize, (bit % 64) as u32)
    }

    fn mask(&self) -> u128 {
        u128::MAX.unbounded_shr(128 - self.width)
    }

    /// The bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        8 * self.words.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_of_any_width_are_where_they_were_put(
            values in proptest::collection::vec(any::<u128>(), 1..60), width in 0_u32..=128,
        ) {
            let mask = u128::MAX.unbounded_shr(128 - width);
            let mut array = PackedArray::new(values.len() as u64, width);
            for pass in 0..2 {
                for (index, value) in values.iter().enumerate() {
                    array.set(index as u64, value.rotate_left(pass) & mask);
                }
            }
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(array.get(index as u64), value.rotate_left(1) & mask);
            }
        }
    }
}
