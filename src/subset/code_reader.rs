//! Reads the codes of keys and references from rows: integers as they are, anything else as a fingerprint of its
//! canonical form.

use arrow::array::Array as _;

use super::fingerprints::Fingerprints;
use super::integers::ordered;
use super::key_values::{KeyValues, integer};
use super::lists::Code;
use super::spec::{EdgeSpec, Extract};
use crate::functions::canonical::canonical_as;
use crate::pg::array::{Elements, parse_array};
use crate::schema::PgType;

/// A key that edges refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferredKey {
    /// The table that has it.
    pub table: usize,
    /// Its columns, in the order of the table.
    pub columns: Vec<usize>,
    /// Its codes are integers: it is one column of integers, and so is whatever refers to it.
    pub integers: bool,
}

impl ReferredKey {
    /// The key that an edge refers to; `child` and `parent` are the types of the two tables' columns. A column with a
    /// period is not part of it.
    pub fn of(edge: &EdgeSpec, child: &[PgType], parent: &[PgType]) -> Self {
        let mut columns: Vec<usize> = key_pairs(edge).iter().map(|pair| pair.parent).collect();
        columns.sort_unstable();
        let integers = match key_pairs(edge) {
            [pair] => {
                let refers = match &pair.extract {
                    Extract::Value => Some(&child[pair.child]),
                    Extract::Elements => element(&child[pair.child]),
                    Extract::Json(_) => None,
                };
                is_integer(&parent[pair.parent]) && refers.is_some_and(is_integer)
            }
            _ => false,
        };
        ReferredKey { table: edge.parent, columns, integers }
    }
}

/// The column whose values are the references by an edge to the key `key`, as they are: integers, one a row.
pub fn plain_integers(edge: &EdgeSpec, key: &ReferredKey) -> Option<usize> {
    match key_pairs(edge) {
        [pair] if key.integers && edge.guard.is_none() && !edge.period => {
            matches!(pair.extract, Extract::Value).then_some(pair.child)
        }
        _ => None,
    }
}

/// The pairs of columns of an edge that are compared for equality: all but the one with the period.
fn key_pairs(edge: &EdgeSpec) -> &[super::spec::ColumnPair] {
    match edge.columns.split_last() {
        Some((_, pairs)) if edge.period => pairs,
        _ => &edge.columns,
    }
}

fn is_integer(ty: &PgType) -> bool {
    ty.is_integer() || *ty.base() == PgType::Oid
}

fn element(ty: &PgType) -> Option<&PgType> {
    match ty.base() {
        PgType::Array(element) => Some(element),
        _ => None,
    }
}

/// Reads the codes of one key, or of one edge.
pub struct CodeReader {
    columns: Vec<ReadColumn>,
    integers: bool,
    guard: Option<(usize, PgType, Vec<Vec<u8>>)>,
    fingerprints: Fingerprints,
}

/// A column that is read.
struct ReadColumn {
    /// Where it is in the batch.
    at: usize,
    ty: PgType,
    /// The type that it is compared as.
    as_ty: PgType,
    extract: Extract,
}

/// Reads the codes of the rows of a batch.
pub struct BatchCodes<'b> {
    reader: &'b CodeReader,
    columns: &'b Columns<'b>,
    /// The codes of all rows, where they are read at once.
    at_once: Option<Vec<Code>>,
}

impl BatchCodes<'_> {
    /// Appends the codes of the row to `codes`; see `CodeReader::read`.
    ///
    /// # Errors
    /// What a value is not, without the value.
    #[inline]
    pub fn read(&self, row: usize, scratch: &mut Scratch, codes: &mut Vec<Code>) -> Result<(), &'static str> {
        let Some(at_once) = &self.at_once else {
            return self.reader.read(self.columns, row, scratch, codes);
        };
        if !self.reader.columns.iter().any(|column| self.columns[column.at].is_null(row)) {
            codes.push(at_once[row]);
        }
        Ok(())
    }
}

/// A batch's columns.
pub type Columns<'a> = [KeyValues<'a>];

/// What is used again for every row.
#[derive(Default)]
pub struct Scratch {
    /// A value, not escaped.
    pub value: Vec<u8>,
    /// Its canonical form.
    pub canonical: Vec<u8>,
    /// The forms of several columns.
    pub parts: Vec<u8>,
    elements: Elements,
}

impl CodeReader {
    /// A reader of the codes of a key; `types` are its table's columns, and `place` says where in a batch each is.
    pub fn of_key(
        key: &ReferredKey,
        types: &[PgType],
        fingerprints: &Fingerprints,
        place: &mut dyn FnMut(usize) -> usize,
    ) -> Self {
        let mut column = |&column: &usize| ReadColumn {
            at: place(column),
            ty: types[column].clone(),
            as_ty: types[column].clone(),
            extract: Extract::Value,
        };
        let columns = key.columns.iter().map(&mut column).collect();
        CodeReader { columns, integers: key.integers, guard: None, fingerprints: fingerprints.clone() }
    }

    /// A reader of the codes of the references by an edge to the key `key`.
    pub fn of_edge(
        edge: &EdgeSpec,
        key: &ReferredKey,
        (child, parent): (&[PgType], &[PgType]),
        fingerprints: &Fingerprints,
        place: &mut dyn FnMut(usize) -> usize,
    ) -> Self {
        // In the order of the key.
        let mut pairs: Vec<_> = key_pairs(edge).iter().collect();
        pairs.sort_by_key(|pair| pair.parent);
        let mut column = |pair: &&super::spec::ColumnPair| ReadColumn {
            at: place(pair.child),
            ty: match &pair.extract {
                Extract::Value => child[pair.child].clone(),
                Extract::Elements => element(&child[pair.child]).cloned().unwrap_or(PgType::Text),
                Extract::Json(_) => PgType::Text,
            },
            as_ty: parent[pair.parent].clone(),
            extract: pair.extract.clone(),
        };
        let columns = pairs.iter().map(&mut column).collect();
        let guard = edge.guard.as_ref().map(|guard| {
            let ty = child[guard.column].clone();
            let form = |value: &Vec<u8>| canonical_as(&ty, &ty, value, &mut Vec::new()).to_vec();
            (place(guard.column), ty.clone(), guard.values.iter().map(form).collect())
        });
        CodeReader { columns, integers: key.integers, guard, fingerprints: fingerprints.clone() }
    }

    /// Whether the codes are integers.
    pub fn are_integers(&self) -> bool {
        self.integers
    }

    /// Appends the codes of the row to `codes`: none where a column is NULL, several where one has several references.
    ///
    /// # Errors
    /// What a value is not, without the value.
    fn read(
        &self,
        batch: &Columns<'_>,
        row: usize,
        scratch: &mut Scratch,
        codes: &mut Vec<Code>,
    ) -> Result<(), &'static str> {
        if self.columns.iter().any(|column| batch[column.at].is_null(row))
            || !self.is_guarded(batch, row, scratch)
        {
            return Ok(());
        }
        let Scratch { value: value_scratch, canonical, parts, elements } = scratch;
        if let [column] = &self.columns[..] {
            let value = batch[column.at];
            if let (KeyValues::Integers(integers), Extract::Value, true) =
                (value, &column.extract, self.integers)
            {
                codes.push(integer_code(integers.value(row)));
                return Ok(());
            }
            let value = value.text(row, value_scratch);
            match &column.extract {
                Extract::Value => codes.push(self.code(column, value, canonical)?),
                Extract::Elements => {
                    elements.truncate(0);
                    parse_array(value, b',', elements).map_err(|_| "is not an array")?;
                    for element in (0..elements.len()).filter_map(|index| elements.get(index)) {
                        codes.push(self.code(column, element, canonical)?);
                    }
                }
                Extract::Json(path) => {
                    path.find(value, &mut |found| codes.extend(self.code(column, found, canonical)));
                }
            }
            return Ok(());
        }
        parts.clear();
        for column in &self.columns {
            let value = batch[column.at].text(row, value_scratch);
            push_part(Some(canonical_as(&column.ty, &column.as_ty, value, canonical)), parts);
        }
        codes.push(self.fingerprints.of(parts));
        Ok(())
    }

    /// Reads the codes of a batch of rows.
    pub fn of_batch<'b>(&'b self, columns: &'b Columns<'b>) -> BatchCodes<'b> {
        BatchCodes { reader: self, columns, at_once: self.uuids(columns) }
    }

    /// The codes of all rows, whatever those of NULL, of a column of UUIDs that refers to UUIDs: in the form in which
    /// Postgres writes them they are canonical.
    fn uuids(&self, columns: &Columns<'_>) -> Option<Vec<Code>> {
        let ([column], None) = (&self.columns[..], &self.guard) else { return None };
        let (KeyValues::Uuids(uuids), Extract::Value) = (columns[column.at], &column.extract) else {
            return None;
        };
        let are_uuids = [&column.ty, &column.as_ty].iter().all(|ty| *ty.base() == PgType::Uuid);
        are_uuids.then(|| {
            let uuids = (0..uuids.len()).filter_map(|row| uuids.value(row).first_chunk());
            self.fingerprints.of_uuids(uuids)
        })
    }

    fn is_guarded(&self, batch: &Columns<'_>, row: usize, scratch: &mut Scratch) -> bool {
        let Some((at, ty, values)) = &self.guard else { return true };
        if batch[*at].is_null(row) {
            return false;
        }
        let value = batch[*at].text(row, &mut scratch.value);
        let value = canonical_as(ty, ty, value, &mut scratch.canonical);
        values.iter().any(|named| named == value)
    }

    fn code(&self, column: &ReadColumn, value: &[u8], scratch: &mut Vec<u8>) -> Result<Code, &'static str> {
        if !self.integers {
            return Ok(self.fingerprints.of(canonical_as(&column.ty, &column.as_ty, value, scratch)));
        }
        integer(value).map(integer_code).ok_or("is not an integer")
    }
}

/// The code of an integer.
#[inline]
pub fn integer_code(integer: i64) -> Code {
    Code { high: ordered(integer), low: 0 }
}

/// Appends a value of several to `parts`, so that no others look the same in a row: whether it is there, its length, it.
pub fn push_part(value: Option<&[u8]>, parts: &mut Vec<u8>) {
    parts.push(u8::from(value.is_some()));
    if let Some(value) = value {
        parts.extend_from_slice(&(value.len() as u64).to_le_bytes());
        parts.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_not_what_they_make_together() {
        let parts = |values: &[Option<&[u8]>]| {
            let mut parts = Vec::new();
            values.iter().for_each(|value| push_part(*value, &mut parts));
            parts
        };
        assert_ne!(parts(&[Some(b"ab"), Some(b"c")]), parts(&[Some(b"a"), Some(b"bc")]));
        assert_ne!(parts(&[Some(b""), None]), parts(&[None, Some(b"")]));
    }

    #[test]
    fn an_edge_of_integers_refers_to_integers() {
        let types = [PgType::Int4, PgType::Text, PgType::Array(Box::new(PgType::Int2))];
        let parent = [PgType::Int8, PgType::Numeric(None)];
        let is_integer = |child: usize, parent_column: usize, extract: Extract| {
            let mut edge = EdgeSpec::new("e", 0, 1, &[(child, parent_column)]);
            edge.columns[0].extract = extract;
            ReferredKey::of(&edge, &types, &parent).integers
        };
        assert!(is_integer(0, 0, Extract::Value));
        assert!(is_integer(2, 0, Extract::Elements));
        assert!(!is_integer(1, 0, Extract::Value));
        assert!(!is_integer(0, 1, Extract::Value));
        let composite = EdgeSpec::new("e", 0, 1, &[(1, 1), (0, 0)]);
        assert_eq!(ReferredKey::of(&composite, &types, &parent).columns, [0, 1]);
    }
}
