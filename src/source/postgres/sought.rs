//! Rows that were looked up: kept compressed, past a bound in an encrypted temporary file, in the order in which they lie
//! in their table, whatever the order in which they were found.

use std::sync::Arc;

use memchr::memchr;

use crate::error::Result;
use crate::source::{Block, BlockReader};
use crate::subset::spill::{Chunk, Store};

/// How many bytes of rows are compressed together.
const BLOCK_BYTES: usize = 256 << 10;

/// The bytes of a place.
const PLACE_BYTES: usize = size_of::<Place>();

/// Where a row lies: its page, then 16 bits for its line.
pub type Place = u64;

/// Rows in ascending order of their places.
#[derive(Default)]
pub struct Run {
    blocks: Vec<Packed>,
}

/// Some rows: their places, then their text, compressed.
struct Packed {
    chunk: Chunk,
    rows: usize,
}

impl Packed {
    fn unpacked(&self) -> Result<Vec<u8>> {
        let bytes = lz4_flex::block::decompress_size_prepended(&self.chunk.bytes()?);
        Ok(bytes.expect("what was compressed can be decompressed"))
    }
}

/// Takes rows in ascending order of their places.
pub struct RunWriter {
    store: Arc<Store>,
    places: Vec<Place>,
    text: Vec<u8>,
    run: Run,
    last: Option<Place>,
}

impl RunWriter {
    /// A writer that keeps rows in `store`.
    pub fn new(store: &Arc<Store>) -> RunWriter {
        RunWriter {
            store: store.clone(),
            places: Vec::new(),
            text: Vec::new(),
            run: Run::default(),
            last: None,
        }
    }

    /// Takes whole rows of COPY text whose first column is their `ctid`, and shows `see` each of them without it; false
    /// where they are something else, or not in order.
    ///
    /// # Errors
    /// A temporary file that cannot be written.
    pub fn push_lines(&mut self, mut lines: &[u8], see: &mut dyn FnMut(&[u8])) -> Result<bool> {
        while let Some(length) = memchr(b'\n', lines) {
            let (line, rest) = lines.split_at(length + 1);
            let Some((place, row)) = placed(line) else { return Ok(false) };
            if self.last.is_some_and(|last| last >= place) {
                return Ok(false);
            }
            see(row);
            self.push(place, row)?;
            lines = rest;
        }
        Ok(lines.is_empty())
    }

    fn push(&mut self, place: Place, row: &[u8]) -> Result<()> {
        self.last = Some(place);
        self.places.push(place);
        self.text.extend_from_slice(row);
        if self.text.len() >= BLOCK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.places.len() * PLACE_BYTES + self.text.len());
        self.places.iter().for_each(|place| bytes.extend(place.to_le_bytes()));
        bytes.extend_from_slice(&self.text);
        let chunk = self.store.keep(lz4_flex::block::compress_prepend_size(&bytes))?;
        self.run.blocks.push(Packed { chunk, rows: self.places.len() });
        self.places.clear();
        self.text.clear();
        Ok(())
    }

    /// The rows that were taken.
    ///
    /// # Errors
    /// A temporary file that cannot be written.
    pub fn finish(mut self) -> Result<Run> {
        self.flush()?;
        Ok(self.run)
    }
}

/// The place that the first column of `line` names, and the other columns.
fn placed(line: &[u8]) -> Option<(Place, &[u8])> {
    let inside = line.strip_prefix(b"(")?;
    let end = memchr(b')', inside)?;
    let (page, number) = str::from_utf8(&inside[..end]).ok()?.split_once(',')?;
    let place = (u64::from(page.parse::<u32>().ok()?) << u16::BITS) | u64::from(number.parse::<u16>().ok()?);
    let rest = &inside[end + 1..];
    Some((place, rest.strip_prefix(b"\t").unwrap_or(rest)))
}

/// Goes through the rows of a run.
struct Cursor {
    run: Arc<Run>,
    next_block: usize,
    bytes: Vec<u8>,
    /// How many rows the block has, and which one is at hand.
    rows: usize,
    row: usize,
    /// Where its text is.
    start: usize,
    end: usize,
}

impl Cursor {
    fn new(run: Arc<Run>) -> Cursor {
        Cursor { run, next_block: 0, bytes: Vec::new(), rows: 0, row: 0, start: 0, end: 0 }
    }

    /// The place of the row at hand; `None` after the last one.
    fn place(&self) -> Option<Place> {
        let bytes = self.bytes.get(self.row * PLACE_BYTES..)?.first_chunk()?;
        (self.row < self.rows).then(|| Place::from_le_bytes(*bytes))
    }

    fn row(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn advance(&mut self) {
        self.row += 1;
        if self.row < self.rows {
            self.find_row(self.end);
        }
    }

    /// Goes to the next block where the one at hand is over.
    fn refill(&mut self) -> Result<()> {
        if self.row < self.rows {
            return Ok(());
        }
        (self.rows, self.row) = (0, 0);
        if let Some(block) = self.run.blocks.get(self.next_block) {
            self.next_block += 1;
            self.bytes = block.unpacked()?;
            self.rows = block.rows;
            self.find_row(self.rows * PLACE_BYTES);
        }
        Ok(())
    }

    fn find_row(&mut self, start: usize) {
        let length = memchr(b'\n', &self.bytes[start..]).map_or(0, |newline| newline + 1);
        (self.start, self.end) = (start, start + length);
    }

    /// Takes the text of the block at hand, if none of its rows was passed.
    fn take_block(&mut self) -> Option<Vec<u8>> {
        if self.rows == 0 || self.row > 0 {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..self.rows * PLACE_BYTES);
        (self.rows, self.row) = (0, 0);
        Some(bytes)
    }
}

/// The rows of several runs, each once, as blocks of a part that has no others. The blocks are as the rows were kept: those
/// who read a subset cut them anew.
pub struct SoughtBlocks {
    runs: Vec<Cursor>,
    blocks: usize,
    stored_bytes: u64,
}

impl SoughtBlocks {
    /// The rows of `runs`, which come from a table of `stored_bytes` bytes.
    pub fn new(runs: Vec<Arc<Run>>, stored_bytes: u64) -> SoughtBlocks {
        let blocks = runs.iter().map(|run| run.blocks.len()).sum();
        SoughtBlocks { runs: runs.into_iter().map(Cursor::new).collect(), blocks, stored_bytes }
    }

    /// Appends rows to `out` in the order of their places, until a run's block is over.
    fn merge(&mut self, out: &mut Vec<u8>) {
        while let Some(first) = self.runs.iter().filter_map(Cursor::place).min() {
            let mut is_over = false;
            let mut is_out = false;
            for run in self.runs.iter_mut().filter(|run| run.place() == Some(first)) {
                if !is_out {
                    out.extend_from_slice(run.row());
                    is_out = true;
                }
                run.advance();
                is_over |= run.place().is_none();
            }
            if is_over {
                return;
            }
        }
    }
}

impl BlockReader for SoughtBlocks {
    fn next_block(&mut self) -> Result<Option<Block>> {
        self.runs.iter_mut().try_for_each(Cursor::refill)?;
        self.runs.retain(|run| run.rows > 0);
        let mut bytes = Vec::new();
        match &mut self.runs[..] {
            [] => return Ok(None),
            [run] => match run.take_block() {
                Some(block) => bytes = block,
                None => self.merge(&mut bytes),
            },
            _ => self.merge(&mut bytes),
        }
        Ok(Some(Block { bytes }))
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        let left: usize = self.runs.iter().map(|run| run.run.blocks.len() - run.next_block).sum();
        let done = (self.blocks - left) as u128;
        Some((u128::from(self.stored_bytes) * done / self.blocks.max(1) as u128) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Arc<Store> {
        Store::new(1 << 20, std::env::temp_dir())
    }

    fn run(store: &Arc<Store>, lines: &str) -> Option<Arc<Run>> {
        let mut writer = RunWriter::new(store);
        let mut seen = Vec::new();
        let is_taken = writer.push_lines(lines.as_bytes(), &mut |row| seen.extend_from_slice(row)).unwrap();
        let run = Arc::new(writer.finish().unwrap());
        is_taken.then(|| {
            assert_eq!(text(&[&run]), String::from_utf8(seen).unwrap());
            run
        })
    }

    fn text(runs: &[&Arc<Run>]) -> String {
        let mut blocks = SoughtBlocks::new(runs.iter().map(|run| (*run).clone()).collect(), 100);
        let mut bytes = Vec::new();
        while let Some(block) = blocks.next_block().unwrap() {
            bytes.extend(block.bytes);
        }
        assert_eq!(blocks.stored_bytes_read(), Some(if bytes.is_empty() { 0 } else { 100 }));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn rows_of_several_runs_lie_in_the_order_of_their_places() {
        let store = store();
        let left = run(&store, "(0,2)\ta\n(1,1)\tb\n(7,10)\tc\n").unwrap();
        let right = run(&store, "(0,1)\tx\n(1,1)\tb\n(7,9)\ty\n(8,1)\tz\n").unwrap();
        let last = run(&store, "(9,1)\tl\n").unwrap();
        assert_eq!(text(&[&left, &right]), "x\na\nb\ny\nc\nz\n");
        assert_eq!(text(&[&left, &last, &right]), "x\na\nb\ny\nc\nz\nl\n");
        assert_eq!(text(&[&left, &Arc::default()]), "a\nb\nc\n");
        assert_eq!(text(&[&Arc::default()]), "");
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn many_rows_are_kept_in_blocks() {
        let store = store();
        let lines = |rows: &mut dyn Iterator<Item = u32>| {
            rows.map(|row| format!("({},{})\t{row}\t{}\n", row / 50, row % 50 + 1, "y".repeat(40)))
                .collect::<String>()
        };
        let even = run(&store, &lines(&mut (0..20_000).step_by(2))).unwrap();
        let third = run(&store, &lines(&mut (0..20_000).step_by(3))).unwrap();
        assert!(even.blocks.len() > 1);
        let expected = lines(&mut (0..20_000).filter(|row| row % 2 == 0 || row % 3 == 0));
        let expected: String =
            expected.lines().map(|line| format!("{}\n", line.split_once('\t').unwrap().1)).collect();
        assert!(text(&[&even, &third]) == expected);
    }

    #[test]
    fn rows_without_columns_have_places_too() {
        assert_eq!(text(&[&run(&store(), "(0,1)\n(0,2)\n").unwrap()]), "\n\n");
    }

    #[test]
    fn rows_that_are_not_in_order_or_not_placed_are_refused() {
        for lines in ["(0,2)\ta\n(0,2)\ta\n", "(1,1)\ta\n(0,9)\tb\n", "a\n", "(0,x)\ta\n", "(0,1)\ta"] {
            assert!(run(&store(), lines).is_none(), "{lines}");
        }
    }
}
