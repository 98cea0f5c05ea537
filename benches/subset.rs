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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::builder::BinaryViewBuilder;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use pgmask::error::Result;
use pgmask::key::MasterKey;
use pgmask::schema::PgType;
use pgmask::subset::spec::{Down, EdgeSpec, Rows, Share, TableSpec};
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

/// Appends the text of a row's value in a column; false for NULL.
type Value = Box<dyn Fn(u64, usize, &mut String) -> bool + Sync>;

/// Tables of so many rows, whose values are computed.
struct MadeUp(Vec<(u64, Value)>);

impl KeyRows for MadeUp {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let (rows, value) = &self.0[part];
        let next = AtomicUsize::new(0);
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(column.to_string(), DataType::BinaryView, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let work = || -> Result<()> {
            loop {
                let first = next.fetch_add(1, Ordering::Relaxed) as u64 * BATCH_ROWS;
                if first >= *rows {
                    return Ok(());
                }
                let end = (*rows).min(first + BATCH_ROWS);
                let array = |&column: &usize| -> ArrayRef {
                    let (mut array, mut text) = (BinaryViewBuilder::new(), String::new());
                    for row in first..end {
                        text.clear();
                        match value(row, column, &mut text) {
                            true => array.append_value(&text),
                            false => array.append_null(),
                        }
                    }
                    Arc::new(array.finish())
                };
                let arrays: Vec<ArrayRef> = columns.iter().map(array).collect();
                visit(first, &RecordBatch::try_new(schema.clone(), arrays).expect("the arrays are as long"))?;
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
        })
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

fn number(value: u64, text: &mut String) -> bool {
    use std::fmt::Write as _;
    write!(text, "{value}").is_ok()
}

fn uuid(value: u64, text: &mut String) -> bool {
    use std::fmt::Write as _;
    let bits = u128::from(value.wrapping_mul(0x9e3779b97f4a7c15)) << 64 | u128::from(value);
    let hex = format!("{bits:032x}");
    write!(text, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).is_ok()
}

struct Measured {
    selection: Selection,
    time: Duration,
    peak_bytes: usize,
}

fn measure(spec: &Spec, rows: &MadeUp, memory_bytes: u64) -> Measured {
    let key = MasterKey::from_bytes(vec![7; 32]).expect("the key is long enough");
    let budget = Budget { memory_bytes, temp_dir: std::env::temp_dir() };
    let columns = |part: usize| {
        let table = spec.parts[part];
        let of_edges = spec.edges.iter().filter(|edge| edge.child == table);
        let mut columns: Vec<usize> = of_edges.map(|edge| edge.columns[0].child).chain([0]).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    };
    let start = Instant::now();
    for part in 0..spec.parts.len() {
        rows.scan(part, &columns(part), &|_, _| Ok(())).expect("made-up rows can be read");
    }
    let making = start.elapsed();
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let selection = select(spec, rows, &key, &budget).expect("the subset can be taken");
    let time = start.elapsed().saturating_sub(making);
    Measured { selection, time, peak_bytes: PEAK.load(Ordering::Relaxed) - before }
}

fn report(name: &str, rows: u64, measured: &Measured) {
    let kept: u64 = measured.selection.tables.iter().map(|table| table.rows_kept()).sum();
    println!(
        "{name:<52} {rows:>11} {kept:>11} {:>8.2} {:>10.0} {:>8.2}",
        measured.time.as_secs_f64(),
        measured.time.as_nanos() as f64 / rows as f64,
        measured.peak_bytes as f64 / rows as f64
    );
}

/// A parent a quarter as large as its child, which refers to it in order or at random.
fn parent_and_child(
    rows: u64,
    ty: PgType,
    text: fn(u64, &mut String) -> bool,
    spread: bool,
) -> (Spec, MadeUp) {
    let mut parent = TableSpec::new("parent", vec![ty.clone()], vec![0]);
    parent.rows = Rows::Percent(Share::percent(10.0));
    let child = TableSpec::new("child", vec![PgType::Int8, ty], vec![0]);
    let mut edge = EdgeSpec::new("child_parent", 1, 0, &[(1, 0)]);
    edge.down = Down::Owner;
    let parents = rows / 4;
    let of_child: Value = Box::new(move |row, column, out| match column {
        0 => number(row, out),
        _ => text(if spread { shuffled(row, rows) / 4 } else { row / 4 }, out),
    });
    let spec = Spec { tables: vec![parent, child], parts: vec![0, 1], edges: vec![edge] };
    (spec, MadeUp(vec![(parents, Box::new(move |row, _, out| text(row, out))), (rows, of_child)]))
}

/// A table in which each row refers to another, all in one chain, and lie in no order; from one end all is reached.
fn chain(rows: u64, down: bool) -> (Spec, MadeUp) {
    let mut table = TableSpec::new("chain", vec![PgType::Int8, PgType::Int8], vec![0]);
    let mut edge = EdgeSpec::new("before", 0, 0, &[(1, 0)]);
    if down {
        edge.down = Down::Any;
    }
    let end = if down { 0 } else { rows - 1 };
    table.include = vec![vec![end.to_string().into_bytes()]];
    let value: Value = Box::new(move |row, column, out| {
        let id = shuffled(row, rows);
        match column {
            0 => number(id, out),
            _ => id > 0 && number(id - 1, out),
        }
    });
    (Spec { tables: vec![table], parts: vec![0], edges: vec![edge] }, MadeUp(vec![(rows, value)]))
}

fn main() {
    if let Some(scale) = support::from_env("MASK_BENCH_SCALE") {
        return runs::run(scale);
    }
    let rows: u64 =
        std::env::var("MASK_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(4_000_000);
    let unlimited = 16 << 30;
    println!("{:<52} {:>11} {:>11} {:>8} {:>10} {:>8}", "subset", "rows", "kept", "s", "ns a row", "bytes");
    for (name, ty, text, spread, memory_bytes) in [
        (
            "integers, references in order",
            PgType::Int8,
            number as fn(u64, &mut String) -> bool,
            false,
            unlimited,
        ),
        ("integers, references at random", PgType::Int8, number, true, unlimited),
        ("integers, references at random, 8 MiB of memory", PgType::Int8, number, true, 8 << 20),
        ("uuids, references in order", PgType::Uuid, uuid, false, unlimited),
        ("uuids, references at random", PgType::Uuid, uuid, true, unlimited),
        ("uuids, references at random, 8 MiB of memory", PgType::Uuid, uuid, true, 8 << 20),
    ] {
        let (spec, made_up) = parent_and_child(rows, ty, text, spread);
        report(name, rows + rows / 4, &measure(&spec, &made_up, memory_bytes));
    }
    for down in [false, true] {
        for length in [rows / 4, rows * 5 / 2] {
            let (spec, made_up) = chain(length, down);
            let measured = measure(&spec, &made_up, unlimited);
            assert_eq!(measured.selection.tables[0].rows_kept(), length, "the whole chain is reached");
            report(
                if down { "a chain, from parent to child" } else { "a chain, from child to parent" },
                length,
                &measured,
            );
        }
    }
}
