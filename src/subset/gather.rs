//! Reads the rows of all tables, and finds what their references refer to.
//!
//! Tables are read once each, parents before children, so that most references are found in the map of their parents' keys
//! at once and only the parents' numbers are kept. What refers to a table that is read later (in a cycle, or to itself), or
//! to one whose map does not fit in memory, is kept by code until the map is there, or a slice of it at a time.
//!
//! Integers that can be read again are not kept at all where the map of the keys is but a bit for each: they are looked for
//! in it whenever they are needed.

use super::cap;
use super::code_reader::{ReferredKey, plain_integers};
use super::fingerprints::Fingerprints;
use super::forest;
use super::graph::{Graph, GraphTable};
use super::key_layout::KeyLayout;
use super::key_maps::{KeyMap, KeyMaps};
use super::key_set::{KeySet, find_or_dangling};
use super::links::{DANGLING, FoundLinks, KeptLinks, Links};
use super::lists::Codes;
use super::packed::PackedColumn;
use super::period::Period;
use super::slices::Sliced;
use super::spec::{Down, Spec};
use super::spill::Stores;
use super::table_integers::TableIntegers;
use super::table_reader::{AskedEdge, References, TableReader, TableRows, Wanted};
use super::{Budget, KeyRows};
use crate::error::Result;
use crate::key::MasterKey;

/// Reads the keys of all tables.
///
/// # Errors
/// What `rows` fails with, values that are not what their types say, or a temporary file that cannot be written.
pub fn gather<'r>(
    spec: &Spec,
    rows: &'r dyn KeyRows,
    master_key: &MasterKey,
    budget: &Budget,
    stores: &Stores,
) -> Result<Graph<'r>> {
    let fingerprints = Fingerprints::new(master_key);
    let memory_bytes = budget.memory_bytes / 2;
    let groups = spec.components();
    let mut gathering = Gathering::new(spec, rows, stores, memory_bytes);
    let mut tables: Vec<GraphTable<'r>> = spec.tables.iter().map(|_| GraphTable::default()).collect();
    let mut u: Vec<Option<PackedColumn>> = spec.tables.iter().map(|_| None).collect();
    for group in groups {
        for &table in &group {
            let is_alone = group.len() == 1;
            (tables[table], u[table]) = gathering.read(table, is_alone, master_key, &fingerprints)?;
        }
    }
    let links = gathering.finish()?;
    let mut within_cap = Vec::with_capacity(links.len());
    for (edge, links) in spec.edges.iter().zip(&links) {
        within_cap.push(match (edge.cap, &u[edge.child]) {
            (Some(cap), Some(u)) if edge.down != Down::None => {
                cap::within(cap, links, u, tables[edge.parent].rows, memory_bytes)?
            }
            _ => None,
        });
    }
    Ok(Graph { tables, links, within_cap })
}

/// The references by an edge, as far as they are known.
enum Known<'r> {
    /// By code.
    Codes(Codes<'r>),
    /// By row.
    Links(Links<'r>),
}

/// What is read of a table. A column that can be read again is at hand beside the key or edge whose codes it has.
struct Asked<'r> {
    table: usize,
    parts: Vec<usize>,
    keys: Vec<(usize, Option<TableIntegers<'r>>)>,
    edges: Vec<(usize, Option<TableIntegers<'r>>)>,
    periods: Vec<AskedPeriod>,
}

/// A column with the ranges of an edge, of the child or of the parent.
struct AskedPeriod {
    edge: usize,
    is_child: bool,
    column: usize,
}

struct Gathering<'a, 'r> {
    spec: &'a Spec,
    rows: &'r dyn KeyRows,
    stores: &'a Stores,
    /// Bytes for maps of keys.
    memory_bytes: u64,
    keys: Vec<ReferredKey>,
    /// The key that each edge refers to.
    edge_keys: Vec<usize>,
    maps: KeyMaps<'r>,
    references: Vec<Option<Known<'r>>>,
    /// The rows of the tables that were read.
    table_rows: Vec<u64>,
    /// The ranges of an edge with a period: the child's and the parent's.
    periods: Vec<(Vec<Period>, Vec<Period>)>,
}

impl<'a, 'r> Gathering<'a, 'r> {
    fn new(spec: &'a Spec, rows: &'r dyn KeyRows, stores: &'a Stores, memory_bytes: u64) -> Self {
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
            rows,
            stores,
            memory_bytes,
            maps: KeyMaps::new(keys.len(), memory_bytes),
            keys,
            edge_keys,
            references: spec.edges.iter().map(|_| None).collect(),
            table_rows: vec![0; spec.tables.len()],
            periods: spec.edges.iter().map(|_| Default::default()).collect(),
        }
    }

    /// Reads a table, which is alone if it is on no cycle with others.
    fn read(
        &mut self,
        table: usize,
        is_alone: bool,
        master_key: &MasterKey,
        fingerprints: &Fingerprints,
    ) -> Result<(GraphTable<'r>, Option<PackedColumn>)> {
        let asked = self.asked(table);
        let read = self.read_rows(&asked, master_key, fingerprints)?;
        self.table_rows[table] = read.rows;
        let is_numbered = is_alone && self.may_be_numbered(&asked, read.rows);
        for ((edge, again), references) in asked.edges.into_iter().zip(read.edges) {
            self.references[edge] = Some(match (references, again) {
                (References::Codes(codes), _) => Known::Codes(Codes::Kept(Box::new(codes))),
                (References::Links(links), _) => Known::Links(Links::Kept(links)),
                (References::Unwanted, Some(integers)) => Known::Codes(Codes::Again(integers)),
                (References::Unwanted, None) => unreachable!("what is not wanted can be read again"),
            });
        }
        for (asked, ranges) in asked.periods.iter().zip(read.periods) {
            let (child, parent) = &mut self.periods[asked.edge];
            *if asked.is_child { child } else { parent } = ranges;
        }
        let (mut by_key, mut kept) = (None, read.keys.into_iter());
        for (key, again) in asked.keys {
            match again {
                Some(integers) if is_numbered => by_key = self.maps.number_by(key, integers, read.rows)?,
                Some(integers) => self.maps.keep(key, Codes::Again(integers), read.rows)?,
                None => {
                    let codes = Codes::Kept(Box::new(kept.next().expect("the key was read")));
                    self.maps.keep(key, codes, read.rows)?;
                }
            }
        }
        self.find_with_maps()?;
        let mut table = GraphTable { parts: read.parts, rows: read.rows, by_key, ..GraphTable::default() };
        table.anchors = table.by_number(read.anchors)?;
        table.unowned = table.by_number(read.unowned)?;
        Ok((table, read.u))
    }

    /// What is to be read of a table.
    fn asked(&self, table: usize) -> Asked<'r> {
        let spec = self.spec;
        let parts: Vec<usize> = (0..spec.parts.len()).filter(|&part| spec.parts[part] == table).collect();
        let key_column = |key: &ReferredKey| key.columns.first().copied().filter(|_| key.integers);
        let again = |column: Option<usize>| TableIntegers::of(self.rows, &parts, column?);
        let keys = (0..self.keys.len()).filter(|&key| self.keys[key].table == table);
        let keys = keys.map(|key| (key, again(key_column(&self.keys[key])))).collect();
        let edges = (0..spec.edges.len()).filter(|&edge| spec.edges[edge].child == table);
        let edge_column = |edge: usize| plain_integers(&spec.edges[edge], &self.keys[self.edge_keys[edge]]);
        let edges = edges.map(|edge| (edge, again(edge_column(edge)))).collect();
        let mut periods = Vec::new();
        for (index, edge) in spec.edges.iter().enumerate().filter(|(_, edge)| edge.period) {
            let Some(pair) = edge.columns.last() else { continue };
            for (of, is_child, column) in [(edge.child, true, pair.child), (edge.parent, false, pair.parent)]
            {
                if of == table {
                    periods.push(AskedPeriod { edge: index, is_child, column });
                }
            }
        }
        Asked { table, parts, keys, edges, periods }
    }

    fn read_rows(
        &self,
        asked: &Asked<'r>,
        master_key: &MasterKey,
        fingerprints: &Fingerprints,
    ) -> Result<TableRows> {
        let keys = asked.keys.iter().filter(|(_, again)| again.is_none());
        let keys: Vec<&ReferredKey> = keys.map(|(key, _)| &self.keys[*key]).collect();
        let edges = asked.edges.iter().map(|(edge, again)| self.asked_edge(*edge, again.is_some()));
        let edges: Vec<AskedEdge<'_>> = edges.collect();
        let periods: Vec<usize> = asked.periods.iter().map(|period| period.column).collect();
        let reader =
            TableReader::new(self.spec, asked.table, &keys, &edges, &periods, master_key, fingerprints);
        reader.read(self.rows, &asked.parts, self.memory_bytes, self.stores)
    }

    fn asked_edge(&self, edge: usize, can_be_read_again: bool) -> AskedEdge<'_> {
        let key = self.edge_keys[edge];
        // Ranges are compared once both sides are read.
        let map = self.maps.get(key).filter(|_| !self.spec.edges[edge].period);
        let wanted = match map {
            Some(map) if can_be_read_again && map.stays => Wanted::Nothing,
            Some(_) => Wanted::Links,
            None if can_be_read_again => Wanted::Nothing,
            None => Wanted::Codes,
        };
        AskedEdge { edge, key: &self.keys[key], parents: map.map(|map| &*map.map), wanted }
    }

    /// Whether the rows of a table may be numbered by their key: if it is the only one that is referred to, no ranges are
    /// looked up by place, and what refers to the table itself is walked as a forest.
    fn may_be_numbered(&self, asked: &Asked<'_>, rows: u64) -> bool {
        let spec = self.spec;
        let to_itself =
            |(edge, _): &&(usize, Option<TableIntegers<'_>>)| spec.edges[*edge].parent == asked.table;
        let mut to_itself = asked.edges.iter().filter(to_itself);
        let is_forest = match (to_itself.next(), to_itself.next()) {
            (None, _) => true,
            (Some((edge, again)), None) => {
                again.is_some()
                    && spec.edges[*edge].down != Down::All
                    && forest::fits(rows, self.memory_bytes)
            }
            (Some(_), Some(_)) => false,
        };
        asked.keys.len() == 1 && asked.periods.is_empty() && is_forest
    }

    /// Finds what edges refer to where the map is there, and drops the maps that nothing needs any more.
    fn find_with_maps(&mut self) -> Result<()> {
        for edge in 0..self.references.len() {
            let Some(KeyMap { map, stays }) = self.maps.get(self.edge_keys[edge]) else { continue };
            let Some(Known::Codes(codes)) = &self.references[edge] else { continue };
            let rows = self.table_rows[self.spec.edges[edge].child];
            let links = match codes {
                Codes::Again(integers) if *stays => {
                    Links::Found(FoundLinks { integers: integers.clone(), map: map.clone(), rows })
                }
                _ => Links::Kept(self.found(edge, codes, map, rows)?),
            };
            self.references[edge] = Some(Known::Links(links));
            self.periods[edge] = Default::default();
        }
        let is_found = |edge: usize| matches!(self.references[edge], Some(Known::Links(_)));
        self.maps.drop_unused(|key| {
            let edges = 0..self.references.len();
            edges.filter(|&edge| self.edge_keys[edge] == key).all(is_found)
        });
        Ok(())
    }

    /// What the codes of an edge's references refer to.
    fn found(&self, edge: usize, codes: &Codes<'_>, map: &KeySet, rows: u64) -> Result<KeptLinks> {
        let mut links = KeptLinks::new(&self.stores.kept);
        let (mut cursor, mut row_links) = (codes.cursor(), Vec::new());
        for row in 0..rows {
            row_links.clear();
            cursor.read()?.iter().for_each(|&code| find_or_dangling(map, code, &mut row_links));
            self.keep_overlapping(edge, row, &mut row_links);
            links.push(&mut row_links)?;
        }
        links.finish()?;
        Ok(links)
    }

    fn keep_overlapping(&self, edge: usize, row: u64, links: &mut Vec<u64>) {
        if !self.spec.edges[edge].period || links.is_empty() {
            return;
        }
        let (child, parent) = &self.periods[edge];
        links.retain(|&link| link != DANGLING && child[row as usize].overlaps(&parent[link as usize]));
        if links.is_empty() {
            links.push(DANGLING);
        }
    }

    /// Finds what is left, a slice of a map at a time.
    fn finish(mut self) -> Result<Vec<Links<'r>>> {
        for key in 0..self.keys.len() {
            let Some((codes, layout)) = self.maps.take_codes(key) else { continue };
            if !self.find_in_slices(key, &codes, &layout)? {
                self.find_in_slices(key, &codes, &layout.without_density())?;
            }
        }
        let links = self.references.into_iter().map(|references| match references {
            Some(Known::Links(links)) => links,
            _ => unreachable!("every table was read, and every key was looked for"),
        });
        Ok(links.collect())
    }

    /// Finds what refers to the key; false if the layout has no room for two rows with one key.
    fn find_in_slices(&mut self, key: usize, codes: &Codes<'_>, layout: &KeyLayout) -> Result<bool> {
        let edges = (0..self.references.len()).filter(|&edge| self.edge_keys[edge] == key);
        let edges: Vec<usize> = edges.collect();
        let sliced =
            Sliced { keys: codes, layout, memory_bytes: self.memory_bytes, store: &self.stores.kept };
        let mut found = Vec::new();
        {
            let references: Vec<(&Codes<'_>, u64)> = edges
                .iter()
                .filter_map(|&edge| match &self.references[edge] {
                    Some(Known::Codes(codes)) => Some((codes, self.table_rows[self.spec.edges[edge].child])),
                    _ => None,
                })
                .collect();
            let Some(slices) = sliced.find(&references)? else { return Ok(false) };
            for ((&edge, (codes, rows)), slices) in edges.iter().zip(&references).zip(&slices) {
                let keep = |row: u64, links: &mut Vec<u64>| self.keep_overlapping(edge, row, links);
                found.push(sliced.put_together(codes, *rows, slices, keep)?);
            }
        }
        for (edge, links) in edges.into_iter().zip(found) {
            self.references[edge] = Some(Known::Links(Links::Kept(links)));
            self.periods[edge] = Default::default();
        }
        Ok(true)
    }
}
