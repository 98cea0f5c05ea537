//! Where the rows of a table lie, as a first read finds them, so that a second one can ask for few of them by `ctid`.
//!
//! Rows come page after page, and within a page line after line. So a page takes 8 bytes, whatever the number of its
//! rows, and a bit for each line more where lines are left out, as after updates.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::buffer::BooleanBuffer;

use super::rows::Layout;

/// About how many rows a statement asks for.
const BATCH_ROWS: u64 = 2_000;

/// What reading takes, in nanoseconds, the server's time and ours together, as measured on PostgreSQL 15: a page that
/// is in the system's cache,
const PAGE_NANOS: u64 = 2_000;
/// a row of a scan, from its page to where it is taken apart here,
const ROW_NANOS: u64 = 500;
/// a row that is asked for by its place,
const PLACE_NANOS: u64 = 2_000;
/// and a byte of a long value.
const LONG_BYTE_NANOS: u64 = 1;

/// Where the rows of a page lie.
#[derive(Clone, Copy, Debug)]
struct Page {
    number: u32,
    rows: u16,
    /// The line of the last row; as many lines as rows means that none is left out.
    last_line: u16,
}

impl Page {
    /// How many bytes say which lines have a row.
    fn line_bytes(self) -> usize {
        if self.rows == self.last_line { 0 } else { usize::from(self.last_line).div_ceil(8) }
    }
}

/// Where the rows of a chunk lie, in their order.
#[derive(Debug, Default)]
pub struct Places {
    pages: Vec<Page>,
    /// Of the pages in which lines are left out, a bit for each line.
    lines: Vec<u8>,
    rows: u64,
    /// The page that rows are added to, and their lines.
    open: Option<u32>,
    open_lines: Vec<u16>,
}

impl Places {
    /// Adds the place of the next row; false where it is not after the one before.
    #[must_use]
    pub fn add(&mut self, page: u32, line: u16) -> bool {
        if self.open != Some(page) {
            let is_later = self.open.is_none_or(|open| open < page);
            self.close();
            if !is_later {
                return false;
            }
            self.open = Some(page);
        }
        if line == 0 || self.open_lines.last().is_some_and(|&last| last >= line) {
            return false;
        }
        self.open_lines.push(line);
        self.rows += 1;
        true
    }

    /// Says that all rows were added.
    pub fn close(&mut self) {
        let (Some(number), Some(&last_line)) = (self.open, self.open_lines.last()) else { return };
        let page = Page { number, rows: self.open_lines.len() as u16, last_line };
        let start = self.lines.len();
        self.lines.resize(start + page.line_bytes(), 0);
        let bits = &mut self.lines[start..];
        if !bits.is_empty() {
            self.open_lines.iter().for_each(|&line| bits[usize::from(line - 1) / 8] |= 1 << ((line - 1) % 8));
        }
        self.pages.push(page);
        self.open_lines.clear();
    }
}

/// Where the rows of a table lie, filled chunk by chunk.
#[derive(Debug)]
pub struct Found(Mutex<Vec<Option<Places>>>);

impl Found {
    /// Of a table of `chunks` chunks, none of them read yet.
    pub fn new(chunks: usize) -> Found {
        Found(Mutex::new((0..chunks).map(|_| None).collect()))
    }

    /// Takes what was found of a chunk.
    pub fn put(&self, chunk: usize, mut places: Places) {
        places.close();
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[chunk] = Some(places);
    }

    /// The places of all chunks; `None` where not all of them were read to their end.
    pub fn take(&self) -> Option<Vec<Places>> {
        let mut chunks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match chunks.iter().all(Option::is_some) {
            true => Some(chunks.iter_mut().filter_map(Option::take).collect()),
            false => None,
        }
    }
}

/// Rows that are asked for by their places, some at a time.
#[derive(Debug)]
pub struct Kept {
    chunks: Vec<Places>,
    kept: BooleanBuffer,
    /// Where each batch begins; one more, the end.
    starts: Vec<Cursor>,
}

/// A page, and what comes before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    chunk: usize,
    page: usize,
    /// The number of its first row.
    row: u64,
    /// Where its lines are.
    line: usize,
}

impl Kept {
    /// Of the rows that lie at `chunks`, those that `kept` has; `None` where that takes longer than to read all of a
    /// table of this layout, or the rows are others.
    pub fn new(chunks: Vec<Places>, kept: &BooleanBuffer, layout: &Layout) -> Option<Arc<Kept>> {
        let rows: u64 = chunks.iter().map(|places| places.rows).sum();
        if rows != kept.len() as u64 {
            return None;
        }
        let mut all = Kept { chunks, kept: kept.clone(), starts: Vec::new() };
        let (mut pages, mut kept_pages, mut kept_rows, mut in_batch) = (0, 0, 0, BATCH_ROWS);
        let mut cursor = Cursor::default();
        let mut starts = Vec::new();
        while let Some((page, next)) = all.step(&mut cursor) {
            let kept = all.kept.slice(cursor.row as usize, usize::from(page.rows)).count_set_bits() as u64;
            pages += 1;
            if kept > 0 {
                if in_batch >= BATCH_ROWS {
                    starts.push(cursor);
                    in_batch = 0;
                }
                kept_pages += 1;
                kept_rows += kept;
                in_batch += kept;
            }
            cursor = next;
        }
        starts.push(cursor);
        all.starts = starts;
        let long = layout.toast_bytes * LONG_BYTE_NANOS;
        let of_long = (u128::from(long) * u128::from(kept_rows) / u128::from(rows.max(1))) as u64;
        let by_place = kept_pages * PAGE_NANOS + kept_rows * PLACE_NANOS + of_long;
        let by_scan = pages * PAGE_NANOS + rows * ROW_NANOS + long;
        (by_place < by_scan).then(|| Arc::new(all))
    }

    /// How many batches there are.
    pub fn batches(&self) -> usize {
        self.starts.len() - 1
    }

    /// The places of the rows of a batch, as an array of SQL.
    pub fn array(&self, batch: usize) -> String {
        let (mut cursor, end) = (self.starts[batch], self.starts[batch + 1]);
        let mut text = String::from("'{");
        while cursor.row < end.row {
            let Some((page, next)) = self.step(&mut cursor) else { break };
            let kept = self.kept.slice(cursor.row as usize, usize::from(page.rows));
            if kept.count_set_bits() > 0 {
                let lines = &self.chunks[cursor.chunk].lines[cursor.line..next.line.max(cursor.line)];
                let kept_lines = lines_of(page, lines).zip(kept.iter()).filter(|(_, is_kept)| *is_kept);
                for (line, _) in kept_lines {
                    let comma = if text.len() > 2 { "," } else { "" };
                    write!(text, "{comma}\"({},{line})\"", page.number).expect("a string takes all");
                }
            }
            cursor = next;
        }
        text + "}'::pg_catalog.tid[]"
    }

    /// The page at `cursor`, which is moved to it over the ends of chunks, and the cursor after it.
    fn step(&self, cursor: &mut Cursor) -> Option<(Page, Cursor)> {
        loop {
            let places = self.chunks.get(cursor.chunk)?;
            if let Some(&page) = places.pages.get(cursor.page) {
                let next = Cursor {
                    page: cursor.page + 1,
                    row: cursor.row + u64::from(page.rows),
                    line: cursor.line + page.line_bytes(),
                    ..*cursor
                };
                return Some((page, next));
            }
            *cursor = Cursor { chunk: cursor.chunk + 1, page: 0, line: 0, row: cursor.row };
        }
    }
}

/// The lines of the rows of a page.
fn lines_of(page: Page, bits: &[u8]) -> impl Iterator<Item = u16> + '_ {
    let has_row = move |line: &u16| match page.line_bytes() {
        0 => true,
        _ => bits[usize::from(line - 1) / 8] & 1 << ((line - 1) % 8) != 0,
    };
    (1..=page.last_line).filter(has_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { is_heap: true, heap_bytes: 1 << 30, toast_bytes: 0, block_bytes: 8192 };

    fn found(places: &[(u32, u16)]) -> Places {
        let mut found = Places::default();
        assert!(places.iter().all(|&(page, line)| found.add(page, line)));
        found.close();
        found
    }

    #[test]
    fn rows_are_asked_for_where_they_lie() {
        let dense: Vec<(u32, u16)> = (0..3).flat_map(|page| (1..=40).map(move |line| (page, line))).collect();
        let sparse: Vec<(u32, u16)> =
            (5..90).flat_map(|page| [(page, 3), (page, 8), (page, 9), (page, 291)]).collect();
        let all: Vec<(u32, u16)> = dense.iter().chain(&sparse).copied().collect();
        for nth in [7, 50, 459, 1_000] {
            let kept: BooleanBuffer = (0..all.len()).map(|row| row % nth == nth - 1).collect();
            let asked =
                Kept::new(vec![found(&dense), Places::default(), found(&sparse)], &kept, &LAYOUT).unwrap();
            let text: String = (0..asked.batches()).map(|batch| asked.array(batch)).collect();
            let expected: Vec<String> =
                kept.set_indices().map(|row| format!("\"({},{})\"", all[row].0, all[row].1)).collect();
            match expected.is_empty() {
                true => assert_eq!(text, ""),
                false => assert_eq!(text, format!("'{{{}}}'::pg_catalog.tid[]", expected.join(","))),
            }
        }
    }

    #[test]
    fn batches_make_up_the_rows() {
        let all: Vec<(u32, u16)> =
            (0..1_000).flat_map(|page| (1..=100).map(move |line| (page, line))).collect();
        let kept: BooleanBuffer = (0..all.len()).map(|row| row % 10 == 0).collect();
        let asked = Kept::new(vec![found(&all)], &kept, &LAYOUT).unwrap();
        assert_eq!(asked.batches(), 5);
        let rows: usize = (0..5).map(|batch| asked.array(batch).matches('(').count()).sum();
        assert_eq!(rows, 10_000);
    }

    #[test]
    fn many_rows_are_read_with_all_others() {
        let all = found(&(1..=100).map(|line| (0, line)).collect::<Vec<_>>());
        assert!(Kept::new(vec![all], &BooleanBuffer::new_set(100), &LAYOUT).is_none());
        assert!(Kept::new(vec![found(&[(0, 1)])], &BooleanBuffer::new_unset(2), &LAYOUT).is_none());
    }

    #[test]
    fn places_that_go_back_are_refused() {
        let mut places = Places::default();
        assert!(places.add(4, 2));
        assert!(!places.add(4, 2));
        assert!(places.add(5, 1));
        assert!(!places.add(4, 3));
    }
}
