//! Which row has a key: maps from the codes of keys to rows, in as few bytes as the keys need.
//!
//! Integers that lie close together are a bit each, with the number of those before every 512th; rows whose keys rise
//! need nothing more, and others log₂ n bits. Other keys, n of them, are in 2ᵇ buckets by their first bits, b ≈ log₂ n − 5,
//! and sorted within each: an entry has the other bits of the key, and log₂ n bits of the row. A fingerprint of 72 bits
//! so takes less than 10 bytes, whatever the number of rows up to 2³².
//!
//! Two of n keys have one fingerprint with probability n²/2⁷³, 10⁻⁶ for a hundred million. Both rows count as the one
//! referred to then: a row too many may be kept, none is missing.

use super::bits::Bits;
use super::lists::{Code, CodeLists};
use super::mix::mix;
use crate::error::Result;

/// The bits of a block, before each of which the keys are counted.
const RANK_BITS: u64 = 512;
/// The keys that a bucket holds at most on average.
const BUCKET_KEYS: u64 = 32;
/// The least memory that is worth a slice.
const LEAST_SLICE_BYTES: u64 = 64;
/// How many times the number of keys the span of integers that are a bit each may be.
const SPARSEST: u128 = 32;

/// How the keys of a column are kept, before they are.
#[derive(Clone, Debug)]
pub struct KeyLayout {
    rows: u64,
    keys: u64,
    least: u64,
    greatest: u64,
    /// Every row has a key, and it is greater than the one before.
    rising: bool,
    dense: bool,
    code_bits: u32,
}

/// One of several equal shares of the codes, which are kept one share at a time where memory is short.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Its number, from 0.
    pub index: u64,
    /// How many there are.
    pub of: u64,
}

impl Slice {
    /// All codes.
    pub const WHOLE: Slice = Slice { index: 0, of: 1 };
}

impl KeyLayout {
    /// Looks through a column of keys, none or one a row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn survey(codes: &CodeLists) -> Result<Self> {
        let code_bits = if codes.are_integers() { 64 } else { 72 };
        let mut layout = KeyLayout {
            rows: codes.rows(),
            keys: codes.codes(),
            least: u64::MAX,
            greatest: 0,
            rising: codes.codes() == codes.rows(),
            dense: false,
            code_bits,
        };
        if !codes.are_integers() {
            return Ok(layout);
        }
        let mut cursor = codes.cursor();
        let mut last = None;
        for _ in 0..codes.rows() {
            for code in cursor.read()? {
                layout.least = layout.least.min(code.high);
                layout.greatest = layout.greatest.max(code.high);
                layout.rising &= last < Some(code.high);
                last = Some(code.high);
            }
        }
        layout.dense = layout.keys > 0
            && layout.span() / SPARSEST <= u128::from(layout.keys)
            && layout.dense_bytes() <= layout.bucket_bytes(1);
        Ok(layout)
    }

    /// The bytes that the whole map takes.
    pub fn bytes(&self) -> u64 {
        if self.dense { self.dense_bytes() } else { self.bucket_bytes(1) }
    }

    /// In how many slices the map is made so that one takes no more than about `bytes`.
    pub fn slices(&self, bytes: u64) -> u64 {
        // Rows are counted in 32 bits within a slice.
        self.bytes().div_ceil(bytes.max(LEAST_SLICE_BYTES)).max(self.keys >> 31).max(1)
    }

    /// The slice of `of` in which a code is looked for.
    pub fn slice_of(&self, code: Code, of: u64) -> u64 {
        if !self.dense {
            return ((u128::from(self.spread(code)) * u128::from(of)) >> 64) as u64;
        }
        match (self.least..=self.greatest).contains(&code.high) {
            true => (u128::from(code.high - self.least) * u128::from(of) / self.span()) as u64,
            false => 0,
        }
    }

    /// Keeps integers in buckets, since two rows have one key.
    pub fn without_density(self) -> Self {
        KeyLayout { dense: false, ..self }
    }

    /// Makes the map of a slice; `None` if the layout has a bit for each integer, and two rows have one key.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn build(&self, codes: &CodeLists, slice: Slice) -> Result<Option<KeySet>> {
        let rows = |take: &mut dyn FnMut(u64, Code)| -> Result<()> {
            let mut cursor = codes.cursor();
            for row in 0..codes.rows() {
                for &code in cursor.read()? {
                    if slice.of == 1 || self.slice_of(code, slice.of) == slice.index {
                        take(row, code);
                    }
                }
            }
            Ok(())
        };
        let map = match self.dense {
            true => self.build_dense(slice, &rows)?.map(Map::Dense),
            false => Some(Map::Buckets(self.build_buckets(slice, &rows)?)),
        };
        Ok(map.map(|map| KeySet { layout: self.clone(), slice, map }))
    }

    fn span(&self) -> u128 {
        u128::from(self.greatest - self.least) + 1
    }

    fn row_bits(&self) -> u32 {
        u64::BITS - self.rows.saturating_sub(1).leading_zeros()
    }

    fn dense_bytes(&self) -> u64 {
        let bits = self.span() + self.span() / 8;
        let order = if self.rising { 0 } else { u128::from(self.keys) * u128::from(self.row_bits()) };
        u64::try_from((bits + order) / 8).unwrap_or(u64::MAX)
    }

    fn bucket_bits(&self, slices: u64) -> u32 {
        let buckets = (self.keys / slices).div_ceil(BUCKET_KEYS).max(1);
        u64::BITS - (buckets - 1).leading_zeros()
    }

    fn entry_bits(&self, slices: u64) -> u32 {
        self.code_bits - self.bucket_bits(slices) + self.row_bits()
    }

    fn bucket_bytes(&self, slices: u64) -> u64 {
        self.keys / slices * u64::from(self.entry_bits(slices)) / 8 + (4 << self.bucket_bits(slices))
    }

    /// The first 64 bits of a code, evenly spread: those of a fingerprint are; an integer is mixed, one to one.
    fn spread(&self, code: Code) -> u64 {
        if self.code_bits == 64 { mix(code.high) } else { code.high }
    }

    fn build_dense(&self, slice: Slice, rows: &Rows<'_>) -> Result<Option<Dense>> {
        let bound = |index: u64| (self.span() * u128::from(index)).div_ceil(u128::from(slice.of));
        let (start, end) = (bound(slice.index), bound(slice.index + 1));
        let mut keys = Bits::new((end - start) as u64);
        let base = self.least + start as u64;
        let (mut is_unique, mut first_row) = (true, None);
        rows(&mut |row, code| {
            first_row.get_or_insert(row);
            is_unique &= keys.insert(code.high - base);
        })?;
        if !is_unique {
            return Ok(None);
        }
        let mut dense = Dense {
            base,
            ranks: keys.ranks(RANK_BITS),
            keys,
            first_row: first_row.unwrap_or(0),
            order: None,
        };
        if !self.rising {
            let mut order = PackedArray::new(dense.keys.count(), self.row_bits());
            rows(&mut |row, code| order.set(dense.rank(code.high - base), row.into()))?;
            dense.order = Some(order);
        }
        Ok(Some(dense))
    }

    fn build_buckets(&self, slice: Slice, rows: &Rows<'_>) -> Result<Buckets> {
        let bucket_bits = self.bucket_bits(slice.of);
        let mut starts = vec![0_u32; (1 << bucket_bits) + 1];
        rows(&mut |_, code| starts[self.bucket(code, slice, bucket_bits) + 1] += 1)?;
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let keys = u64::from(*starts.last().expect("there is a bucket at least"));
        let row_bits = self.row_bits();
        let mut entries = PackedArray::new(keys, self.code_bits - bucket_bits + row_bits);
        // Each start moves to its end while its bucket is filled, which is where the next one starts.
        rows(&mut |row, code| {
            let start = &mut starts[self.bucket(code, slice, bucket_bits)];
            entries.set(u64::from(*start), self.rest(code, bucket_bits) << row_bits | u128::from(row));
            *start += 1;
        })?;
        starts.rotate_right(1);
        starts[0] = 0;
        let mut bucket_entries = Vec::new();
        for bounds in starts.windows(2) {
            let (start, end) = (u64::from(bounds[0]), u64::from(bounds[1]));
            bucket_entries.clear();
            bucket_entries.extend((start..end).map(|index| entries.get(index)));
            bucket_entries.sort_unstable();
            (start..end).zip(&bucket_entries).for_each(|(index, &entry)| entries.set(index, entry));
        }
        Ok(Buckets { starts, entries, bucket_bits, row_bits })
    }

    fn bucket(&self, code: Code, slice: Slice, bucket_bits: u32) -> usize {
        // The low half of the product is where in its slice the code is.
        let within = self.spread(code).wrapping_mul(slice.of);
        if bucket_bits == 0 { 0 } else { (within >> (64 - bucket_bits)) as usize }
    }

    /// The bits of a code that its bucket does not say.
    fn rest(&self, code: Code, bucket_bits: u32) -> u128 {
        let value = match self.code_bits {
            64 => u128::from(self.spread(code)),
            _ => u128::from(code.high) << 8 | u128::from(code.low),
        };
        value & (u128::MAX >> (128 - (self.code_bits - bucket_bits)))
    }
}

type Rows<'a> = dyn Fn(&mut dyn FnMut(u64, Code)) -> Result<()> + 'a;

/// A map from keys to rows.
pub struct KeySet {
    layout: KeyLayout,
    slice: Slice,
    map: Map,
}

enum Map {
    Dense(Dense),
    Buckets(Buckets),
}

struct Dense {
    base: u64,
    keys: Bits,
    ranks: Vec<u64>,
    first_row: u64,
    /// The row of each key, by the key's rank; without it rows are in the order of their keys.
    order: Option<PackedArray>,
}

struct Buckets {
    starts: Vec<u32>,
    entries: PackedArray,
    bucket_bits: u32,
    row_bits: u32,
}

impl KeySet {
    /// Appends the rows with the key `code` to `found`: none, one, or several where the key is not unique.
    pub fn find(&self, code: Code, found: &mut Vec<u64>) {
        match &self.map {
            Map::Dense(dense) => found.extend(dense.find(code.high)),
            Map::Buckets(buckets) => {
                let bucket = self.layout.bucket(code, self.slice, buckets.bucket_bits);
                buckets.find(bucket, self.layout.rest(code, buckets.bucket_bits), found);
            }
        }
    }

    /// The bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        match &self.map {
            Map::Dense(dense) => {
                let order = dense.order.as_ref().map_or(0, PackedArray::memory_bytes);
                dense.keys.memory_bytes() + 8 * dense.ranks.len() as u64 + order
            }
            Map::Buckets(buckets) => 4 * buckets.starts.len() as u64 + buckets.entries.memory_bytes(),
        }
    }
}

impl Dense {
    fn find(&self, key: u64) -> Option<u64> {
        let key = key.checked_sub(self.base).filter(|&key| key < self.keys.len())?;
        if !self.keys.contains(key) {
            return None;
        }
        let rank = self.rank(key);
        Some(self.order.as_ref().map_or(self.first_row + rank, |order| order.get(rank) as u64))
    }

    /// How many keys are less.
    fn rank(&self, key: u64) -> u64 {
        self.ranks[(key / RANK_BITS) as usize] + self.keys.count_between(key / RANK_BITS * RANK_BITS, key)
    }
}

impl Buckets {
    fn find(&self, bucket: usize, rest: u128, found: &mut Vec<u64>) {
        let end = u64::from(self.starts[bucket + 1]);
        let (mut low, mut high) = (u64::from(self.starts[bucket]), end);
        while low < high {
            let middle = low.midpoint(high);
            if self.entries.get(middle) >> self.row_bits < rest { low = middle + 1 } else { high = middle }
        }
        let row = u128::MAX.unbounded_shr(128 - self.row_bits);
        let same = (low..end)
            .map(|index| self.entries.get(index))
            .take_while(|entry| entry >> self.row_bits == rest);
        found.extend(same.map(|entry| (entry & row) as u64));
    }
}

/// Numbers of up to 128 bits, each in as many bits as the widest needs.
struct PackedArray {
    words: Vec<u64>,
    width: u32,
}

impl PackedArray {
    fn new(len: u64, width: u32) -> Self {
        let bits = u128::from(len) * u128::from(width);
        // Two words more, so that a number can be read from three words without a branch.
        PackedArray { words: vec![0; bits.div_ceil(64) as usize + 2], width }
    }

    fn get(&self, index: u64) -> u128 {
        let (word, shift) = self.place(index);
        let low = u128::from(self.words[word]) | u128::from(self.words[word + 1]) << 64;
        let value = match shift {
            0 => low,
            _ => low >> shift | u128::from(self.words[word + 2]) << (128 - shift),
        };
        value & self.mask()
    }

    fn set(&mut self, index: u64, value: u128) {
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

    fn memory_bytes(&self) -> u64 {
        8 * self.words.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subset::spill::Store;
    use proptest::prelude::*;

    fn column(keys: &[Option<Code>], integers: bool) -> CodeLists {
        let store = Store::new(u64::MAX, std::env::temp_dir());
        let mut codes = CodeLists::new(integers, &store);
        keys.iter().for_each(|key| codes.push(key.as_slice()).unwrap());
        codes.finish().unwrap();
        codes
    }

    fn build(codes: &CodeLists, slices: u64) -> (KeyLayout, Vec<KeySet>) {
        let layout = KeyLayout::survey(codes).unwrap();
        let all = |layout: &KeyLayout| -> Option<Vec<KeySet>> {
            (0..slices).map(|index| layout.build(codes, Slice { index, of: slices }).unwrap()).collect()
        };
        match all(&layout) {
            Some(sets) => (layout, sets),
            None => {
                let layout = layout.without_density();
                let sets = all(&layout).unwrap();
                (layout, sets)
            }
        }
    }

    fn code(value: u64) -> Code {
        Code { high: value, low: 0 }
    }

    fn bytes_a_key(keys: impl Iterator<Item = Code>, integers: bool) -> f64 {
        let keys: Vec<Option<Code>> = keys.map(Some).collect();
        let (layout, sets) = build(&column(&keys, integers), 1);
        let bytes = sets[0].memory_bytes();
        assert!(bytes.abs_diff(layout.bytes()) <= bytes / 50 + 64, "{bytes} and {}", layout.bytes());
        bytes as f64 / keys.len() as f64
    }

    #[test]
    fn dense_integers_take_less_than_two_bytes_and_fingerprints_less_than_ten() {
        assert!(bytes_a_key((0..100_000).map(code), true) < 0.15);
        assert!(bytes_a_key((0..100_000).map(|id| code(id * 10)), true) < 1.5);
        assert!(bytes_a_key((0..65_536).map(|id| code(id * 7919 % 65_536)), true) < 2.2);
        for keys in [1_000, 65_537, 100_000] {
            let fingerprint = |id: u64| Code { high: mix(id), low: mix(id + 1) as u8 };
            assert!(bytes_a_key((0..keys).map(fingerprint), false) < 10.0);
            assert!(bytes_a_key((0..keys).map(|id| code(mix(id))), true) < 9.0);
        }
    }

    proptest! {
        #[test]
        fn every_row_is_found_by_its_key(
            keys in proptest::collection::vec(proptest::option::of((0_u64..60, 0_u8..2)), 0..120),
            integers: bool, unique: bool, wide: bool, slices in 1_u64..5,
        ) {
            let mut seen = std::collections::HashSet::new();
            let keys: Vec<Option<Code>> = keys
                .into_iter()
                .map(|key| {
                    let (high, low) = key?;
                    let high = if wide { mix(high) } else { high + (1 << 63) };
                    let code = Code { high, low: if integers { 0 } else { low } };
                    (!unique || seen.insert(code)).then_some(code)
                })
                .collect();
            let (layout, sets) = build(&column(&keys, integers), slices);
            for high in (0..62).map(|high| if wide { mix(high) } else { high + (1 << 63) }) {
                for low in 0..=u8::from(!integers) {
                    let code = Code { high, low };
                    let mut found = Vec::new();
                    sets[layout.slice_of(code, slices) as usize].find(code, &mut found);
                    found.sort_unstable();
                    let expected: Vec<u64> =
                        (0..keys.len()).filter(|&row| keys[row] == Some(code)).map(|row| row as u64).collect();
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
