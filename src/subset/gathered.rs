//! What the engine keeps of a table's rows: of a batch first, then of all of them, put in their order.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::links::KeptLinks;
use super::lists::{Code, CodeLists};
use super::packed::PackedColumn;
use super::period::Period;
use super::seed::{RowHashes, Sampler};
use super::spill::Stores;
use super::table_reader::{EdgeReader, References, TableReader, Wanted};
use crate::error::Result;

/// What a batch has for the columns of the table.
pub struct Digest {
    rows: u64,
    /// The anchors.
    pub anchors: Bits,
    /// The rows that are anchors if nothing ties them to a parent.
    pub unowned: Bits,
    /// The first 128 bits of the PRF of each row, where they are needed.
    pub samples: Vec<[u64; 2]>,
    /// The codes of the keys.
    pub keys: Vec<Lists<Code>>,
    /// The references by the edges.
    pub edges: Vec<BatchReferences>,
    /// The ranges.
    pub periods: Vec<Vec<Period>>,
    /// Used again for every row.
    pub codes: Vec<Code>,
}

/// The references by an edge in a batch, in the form that is wanted.
#[derive(Default)]
pub struct BatchReferences {
    /// By code.
    pub codes: Option<Lists<Code>>,
    /// By row.
    pub links: Option<Lists<u64>>,
}

/// Lists of several rows, one after another.
pub struct Lists<T> {
    /// The items of all rows.
    pub items: Vec<T>,
    ends: Vec<usize>,
}

impl<T> Lists<T> {
    fn new() -> Self {
        Lists { items: Vec::new(), ends: Vec::new() }
    }

    /// Appends a row of what `read` appends.
    pub fn row(
        &mut self,
        read: impl FnOnce(&mut Vec<T>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        read(&mut self.items)?;
        self.end_row();
        Ok(())
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.ends.push(self.items.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[T]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.items[start..end])
    }
}

impl Digest {
    /// Room for what `reader` reads of `rows` rows.
    pub fn new(reader: &TableReader<'_>, rows: usize) -> Self {
        let edge = |edge: &Option<EdgeReader<'_>>| match edge.as_ref().map(|edge| edge.wanted) {
            Some(Wanted::Codes) => BatchReferences { codes: Some(Lists::new()), links: None },
            Some(Wanted::Links) => BatchReferences { codes: None, links: Some(Lists::new()) },
            Some(Wanted::Nothing) | None => BatchReferences::default(),
        };
        Digest {
            rows: rows as u64,
            anchors: Bits::new(rows as u64),
            unowned: Bits::new(rows as u64),
            samples: Vec::new(),
            keys: reader.keys.iter().map(|_| Lists::new()).collect(),
            edges: reader.edges.iter().map(edge).collect(),
            periods: reader.periods.iter().map(|_| Vec::with_capacity(rows)).collect(),
            codes: Vec::new(),
        }
    }
}

/// What was gathered of the batches so far.
pub struct Gathered {
    /// The anchors, where there may be any.
    pub anchors: Option<Bits>,
    /// The rows that are anchors if nothing ties them to a parent, where there may be any.
    pub unowned: Option<Bits>,
    /// The u of each row, where it is needed.
    pub u: Option<PackedColumn>,
    /// What u follows from, where equal rows have to be told apart.
    pub hashes: Option<RowHashes>,
    /// The codes of the keys.
    pub keys: Vec<CodeLists>,
    /// The references by the edges.
    pub edges: Vec<References>,
    /// The ranges.
    pub periods: Vec<Vec<Period>>,
}

impl Gathered {
    /// Nothing yet of what `reader` reads.
    pub fn new(reader: &TableReader<'_>, stores: &Stores) -> Self {
        let store = &stores.kept;
        let by_whole_row = reader.sampler.as_ref().is_some_and(Sampler::is_by_whole_row);
        let edge = |edge: &Option<EdgeReader<'_>>| match edge {
            Some(edge) if edge.wanted == Wanted::Codes => {
                References::Codes(CodeLists::new(edge.codes.are_integers(), store))
            }
            Some(edge) if edge.wanted == Wanted::Links => References::Links(KeptLinks::new(store)),
            _ => References::Unwanted,
        };
        let keys = reader.keys.iter().map(|key| CodeLists::new(key.are_integers(), &stores.passing));
        Gathered {
            anchors: reader.has_anchors().then(Bits::default),
            unowned: reader.sampler.is_some().then(Bits::default),
            u: (reader.keeps_u && !by_whole_row).then(|| PackedColumn::new(store)),
            hashes: (reader.keeps_u && by_whole_row).then(|| RowHashes::new(store)),
            keys: keys.collect(),
            edges: reader.edges.iter().map(edge).collect(),
            periods: reader.periods.iter().map(|_| Vec::new()).collect(),
        }
    }

    fn add(&mut self, digest: Digest) -> Result<()> {
        if let Some(anchors) = &mut self.anchors {
            anchors.append(&digest.anchors);
        }
        if let Some(unowned) = &mut self.unowned {
            unowned.append(&digest.unowned);
        }
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
        for (edge, references) in self.edges.iter_mut().zip(&digest.edges) {
            match (edge, &references.codes, &references.links) {
                (References::Codes(edge), Some(codes), _) => {
                    codes.iter().try_for_each(|codes| edge.push(codes))?;
                }
                (References::Links(edge), _, Some(links)) => {
                    for links in links.iter() {
                        row.clear();
                        row.extend_from_slice(links);
                        edge.push(&mut row)?;
                    }
                }
                _ => {}
            }
        }
        self.periods.iter_mut().zip(digest.periods).for_each(|(all, more)| all.extend(more));
        Ok(())
    }
}

/// Puts the batches of a part in their order.
pub struct InOrder {
    gathered: Gathered,
    /// The rows that were gathered.
    next: u64,
    waiting: BTreeMap<u64, Digest>,
}

impl InOrder {
    /// Nothing of the part yet; `gathered` has the parts before it.
    pub fn new(gathered: Gathered) -> Self {
        InOrder { gathered, next: 0, waiting: BTreeMap::new() }
    }

    /// Adds a batch, whose first row is the row `first_row` of the part.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn add(&mut self, first_row: u64, digest: Digest) -> Result<()> {
        if digest.rows == 0 {
            return Ok(());
        }
        self.waiting.insert(first_row, digest);
        while let Some(digest) = self.waiting.remove(&self.next) {
            self.next += digest.rows;
            self.gathered.add(digest)?;
        }
        Ok(())
    }

    /// How many rows the part has, and what was gathered; `None` if rows are missing.
    pub fn complete(self) -> Option<(u64, Gathered)> {
        self.waiting.is_empty().then_some((self.next, self.gathered))
    }
}
