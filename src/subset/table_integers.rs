//! A column of integers of a whole table, read part after part, as often as is asked for.

use std::sync::Arc;

use super::KeyRows;
use super::integers::{IntegerBlock, IntegerColumn};
use crate::error::Result;

/// A column of integers of a table. A clone is the same column, at no cost.
#[derive(Clone)]
pub struct TableIntegers<'r> {
    parts: Arc<[Box<dyn IntegerColumn + 'r>]>,
}

impl<'r> TableIntegers<'r> {
    /// The column `column` of the table that consists of `parts`; `None` if it cannot be read again as integers.
    pub fn of(rows: &'r dyn KeyRows, parts: &[usize], column: usize) -> Option<Self> {
        let parts = parts.iter().map(|&part| rows.integers(part, column));
        Some(TableIntegers { parts: parts.collect::<Option<_>>()? })
    }

    /// Reads the rows from the first on.
    pub fn cursor(&self) -> IntegerCursor<'_, 'r> {
        IntegerCursor { column: self, part: 0, index: 0, block: IntegerBlock::default(), at: 0 }
    }

    /// Calls `visit` with the number of each row that is not NULL, in the order of the table, and its integer.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn for_each(&self, visit: &mut dyn FnMut(u64, i64)) -> Result<()> {
        let (mut block, mut first) = (IntegerBlock::default(), 0);
        for part in self.parts.iter() {
            let mut index = 0;
            while part.read(index, &mut block)? {
                let values = (0..block.rows()).filter_map(|row| Some((first + row as u64, block.get(row)?)));
                values.for_each(|(row, value)| visit(row, value));
                first += block.rows() as u64;
                index += 1;
            }
        }
        Ok(())
    }
}

/// Reads a column of integers from front to back. A clone goes on from where it is.
#[derive(Clone)]
pub struct IntegerCursor<'a, 'r> {
    column: &'a TableIntegers<'r>,
    part: usize,
    /// The block after the one that is being read.
    index: usize,
    block: IntegerBlock,
    at: usize,
}

impl IntegerCursor<'_, '_> {
    /// The integer of the next row, or NULL.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn read(&mut self) -> Result<Option<i64>> {
        self.skip()?;
        Ok(self.block.get(self.at - 1))
    }

    /// Goes on to the row after the next one.
    ///
    /// # Errors
    /// As those of [`IntegerCursor::read`].
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn skip(&mut self) -> Result<()> {
        if self.at == self.block.rows() {
            self.read_block()?;
        }
        self.at += 1;
        Ok(())
    }

    fn read_block(&mut self) -> Result<()> {
        self.at = 0;
        loop {
            while !self.column.parts[self.part].read(self.index, &mut self.block)? {
                (self.part, self.index) = (self.part + 1, 0);
            }
            self.index += 1;
            if self.block.rows() > 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Blocks in memory.
    pub struct Blocks(pub Vec<Vec<Option<i64>>>);

    impl IntegerColumn for Blocks {
        fn read(&self, index: usize, block: &mut IntegerBlock) -> Result<bool> {
            *block = IntegerBlock::default();
            let Some(values) = self.0.get(index) else { return Ok(false) };
            values.iter().for_each(|&value| block.push(value));
            Ok(true)
        }
    }

    /// A column of so many parts of blocks.
    pub fn table_integers(parts: Vec<Vec<Vec<Option<i64>>>>) -> TableIntegers<'static> {
        TableIntegers { parts: parts.into_iter().map(|blocks| Box::new(Blocks(blocks)) as _).collect() }
    }

    #[test]
    fn parts_follow_one_another_and_empty_blocks_do_not_count() {
        let parts = vec![
            vec![],
            vec![vec![Some(3)], vec![], vec![None, Some(-1)]],
            vec![vec![]],
            vec![vec![Some(8), Some(9)]],
        ];
        let column = table_integers(parts);
        let mut cursor = column.cursor();
        let mut again = Vec::new();
        for (row, expected) in [Some(3), None, Some(-1), Some(8), Some(9)].into_iter().enumerate() {
            assert_eq!(cursor.clone().read().unwrap(), expected);
            again.extend(expected.map(|value| (row as u64, value)));
            cursor.skip().unwrap();
        }
        let mut found = Vec::new();
        column.for_each(&mut |row, value| found.push((row, value))).unwrap();
        assert_eq!(found, again);
    }
}
