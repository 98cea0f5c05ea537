//! A table of many chunks, read over several connections and delivered in the order of its rows.
//!
//! Readers take the chunks one after another; each hands its rows over by a bounded channel of its own, and the
//! channels are emptied in the order in which the chunks were taken. So the first chunk that is not delivered always
//! has a reader at work. No more chunks are taken ahead than there are readers, so that memory is bounded too.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use memchr::{memchr, memrchr};

use super::rows::{ChunkStream, Rows};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::source::{Block, BlockReader};

/// What a reader hands over at once, in bytes; more where a row is longer.
const PIECE_BYTES: usize = 512 << 10;

/// How many pieces a reader may be ahead: a chunk, as a rule.
const PIECES_AHEAD: usize = 24;

/// A table gets further readers when so many blocks more than there are jobs were taken of it: where it waits for its
/// turn to be written, no more are taken than are in flight.
const BLOCKS_BEFORE_TURN: usize = 4;

/// How many connections read tables whose turn it is.
#[derive(Default)]
pub struct Readers(AtomicUsize);

impl Readers {
    /// Counts one more, if there are fewer than `limit`.
    fn enter_below(&self, limit: usize) -> bool {
        let more = |count: usize| (count < limit).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whole rows; `None` at the end of the chunk.
type Piece = Result<Option<Vec<u8>>>;

/// The chunks of a table that are still to be taken.
struct Chunks {
    snapshot: Arc<Snapshot>,
    rows: Arc<Rows>,
    /// The next chunk, and where its channel is announced.
    next: Mutex<(usize, Sender<Result<Receiver<Piece>>>)>,
}

impl Chunks {
    /// The next chunk, and the channel for its rows; `None` when all are taken. Waits while enough are taken ahead.
    fn take(&self) -> Option<(usize, Sender<Piece>)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (chunk, announce) = &mut *next;
        if *chunk == self.rows.chunks() {
            return None;
        }
        let (sender, receiver) = bounded(PIECES_AHEAD);
        // Whoever waits here has the others wait too: there is nothing for them to do either.
        announce.send(Ok(receiver)).ok()?;
        *chunk += 1;
        Some((*chunk - 1, sender))
    }

    /// Reads chunks until all are taken, or nobody wants them.
    fn read(&self, is_first: bool) {
        loop {
            // The connection comes before the chunk: a chunk that is taken must be read.
            let connection = match is_first {
                true => self.snapshot.connection_at_last(),
                false => self.snapshot.connection(),
            };
            let connection = match connection {
                Ok(connection) => connection,
                Err(_) if !is_first => return,
                Err(failure) => {
                    let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = next.1.send(Err(super::snapshot::unreadable(failure, "cannot read the rows")));
                    return;
                }
            };
            let Some((chunk, pieces)) = self.take() else { return self.snapshot.give_back(connection) };
            let stream = ChunkStream::new(self.snapshot.clone(), self.rows.clone(), chunk, Some(connection));
            let sent = match stream {
                Ok(stream) => send(stream, &pieces),
                Err(error) => pieces.send(Err(error)).map_err(|_| ()),
            };
            if sent.is_err() {
                return;
            }
        }
    }
}

/// Hands the rows of a chunk over; fails where nobody takes them.
fn send(mut stream: ChunkStream, pieces: &Sender<Piece>) -> Result<(), ()> {
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = stream.read(&mut piece, PIECE_BYTES);
        let is_end = !matches!(read, Ok(true));
        pieces.send(read.map(|more| more.then_some(piece))).map_err(|_| ())?;
        if is_end {
            return Ok(());
        }
    }
}

/// The blocks of a table of many chunks.
pub struct SplitBlocks {
    chunks: Arc<Chunks>,
    /// The channels of the chunks, in their order.
    announced: Receiver<Result<Receiver<Piece>>>,
    /// The channel that is being emptied.
    current: Option<Receiver<Piece>>,
    chunks_done: usize,
    /// A piece, and how much of it is in blocks.
    piece: Vec<u8>,
    taken: usize,
    block_bytes: usize,
    blocks: usize,
    readers: Arc<Readers>,
    jobs: usize,
    has_first: bool,
    /// How many of [`Readers`] are this table's.
    counted: Arc<AtomicUsize>,
}

impl SplitBlocks {
    /// Blocks of at most `block_bytes` bytes, where no row is longer, read over as many connections as `jobs` and
    /// `readers` allow.
    pub fn new(
        snapshot: Arc<Snapshot>,
        rows: Arc<Rows>,
        block_bytes: usize,
        readers: Arc<Readers>,
        jobs: usize,
    ) -> Self {
        let (announce, announced) = bounded(jobs.max(1));
        SplitBlocks {
            chunks: Arc::new(Chunks { snapshot, rows, next: Mutex::new((0, announce)) }),
            announced,
            current: None,
            chunks_done: 0,
            piece: Vec::new(),
            taken: 0,
            block_bytes: block_bytes.max(1),
            blocks: 0,
            readers,
            jobs,
            has_first: false,
            counted: Arc::default(),
        }
    }

    /// Starts the first reader, and others when it is this table's turn.
    fn start_readers(&mut self) {
        if !self.has_first {
            self.has_first = true;
            let chunks = self.chunks.clone();
            std::thread::spawn(move || chunks.read(true));
        }
        if self.blocks < self.jobs + BLOCKS_BEFORE_TURN {
            return;
        }
        if self.counted.load(Ordering::Relaxed) == 0 {
            // The first one counts from now on, whether there is room for it or not.
            self.readers.0.fetch_add(1, Ordering::Relaxed);
            self.counted.fetch_add(1, Ordering::Relaxed);
        }
        let left = self.chunks.rows.chunks() - self.chunks_done;
        if self.counted.load(Ordering::Relaxed) < left.min(self.jobs) && self.readers.enter_below(self.jobs) {
            self.counted.fetch_add(1, Ordering::Relaxed);
            let (chunks, readers, counted) =
                (self.chunks.clone(), self.readers.clone(), self.counted.clone());
            std::thread::spawn(move || {
                chunks.read(false);
                readers.leave();
                counted.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }

    /// The next piece; `None` after the last chunk.
    fn next_piece(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let current = match &self.current {
                Some(current) => current,
                None if self.chunks_done == self.chunks.rows.chunks() => return Ok(None),
                None => self.current.insert(self.announced.recv().unwrap_or_else(|_| Err(ended_early()))?),
            };
            match current.recv().unwrap_or_else(|_| Err(ended_early()))? {
                Some(piece) => return Ok(Some(piece)),
                None => {
                    self.current = None;
                    self.chunks_done += 1;
                }
            }
        }
    }
}

impl BlockReader for SplitBlocks {
    fn next_block(&mut self) -> Result<Option<Block>> {
        self.start_readers();
        let mut block = Vec::new();
        loop {
            if self.taken == self.piece.len() {
                match self.next_piece()? {
                    Some(piece) => (self.piece, self.taken) = (piece, 0),
                    None => break,
                }
            }
            let rest = &self.piece[self.taken..];
            let cut = rows_that_fit(rest, block.len(), self.block_bytes);
            if block.is_empty() && cut == self.piece.len() {
                block = std::mem::take(&mut self.piece);
                self.taken = 0;
                block.reserve(self.block_bytes.saturating_sub(block.len()));
                continue;
            }
            block.extend_from_slice(&rest[..cut]);
            self.taken += cut;
            if cut < rest.len() {
                break;
            }
        }
        self.blocks += 1;
        Ok((!block.is_empty()).then_some(Block { bytes: block }))
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        Some(self.chunks.rows.bytes_of(self.chunks_done))
    }

    fn text_bytes_read(&self) -> Option<u64> {
        self.chunks.rows.text_bytes_of(self.chunks_done)
    }
}

impl Drop for SplitBlocks {
    fn drop(&mut self) {
        // The readers beside the first count themselves off when they end.
        if self.counted.load(Ordering::Relaxed) > 0 {
            self.readers.leave();
        }
    }
}

/// How many bytes of `rows` still go into a block of `taken` bytes: whole rows, and one at least where it is empty.
fn rows_that_fit(rows: &[u8], taken: usize, block_bytes: usize) -> usize {
    let room = block_bytes.saturating_sub(taken);
    if rows.len() <= room {
        return rows.len();
    }
    match memrchr(b'\n', &rows[..room]) {
        Some(newline) => newline + 1,
        None if taken == 0 => memchr(b'\n', rows).map_or(rows.len(), |newline| newline + 1),
        None => 0,
    }
}

fn ended_early() -> Error {
    Error::snapshot("a thread of `mask` ended early; this is a defect of `mask`")
        .hint("please report it with the line that was printed above")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_whole_rows() {
        assert_eq!(rows_that_fit(b"a\nbb\nccc\n", 0, 100), 9);
        assert_eq!(rows_that_fit(b"a\nbb\nccc\n", 0, 8), 5);
        assert_eq!(rows_that_fit(b"a\nbb\nccc\n", 4, 8), 2);
        assert_eq!(rows_that_fit(b"aaaa\nb\n", 7, 8), 0);
        assert_eq!(rows_that_fit(b"aaaa\nb\n", 0, 2), 5);
        assert_eq!(rows_that_fit(b"a\n", 9, 2), 0);
    }

    #[test]
    fn readers_are_bounded() {
        let readers = Readers::default();
        assert!(readers.enter_below(2) && readers.enter_below(2) && !readers.enter_below(2));
        readers.leave();
        assert!(readers.enter_below(2));
    }
}
