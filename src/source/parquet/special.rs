//! The values that have no exact form in their column, from the file `_special.csv` that the Parquet target writes
//! beside the rows.
//!
//! The file is looked through once, for where the values of each row group begin; they are read again with the rows.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::pg::stream::DAMAGED;

/// The name of the file in a table's folder.
pub const FILE_NAME: &str = "_special.csv";

const HEADER: &[u8] = b"part,row,column,value\n";

/// How many numbers of files each part of a table's rows has; the files that follow them in the same part keep the last
/// one.
const FILES_PER_PART: u64 = 1000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The number of the first file of the rows that `row` counts.
    pub part: u64,
    /// Its row in them, from 1.
    pub row: u64,
    /// Its column.
    pub column: String,
    /// The value as Postgres writes it.
    pub value: Vec<u8>,
}

/// The rows of a row group.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The number of the first file of the part.
    pub part: u64,
    /// How many rows of the part are before it.
    pub first_row: u64,
    /// How many rows it has.
    pub rows: u64,
}

impl Extent {
    fn last(self) -> (u64, u64) {
        (self.part, self.first_row + self.rows)
    }

    /// Whether the value is one of its rows'.
    pub fn holds(self, cell: &Cell) -> bool {
        cell.part == self.part && cell.row > self.first_row && cell.row <= self.first_row + self.rows
    }
}

/// The number of the first file of the part that a file belongs to; `None` if it is not called `part-NNNNN…`.
pub fn part_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_prefix("part-")?.get(..5)?;
    let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(number / FILES_PER_PART * FILES_PER_PART)
}

/// Where the values of each of `extents` begin in the file at `path`; each value must be in one of them, and of a column
/// that `is_column` knows.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read, or is not that of these rows.
pub fn index(path: &Path, extents: &[Extent], is_column: impl Fn(&str) -> bool) -> Result<Vec<u64>> {
    let mut cells = Cells::open(path, 0)?;
    cells.header()?;
    let mut starts: Vec<u64> = Vec::with_capacity(extents.len());
    let mut place = (0, 0);
    while let Some((offset, cell)) = cells.next()? {
        let cell_place = (cell.part, cell.row);
        let is_after = |before: Option<&Extent>| before.is_none_or(|extent| extent.last() < cell_place);
        while starts.len() < extents.len() && is_after(extents[..starts.len()].last()) {
            starts.push(offset);
        }
        let is_here = extents[..starts.len()].last().is_some_and(|extent| extent.holds(&cell));
        if !is_here || cell_place < place || !is_column(&cell.column) {
            return Err(cells.damaged());
        }
        place = cell_place;
    }
    starts.resize(extents.len(), cells.offset);
    Ok(starts)
}

/// Reads values one after another.
pub struct Cells {
    path: PathBuf,
    input: BufReader<File>,
    offset: u64,
    record: Vec<u8>,
}

impl Cells {
    /// Reads from the byte `offset` of the file at `path` on.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read.
    pub fn open(path: &Path, offset: u64) -> Result<Cells> {
        let open = || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        };
        let file = open().map_err(|error: std::io::Error| Error::read(&error).at(path.display()))?;
        Ok(Cells { path: path.to_path_buf(), input: BufReader::new(file), offset, record: Vec::new() })
    }

    fn header(&mut self) -> Result<()> {
        self.fill()?;
        if self.record != HEADER {
            return Err(self.damaged());
        }
        self.offset += self.record.len() as u64;
        Ok(())
    }

    /// The next value and the byte at which it begins; `None` at the end.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read or is damaged.
    pub fn next(&mut self) -> Result<Option<(u64, Cell)>> {
        self.fill()?;
        if self.record.is_empty() {
            return Ok(None);
        }
        let cell = parse(&self.record).ok_or_else(|| self.damaged())?;
        let start = self.offset;
        self.offset += self.record.len() as u64;
        Ok(Some((start, cell)))
    }

    /// Reads a record: lines up to one that ends outside of quotes.
    fn fill(&mut self) -> Result<()> {
        self.record.clear();
        let mut quotes = 0;
        loop {
            let before = self.record.len();
            let read = self.input.read_until(b'\n', &mut self.record);
            if read.map_err(|error| Error::read(&error).at(self.path.display()))? == 0 {
                return Ok(());
            }
            quotes += memchr::memchr_iter(b'"', &self.record[before..]).count();
            if quotes % 2 == 0 {
                return Ok(());
            }
        }
    }

    fn damaged(&self) -> Error {
        Error::snapshot("the values that have no form in Parquet are not those of the rows beside them")
            .at(format!("{}, byte {}", self.path.display(), self.offset))
            .hint(DAMAGED)
    }
}

fn parse(record: &[u8]) -> Option<Cell> {
    let (part, rest) = number(record)?;
    let (row, rest) = number(rest)?;
    let (column, rest) = quoted_field(rest)?;
    let (value, rest) = quoted_field(rest.strip_prefix(b",")?)?;
    let is_text = std::str::from_utf8(&value).is_ok() && !value.contains(&0);
    let column = String::from_utf8(column).ok()?;
    (rest == b"\n" && is_text).then_some(Cell { part, row, column, value })
}

/// A number up to a comma, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let comma = memchr::memchr(b',', text)?;
    let digits = std::str::from_utf8(&text[..comma]).ok()?;
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some((number, &text[comma + 1..]))
}

/// A field in quotes, without them, and what follows.
fn quoted_field(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut field = Vec::new();
    loop {
        let quote = memchr::memchr(b'"', rest)?;
        field.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                field.push(b'"');
                rest = after;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "part,row,column,value\n0,2,\"n\",\"NaN\"\n0,2,\"a \"\"x\"\"\",\"{1,\n2}\"\n\
                        0,5,\"n\",\"\"\n1000,1,\"n\",\"x\"\n";

    fn extents() -> Vec<Extent> {
        let extent = |(part, first_row, rows)| Extent { part, first_row, rows };
        [(0, 0, 1), (0, 1, 2), (0, 3, 2), (0, 5, 9), (1000, 0, 1), (1000, 1, 1)].map(extent).into()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_values_of_each_row_group_are_found() {
        let file = file(TEXT);
        let starts = index(file.path(), &extents(), |name| ["n", "a \"x\""].contains(&name)).unwrap();
        let first = |start| {
            Cells::open(file.path(), start).unwrap().next().unwrap().map(|(_, cell)| (cell.part, cell.row))
        };
        let firsts: Vec<_> = starts.into_iter().map(first).collect();
        let expected = [(0, 2), (0, 2), (0, 5), (1000, 1), (1000, 1)].map(Some);
        assert_eq!(firsts[..5], expected);
        assert_eq!(firsts[5], None);
        let mut cells = Cells::open(file.path(), 22).unwrap();
        cells.next().unwrap();
        let (_, cell) = cells.next().unwrap().unwrap();
        assert_eq!((cell.column.as_str(), cell.value.as_slice()), ("a \"x\"", &b"{1,\n2}"[..]));
    }

    #[test]
    fn a_file_of_other_rows_is_refused() {
        for (from, to) in [
            ("part,", "Part,"),
            ("0,5,", "0,15,"),
            ("0,5,", "0,1,"),
            ("1000,1", "2000,1"),
            ("\"n\",\"\"", "\"m\",\"\""),
            ("\"x\"\n", "\"x\""),
            ("\"x\"\n", "\"x"),
            ("0,2", "-0,2"),
        ] {
            let file = file(&TEXT.replacen(from, to, 1));
            let starts = index(file.path(), &extents(), |name| ["n", "a \"x\""].contains(&name));
            assert!(starts.is_err(), "{from} as {to}");
        }
    }

    #[test]
    fn a_part_begins_with_a_round_number() {
        assert_eq!(part_of("part-00007.parquet"), Some(0));
        assert_eq!(part_of("part-00999-01234.parquet"), Some(0));
        assert_eq!(part_of("part-12345.parquet"), Some(12_000));
        assert_eq!(part_of("part-1.parquet"), None);
        assert_eq!(part_of("data.parquet"), None);
    }
}
