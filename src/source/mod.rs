//! Snapshots: what is read. A source says what its dump holds, then gives each table's rows as blocks of COPY text.
//!
//! A source never sees a rule. Every format is a file here and an entry of [`FORMATS`].

pub mod archive;
pub mod look_up;
pub mod parquet;
pub mod postgres;
pub mod projected;
pub mod script;
pub mod spool;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::buffer::BooleanBuffer;

use crate::error::{Error, Place, Result};
use crate::pg::archive::Format as ArchiveFormat;
pub use crate::pg::archive::VisitLargeObject;
use crate::pg::client::Conninfo;
use crate::pg::dump::{CopyTarget, Dump};
use crate::pg::random_access::RandomAccess;
use crate::source::archive::ArchiveSource;
use crate::source::look_up::LookUp;
use crate::source::parquet::ParquetSource;
use crate::source::postgres::PostgresSource;
use crate::source::projected::Projected;
use crate::source::script::{Input, ScriptSource};
use crate::source::spool::Spool;

/// An open snapshot.
pub trait Source: Send + Sync {
    /// The table of contents, in restore order.
    fn dump(&self) -> &Dump;

    /// The rows' targets, one for each entry that holds rows, in the order of the entries.
    fn data(&self) -> &[DataPart];

    /// Opens the rows of `self.data()[index]`, in blocks of about `block_bytes` bytes.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the data cannot be read.
    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>>;

    /// As [`Source::read`], over as many as `jobs` connections where the source has such; the blocks are the same.
    ///
    /// # Errors
    /// As for [`Source::read`].
    fn read_parallel(
        &self,
        index: usize,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        let _ = jobs;
        self.read(index, block_bytes)
    }

    /// Opens the columns `columns` (ascending) of the rows of `self.data()[index]`, which have `width` columns, as
    /// [`Source::read_parallel`] does.
    ///
    /// A source that reads less for it than for whole rows overrides this.
    ///
    /// # Errors
    /// As those of [`Source::read`].
    fn read_columns(
        &self,
        index: usize,
        columns: &[usize],
        width: usize,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        let place = Place::table(&self.data()[index].target.table);
        Ok(Box::new(Projected::new(self.read_parallel(index, block_bytes, jobs)?, columns, width, place)))
    }

    /// What decides conditions where the rows are, if it can.
    fn decider(&self) -> Option<&dyn Decider> {
        None
    }

    /// Opens those rows of `self.data()[index]` that `kept` has, where that is less to read than all of them: the blocks
    /// have no others. `None` where it is not, or where the source knows of no way.
    ///
    /// A source that knows from [`Source::read_columns`] where rows lie overrides this.
    ///
    /// # Errors
    /// As those of [`Source::read`].
    fn read_kept(
        &self,
        index: usize,
        kept: &BooleanBuffer,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Option<Box<dyn BlockReader + '_>>> {
        let _ = (index, kept, block_bytes, jobs);
        Ok(None)
    }

    /// The way to look rows up, if the source has one.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if what it needs for it cannot be read.
    fn look_up(&self) -> Result<Option<&dyn LookUp>> {
        Ok(None)
    }

    /// What is known of the rows of `self.data()[index]` without reading them; `None` where nothing is.
    ///
    /// # Errors
    /// As those of [`Source::read`].
    fn statistics(&self, index: usize) -> Result<Option<TableStatistics>> {
        let _ = index;
        Ok(None)
    }

    /// Whether several parts can be read at once, and in any order; else one after another, in their order.
    fn is_seekable(&self) -> bool;

    /// Calls `visit` with the entry, the oid and the content of each large object, in the order of the dump.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the data is damaged, or what `visit` fails with.
    fn visit_large_objects(&self, visit: &mut VisitLargeObject<'_>) -> Result<()>;

    /// Lets go of what is read, as soon as all is: nothing is read after it.
    fn close(&self) {}

    /// What of the snapshot is not in its entries, in words for the plan.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// The live database that is read, if it is one: a target that is the same is refused.
    fn live(&self) -> Option<LiveIdentity> {
        None
    }
}

/// What a server knows of a table from a sample of its rows.
#[derive(Clone, Debug, Default)]
pub struct TableStatistics {
    /// About how many rows there are.
    pub rows: f64,
    /// Of each column that is known, by its place in the rows.
    pub columns: HashMap<usize, ColumnStatistics>,
}

/// What a server knows of a column.
#[derive(Clone, Debug, Default)]
pub struct ColumnStatistics {
    /// The share of NULL, from 0 to 1.
    pub nulls: f64,
    /// About how many different values there are.
    pub distinct: f64,
    /// The shares of the rows that the most common values have.
    pub common: Vec<f64>,
}

/// A source whose server decides of which rows a condition holds.
pub trait Decider {
    /// As [`Source::read_columns`], with one column more behind those at `columns`: `t` or `f`, whether `condition`, an
    /// expression of SQL, holds of the row, or NULL where it is NULL.
    ///
    /// # Errors
    /// As those of [`Source::read`].
    fn read_decided(
        &self,
        index: usize,
        columns: &[usize],
        condition: &str,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>>;
}

/// What tells a live database from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveIdentity {
    /// The system identifier of its server, shared by its replicas; `None` where the role may not read it.
    pub system_identifier: Option<String>,
    /// Its name.
    pub database: String,
}

/// The rows of one entry.
#[derive(Clone, Debug)]
pub struct DataPart {
    /// The id of the entry in the dump.
    pub entry: i32,
    /// Where the rows go.
    pub target: CopyTarget,
    /// The bytes of the rows as stored, compressed or not, where they are known; for progress only.
    pub stored_bytes: Option<u64>,
}

/// Reads the rows of one entry, block after block.
pub trait BlockReader: Send {
    /// The next block; `None` after the last one.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the data is damaged or ends early.
    fn next_block(&mut self) -> Result<Option<Block>>;

    /// How many of the part's stored bytes were read so far; `None` where these are the bytes of the blocks.
    fn stored_bytes_read(&self) -> Option<u64> {
        None
    }

    /// How many bytes of COPY text the rows take that were read so far, all columns counted; `None` where these are the
    /// bytes of the blocks.
    fn text_bytes_read(&self) -> Option<u64> {
        None
    }
}

impl BlockReader for Box<dyn BlockReader + '_> {
    fn next_block(&mut self) -> Result<Option<Block>> {
        (**self).next_block()
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        (**self).stored_bytes_read()
    }

    fn text_bytes_read(&self) -> Option<u64> {
        (**self).text_bytes_read()
    }
}

/// Whole rows of COPY text: UTF-8 (or the bytes of an SQL_ASCII database), `\n` after each row, no end marker.
///
/// Where a block ends depends on the rows and the block size alone, so that it is the same from every format.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The rows.
    pub bytes: Vec<u8>,
}

/// A format of snapshots.
pub struct Format {
    /// How it is written on the command line, for messages and docs.
    pub written_as: &'static str,
    /// Whether the path has this format, by its content.
    pub recognises: fn(&Path, &Head) -> bool,
    /// Opens the path.
    pub open: fn(&Path, &Opening<'_>) -> Result<Box<dyn Source>>,
}

/// What a snapshot is opened with.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// Where temporary files go.
    pub temp_dir: &'a Path,
    /// A dump with the schema, for a snapshot that holds none.
    pub schema: Option<&'a Path>,
}

/// The formats, in the order in which a path is tried against them.
pub static FORMATS: &[Format] = &[
    Format {
        written_as: "a folder with toc.dat (directory format)",
        recognises: |path, _| path.join("toc.dat").is_file(),
        open: |path, _| Ok(Box::new(ArchiveSource::open(path)?)),
    },
    Format {
        written_as: "FILE.dump (custom format) or FILE.tar (tar format)",
        recognises: |_, head| ArchiveFormat::of_file(&head.0).is_some(),
        open: |path, _| Ok(Box::new(ArchiveSource::open(path)?)),
    },
    Format {
        written_as: "FILE.sql, .sql.gz, .sql.zst, .sql.lz4 (plain format)",
        recognises: |path, head| path.is_file() && !head.0.starts_with(parquet::MAGIC),
        open: |path, _| Ok(Box::new(ScriptSource::open(Input::file(path)?)?)),
    },
    Format {
        written_as: "a folder of Parquet files, or parquet:PATH",
        recognises: |path, head| parquet::holds_parquet(path) || head.0.starts_with(parquet::MAGIC),
        open: |path, opening| open_parquet(path, opening),
    },
];

/// About how much of the snapshot each further connection of [`Source::read_parallel`] reads ahead, in bytes.
pub const READ_AHEAD_BYTES: u64 = 16 << 20;

/// How many bytes of a file say what it is: a tar header's.
const HEAD_BYTES: u64 = 512;

/// What says that a path holds Parquet.
const PARQUET: &str = "parquet:";

/// What says that a path holds CSV.
const CSV: &str = "csv:";

/// What messages call stdin.
const STDIN: &str = "stdin";

/// The first bytes of a file; empty for a folder.
pub struct Head(Vec<u8>);

impl Head {
    fn of(path: &Path) -> Result<Head> {
        let mut bytes = Vec::new();
        if path.is_file() {
            let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut bytes));
            read.map_err(|error| Error::read(&error).at(path.display()))?;
        }
        Ok(Head(bytes))
    }
}

/// Opens the snapshot that `from` names; `-` is stdin, which is kept encrypted in `temp_dir` while it is read.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for a form that is not read;
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the snapshot is not there or damaged.
pub fn open(from: &str, temp_dir: &Path) -> Result<Box<dyn Source>> {
    open_with(from, &Opening { temp_dir, schema: None })
}

/// As [`open`], with a schema for a snapshot that holds none.
///
/// # Errors
/// As those of [`open`].
pub fn open_with(from: &str, opening: &Opening<'_>) -> Result<Box<dyn Source>> {
    if from == "-" {
        return open_stdin(opening.temp_dir);
    }
    if is_connection(from) {
        return Ok(Box::new(PostgresSource::open(from)?));
    }
    if from.starts_with(CSV) && !Path::new(from).exists() {
        return Err(Error::usage("this version does not read CSV").hint(forms()));
    }
    let path = Path::new(from.strip_prefix(PARQUET).unwrap_or(from));
    if let Err(error) = fs::metadata(path) {
        return Err(Error::read(&error).at(path.display()));
    }
    if from.starts_with(PARQUET) {
        return open_parquet(path, opening);
    }
    let head = Head::of(path)?;
    let format = FORMATS.iter().find(|format| (format.recognises)(path, &head));
    let format = format.ok_or_else(|| {
        Error::snapshot("this is no snapshot of a known format").at(path.display()).hint(forms())
    })?;
    (format.open)(path, opening)
}

fn open_parquet(path: &Path, opening: &Opening<'_>) -> Result<Box<dyn Source>> {
    Ok(Box::new(ParquetSource::open(path, opening.schema, opening.temp_dir)?))
}

fn open_stdin(temp_dir: &Path) -> Result<Box<dyn Source>> {
    let spool = Spool::fill(std::io::stdin().lock(), temp_dir)?;
    let mut head = Vec::new();
    let read = spool.reader_at(0).and_then(|reader| reader.take(HEAD_BYTES).read_to_end(&mut head));
    read.map_err(|error| Error::read(&error).at(STDIN))?;
    Ok(match ArchiveFormat::of_file(&head) {
        Some(_) => Box::new(ArchiveSource::open_seekable(STDIN, Arc::new(spool))?),
        None => Box::new(ScriptSource::open(Input::spool(STDIN, spool))?),
    })
}

/// Whether `from` is a live database, and not a file whose name looks like one.
fn is_connection(from: &str) -> bool {
    Conninfo::recognises(from) && !Path::new(from).exists()
}

/// The snapshot that `from` names as it may be shown: without a password.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if it looks like a live database but cannot be read.
pub fn shown(from: &str) -> Result<String> {
    match is_connection(from) {
        true => Ok(Conninfo::parse(from)?.to_string()),
        false => Ok(from.to_string()),
    }
}

fn forms() -> String {
    let forms: Vec<&str> = FORMATS.iter().map(|format| format.written_as).collect();
    format!("a snapshot is {}, `postgres://…` for a live database, or `-` for stdin", forms.join(", "))
}
