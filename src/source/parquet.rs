//! The source over Parquet files: what the Parquet target writes, what other programs write in the same layout, and
//! exports of Amazon RDS and Aurora snapshots.
//!
//! The files hold rows; keys and the types of Postgres come from a schema, the dump that `--schema` names or the
//! `schema.sql` beside the tables. The rows become the text that COPY would write, so that a value masks as it does from
//! any other source.

mod blocks;
mod columns;
mod files;
mod footer;
mod number;
mod rows;
mod special;
mod text;
mod thrift;
mod time;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{BlockReader, DataPart, Source};
use crate::error::{Error, Place, Result};
use crate::pg::archive::VisitLargeObject;
use crate::pg::ddl;
use crate::pg::dump::{CopyTarget, Dump, Entry, Section};
use crate::schema::{Catalog, QualifiedName, TableKind, quoted_always};
use blocks::{Decoders, Reading, TableBlocks};
use columns::TableColumns;
use files::{Group, Listing};
use footer::Footer;
use rows::{RowGroup, TableRows};
use special::Extent;

pub use files::holds_parquet;
pub use footer::MAGIC;

/// How values are read from Parquet; Markdown, for the docs.
pub const READING: &str = "\
## Parquet as a snapshot

The Postgres type that the schema gives a column decides the form of its values; the file's own type only has to be one that can hold them.
A file with a column that its table lacks, without one that it has, or with one of a type not listed here is refused before any row; generated columns may be there and are not read.

| column | read from |
| --- | --- |
| any type | text (`STRING`, `JSON`) that is the value as Postgres writes it; NULL |
| types that are text in Parquet | binary values without the mark of text, in UTF-8 |
| `smallint`, `integer`, `bigint`, `oid` | integers of any size, decimals without places; a value out of the range is an error |
| `numeric` | decimals and integers, with the scale of the column; digits beyond it are an error |
| `real`, `double precision` | floating-point numbers; one of double precision that `real` does not hold is an error |
| `boolean`, `uuid`, `bytea` | booleans, 16 bytes, binary values |
| `date` | dates; the largest number is `infinity` |
| `time`, `timestamp` | times and timestamps that are not in UTC, of milli-, micro- or nanoseconds; INT96. Decimals beyond the microsecond are an error |
| `timestamptz` | timestamps in UTC, INT96; written with the offset `+00` |
| an array | lists of what its elements are read from |

Values in a `_special.csv` beside the files take their places again, so that what the Parquet target wrote comes back value for value, but for the offset of `timestamptz`.
A table's files are read in the natural order of their names; a name that begins with `_` or `.` is not read.
The table is the one that the file's metadata names (`pg.schema`, `pg.table`), else that of the folder's or the file's name: `SCHEMA.TABLE`, percent-encoded where a name has a dot or a slash, or `TABLE` where there is one of that name only.
An export of an Amazon RDS or Aurora snapshot is named by its own folder or by that of its database: `EXPORT/DATABASE/SCHEMA.TABLE/BATCH/part-….gz.parquet`, as the [Amazon RDS User Guide](https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.FileNames.html) has it.
Pages may be compressed with Zstandard, gzip, Snappy or LZ4, or not.
";

/// How many names a note lists.
const NAMES_OF_A_NOTE: usize = 10;

/// A folder of Parquet files, or one file.
pub struct ParquetSource {
    dump: Dump,
    parts: Vec<DataPart>,
    tables: Vec<Arc<TableRows>>,
    notes: Vec<String>,
    decoders: Arc<Decoders>,
}

impl ParquetSource {
    /// Opens the files at `path`, with the schema of the dump at `schema`, or of `schema.sql` beside them.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is no schema;
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if a file cannot be read, or is none of a table of the schema.
    pub fn open(path: &Path, schema: Option<&Path>, temp_dir: &Path) -> Result<ParquetSource> {
        let listing = files::list(path)?;
        if listing.tables.is_empty() {
            return Err(Error::snapshot("there are no Parquet files here").at(path.display()));
        }
        let schema = read_schema(path, schema.or(listing.schema.as_deref()), temp_dir)?;
        let catalog = ddl::catalog(ddl::statements(&schema))?.catalog;
        let mut tables = read_tables(&listing, &schema, &catalog)?;
        let place = |table: &TableRows| catalog.find(&table.columns.table).map_or(usize::MAX, |id| id.0);
        tables.sort_by(|left, right| {
            place(left).cmp(&place(right)).then_with(|| left.columns.table.cmp(&right.columns.table))
        });
        let notes = notes(&listing, &tables, &schema, &catalog);
        let (entries, parts) = tables.iter().zip(1..).map(|(table, id)| entry(table, id, &schema)).unzip();
        let rows = Dump {
            database: schema.database.clone(),
            server_version: schema.server_version.clone(),
            dump_version: schema.dump_version.clone(),
            entries,
            ..Dump::default()
        };
        let tables = tables.into_iter().map(Arc::new).collect();
        Ok(ParquetSource { dump: rows.with_schema(&schema), parts, tables, notes, decoders: Arc::default() })
    }

    fn blocks(&self, index: usize, wanted: Vec<usize>, block_bytes: usize, jobs: usize) -> TableBlocks {
        let reading = Reading { table: self.tables[index].clone(), wanted, jobs };
        TableBlocks::new(reading, block_bytes, self.decoders.clone())
    }
}

impl Source for ParquetSource {
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
        let all = (0..self.tables[index].columns.columns.len()).collect();
        Ok(Box::new(self.blocks(index, all, block_bytes, jobs)))
    }

    fn read_columns(
        &self,
        index: usize,
        columns: &[usize],
        _width: usize,
        block_bytes: usize,
        jobs: usize,
    ) -> Result<Box<dyn BlockReader + '_>> {
        Ok(Box::new(self.blocks(index, columns.to_vec(), block_bytes, jobs)))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn visit_large_objects(&self, _visit: &mut VisitLargeObject<'_>) -> Result<()> {
        Ok(())
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// The schema's entries, without any rows.
fn read_schema(path: &Path, schema: Option<&Path>, temp_dir: &Path) -> Result<Dump> {
    let Some(schema) = schema else {
        return Err(Error::usage("Parquet files hold no keys and no types of Postgres: a schema is missing")
            .at(path.display())
            .hint("make it with `pg_dump --schema-only --file=schema.sql DATABASE`, and say `--schema schema.sql`"));
    };
    let mut dump = super::open(&schema.to_string_lossy(), temp_dir)?.dump().clone();
    dump.entries.retain(|entry| entry.section != Section::Data || entry.kind == "SEQUENCE SET");
    Ok(dump)
}

/// A table that files were found for.
struct Found<'a> {
    columns: TableColumns,
    groups: Vec<&'a Group>,
}

/// Reads what every file says it holds, and checks it against the schema.
fn read_tables(listing: &Listing, schema: &Dump, catalog: &Catalog) -> Result<Vec<TableRows>> {
    let has_extension = schema.entries.iter().any(|entry| entry.kind == "EXTENSION");
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut by_name: HashMap<QualifiedName, usize> = HashMap::new();
    for group in &listing.tables {
        let columns = columns_of(group, catalog, has_extension)?;
        match by_name.get(&columns.table) {
            None => {
                by_name.insert(columns.table.clone(), found.len());
                found.push(Found { columns, groups: vec![group] });
            }
            // The files of one table's folder, where that is what was named.
            Some(&index) if group.is_file && found[index].groups.iter().all(|other| other.is_file) => {
                found[index].groups.push(group);
            }
            Some(_) => {
                return Err(Error::snapshot("two folders hold the rows of one table")
                    .at(Place::table(&columns.table)));
            }
        }
    }
    found.into_iter().map(table_rows).collect()
}

/// The table that a group of files is of, as its first file or its name says, and its columns.
fn columns_of(group: &Group, catalog: &Catalog, has_extension: bool) -> Result<TableColumns> {
    let first = &group.files[0];
    let footer = Footer::read(first)?;
    let written = match (footer.value("pg.schema"), footer.value("pg.table")) {
        (Some(schema), Some(name)) => Some(QualifiedName::new(schema, name)),
        _ => None,
    };
    let id = match &written {
        Some(name) => catalog.find(name),
        None => files::table_of(&group.label, catalog),
    };
    if let Some(id) = id {
        return Ok(TableColumns::of_table(catalog.table(id)));
    }
    let name = written.or_else(|| files::name_of(&group.label));
    match name {
        Some(name) if catalog.unread_tables.contains(&name) => {
            Err(Error::snapshot("the table has rows, but its CREATE TABLE cannot be read").at(Place::table(name)))
        }
        // An extension declares its tables itself.
        Some(name) if has_extension => Ok(TableColumns::of_file(name, &footer)),
        _ => Err(Error::snapshot("the schema has no table of the name that the files are under")
            .at(first.display())
            .hint("a folder or a file is called `SCHEMA.TABLE`; take the data and the schema from the same database")),
    }
}

fn table_rows(found: Found<'_>) -> Result<TableRows> {
    let Found { columns, groups: listed } = found;
    let special = listed.iter().find_map(|group| group.special.clone());
    let files: Vec<PathBuf> = listed.iter().flat_map(|group| group.files.iter().cloned()).collect();
    let mut groups = Vec::new();
    let (mut part, mut first_row) = (0, 0);
    for (file, path) in files.iter().enumerate() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let part_of_file = special::part_of(&name).unwrap_or_default();
        if part_of_file != part {
            (part, first_row) = (part_of_file, 0);
        }
        let of_file = row_groups(file, path, &columns)?;
        for mut group in of_file {
            group.extent = Extent { part, first_row, ..group.extent };
            first_row += group.extent.rows;
            groups.push(group);
        }
    }
    if let Some(special) = &special {
        let extents: Vec<Extent> = groups.iter().map(|group| group.extent).collect();
        let is_column = |name: &str| columns.columns.iter().any(|column| column.name == name);
        let starts = special::index(special, &extents, is_column)?;
        for (group, start) in groups.iter_mut().zip(starts) {
            group.special_start = start;
        }
    }
    Ok(TableRows { columns, files, groups, special, opened: Mutex::new(None) })
}

/// The row groups of a file, which must be one of the table's.
fn row_groups(file: usize, path: &Path, columns: &TableColumns) -> Result<Vec<RowGroup>> {
    let footer = Footer::read(path)?;
    columns.bind(&footer).map_err(|error| error.at(path.display()))?;
    let is_other = |key, name: &str| footer.value(key).is_some_and(|value| value != name);
    if is_other("pg.schema", &columns.table.schema) || is_other("pg.table", &columns.table.name) {
        return Err(
            Error::snapshot("the file is of another table than the files beside it").at(path.display())
        );
    }
    let extent = |rows| Extent { part: 0, first_row: 0, rows };
    if columns.columns.is_empty() {
        // Parquet counts the rows of columns.
        let in_footer = footer.metadata.file_metadata().num_rows();
        let rows = match footer.value("pg.rows") {
            Some(rows) => rows.parse().ok(),
            None => u64::try_from(in_footer).ok(),
        };
        let rows = rows.ok_or_else(|| footer::damaged().at(path.display()))?;
        return Ok(vec![RowGroup {
            file,
            index: None,
            extent: extent(rows),
            first_row: 0,
            special_start: 0,
            stored_bytes: 0,
            plain_bytes: 0,
        }]);
    }
    let mut first_row = 0;
    let group = |(index, group): (usize, &parquet::file::metadata::RowGroupMetaData)| {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let before = first_row;
        first_row += rows;
        RowGroup {
            file,
            index: Some(index),
            extent: extent(rows),
            first_row: before,
            special_start: 0,
            stored_bytes: sum(group.columns().iter().map(|column| column.compressed_size())),
            plain_bytes: sum(group.columns().iter().map(|column| column.uncompressed_size())),
        }
    };
    Ok(footer.metadata.row_groups().iter().enumerate().map(group).collect())
}

fn sum(sizes: impl Iterator<Item = i64>) -> u64 {
    sizes.fold(0, |total, size| total.saturating_add(u64::try_from(size).unwrap_or(0)))
}

/// The entry of a table's rows, and the part that holds them.
fn entry(table: &TableRows, id: i32, schema: &Dump) -> (Entry, DataPart) {
    let TableColumns { table: name, columns, .. } = &table.columns;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let is_declaration = |entry: &&Entry| {
        entry.kind == "TABLE" && entry.tag == name.name && entry.namespace.as_deref() == Some(&name.schema)
    };
    let quoted: Vec<String> = names.iter().map(|name| quoted_always(name)).collect();
    let list = if quoted.is_empty() { String::new() } else { format!(" ({})", quoted.join(", ")) };
    let entry = Entry {
        id,
        has_data: true,
        table_oid: "0".into(),
        oid: "0".into(),
        tag: name.name.clone(),
        kind: "TABLE DATA".into(),
        section: Section::Data,
        copy_statement: format!(
            "COPY {}.{}{list} FROM stdin;\n",
            quoted_always(&name.schema),
            quoted_always(&name.name)
        ),
        namespace: Some(name.schema.clone()),
        owner: schema
            .entries
            .iter()
            .find(is_declaration)
            .map(|entry| entry.owner.clone())
            .unwrap_or_default(),
        ..Entry::default()
    };
    let stored_bytes =
        table.groups.iter().fold(0u64, |total, group| total.saturating_add(group.stored_bytes));
    let target = CopyTarget { table: name.clone(), columns: Some(names).filter(|names| !names.is_empty()) };
    (entry, DataPart { entry: id, target, stored_bytes: Some(stored_bytes) })
}

fn notes(listing: &Listing, tables: &[TableRows], schema: &Dump, catalog: &Catalog) -> Vec<String> {
    let mut notes = Vec::new();
    if listing.others > 0 {
        notes.push(format!("files beside the Parquet files that are not read: {}", listing.others));
    }
    let has_files = |name: &QualifiedName| tables.iter().any(|table| table.columns.table == *name);
    // The rows of a partition may be among those of the table that it is a partition of.
    let ancestors = |id| std::iter::successors(Some(id), |&id| catalog.table(id).partition_of);
    let missing: Vec<String> = catalog
        .iter()
        .filter(|(id, table)| {
            table.kind == TableKind::Ordinary && !ancestors(*id).any(|id| has_files(&catalog.table(id).name))
        })
        .map(|(_, table)| format!("`{}`", table.name))
        .collect();
    if !missing.is_empty() {
        let more = missing.len().saturating_sub(NAMES_OF_A_NOTE);
        let listed = missing[..missing.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        notes.push(format!("tables without Parquet files stay empty: {listed}{more}"));
    }
    let has_values = schema.entries.iter().any(|entry| entry.kind == "SEQUENCE SET");
    if !catalog.sequences.is_empty() && !has_values {
        notes.push("Parquet holds no values of sequences: they start where the schema says".into());
    }
    notes
}
