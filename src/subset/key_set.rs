//! Which row has a key: maps from the codes of keys to the numbers of rows, as [`super::key_layout`] makes them.

use super::bits::Bits;
use super::links::DANGLING;
use super::lists::Code;
use super::mix::mix;
use super::packed_array::PackedArray;

/// The bits of a block, before each of which the keys are counted.
const RANK_BITS: u64 = 256;

/// The first bits of a code in a bucket, by which its place is guessed; a code has more bits than that.
const BUCKET_SHARE_BITS: u32 = 16;

/// A map from keys to rows.
pub enum KeySet {
    /// A bit for each integer.
    Dense(Dense),
    /// Entries in buckets.
    Buckets(Buckets),
}

impl KeySet {
    /// Appends the rows with the key `code` to `found`: none, one, or several where the key is not unique.
    pub fn find(&self, code: Code, found: &mut Vec<u64>) {
        match self {
            KeySet::Dense(dense) => found.extend(dense.find(code.high)),
            KeySet::Buckets(buckets) => buckets.find(code, found),
        }
    }

    /// The first row with the key `code`.
    #[inline]
    pub fn find_one(&self, code: Code) -> Option<u64> {
        match self {
            KeySet::Dense(dense) => dense.find(code.high),
            KeySet::Buckets(buckets) => {
                let mut found = Vec::new();
                buckets.find(code, &mut found);
                found.first().copied()
            }
        }
    }

    /// The bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        match self {
            KeySet::Dense(dense) => dense.memory_bytes(),
            KeySet::Buckets(buckets) => 4 * buckets.starts.len() as u64 + buckets.entries.memory_bytes(),
        }
    }
}

/// Appends the rows that have the code, or that there is none.
pub fn find_or_dangling(parents: &KeySet, code: Code, links: &mut Vec<u64>) {
    let before = links.len();
    parents.find(code, links);
    if links.len() == before {
        links.push(DANGLING);
    }
}

/// Integers that lie close together.
pub struct Dense {
    base: u64,
    /// How many integers there are from the first to the last.
    span: u64,
    /// Those that are keys, and how many keys are before each block; `None` if all are.
    keys: Option<(Bits, Vec<u32>)>,
    first_row: u64,
    /// The row of each key, by the key's rank; without it rows are in the order of their keys.
    order: Option<PackedArray>,
}

impl Dense {
    /// The map of `keys`, integers from `base` on, to rows in their order from `first_row` on.
    pub(super) fn new(base: u64, keys: Bits, first_row: u64) -> Self {
        let (span, is_gapless) = (keys.len(), keys.count() == keys.len());
        let keys = (!is_gapless).then(|| {
            let ranks = keys.ranks(RANK_BITS);
            (keys, ranks)
        });
        Dense { base, span, keys, first_row, order: None }
    }

    /// Maps the keys to these rows.
    pub(super) fn set_order(&mut self, order: PackedArray) {
        self.order = Some(order);
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> u64 {
        self.keys.as_ref().map_or(self.span, |(keys, _)| keys.count())
    }

    /// How many keys are less than an integer, counted from the first.
    #[inline]
    pub(super) fn rank(&self, integer: u64) -> u64 {
        self.keys.as_ref().map_or(integer, |(keys, ranks)| {
            let block = integer / RANK_BITS;
            u64::from(ranks[block as usize]) + keys.count_between(block * RANK_BITS, integer)
        })
    }

    #[inline]
    fn find(&self, key: u64) -> Option<u64> {
        let key = key.checked_sub(self.base).filter(|&key| key < self.span)?;
        if self.keys.as_ref().is_some_and(|(keys, _)| !keys.contains(key)) {
            return None;
        }
        let rank = self.rank(key);
        Some(self.order.as_ref().map_or(self.first_row + rank, |order| order.get(rank) as u64))
    }

    fn memory_bytes(&self) -> u64 {
        let keys = self.keys.as_ref().map_or(0, |(keys, ranks)| keys.memory_bytes() + 4 * ranks.len() as u64);
        keys + self.order.as_ref().map_or(0, PackedArray::memory_bytes)
    }
}

/// Entries of keys and rows, in buckets by the first bits of the keys.
pub struct Buckets {
    /// Where each bucket starts among the entries, and the end.
    pub(super) starts: Vec<u32>,
    pub(super) entries: PackedArray,
    pub(super) places: BucketPlaces,
}

impl Buckets {
    fn find(&self, code: Code, found: &mut Vec<u64>) {
        let (bucket, rest) = (self.places.bucket(code), self.places.rest(code));
        let (start, end) = (u64::from(self.starts[bucket]), u64::from(self.starts[bucket + 1]));
        let row_bits = self.places.row_bits;
        let row = u128::MAX.unbounded_shr(128 - row_bits);
        let same = (self.first_not_less(rest, start, end)..end)
            .map(|index| self.entries.get(index))
            .take_while(|entry| entry >> row_bits == rest);
        found.extend(same.map(|entry| (entry & row) as u64));
    }

    /// The first entry from `start` to before `end` whose code is not less than `rest`.
    fn first_not_less(&self, rest: u128, start: u64, end: u64) -> u64 {
        /// From so many entries on, codes may be equal, and are not evenly spread.
        const MANY: u64 = 256;
        let is_less = |index: u64| self.entries.get(index) >> self.places.row_bits < rest;
        let (mut low, mut high) = (start, end);
        if end - start < MANY {
            // Codes are evenly spread, so that this one is near where its share of the bucket ends.
            let share = rest >> (self.places.rest_bits() - BUCKET_SHARE_BITS);
            low += ((end - start) * share as u64) >> BUCKET_SHARE_BITS;
            while low > start && !is_less(low - 1) {
                low -= 1;
            }
            while low < end && is_less(low) {
                low += 1;
            }
            return low;
        }
        while low < high {
            let middle = low.midpoint(high);
            if is_less(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// Where a code is in buckets.
pub(super) struct BucketPlaces {
    /// The bits of a code.
    pub code_bits: u32,
    /// Those of them that say its bucket.
    pub bucket_bits: u32,
    /// The bits of a row.
    pub row_bits: u32,
    /// In how many slices the codes are.
    pub slices: u64,
}

impl BucketPlaces {
    /// The bucket in which a code is.
    pub fn bucket(&self, code: Code) -> usize {
        // The low half of the product is where in its slice the code is.
        let within = spread(code, self.code_bits).wrapping_mul(self.slices);
        if self.bucket_bits == 0 { 0 } else { (within >> (64 - self.bucket_bits)) as usize }
    }

    /// The bits of a code that its bucket does not say.
    pub fn rest(&self, code: Code) -> u128 {
        let value = match self.code_bits {
            64 => u128::from(spread(code, self.code_bits)),
            _ => u128::from(code.high) << 8 | u128::from(code.low),
        };
        value & (u128::MAX >> (128 - self.rest_bits()))
    }

    /// How many bits of a code its bucket does not say: more than half of them.
    fn rest_bits(&self) -> u32 {
        self.code_bits - self.bucket_bits
    }
}

/// The first 64 of a code's `code_bits` bits, evenly spread: those of a fingerprint are; an integer is mixed, one to one.
pub(super) fn spread(code: Code, code_bits: u32) -> u64 {
    if code_bits == 64 { mix(code.high) } else { code.high }
}
