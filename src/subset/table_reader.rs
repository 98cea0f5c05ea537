//! Reads the rows of one table: which columns, for what, and what is made of them once all are read.

use std::sync::{Arc, Mutex, PoisonError};

use super::KeyRows;
use super::batch_reader::digest;
use super::bits::Bits;
use super::code_reader::{CodeReader, ReferredKey};
use super::fingerprints::Fingerprints;
use super::gathered::{Gathered, InOrder};
use super::key_set::KeySet;
use super::links::KeptLinks;
use super::lists::CodeLists;
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
    pub(super) table: &'a TableSpec,
    /// The columns that are read.
    columns: Vec<usize>,
    pub(super) keys: Vec<CodeReader>,
    pub(super) edges: Vec<Option<EdgeReader<'a>>>,
    /// Where ranges are in a batch, and their types.
    pub(super) periods: Vec<(usize, PgType)>,
    pub(super) sampler: Option<Sampler>,
    pub(super) keeps_u: bool,
    pub(super) sampled: Sampled,
    pub(super) condition: Option<(&'a dyn RowCondition, Vec<usize>)>,
}

/// Of which rows u is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampled {
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
    pub(super) parents: Option<&'a KeySet>,
    /// Whether children follow their parent.
    pub(super) is_followed: bool,
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
                let digest = digest(self, first_row, batch)?;
                in_order.lock().unwrap_or_else(PoisonError::into_inner).add(first_row, digest)
            })?;
            let in_order = in_order.into_inner().unwrap_or_else(PoisonError::into_inner);
            let (rows, all) = in_order.complete().ok_or_else(|| self.gap())?;
            part_rows.push(rows);
            gathered = all;
        }
        self.complete(gathered, part_rows, memory_bytes, &stores.kept)
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
