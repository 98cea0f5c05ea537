//! The rows of a table, in chunks that each lie together in it, and the stream of one chunk.
//!
//! A chunk is a range of the table's pages. Rows that the snapshot sees do not move, so that the chunks one after
//! another are the table as one scan gives it.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;

use super::binary::{Form, to_text};
use super::places::{Found, Kept, Places};
use super::snapshot::{Snapshot, unreadable};
use crate::error::{Error, Place, Result};
use crate::pg::client::{Connection, CopyOut, Failure};
use crate::schema::{QualifiedName, quoted_always};
use crate::source::{Block, BlockReader};

/// About how many bytes of a table, with its TOAST, are a chunk: small enough to be held in memory while the one before
/// it is taken, large enough that its statement does not count.
const CHUNK_BYTES: u64 = 8 << 20;

/// How often a chunk is read again where connections get lost without a row having come in between.
const ATTEMPTS: u32 = 5;

/// How a table lies on the server's disk.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Whether a row's `ctid` is its place.
    pub is_heap: bool,
    /// The bytes of its own pages.
    pub heap_bytes: u64,
    /// The bytes of the pages of its long values.
    pub toast_bytes: u64,
    /// The bytes of a page.
    pub block_bytes: u64,
}

impl Layout {
    /// All its bytes.
    pub fn bytes(&self) -> u64 {
        self.heap_bytes + self.toast_bytes
    }

    /// How many pages a chunk has; `None` for a table that is one chunk.
    fn chunk_pages(&self) -> Option<u64> {
        if !self.is_heap || self.bytes() < 2 * CHUNK_BYTES {
            return None;
        }
        let pages = self.heap_bytes / self.block_bytes;
        let chunks = self.bytes() / CHUNK_BYTES;
        Some((pages / chunks).max(1)).filter(|&chunk| chunk < pages)
    }
}

/// The rows of a table.
#[derive(Debug)]
pub struct Rows {
    /// The table.
    pub table: QualifiedName,
    /// All columns of the rows.
    columns: Vec<String>,
    /// Those that are read.
    read: Vec<usize>,
    /// What is asked of each row behind its columns, as SQL: whether something holds of it.
    decided: Option<String>,
    is_whole: bool,
    condition: String,
    layout: Layout,
    chunk_pages: Option<u64>,
    /// For each column, how its binary form becomes text, if it is read as such.
    forms: Vec<Option<Form>>,
    /// Where the places of the rows are put, if they are asked for, and the forms of the columns that are read.
    found: Option<(Arc<Found>, Vec<Form>)>,
    /// The rows that are read, if not all; a batch of them is a chunk.
    kept: Option<Arc<Kept>>,
    /// What rows are looked up by, if they are.
    sought: Option<Sought>,
}

/// What rows are looked up by.
#[derive(Clone, Debug)]
pub struct Sought {
    /// The condition, as SQL.
    pub condition: String,
    /// Whether an index finds them; else all rows are looked at.
    pub by_index: bool,
}

impl Rows {
    /// The rows of `table` for which `condition`, a `WHERE` clause or nothing, holds.
    pub fn new(
        table: QualifiedName,
        columns: Vec<String>,
        forms: Vec<Option<Form>>,
        condition: String,
        layout: Layout,
    ) -> Rows {
        let chunk_pages = layout.chunk_pages().filter(|_| condition.is_empty());
        let read = (0..columns.len()).collect();
        Rows {
            table,
            columns,
            read,
            decided: None,
            is_whole: true,
            condition,
            layout,
            chunk_pages,
            forms,
            found: None,
            kept: None,
            sought: None,
        }
    }

    /// The same rows with only the columns at `columns`, in that order; and behind them the truth of `decided`, if there
    /// is one.
    pub fn projected(&self, columns: &[usize], decided: Option<&str>) -> Rows {
        let is_placed = self.layout.is_heap && self.condition.is_empty();
        let of_columns = columns.iter().map(|&column| self.forms[column]);
        let forms: Option<Vec<Form>> = of_columns.chain(decided.map(|_| Some(Form::Boolean))).collect();
        let found = forms.filter(|_| is_placed).map(|forms| (Arc::new(Found::new(self.chunks())), forms));
        let decided = decided.map(str::to_string);
        Rows { read: columns.to_vec(), decided, is_whole: false, found, ..self.copy() }
    }

    /// Where [`Rows::projected`] rows lie is put there while they are read; `None` if their places are not asked for.
    pub fn found(&self) -> Option<Arc<Found>> {
        self.found.as_ref().map(|(found, _)| found.clone())
    }

    /// Of the rows, which lie where a first read has `found` them, those of `kept`; `None` where it is as well to read
    /// them all.
    pub fn kept(&self, found: &Found, kept: &BooleanBuffer) -> Option<Rows> {
        let kept = Kept::new(found.take()?, kept, &self.layout)?;
        Some(Rows { chunk_pages: None, kept: Some(kept), ..self.copy() })
    }

    fn copy(&self) -> Rows {
        Rows {
            table: self.table.clone(),
            columns: self.columns.clone(),
            read: self.read.clone(),
            decided: None,
            is_whole: self.is_whole,
            condition: self.condition.clone(),
            layout: self.layout,
            chunk_pages: self.chunk_pages,
            forms: self.forms.clone(),
            found: None,
            kept: None,
            sought: None,
        }
    }

    /// Whether rows can be looked up.
    pub fn can_be_sought(&self) -> bool {
        self.layout.is_heap && self.condition.is_empty()
    }

    /// How the table lies on the disk.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The names of all columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows that are looked up by `sought`, each behind its `ctid`; where all are looked at and there are enough of
    /// them, in as many chunks as `jobs`.
    pub fn sought(&self, sought: Sought, jobs: usize) -> Rows {
        let pages = self.layout.heap_bytes / self.layout.block_bytes;
        let chunks = if self.chunk_pages.is_some() { jobs.max(1) } else { 1 };
        // A range of places, be it that of all, is what keeps the server from going along an index.
        let chunk_pages = (!sought.by_index).then(|| pages.div_ceil(chunks as u64).max(1));
        Rows { chunk_pages, sought: Some(sought), ..self.copy() }
    }

    /// How many chunks there are; one at least.
    pub fn chunks(&self) -> usize {
        if let Some(kept) = &self.kept {
            return kept.batches().max(1);
        }
        let pages = self.layout.heap_bytes / self.layout.block_bytes;
        self.chunk_pages.map_or(1, |chunk| pages.div_ceil(chunk) as usize).max(1)
    }

    /// About how many bytes of the table the first `chunks` chunks take.
    pub fn bytes_of(&self, chunks: usize) -> u64 {
        (u128::from(self.layout.bytes()) * chunks as u128 / self.chunks() as u128) as u64
    }

    /// About how many bytes the rows of the first `chunks` chunks take as text, all columns counted, where not all of
    /// them are read.
    pub fn text_bytes_of(&self, chunks: usize) -> Option<u64> {
        (!self.is_whole).then(|| self.bytes_of(chunks))
    }

    /// The statement that gives the rows of a chunk.
    fn statement(&self, chunk: usize) -> String {
        if let Some(sought) = &self.sought {
            return self.sought_statement(sought, chunk);
        }
        let QualifiedName { schema, name } = &self.table;
        let table = format!("{}.{}", quoted_always(schema), quoted_always(name));
        let mut columns: Vec<String> =
            self.read.iter().map(|&column| quoted_always(&self.columns[column])).collect();
        columns.extend(self.decided.clone());
        let columns = columns.join(", ");
        let condition = match self.chunk_pages {
            None if self.kept.is_some() => self.kept_condition(chunk),
            None if self.is_whole && self.condition.is_empty() => {
                let list = if columns.is_empty() { columns } else { format!(" ({columns})") };
                return format!("COPY {table}{list} TO STDOUT");
            }
            None => self.condition.clone(),
            Some(pages) => format!("WHERE {}", self.range(pages, chunk)),
        };
        match &self.found {
            None => format!("COPY (SELECT {columns} FROM ONLY {table} {condition}) TO STDOUT"),
            Some(_) => {
                let comma = if columns.is_empty() { "" } else { ", " };
                let select = format!("SELECT ctid{comma}{columns} FROM ONLY {table} {condition}");
                format!("COPY ({select}) TO STDOUT (FORMAT binary)")
            }
        }
    }

    /// The statement that looks rows up. Either way they come page after page: from a bitmap of an index, or from a scan.
    fn sought_statement(&self, sought: &Sought, chunk: usize) -> String {
        let QualifiedName { schema, name } = &self.table;
        let columns = self.read.iter().map(|&column| format!(", {}", quoted_always(&self.columns[column])));
        let columns: String = columns.collect();
        let range =
            self.chunk_pages.map_or(String::new(), |pages| format!("{} AND ", self.range(pages, chunk)));
        let by_index = if sought.by_index { "on" } else { "off" };
        format!(
            "SET LOCAL enable_bitmapscan = {by_index}; COPY (SELECT ctid{columns} FROM ONLY {}.{} WHERE {range}({})) TO STDOUT",
            quoted_always(schema),
            quoted_always(name),
            sought.condition
        )
    }

    /// The condition that a row lies in the chunk `chunk` of `pages` pages each.
    fn range(&self, pages: u64, chunk: usize) -> String {
        let from = pages * chunk as u64;
        let is_last = chunk + 1 == self.chunks();
        // Nothing that the snapshot sees is after the last page, and no bound says so best.
        let end = if is_last { String::new() } else { format!(" AND ctid < '({},0)'", from + pages) };
        format!("ctid >= '({from},0)'{end}")
    }

    fn kept_condition(&self, chunk: usize) -> String {
        match &self.kept {
            Some(kept) if kept.batches() > 0 => format!("WHERE ctid = ANY ({})", kept.array(chunk)),
            _ => "WHERE false".to_string(),
        }
    }

    fn unreadable(&self, failure: Failure) -> crate::error::Error {
        unreadable(failure, "cannot read the rows").at(Place::table(&self.table))
    }
}

/// The rows of one chunk. Where its connection is lost, it goes on over another one, where it was.
pub struct ChunkStream {
    snapshot: Arc<Snapshot>,
    rows: Arc<Rows>,
    chunk: usize,
    copy: Option<CopyOut<Connection>>,
    /// Rows that were read over connections that are lost.
    rows_before: u64,
    attempts: u32,
    is_done: bool,
    /// Where the rows lie, if that is asked for.
    places: Places,
    /// What came in binary form.
    binary: Vec<u8>,
}

impl ChunkStream {
    /// The chunk `chunk` of `rows`, over `connection` or over one that is taken when it is read.
    pub fn new(
        snapshot: Arc<Snapshot>,
        rows: Arc<Rows>,
        chunk: usize,
        connection: Option<Connection>,
    ) -> Result<Self> {
        let mut stream = ChunkStream {
            snapshot,
            rows,
            chunk,
            copy: None,
            rows_before: 0,
            attempts: 0,
            is_done: false,
            places: Places::default(),
            binary: Vec::new(),
        };
        if let Some(connection) = connection {
            match CopyOut::start(connection, &stream.rows.statement(chunk)) {
                Ok(copy) => stream.copy = Some(copy),
                Err(failure) => stream.note(failure)?,
            }
        }
        Ok(stream)
    }

    /// Appends rows to `out` as [`CopyOut::read`] does, where they come in binary form about as many; `false` at the end.
    pub fn read(&mut self, out: &mut Vec<u8>, limit_bytes: usize) -> Result<bool> {
        let before = out.len();
        while !self.is_done {
            let read = match self.rows.found {
                None => self.try_read(out, limit_bytes),
                Some(_) => {
                    let mut binary = std::mem::take(&mut self.binary);
                    let read = self.try_read(&mut binary, limit_bytes);
                    self.take_binary(&binary, out)?;
                    binary.clear();
                    self.binary = binary;
                    read
                }
            };
            match read {
                Ok(true) => {
                    self.attempts = 0;
                    // The end of a binary stream comes as a row without columns.
                    if out.len() > before {
                        return Ok(true);
                    }
                }
                Ok(false) => {
                    self.is_done = true;
                    if let Some((found, _)) = &self.rows.found {
                        found.put(self.chunk, std::mem::take(&mut self.places));
                    }
                    if let Some(copy) = self.copy.take() {
                        self.snapshot.give_back(copy.into_connection());
                    }
                }
                Err(failure) => {
                    // The rows so far are right, and are not asked for again.
                    if let Some(copy) = self.copy.take() {
                        self.rows_before = self.rows_before.max(copy.rows());
                    }
                    self.note(failure)?;
                }
            }
        }
        Ok(out.len() > before)
    }

    /// Appends rows in binary form to `out` as text.
    fn take_binary(&mut self, binary: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let Some((_, forms)) = &self.rows.found else { return Ok(()) };
        to_text(binary, forms, &mut self.places, out).ok_or_else(|| {
            Error::snapshot("the server sends rows in another form than was asked for")
                .at(Place::table(&self.rows.table))
                .hint("run again; if it comes back, this is a defect of `mask`: please report it")
        })
    }

    fn try_read(&mut self, out: &mut Vec<u8>, limit_bytes: usize) -> Result<bool, Failure> {
        let copy = match &mut self.copy {
            Some(copy) => copy,
            none => {
                let connection = self.snapshot.connection_at_last()?;
                let copy = none.insert(CopyOut::start(connection, &self.rows.statement(self.chunk))?);
                copy.skip(self.rows_before)?;
                copy
            }
        };
        copy.read(out, limit_bytes)
    }

    /// Takes note of a failure; gives it back where there is no use in trying again.
    fn note(&mut self, failure: Failure) -> Result<()> {
        self.attempts += 1;
        if failure.is_connection_lost() {
            self.snapshot.discard_lost();
        }
        match failure.is_connection_lost() && self.attempts < ATTEMPTS {
            true => Ok(()),
            false => Err(self.rows.unreadable(failure)),
        }
    }
}

/// The blocks of a table of one chunk.
pub struct BlocksOfOne {
    snapshot: Arc<Snapshot>,
    rows: Arc<Rows>,
    block_bytes: usize,
    stream: Option<ChunkStream>,
}

impl BlocksOfOne {
    /// Blocks of at most `block_bytes` bytes, where no row is longer.
    pub fn new(snapshot: Arc<Snapshot>, rows: Arc<Rows>, block_bytes: usize) -> Self {
        BlocksOfOne { snapshot, rows, block_bytes, stream: None }
    }
}

impl BlockReader for BlocksOfOne {
    fn next_block(&mut self) -> Result<Option<Block>> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(ChunkStream::new(self.snapshot.clone(), self.rows.clone(), 0, None)?),
        };
        let mut bytes = Vec::new();
        let more = stream.read(&mut bytes, self.block_bytes)?;
        Ok(more.then_some(Block { bytes }))
    }

    fn text_bytes_read(&self) -> Option<u64> {
        self.rows.text_bytes_of(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&str], condition: &str, heap_bytes: u64, toast_bytes: u64) -> Rows {
        let layout = Layout { is_heap: true, heap_bytes, toast_bytes, block_bytes: 8192 };
        let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
        let forms = columns.iter().map(|_: &String| Some(Form::Integer)).collect();
        Rows::new(QualifiedName::new("s", "t\"x"), columns, forms, condition.into(), layout)
    }

    #[test]
    fn chunks_make_up_the_table() {
        let large = rows(&["a"], "", 8192 * 10_001, 8192 * 10_000);
        let chunks = large.chunks();
        assert_eq!(chunks, 20);
        let pages = large.chunk_pages.unwrap();
        for chunk in 0..chunks {
            let statement = large.statement(chunk);
            assert!(statement.contains(&format!("ctid >= '({},0)'", pages * chunk as u64)), "{statement}");
            let end = format!(" AND ctid < '({},0)'", pages * (chunk as u64 + 1));
            assert_eq!(statement.contains(&end), chunk + 1 < chunks, "{statement}");
        }
        assert_eq!(large.bytes_of(chunks), large.layout.bytes());
        assert_eq!(rows(&["a"], "", 8192, 1 << 40).chunks(), 1);
        assert_eq!(rows(&["a"], "", 0, 0).chunks(), 1);
    }

    #[test]
    fn rows_are_looked_up_in_the_order_of_their_places() {
        let table = rows(&["a", "B c"], "", 8192 * 10_001, 0);
        let sought = |by_index, jobs| {
            table.sought(
                Sought { condition: r#""a" = ANY ('{1}'::pg_catalog.int8[])"#.into(), by_index },
                jobs,
            )
        };
        let by_index = sought(true, 2);
        assert_eq!(by_index.chunks(), 1);
        assert_eq!(
            by_index.statement(0),
            r#"SET LOCAL enable_bitmapscan = on; COPY (SELECT ctid, "a", "B c" FROM ONLY "s"."t""x" WHERE ("a" = ANY ('{1}'::pg_catalog.int8[]))) TO STDOUT"#
        );
        let by_scan = sought(false, 2);
        assert_eq!(by_scan.chunks(), 2);
        assert!(by_scan.statement(0).starts_with("SET LOCAL enable_bitmapscan = off; "));
        assert!(by_scan.statement(0).contains("WHERE ctid >= '(0,0)' AND ctid < '(5001,0)' AND ("));
        assert!(by_scan.statement(1).contains("WHERE ctid >= '(5001,0)' AND ("));
        assert!(sought(false, 1).statement(0).contains("WHERE ctid >= '(0,0)' AND ("));
    }

    #[test]
    fn statements_name_their_columns() {
        assert_eq!(rows(&["a", "B c"], "", 1, 0).statement(0), r#"COPY "s"."t""x" ("a", "B c") TO STDOUT"#);
        assert_eq!(rows(&[], "", 1, 0).statement(0), r#"COPY "s"."t""x" TO STDOUT"#);
        assert_eq!(
            rows(&["a"], "WHERE a > 1", 1 << 40, 0).statement(0),
            r#"COPY (SELECT "a" FROM ONLY "s"."t""x" WHERE a > 1) TO STDOUT"#
        );
        let projected = rows(&["a", "b"], "", 1, 0).projected(&[1], None);
        assert_eq!(
            projected.statement(0),
            r#"COPY (SELECT ctid, "b" FROM ONLY "s"."t""x" ) TO STDOUT (FORMAT binary)"#
        );
        let conditional = rows(&["a", "b"], "WHERE a > 1", 1, 0).projected(&[1], Some("(b) IS TRUE"));
        assert_eq!(
            conditional.statement(0),
            r#"COPY (SELECT "b", (b) IS TRUE FROM ONLY "s"."t""x" WHERE a > 1) TO STDOUT"#
        );
    }
}
