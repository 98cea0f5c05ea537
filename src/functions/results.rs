//! The results of masks as a column: COPY text, escaped, one view a value.

use std::ops::Range;

use arrow::array::{BinaryViewArray, make_view};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};

use super::text::LANES;
use crate::pg::escape::{escape_into, needs_escape};

/// From this many bytes on, results go to a new buffer. A view's offset has 32 bits, and Arrow reads it as signed.
const BUFFER_BYTES: usize = 1 << 17;

/// A column of results as it grows. Masks append to it, at most [`LANES`] results at a time.
pub struct Results {
    text: String,
    full: Vec<Buffer>,
    views: Vec<u128>,
    null_rows: Vec<usize>,
    /// What the masks have appended since [`Results::begin`]: where in `text`, or why not.
    outcomes: [Result<Range<usize>, &'static str>; LANES],
    len: usize,
    /// The characters that each result is padded to.
    padded_chars: usize,
    scratch: Vec<u8>,
}

impl Results {
    /// An empty column with room for so many `rows`, its results padded with blanks to `padded_chars` characters.
    pub(super) fn new(rows: usize, padded_chars: usize) -> Self {
        Results {
            text: String::with_capacity(BUFFER_BYTES.min(32 * rows)),
            full: Vec::new(),
            views: Vec::with_capacity(rows),
            null_rows: Vec::new(),
            outcomes: [const { Ok(0..0) }; LANES],
            len: 0,
            padded_chars,
            scratch: Vec::new(),
        }
    }

    /// Adds the result that `write` appends to the text it is given, or the reason why there is none.
    #[inline]
    pub fn push(&mut self, write: impl FnOnce(&mut String) -> Result<(), &'static str>) {
        let start = self.text.len();
        self.outcomes[self.len] = match write(&mut self.text) {
            Ok(()) => {
                self.complete(start);
                Ok(start..self.text.len())
            }
            Err(reason) => {
                self.text.truncate(start);
                Err(reason)
            }
        };
        self.len += 1;
    }

    /// Makes ready for the next results of masks.
    pub(super) fn begin(&mut self) {
        self.len = 0;
        if self.text.len() >= BUFFER_BYTES {
            let text =
                std::mem::replace(&mut self.text, String::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 8));
            self.full.push(Buffer::from_vec(text.into_bytes()));
        }
    }

    /// How many results the masks have added since [`Results::begin`].
    pub(super) fn added(&self) -> usize {
        self.len
    }

    /// What the mask has added in the place `lane`, to be given to [`Results::append`].
    pub(super) fn take(&mut self, lane: usize) -> Result<Range<usize>, &'static str> {
        std::mem::replace(&mut self.outcomes[lane], Ok(0..0))
    }

    /// The text of a result that a mask has added.
    #[cfg(test)]
    pub(super) fn text(&self, result: Range<usize>) -> &str {
        &self.text[result]
    }

    /// Appends a row with a result that a mask has added.
    ///
    /// # Errors
    /// If it is too long for a view.
    pub(super) fn append(&mut self, result: Range<usize>) -> Result<(), &'static str> {
        if i32::try_from(result.end).is_err() {
            return Err("has a result of more than 2 GiB");
        }
        let offset = result.start as u32;
        self.views.push(make_view(&self.text.as_bytes()[result], self.full.len() as u32, offset));
        Ok(())
    }

    /// Appends a row with the result that `write` appends to the text it is given.
    pub(super) fn append_written(&mut self, write: impl FnOnce(&mut String)) -> Result<(), &'static str> {
        let start = self.text.len();
        write(&mut self.text);
        self.complete(start);
        self.append(start..self.text.len())
    }

    /// Appends a row that is NULL.
    pub(super) fn append_null(&mut self) {
        self.null_rows.push(self.views.len());
        self.views.push(0);
    }

    /// The column, and how many of its rows are NULL.
    pub(super) fn finish(mut self) -> (BinaryViewArray, u64) {
        self.full.push(Buffer::from_vec(self.text.into_bytes()));
        let nulls = (!self.null_rows.is_empty()).then(|| {
            let mut is_valid = vec![true; self.views.len()];
            self.null_rows.iter().for_each(|&row| is_valid[row] = false);
            NullBuffer::from(is_valid)
        });
        let count = self.null_rows.len() as u64;
        let column = BinaryViewArray::try_new(ScalarBuffer::from(self.views), self.full, nulls);
        (column.expect("the views lie in their buffers"), count)
    }

    /// Pads and escapes the text from `start` on.
    #[inline]
    fn complete(&mut self, start: usize) {
        if self.padded_chars > 0 {
            let missing = self.padded_chars.saturating_sub(self.text[start..].chars().count());
            self.text.extend(std::iter::repeat_n(' ', missing));
        }
        if needs_escape(&self.text.as_bytes()[start..]) {
            self.escape(start);
        }
    }

    #[cold]
    fn escape(&mut self, start: usize) {
        self.scratch.clear();
        escape_into(&self.text.as_bytes()[start..], &mut self.scratch);
        let escaped =
            std::str::from_utf8(&self.scratch).expect("escapes are ASCII, and no part of a character");
        self.text.truncate(start);
        self.text.push_str(escaped);
    }
}
