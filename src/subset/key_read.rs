//! The first read of a snapshot: of every row only the columns that decide which rows are kept.
//!
//! They are held packed, a column of a block at a time, past a bound in an encrypted temporary file, so that the engine
//! can scan them as often as it likes, in any order of tables, while the snapshot itself is read once. Columns of
//! integers are numbers from then on, whatever they were read from, UUIDs are 16 bytes, and others are compressed text.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::DataType;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::distinct::{Distinct, ValueHash};
use super::integers::{IntegerBlock, IntegerColumn};
use super::key_block::{Expected, KeyBlock, KeyColumn, take_apart};
use super::key_values::{batch_of, texts};
use super::spill::{Chunk, Store};
use super::uuids::UuidBlock;
use super::{KeyRows, Visit};
use crate::error::{Error, Place, Result};
use crate::pg::copy::Decoder;
use crate::source::projected::Projected;
use crate::source::{Block, BlockReader, Source};

/// The size of the blocks that are read, in bytes of whole rows: what a block holds of integers stays in a core's cache.
const BLOCK_BYTES: usize = 512 * 1024;

/// A part that takes so many bytes is read whole, so that its bytes of text are counted from every source alike: what is
/// a small table depends on it.
pub const COUNTED_BYTES: u64 = 16 * 1024 * 1024;

/// How many blocks a thread takes at a time when they are read again.
const WINDOW_BLOCKS: usize = 16;

/// What is read of one part.
#[derive(Clone, Debug, Default)]
pub struct KeyColumns {
    /// Its index in the source's data parts.
    pub source_index: usize,
    /// The name of its table, for messages.
    pub table: String,
    /// The number of columns of its rows.
    pub width: usize,
    /// The columns of the rows, by their index in the table and their place in the rows; in the order of the places.
    pub all: Vec<(usize, usize)>,
    /// Those to read at once, in the same form.
    pub columns: Vec<(usize, usize)>,
    /// A condition in SQL for [`Source::decider`] to decide, and the index in the table that its truth is given for a
    /// column of; its place is behind all others.
    pub decided: Option<(usize, String)>,
    /// Lists of columns of the table whose different values are to be counted, with a number for each list.
    pub sketches: Vec<(usize, Vec<usize>)>,
}

impl KeyColumns {
    /// The place of a column of the table in the rows.
    pub fn place(&self, column: usize) -> Option<usize> {
        self.all.iter().find(|(own, _)| *own == column).map(|(_, place)| *place)
    }
}

/// How the snapshot is read.
#[derive(Clone, Debug)]
pub struct KeyReadSettings {
    /// Threads that read and decode.
    pub jobs: usize,
    /// How many bytes of what is read stay in memory.
    pub memory_bytes: u64,
    /// The folder of temporary files.
    pub temp_dir: PathBuf,
    /// Whether the rows' text is UTF-8.
    pub is_utf8: bool,
}

/// The columns that were read.
pub struct KeyRead<'a> {
    source: &'a dyn Source,
    store: Arc<Store>,
    parts: Vec<PartRead>,
    pool: ThreadPool,
    is_utf8: bool,
}

/// What was read of one part.
struct PartRead {
    asked: KeyColumns,
    blocks: Vec<Stored>,
    rows: u64,
    text_bytes: u64,
    sketches: HashMap<usize, Distinct>,
    is_read: bool,
}

/// A block of rows.
struct Stored {
    first_row: u64,
    rows: usize,
    columns: Vec<StoredColumn>,
}

/// A column of a block.
enum StoredColumn {
    /// Integers, packed.
    Integers(Chunk),
    /// UUIDs.
    Uuids(Chunk),
    /// Lines of COPY text, compressed.
    Text(Chunk),
}

impl<'a> KeyRead<'a> {
    /// Of each part what `asked` says, none of it read yet: it is as if the parts had no rows.
    ///
    /// # Errors
    /// If threads cannot be started.
    pub fn new(source: &'a dyn Source, asked: Vec<KeyColumns>, settings: &KeyReadSettings) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(settings.jobs)
            .thread_name(|index| format!("mask-keys-{index}"))
            .build()
            .map_err(|_| Error::usage("cannot start the threads").hint("lower `--jobs`"))?;
        let store = Store::new(settings.memory_bytes, settings.temp_dir.clone());
        let parts = asked.into_iter().map(PartRead::new).collect();
        Ok(KeyRead { source, store, parts, pool, is_utf8: settings.is_utf8 })
    }

    /// Reads the parts `parts`.
    ///
    /// # Errors
    /// What the source fails with, or a temporary file that cannot be written.
    pub fn read(&mut self, parts: &[usize]) -> Result<()> {
        let order = self.reading_order(parts);
        let readers = if self.source.is_seekable() { self.pool.current_num_threads() } else { 1 };
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<PartRead>)>> = Mutex::default();
        let read: &Self = self;
        std::thread::scope(|scope| {
            for _ in 0..readers.clamp(1, parts.len().max(1)) {
                scope.spawn(|| {
                    while let Some(&part) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = read.read_part(read.parts[part].asked.clone());
                        if result.is_err() {
                            next.store(order.len(), Ordering::Relaxed);
                        }
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((part, result));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        // One that was not read was not begun, since another one failed.
        done.sort_by_key(|(part, _)| *part);
        let is_whole = done.len() == parts.len();
        for (part, result) in done {
            self.parts[part] = result?;
        }
        match is_whole {
            true => Ok(()),
            false => Err(Error::snapshot("a thread of `mask` ended early; this is a defect of `mask`")),
        }
    }

    /// The parts in the order in which they are best read: the largest first, so that none is left over at the end; in
    /// their own where the source cannot seek.
    fn reading_order(&self, parts: &[usize]) -> Vec<usize> {
        let mut order = parts.to_vec();
        if self.source.is_seekable() {
            let stored = |&part: &usize| self.source.data()[self.parts[part].asked.source_index].stored_bytes;
            order.sort_by_key(|part| std::cmp::Reverse(stored(part).unwrap_or(0)));
        }
        order
    }

    /// Rows of the part `part`.
    pub fn rows(&self, part: usize) -> u64 {
        self.parts[part].rows
    }

    /// Bytes that the rows of the part `part` take as COPY text, all columns counted.
    pub fn text_bytes(&self, part: usize) -> u64 {
        self.parts[part].text_bytes
    }

    /// The different values that were counted under the number `sketch`, over all parts.
    pub fn distinct(&self, sketch: usize) -> Distinct {
        let mut all = Distinct::default();
        self.parts.iter().filter_map(|part| part.sketches.get(&sketch)).for_each(|part| all.join(part));
        all
    }

    fn read_part(&self, asked: KeyColumns) -> Result<PartRead> {
        let places: Vec<usize> = asked.columns.iter().map(|(_, place)| *place).collect();
        let mut expected = vec![Expected::Integers; places.len()];
        let mut part = PartRead { is_read: true, ..PartRead::new(asked) };
        let mut reader = self.reader(&part.asked, &places)?;
        while let Some(block) = reader.next_block()? {
            part.text_bytes = reader.text_bytes_read().unwrap_or(part.text_bytes + block.bytes.len() as u64);
            let Some(taken) = take_apart(&block.bytes, &mut expected) else {
                return Err(self.fault(&part, block));
            };
            part.sketch(&taken);
            let rows = taken.rows;
            let columns = taken.columns.into_iter().map(|column| self.stored(column));
            let columns = columns.collect::<Result<_>>()?;
            part.blocks.push(Stored { first_row: part.rows, rows, columns });
            part.rows += rows as u64;
        }
        if part.asked.decided.is_some() && self.is_counted(&part.asked) {
            // Of what was counted, a byte each for the truth and for what is before it.
            part.text_bytes = part.text_bytes.saturating_sub(2 * part.rows);
        }
        Ok(part)
    }

    /// What is wrong with a block that cannot be taken apart.
    fn fault(&self, part: &PartRead, block: Block) -> Error {
        let decoder = self.decoder(&part.asked.table, part.asked.columns.len());
        let rows = Place::table(&part.asked.table);
        decoder.decode(block, part.rows).err().unwrap_or_else(|| {
            Error::snapshot("the rows have another number of columns than the table").at(rows)
        })
    }

    fn stored(&self, column: KeyColumn) -> Result<StoredColumn> {
        Ok(match column {
            KeyColumn::Integers(integers) => StoredColumn::Integers(self.store.keep(integers.packed())?),
            KeyColumn::Uuids(uuids) => StoredColumn::Uuids(self.store.keep(uuids.packed())?),
            KeyColumn::Text(text) => {
                StoredColumn::Text(self.store.keep(lz4_flex::block::compress_prepend_size(&text))?)
            }
        })
    }

    fn array(&self, decoder: &Decoder, block: &Stored, column: &StoredColumn) -> Result<ArrayRef> {
        match column {
            StoredColumn::Integers(chunk) => {
                let mut integers = IntegerBlock::default();
                integers.unpack(&chunk.bytes()?, block.rows);
                Ok(Arc::new(integers.into_array()))
            }
            StoredColumn::Uuids(chunk) => {
                Ok(Arc::new(UuidBlock::unpacked(&chunk.bytes()?, block.rows).into_array()))
            }
            StoredColumn::Text(chunk) => {
                let bytes = lz4_flex::block::decompress_size_prepended(&chunk.bytes()?)
                    .expect("what was compressed can be decompressed");
                Ok(decoder.decode(Block { bytes }, block.first_row)?.column(0).clone())
            }
        }
    }

    /// Scans as [`KeyRows::scan`] does, but all columns in text form.
    ///
    /// # Errors
    /// As those of [`KeyRows::scan`].
    pub fn scan_texts(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        self.scan(part, columns, &|first_row, batch| visit(first_row, &texts(batch)))
    }

    fn reader(&self, asked: &KeyColumns, places: &[usize]) -> Result<Box<dyn BlockReader + '_>> {
        let jobs = self.pool.current_num_threads();
        let (index, width) = (asked.source_index, asked.width);
        let place = Place::table(&self.source.data()[index].target.table);
        let is_counted = self.is_counted(asked);
        let decider = self.source.decider().zip(asked.decided.as_ref()).filter(|_| places.contains(&width));
        let Some((decider, (_, condition))) = decider else {
            return match is_counted {
                true => {
                    let rows = self.source.read(index, BLOCK_BYTES)?;
                    Ok(Box::new(Projected::new(rows, places, width, place)))
                }
                false => self.source.read_columns(index, places, width, BLOCK_BYTES, jobs),
            };
        };
        if is_counted {
            let all: Vec<usize> = (0..width).collect();
            let rows = decider.read_decided(index, &all, condition, BLOCK_BYTES, 1)?;
            return Ok(Box::new(Projected::new(rows, places, width + 1, place)));
        }
        let columns: Vec<usize> = places.iter().copied().filter(|&place| place < width).collect();
        decider.read_decided(index, &columns, condition, BLOCK_BYTES, jobs)
    }

    /// Whether the part is read whole, so that its text is counted.
    fn is_counted(&self, asked: &KeyColumns) -> bool {
        let stored_bytes = self.source.data()[asked.source_index].stored_bytes;
        stored_bytes.is_some_and(|bytes| bytes <= COUNTED_BYTES)
    }

    fn decoder(&self, table: &str, columns: usize) -> Decoder {
        Decoder::new(&vec![""; columns], table, self.is_utf8)
    }

    /// Scans columns that were not read at once: those of rows without a key, which are sampled by all of them.
    fn scan_source(&self, asked: &KeyColumns, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let read: Vec<(usize, usize)> =
            asked.all.iter().copied().filter(|(column, _)| columns.contains(column)).collect();
        let places: Vec<usize> = read.iter().map(|(_, place)| *place).collect();
        let wanted: Vec<Option<usize>> = columns.iter().map(|column| place_of(&read, *column)).collect();
        let decoder = self.decoder(&asked.table, places.len());
        let mut reader = self.reader(asked, &places)?;
        let mut first_row = 0;
        while let Some(block) = reader.next_block()? {
            let batch = decoder.decode(block, first_row)?;
            visit(first_row, &chosen(&batch, &wanted))?;
            first_row += batch.num_rows() as u64;
        }
        Ok(())
    }
}

/// The place of a column among those of a batch.
fn place_of(columns: &[(usize, usize)], column: usize) -> Option<usize> {
    columns.iter().position(|(own, _)| *own == column)
}

impl PartRead {
    fn new(asked: KeyColumns) -> PartRead {
        let sketches = asked.sketches.iter().map(|(number, _)| (*number, Distinct::default())).collect();
        PartRead { asked, blocks: Vec::new(), rows: 0, text_bytes: 0, sketches, is_read: false }
    }

    fn sketch(&mut self, block: &KeyBlock) {
        for (number, columns) in &self.asked.sketches {
            let place = |column: &usize| place_of(&self.asked.columns, *column);
            let Some(places) = columns.iter().map(place).collect::<Option<Vec<usize>>>() else { continue };
            let Some(sketch) = self.sketches.get_mut(number) else { continue };
            if let [place] = places[..]
                && let KeyColumn::Integers(values) = &block.columns[place]
            {
                let present = (0..block.rows).filter_map(|row| values.get(row));
                present.for_each(|value| sketch.add(ValueHash::EMPTY.integer(value)));
                continue;
            }
            let mut hashes = vec![Some(ValueHash::EMPTY); block.rows];
            places.into_iter().for_each(|place| add_part(&block.columns[place], &mut hashes));
            hashes.into_iter().flatten().for_each(|hash| sketch.add(hash));
        }
    }
}

/// Adds the values of a column to the hash of each row; none where it is NULL.
fn add_part(column: &KeyColumn, hashes: &mut [Option<ValueHash>]) {
    match column {
        KeyColumn::Integers(values) => {
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = hash.zip(values.get(row)).map(|(hash, value)| hash.integer(value));
            }
        }
        KeyColumn::Uuids(values) => {
            for (row, hash) in hashes.iter_mut().enumerate() {
                *hash = hash.zip(values.get(row)).map(|(hash, value)| hash.uuid(value));
            }
        }
        KeyColumn::Text(text) => {
            for (hash, value) in hashes.iter_mut().zip(text.split(|&byte| byte == b'\n')) {
                *hash = hash.filter(|_| value != b"\\N").map(|hash| hash.text(value));
            }
        }
    }
}

impl KeyRows for KeyRead<'_> {
    fn scan(&self, part: usize, columns: &[usize], visit: &Visit<'_>) -> Result<()> {
        let part = &self.parts[part];
        if !part.is_read {
            return Ok(());
        }
        let asked = &part.asked;
        let is_unread = |column: &usize| {
            place_of(&asked.columns, *column).is_none() && place_of(&asked.all, *column).is_some()
        };
        if columns.iter().any(is_unread) {
            return self.scan_source(asked, columns, visit);
        }
        let decoder = self.decoder(&asked.table, 1);
        let places: Vec<Option<usize>> =
            columns.iter().map(|column| place_of(&asked.columns, *column)).collect();
        let visit_block = |block: &Stored| {
            let array = |place: &Option<usize>| match place {
                Some(place) => self.array(&decoder, block, &block.columns[*place]),
                None => Ok(new_null_array(&DataType::BinaryView, block.rows)),
            };
            let arrays = places.iter().map(array).collect::<Result<_>>()?;
            visit(block.first_row, &batch_of(arrays, block.rows))
        };
        let window = WINDOW_BLOCKS * self.pool.current_num_threads();
        for blocks in part.blocks.chunks(window) {
            self.pool.install(|| blocks.par_iter().try_for_each(visit_block))?;
        }
        Ok(())
    }

    fn integers(&self, part: usize, column: usize) -> Option<Box<dyn IntegerColumn + '_>> {
        let part = &self.parts[part];
        let place = place_of(&part.asked.columns, column)?;
        let is_integer = |block: &Stored| matches!(block.columns[place], StoredColumn::Integers(_));
        part.blocks.iter().all(is_integer).then(|| Box::new(StoredIntegers { part, place }) as _)
    }
}

/// A column of which every block is of integers.
struct StoredIntegers<'a> {
    part: &'a PartRead,
    place: usize,
}

impl IntegerColumn for StoredIntegers<'_> {
    fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool> {
        let Some(stored) = self.part.blocks.get(index) else { return Ok(false) };
        if let StoredColumn::Integers(chunk) = &stored.columns[self.place] {
            block.unpack(&chunk.bytes()?, stored.rows);
        }
        Ok(true)
    }
}

/// The columns of `batch` at `places`, NULL where there is no place.
fn chosen(batch: &RecordBatch, places: &[Option<usize>]) -> RecordBatch {
    let rows = batch.num_rows();
    let column = |place: &Option<usize>| match place {
        Some(place) => batch.column(*place).clone(),
        None => new_null_array(&DataType::BinaryView, rows),
    };
    batch_of(places.iter().map(column).collect(), rows)
}
