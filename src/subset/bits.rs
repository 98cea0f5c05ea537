//! A bit for each row of a table: the sets that the engine works on.

use arrow::buffer::{BooleanBuffer, Buffer};

const WORD_BITS: u64 = u64::BITS as u64;

/// A set of rows, a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: u64,
}

impl Bits {
    /// No row of `len`.
    pub fn new(len: u64) -> Self {
        Bits { words: vec![0; len.div_ceil(WORD_BITS) as usize], len }
    }

    /// A set over `len` rows: of each word the lowest bit is its first row.
    ///
    /// # Panics
    /// If the words are not as many as the rows need.
    pub fn of_words(words: Vec<u64>, len: u64) -> Self {
        assert_eq!(words.len() as u64, len.div_ceil(WORD_BITS), "a bit a row");
        Bits { words, len }
    }

    /// The words of which it consists; see [`Bits::of_words`].
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many rows there are, in the set or not.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no rows at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the row is in the set.
    pub fn contains(&self, row: u64) -> bool {
        self.words[(row / WORD_BITS) as usize] >> (row % WORD_BITS) & 1 == 1
    }

    /// Adds the row; false if it was there.
    pub fn insert(&mut self, row: u64) -> bool {
        let word = &mut self.words[(row / WORD_BITS) as usize];
        let bit = 1 << (row % WORD_BITS);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Adds a row at the end.
    pub fn push(&mut self, is_in: bool) {
        if self.len.is_multiple_of(WORD_BITS) {
            self.words.push(0);
        }
        self.len += 1;
        if is_in {
            self.insert(self.len - 1);
        }
    }

    /// Adds every row.
    pub fn fill(&mut self) {
        self.words.fill(u64::MAX);
        if let (Some(last), rest @ 1..) = (self.words.last_mut(), self.len % WORD_BITS) {
            *last = (1 << rest) - 1;
        }
    }

    /// Adds the rows of `other`, a set over the same rows.
    pub fn union(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes the rows of `other` away, a set over the same rows.
    pub fn subtract(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// How many rows are in the set.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many rows are in the set and not in `other`, a set over the same rows.
    pub fn count_without(&self, other: &Bits) -> u64 {
        let words = self.words.iter().zip(&other.words);
        words.map(|(word, other)| u64::from((word & !other).count_ones())).sum()
    }

    /// Adds the rows of `other` after those that there are.
    pub fn append(&mut self, other: &Bits) {
        let shift = self.len % WORD_BITS;
        if shift == 0 {
            self.words.extend_from_slice(&other.words);
        } else {
            for &word in &other.words {
                if let Some(last) = self.words.last_mut() {
                    *last |= word << shift;
                }
                self.words.push(word >> (WORD_BITS - shift));
            }
        }
        self.len += other.len;
        self.words.truncate(self.len.div_ceil(WORD_BITS) as usize);
    }

    /// How many of the rows from `start` to before `end` are in the set; takes time in proportion to their distance.
    pub fn count_between(&self, start: u64, end: u64) -> u64 {
        let (first, last) = ((start / WORD_BITS) as usize, (end / WORD_BITS) as usize);
        let below = |word: u64, bit: u64| u64::from((word & !(u64::MAX << bit)).count_ones());
        let whole: u64 = self.words[first..last].iter().map(|word| u64::from(word.count_ones())).sum();
        let part = self.words.get(last).map_or(0, |&word| below(word, end % WORD_BITS));
        whole + part - below(self.words[first], start % WORD_BITS)
    }

    /// For each block of `block_bits` rows, a multiple of 64, how many rows before it are in the set, which has fewer than
    /// 2³².
    pub fn ranks(&self, block_bits: u64) -> Vec<u32> {
        let blocks = self.words.chunks((block_bits / WORD_BITS) as usize);
        let mut before = 0;
        let rank = |block: &[u64]| {
            let rank = before;
            before += block.iter().map(|word| word.count_ones()).sum::<u32>();
            rank
        };
        blocks.map(rank).collect()
    }

    /// The rows in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let first = index as u64 * WORD_BITS;
            std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |word| first + u64::from(word.trailing_zeros()))
        })
    }

    /// The same bits for Arrow, shared between threads.
    pub fn into_arrow(self) -> BooleanBuffer {
        // Arrow numbers the bits of a byte from the lowest, and the bytes of a word lie in that order where the machine
        // is little-endian.
        let words: Vec<u64> = self.words.into_iter().map(u64::to_le).collect();
        BooleanBuffer::new(Buffer::from_vec(words), 0, self.len as usize)
    }

    /// The bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        (self.words.capacity() * size_of::<u64>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_a_set(
            rows in proptest::collection::btree_set(0_u64..300, 0..80),
            ends in proptest::collection::btree_set(0_u64..300, 0..5),
        ) {
            let mut bits = Bits::new(300);
            for &row in &rows {
                prop_assert!(bits.insert(row));
                prop_assert!(!bits.insert(row));
            }
            let mut pushed = Bits::default();
            (0..300).for_each(|row| pushed.push(rows.contains(&row)));
            prop_assert_eq!(&bits, &pushed);
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), rows.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(bits.count(), rows.len() as u64);
            let mut others = Bits::new(300);
            others.fill();
            prop_assert_eq!(others.count(), 300);
            others.subtract(&bits);
            prop_assert!((0..300).all(|row| others.contains(row) != rows.contains(&row)));
            others.union(&bits);
            prop_assert_eq!(others.count(), 300);
            others.subtract(&bits);
            let ranks = bits.ranks(128);
            for (block, &rank) in ranks.iter().enumerate() {
                let rank = u64::from(rank);
                prop_assert_eq!(rank, bits.count_between(0, 128 * block as u64));
                prop_assert_eq!(rank, rows.range(..128 * block as u64).count() as u64);
            }
            prop_assert_eq!(bits.count_between(100, 131), rows.range(100..131).count() as u64);
            prop_assert_eq!(bits.count_without(&others), rows.len() as u64);
            prop_assert_eq!(others.count_without(&bits), 300 - rows.len() as u64);
            let (mut joined, mut first) = (Bits::default(), 0);
            for end in ends.iter().copied().chain([300]) {
                let mut piece = Bits::default();
                (first..end).for_each(|row| piece.push(rows.contains(&row)));
                joined.append(&piece);
                first = end;
            }
            prop_assert_eq!(&joined, &bits);
            let arrow = bits.into_arrow();
            prop_assert!((0..300).all(|row| arrow.value(row) == rows.contains(&(row as u64))));
        }
    }
}
