//! Cuts the rows of a COPY into blocks.

use std::io::Read;

use memchr::{memchr, memrchr};

use crate::error::{Error, Place, Result};
use crate::pg::script::read_error;
use crate::source::{Block, BlockReader};

/// Reads `input`, COPY data with its end line `\.`, in blocks of as many whole rows as fit into `block_bytes`.
pub fn cut<'a>(input: impl Read + Send + 'a, block_bytes: usize, place: Place) -> Box<dyn BlockReader + 'a> {
    Box::new(CopyBlocks {
        input,
        block_bytes: block_bytes.max(1),
        place,
        carry: Vec::new(),
        is_at_end: false,
        has_ended: false,
    })
}

struct CopyBlocks<R> {
    input: R,
    block_bytes: usize,
    place: Place,
    /// What is read and in no block yet.
    carry: Vec<u8>,
    is_at_end: bool,
    has_ended: bool,
}

impl<R: Read + Send> BlockReader for CopyBlocks<R> {
    fn next_block(&mut self) -> Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.carry);
        loop {
            let end = match bytes.get(..self.block_bytes) {
                Some(head) => memrchr(b'\n', head).or_else(|| {
                    let past = memchr(b'\n', &bytes[self.block_bytes..])?;
                    Some(self.block_bytes + past)
                }),
                None if self.is_at_end => break,
                None => None,
            };
            if let Some(end) = end {
                self.carry = bytes.split_off(end + 1);
                break;
            }
            if self.is_at_end {
                break;
            }
            // Up to a whole block; past it there is one row only, and twice as much of it is read each time.
            let room = self.block_bytes.checked_sub(bytes.len()).filter(|room| *room > 0);
            let count = (&mut self.input)
                .take(room.unwrap_or(bytes.len()) as u64)
                .read_to_end(&mut bytes)
                .map_err(|error| read_error(&error).at(&self.place))?;
            self.is_at_end = count == 0;
        }
        self.without_end(bytes)
    }
}

impl<R> CopyBlocks<R> {
    /// The block of `bytes`, without the end line if that is its last.
    fn without_end(&mut self, mut bytes: Vec<u8>) -> Result<Option<Block>> {
        for end in [&b"\\.\n"[..], b"\\."] {
            let rows = bytes.len().saturating_sub(end.len());
            if bytes.ends_with(end) && (rows == 0 || bytes[rows - 1] == b'\n') {
                bytes.truncate(rows);
                self.has_ended = true;
                break;
            }
        }
        if bytes.is_empty() && !self.has_ended {
            return Err(Error::snapshot("COPY data has no end").at(&self.place));
        }
        Ok(Some(Block { bytes }).filter(|block| !block.bytes.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(data: &str, block_bytes: usize) -> Result<Vec<String>> {
        let mut reader = cut(data.as_bytes(), block_bytes, Place::default());
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block()? {
            blocks.push(String::from_utf8(block.bytes).unwrap());
        }
        Ok(blocks)
    }

    #[test]
    fn a_block_holds_as_many_whole_rows_as_fit() {
        let data = "1\n22\n333\n44444444444\n5\n\\.\n";
        assert_eq!(blocks(data, 9).unwrap(), ["1\n22\n333\n", "44444444444\n", "5\n"]);
        for block_bytes in 1..40 {
            assert_eq!(blocks(data, block_bytes).unwrap().concat(), "1\n22\n333\n44444444444\n5\n");
        }
    }

    #[test]
    fn no_row_is_no_block_and_an_empty_row_is_one() {
        assert!(blocks("\\.\n", 9).unwrap().is_empty());
        assert_eq!(blocks("\n\n\\.", 1).unwrap().concat(), "\n\n");
        assert!(blocks("1\n", 9).is_err());
    }
}
