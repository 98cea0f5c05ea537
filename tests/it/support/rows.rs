//! The rows of an output in one form, whatever the output: for each table, each row's columns as Postgres prints them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::postgres::Database;

/// A row: each column's value as text, or NULL.
pub type Row = BTreeMap<String, Option<String>>;

/// All rows of an output, by `schema.table` (not quoted), sorted. Generated columns are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows(pub BTreeMap<String, Vec<Row>>);

/// The tables with rows of their own, each with its columns.
const TABLES: &str = "
    SELECT coalesce(json_agg(json_build_object(
        'table', nspname || '.' || relname,
        'columns', (SELECT coalesce(json_agg(attname ORDER BY attnum), '[]') FROM pg_attribute
                    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''),
        'copy', (SELECT format('COPY (SELECT %s FROM ONLY %I.%I) TO STDOUT',
                               string_agg(quote_ident(attname), ', ' ORDER BY attnum), nspname, relname)
                 FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''))), '[]')
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname <> 'information_schema' AND nspname !~ '^pg_';";

impl Rows {
    /// The rows in `database`.
    pub fn of_database(database: &Database) -> Rows {
        let mut rows = Rows::as_loaded(database);
        rows.0.values_mut().for_each(|rows| rows.sort());
        rows
    }

    /// The rows in `database`, in the order in which they were loaded into each table.
    pub fn as_loaded(database: &Database) -> Rows {
        let tables: Vec<Value> = serde_json::from_str(&database.psql(TABLES)).expect("Postgres writes JSON");
        let mut rows = Rows::default();
        for table in &tables {
            let text = |key: &str| table[key].as_str().expect("the query gives it").to_string();
            let columns = table["columns"].as_array().expect("the query gives it");
            let names: Vec<&str> = columns.iter().filter_map(Value::as_str).collect();
            let copied = database.psql(&text("copy"));
            let of_table = copied.split_terminator('\n').map(|line| row_of_copy(line, &names));
            rows.0.insert(text("table"), of_table.collect());
        }
        rows
    }

    /// The rows of a folder of Parquet, one folder a table; the files say which table it is.
    pub fn of_parquet(folder: &Path) -> Rows {
        let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for table in fs::read_dir(folder).expect("the target is a folder").flatten() {
            if !table.path().is_dir() {
                continue; // schema.sql
            }
            for file in fs::read_dir(table.path()).expect("it is a folder").flatten() {
                let path = file.path();
                if path.extension().is_none_or(|extension| extension != "parquet") {
                    continue; // values that have no place in a column of their type
                }
                let (name, rows) = parquet_file(&path);
                tables.entry(name).or_default().extend(rows);
            }
        }
        let mut rows = Rows::default();
        for (table, unsorted) in tables {
            rows.insert(table, unsorted);
        }
        rows
    }

    fn insert(&mut self, table: String, mut rows: Vec<Row>) {
        rows.sort();
        self.0.insert(table, rows);
    }

    /// The same with the rows of `root` and of all tables whose names begin with it and `_` in `root` alone: for
    /// dumps that load partitions through their root.
    pub fn merged(mut self, root: &str) -> Rows {
        let prefix = format!("{root}_");
        let parts: Vec<String> = self.0.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
        let mut rows = self.0.remove(root).unwrap_or_default();
        rows.extend(parts.iter().flat_map(|part| self.0.remove(part).unwrap_or_default()));
        self.insert(root.to_string(), rows);
        self
    }

    /// The number of rows of each table.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.0.iter().map(|(table, rows)| (table.clone(), rows.len())).collect()
    }

    /// The values of `column` of `table`, in the order of the sorted rows.
    #[track_caller]
    pub fn column(&self, table: &str, column: &str) -> Vec<Option<&str>> {
        let rows = self.0.get(table).unwrap_or_else(|| panic!("no table `{table}`"));
        rows.iter().map(|row| row.get(column).expect("a column of that name").as_deref()).collect()
    }
}

/// Checks that two outputs hold the same rows, and says where they first differ.
#[track_caller]
pub fn assert_same_rows(left: &Rows, right: &Rows, what: &str) {
    assert_eq!(left.counts(), right.counts(), "{what}: rows in each table");
    for (table, rows) in &left.0 {
        for (number, (row, other)) in rows.iter().zip(&right.0[table]).enumerate() {
            assert_eq!(row, other, "{what}: `{table}`, sorted row {number}");
        }
    }
}

fn row_of_copy(line: &str, columns: &[&str]) -> Row {
    if columns.is_empty() {
        return Row::new();
    }
    let values = line.split('\t').map(|field| if field == r"\N" { None } else { Some(unescaped(field)) });
    columns.iter().map(|name| name.to_string()).zip(values).collect()
}

/// A field of COPY text as the server writes it, so that only these escapes occur.
fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next().expect("the server escapes whole characters") {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                other => other,
            },
            other => other,
        });
    }
    text
}

/// The table that a Parquet file belongs to, as its metadata says, and its rows.
fn parquet_file(path: &Path) -> (String, Vec<Row>) {
    let file = File::open(path).expect("the file was just listed");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is a Parquet file");
    let metadata = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let value = |key: &str| {
        let pair = metadata.iter().find(|pair| pair.key == key).expect("the file names its table");
        pair.value.clone().expect("the name is there")
    };
    let name = format!("{}.{}", value("pg.schema"), value("pg.table"));
    // Readers count no rows where there is no column to count; the metadata does.
    let without_columns =
        metadata.iter().find(|pair| pair.key == "pg.rows").and_then(|pair| pair.value.clone());
    let count = without_columns.map_or(0, |count| count.parse().expect("it is a number"));
    let mut rows = vec![Row::new(); count];
    for batch in builder.build().expect("it can be read") {
        let batch = batch.expect("it is whole");
        let schema = batch.schema();
        rows.extend((0..batch.num_rows()).map(|row| {
            let columns = schema.fields().iter().zip(batch.columns());
            columns.map(|(field, column)| (field.name().clone(), postgres_text(column, row))).collect::<Row>()
        }));
    }
    (name, rows)
}

/// The value of `column` at `row` as Postgres prints it; NULL is `None`.
fn postgres_text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Boolean => if column.as_boolean().value(row) { "t" } else { "f" }.to_string(),
        DataType::Decimal128(_, scale) => {
            let unscaled = column.as_primitive::<Decimal128Type>().value(row);
            decimal(unscaled, usize::try_from(*scale).expect("no column of the shop has a negative scale"))
        }
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::FixedSizeBinary(16) => uuid(column.as_fixed_size_binary().value(row)),
        DataType::Binary => format!("\\x{}", hex(column.as_binary::<i32>().value(row))),
        DataType::List(_) => array(column.as_list::<i32>().value(row).as_ref()),
        DataType::Timestamp(_, zone) => {
            // Without the zone's name, which takes a database of zones to print; it is always UTC.
            let plain =
                column.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>);
            timestamp(&formatted(&plain, row), zone.is_some())
        }
        _ => formatted(column, row),
    })
}

fn formatted(column: &dyn Array, row: usize) -> String {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::new()).expect("every type is printed");
    formatter.value(row).to_string()
}

fn decimal(unscaled: i128, scale: usize) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid(bytes: &[u8]) -> String {
    let parts = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
    parts.map(hex).join("-")
}

/// Arrow prints `2024-01-31T12:00:00.500Z`, Postgres `2024-01-31 12:00:00.5+00`.
fn timestamp(text: &str, with_time_zone: bool) -> String {
    let text = text.trim_end_matches('Z').trim_end_matches("+00:00").replacen('T', " ", 1);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if with_time_zone { format!("{text}+00") } else { text.to_string() }
}

/// A list as Postgres prints an array of text.
fn array(items: &dyn Array) -> String {
    let items = (0..items.len()).map(|index| match postgres_text(items, index) {
        None => "NULL".to_string(),
        Some(item) if needs_quotes(&item) => {
            format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Some(item) => item,
    });
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

fn needs_quotes(item: &str) -> bool {
    item.is_empty()
        || item.eq_ignore_ascii_case("null")
        || item.contains(|c: char| c.is_ascii_whitespace() || "{},\"\\".contains(c))
}
