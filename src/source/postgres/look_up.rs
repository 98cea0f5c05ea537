//! Rows that are looked up in a live database: through an index where few are, else by a scan that the server filters.
//!
//! What is found is kept here, whole rows, so that they need not be asked for again.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rows::{ChunkStream, Rows, Sought};
use super::snapshot::{Snapshot, unreadable};
use super::sought::{Run, RunWriter, SoughtBlocks};
use memchr::memchr;

use crate::error::{Error, Place, Result};
use crate::pg::client::Row;
use crate::schema::quoted_always;
use crate::source::look_up::{KeyBits, KeyKind, Keys, LookUpSettings, Wanted};
use crate::subset::spill::Store;

/// About how many bytes a stream hands over at once.
const PIECE_BYTES: usize = 512 << 10;

/// What it takes the server to find a key and its rows by an index, in nanoseconds, as measured on PostgreSQL 15 with more
/// data than it has buffers,
const INDEX_KEY_NANOS: u64 = 8_000;
/// and to look at a row of a scan.
const SCAN_ROW_NANOS: u64 = 110;

/// A share of NULLs up to which an index finds them in no time that counts.
const FEW_NULLS: f64 = 0.01;

/// What is known of a column.
#[derive(Clone, Debug, Default)]
struct Column {
    /// The type, as an element of an array, and the bytes of an integer.
    key: Option<(KeyKind, &'static str, u32)>,
    is_indexed: bool,
    null_share: Option<f64>,
}

/// What is known of a part.
#[derive(Clone, Debug, Default)]
struct Part {
    rows_about: Option<u64>,
    columns: Vec<Column>,
}

/// What the catalog knows of the parts.
pub struct Statistics(Vec<Part>);

impl Statistics {
    /// Reads the statistics of the tables `rows`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn read(snapshot: &Snapshot, rows: &[Arc<Rows>]) -> Result<Statistics> {
        let query = |sql: &str| {
            snapshot.query(sql).map_err(|failure| unreadable(failure, "cannot read the tables' statistics"))
        };
        let tables = query(
            "SELECT n.nspname, c.relname, c.reltuples::pg_catalog.int8
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND c.reltuples > 0",
        )?;
        let columns = query(
            "SELECT n.nspname, c.relname, a.attname, coalesce(t.typsend::pg_catalog.text, ''),
                EXISTS (SELECT FROM pg_catalog.pg_index i
                    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                    JOIN pg_catalog.pg_am m ON m.oid = x.relam
                    WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum AND i.indpred IS NULL AND i.indisvalid
                        AND m.amname = 'btree'),
                s.null_frac
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
                    AND s.attname = a.attname AND NOT s.inherited
            WHERE c.relkind = 'r'
                AND t.typsend::pg_catalog.text IN ('int2send', 'int4send', 'int8send', 'uuid_send')",
        )?;
        Ok(Statistics::of(&tables, &columns, rows))
    }

    fn of(tables: &[Row], columns: &[Row], rows: &[Arc<Rows>]) -> Statistics {
        let text = |row: &Row, index: usize| row.get(index).cloned().flatten().unwrap_or_default();
        let table = |row: &Row| (text(row, 0), text(row, 1));
        let counts: HashMap<_, u64> =
            tables.iter().filter_map(|row| Some((table(row), text(row, 2).parse().ok()?))).collect();
        let mut known = HashMap::new();
        for row in columns {
            let key = match text(row, 3).as_str() {
                "int2send" => Some((KeyKind::Integer, "int2", 2)),
                "int4send" => Some((KeyKind::Integer, "int4", 4)),
                "int8send" => Some((KeyKind::Integer, "int8", 8)),
                "uuid_send" => Some((KeyKind::Uuid, "uuid", 16)),
                _ => None,
            };
            let column =
                Column { key, is_indexed: text(row, 4) == "t", null_share: text(row, 5).parse().ok() };
            known.insert((table(row), text(row, 2)), column);
        }
        let part = |rows: &Arc<Rows>| {
            let table = (rows.table.schema.clone(), rows.table.name.clone());
            let column = |name: &String| known.get(&(table.clone(), name.clone())).cloned();
            Part {
                rows_about: counts.get(&table).copied(),
                columns: rows.columns().iter().map(|name| column(name).unwrap_or_default()).collect(),
            }
        };
        Statistics(rows.iter().map(part).collect())
    }

    fn column(&self, part: usize, column: usize) -> Option<&Column> {
        self.0[part].columns.get(column)
    }

    pub fn rows_about(&self, part: usize) -> Option<u64> {
        self.0[part].rows_about
    }

    pub fn null_share(&self, part: usize, column: usize) -> Option<f64> {
        self.column(part, column)?.null_share
    }

    pub fn kind(&self, part: usize, column: usize) -> Option<KeyKind> {
        self.column(part, column)?.key.map(|(kind, ..)| kind)
    }

    /// How rows are best found, in one way or over so many connections; nothing where they cannot be.
    fn sought(&self, wanted: &Wanted<'_>, name: &str, jobs: usize) -> Vec<Sought> {
        let Wanted { part, column, keys, or_null } = *wanted;
        let name = quoted_always(name);
        let Some(known) = self.column(part, column) else { return Vec::new() };
        let (Some((_, ty, bytes)), Some(rows)) = (known.key, self.rows_about(part)) else {
            return Vec::new();
        };
        let is_one_of =
            |keys: &Keys| format!("{name} = ANY ('{{{}}}'::pg_catalog.{ty}[])", keys.elements(bytes));
        let few_nulls = !or_null || known.null_share.is_some_and(|share| share <= FEW_NULLS);
        let by_scan = rows.saturating_mul(SCAN_ROW_NANOS);
        let by_index = known.is_indexed && few_nulls && keys.len() as u64 * INDEX_KEY_NANOS < by_scan;
        let mut conditions: Vec<String> = match (by_index, keys.bits()) {
            (true, _) => keys.pieces(jobs).iter().map(is_one_of).collect(),
            (false, Some(bits)) => vec![is_bit(&name, &bits)],
            (false, None) => vec![is_one_of(keys)],
        };
        if or_null {
            let is_null = format!("{name} IS NULL");
            match conditions.first_mut() {
                Some(first) => *first += &format!(" OR {is_null}"),
                None => conditions.push(is_null),
            }
        }
        conditions.into_iter().map(|condition| Sought { condition, by_index }).collect()
    }
}

/// The condition that a column has one of `keys`. A bit is found in a third of the time that a long list takes.
fn is_bit(name: &str, KeyBits { least, greatest, bytes }: &KeyBits) -> String {
    let mut text = format!("CASE WHEN {name} BETWEEN {least} AND {greatest} THEN pg_catalog.get_bit('\\x");
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text + &format!("'::pg_catalog.bytea, {name} - '{least}'::pg_catalog.int8) = 1 END")
}

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
        (statistics, rows): (&Statistics, &Arc<Rows>),
        wanted: &Wanted<'_>,
        seen: &[(usize, KeyKind)],
        settings: LookUpSettings<'_>,
    ) -> Result<Vec<Option<Keys>>> {
        let mut found = Vec::new();
        if !wanted.keys.is_empty() || wanted.or_null {
            let name = &rows.columns()[wanted.column];
            let sought = statistics.sought(wanted, name, settings.jobs).into_iter();
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
