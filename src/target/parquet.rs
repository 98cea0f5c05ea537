//! The Parquet target: a folder `SCHEMA.TABLE` a table with files `part-NNNNN.parquet`, and `schema.sql` beside them.
//!
//! Values are typed here, and only here. What becomes of those that Arrow types cannot hold says [`TREATMENT`]; the
//! types themselves are in `schema::arrow`. Generated columns have no values in a snapshot and are left out; the file's
//! metadata names them under `pg.generated_columns`, beside the table's true name under `pg.schema` and `pg.table`.

mod cells;
mod columns;
mod encoder;
mod folder;
mod layout;
mod part;
mod special;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::errors::ParquetError;

pub use encoder::RowGroup;
pub(super) use folder::SCHEMA_FILE;
pub use special::SpecialCount;

use self::encoder::PartEncoder;
use self::layout::Layout;
use self::part::{FileWriter, PartPlace, first_file};
use self::special::Counts;
use super::{Encoder, PartWriter, Target};
use crate::error::{Error, Place, Result};
use crate::plan::Plan;
use crate::schema::{TableId, TableKind};
use crate::staged::StagedFolder;

/// The size of the blocks of COPY text, each of which becomes a row group: large enough that a column of it fills a
/// page and compresses well, small enough that one for each of some threads fits the memory of a run.
const BLOCK_BYTES: usize = 8 << 20;

/// What becomes of values that the type of their column in Parquet has no plain form for; Markdown, for the docs.
pub const TREATMENT: &str = "\
| value | in Parquet |
| --- | --- |
| `infinity`, `-infinity` as `date` | the day numbers 2147483647 and -2147483647, which DuckDB reads as infinity |
| `infinity`, `-infinity` as `timestamp`, `timestamptz` | 9223372036854775807 and -9223372036854775807 microseconds, which DuckDB reads as infinity |
| dates and timestamps before 1 AD or after 9999 | their number of days or microseconds since 1970 in the proleptic Gregorian calendar; some readers cannot show it |
| `timestamp`, `timestamptz` after 294247-01-10 04:00:54.775806 | NULL, and a line in `_special.csv` |
| `24:00:00` as `time` | 86400000000 microseconds, which DuckDB reads as 24:00 and pyarrow shows as 00:00 |
| `timestamptz` | in UTC; the offset it was written with is not kept |
| `NaN` and the infinities as `real`, `double precision` | themselves |
| `NaN` and the infinities as `numeric(p,s)` | NULL, and a line in `_special.csv` |
| `numeric(p,s)` of 39 to 76 digits | a decimal of 256 bits, which DuckDB reads as `DOUBLE` |
| `numeric` without a precision, or of more than 76 digits | text |
| an array of several dimensions, or whose first index is not 1 | NULL, and a line in `_special.csv` |
| an array with an element that its type has no form for | NULL, and a line in `_special.csv` |
| `timetz`, `interval`, `money`, `xml`, `bit`, network addresses, enums, ranges, composites, geometry, text search and types of extensions | their text |
| a table without columns | no rows; the file's metadata has their number under `pg.rows` |

`_special.csv` is in the table's folder and has the columns `part` (the number of the first file of the rows it counts), `row` (from 1, in the files from that one on), `column` and `value` (masked, as Postgres writes it).
Every column can be NULL in Parquet; one that is NOT NULL in Postgres has the field metadata `pg.not_null`.
";

/// A Parquet folder being written.
pub struct ParquetTarget {
    plan: Arc<Plan>,
    folder: StagedFolder,
    /// The name of each table's folder.
    folder_names: Vec<String>,
    /// For each part of the plan, which part of its table it is.
    ordinals: Vec<usize>,
    /// How many parts each table has, where it has any.
    parts: HashMap<TableId, usize>,
    specials: Arc<SpecialCells>,
}

/// The cells that went to `_special.csv`; shared, so that it can be asked after the target is finished.
pub struct SpecialCells {
    plan: Arc<Plan>,
    counts: Counts,
}

impl SpecialCells {
    /// How many there are of each column that has any, in the order of tables and columns.
    pub fn counts(&self) -> Vec<SpecialCount> {
        let count = |(table, column, cells): (TableId, usize, u64)| {
            let table = self.plan.catalog.table(table);
            SpecialCount { table: table.name.clone(), column: table.columns[column].name.clone(), cells }
        };
        self.counts.get().into_iter().map(count).collect()
    }
}

impl ParquetTarget {
    /// Starts a target at `path`, under a temporary name beside it, with `schema_sql` as its `schema.sql`.
    ///
    /// What is at `path` is replaced at the end.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the folder cannot be written.
    pub fn create(path: &Path, plan: Arc<Plan>, schema_sql: String) -> Result<ParquetTarget> {
        let folder_names = folder::folder_names(plan.catalog.tables.iter().map(|table| &table.name))?;
        let folder = StagedFolder::create(path)?;
        fs::write(folder.path().join(SCHEMA_FILE), schema_sql)
            .map_err(|error| Error::write(&error).at(SCHEMA_FILE))?;
        let mut parts = HashMap::new();
        let mut ordinals = Vec::with_capacity(plan.parts.len());
        for part in &plan.parts {
            let count = parts.entry(part.table).or_default();
            ordinals.push(*count);
            *count += 1;
        }
        let specials = Arc::new(SpecialCells { plan: Arc::clone(&plan), counts: Counts::default() });
        Ok(ParquetTarget { plan, folder, folder_names, ordinals, parts, specials })
    }

    /// The cells that have no exact form in their column, counted as they are written.
    pub fn specials(&self) -> Arc<SpecialCells> {
        Arc::clone(&self.specials)
    }

    fn layout(&self, table: TableId) -> Result<Arc<Layout>> {
        let is_loaded =
            |column| self.plan.parts.iter().any(|part| part.table == table && part.columns.contains(&column));
        Ok(Arc::new(Layout::new(self.plan.catalog.table(table), is_loaded)?))
    }

    /// The folder of a table, which need not exist yet.
    fn table_folder(&self, table: TableId) -> PathBuf {
        self.folder.path().join(&self.folder_names[table.0])
    }

    fn part_writer(&self, table: TableId, ordinal: usize) -> Result<FileWriter<'_>> {
        let described = self.plan.catalog.table(table);
        let folder = self.table_folder(table);
        fs::create_dir_all(&folder)
            .map_err(|error| Error::write(&error).at(Place::table(&described.name)))?;
        let column_names = described.columns.iter().map(|column| column.name.clone()).collect();
        let place = PartPlace { folder, table, ordinal, column_names };
        Ok(FileWriter::new(place, self.layout(table)?, &self.specials.counts))
    }

    /// Whether a table is one of the snapshot's that has no rows.
    ///
    /// Such a table has no part where the snapshot is a script of INSERT statements. A partition whose rows are loaded
    /// through the partitioned table is not empty: its rows are there.
    fn is_empty(&self, table: TableId) -> bool {
        let is_loaded = |table: &TableId| self.parts.contains_key(table);
        let described = |table: &TableId| self.plan.catalog.table(*table);
        described(&table).kind == TableKind::Ordinary
            && !self.plan.excluded.contains(&table)
            && !std::iter::successors(Some(table), |table| described(table).partition_of)
                .any(|t| is_loaded(&t))
    }
}

impl Target for ParquetTarget {
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn is_sequential(&self) -> bool {
        false
    }

    fn encoder(&self, part: usize) -> Result<Box<dyn Encoder>> {
        let layout = self.layout(self.plan.parts[part].table)?;
        Ok(Box::new(PartEncoder::new(&self.plan, part, layout)?))
    }

    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>> {
        Ok(Box::new(self.part_writer(self.plan.parts[part].table, self.ordinals[part])?))
    }

    fn large_object(&self, _entry: i32, _oid: u32, _content: &mut dyn Read) -> Result<()> {
        Err(Error::staging("large objects have no place in a Parquet target"))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>> {
        let empty = self.plan.catalog.iter().map(|(table, _)| table).filter(|&table| self.is_empty(table));
        for table in empty {
            PartWriter::finish(Box::new(self.part_writer(table, 0)?))?;
        }
        for (&table, &parts) in &self.parts {
            special::join(&self.table_folder(table), (0..parts).map(first_file)).map_err(|error| {
                Error::write(&error).at(Place::table(&self.plan.catalog.table(table).name))
            })?;
        }
        let notes = self.specials.counts().iter().map(SpecialCount::to_string).collect();
        self.folder.persist()?;
        Ok(notes)
    }
}

/// A failure to write Parquet; of `error` only the kind is told, since its text may quote data.
fn write_error(error: &ParquetError) -> Error {
    if let ParquetError::External(source) = error
        && let Some(error) = source.downcast_ref::<io::Error>()
    {
        return Error::write(error);
    }
    Error::staging("cannot write the target: the Parquet writer refused the data")
}
