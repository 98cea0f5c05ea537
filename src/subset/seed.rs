//! Which rows are sampled: u of a row, a number that only the key of the run, the entity and the row's key decide.
//!
//! u is the first 64 bits of PRF(canonical key) under the run's key for `subset/v1` and the entity; a row is taken by a
//! share p if u < p·2⁶⁴, and by a count if it is among the smallest. So the same rows are taken tomorrow and from another
//! database, whatever other rows there are, and a smaller share lies within a greater.
//!
//! The canonical key of one column is the canonical form of its value, of several their forms with the lengths before
//! them; see [`crate::functions::canonical`]. A table without a key is sampled by the whole row as text, which also columns
//! of types without equality have. The u of the second of equal rows is that of the first and 1 under the PRF, and so on: so
//! a share takes of many equal rows that share of them, and always the same number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::code_reader::{Columns, Scratch, push_part};
use super::packed::PackedColumn;
use super::spec::TableSpec;
use super::spill::Store;
use crate::error::Result;
use crate::functions::canonical::canonical;
use crate::key::{DomainKey, MasterKey};
use crate::schema::PgType;

/// Samples the rows of a table.
pub struct Sampler {
    key: DomainKey,
    /// Where in a batch the columns are, and their types.
    columns: Vec<(usize, PgType)>,
    whole_row: bool,
    include: HashSet<Vec<u8>>,
}

impl Sampler {
    /// A sampler of the rows of `table`; `place` says where in a batch a column is.
    pub fn new(table: &TableSpec, key: &MasterKey, place: &mut dyn FnMut(usize) -> usize) -> Self {
        let whole_row = table.key.is_empty();
        let columns: Vec<usize> =
            if whole_row { (0..table.columns.len()).collect() } else { table.key.clone() };
        let columns: Vec<(usize, PgType)> =
            columns.into_iter().map(|column| (place(column), table.columns[column].clone())).collect();
        let subject = |values: &Vec<Vec<u8>>| {
            let mut scratch = Scratch::default();
            for ((_, ty), value) in columns.iter().zip(values) {
                push_key_value(ty, Some(value), columns.len() == 1, &mut scratch);
            }
            scratch.parts
        };
        let include = table.include.iter().map(subject).collect();
        Sampler { key: key.subset(&table.entity), columns, whole_row, include }
    }

    /// Whether the table has no key, so that equal rows have to be told apart by `Occurrences`.
    pub fn is_by_whole_row(&self) -> bool {
        self.whole_row
    }

    /// Puts the canonical key of a row into the scratch's parts.
    pub fn read(&self, batch: &Columns<'_>, row: usize, scratch: &mut Scratch) {
        let mut value_scratch = std::mem::take(&mut scratch.value);
        scratch.parts.clear();
        for (at, ty) in &self.columns {
            let column = batch[*at];
            let value = (!column.is_null(row)).then(|| column.text(row, &mut value_scratch));
            match self.whole_row {
                true => push_row_value(ty, value, scratch),
                false => push_key_value(ty, value, self.columns.len() == 1, scratch),
            }
        }
        scratch.value = value_scratch;
    }

    /// Whether the key that was read is one that is always included.
    pub fn includes(&self, scratch: &Scratch) -> bool {
        !self.include.is_empty() && self.include.contains(&scratch.parts)
    }

    /// The first 128 bits of the PRF of the key that was read, u first.
    pub fn sample(&self, scratch: &Scratch) -> [u64; 2] {
        words(&self.key.prf(&scratch.parts))
    }
}

/// Appends a value of a key to the scratch's parts, in canonical form, bare where it is the whole key.
fn push_key_value(ty: &PgType, value: Option<&[u8]>, bare: bool, scratch: &mut Scratch) {
    let value = value.map(|value| canonical(ty, value, &mut scratch.canonical));
    match value {
        Some(value) if bare => scratch.parts.extend_from_slice(value),
        value => push_part(value, &mut scratch.parts),
    }
}

/// Appends a value of a whole row to the scratch's parts. Values that are equal and yet differ, as 1 and 1.0, stay different,
/// or which of two such rows is sampled would depend on their order; only what a session's settings decide does not count.
fn push_row_value(ty: &PgType, value: Option<&[u8]>, scratch: &mut Scratch) {
    let depends_on_settings = matches!(ty.base(), PgType::TimestampTz(_) | PgType::Bytea);
    let value = match value {
        Some(value) if depends_on_settings => Some(canonical(ty, value, &mut scratch.canonical)),
        value => value,
    };
    push_part(value, &mut scratch.parts);
}

fn words(bytes: &[u8; 32]) -> [u64; 2] {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_be_bytes(word)
    };
    [word(0), word(8)]
}

/// The rows of a table without a key, by the first 128 bits of their PRFs.
pub struct RowHashes {
    first: PackedColumn,
    second: PackedColumn,
}

impl RowHashes {
    /// No row yet.
    pub fn new(store: &Arc<Store>) -> Self {
        RowHashes { first: PackedColumn::new(store), second: PackedColumn::new(store) }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn push(&mut self, [first, second]: [u64; 2]) -> Result<()> {
        self.first.push(first)?;
        self.second.push(second)
    }

    /// The u of every row, equal rows told apart; takes about `memory_bytes` of memory.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn into_u(
        mut self,
        sampler: &Sampler,
        memory_bytes: u64,
        store: &Arc<Store>,
    ) -> Result<PackedColumn> {
        /// What a row takes in a map.
        const ROW_BYTES: u64 = 48;
        /// The least memory that is worth a slice.
        const LEAST_BYTES: u64 = 1024;
        self.first.finish()?;
        self.second.finish()?;
        let slices = (self.first.len() * ROW_BYTES).div_ceil(memory_bytes.max(LEAST_BYTES)).max(1);
        let slice_of = |first: u64| ((u128::from(first) * u128::from(slices)) >> 64) as u64;
        // Each slice gives the u of its rows in their order; then they are put together again.
        let mut found = Vec::new();
        for slice in 0..slices {
            let mut seen: HashMap<[u64; 2], u64> = HashMap::new();
            let mut u = PackedColumn::new(store);
            let (mut firsts, mut seconds) = (self.first.cursor(), self.second.cursor());
            for _ in 0..self.first.len() {
                let hash = [firsts.read()?, seconds.read()?];
                if slice_of(hash[0]) == slice {
                    let before = seen.entry(hash).or_default();
                    u.push(of_occurrence(&sampler.key, hash, *before))?;
                    *before += 1;
                }
            }
            u.finish()?;
            found.push(u);
        }
        if slices == 1 {
            return Ok(found.remove(0));
        }
        let mut u = PackedColumn::new(store);
        let mut cursors: Vec<_> = found.iter().map(PackedColumn::cursor).collect();
        let mut firsts = self.first.cursor();
        for _ in 0..self.first.len() {
            u.push(cursors[slice_of(firsts.read()?) as usize].read()?)?;
        }
        u.finish()?;
        Ok(u)
    }
}

/// The u of a row with `before` equal ones before it.
fn of_occurrence(key: &DomainKey, [first, second]: [u64; 2], before: u64) -> u64 {
    if before == 0 {
        return first;
    }
    let mut input = [0; 24];
    for (bytes, word) in input.chunks_exact_mut(8).zip([first, second, before]) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    words(&key.prf(&input))[0]
}

/// The `count`th smallest number of a column; `None` if it has fewer. Takes eight passes, and no memory that grows.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn smallest(column: &PackedColumn, count: u64) -> Result<Option<u64>> {
    const DIGIT_BITS: u32 = 8;
    let Some(mut rank) = count.checked_sub(1).filter(|&rank| rank < column.len()) else { return Ok(None) };
    let mut prefix = 0;
    for shift in (0..u64::BITS).step_by(DIGIT_BITS as usize).rev() {
        let mut counts = vec![0_u64; 1 << DIGIT_BITS];
        let mut cursor = column.cursor();
        for _ in 0..column.len() {
            let value = cursor.read()?;
            if value.unbounded_shr(shift + DIGIT_BITS) == prefix {
                counts[usize::from((value >> shift) as u8)] += 1;
            }
        }
        let mut digit = 0;
        while rank >= counts[digit] {
            rank -= counts[digit];
            digit += 1;
        }
        prefix = prefix << DIGIT_BITS | digit as u64;
    }
    Ok(Some(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subset::key_values::KeyValues;
    use arrow::array::BinaryViewArray;
    use proptest::prelude::*;

    fn key() -> MasterKey {
        MasterKey::from_bytes(vec![3; 32]).unwrap()
    }

    fn u(ty: PgType, entity: &str, value: &str) -> u64 {
        let table = TableSpec { entity: entity.into(), ..TableSpec::new("t", vec![ty], vec![0]) };
        let sampler = Sampler::new(&table, &key(), &mut |column| column);
        let column = BinaryViewArray::from_iter_values([value.as_bytes()]);
        let mut scratch = Scratch::default();
        sampler.read(&[KeyValues::Text(&column)], 0, &mut scratch);
        sampler.sample(&scratch)[0]
    }

    #[test]
    fn a_key_is_sampled_alike_whatever_its_type_and_database() {
        let person = |ty, value| u(ty, "person", value);
        let expected = u64::from_be_bytes(key().subset("person").prf(b"42")[..8].try_into().unwrap());
        for (ty, value) in [
            (PgType::Int4, "42"),
            (PgType::Int8, "42"),
            (PgType::Text, "42"),
            (PgType::Numeric(None), "42.00"),
            (PgType::Bpchar(Some(5)), "42   "),
            (PgType::Float8, "42"),
        ] {
            assert_eq!(person(ty, value), expected);
        }
        assert_ne!(u(PgType::Int4, "product", "42"), expected);
        assert_eq!(person(PgType::Text, r"a\\b"), person(PgType::Text, r"a\134b"));
    }

    #[test]
    fn equal_rows_are_told_apart_the_same_in_any_order_and_memory() {
        let sampler =
            Sampler::new(&TableSpec::new("t", vec![PgType::Text], vec![]), &key(), &mut |column| column);
        let store = Store::new(u64::MAX, std::env::temp_dir());
        let of = |rows: &[[u64; 2]], memory_bytes: u64| -> Vec<u64> {
            let mut hashes = RowHashes::new(&store);
            rows.iter().for_each(|&row| hashes.push(row).unwrap());
            let u = hashes.into_u(&sampler, memory_bytes, &store).unwrap();
            let mut cursor = u.cursor();
            (0..u.len()).map(|_| cursor.read().unwrap()).collect()
        };
        let rows: Vec<[u64; 2]> = (0..200_u64).map(|row| [(row % 7) << 61, 5]).collect();
        let found = of(&rows, u64::MAX);
        assert_eq!(found, of(&rows, 1_000));
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        let (mut found, mut again) = (found, of(&sorted, u64::MAX));
        found.sort_unstable();
        again.sort_unstable();
        assert_eq!(found, again);
        found.dedup();
        assert_eq!(found.len(), 200);
    }

    proptest! {
        #[test]
        fn the_smallest_are_found(
            values in proptest::collection::vec(any::<(u64, u8)>(), 1..200), count in 0_usize..220,
        ) {
            let mut values: Vec<u64> = values.into_iter().map(|(value, shift)| value >> (shift % 64)).collect();
            let mut column = PackedColumn::new(&Store::new(u64::MAX, std::env::temp_dir()));
            values.iter().for_each(|&value| column.push(value).unwrap());
            column.finish().unwrap();
            values.sort_unstable();
            let expected = count.checked_sub(1).and_then(|rank| values.get(rank).copied());
            prop_assert_eq!(smallest(&column, count as u64).unwrap(), expected);
        }
    }
}
