//! By what rows of a live database can be looked up: columns of whole numbers and UUIDs, through an index where few keys are
//! looked for, else by a scan that the server filters.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::rows::{Rows, Sought};
use super::snapshot::{Snapshot, unreadable};
use crate::error::Result;
use crate::pg::client::Row;
use crate::schema::quoted_always;
use crate::source::look_up::{KeyBits, KeyKind, Keys, Wanted};

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

/// By what the rows of each part can be looked up, and what that takes.
pub struct Searchable(Vec<Part>);

impl Searchable {
    /// Reads what the catalog knows of the tables `rows`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub fn read(snapshot: &Snapshot, rows: &[Arc<Rows>]) -> Result<Searchable> {
        let query = |sql: &str| {
            snapshot.query(sql).map_err(|failure| unreadable(failure, "cannot read the tables' statistics"))
        };
        let tables = query(
            // As many rows to a page as when they were counted.
            "SELECT n.nspname, c.relname, (c.reltuples / c.relpages * pg_catalog.pg_relation_size(c.oid)
                / pg_catalog.current_setting('block_size')::pg_catalog.int4)::pg_catalog.int8
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND c.reltuples > 0 AND c.relpages > 0",
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
        Ok(Searchable::of(&tables, &columns, rows))
    }

    fn of(tables: &[Row], columns: &[Row], rows: &[Arc<Rows>]) -> Searchable {
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
        Searchable(rows.iter().map(part).collect())
    }

    fn column(&self, part: usize, column: usize) -> Option<&Column> {
        self.0[part].columns.get(column)
    }

    /// About how many rows a part has.
    pub fn rows_about(&self, part: usize) -> Option<u64> {
        self.0[part].rows_about
    }

    /// About what share of the rows have NULL in a column.
    pub fn null_share(&self, part: usize, column: usize) -> Option<f64> {
        self.column(part, column)?.null_share
    }

    /// As what a column's values can be looked up.
    pub fn kind(&self, part: usize, column: usize) -> Option<KeyKind> {
        self.column(part, column)?.key.map(|(kind, ..)| kind)
    }

    /// How rows are best found, in one way or over so many connections; nothing where they cannot be.
    pub fn sought(&self, wanted: &Wanted<'_>, name: &str, jobs: usize) -> Vec<Sought> {
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
