//! Rows that are looked up in a live database. What is found is kept here, whole rows, so that they need not be asked for
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memchr;

use super::rows::{ChunkStream, Rows};
use super::searchable::Searchable;
use super::snapshot::Snapshot;
use super::sought::{Run, RunWriter, SoughtBlocks};
use crate::error::{Error, Place, Result};
use crate::source::look_up::{KeyKind, Keys, LookUpSettings, Wanted};
use crate::subset::spill::Store;

/// About how many bytes a stream hands over at once.
const PIECE_BYTES: usize = 512 << 10;

/// The rows that were looked up.
#[derive(Default)]
pub struct Found(Mutex<State>);

#[derive(Default)]
struct State {
    /// Where they are kept.
    store: Option<Arc<Store>>,
    /// Those of each part.
    runs: HashMap<usize, Vec<Arc<Run>>>,
}

impl Found {
    /// The rows of the part, if it has no others.
    pub fn blocks(&self, part: usize, rows: &Rows) -> Option<SoughtBlocks> {
        let runs = self.lock().runs.get(&part)?.clone();
        Some(SoughtBlocks::new(runs, rows.layout().bytes()))
    }

    /// Forgets them all.
    pub fn forget(&self) {
        self.lock().runs.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, settings: LookUpSettings<'_>) -> Arc<Store> {
        let make = || Store::new(settings.memory_bytes, settings.temp_dir.to_path_buf());
        self.lock().store.get_or_insert_with(make).clone()
    }

    /// Adds the rows that `wanted` asks for, and returns the values of the columns `seen` in them.
    ///
    /// # Errors
    /// What the server reports, or a temporary file that cannot be written.
    pub fn look_up(
        &self,
        snapshot: &Arc<Snapshot>,
        (searchable, rows): (&Searchable, &Arc<Rows>),
        wanted: &Wanted<'_>,
        seen: &[(usize, KeyKind)],
        settings: LookUpSettings<'_>,
    ) -> Result<Vec<Option<Keys>>> {
        let mut found = Vec::new();
        if !wanted.keys.is_empty() || wanted.or_null {
            let name = &rows.columns()[wanted.column];
            let sought = searchable.sought(wanted, name, settings.jobs).into_iter();
            let sought: Vec<_> = sought.map(|sought| Arc::new(rows.sought(sought, settings.jobs))).collect();
            found = read(snapshot, &sought, seen, &self.store(settings)).ok_or_else(|| defect(rows))??;
        }
        let mut values: Vec<Option<Keys>> = seen.iter().map(|(_, kind)| Some(Keys::new(*kind))).collect();
        for (run, run_values) in found {
            self.lock().runs.entry(wanted.part).or_default().push(Arc::new(run));
            for (all, run_values) in values.iter_mut().zip(run_values) {
                *all = all.take().zip(run_values).map(|(all, values)| all.joined(values));
            }
        }
        self.lock().runs.entry(wanted.part).or_default();
        Ok(values)
    }
}

/// A run, and the values of some columns in it.
type Read = (Run, Vec<Option<Keys>>);

/// Reads the chunks of each of `sought` at once, each over a connection of its own; `None` where a thread ended early or
/// nothing is sought.
fn read(
    snapshot: &Arc<Snapshot>,
    sought: &[Arc<Rows>],
    seen: &[(usize, KeyKind)],
    store: &Arc<Store>,
) -> Option<Result<Vec<Read>>> {
    let results: Vec<Result<Read>> = std::thread::scope(|scope| {
        let chunks = sought.iter().flat_map(|rows| (0..rows.chunks()).map(move |chunk| (rows, chunk)));
        let read = |(rows, chunk): (&Arc<Rows>, usize)| {
            let (snapshot, rows) = (snapshot.clone(), rows.clone());
            scope.spawn(move || read_chunk(snapshot, rows, chunk, seen, store))
        };
        let threads: Vec<_> = chunks.map(read).collect();
        threads.into_iter().map(|thread| thread.join().ok()).collect::<Option<_>>()
    })?;
    (!sought.is_empty()).then(|| results.into_iter().collect())
}

fn read_chunk(
    snapshot: Arc<Snapshot>,
    rows: Arc<Rows>,
    chunk: usize,
    seen: &[(usize, KeyKind)],
    store: &Arc<Store>,
) -> Result<Read> {
    let mut stream = ChunkStream::new(snapshot, rows.clone(), chunk, None)?;
    let mut run = RunWriter::new(store);
    let mut values = SeenValues::new(seen);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    while stream.read(&mut piece, PIECE_BYTES)? {
        if !run.push_lines(&piece, &mut |row| values.see(row))? {
            return Err(defect(&rows));
        }
        piece.clear();
    }
    Ok((run.finish()?, values.finish()))
}

/// Collects the values of some columns of rows that go by.
struct SeenValues {
    /// Each with its column, in the order of the columns, and its place among those that were asked for.
    columns: Vec<(usize, usize, Option<Keys>)>,
}

impl SeenValues {
    fn new(seen: &[(usize, KeyKind)]) -> SeenValues {
        let mut columns: Vec<_> = seen
            .iter()
            .enumerate()
            .map(|(index, (column, kind))| (*column, index, Some(Keys::new(*kind))))
            .collect();
        columns.sort_by_key(|(column, index, _)| (*column, *index));
        SeenValues { columns }
    }

    fn see(&mut self, row: &[u8]) {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let (mut column, mut start) = (0, 0);
        for (wanted, _, keys) in &mut self.columns {
            while column < *wanted {
                let Some(length) = memchr(b'\t', &row[start..]) else { break };
                (column, start) = (column + 1, start + length + 1);
            }
            let end = memchr(b'\t', &row[start..]).map_or(row.len(), |length| start + length);
            if keys.as_mut().is_some_and(|keys| !keys.add(&row[start..end])) {
                *keys = None;
            }
        }
    }

    fn finish(mut self) -> Vec<Option<Keys>> {
        self.columns.sort_by_key(|(_, index, _)| *index);
        let sealed = |keys: Option<Keys>| {
            keys.map(|mut keys| {
                keys.seal();
                keys
            })
        };
        self.columns.into_iter().map(|(_, _, keys)| sealed(keys)).collect()
    }
}

fn defect(rows: &Rows) -> Error {
    Error::snapshot("the server sends rows in another form or order than was asked for")
        .at(Place::table(&rows.table))
        .hint("run again; if it comes back, this is a defect of `mask`: please report it")
}
