//! Reads of large tables only the rows that may be in the subset, where the source can look rows up.
//!
//! Rows are looked up edge by edge: first, parents before children, the children of rows that are owned; then, children
//! before parents, whatever the rows so far refer to. What is found holds the subset and is closed: every child of an owned
//! row is there, and every parent of any row. So the engine, which knows of no other rows, selects what it would select
//! from all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;

use super::candidates::Candidates;
use crate::error::Result;
use crate::key::MasterKey;
use crate::source::look_up::{KeyKind, Keys, LookUp, LookUpSettings, Wanted};
use crate::subset::key_read::{KeyColumns, KeyRead};
use crate::subset::spec::{Down, Rows};
use crate::subset::{self, Budget, KeyRows, Selection, Spec, Visit};

/// The bytes of a key in memory.
const KEY_BYTES: u64 = 16;

/// Looks up the rows of the tables of `candidates`.
pub struct Narrowing<'a> {
    /// The subset.
    pub spec: &'a Spec,
    /// What is to be read of each part.
    pub columns: &'a [KeyColumns],
    /// The way to look rows up.
    pub look_up: &'a dyn LookUp,
    /// The tables of which rows are looked up.
    pub candidates: &'a Candidates<'a>,
    /// How. The keys by which rows are looked up take as much memory as the rows that are found.
    pub settings: LookUpSettings<'a>,
}

/// The values of the ends of edges in the rows that were looked up, by table and column; `None` where there are too many,
/// or some are no keys.
type Values = BTreeMap<(usize, usize), Option<Keys>>;

impl Narrowing<'_> {
    /// Looks the rows up; `rows` has the key columns of all other tables. False where there are more keys than memory has
    /// room for: then nothing is looked up.
    ///
    /// # Errors
    /// What the source fails with, or a temporary file that cannot be written.
    pub fn narrow(&self, rows: &KeyRead<'_>, key: &MasterKey) -> Result<bool> {
        let owned = self.owned(rows, key)?;
        let order = self.spec.components().concat();
        let narrowed = |table: &&usize| self.candidates.is_narrowed(**table);
        let mut found = Values::new();
        for &table in order.iter().filter(narrowed) {
            if !self.add_children(table, rows, &owned, &mut found)? {
                return self.give_up();
            }
        }
        for &table in order.iter().rev().filter(narrowed) {
            if !self.add_parents(table, rows, &mut found)? {
                return self.give_up();
            }
        }
        Ok(true)
    }

    fn give_up(&self) -> Result<bool> {
        self.look_up.forget();
        Ok(false)
    }

    /// The owned rows of the tables that are read whole, as far as rows of others follow them.
    fn owned(&self, rows: &KeyRead<'_>, key: &MasterKey) -> Result<Selection> {
        let followed = self.followed();
        let mut spec = self.spec.clone();
        let others = spec.tables.iter_mut().enumerate().filter(|(table, _)| !followed.contains(table));
        for (_, table) in others {
            table.rows = Rows::Unsaid;
            (table.unowned, table.whole) = (None, false);
            table.include.clear();
        }
        spec.edges.retain(|edge| {
            edge.down != Down::None && followed.contains(&edge.child) && followed.contains(&edge.parent)
        });
        let budget = Budget {
            memory_bytes: self.settings.memory_bytes,
            temp_dir: self.settings.temp_dir.to_path_buf(),
        };
        let rows =
            SomeRows { rows, parts: self.spec.parts.iter().map(|table| followed.contains(table)).collect() };
        subset::select(&spec, &rows, key, &budget)
    }

    /// The tables that are read whole and that rows of others follow, directly or not.
    fn followed(&self) -> BTreeSet<usize> {
        let mut followed = BTreeSet::new();
        let mut open: Vec<usize> =
            (0..self.spec.tables.len()).filter(|&table| self.candidates.is_narrowed(table)).collect();
        while let Some(table) = open.pop() {
            let edges = self.spec.edges.iter().filter(|edge| edge.child == table && edge.down != Down::None);
            for parent in edges.map(|edge| edge.parent) {
                if !self.candidates.is_narrowed(parent) && followed.insert(parent) {
                    open.push(parent);
                }
            }
        }
        followed
    }

    /// Looks up the children of owned rows in `table`.
    fn add_children(
        &self,
        table: usize,
        rows: &KeyRead<'_>,
        owned: &Selection,
        found: &mut Values,
    ) -> Result<bool> {
        let mut or_null = self.candidates.null_column(table);
        let mut is_sought = false;
        for edge in self.spec.edges.iter().filter(|edge| edge.child == table && edge.down != Down::None) {
            let (child, parent) = (edge.columns[0].child, edge.columns[0].parent);
            let kind = self.candidates.kind(table, child);
            let keys = match self.candidates.is_narrowed(edge.parent) {
                true => found.get(&(edge.parent, parent)).cloned().flatten(),
                false => self.read_values(rows, edge.parent, parent, kind, Some(owned))?,
            };
            let Some(keys) = keys else { return Ok(false) };
            let with_null = or_null == Some(child);
            if with_null {
                or_null = None;
            }
            self.seek(table, child, &keys, with_null, found)?;
            is_sought = true;
        }
        if !is_sought {
            // It has no rows but those that others refer to.
            let column = self.candidates.referred_column(table);
            self.seek(table, column, &Keys::new(self.candidates.kind(table, column)), false, found)?;
        }
        Ok(true)
    }

    /// Looks up what the rows of other tables refer to in `table`.
    fn add_parents(&self, table: usize, rows: &KeyRead<'_>, found: &mut Values) -> Result<bool> {
        let edges = || self.spec.edges.iter().filter(|edge| edge.parent == table);
        let columns: BTreeSet<usize> = edges().map(|edge| edge.columns[0].parent).collect();
        for column in columns {
            let kind = self.candidates.kind(table, column);
            let mut wanted = Keys::new(kind);
            for edge in edges().filter(|edge| edge.columns[0].parent == column) {
                let child = edge.columns[0].child;
                let keys = match self.candidates.is_narrowed(edge.child) {
                    true => found.get(&(edge.child, child)).cloned().flatten(),
                    false => self.read_values(rows, edge.child, child, kind, None)?,
                };
                let Some(keys) = keys else { return Ok(false) };
                wanted = wanted.joined(keys);
            }
            let Some(Some(known)) = found.get(&(table, column)) else { return Ok(false) };
            wanted.remove(known);
            if wanted.len() > self.most_keys() {
                return Ok(false);
            }
            if !wanted.is_empty() {
                self.seek(table, column, &wanted, false, found)?;
            }
        }
        Ok(true)
    }

    fn most_keys(&self) -> usize {
        usize::try_from(self.settings.memory_bytes / KEY_BYTES).unwrap_or(usize::MAX)
    }

    fn parts(&self, table: usize) -> impl Iterator<Item = (usize, &KeyColumns)> {
        let of_table = move |(part, _): &(usize, &KeyColumns)| self.spec.parts[*part] == table;
        self.columns.iter().enumerate().filter(of_table)
    }

    /// The columns of a table by which its rows are tied to others.
    fn ends(&self, table: usize) -> BTreeSet<usize> {
        let edges = || self.spec.edges.iter().filter(|edge| edge.columns.len() == 1);
        let children = edges().filter(|edge| edge.child == table).map(|edge| edge.columns[0].child);
        let parents = edges().filter(|edge| edge.parent == table).map(|edge| edge.columns[0].parent);
        children
            .chain(parents)
            .filter(|&column| self.candidates.found_kind(table, column).is_some())
            .collect()
    }

    fn seek(
        &self,
        table: usize,
        column: usize,
        keys: &Keys,
        or_null: bool,
        found: &mut Values,
    ) -> Result<()> {
        let ends: Vec<(usize, KeyKind)> =
            self.ends(table).into_iter().map(|end| (end, self.candidates.kind(table, end))).collect();
        for (end, kind) in &ends {
            found.entry((table, *end)).or_insert_with(|| Some(Keys::new(*kind)));
        }
        for (_, asked) in self.parts(table) {
            let Some(place) = asked.place(column) else { continue };
            let seen: Vec<(usize, (usize, KeyKind))> =
                ends.iter().filter_map(|(end, kind)| Some((*end, (asked.place(*end)?, *kind)))).collect();
            let places: Vec<(usize, KeyKind)> = seen.iter().map(|(_, place)| *place).collect();
            let wanted = Wanted { part: asked.source_index, column: place, keys, or_null };
            let values = self.look_up.look_up(&wanted, &places, self.settings)?;
            for ((end, _), values) in seen.into_iter().zip(values) {
                let all = found.entry((table, end)).or_default();
                let joined = all.take().zip(values).map(|(all, values)| all.joined(values));
                *all = joined.filter(|keys| keys.len() <= self.most_keys());
            }
        }
        Ok(())
    }

    /// The different values of a column of the rows that were read whole, all or those that are `owned`; `None` where there
    /// are too many.
    fn read_values(
        &self,
        rows: &KeyRead<'_>,
        table: usize,
        column: usize,
        kind: KeyKind,
        owned: Option<&Selection>,
    ) -> Result<Option<Keys>> {
        let keys = Mutex::new(Some(Keys::new(kind)));
        for (part, _) in self.parts(table) {
            let filter = owned.map(|owned| owned.filter(part));
            let visit = |first_row: u64, batch: &RecordBatch| {
                let values = batch.column(0).as_binary_view();
                let is_taken = match &filter {
                    Some(filter) => filter.owned(first_row, values.len()),
                    None => BooleanBuffer::new_set(values.len()),
                };
                let mut guard = keys.lock().unwrap_or_else(PoisonError::into_inner);
                let is_right = guard.as_mut().is_some_and(|keys| {
                    let mut taken = is_taken.set_indices().filter(|&row| values.is_valid(row));
                    taken.all(|row| keys.add(values.value(row))) && keys.len() <= self.most_keys()
                });
                if !is_right {
                    *guard = None;
                }
                Ok(())
            };
            rows.scan_texts(part, &[column], &visit)?;
        }
        let keys = keys.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.map(|mut keys| {
            keys.seal();
            keys
        }))
    }
}

/// The rows of some parts; the others have none.
struct SomeRows<'a> {
    rows: &'a KeyRead<'a>,
    parts: Vec<bool>,
}

impl KeyRows for SomeRows<'_> {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        if self.parts[part] { self.rows.scan(part, columns, visit) } else { Ok(()) }
    }
}
