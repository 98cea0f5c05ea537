//! Tables of a million rows and what the engine allocates for them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use pgmask::error::Result;
use pgmask::schema::PgType;
use pgmask::subset::integers::{IntegerBlock, IntegerColumn};
use pgmask::subset::key_values::batch_of;
use pgmask::subset::spec::{Down, EdgeSpec, TableSpec};
use pgmask::subset::{Budget, KeyRows, Selection, Spec, Visit, select};

use super::database::key;
use crate::support::allocated::peak_bytes;

const ROWS: u64 = 1_000_000;
const BATCH_ROWS: u64 = 4_096;

/// The value of a column in a row.
type Value = fn(u64) -> Option<i64>;

/// Tables of integers that are computed whenever they are read: their rows, and their columns.
struct Computed(Vec<(u64, Vec<Value>)>);

impl Computed {
    fn values(&self, table: usize, column: usize, first: u64) -> impl Iterator<Item = Option<i64>> {
        let (rows, columns) = &self.0[table];
        (first..(*rows).min(first + BATCH_ROWS)).map(columns[column])
    }
}

impl KeyRows for Computed {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let rows = self.0[part].0;
        (0..rows).step_by(BATCH_ROWS as usize).try_for_each(|first| {
            let array = |&column: &usize| -> ArrayRef {
                Arc::new(self.values(part, column, first).collect::<Int64Array>())
            };
            let arrays = columns.iter().map(array).collect();
            visit(first, &batch_of(arrays, rows.min(first + BATCH_ROWS) as usize - first as usize))
        })
    }

    fn integers(&self, part: usize, column: usize) -> Option<Box<dyn IntegerColumn + '_>> {
        Some(Box::new(Column { computed: self, part, column }))
    }
}

struct Column<'a> {
    computed: &'a Computed,
    part: usize,
    column: usize,
}

impl IntegerColumn for Column<'_> {
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool> {
        *block = IntegerBlock::default();
        self.computed
            .values(self.part, self.column, index as u64 * BATCH_ROWS)
            .for_each(|value| block.push(value));
        Ok(block.rows() > 0)
    }
}

/// The selection, and how many bytes the engine had allocated at most for each row.
fn selected(spec: &Spec, rows: &Computed, memory_bytes: u64) -> (Selection, f64) {
    let budget = Budget { memory_bytes, temp_dir: std::env::temp_dir() };
    let (selection, bytes) = peak_bytes(|| select(spec, rows, &key(), &budget).unwrap());
    (selection, bytes as f64 / ROWS as f64)
}

/// A number below [`ROWS`] for each such number, far from those of its neighbours.
fn scattered(row: u64) -> u64 {
    row * 7_919 % ROWS
}

#[test]
fn a_million_children_of_one_parent_take_less_than_a_byte_each() {
    for memory_bytes in [1 << 20, 1 << 30] {
        let mut parent = TableSpec::new("users", vec![PgType::Int8], vec![0]);
        parent.include = vec![vec![b"3".to_vec()]];
        let child = TableSpec::new("orders", vec![PgType::Int8, PgType::Int8], vec![0]);
        let mut owner = EdgeSpec::new("orders_user", 1, 0, &[(1, 0)]);
        owner.down = Down::Owner;
        let spec = Spec { tables: vec![parent, child], parts: vec![0, 1], edges: vec![owner] };
        let users: Vec<Value> = vec![|row| Some(row as i64)];
        let orders: Vec<Value> = vec![|row| Some(scattered(row) as i64), |row| (row > 0).then_some(3)];
        let (selection, bytes) = selected(&spec, &Computed(vec![(10, users), (ROWS, orders)]), memory_bytes);
        assert_eq!(selection.tables.iter().map(|table| table.rows_owned).collect::<Vec<_>>(), [1, ROWS - 1]);
        assert!(bytes < 1.0, "{bytes} bytes a row");
    }
}

#[test]
fn a_chain_of_a_million_rows_in_any_order_takes_ten_bytes_a_row() {
    let in_order: Vec<Value> = vec![|row| Some(row as i64), |row| row.checked_sub(1).map(|id| id as i64)];
    let in_none: Vec<Value> =
        vec![|row| Some(scattered(row) as i64), |row| scattered(row).checked_sub(1).map(|id| id as i64)];
    let sparse: Vec<Value> = vec![|row| Some(scattered(row) as i64 * 10), |row| {
        scattered(row).checked_sub(1).map(|id| id as i64 * 10)
    }];
    for (columns, step) in [(in_order, 1), (in_none, 1), (sparse, 10)] {
        let rows = Computed(vec![(ROWS, columns)]);
        for down in [Down::None, Down::Any] {
            let mut table = TableSpec::new("list", vec![PgType::Int8, PgType::Int8], vec![0]);
            let end = if down == Down::Any { 0 } else { (ROWS - 1) * step };
            table.include = vec![vec![end.to_string().into_bytes()]];
            let mut before = EdgeSpec::new("list_before", 0, 0, &[(1, 0)]);
            before.down = down;
            let spec = Spec { tables: vec![table], parts: vec![0], edges: vec![before] };
            let (selection, bytes) = selected(&spec, &rows, 1 << 30);
            assert_eq!(selection.tables[0].rows_kept(), ROWS);
            assert!(bytes < 11.0, "{bytes} bytes a row");
        }
    }
}
