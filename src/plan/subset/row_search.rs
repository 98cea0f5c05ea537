//! Finds rows by their keys, and the rows that they refer to and that refer to them, in the key columns that were read.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};

use crate::error::Result;
use crate::functions::canonical::{canonical, canonical_as};
use crate::pg::array::{Elements, parse_array};
use crate::pg::escape::unescape;
use crate::subset::Selection;
use crate::subset::key_read::KeyRead;
use crate::subset::spec::{EdgeSpec, Extract, Spec, Up};

/// A row, by part and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId {
    /// Its part of the specification.
    pub part: usize,
    /// Its number in the part, from 0.
    pub row: u64,
}

/// Values of some columns of a row, in canonical form.
pub type Values = Vec<Option<Vec<u8>>>;

/// A reference from one row to another.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The edge of the specification.
    pub edge: usize,
    /// The row that refers.
    pub child: RowId,
    /// The row referred to.
    pub parent: RowId,
}

/// What rows are sought in.
#[derive(Clone, Copy)]
pub struct RowSearch<'a> {
    /// The tables and edges.
    pub spec: &'a Spec,
    /// The key columns.
    pub rows: &'a KeyRead<'a>,
    /// Which rows are kept.
    pub selection: &'a Selection,
}

impl RowSearch<'_> {
    /// The table that a row belongs to.
    pub fn table_of(&self, row: RowId) -> usize {
        self.spec.parts[row.part]
    }

    /// Whether a row is kept.
    pub fn is_kept(&self, row: RowId) -> bool {
        self.selection.filter(row.part).kept(row.row, 1).value(0)
    }

    /// Whether a row is owned, kept or not.
    pub fn is_owned(&self, row: RowId) -> bool {
        self.selection.filter(row.part).owned(row.row, 1).value(0)
    }

    /// The rows that a row refers to by the edges that `takes` takes; one by each value.
    ///
    /// # Errors
    /// What the source fails with.
    pub fn parents(&self, row: RowId, takes: impl Fn(&EdgeSpec) -> bool) -> Result<Vec<Link>> {
        let table = self.table_of(row);
        let mut links = Vec::new();
        for (index, edge) in self.spec.edges.iter().enumerate() {
            if edge.child != table || !takes(edge) {
                continue;
            }
            let referred = self.referred(row, edge)?;
            if referred.is_empty() {
                continue;
            }
            let columns: Vec<usize> = edge.columns.iter().map(|pair| pair.parent).collect();
            let compared = compared(edge);
            let is_parent =
                |values: &Values| referred.iter().any(|referred| referred[..compared] == values[..compared]);
            let found = self.find(edge.parent, &columns, &|values| is_parent(&values), referred.len())?;
            links.extend(found.into_iter().map(|parent| Link { edge: index, child: row, parent }));
        }
        Ok(links)
    }

    /// Kept rows that require any of `parents`, at most `limit` of them by each edge; owned ones first.
    ///
    /// # Errors
    /// What the source fails with.
    pub fn children(&self, parents: &[RowId], limit: usize) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        for (index, edge) in self.spec.edges.iter().enumerate().filter(|(_, edge)| edge.up == Up::Require) {
            let of_table = parents.iter().copied().filter(|&row| self.table_of(row) == edge.parent);
            let columns: Vec<usize> = edge.columns.iter().map(|pair| pair.parent).collect();
            let compared = compared(edge);
            let own = self.values(&of_table.collect(), &columns)?;
            let by_values: HashMap<&[Option<Vec<u8>>], RowId> = own
                .iter()
                .filter(|(_, values)| values[..compared].iter().all(Option::is_some))
                .map(|(row, values)| (&values[..compared], *row))
                .collect();
            if by_values.is_empty() {
                continue;
            }
            let mut found = Vec::new();
            for part in self.parts_of(edge.child) {
                found.extend(self.referring(part, index, &by_values)?);
            }
            found.sort_by_key(|link| (!self.is_owned(link.child), link.child));
            found.truncate(limit);
            links.extend(found);
        }
        links.sort_by_key(|link| !self.is_owned(link.child));
        Ok(links)
    }

    /// The kept rows of a part that refer by an edge to one of the rows with these values.
    fn referring(
        &self,
        part: usize,
        index: usize,
        parents: &HashMap<&[Option<Vec<u8>>], RowId>,
    ) -> Result<Vec<Link>> {
        let edge = &self.spec.edges[index];
        let compared = compared(edge);
        let (columns, guard) = child_columns(edge);
        let filter = self.selection.filter(part);
        let found = Mutex::new(Vec::new());
        self.rows.scan_texts(part, &columns, &|first_row, batch| {
            let kept = filter.kept(first_row, batch.num_rows());
            for offset in kept.set_indices() {
                let referred = self.referred_of(batch, offset, edge, guard);
                if let Some(&parent) = referred.iter().find_map(|values| parents.get(&values[..compared])) {
                    let child = RowId { part, row: first_row + offset as u64 };
                    lock(&found).push(Link { edge: index, child, parent });
                }
            }
            Ok(())
        })?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn parts_of(&self, table: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.spec.parts.len()).filter(move |&part| self.spec.parts[part] == table)
    }

    /// What a row refers to by an edge.
    fn referred(&self, row: RowId, edge: &EdgeSpec) -> Result<Vec<Values>> {
        let (columns, guard) = child_columns(edge);
        let found = Mutex::new(Vec::new());
        self.rows.scan_texts(row.part, &columns, &|first_row, batch| {
            if let Some(offset) = offset_in(row, first_row, batch) {
                *lock(&found) = self.referred_of(batch, offset, edge, guard);
            }
            Ok(())
        })?;
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn referred_of(
        &self,
        batch: &RecordBatch,
        offset: usize,
        edge: &EdgeSpec,
        guard: Option<usize>,
    ) -> Vec<Values> {
        let texts: Vec<Option<Vec<u8>>> =
            batch.columns().iter().map(|column| text(column.as_binary_view(), offset)).collect();
        if let (Some(place), Some(wanted)) = (guard, &edge.guard) {
            let is_meant = texts[place].as_ref().is_some_and(|text| wanted.values.contains(text));
            if !is_meant {
                return Vec::new();
            }
        }
        let (child, parent) = (&self.spec.tables[edge.child], &self.spec.tables[edge.parent]);
        let mut scratch = Vec::new();
        let mut form = |pair: usize, text: &[u8]| {
            let pair = &edge.columns[pair];
            canonical_as(&child.columns[pair.child], &parent.columns[pair.parent], text, &mut scratch)
                .to_vec()
        };
        match (&edge.columns[0].extract, &texts[0]) {
            (Extract::Value, _) => {
                if texts[..edge.columns.len()].iter().any(Option::is_none) {
                    return Vec::new();
                }
                let values = texts.iter().take(edge.columns.len()).enumerate();
                vec![values.map(|(pair, text)| text.as_ref().map(|text| form(pair, text))).collect()]
            }
            (_, None) => Vec::new(),
            (Extract::Json(path), Some(document)) => {
                let found = RefCell::new(Vec::new());
                path.find(document, &mut |value| found.borrow_mut().push(value.to_vec()));
                found.into_inner().iter().map(|value| vec![Some(form(0, value))]).collect()
            }
            (Extract::Elements, Some(literal)) => {
                let mut elements = Elements::default();
                if parse_array(literal, b',', &mut elements).is_err() {
                    return Vec::new();
                }
                let values = (0..elements.len()).filter_map(|index| elements.get(index));
                values.map(|value| vec![Some(form(0, value))]).collect()
            }
        }
    }

    /// The canonical values of some columns of rows.
    fn values(&self, rows: &HashSet<RowId>, columns: &[usize]) -> Result<HashMap<RowId, Values>> {
        let parts: HashSet<usize> = rows.iter().map(|row| row.part).collect();
        let found = Mutex::new(HashMap::new());
        for part in parts {
            let table = self.spec.parts[part];
            self.rows.scan_texts(part, columns, &|first_row, batch| {
                for &row in rows.iter().filter(|row| row.part == part) {
                    if let Some(offset) = offset_in(row, first_row, batch) {
                        lock(&found).insert(row, self.values_of(batch, offset, table, columns));
                    }
                }
                Ok(())
            })?;
        }
        Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn values_of(&self, batch: &RecordBatch, offset: usize, table: usize, columns: &[usize]) -> Values {
        let types = columns.iter().map(|&column| &self.spec.tables[table].columns[column]);
        let mut scratch = Vec::new();
        batch
            .columns()
            .iter()
            .zip(types)
            .map(|(column, ty)| {
                let text = text(column.as_binary_view(), offset)?;
                Some(canonical(ty, &text, &mut scratch).to_vec())
            })
            .collect()
    }

    /// The first rows of a table, at most `limit`, whose values in `columns` are wanted.
    ///
    /// # Errors
    /// What the source fails with.
    pub fn find(
        &self,
        table: usize,
        columns: &[usize],
        is_wanted: &(dyn Fn(Values) -> bool + Sync),
        limit: usize,
    ) -> Result<Vec<RowId>> {
        let found = Mutex::new(Vec::new());
        for part in self.parts_of(table) {
            self.rows.scan_texts(part, columns, &|first_row, batch| {
                for offset in 0..batch.num_rows() {
                    if is_wanted(self.values_of(batch, offset, table, columns)) {
                        lock(&found).push(RowId { part, row: first_row + offset as u64 });
                    }
                }
                Ok(())
            })?;
        }
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|row| (row.part, row.row));
        found.truncate(limit);
        Ok(found)
    }
}

/// How many columns of an edge are compared: all but a period.
fn compared(edge: &EdgeSpec) -> usize {
    edge.columns.len() - usize::from(edge.period)
}

/// The columns that say what a child refers to, and the place of the one that says whether it does.
fn child_columns(edge: &EdgeSpec) -> (Vec<usize>, Option<usize>) {
    let mut columns: Vec<usize> = edge.columns.iter().map(|pair| pair.child).collect();
    let guard = edge.guard.as_ref().map(|guard| {
        columns.push(guard.column);
        columns.len() - 1
    });
    (columns, guard)
}

fn offset_in(row: RowId, first_row: u64, batch: &RecordBatch) -> Option<usize> {
    let offset = row.row.checked_sub(first_row)? as usize;
    (offset < batch.num_rows()).then_some(offset)
}

fn text(column: &BinaryViewArray, row: usize) -> Option<Vec<u8>> {
    let mut scratch = Vec::new();
    column.is_valid(row).then(|| unescape(column.value(row), &mut scratch).to_vec())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
