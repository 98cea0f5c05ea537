//! The rows of all tables and the references between them, by number: what the closure works on.
//!
//! Tables are read once each, parents before children, so that most references are found in the map of their parents' keys
//! at once and only the parents' numbers are kept. What refers to a table that is read later (in a cycle, or to itself), or
//! to one whose map does not fit in memory, is kept by code until the map is there, or a slice of it at a time.

use super::bits::Bits;
use super::cap;
use super::code_reader::{Fingerprints, ReferredKey};
use super::key_set::{KeyLayout, KeySet, Slice};
use super::lists::{CodeLists, DANGLING, Links};
use super::order::components;
use super::packed::PackedColumn;
use super::period::Period;
use super::spec::{Down, Spec};
use super::spill::Stores;
use super::table_reader::{References, TableReader, find};
use super::{Budget, KeyRows};
use crate::error::Result;
use crate::key::MasterKey;

/// The rows and their references.
pub struct Graph {
    /// The rows of each table.
    pub tables: Vec<GraphTable>,
    /// The links of each edge.
    pub links: Vec<Links>,
    /// For each edge with a cap that some parent reaches, the links that are within it, by their place in the column.
    pub within_cap: Vec<Option<Bits>>,
}

/// The rows of one table.
#[derive(Default)]
pub struct GraphTable {
    /// The rows of each of its parts, in the order of the specification's.
    pub parts: Vec<u64>,
    /// Their number.
    pub rows: u64,
    /// The anchors.
    pub anchors: Bits,
    /// Those that are anchors if nothing ties them to a parent.
    pub unowned: Bits,
}

/// How references to a key are found.
enum Key {
    /// Its table is not read yet.
    Unread,
    /// In this map.
    Map(KeySet),
    /// The map is made a slice at a time, once all is read.
    Codes(CodeLists, KeyLayout),
    /// Nothing looks for it any more.
    Done,
}

struct Gathering<'a> {
    spec: &'a Spec,
    stores: &'a Stores,
    /// Bytes for maps of keys.
    memory_bytes: u64,
    keys: Vec<ReferredKey>,
    /// The key that each edge refers to.
    edge_keys: Vec<usize>,
    maps: Vec<Key>,
    references: Vec<Option<References>>,
    /// The ranges of an edge with a period: the child's and the parent's.
    periods: Vec<(Vec<Period>, Vec<Period>)>,
}

impl Graph {
    /// Reads the keys of all tables.
    ///
    /// # Errors
    /// What `rows` fails with, values that are not what their types say, or a temporary file that cannot be written.
    pub fn gather(
        spec: &Spec,
        rows: &dyn KeyRows,
        master_key: &MasterKey,
        budget: &Budget,
        stores: &Stores,
    ) -> Result<Graph> {
        let fingerprints = Fingerprints::new(master_key);
        let mut gathering = Gathering::new(spec, stores, budget.memory_bytes / 2);
        let mut tables: Vec<GraphTable> = spec.tables.iter().map(|_| GraphTable::default()).collect();
        let mut u: Vec<Option<PackedColumn>> = spec.tables.iter().map(|_| None).collect();
        let arcs = spec.edges.iter().map(|edge| (edge.child, edge.parent));
        for table in components(spec.tables.len(), arcs).concat() {
            let (read, table_u) = gathering.read(table, rows, master_key, &fingerprints)?;
            (tables[table], u[table]) = (read, table_u);
        }
        let links = gathering.finish()?;
        let mut within_cap = Vec::with_capacity(links.len());
        for (edge, links) in spec.edges.iter().zip(&links) {
            within_cap.push(match (edge.cap, &u[edge.child]) {
                (Some(cap), Some(u)) if edge.down != Down::None => {
                    cap::within(cap, links, u, tables[edge.parent].rows, budget.memory_bytes / 2)?
                }
                _ => None,
            });
        }
        Ok(Graph { tables, links, within_cap })
    }
}

impl<'a> Gathering<'a> {
    fn new(spec: &'a Spec, stores: &'a Stores, memory_bytes: u64) -> Self {
        let mut keys: Vec<ReferredKey> = Vec::new();
        let mut edge_keys = Vec::with_capacity(spec.edges.len());
        for edge in &spec.edges {
            let types = |table: usize| &spec.tables[table].columns[..];
            let key = ReferredKey::of(edge, types(edge.child), types(edge.parent));
            edge_keys.push(keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                keys.len() - 1
            }));
        }
        Gathering {
            spec,
            stores,
            memory_bytes,
            maps: keys.iter().map(|_| Key::Unread).collect(),
            keys,
            edge_keys,
            references: spec.edges.iter().map(|_| None).collect(),
            periods: spec.edges.iter().map(|_| Default::default()).collect(),
        }
    }

    fn read(
        &mut self,
        table: usize,
        rows: &dyn KeyRows,
        master_key: &MasterKey,
        fingerprints: &Fingerprints,
    ) -> Result<(GraphTable, Option<PackedColumn>)> {
        let spec = self.spec;
        let keys: Vec<usize> = (0..self.keys.len()).filter(|&key| self.keys[key].table == table).collect();
        let edges: Vec<usize> =
            (0..spec.edges.len()).filter(|&edge| spec.edges[edge].child == table).collect();
        let parts: Vec<usize> = (0..spec.parts.len()).filter(|&part| spec.parts[part] == table).collect();
        let periods: Vec<(usize, bool)> = (0..spec.edges.len())
            .filter(|&edge| spec.edges[edge].period)
            .flat_map(|edge| [(edge, true), (edge, false)])
            .filter(|&(edge, is_child)| {
                table == if is_child { spec.edges[edge].child } else { spec.edges[edge].parent }
            })
            .collect();
        let period_columns: Vec<usize> = periods
            .iter()
            .filter_map(|&(edge, is_child)| {
                let pair = spec.edges[edge].columns.last()?;
                Some(if is_child { pair.child } else { pair.parent })
            })
            .collect();
        let key_readers: Vec<&ReferredKey> = keys.iter().map(|&key| &self.keys[key]).collect();
        let edge_readers: Vec<_> = edges
            .iter()
            .map(|&edge| {
                let key = self.edge_keys[edge];
                // Ranges are compared once both sides are read.
                let map = match &self.maps[key] {
                    Key::Map(map) if !spec.edges[edge].period => Some(map),
                    _ => None,
                };
                (edge, &self.keys[key], map)
            })
            .collect();
        let reader = TableReader::new(
            spec,
            table,
            &key_readers,
            &edge_readers,
            &period_columns,
            master_key,
            fingerprints,
        );
        let read = reader.read(rows, &parts, self.memory_bytes, self.stores)?;
        for (edge, references) in edges.into_iter().zip(read.edges) {
            self.references[edge] = Some(references);
        }
        for ((edge, is_child), ranges) in periods.into_iter().zip(read.periods) {
            let (child, parent) = &mut self.periods[edge];
            *if is_child { child } else { parent } = ranges;
        }
        for (key, codes) in keys.into_iter().zip(read.keys) {
            self.keep_key(key, codes)?;
        }
        self.find_with_maps()?;
        let table =
            GraphTable { parts: read.parts, rows: read.rows, anchors: read.anchors, unowned: read.unowned };
        Ok((table, read.u))
    }

    /// Makes the map of a key, if there is room for it.
    fn keep_key(&mut self, key: usize, codes: CodeLists) -> Result<()> {
        let in_use: u64 =
            self.maps.iter().map(|map| if let Key::Map(map) = map { map.memory_bytes() } else { 0 }).sum();
        let free = self.memory_bytes.saturating_sub(in_use);
        let mut layout = KeyLayout::survey(&codes)?;
        let mut map = None;
        if layout.slices(free) == 1 {
            map = layout.build(&codes, Slice::WHOLE)?;
            if map.is_none() {
                layout = layout.without_density();
                if layout.slices(free) == 1 {
                    map = layout.build(&codes, Slice::WHOLE)?;
                }
            }
        }
        self.maps[key] = map.map_or(Key::Codes(codes, layout), Key::Map);
        Ok(())
    }

    /// Finds what edges refer to where the map is there, and drops the maps that nothing needs any more.
    fn find_with_maps(&mut self) -> Result<()> {
        for edge in 0..self.references.len() {
            let Key::Map(map) = &self.maps[self.edge_keys[edge]] else { continue };
            if let Some(References::Codes(codes)) = &self.references[edge] {
                let periods = &self.periods[edge];
                let mut links = Links::new(&self.stores.kept);
                let (mut cursor, mut row_links) = (codes.cursor(), Vec::new());
                for row in 0..codes.rows() {
                    row_links.clear();
                    cursor.read()?.iter().for_each(|&code| find(map, code, &mut row_links));
                    self.keep_overlapping(edge, periods, row, &mut row_links);
                    links.push(&mut row_links)?;
                }
                links.finish()?;
                self.references[edge] = Some(References::Links(links));
                self.periods[edge] = Default::default();
            }
        }
        for key in 0..self.maps.len() {
            let is_found = |edge: usize| matches!(self.references[edge], Some(References::Links(_)));
            let mut edges = (0..self.references.len()).filter(|&edge| self.edge_keys[edge] == key);
            if matches!(self.maps[key], Key::Map(_)) && edges.all(is_found) {
                self.maps[key] = Key::Done;
            }
        }
        Ok(())
    }

    fn keep_overlapping(
        &self,
        edge: usize,
        (child, parent): &(Vec<Period>, Vec<Period>),
        row: u64,
        links: &mut Vec<u64>,
    ) {
        if !self.spec.edges[edge].period || links.is_empty() {
            return;
        }
        links.retain(|&link| link != DANGLING && child[row as usize].overlaps(&parent[link as usize]));
        if links.is_empty() {
            links.push(DANGLING);
        }
    }

    /// Finds what is left, a slice of a map at a time.
    fn finish(mut self) -> Result<Vec<Links>> {
        for key in 0..self.maps.len() {
            let Key::Codes(codes, layout) = std::mem::replace(&mut self.maps[key], Key::Done) else {
                continue;
            };
            if !self.find_in_slices(key, &codes, &layout)? {
                self.find_in_slices(key, &codes, &layout.without_density())?;
            }
        }
        let links = self.references.into_iter().map(|references| match references {
            Some(References::Links(links)) => links,
            _ => unreachable!("every table was read, and every key was looked for"),
        });
        Ok(links.collect())
    }

    /// Finds what refers to the key; false if the layout has no room for two rows with one key.
    fn find_in_slices(&mut self, key: usize, codes: &CodeLists, layout: &KeyLayout) -> Result<bool> {
        let slices = layout.slices(self.memory_bytes);
        let edges: Vec<usize> =
            (0..self.references.len()).filter(|&edge| self.edge_keys[edge] == key).collect();
        // For each edge and slice, what the codes within the slice refer to, in their order.
        let mut found: Vec<Vec<Links>> = edges.iter().map(|_| Vec::new()).collect();
        for index in 0..slices {
            let slice = Slice { index, of: slices };
            let Some(map) = layout.build(codes, slice)? else { return Ok(false) };
            for (&edge, found) in edges.iter().zip(&mut found) {
                let Some(References::Codes(references)) = &self.references[edge] else { continue };
                let mut links = Links::new(&self.stores.kept);
                let (mut cursor, mut code_links) = (references.cursor(), Vec::new());
                for _ in 0..references.rows() {
                    for &code in cursor.read()? {
                        if layout.slice_of(code, slices) == index {
                            code_links.clear();
                            find(&map, code, &mut code_links);
                            links.push(&mut code_links)?;
                        }
                    }
                }
                links.finish()?;
                found.push(links);
            }
        }
        for (edge, found) in edges.into_iter().zip(found) {
            let Some(References::Codes(references)) = &self.references[edge] else { continue };
            let mut links = Links::new(&self.stores.kept);
            let mut cursors: Vec<_> = found.iter().map(Links::cursor).collect();
            let (mut cursor, mut row_links) = (references.cursor(), Vec::new());
            for row in 0..references.rows() {
                row_links.clear();
                for &code in cursor.read()? {
                    row_links.extend_from_slice(cursors[layout.slice_of(code, slices) as usize].read()?);
                }
                self.keep_overlapping(edge, &self.periods[edge], row, &mut row_links);
                links.push(&mut row_links)?;
            }
            links.finish()?;
            self.references[edge] = Some(References::Links(links));
            self.periods[edge] = Default::default();
        }
        Ok(true)
    }
}
