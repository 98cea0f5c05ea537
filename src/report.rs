//! What was moved: counted while it moves, told as a table for people and as JSON for programs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::masked::ColumnCounts;
use crate::plan::Plan;

/// Counts what moves, part by part; read by a progress display while it does.
pub struct Meter {
    parts: Vec<PartMeter>,
    phases: Phases,
}

impl Meter {
    /// A meter at zero for the parts of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let parts = plan.parts.iter().map(|part| PartMeter::new(part.columns.len())).collect();
        Meter { parts, phases: Phases::default() }
    }

    /// The meter of the part `part`.
    pub fn part(&self, part: usize) -> &PartMeter {
        &self.parts[part]
    }

    /// The phases of what is done when all rows are moved.
    pub fn phases(&self) -> &Phases {
        &self.phases
    }
}

/// What a target does once it has all rows, phase after phase.
#[derive(Default)]
pub struct Phases(Mutex<Vec<Phase>>);

/// A phase, and how far it is.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// What is done, such as `indexes and constraints`.
    pub name: &'static str,
    /// Steps that are done.
    pub done: u64,
    /// Steps in all.
    pub steps: u64,
    started: Instant,
    finished: Option<Instant>,
}

impl Phases {
    /// Notes that a phase begins, and ends the one before it.
    pub fn start(&self, name: &'static str, steps: usize) {
        self.end();
        lock(&self.0).push(Phase {
            name,
            done: 0,
            steps: steps as u64,
            started: Instant::now(),
            finished: None,
        });
    }

    /// Notes that a step of the phase is done.
    pub fn advance(&self) {
        if let Some(phase) = lock(&self.0).last_mut() {
            phase.done += 1;
        }
    }

    /// Notes that the last phase is over.
    pub fn end(&self) {
        if let Some(phase) = lock(&self.0).last_mut() {
            phase.finished.get_or_insert_with(Instant::now);
        }
    }

    /// The phases so far, in their order.
    pub fn list(&self) -> Vec<Phase> {
        lock(&self.0).clone()
    }
}

impl Phase {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.finished.is_some()
    }

    /// How long it took so far.
    pub fn elapsed(&self) -> Duration {
        self.finished.unwrap_or_else(Instant::now) - self.started
    }
}

/// Counts what moves of one part.
pub struct PartMeter {
    rows: AtomicU64,
    rows_read: AtomicU64,
    read_bytes: AtomicU64,
    stored_bytes_read: AtomicU64,
    written_bytes: AtomicU64,
    times: Mutex<Times>,
    columns: Mutex<Vec<ColumnCounts>>,
}

#[derive(Clone, Copy, Default)]
struct Times {
    started: Option<Instant>,
    finished: Option<Instant>,
}

/// How far a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it was written yet.
    Waiting,
    /// It is being written.
    Moving,
    /// It is complete.
    Done,
}

impl PartMeter {
    fn new(columns: usize) -> Self {
        PartMeter {
            rows: AtomicU64::new(0),
            rows_read: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            stored_bytes_read: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            times: Mutex::default(),
            columns: Mutex::new(vec![ColumnCounts::default(); columns]),
        }
    }

    /// Notes that the part is being written from now on.
    pub fn start(&self) {
        lock(&self.times).started = Some(Instant::now());
    }

    /// Adds rows that were read, whether they are written or not, and their bytes of COPY text.
    pub fn add_read(&self, rows: u64, bytes: u64) {
        self.rows_read.fetch_add(rows, Ordering::Relaxed);
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds a written block.
    pub fn add(&self, rows: u64, counts: &[ColumnCounts]) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        for (sum, count) in lock(&self.columns).iter_mut().zip(counts) {
            sum.masked += count.masked;
            sum.nulls += count.nulls;
        }
    }

    /// Notes that the part is complete and takes `written_bytes` in the target.
    pub fn finish(&self, written_bytes: u64) {
        self.written_bytes.store(written_bytes, Ordering::Relaxed);
        lock(&self.times).finished = Some(Instant::now());
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Rows read so far, written or not.
    pub fn rows_read(&self) -> u64 {
        self.rows_read.load(Ordering::Relaxed)
    }

    /// Bytes of COPY text read so far.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Notes how many of its stored bytes were read, where these are not the bytes of COPY text.
    pub fn set_stored_bytes_read(&self, bytes: u64) {
        self.stored_bytes_read.store(bytes, Ordering::Relaxed);
    }

    /// Stored bytes read so far; compare them with [`DataPart::stored_bytes`](crate::source::DataPart::stored_bytes).
    pub fn stored_bytes_read(&self) -> u64 {
        match self.stored_bytes_read.load(Ordering::Relaxed) {
            0 => self.read_bytes(),
            bytes => bytes,
        }
    }

    /// Bytes in the target; 0 until the part is complete.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// How far the part is.
    pub fn stage(&self) -> Stage {
        match *lock(&self.times) {
            Times { finished: Some(_), .. } => Stage::Done,
            Times { started: Some(_), .. } => Stage::Moving,
            _ => Stage::Waiting,
        }
    }

    /// How long the part was being written so far.
    pub fn elapsed(&self) -> Duration {
        let Times { started, finished } = *lock(&self.times);
        started.map_or(Duration::ZERO, |start| finished.unwrap_or_else(Instant::now) - start)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The report of a run, as `--report` writes it. Keys are only ever added.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of `mask`.
    pub mask_version: &'static str,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// When it was complete, RFC 3339, UTC.
    pub finished_at: String,
    /// The snapshot, without credentials.
    pub source: String,
    /// The target, without credentials.
    pub target: String,
    /// When the snapshot was taken, where it says so: RFC 3339.
    pub snapshot_at: Option<String>,
    /// What tells the key from others and says nothing else of it.
    pub key_id: String,
    /// SHA-256 of the rules files, in hex.
    pub rules_sha256: String,
    /// The subset that was asked for; null for all rows.
    pub subset: Option<String>,
    /// How many of a hundred rows were written.
    pub percent: f64,
    /// References that became NULL, since what they referred to is not in the subset.
    pub references_nulled: u64,
    /// What the plan left out or changed, and why.
    pub notes: Vec<String>,
    /// What the target did once it had all rows, in order.
    pub phases: Vec<PhaseReport>,
    /// The tables, in the order of the snapshot.
    pub tables: Vec<TableReport>,
}

/// A phase of what a target did once it had all rows.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseReport {
    /// What was done, such as `indexes and constraints`.
    pub name: &'static str,
    /// In how many steps.
    pub steps: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What was moved of one table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// `schema.table`, quoted where it must be.
    pub name: String,
    /// Rows in the snapshot.
    pub rows_read: u64,
    /// Whether that is what the source's statistics say, since not all of the rows were read.
    pub rows_read_is_estimate: bool,
    /// Rows in the target.
    pub rows_written: u64,
    /// Rows kept for their own sake.
    pub rows_owned: u64,
    /// Rows kept only because something refers to them.
    pub rows_stub: u64,
    /// How many of a hundred rows were written.
    pub percent: f64,
    /// References that became NULL, since what they referred to is not in the subset.
    pub references_nulled: u64,
    /// Bytes of COPY text read.
    pub bytes_read: u64,
    /// Bytes in the target.
    pub bytes_written: u64,
    /// Seconds from its first row to its last.
    pub seconds: f64,
    /// Its columns.
    pub columns: Vec<ColumnReport>,
}

/// What happened to one column.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// `keep`, a function's name, or `follows TABLE.COLUMN`.
    pub action: String,
    /// Values that were masked.
    pub values_masked: u64,
    /// NULLs in the target.
    pub nulls: u64,
}

/// The phases that `meter` was told of.
pub fn phases(meter: &Meter) -> Vec<PhaseReport> {
    let report = |phase: Phase| PhaseReport {
        name: phase.name,
        steps: phase.steps,
        seconds: rounded(phase.elapsed()),
    };
    meter.phases().list().into_iter().map(report).collect()
}

/// Seconds, to the thousandth.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The tables of `plan` as `meter` counted them; parts of one table are added up.
pub fn tables(plan: &Plan, meter: &Meter) -> Vec<TableReport> {
    let mut reports: Vec<TableReport> = Vec::new();
    let mut index_of = std::collections::HashMap::new();
    for (part_index, part) in plan.parts.iter().enumerate() {
        let index = *index_of.entry(part.table).or_insert_with(|| {
            reports.push(empty_report(plan, part_index));
            reports.len() - 1
        });
        let table = plan.catalog.table(part.table);
        let names: Vec<&str> =
            part.columns.iter().map(|&column| table.columns[column].name.as_str()).collect();
        let about = plan.subset.as_ref().and_then(|subset| subset.rows_about(part_index));
        add_part(&mut reports[index], &names, meter.part(part_index), about);
        if let Some(subset) = &plan.subset {
            let stubs = subset.stubs(part_index);
            reports[index].rows_stub += stubs;
            reports[index].rows_owned -= stubs.min(reports[index].rows_owned);
            reports[index].references_nulled += subset.nulled(part_index);
        }
    }
    reports
}

fn empty_report(plan: &Plan, part: usize) -> TableReport {
    let part = &plan.parts[part];
    let table = plan.catalog.table(part.table);
    let column = |&index: &usize| ColumnReport {
        name: table.columns[index].name.clone(),
        action: plan.action_text(plan.decision(part.table, index)),
        values_masked: 0,
        nulls: 0,
    };
    TableReport {
        name: table.name.to_string(),
        rows_read: 0,
        rows_read_is_estimate: false,
        rows_written: 0,
        rows_owned: 0,
        rows_stub: 0,
        percent: 100.0,
        references_nulled: 0,
        bytes_read: 0,
        bytes_written: 0,
        seconds: 0.0,
        columns: part.columns.iter().map(column).collect(),
    }
}

/// Adds a part; its columns, named in `names`, may be in another order than those of the table's other parts. Where only
/// some of its rows were read, it has `about` so many.
fn add_part(report: &mut TableReport, names: &[&str], meter: &PartMeter, about: Option<u64>) {
    report.rows_read += about.unwrap_or_else(|| meter.rows_read()).max(meter.rows());
    report.rows_read_is_estimate |= about.is_some();
    report.rows_written += meter.rows();
    report.rows_owned += meter.rows();
    report.percent = percent(report.rows_written, report.rows_read);
    report.bytes_read += meter.read_bytes();
    report.bytes_written += meter.written_bytes();
    report.seconds += rounded(meter.elapsed());
    for (name, counts) in names.iter().zip(lock(&meter.columns).iter()) {
        if let Some(column) = report.columns.iter_mut().find(|column| column.name == *name) {
            column.values_masked += counts.masked;
            column.nulls += counts.nulls;
        }
    }
}

/// How many of a hundred rows were written, to two digits; 100 where there were none.
fn percent(written: u64, read: u64) -> f64 {
    match read {
        0 => 100.0,
        _ => (written as f64 / read as f64 * 10_000.0).round() / 100.0,
    }
}

/// How many of a hundred rows of `tables` were written.
pub fn total_percent(tables: &[TableReport]) -> f64 {
    let sum = |rows: fn(&TableReport) -> u64| tables.iter().map(rows).sum();
    percent(sum(|table| table.rows_written), sum(|table| table.rows_read))
}

/// What came of the subset `asked`, as people read it: a line.
pub fn subset_summary(asked: &str, tables: &[TableReport]) -> String {
    let sum = |count: fn(&TableReport) -> u64| -> u64 { tables.iter().map(count).sum() };
    let about = if tables.iter().any(|table| table.rows_read_is_estimate) { "about " } else { "" };
    format!(
        "subset {asked}: {} of {about}{} rows ({}%), {} of them only referred to or kept with their table, {} references made NULL\n",
        sum(|table| table.rows_written),
        sum(|table| table.rows_read),
        total_percent(tables),
        sum(|table| table.rows_stub),
        sum(|table| table.references_nulled)
    )
}

/// The tables as people read them: rows, size and time, a line each, and a total.
pub fn summary(tables: &[TableReport]) -> String {
    let width = tables.iter().map(|table| table.name.chars().count()).max().unwrap_or(0).max("table".len());
    let mut text = format!("{:<width$}  {:>12}  {:>12}  {:>12}\n", "table", "rows", "masked", "written");
    let line = |name: &str, rows: u64, masked: u64, bytes: u64| {
        format!("{name:<width$}  {rows:>12}  {masked:>12}  {:>12}\n", human_bytes(bytes))
    };
    let masked = |table: &TableReport| table.columns.iter().map(|column| column.values_masked).sum::<u64>();
    for table in tables {
        text += &line(&table.name, table.rows_written, masked(table), table.bytes_written);
    }
    let rows = tables.iter().map(|table| table.rows_written).sum();
    let bytes = tables.iter().map(|table| table.bytes_written).sum();
    text + &line("total", rows, tables.iter().map(masked).sum(), bytes)
}

/// A size with a binary unit, such as `1.5 MiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}
