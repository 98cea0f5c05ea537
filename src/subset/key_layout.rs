//! How the keys of a column are best kept, and the making of their map.
//!
//! Integers that lie close together are a bit each, with the number of those before every 256th, and if none is left out
//! between the least and the greatest, nothing at all. Rows whose keys rise need nothing more, nor do those that are
//! numbered by their keys; others need log₂ n bits. Other keys, n of them, are in 2ᵇ buckets by their first bits, b ≈ log₂ n − 5,
//! and sorted within each: an entry has the other bits of the key, and log₂ n bits of the row. A fingerprint of 72 bits
//! so takes less than 10 bytes, whatever the number of rows up to 2³².
//!
//! Two of n keys have one fingerprint with probability n²/2⁷³, 10⁻⁶ for a hundred million. Both rows count as the one
//! referred to then: a row too many may be kept, none is missing.

use super::bits::Bits;
use super::key_set::{BucketPlaces, Buckets, Dense, KeySet, spread};
use super::lists::{Code, Codes};
use super::packed_array::PackedArray;
use crate::error::Result;

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
    order: Order,
    dense: bool,
    code_bits: u32,
}

/// What the rows' numbers have to do with their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Every row has a key, and it is greater than the one before.
    Rising,
    /// Every row has a key.
    Full,
    /// Every row has a key, and its number is that of the keys before it.
    ByKey,
    /// A row may have none, or several.
    Any,
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
    /// Looks through the keys of `rows` rows.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn survey(codes: &Codes<'_>, rows: u64) -> Result<Self> {
        let (mut keys, mut least, mut greatest) = (0, u64::MAX, 0);
        let (mut is_rising, mut is_full, mut last) = (true, true, None);
        codes.for_each(&mut |row, code| {
            is_full &= row == keys;
            is_rising &= last < Some(code.high);
            last = Some(code.high);
            least = least.min(code.high);
            greatest = greatest.max(code.high);
            keys += 1;
        })?;
        let order = match (is_full && keys == rows, is_rising) {
            (true, true) => Order::Rising,
            (true, false) => Order::Full,
            (false, _) => Order::Any,
        };
        let code_bits = if codes.are_integers() { 64 } else { 72 };
        let mut layout = KeyLayout { rows, keys, least, greatest, order, dense: false, code_bits };
        layout.dense = codes.are_integers()
            && keys > 0
            && layout.span() / SPARSEST <= u128::from(keys)
            && layout.dense_bytes() <= layout.bucket_bytes(1);
        Ok(layout)
    }

    /// The layout for rows that are numbered by their keys, where that takes less than to note the row of each key: if every
    /// row has a key, they are close together, and they are in no order.
    pub fn numbering(&self) -> Option<Self> {
        let by_key = KeyLayout { order: Order::ByKey, ..self.clone() };
        (self.dense && self.order == Order::Full).then_some(by_key)
    }

    /// Whether nothing is kept for each key but a bit.
    pub fn is_bits_alone(&self) -> bool {
        self.dense && matches!(self.order, Order::Rising | Order::ByKey)
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
    pub fn build(&self, codes: &Codes<'_>, slice: Slice) -> Result<Option<KeySet>> {
        let rows = |take: &mut dyn FnMut(u64, Code)| {
            codes.for_each(&mut |row, code| {
                if slice.of == 1 || self.slice_of(code, slice.of) == slice.index {
                    take(row, code);
                }
            })
        };
        Ok(match self.dense {
            true => self.build_dense(slice, &rows)?.map(KeySet::Dense),
            false => Some(KeySet::Buckets(self.build_buckets(slice, &rows)?)),
        })
    }

    fn span(&self) -> u128 {
        u128::from(self.greatest - self.least) + 1
    }

    fn row_bits(&self) -> u32 {
        u64::BITS - self.rows.saturating_sub(1).leading_zeros()
    }

    fn dense_bytes(&self) -> u64 {
        let bits = self.span() + self.span() / 8;
        let has_rows = !matches!(self.order, Order::Rising | Order::ByKey);
        let order = if has_rows { u128::from(self.keys) * u128::from(self.row_bits()) } else { 0 };
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

    fn spread(&self, code: Code) -> u64 {
        spread(code, self.code_bits)
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
        let first_row = if self.order == Order::ByKey { 0 } else { first_row.unwrap_or(0) };
        let mut dense = Dense::new(base, keys, first_row);
        if !self.is_bits_alone() {
            let mut order = PackedArray::new(dense.keys(), self.row_bits());
            rows(&mut |row, code| order.set(dense.rank(code.high - base), row.into()))?;
            dense.set_order(order);
        }
        Ok(Some(dense))
    }

    fn build_buckets(&self, slice: Slice, rows: &Rows<'_>) -> Result<Buckets> {
        let places = BucketPlaces {
            code_bits: self.code_bits,
            bucket_bits: self.bucket_bits(slice.of),
            row_bits: self.row_bits(),
            slices: slice.of,
        };
        let mut starts = vec![0_u32; (1 << places.bucket_bits) + 1];
        rows(&mut |_, code| starts[places.bucket(code) + 1] += 1)?;
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let keys = u64::from(*starts.last().expect("there is a bucket at least"));
        let mut entries = PackedArray::new(keys, self.entry_bits(slice.of));
        // Each start moves to its end while its bucket is filled, which is where the next one starts.
        rows(&mut |row, code| {
            let start = &mut starts[places.bucket(code)];
            entries.set(u64::from(*start), places.rest(code) << places.row_bits | u128::from(row));
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
        Ok(Buckets { starts, entries, places })
    }
}

type Rows<'a> = dyn Fn(&mut dyn FnMut(u64, Code)) -> Result<()> + 'a;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subset::lists::CodeLists;
    use crate::subset::mix::mix;
    use crate::subset::spill::Store;
    use proptest::prelude::*;

    fn column(keys: &[Option<Code>], integers: bool) -> Codes<'static> {
        let store = Store::new(u64::MAX, std::env::temp_dir());
        let mut codes = CodeLists::new(integers, &store);
        keys.iter().for_each(|key| codes.push(key.as_slice()).unwrap());
        codes.finish().unwrap();
        Codes::Kept(Box::new(codes))
    }

    fn build(codes: &Codes<'_>, rows: usize, slices: u64) -> (KeyLayout, Vec<KeySet>) {
        let layout = KeyLayout::survey(codes, rows as u64).unwrap();
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
        let (layout, sets) = build(&column(&keys, integers), keys.len(), 1);
        let bytes = sets[0].memory_bytes();
        assert!(bytes <= layout.bytes() + bytes / 50 + 64, "{bytes} and {}", layout.bytes());
        bytes as f64 / keys.len() as f64
    }

    #[test]
    fn dense_integers_take_less_than_two_bytes_and_fingerprints_less_than_ten() {
        assert!(bytes_a_key((0..100_000).map(code), true) < 0.001);
        assert!(bytes_a_key((0..100_000).map(|id| code(id + id / 10)), true) < 0.2);
        assert!(bytes_a_key((0..100_000).map(|id| code(id * 10)), true) < 1.5);
        assert!(bytes_a_key((0..65_536).map(|id| code(id * 7919 % 65_536)), true) < 2.2);
        for keys in [1_000, 65_537, 100_000] {
            let fingerprint = |id: u64| Code { high: mix(id), low: mix(id + 1) as u8 };
            assert!(bytes_a_key((0..keys).map(fingerprint), false) < 10.0);
            assert!(bytes_a_key((0..keys).map(|id| code(mix(id))), true) < 9.0);
        }
    }

    #[test]
    fn rows_that_are_numbered_by_their_keys_are_found_by_a_bit_each() {
        let keys: Vec<u64> = (0..5_000).map(|id| 40 + id * 7919 % 5_000 * 3).collect();
        let codes = column(&keys.iter().map(|&key| Some(code(key))).collect::<Vec<_>>(), true);
        let layout = KeyLayout::survey(&codes, 5_000).unwrap().numbering().unwrap();
        let set = layout.build(&codes, Slice::WHOLE).unwrap().unwrap();
        assert!(layout.is_bits_alone() && set.memory_bytes() < 5_000);
        for key in 0..15_100 {
            let number = keys.iter().filter(|&&other| other < key).count() as u64;
            assert_eq!(set.find_one(code(key)), keys.contains(&key).then_some(number));
        }
    }

    #[test]
    fn rows_are_numbered_by_their_keys_only_where_that_helps() {
        let is_numbering = |keys: &[Option<u64>]| {
            let keys: Vec<Option<Code>> = keys.iter().map(|key| key.map(code)).collect();
            KeyLayout::survey(&column(&keys, true), keys.len() as u64).unwrap().numbering().is_some()
        };
        assert!(is_numbering(&[Some(2), Some(1), Some(3)]));
        assert!(!is_numbering(&[Some(1), Some(2), Some(3)]));
        assert!(!is_numbering(&[Some(2), None, Some(1)]));
        assert!(!is_numbering(&[Some(2), Some(1), None]));
        assert!(!is_numbering(&[Some(2), Some(u64::MAX), Some(3)]));
        assert!(!is_numbering(&[]));
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
            let (layout, sets) = build(&column(&keys, integers), keys.len(), slices);
            for high in (0..62).map(|high| if wide { mix(high) } else { high + (1 << 63) }) {
                for low in 0..=u8::from(!integers) {
                    let code = Code { high, low };
                    let mut found = Vec::new();
                    sets[layout.slice_of(code, slices) as usize].find(code, &mut found);
                    found.sort_unstable();
                    let expected: Vec<u64> =
                        (0..keys.len()).filter(|&row| keys[row] == Some(code)).map(|row| row as u64).collect();
                    let one = sets[layout.slice_of(code, slices) as usize].find_one(code);
                    prop_assert_eq!(one.is_some(), !found.is_empty());
                    prop_assert!(one.is_none_or(|one| found.contains(&one)));
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
