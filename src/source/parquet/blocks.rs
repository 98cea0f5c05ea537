//! The blocks of a table: row groups decoded by several threads, and cut in the order of the rows.
//!
//! Each row group that is being decoded has a bounded channel of its own, and the channels are emptied in the order of
//! the row groups; so what is in memory is bounded, however large they are, and the blocks are the same for any number
//! of threads.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::footer::damaged;
use super::rows::TableRows;
use crate::error::{Error, Place, Result};
use crate::pg::blocks::BlockCutter;
use crate::pg::stream;
use crate::source::{Block, BlockReader};

/// How many pieces of text a row group may be ahead: one of eight megabytes, as a rule.
const PIECES_AHEAD: usize = 16;

/// The line after the last row.
const END: &[u8] = b"\\.\n";

/// How many threads decode row groups of all tables.
#[derive(Default)]
pub struct Decoders(AtomicUsize);

/// A thread that is counted until this is dropped.
struct Counted(Arc<Decoders>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Decoders {
    /// Counts one more; only if there are fewer than `limit`, where there is one.
    fn enter(decoders: &Arc<Decoders>, limit: Option<usize>) -> Option<Counted> {
        let more = |count: usize| limit.is_none_or(|limit| count < limit).then_some(count + 1);
        decoders.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Counted(decoders.clone()))
    }
}

/// What is to be read of a table.
pub struct Reading {
    /// The table.
    pub table: Arc<TableRows>,
    /// The columns of the rows that are wanted, ascending.
    pub wanted: Vec<usize>,
    /// How many threads may decode.
    pub jobs: usize,
}

/// Whole rows; `None` at the end of the row group.
type Piece = Result<Option<Vec<u8>>>;

/// The blocks of a table.
pub struct TableBlocks {
    cutter: BlockCutter<Pieces>,
    progress: Arc<Progress>,
    is_whole: bool,
}

/// What was read so far.
#[derive(Default)]
struct Progress {
    stored_bytes: AtomicU64,
    plain_bytes: AtomicU64,
}

impl TableBlocks {
    /// Blocks of at most `block_bytes` bytes, where no row is longer.
    pub fn new(reading: Reading, block_bytes: usize, decoders: Arc<Decoders>) -> Self {
        let progress = Arc::new(Progress::default());
        let place = Place::table(&reading.table.columns.table);
        let is_whole = reading.wanted.len() == reading.table.columns.columns.len();
        let pieces = Pieces {
            reading: Arc::new(reading),
            decoders,
            progress: progress.clone(),
            running: VecDeque::new(),
            started: 0,
            done: 0,
            piece: Vec::new(),
            taken: 0,
            has_ended: false,
        };
        TableBlocks { cutter: BlockCutter::new(pieces, block_bytes, place), progress, is_whole }
    }
}

impl BlockReader for TableBlocks {
    fn next_block(&mut self) -> Result<Option<Block>> {
        self.cutter.next_block()
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        Some(self.progress.stored_bytes.load(Ordering::Relaxed))
    }

    fn text_bytes_read(&self) -> Option<u64> {
        (!self.is_whole).then(|| self.progress.plain_bytes.load(Ordering::Relaxed))
    }
}

/// The text of all row groups, and the line that ends it.
struct Pieces {
    reading: Arc<Reading>,
    decoders: Arc<Decoders>,
    progress: Arc<Progress>,
    /// The row groups that are being decoded, in order.
    running: VecDeque<Receiver<Piece>>,
    /// How many were started, and how many were taken whole.
    started: usize,
    done: usize,
    /// The piece that is being read, and how much of it is.
    piece: Vec<u8>,
    taken: usize,
    has_ended: bool,
}

impl Pieces {
    /// Starts threads for the next row groups: one in any case, more while they are few in all.
    fn start(&mut self) {
        let reading = &self.reading;
        while self.started < reading.table.groups.len() && self.running.len() < reading.jobs.max(1) {
            let limit = (!self.running.is_empty()).then_some(reading.jobs);
            let Some(counted) = Decoders::enter(&self.decoders, limit) else { return };
            let (sender, receiver) = bounded(PIECES_AHEAD);
            let (reading, group) = (reading.clone(), self.started);
            std::thread::spawn(move || {
                decode(&reading, group, &sender);
                drop(counted);
            });
            self.running.push_back(receiver);
            self.started += 1;
        }
    }

    /// Makes the next piece the current one; the last one is the end marker.
    fn next_piece(&mut self) -> Result<()> {
        loop {
            self.start();
            let Some(current) = self.running.front() else {
                self.has_ended = true;
                self.piece = END.to_vec();
                return Ok(());
            };
            // A thread that ends without a word has met what no error of ours is for.
            match current.recv().unwrap_or_else(|_| Err(self.lost()))? {
                Some(piece) => {
                    self.piece = piece;
                    return Ok(());
                }
                None => {
                    let group = &self.reading.table.groups[self.done];
                    self.progress.stored_bytes.fetch_add(group.stored_bytes, Ordering::Relaxed);
                    self.progress.plain_bytes.fetch_add(group.plain_bytes, Ordering::Relaxed);
                    self.running.pop_front();
                    self.done += 1;
                }
            }
        }
    }

    fn lost(&self) -> Error {
        let table = &self.reading.table;
        damaged().at(table.files[table.groups[self.done].file].display())
    }
}

/// Decodes a row group, until nobody wants more of it.
fn decode(reading: &Reading, group: usize, pieces: &Sender<Piece>) {
    let group = &reading.table.groups[group];
    let read = reading.table.read(group, &reading.wanted, &mut |piece| pieces.send(Ok(Some(piece))).is_ok());
    let _ = pieces.send(read.map(|()| None));
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() && !self.has_ended {
            self.taken = 0;
            self.next_piece().map_err(stream::io_error)?;
        }
        let left = &self.piece[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}
