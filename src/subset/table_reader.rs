//! Reads the rows of one table: what of them the engine keeps, a batch at a time, on any thread, put in their order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;

use super::KeyRows;
use super::bits::Bits;
use super::code_reader::{CodeReader, Columns, Fingerprints, ReferredKey, Scratch};
use super::key_set::KeySet;
use super::key_values::{KeyValues, texts};
use super::lists::{Code, CodeLists, DANGLING, Links};
use super::packed::PackedColumn;
use super::period::Period;
use super::seed::{RowHashes, Sampler, smallest};
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
    keys: Vec<CodeReader>,
    key_integers: Vec<bool>,
    edges: Vec<EdgeReader<'a>>,
    /// Where ranges are in a batch, and their types.
    periods: Vec<(usize, PgType)>,
    sampler: Option<Sampler>,
    keeps_u: bool,
    /// Whether only rows are sampled that no reference ties to a parent.
    samples_untied: bool,
    condition: Option<(&'a dyn RowCondition, Vec<usize>)>,
}

struct EdgeReader<'a> {
    codes: CodeReader,
    integers: bool,
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
    Links(Links),
}

impl<'a> TableReader<'a> {
    /// A reader of the table `index`, of the keys `keys` of it, and the references by the edges `edges`, each with the key
    /// that it refers to and the map of that, if there is one.
    pub fn new(
        spec: &'a Spec,
        index: usize,
        keys: &[&ReferredKey],
        edges: &[(usize, &ReferredKey, Option<&'a KeySet>)],
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
        let edge = |&(edge, key, parents): &(usize, &ReferredKey, Option<&'a KeySet>)| {
            let edge = &spec.edges[edge];
            let both = (&types[..], &spec.tables[edge.parent].columns[..]);
            let codes = CodeReader::of_edge(edge, key, both, fingerprints, &mut place);
            EdgeReader { codes, integers: key.integers, parents, is_followed: edge.down != Down::None }
        };
        let read_edges = edges.iter().map(edge).collect();
        let periods = periods.iter().map(|&column| (place(column), types[column].clone())).collect();
        let follows_cap =
            |edge: &EdgeSpec| edge.child == index && edge.cap.is_some() && edge.down != Down::None;
        let keeps_u = spec.edges.iter().any(follows_cap) || matches!(table.rows, Rows::Count(_));
        let samples = keeps_u
            || matches!(table.rows, Rows::Percent(_))
            || table.unowned.is_some()
            || !table.include.is_empty();
        let sampler = samples.then(|| Sampler::new(table, master_key, &mut place));
        let is_by_whole_row = sampler.as_ref().is_some_and(Sampler::is_by_whole_row);
        let samples_untied = !keeps_u
            && !is_by_whole_row
            && !matches!(table.rows, Rows::Percent(_))
            && table.include.is_empty();
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
            key_integers: keys.iter().map(|key| key.integers).collect(),
            edges: read_edges,
            periods,
            keeps_u: keeps_u || is_by_whole_row,
            samples_untied,
            sampler,
            condition,
        }
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
            let in_order = Mutex::new(InOrder { gathered, next: 0, waiting: BTreeMap::new() });
            rows.scan(part, &self.columns, &|first_row, batch| {
                let digest = self.digest(first_row, batch)?;
                in_order.lock().unwrap_or_else(PoisonError::into_inner).add(first_row, digest)
            })?;
            let in_order = in_order.into_inner().unwrap_or_else(PoisonError::into_inner);
            if !in_order.waiting.is_empty() {
                return Err(self.gap());
            }
            part_rows.push(in_order.next);
            gathered = in_order.gathered;
        }
        self.complete(gathered, part_rows, memory_bytes, &stores.kept)
    }

    fn digest(&self, first_row: u64, batch: &RecordBatch) -> Result<Digest> {
        let columns: Vec<_> = batch.columns().iter().map(KeyValues::of).collect();
        let rows = batch.num_rows();
        let mut digest = Digest::new(self, rows);
        let mut scratch = Scratch::default();
        for row in 0..rows {
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
            digest.anchors.iter_mut().zip(held).for_each(|(anchor, holds)| *anchor |= holds);
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
        for (edge, lists) in self.edges.iter().zip(&mut digest.edges) {
            match (lists, edge.parents) {
                (EdgeLists::Links(lists), Some(parents)) => {
                    digest.codes.clear();
                    edge.codes.read(columns, row, scratch, &mut digest.codes)?;
                    let before = lists.items.len();
                    digest.codes.iter().for_each(|&code| find(parents, code, &mut lists.items));
                    is_tied |= edge.is_followed && lists.items[before..].iter().any(|&link| link != DANGLING);
                    lists.end_row();
                }
                (EdgeLists::Codes(lists), _) => {
                    lists.row(|codes| edge.codes.read(columns, row, scratch, codes))?
                }
                (EdgeLists::Links(_), None) => unreachable!("links are found in a map"),
            }
        }
        for ((at, ty), periods) in self.periods.iter().zip(&mut digest.periods) {
            let column = columns[*at];
            let value = (!column.is_null(row)).then(|| column.text(row, &mut scratch.value));
            periods.push(value.map_or_else(Period::default, |value| Period::read(ty, value)));
        }
        // What the sample says of a row that is tied to a parent, nobody asks.
        let Some(sampler) = self.sampler.as_ref().filter(|_| !(self.samples_untied && is_tied)) else {
            return Ok(());
        };
        let (sample, included) = sampler.sample(columns, row, scratch);
        digest.anchors[row] |= included;
        if self.keeps_u {
            digest.samples.push(sample);
        }
        if !sampler.is_by_whole_row() {
            let [u, _] = sample;
            digest.anchors[row] |= matches!(self.table.rows, Rows::Percent(share) if share.takes(u));
            digest.unowned[row] = self.table.unowned.is_some_and(|share| share.takes(u));
        }
        Ok(())
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
            }
        }
        let mut u = match (gathered.hashes, &self.sampler) {
            (Some(hashes), Some(sampler)) => Some(hashes.into_u(sampler, memory_bytes, store)?),
            _ => gathered.u,
        };
        if let Some(u) = &mut u {
            u.finish()?;
        }
        let mut rows = TableRows {
            rows: parts.iter().sum(),
            parts,
            anchors: gathered.anchors,
            unowned: gathered.unowned,
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

/// What a batch has for the columns of the table.
struct Digest {
    rows: usize,
    anchors: Vec<bool>,
    unowned: Vec<bool>,
    samples: Vec<[u64; 2]>,
    keys: Vec<Lists<Code>>,
    edges: Vec<EdgeLists>,
    periods: Vec<Vec<Period>>,
    codes: Vec<Code>,
}

/// The references by an edge in a batch.
enum EdgeLists {
    Codes(Lists<Code>),
    Links(Lists<u64>),
}

/// Lists of several rows, one after another.
struct Lists<T> {
    items: Vec<T>,
    ends: Vec<usize>,
}

impl<T> Lists<T> {
    fn new() -> Self {
        Lists { items: Vec::new(), ends: Vec::new() }
    }

    fn row(
        &mut self,
        read: impl FnOnce(&mut Vec<T>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        read(&mut self.items)?;
        self.end_row();
        Ok(())
    }

    fn end_row(&mut self) {
        self.ends.push(self.items.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[T]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.items[start..end])
    }
}

impl Digest {
    fn new(reader: &TableReader<'_>, rows: usize) -> Self {
        let edge = |edge: &EdgeReader<'_>| match edge.parents {
            Some(_) => EdgeLists::Links(Lists::new()),
            None => EdgeLists::Codes(Lists::new()),
        };
        Digest {
            rows,
            anchors: vec![false; rows],
            unowned: vec![false; rows],
            samples: Vec::new(),
            keys: reader.keys.iter().map(|_| Lists::new()).collect(),
            edges: reader.edges.iter().map(edge).collect(),
            periods: reader.periods.iter().map(|_| Vec::with_capacity(rows)).collect(),
            codes: Vec::new(),
        }
    }
}

/// What was gathered of the batches so far.
struct Gathered {
    anchors: Bits,
    unowned: Bits,
    u: Option<PackedColumn>,
    hashes: Option<RowHashes>,
    keys: Vec<CodeLists>,
    edges: Vec<References>,
    periods: Vec<Vec<Period>>,
}

impl Gathered {
    fn new(reader: &TableReader<'_>, stores: &Stores) -> Self {
        let store = &stores.kept;
        let by_whole_row = reader.sampler.as_ref().is_some_and(Sampler::is_by_whole_row);
        let edge = |edge: &EdgeReader<'_>| match edge.parents {
            Some(_) => References::Links(Links::new(store)),
            None => References::Codes(CodeLists::new(edge.integers, store)),
        };
        Gathered {
            anchors: Bits::default(),
            unowned: Bits::default(),
            u: (reader.keeps_u && !by_whole_row).then(|| PackedColumn::new(store)),
            hashes: (reader.keeps_u && by_whole_row).then(|| RowHashes::new(store)),
            keys: reader
                .key_integers
                .iter()
                .map(|&integers| CodeLists::new(integers, &stores.passing))
                .collect(),
            edges: reader.edges.iter().map(edge).collect(),
            periods: reader.periods.iter().map(|_| Vec::new()).collect(),
        }
    }

    fn add(&mut self, digest: Digest) -> Result<()> {
        digest.anchors.iter().for_each(|&is_anchor| self.anchors.push(is_anchor));
        digest.unowned.iter().for_each(|&is_unowned| self.unowned.push(is_unowned));
        for sample in digest.samples {
            match (&mut self.hashes, &mut self.u) {
                (Some(hashes), _) => hashes.push(sample)?,
                (None, Some(u)) => u.push(sample[0])?,
                (None, None) => {}
            }
        }
        for (key, lists) in self.keys.iter_mut().zip(&digest.keys) {
            lists.iter().try_for_each(|codes| key.push(codes))?;
        }
        let mut row = Vec::new();
        for (edge, lists) in self.edges.iter_mut().zip(&digest.edges) {
            match (edge, lists) {
                (References::Codes(edge), EdgeLists::Codes(lists)) => {
                    lists.iter().try_for_each(|codes| edge.push(codes))?;
                }
                (References::Links(edge), EdgeLists::Links(lists)) => {
                    for links in lists.iter() {
                        row.clear();
                        row.extend_from_slice(links);
                        edge.push(&mut row)?;
                    }
                }
                _ => unreachable!("both were made for the same reader"),
            }
        }
        self.periods.iter_mut().zip(digest.periods).for_each(|(all, more)| all.extend(more));
        Ok(())
    }
}

/// Puts the batches of a part in their order.
struct InOrder {
    gathered: Gathered,
    /// The rows that were gathered.
    next: u64,
    waiting: BTreeMap<u64, Digest>,
}

impl InOrder {
    fn add(&mut self, first_row: u64, digest: Digest) -> Result<()> {
        if digest.rows == 0 {
            return Ok(());
        }
        self.waiting.insert(first_row, digest);
        while let Some(digest) = self.waiting.remove(&self.next) {
            self.next += digest.rows as u64;
            self.gathered.add(digest)?;
        }
        Ok(())
    }
}
