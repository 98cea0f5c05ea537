//! Blocks of some columns only: what the first read of a subset needs of each row.
//!
//! Any reader of whole rows can be projected; a source that can leave the other columns unread does better by itself.

use memchr::{memchr, memchr2};

use super::{Block, BlockReader};
use crate::error::{Error, Place, Result};

/// Reads whole rows and passes on some of their columns.
pub struct Projected<R> {
    rows: R,
    /// The columns in the order of the rows.
    columns: Vec<usize>,
    /// The number of columns of a row.
    width: usize,
    place: Place,
    row: u64,
    read_bytes: u64,
}

impl<R: BlockReader> Projected<R> {
    /// Passes on the columns `columns` (ascending) of the rows of `rows`, which have `width` columns.
    pub fn new(rows: R, columns: &[usize], width: usize, place: Place) -> Self {
        Projected { rows, columns: columns.to_vec(), width, place, row: 0, read_bytes: 0 }
    }
}

impl<R: BlockReader> BlockReader for Projected<R> {
    fn next_block(&mut self) -> Result<Option<Block>> {
        let Some(whole) = self.rows.next_block()? else { return Ok(None) };
        self.read_bytes += whole.bytes.len() as u64;
        let mut bytes = Vec::with_capacity(whole.bytes.len() / self.width.max(1) * self.columns.len() + 16);
        match project(&whole.bytes, &self.columns, &mut bytes) {
            Ok(rows) => self.row += rows,
            Err(rows) => {
                return Err(Error::snapshot("the row has too few columns")
                    .at(self.place.clone().row(self.row + rows + 1))
                    .hint("the file is damaged; take the snapshot again"));
            }
        }
        Ok(Some(Block { bytes }))
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        self.rows.stored_bytes_read()
    }

    fn text_bytes_read(&self) -> Option<u64> {
        Some(self.read_bytes)
    }
}

/// Appends the columns `columns` (ascending) of the rows `bytes` to `out`, and returns the number of rows; or, as an
/// error, how many rows are before one that has too few columns.
fn project(bytes: &[u8], columns: &[usize], out: &mut Vec<u8>) -> Result<u64, u64> {
    let (mut start, mut rows) = (0, 0);
    while start < bytes.len() {
        let mut column = 0;
        for (index, &wanted) in columns.iter().enumerate() {
            let end = loop {
                let end = start + memchr2(b'\t', b'\n', &bytes[start..]).ok_or(rows)?;
                if column == wanted {
                    break end;
                }
                if bytes[end] == b'\n' {
                    return Err(rows);
                }
                (start, column) = (end + 1, column + 1);
            };
            if index > 0 {
                out.push(b'\t');
            }
            out.extend_from_slice(&bytes[start..end]);
            let is_last = index + 1 == columns.len();
            if bytes[end] == b'\n' && !is_last {
                return Err(rows);
            }
            // The end of the row is still to be found, from here on.
            (start, column) = if is_last { (end, column) } else { (end + 1, column + 1) };
        }
        start += memchr(b'\n', &bytes[start..]).ok_or(rows)? + 1;
        out.push(b'\n');
        rows += 1;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projected(bytes: &str, columns: &[usize]) -> Result<String, u64> {
        let mut out = Vec::new();
        project(bytes.as_bytes(), columns, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn rows_keep_the_columns_that_are_asked_for() {
        let rows = "1\ta\\tb\t\\N\n2\t\tx\n";
        assert_eq!(projected(rows, &[0]).unwrap(), "1\n2\n");
        assert_eq!(projected(rows, &[1]).unwrap(), "a\\tb\n\n");
        assert_eq!(projected(rows, &[0, 2]).unwrap(), "1\t\\N\n2\tx\n");
        assert_eq!(projected(rows, &[0, 1, 2]).unwrap(), rows);
        assert_eq!(projected(rows, &[]).unwrap(), "\n\n");
        assert_eq!(projected("\n\n", &[0]).unwrap(), "\n\n");
    }

    #[test]
    fn a_row_that_is_too_short_is_told_by_its_number() {
        assert_eq!(projected("1\t2\n3\n", &[1]), Err(1));
        assert_eq!(projected("1\t2\n3\n", &[0, 1]), Err(1));
        assert_eq!(projected("1\t2\n3\t4", &[0, 1]), Err(1));
    }
}
