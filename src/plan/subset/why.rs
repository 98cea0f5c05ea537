//! Why a row is in a subset, or is not: the path of references from a row that is there for its own sake.
//!
//! The rows on the path are told by their numbers in the snapshot, never by a value of theirs.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, AsArray, BinaryViewArray, RecordBatch};

use super::choice::Policy;
use super::graph::{Graph, row_key};
use crate::error::{Error, Result};
use crate::functions::canonical::{canonical, canonical_as};
use crate::pg::array::{Elements, parse_array};
use crate::pg::escape::unescape;
use crate::rules::subset::Include;
use crate::schema::{Catalog, PgType};
use crate::subset::Selection;
use crate::subset::key_read::KeyRead;
use crate::subset::spec::{Down, EdgeSpec, Extract, Rows, Spec, Up};

/// The most rows that are looked at for a path.
const MAX_ROWS: usize = 1_000;

/// A row, by part and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct RowId {
    part: usize,
    row: u64,
}

/// Values of some columns of a row, in canonical form.
type Values = Vec<Option<Vec<u8>>>;

/// What a path is found in.
pub struct Explainer<'a> {
    pub catalog: &'a Catalog,
    pub graph: &'a Graph,
    pub policies: &'a [Policy],
    pub spec: &'a Spec,
    pub rows: &'a KeyRead<'a>,
    pub selection: &'a Selection,
}

impl Explainer<'_> {
    /// Explains the row that `asked` names: `orders(17)`, `lines(7, 1)`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is no such row; what reading the keys again fails with.
    pub fn explain(&self, asked: &str) -> Result<String> {
        let (table, values) = self.parse(asked)?;
        let key = row_key(self.catalog, self.graph.tables[table]);
        let types: Vec<&PgType> =
            key.iter().map(|&column| &self.spec.tables[table].columns[column]).collect();
        let mut scratch = Vec::new();
        let wanted: Values = values
            .iter()
            .zip(&types)
            .map(|(value, ty)| Some(canonical(ty, value.as_bytes(), &mut scratch).to_vec()))
            .collect();
        let found = self.find(table, &key, &|row| row == wanted, 1)?;
        let Some(&start) = found.first() else {
            return Err(Error::usage(format!("`{}` has no such row", self.name(table)))
                .at("--why")
                .hint("name a row by its key, such as `orders(17)`"));
        };
        let mut lines = Vec::new();
        self.tell(start, &mut lines)?;
        Ok(lines.concat())
    }

    fn parse(&self, asked: &str) -> Result<(usize, Vec<String>)> {
        let refuse = || {
            Error::usage("this names no row")
                .at("--why")
                .hint("write a table and a key, such as `orders(17)` or `lines(7, 1)`")
        };
        let open = crate::rules::subset::open_parenthesis(asked).ok_or_else(refuse)?;
        let written = format!("{}: {}", &asked[..open], &asked[open..]);
        let include = Include::parse(&written, "--why").ok_or_else(refuse)?;
        let [values] = &include.keys[..] else { return Err(refuse()) };
        let id = crate::rules::subset_names::one_table(&include.table, self.catalog)
            .map_err(|error| error.at("--why"))?;
        let table = self.graph.table(id).ok_or_else(refuse)?;
        let key = row_key(self.catalog, self.graph.tables[table]);
        if key.len() != values.len() {
            return Err(Error::usage(format!(
                "the key of `{}` has {} columns, not {}",
                self.name(table),
                key.len(),
                values.len()
            ))
            .at("--why"));
        }
        Ok((table, values.clone()))
    }

    fn name(&self, table: usize) -> &str {
        &self.spec.tables[table].name
    }

    fn table_of(&self, row: RowId) -> usize {
        self.spec.parts[row.part]
    }

    fn row_name(&self, row: RowId) -> String {
        let part = &self.name(self.table_of(row));
        let rows = self.spec.parts.iter().filter(|&&table| table == self.table_of(row)).count();
        let of_part = if rows > 1 { format!(" of part {}", row.part + 1) } else { String::new() };
        format!("row {}{of_part} of {part}", row.row + 1)
    }

    fn is_kept(&self, row: RowId) -> bool {
        self.selection.filter(row.part).kept(row.row, 1).value(0)
    }

    fn is_owned(&self, row: RowId) -> bool {
        self.selection.filter(row.part).owned(row.row, 1).value(0)
    }

    fn tell(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let name = self.row_name(start);
        match (self.is_kept(start), self.is_owned(start)) {
            (true, true) => {
                lines.push(format!("{name} is kept, and owned\n"));
                self.tell_owners(start, lines)
            }
            (true, false) => {
                lines.push(format!("{name} is kept, though nothing that is kept owns it\n"));
                self.tell_children(start, lines)
            }
            (false, owned) => {
                lines.push(format!("{name} is not kept\n"));
                self.tell_absence(start, owned, lines)
            }
        }
    }

    /// Follows owners up to a row that is sampled.
    fn tell_owners(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let mut row = start;
        let mut seen = HashSet::new();
        while seen.insert(row) && seen.len() < MAX_ROWS {
            let Some((edge, parent)) = self
                .parents(row, |edge| edge.down != Down::None)?
                .into_iter()
                .find(|(_, parent)| self.is_owned(*parent))
            else {
                break;
            };
            lines.push(format!(
                "  {} follows {} by {}\n",
                self.row_name(row),
                self.row_name(parent),
                self.spec.edges[edge].name
            ));
            row = parent;
        }
        lines.push(format!("  {} is kept for its own sake: {}\n", self.row_name(row), self.policy(row)));
        Ok(())
    }

    /// Looks for the nearest row that is owned, or kept with its table, among those that refer to the row.
    fn tell_children(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let mut came_from: Vec<(RowId, Option<(usize, usize)>)> = vec![(start, None)];
        let mut open = VecDeque::from([0]);
        let mut seen = HashSet::from([start]);
        while let Some(index) = open.pop_front() {
            let row = came_from[index].0;
            if self.is_owned(row) || self.spec.tables[self.table_of(row)].whole {
                let mut at = Some(index);
                let mut path = Vec::new();
                while let Some((row, Some((edge, next)))) = at.map(|at| came_from[at]) {
                    path.push((row, edge, came_from[next].0));
                    at = Some(next);
                }
                for (child, edge, parent) in path.iter().rev() {
                    lines.push(format!(
                        "  {} is referred to by {} by {}\n",
                        self.row_name(*parent),
                        self.row_name(*child),
                        self.spec.edges[*edge].name
                    ));
                }
                if !self.is_owned(row) {
                    lines.push(format!("  {} is kept with its whole table\n", self.row_name(row)));
                    return Ok(());
                }
                return self.tell_owners(row, lines);
            }
            for (edge, child) in self.children(row)? {
                if seen.len() < MAX_ROWS && seen.insert(child) {
                    came_from.push((child, Some((edge, index))));
                    open.push_back(came_from.len() - 1);
                }
            }
        }
        Ok(())
    }

    fn tell_absence(&self, row: RowId, owned: bool, lines: &mut Vec<String>) -> Result<()> {
        let table = self.table_of(row);
        if matches!(self.spec.tables[table].rows, Rows::None) {
            lines.push(format!("  no row of {} is kept, as asked\n", self.name(table)));
            return Ok(());
        }
        for (edge, parent) in self.parents(row, |edge| edge.up != Up::Null)? {
            if owned && !self.is_kept(parent) {
                lines.push(format!(
                    "  it is owned, but it needs {} by {}, which is not kept\n",
                    self.row_name(parent),
                    self.spec.edges[edge].name
                ));
            }
        }
        for (edge, parent) in self.parents(row, |edge| edge.down != Down::None)? {
            let kept = if self.is_owned(parent) { "is owned" } else { "is not owned" };
            let name = &self.spec.edges[edge].name;
            lines.push(format!("  it would follow {} by {name}, which {kept}\n", self.row_name(parent)));
        }
        lines.push(format!("  {}: {}\n", self.name(table), self.policy(row)));
        lines.push("  and no kept row refers to it\n".to_string());
        Ok(())
    }

    fn policy(&self, row: RowId) -> String {
        let table = self.table_of(row);
        match &self.policies[table] {
            Policy::Asked(crate::rules::subset::Amount::Where(_)) => {
                "the condition that was asked".to_string()
            }
            Policy::Asked(amount) => format!("asked for {amount}"),
            Policy::Anchor | Policy::Untied => "its table is sampled".to_string(),
            Policy::Follows(_) => {
                "its table follows others, and rows that belong to none are sampled".to_string()
            }
            Policy::Lookup => "the table is kept whole".to_string(),
            Policy::Referred => "only what is referred to is kept".to_string(),
        }
    }

    /// The rows that a row refers to by the edges that `takes` takes.
    fn parents(&self, row: RowId, takes: impl Fn(&EdgeSpec) -> bool) -> Result<Vec<(usize, RowId)>> {
        let table = self.table_of(row);
        let mut parents = Vec::new();
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
            let found = self.find(edge.parent, &columns, &|values| is_parent(&values), 1)?;
            parents.extend(found.into_iter().map(|parent| (index, parent)));
        }
        Ok(parents)
    }

    /// Kept rows that require a row, owned ones first.
    fn children(&self, row: RowId) -> Result<Vec<(usize, RowId)>> {
        let table = self.table_of(row);
        let mut children = Vec::new();
        for (index, edge) in self.spec.edges.iter().enumerate() {
            if edge.parent != table || edge.up != Up::Require {
                continue;
            }
            let columns: Vec<usize> = edge.columns.iter().map(|pair| pair.parent).collect();
            let Some(own) = self.values(row, &columns)? else { continue };
            let compared = compared(edge);
            for part in self.parts_of(edge.child) {
                let (columns, guard) = child_columns(edge);
                let filter = self.selection.filter(part);
                let found = Mutex::new(Vec::new());
                self.rows.scan_texts(part, &columns, &|first_row, batch| {
                    let kept = filter.kept(first_row, batch.num_rows());
                    for offset in kept.set_indices() {
                        let refers = |referred: &Values| referred[..compared] == own[..compared];
                        let referred = self.referred_of(batch, offset, edge, guard);
                        if referred.iter().any(refers) {
                            lock(&found).push(RowId { part, row: first_row + offset as u64 });
                        }
                    }
                    Ok(())
                })?;
                let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
                found.sort_by_key(|child| (!self.is_owned(*child), child.row));
                children.extend(found.into_iter().take(MAX_ROWS).map(|child| (index, child)));
            }
        }
        children.sort_by_key(|(_, child)| !self.is_owned(*child));
        Ok(children)
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

    /// The canonical values of some columns of a row.
    fn values(&self, row: RowId, columns: &[usize]) -> Result<Option<Values>> {
        let found = Mutex::new(None);
        let table = self.table_of(row);
        self.rows.scan_texts(row.part, columns, &|first_row, batch| {
            if let Some(offset) = offset_in(row, first_row, batch) {
                *lock(&found) = Some(self.values_of(batch, offset, table, columns));
            }
            Ok(())
        })?;
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
    fn find(
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
