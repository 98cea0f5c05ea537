//! Cuts the COPY text of a table into blocks of whole rows, up to the end marker `\.`.
//!
//! Where a block ends depends on the bytes of the rows and the block size alone, not on how the reader below delivers
//! them: the buffer is always filled to the block size, and cut after the last newline in it. What a row holds is left
//! to `pg::copy`.

use std::io::Read;

use memchr::{memchr, memmem, memrchr};

use crate::error::{Error, Place, Result};
use crate::pg::stream;
use crate::source::{Block, BlockReader};

/// How much is read at once after the end marker, to see that only blank lines follow.
const TAIL_BYTES: usize = 4096;

/// Reads COPY text as blocks of whole rows.
///
/// The text must end with the line `\.`, whose newline may be missing; after it, only blank lines may follow. A block holds as many whole rows as fit
/// into its size; a row that is longer gets a block of its own.
pub struct BlockCutter<R> {
    input: R,
    block_bytes: usize,
    place: Place,
    /// The beginning of a row that the last block did not hold.
    carried: Vec<u8>,
    /// The bytes of the blocks so far.
    cut_bytes: u64,
    done: bool,
}

impl<R: Read> BlockCutter<R> {
    /// Cuts `input` into blocks of at most `block_bytes` bytes, where no row is longer; `place` names the table.
    pub fn new(input: R, block_bytes: usize, place: Place) -> Self {
        let block_bytes = block_bytes.max(1);
        BlockCutter { input, block_bytes, place, carried: Vec::new(), cut_bytes: 0, done: false }
    }

    /// Reads until `buffer` has `bytes` bytes; whether it has, as the data may end before.
    fn fill(&mut self, buffer: &mut Vec<u8>, bytes: usize) -> Result<bool> {
        let missing = bytes.saturating_sub(buffer.len()) as u64;
        self.input
            .by_ref()
            .take(missing)
            .read_to_end(buffer)
            .map_err(|failure| stream::error(failure).at(&self.place))?;
        Ok(buffer.len() >= bytes)
    }

    fn cut(&mut self) -> Result<Option<Block>> {
        let mut buffer = std::mem::take(&mut self.carried);
        if self.cut_bytes > 0 {
            // The table has filled a block already, so it is worth having the memory for another one at once.
            buffer.reserve(self.block_bytes.saturating_sub(buffer.len()));
        }
        let filled = self.fill(&mut buffer, self.block_bytes)?;
        if let Some(marker) = find_marker(&buffer, !filled) {
            return self.finish(buffer, marker);
        }
        match memrchr(b'\n', &buffer) {
            _ if !filled => Err(self.ended(&buffer)),
            Some(newline) => Ok(Some(self.split(buffer, newline + 1))),
            None => self.cut_long_row(buffer),
        }
    }

    /// Reads on to the end of the row that `buffer` holds the beginning of.
    fn cut_long_row(&mut self, mut buffer: Vec<u8>) -> Result<Option<Block>> {
        loop {
            let searched = buffer.len();
            let filled = self.fill(&mut buffer, searched.saturating_add(self.block_bytes))?;
            let newline = memchr(b'\n', &buffer[searched..]).map(|newline| searched + newline);
            // The marker itself is longer than a very small block.
            if newline == Some(END.len()) && buffer.starts_with(END) || !filled && buffer == END {
                return self.finish(buffer, 0);
            }
            match newline {
                Some(newline) => return Ok(Some(self.split(buffer, newline + 1))),
                None if !filled => return Err(self.ended(&buffer)),
                None => {}
            }
        }
    }

    fn split(&mut self, mut buffer: Vec<u8>, bytes: usize) -> Block {
        self.carried = buffer.split_off(bytes);
        self.cut_bytes += bytes as u64;
        Block { bytes: buffer }
    }

    /// The rows before the end marker at `marker`; checks that only blank lines follow it.
    fn finish(&mut self, mut buffer: Vec<u8>, marker: usize) -> Result<Option<Block>> {
        self.done = true;
        let mut tail = buffer.split_off(marker).split_off(END.len());
        loop {
            if tail.iter().any(|byte| !matches!(byte, b'\n' | b'\r')) {
                return Err(Error::snapshot("more data follows the end of the rows")
                    .at(&self.place)
                    .hint(stream::DAMAGED));
            }
            tail.clear();
            if !self.fill(&mut tail, TAIL_BYTES)? && tail.is_empty() {
                return Ok((!buffer.is_empty()).then_some(Block { bytes: buffer }));
            }
        }
    }

    fn ended(&self, buffer: &[u8]) -> Error {
        let inside = buffer.last().is_some_and(|&byte| byte != b'\n');
        let what = if inside { "the data ends inside a row" } else { "the data ends without its end marker" };
        let byte = self.cut_bytes + buffer.len() as u64;
        Error::snapshot(what).at(self.place.clone().byte(byte)).hint(stream::CUT_SHORT)
    }
}

impl<R: Read + Send> BlockReader for BlockCutter<R> {
    fn next_block(&mut self) -> Result<Option<Block>> {
        if self.done {
            return Ok(None);
        }
        let block = self.cut();
        self.done |= block.is_err();
        block
    }
}

/// The line that ends the rows.
const END: &[u8] = b"\\.";

/// Where the line `\.` starts in `buffer`, which starts with a line; `at_end`, it needs no newline.
fn find_marker(buffer: &[u8], at_end: bool) -> Option<usize> {
    if buffer.starts_with(b"\\.\n") || (at_end && buffer == END) {
        return Some(0);
    }
    let last = || (at_end && buffer.ends_with(b"\n\\.")).then(|| buffer.len() - END.len());
    memmem::find(buffer, b"\n\\.\n").map(|newline| newline + 1).or_else(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader that gives `step` bytes at a time.
    struct Steps<'a>(&'a [u8], usize);

    impl Read for Steps<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn blocks(text: &[u8], block_bytes: usize, step: usize) -> Result<Vec<Vec<u8>>> {
        let mut cutter = BlockCutter::new(Steps(text, step), block_bytes, Place::table("t"));
        let mut blocks = Vec::new();
        while let Some(block) = cutter.next_block()? {
            blocks.push(block.bytes);
        }
        Ok(blocks)
    }

    fn failure(text: &[u8]) -> String {
        blocks(text, 8, 3).unwrap_err().to_string()
    }

    #[test]
    fn a_block_holds_as_many_whole_rows_as_fit() {
        let cut = blocks(b"1\n22\n333\n4444\n\\.\n\n\n", 6, 1).unwrap();
        assert_eq!(cut, [&b"1\n22\n"[..], b"333\n", b"4444\n"]);
    }

    #[test]
    fn a_row_longer_than_a_block_gets_a_block_of_its_own() {
        let cut = blocks(b"1\n222222222222\n3\n4444\n\\.\n", 4, 2).unwrap();
        assert_eq!(cut, [&b"1\n"[..], b"222222222222\n", b"3\n", b"4444\n"]);
    }

    #[test]
    fn the_marker_counts_only_as_a_whole_line() {
        assert_eq!(blocks(b"a\\.\n\\.b\n\\.\n", 64, 64).unwrap(), [b"a\\.\n\\.b\n"]);
        for block_bytes in 1..64 {
            assert_eq!(blocks(b"\n1\n\\.", block_bytes, 64).unwrap().concat(), b"\n1\n");
            assert!(blocks(b"\\.\n\n\n", block_bytes, 1).unwrap().is_empty());
        }
    }

    #[test]
    fn data_that_ends_early_is_refused() {
        assert!(failure(b"1\n22").starts_with("the data ends inside a row\n  at: table `t`, byte 4"));
        assert!(failure(b"1\n22\n\\").starts_with("the data ends inside a row"));
        assert!(failure(b"1\n22\n").starts_with("the data ends without its end marker"));
        assert!(failure(b"").starts_with("the data ends without its end marker"));
    }

    #[test]
    fn data_after_the_end_marker_is_refused() {
        assert!(failure(b"1\n\\.\n\nx").starts_with("more data follows the end of the rows"));
    }

    proptest! {
        #[test]
        fn the_cut_does_not_depend_on_how_the_data_arrives(
            rows in proptest::collection::vec("[a-z\\\\.]{0,12}", 0..40),
            block_bytes in 1usize..40,
            step in 1usize..50,
        ) {
            let mut text = String::new();
            for row in rows.iter().filter(|row| *row != "\\.") {
                text.push_str(row);
                text.push('\n');
            }
            let marked = format!("{text}\\.\n\n\n");
            let cut = blocks(marked.as_bytes(), block_bytes, step).unwrap();
            prop_assert_eq!(&cut, &blocks(marked.as_bytes(), block_bytes, 1000).unwrap());
            prop_assert_eq!(cut.concat(), text.as_bytes());
            for pair in cut.windows(2) {
                let next = memchr(b'\n', &pair[1]).unwrap() + 1;
                prop_assert!(pair[0].len() + next > block_bytes, "another row would have fitted");
            }
            let long = |block: &&Vec<u8>| block.len() > block_bytes;
            prop_assert!(cut.iter().filter(long).all(|block| memchr(b'\n', block) == Some(block.len() - 1)));
        }
    }
}
