//! Reads the rows of one table: what of them the engine keeps, a batch at a time, on any thread, put in their order.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;

use super::KeyRows;
use super::bits::Bits;
use super::code_reader::{CodeReader, Columns, Fingerprints, ReferredKey, Scratch};
use super::gathered::{Digest, Gathered, InOrder};
use super::key_set::KeySet;
use super::key_values::{KeyValues, texts};
use super::links::{DANGLING, KeptLinks};
use super::lists::{Code, CodeLists};
use super::packed::PackedColumn;
use super::period::Period;
use super::seed::{Sampler, smallest};
use super::spec::{Down, EdgeSpec, RowCondition, Rows, Share, Spec, TableSpec};
use super::spill::{Store, Stores};
use crate::error::{Error, Place, Result};
use crate::key::MasterKey;
use crate::schema::PgType;

/// What is read of a table.
pub struct TableReader<'a> {
    table: &'a TableSpec,
    /// The columns that are read.
    columns: Vec<usize>,
    pub(super) keys: Vec<CodeReader>,
    pub(super) edges: Vec<Option<EdgeReader<'a>>>,
    /// Where ranges are in a batch, and their types.
    pub(super) periods: Vec<(usize, PgType)>,
    pub(super) sampler: Option<Sampler>,
    pub(super) keeps_u: bool,
    sampled: Sampled,
    condition: Option<(&'a dyn RowCondition, Vec<usize>)>,
}

/// Of which rows u is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampled {
    /// Of every row.
    Every,
    /// Of those that no reference ties to a parent.
    Untied,
    /// Of none.
    None,
}

/// What is asked of the references by an edge.
#[derive(Clone, Copy)]
pub struct AskedEdge<'a> {
    /// The edge.
    pub edge: usize,
    /// The key that it refers to.
    pub key: &'a ReferredKey,
    /// The map of that, if there is one.
    pub parents: Option<&'a KeySet>,
    /// What is to be given back.
    pub wanted: Wanted,
}

/// In what form references are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By code.
    Codes,
    /// By the number of the row referred to, found in the map.
    Links,
    /// Not at all: they can be read again.
    Nothing,
}

/// Reads the references by an edge.
pub struct EdgeReader<'a> {
    pub(super) codes: CodeReader,
    pub(super) wanted: Wanted,
    /// Finds what the edge refers to, if that is known already.
    parents: Option<&'a KeySet>,
    /// Whether children follow their parent.
    is_followed: bool,
}

/// What was read of a table.
pub struct TableRows {
    /// The rows of each of the table's parts.
    pub parts: Vec<u64>,
    /// The number of rows.
    pub rows: u64,
    /// The anchors.
    pub anchors: Bits,
    /// The rows that are anchors if nothing ties them to a parent.
    pub unowned: Bits,
    /// The u of each row, where it is needed.
    pub u: Option<PackedColumn>,
    /// The codes of the keys, in the order in which they were asked for.
    pub keys: Vec<CodeLists>,
    /// The references by the edges, in the order in which they were asked for.
    pub edges: Vec<References>,
    /// The ranges, in the order in which they were asked for.
    pub periods: Vec<Vec<Period>>,
}

/// The references of a table's rows by an edge.
pub enum References {
    /// By code: what they refer to is not known yet.
    Codes(CodeLists),
    /// By row.
    Links(KeptLinks),
    /// They were not wanted.
    Unwanted,
}

impl<'a> TableReader<'a> {
    /// A reader of the table `index`, of the keys `keys` of it, the references `edges`, and the ranges in the columns
    /// `periods`.
    pub fn new(
        spec: &'a Spec,
        index: usize,
        keys: &[&ReferredKey],
        edges: &[AskedEdge<'a>],
        periods: &[usize],
        master_key: &MasterKey,
        fingerprints: &Fingerprints,
    ) -> Self {
        let table = &spec.tables[index];
        let mut columns: Vec<usize> = Vec::new();
        let mut place = |column: usize| {
            columns.iter().position(|&known| known == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            })
        };
        let types = &table.columns;
        let read_keys =
            keys.iter().map(|key| CodeReader::of_key(key, types, fingerprints, &mut place)).collect();
        let sampled = Self::sampled(spec, index);
        let edge = |asked: &AskedEdge<'a>| {
            let AskedEdge { key, parents, wanted, .. } = *asked;
            let edge = &spec.edges[asked.edge];
            let is_followed = edge.down != Down::None;
            // Of references that nobody wants it may still count whether they lead anywhere.
            let is_read =
                wanted != Wanted::Nothing || (sampled == Sampled::Untied && is_followed && parents.is_some());
            is_read.then(|| {
                let both = (&types[..], &spec.tables[edge.parent].columns[..]);
                let codes = CodeReader::of_edge(edge, key, both, fingerprints, &mut place);
                EdgeReader { codes, wanted, parents, is_followed }
            })
        };
        let read_edges = edges.iter().map(edge).collect();
        let periods = periods.iter().map(|&column| (place(column), types[column].clone())).collect();
        let samples = sampled != Sampled::None || !table.include.is_empty();
        let sampler = samples.then(|| Sampler::new(table, master_key, &mut place));
        let is_by_whole_row = sampler.as_ref().is_some_and(Sampler::is_by_whole_row);
        let condition = match &table.rows {
            Rows::Where(condition) => {
                Some((&**condition, condition.columns().iter().map(|&column| place(column)).collect()))
            }
            _ => None,
        };
        TableReader {
            table,
            columns,
            keys: read_keys,
            edges: read_edges,
            periods,
            keeps_u: Self::keeps_u(spec, index) || is_by_whole_row,
            sampled,
            sampler,
            condition,
        }
    }

    /// Whether the u of every row of the table `index` is needed.
    fn keeps_u(spec: &Spec, index: usize) -> bool {
        let follows_cap =
            |edge: &EdgeSpec| edge.child == index && edge.cap.is_some() && edge.down != Down::None;
        spec.edges.iter().any(follows_cap) || matches!(spec.tables[index].rows, Rows::Count(_))
    }

    /// Which rows of the table `index` are sampled.
    fn sampled(spec: &Spec, index: usize) -> Sampled {
        let table = &spec.tables[index];
        match (&table.rows, table.unowned) {
            (Rows::Percent(_), _) => Sampled::Every,
            _ if Self::keeps_u(spec, index) => Sampled::Every,
            // Equal rows are told apart only once all are read.
            (_, Some(_)) if table.key.is_empty() => Sampled::Every,
            (_, Some(_)) => Sampled::Untied,
            (_, None) => Sampled::None,
        }
    }

    /// Whether a row may be an anchor by itself.
    pub(super) fn has_anchors(&self) -> bool {
        matches!(self.table.rows, Rows::Percent(_) | Rows::Where(_)) || !self.table.include.is_empty()
    }

    /// Reads the rows of `parts`, one part after another.
    ///
    /// # Errors
    /// What `rows` fails with, or a value that is not what its type says.
    pub fn read(
        &self,
        rows: &dyn KeyRows,
        parts: &[usize],
        memory_bytes: u64,
        stores: &Stores,
    ) -> Result<TableRows> {
        let mut gathered = Gathered::new(self, stores);
        let mut part_rows = Vec::with_capacity(parts.len());
        for &part in parts {
            let in_order = Mutex::new(InOrder::new(gathered));
            rows.scan(part, &self.columns, &|first_row, batch| {
                let digest = self.digest(first_row, batch)?;
                in_order.lock().unwrap_or_else(PoisonError::into_inner).add(first_row, digest)
            })?;
            let in_order = in_order.into_inner().unwrap_or_else(PoisonError::into_inner);
            let (rows, all) = in_order.complete().ok_or_else(|| self.gap())?;
            part_rows.push(rows);
            gathered = all;
        }
        self.complete(gathered, part_rows, memory_bytes, &stores.kept)
    }

    fn digest(&self, first_row: u64, batch: &RecordBatch) -> Result<Digest> {
        let columns: Vec<_> = batch.columns().iter().map(KeyValues::of).collect();
        let rows = batch.num_rows();
        let mut digest = Digest::new(self, rows);
        let mut scratch = Scratch::default();
        let is_any_read = !self.keys.is_empty()
            || self.edges.iter().any(Option::is_some)
            || !self.periods.is_empty()
            || self.sampler.is_some();
        for row in 0..if is_any_read { rows } else { 0 } {
            self.digest_row(&columns, row, &mut scratch, &mut digest).map_err(|what| {
                let place = Place::table(&self.table.name).row(first_row + row as u64 + 1);
                Error::snapshot(format!("a key {what}"))
                    .at(place)
                    .hint("the snapshot is damaged; take it again")
            })?;
        }
        if let Some((condition, places)) = &self.condition {
            let asked = batch.project(places).expect("the columns of the condition are read");
            let held = condition.holds(&texts(&asked), first_row)?;
            (0..).zip(held).filter(|(_, holds)| *holds).for_each(|(row, _)| {
                digest.anchors.insert(row);
            });
        }
        Ok(digest)
    }

    fn digest_row(
        &self,
        columns: &Columns<'_>,
        row: usize,
        scratch: &mut Scratch,
        digest: &mut Digest,
    ) -> Result<(), &'static str> {
        for (key, lists) in self.keys.iter().zip(&mut digest.keys) {
            lists.row(|codes| key.read(columns, row, scratch, codes))?;
        }
        let mut is_tied = false;
        for (edge, references) in self.edges.iter().zip(&mut digest.edges) {
            let Some(edge) = edge else { continue };
            if let (Wanted::Codes, Some(codes)) = (edge.wanted, &mut references.codes) {
                codes.row(|codes| edge.codes.read(columns, row, scratch, codes))?;
                continue;
            }
            let Some(parents) = edge.parents else { continue };
            digest.codes.clear();
            edge.codes.read(columns, row, scratch, &mut digest.codes)?;
            match &mut references.links {
                Some(links) => {
                    let before = links.items.len();
                    digest.codes.iter().for_each(|&code| find(parents, code, &mut links.items));
                    is_tied |= edge.is_followed && links.items[before..].iter().any(|&link| link != DANGLING);
                    links.end_row();
                }
                None => is_tied |= digest.codes.iter().any(|&code| parents.find_one(code).is_some()),
            }
        }
        for ((at, ty), periods) in self.periods.iter().zip(&mut digest.periods) {
            let column = columns[*at];
            let value = (!column.is_null(row)).then(|| column.text(row, &mut scratch.value));
            periods.push(value.map_or_else(Period::default, |value| Period::read(ty, value)));
        }
        if let Some(sampler) = &self.sampler {
            self.sample_row(sampler, columns, row, is_tied, scratch, digest);
        }
        Ok(())
    }

    fn sample_row(
        &self,
        sampler: &Sampler,
        columns: &Columns<'_>,
        row: usize,
        is_tied: bool,
        scratch: &mut Scratch,
        digest: &mut Digest,
    ) {
        // What the sample says of a row that is tied to a parent, nobody asks.
        let is_sampled = match self.sampled {
            Sampled::Every => true,
            Sampled::Untied => !is_tied,
            Sampled::None => false,
        };
        if !is_sampled && self.table.include.is_empty() {
            return;
        }
        sampler.read(columns, row, scratch);
        let mut is_anchor = sampler.includes(scratch);
        if is_sampled {
            let sample = sampler.sample(scratch);
            if self.keeps_u {
                digest.samples.push(sample);
            }
            let takes = |share: Share| !sampler.is_by_whole_row() && share.takes(sample[0]);
            is_anchor |= matches!(self.table.rows, Rows::Percent(share) if takes(share));
            if self.table.unowned.is_some_and(takes) {
                digest.unowned.insert(row as u64);
            }
        }
        if is_anchor {
            digest.anchors.insert(row as u64);
        }
    }

    /// What can be said only once every row was read.
    fn complete(
        &self,
        mut gathered: Gathered,
        parts: Vec<u64>,
        memory_bytes: u64,
        store: &Arc<Store>,
    ) -> Result<TableRows> {
        gathered.keys.iter_mut().try_for_each(CodeLists::finish)?;
        for edge in &mut gathered.edges {
            match edge {
                References::Codes(codes) => codes.finish()?,
                References::Links(links) => links.finish()?,
                References::Unwanted => {}
            }
        }
        let mut u = match (gathered.hashes, &self.sampler) {
            (Some(hashes), Some(sampler)) => Some(hashes.into_u(sampler, memory_bytes, store)?),
            _ => gathered.u,
        };
        if let Some(u) = &mut u {
            u.finish()?;
        }
        let count = parts.iter().sum();
        let mut rows = TableRows {
            rows: count,
            parts,
            anchors: gathered.anchors.unwrap_or_else(|| Bits::new(count)),
            unowned: gathered.unowned.unwrap_or_else(|| Bits::new(count)),
            u,
            keys: gathered.keys,
            edges: gathered.edges,
            periods: gathered.periods,
        };
        self.complete_anchors(&mut rows)?;
        Ok(rows)
    }

    fn complete_anchors(&self, rows: &mut TableRows) -> Result<()> {
        let by_whole_row = self.sampler.as_ref().is_some_and(Sampler::is_by_whole_row);
        let add = |share: Share, u: &PackedColumn, bits: &mut Bits| -> Result<()> {
            let mut cursor = u.cursor();
            for row in 0..u.len() {
                if share.takes(cursor.read()?) {
                    bits.insert(row);
                }
            }
            Ok(())
        };
        match (&self.table.rows, &rows.u) {
            (Rows::All, _) => rows.anchors.fill(),
            (Rows::Percent(share), Some(u)) if by_whole_row => add(*share, u, &mut rows.anchors)?,
            (Rows::Count(count), Some(u)) if *count > 0 => {
                let share = smallest(u, *count)?.map_or(Share::ALL, Share::up_to);
                add(share, u, &mut rows.anchors)?;
            }
            _ => {}
        }
        if let (Some(share), Some(u), true) = (self.table.unowned, &rows.u, by_whole_row) {
            add(share, u, &mut rows.unowned)?;
        }
        Ok(())
    }

    fn gap(&self) -> Error {
        Error::snapshot("rows of the table are missing where its keys were read")
            .at(Place::table(&self.table.name))
            .hint("this is a defect of `mask`; please report it")
    }
}

/// Appends the rows that have the code, or that there is none.
pub fn find(parents: &KeySet, code: Code, links: &mut Vec<u64>) {
    let before = links.len();
    parents.find(code, links);
    if links.len() == before {
        links.push(DANGLING);
    }
}
