//! The source over a live database, or a standby of one: one exported snapshot that all connections share, read only.
//!
//! The table of contents is pg_dump's own, of that snapshot, so that a live database comes out as its dump would. The
//! rows are read by COPY in the order in which they lie in the table, whatever the number of connections. Where few of
//! them are kept, they are asked for by their places.

mod binary;
mod contents;
mod large_objects;
mod look_up;
mod pg_dump;
mod places;
mod preflight;
mod rows;
mod searchable;
mod snapshot;
mod sought;
mod split;
mod statistics;
mod tables;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::buffer::BooleanBuffer;

use super::look_up::{KeyKind, Keys, LookUp, LookUpSettings, Wanted};
use super::projected::Projected;
use super::{BlockReader, DataPart, Decider, LiveIdentity, Source, TableStatistics};
use crate::error::{Error, Place, Result};
use crate::pg::archive::VisitLargeObject;
use crate::pg::client::Conninfo;
use crate::pg::dump::Dump;
use places::Found;
use rows::{BlocksOfOne, Rows};
use searchable::Searchable;
use snapshot::Snapshot;
use split::{Readers, SplitBlocks};

/// The version that scans a range of places, and looks a value up in a long list by its hash.
const LOOK_UP_VERSION: u32 = 140_000;

/// A live database.
pub struct PostgresSource {
    snapshot: Arc<Snapshot>,
    dump: Dump,
    parts: Vec<DataPart>,
    /// For each part, how its rows are read.
    rows: Vec<Arc<Rows>>,
    /// Of the parts whose key columns were read, where their rows lie.
    found: Mutex<HashMap<usize, Arc<Found>>>,
    /// By what rows can be looked up, once that is asked for.
    searchable: OnceLock<Searchable>,
    /// Rows that were looked up.
    looked_up: look_up::Found,
    notes: Vec<String>,
    identity: LiveIdentity,
    readers: Arc<Readers>,
}

impl PostgresSource {
    /// Takes a snapshot of the database that `text` names, and reads what is in it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if `text` is no connection;
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if there is no way to the database, the role may not read all of
    /// it, or there is no pg_dump for it.
    pub fn open(text: &str) -> Result<PostgresSource> {
        let conninfo = Conninfo::parse(text)?;
        let snapshot = preflight::take(&conninfo)?;
        let (identity, mut notes) = preflight::describe(&snapshot)?;
        let dump = contents::read(&snapshot)?;
        let tables = tables::read(&snapshot, &dump)?;
        notes.extend(preflight::notes(&snapshot, &dump)?);
        let (parts, rows) = tables.into_iter().map(|(part, rows)| (part, Arc::new(rows))).unzip();
        let snapshot = Arc::new(snapshot);
        Ok(PostgresSource {
            snapshot,
            dump,
            parts,
            rows,
            found: Mutex::default(),
            searchable: OnceLock::new(),
            looked_up: look_up::Found::default(),
            notes,
            identity,
            readers: Arc::default(),
        })
    }

    fn found(&self) -> MutexGuard<'_, HashMap<usize, Arc<Found>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn columns(
        &self,
        index: usize,
        columns: &[usize],
        decided: Option<&str>,
        block_bytes: usize,
        jobs: usize,
    ) -> Box<dyn BlockReader> {
        let rows = Arc::new(self.rows[index].projected(columns, decided));
        if let Some(found) = rows.found() {
            self.found().insert(index, found);
        }
        self.blocks(rows, block_bytes, jobs)
    }

    fn blocks(&self, rows: Arc<Rows>, block_bytes: usize, jobs: usize) -> Box<dyn BlockReader> {
        let snapshot = self.snapshot.clone();
        match rows.chunks() {
            1 => Box::new(BlocksOfOne::new(snapshot, rows, block_bytes)),
            _ => Box::new(SplitBlocks::new(snapshot, rows, block_bytes, self.readers.clone(), jobs)),
        }
    }
}

impl Decider for PostgresSource {
    fn read_decided(
        &self,
        index: usize,
        columns: &[usize],
        condition: &str,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        Ok(self.columns(index, columns, Some(condition), block_bytes, jobs))
    }
}

impl Source for PostgresSource {
    fn dump(&self) -> &Dump {
        &self.dump
    }

    fn data(&self) -> &[DataPart] {
        &self.parts
    }

    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>> {
        self.read_parallel(index, block_bytes, 1)
    }

    fn read_parallel(
        &self,
        index: usize,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        if let Some(blocks) = self.looked_up.blocks(index, &self.rows[index]) {
            return Ok(Box::new(blocks));
        }
        Ok(self.blocks(self.rows[index].clone(), block_bytes, jobs))
    }

    fn read_columns(
        &self,
        index: usize,
        columns: &[usize],
        width: usize,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        if let Some(blocks) = self.looked_up.blocks(index, &self.rows[index]) {
            let place = Place::table(&self.rows[index].table);
            return Ok(Box::new(Projected::new(blocks, columns, width, place)));
        }
        Ok(self.columns(index, columns, None, block_bytes, jobs))
    }

    fn decider(&self) -> Option<&dyn Decider> {
        self.snapshot.is_utf8.then_some(self as &dyn Decider)
    }

    fn read_kept(
        &self,
        index: usize,
        kept: &BooleanBuffer,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Option<Box<dyn BlockReader + '_>>> {
        let found = self.found().remove(&index);
        let rows = found.and_then(|found| self.rows[index].kept(&found, kept));
        Ok(rows.map(|rows| -> Box<dyn BlockReader> { self.blocks(Arc::new(rows), block_bytes, jobs) }))
    }

    fn look_up(&self) -> Result<Option<&dyn LookUp>> {
        if self.snapshot.version < LOOK_UP_VERSION {
            return Ok(None);
        }
        if self.searchable.get().is_none() {
            let _ = self.searchable.set(Searchable::read(&self.snapshot, &self.rows)?);
        }
        Ok(Some(self))
    }

    fn statistics(&self, index: usize) -> Result<Option<TableStatistics>> {
        statistics::read(&self.snapshot, &self.rows[index])
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn visit_large_objects(&self, visit: &mut VisitLargeObject<'_>) -> Result<()> {
        large_objects::visit(&self.snapshot, &self.dump, visit)
    }

    fn close(&self) {
        self.snapshot.release();
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn live(&self) -> Option<LiveIdentity> {
        Some(self.identity.clone())
    }
}

impl LookUp for PostgresSource {
    fn rows_about(&self, part: usize) -> Option<u64> {
        self.searchable.get()?.rows_about(part)
    }

    fn null_share(&self, part: usize, column: usize) -> Option<f64> {
        self.searchable.get()?.null_share(part, column)
    }

    fn kind(&self, part: usize, column: usize) -> Option<KeyKind> {
        let searchable = self.searchable.get().filter(|_| self.rows[part].can_be_sought());
        searchable?.kind(part, column)
    }

    fn look_up(
        &self,
        wanted: &Wanted<'_>,
        seen: &[(usize, KeyKind)],
        settings: LookUpSettings<'_>,
    ) -> Result<Vec<Option<Keys>>> {
        let searchable = self.searchable.get().ok_or_else(|| {
            Error::snapshot("rows are looked up before the source was asked whether they can be")
        })?;
        let rows = (searchable, &self.rows[wanted.part]);
        self.looked_up.look_up(&self.snapshot, rows, wanted, seen, settings)
    }

    fn forget(&self) {
        self.looked_up.forget();
    }
}
