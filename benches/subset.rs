//! The engine of subsets: bytes of memory a key, rows a second, and the time to close a chain.
//!
//! `cargo bench --bench subset`; `MASK_BENCH_ROWS` is the number of rows of a table (default 4,000,000) and of the longest
//! chain (2.5 times as many). Rows are made up as they are asked for; the time for that is told and taken off.
//!
//! With `MASK_BENCH_SCALE`, whole runs on the database of the bench `refresh` in that size instead; `MASK_BENCH_RUNS` is
//! how often each is measured (default 3).

#[path = "subset/runs.rs"]
mod runs;
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array};
use pgmask::error::Result;
use pgmask::key::MasterKey;
use pgmask::schema::PgType;
use pgmask::subset::integers::{IntegerBlock, IntegerColumn};
use pgmask::subset::key_values::batch_of;
use pgmask::subset::spec::{Down, EdgeSpec, Rows, Share, TableSpec};
use pgmask::subset::uuids::UuidBlock;
use pgmask::subset::{Budget, KeyRows, Selection, Spec, Visit, select};

/// Counts the bytes that are allocated, and the most that were at once.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BATCH_ROWS: u64 = 8_192;
const THREADS: u64 = 2;

/// What a column of a table holds, by row.
#[derive(Clone, Copy)]
enum Column {
    /// An integer, or NULL.
    Integer(fn(u64, u64) -> Option<u64>),
    /// A UUID that follows from a number.
    Uuid(fn(u64, u64) -> Option<u64>),
}

impl Column {
    fn array(self, first: u64, end: u64, rows: u64) -> ArrayRef {
        match self {
            Column::Integer(value) => {
                let values = (first..end).map(|row| value(row, rows).map(|value| value as i64));
                Arc::new(values.collect::<Int64Array>())
            }
            Column::Uuid(value) => {
                let mut block = UuidBlock::default();
                (first..end).for_each(|row| block.push(value(row, rows).map(uuid)));
                Arc::new(block.into_array())
            }
        }
    }
}

/// Tables of so many rows, whose values are computed each time they are read.
struct MadeUp {
    tables: Vec<(u64, Vec<Column>)>,
    /// The time that it took, of every thread.
    nanoseconds: AtomicU64,
}

impl MadeUp {
    fn new(tables: Vec<(u64, Vec<Column>)>) -> Self {
        MadeUp { tables, nanoseconds: AtomicU64::new(0) }
    }

    /// What `make` makes; the time is counted as that of one of `threads`.
    fn timed<T>(&self, threads: u64, make: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let made = make();
        self.nanoseconds.fetch_add(start.elapsed().as_nanos() as u64 / threads, Ordering::Relaxed);
        made
    }
}

impl KeyRows for MadeUp {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let (rows, table) = &self.tables[part];
        let next = AtomicU64::new(0);
        let work = || -> Result<()> {
            loop {
                let first = next.fetch_add(1, Ordering::Relaxed) * BATCH_ROWS;
                if first >= *rows {
                    return Ok(());
                }
                let end = (*rows).min(first + BATCH_ROWS);
                let batch = self.timed(THREADS, || {
                    let arrays = columns.iter().map(|&column| table[column].array(first, end, *rows));
                    batch_of(arrays.collect(), (end - first) as usize)
                });
                visit(first, &batch)?;
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
        })
    }

    fn integers(&self, part: usize, column: usize) -> Option<Box<dyn IntegerColumn + '_>> {
        match self.tables[part].1[column] {
            Column::Integer(value) => Some(Box::new(MadeUpIntegers { made_up: self, part, value })),
            Column::Uuid(_) => None,
        }
    }
}

struct MadeUpIntegers<'a> {
    made_up: &'a MadeUp,
    part: usize,
    value: fn(u64, u64) -> Option<u64>,
}

impl IntegerColumn for MadeUpIntegers<'_> {
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool> {
        let (rows, _) = self.made_up.tables[self.part];
        let first = index as u64 * BATCH_ROWS;
        self.made_up.timed(1, || {
            *block = IntegerBlock::default();
            let values = (first..rows.min(first + BATCH_ROWS)).map(|row| (self.value)(row, rows));
            values.for_each(|value| block.push(value.map(|value| value as i64)));
        });
        Ok(first < rows)
    }
}

/// What a number of `bound` is turned into, one to one, so that close ones are far apart.
fn shuffled(number: u64, bound: u64) -> u64 {
    let bits = u64::BITS - (bound - 1).leading_zeros();
    let mut value = number;
    loop {
        // A permutation of the numbers of so many bits, gone along until it is within the bound.
        for round in 0..3 {
            value = value.wrapping_mul(0x9e3779b97f4a7c15 | 1) & ((1 << bits) - 1);
            value ^= value >> (bits / 2 + round % 2);
        }
        if value < bound {
            return value;
        }
    }
}

fn uuid(value: u64) -> [u8; 16] {
    (u128::from(value.wrapping_mul(0x9e3779b97f4a7c15)) << 64 | u128::from(value)).to_be_bytes()
}

struct Measured {
    selection: Selection,
    time: Duration,
    peak_bytes: usize,
}

fn measure(spec: &Spec, rows: &MadeUp, memory_bytes: u64) -> Measured {
    let key = MasterKey::from_bytes(vec![7; 32]).expect("the key is long enough");
    let budget = Budget { memory_bytes, temp_dir: std::env::temp_dir() };
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let selection = select(spec, rows, &key, &budget).expect("the subset can be taken");
    let making = Duration::from_nanos(rows.nanoseconds.load(Ordering::Relaxed));
    let time = start.elapsed().saturating_sub(making);
    Measured { selection, time, peak_bytes: PEAK.load(Ordering::Relaxed) - before }
}

fn report(name: &str, rows: u64, measured: &Measured) {
    let kept: u64 = measured.selection.tables.iter().map(|table| table.rows_kept()).sum();
    println!(
        "{name:<64} {rows:>11} {kept:>11} {:>8.2} {:>10.0} {:>8.2}",
        measured.time.as_secs_f64(),
        measured.time.as_nanos() as f64 / rows as f64,
        measured.peak_bytes as f64 / rows as f64
    );
}

fn in_order(row: u64, _: u64) -> Option<u64> {
    Some(row)
}

fn in_no_order(row: u64, rows: u64) -> Option<u64> {
    Some(shuffled(row, rows))
}

fn parents_in_order(row: u64, _: u64) -> Option<u64> {
    Some(row / 4)
}

fn parents_at_random(row: u64, rows: u64) -> Option<u64> {
    Some(shuffled(row, rows) / 4)
}

/// A parent a quarter as large as its child, with the key `key`, to which the child refers by `reference`.
fn parent_and_child(rows: u64, ty: PgType, key: Column, reference: Column) -> (Spec, MadeUp) {
    let mut parent = TableSpec::new("parent", vec![ty.clone()], vec![0]);
    parent.rows = Rows::Percent(Share::percent(10.0));
    let child = TableSpec::new("child", vec![PgType::Int8, ty], vec![0]);
    let mut edge = EdgeSpec::new("child_parent", 1, 0, &[(1, 0)]);
    edge.down = Down::Owner;
    let spec = Spec { tables: vec![parent, child], parts: vec![0, 1], edges: vec![edge] };
    let tables = vec![(rows / 4, vec![key]), (rows, vec![Column::Integer(in_order), reference])];
    (spec, MadeUp::new(tables))
}

/// A table in which each row refers to another, all in one chain, from one end of which all is reached; by the place in the
/// chain of each row, and the key of each place.
type Chain = (fn(u64, u64) -> Option<u64>, fn(u64, u64) -> Option<u64>);

/// Rows in the order of the chain, and of their keys.
const STRAIGHT: Chain = (in_order, |row, _| row.checked_sub(1));

/// Rows in no order; keys in that of the chain.
const SCATTERED: Chain = (in_no_order, |row, rows| shuffled(row, rows).checked_sub(1));

/// Rows in no order, keys in another.
const TANGLED: Chain = (
    |row, rows| Some(tangled(shuffled(row, rows), rows)),
    |row, rows| shuffled(row, rows).checked_sub(1).map(|before| tangled(before, rows)),
);

/// The key of a place of a chain that is tangled; the first and the last place keep their numbers.
fn tangled(place: u64, rows: u64) -> u64 {
    if place == 0 || place == rows - 1 { place } else { 1 + shuffled(rows - 2 - place, rows - 2) }
}

fn chain(rows: u64, (key, before): Chain, down: bool) -> (Spec, MadeUp) {
    let mut table = TableSpec::new("chain", vec![PgType::Int8, PgType::Int8], vec![0]);
    let mut edge = EdgeSpec::new("before", 0, 0, &[(1, 0)]);
    if down {
        edge.down = Down::Any;
    }
    let end = if down { 0 } else { rows - 1 };
    table.include = vec![vec![end.to_string().into_bytes()]];
    let columns = vec![Column::Integer(key), Column::Integer(before)];
    let spec = Spec { tables: vec![table], parts: vec![0], edges: vec![edge] };
    (spec, MadeUp::new(vec![(rows, columns)]))
}

fn main() {
    if let Some(scale) = support::from_env("MASK_BENCH_SCALE") {
        return runs::run(scale);
    }
    let rows: u64 =
        std::env::var("MASK_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(4_000_000);
    let unlimited = 16 << 30;
    println!("{:<64} {:>11} {:>11} {:>8} {:>10} {:>8}", "subset", "rows", "kept", "s", "ns a row", "bytes");
    let integer = Column::Integer;
    for (name, key, reference, memory_bytes) in [
        ("integers, references in order", integer(in_order), integer(parents_in_order), unlimited),
        ("integers, references at random", integer(in_order), integer(parents_at_random), unlimited),
        ("integers, parents in no order", integer(in_no_order), integer(parents_at_random), unlimited),
        (
            "integers, parents in no order, 8 MiB of memory",
            integer(in_no_order),
            integer(parents_at_random),
            8 << 20,
        ),
        ("uuids, references in order", Column::Uuid(in_order), Column::Uuid(parents_in_order), unlimited),
        ("uuids, references at random", Column::Uuid(in_order), Column::Uuid(parents_at_random), unlimited),
        (
            "uuids, references at random, 8 MiB of memory",
            Column::Uuid(in_order),
            Column::Uuid(parents_at_random),
            8 << 20,
        ),
    ] {
        let ty = if matches!(key, Column::Uuid(_)) { PgType::Uuid } else { PgType::Int8 };
        let (spec, made_up) = parent_and_child(rows, ty, key, reference);
        report(name, rows + rows / 4, &measure(&spec, &made_up, memory_bytes));
    }
    for (name, links) in [
        ("a chain, rows and keys in its order", STRAIGHT),
        ("a chain, rows in no order", SCATTERED),
        ("a chain, neither rows nor keys in its order", TANGLED),
    ] {
        for down in [false, true] {
            for length in [rows / 4, rows * 5 / 2] {
                let (spec, made_up) = chain(length, links, down);
                let measured = measure(&spec, &made_up, unlimited);
                assert_eq!(measured.selection.tables[0].rows_kept(), length, "the whole chain is reached");
                let way = if down { "from parent to child" } else { "from child to parent" };
                report(&format!("{name}, {way}"), length, &measured);
            }
        }
    }
}
