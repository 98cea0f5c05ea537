//! A database in memory, and what the engine selects of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, BinaryViewArray, RecordBatch};
use pgmask::error::Result;
use pgmask::key::MasterKey;
use pgmask::pg::escape::escape_into;
use pgmask::pg::integer::parse_integer;
use pgmask::subset::integers::{IntegerBlock, IntegerColumn};
use pgmask::subset::key_block::{Expected, KeyColumn, take_apart};
use pgmask::subset::key_values::batch_of;
use pgmask::subset::{Budget, KeyRows, Selection, Spec, Visit, select};
use std::sync::Arc;

/// A row: the text of each column, not escaped.
pub type Row = Vec<Option<String>>;

/// What is in a database, and what is asked of it.
#[derive(Clone, Default)]
pub struct Database {
    pub spec: Spec,
    /// The rows of each table, in an order that means nothing.
    pub rows: Vec<Vec<Row>>,
}

/// How a database is read.
#[derive(Clone)]
pub struct Reading {
    /// For each table, in which order its rows are.
    pub order: Vec<Vec<usize>>,
    /// For each table, where its parts end.
    pub part_ends: Vec<Vec<usize>>,
    pub batch_rows: usize,
    pub threads: usize,
    pub memory_bytes: u64,
    /// Whether integers and UUIDs are read as such, and integers as often as is asked for.
    pub integers: bool,
}

/// What becomes of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fate {
    pub kept: bool,
    pub owned: bool,
    /// The edges by which its references become NULL.
    pub nulled: Vec<usize>,
}

pub fn key() -> MasterKey {
    MasterKey::from_bytes((0..32).collect()).unwrap()
}

impl Reading {
    /// Every table in one part and as it is, in one batch, on one thread, with as much memory as there is.
    pub fn plain(database: &Database) -> Self {
        Reading {
            order: database.rows.iter().map(|rows| (0..rows.len()).collect()).collect(),
            part_ends: database.rows.iter().map(|rows| vec![rows.len()]).collect(),
            batch_rows: 1 << 16,
            threads: 1,
            memory_bytes: 1 << 30,
            integers: true,
        }
    }
}

impl Database {
    /// What the engine selects, and the fate of each row, in the order of `self.rows`.
    pub fn select(&self, reading: &Reading) -> Result<(Selection, Vec<Vec<Fate>>)> {
        let parts: Vec<(usize, usize, usize)> = (0..self.rows.len())
            .flat_map(|table| {
                let ends = &reading.part_ends[table];
                (0..ends.len())
                    .map(move |part| (table, part.checked_sub(1).map_or(0, |at| ends[at]), ends[part]))
            })
            .collect();
        let spec = Spec { parts: parts.iter().map(|&(table, ..)| table).collect(), ..self.spec.clone() };
        let budget = Budget { memory_bytes: reading.memory_bytes, temp_dir: std::env::temp_dir() };
        let rows = Rows { database: self, reading, parts: &parts };
        let selection = select(&spec, &rows, &key(), &budget)?;
        let mut fates: Vec<Vec<Fate>> =
            self.rows.iter().map(|rows| vec![Fate::default(); rows.len()]).collect();
        for (part, &(table, start, end)) in parts.iter().enumerate() {
            let filter = selection.filter(part);
            assert_eq!(filter.rows(), (end - start) as u64);
            let (kept, owned) = (filter.kept(0, end - start), filter.owned(0, end - start));
            for at in start..end {
                let fate = &mut fates[table][reading.order[table][at]];
                (fate.kept, fate.owned) = (kept.value(at - start), owned.value(at - start));
                let nulled = filter.nulled(0, end - start).filter(|(_, bits)| bits.value(at - start));
                fate.nulled = nulled.map(|(edge, _)| edge).collect();
            }
        }
        Ok((selection, fates))
    }

    /// The fate of each row, read plainly.
    pub fn fates(&self) -> Vec<Vec<Fate>> {
        self.select(&Reading::plain(self)).unwrap().1
    }

    /// For each table, its rows and their fates, in an order that does not depend on theirs.
    pub fn sorted(&self, fates: &[Vec<Fate>]) -> Vec<Vec<(Row, Fate)>> {
        let of_table = |(rows, fates): (&Vec<Row>, &Vec<Fate>)| {
            let mut both: Vec<_> = rows.iter().cloned().zip(fates.iter().cloned()).collect();
            both.sort();
            both
        };
        self.rows.iter().zip(fates).map(of_table).collect()
    }
}

struct Rows<'a> {
    database: &'a Database,
    reading: &'a Reading,
    parts: &'a [(usize, usize, usize)],
}

impl Rows<'_> {
    fn batch(&self, table: usize, rows: &[usize], columns: &[usize]) -> RecordBatch {
        let value = |row: usize, column: usize| {
            let mut escaped = Vec::new();
            let value = self.database.rows[table][row][column].as_ref()?;
            escape_into(value.as_bytes(), &mut escaped);
            Some(escaped)
        };
        let array = |&column: &usize| -> ArrayRef {
            let values = || rows.iter().map(|&row| value(row, column));
            if self.reading.integers {
                let text =
                    values().flat_map(|value| [value.unwrap_or(b"\\N".to_vec()), b"\n".to_vec()].concat());
                let text: Vec<u8> = text.collect();
                match take_apart(&text, &mut [Expected::Integers]).unwrap().columns.remove(0) {
                    KeyColumn::Integers(integers) => return Arc::new(integers.into_array()),
                    KeyColumn::Uuids(uuids) => return Arc::new(uuids.into_array()),
                    KeyColumn::Text(_) => {}
                }
            }
            Arc::new(values().collect::<BinaryViewArray>())
        };
        batch_of(columns.iter().map(array).collect(), rows.len())
    }

    /// The values of a column, if all are integers and are to be read so.
    fn integers_of(&self, table: usize, rows: &[usize], column: usize) -> Option<IntegerBlock> {
        let mut block = IntegerBlock::default();
        for &row in rows.iter().filter(|_| self.reading.integers) {
            let value = self.database.rows[table][row][column].as_ref();
            block.push(value.map(|value| parse_integer(value.as_bytes()).ok_or(())).transpose().ok()?);
        }
        self.reading.integers.then_some(block)
    }
}

/// A column of a part, in blocks as large as its batches.
struct Column<'a> {
    rows: &'a Rows<'a>,
    part: usize,
    column: usize,
}

impl IntegerColumn for Column<'_> {
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool> {
        let (table, start, end) = self.rows.parts[self.part];
        let mut batches = self.rows.reading.order[table][start..end].chunks(self.rows.reading.batch_rows);
        let Some(rows) = batches.nth(index) else { return Ok(false) };
        *block = self.rows.integers_of(table, rows, self.column).unwrap();
        Ok(true)
    }
}

impl KeyRows for Rows<'_> {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let (table, start, end) = self.parts[part];
        let order = &self.reading.order[table][start..end];
        let batches: Vec<&[usize]> = order.chunks(self.reading.batch_rows).collect();
        let visit = |index: usize| {
            let first = (index * self.reading.batch_rows) as u64;
            visit(first, &self.batch(table, batches[index], columns))
        };
        if self.reading.threads == 1 {
            return (0..batches.len()).try_for_each(visit);
        }
        // Threads take batches from the last on, so that they come out of order.
        let (left, failed) = (AtomicUsize::new(batches.len()), Mutex::new(Ok(())));
        std::thread::scope(|scope| {
            for _ in 0..self.reading.threads {
                scope.spawn(|| {
                    while let Ok(before) =
                        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    {
                        if let Err(error) = visit(before - 1) {
                            *failed.lock().unwrap() = Err(error);
                        }
                    }
                });
            }
        });
        failed.into_inner().unwrap()
    }

    fn integers(&self, part: usize, column: usize) -> Option<Box<dyn IntegerColumn + '_>> {
        let (table, start, end) = self.parts[part];
        self.integers_of(table, &self.reading.order[table][start..end], column)?;
        Some(Box::new(Column { rows: self, part, column }))
    }
}
