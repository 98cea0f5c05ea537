//! The values of a column as text: those of a batch, escaped as COPY has them, or the elements of arrays.

use arrow::array::{Array, BinaryViewArray};

use crate::pg::array::Elements;
use crate::pg::escape::unescape;

/// Values of one type as text.
pub(super) trait Cells {
    /// The number of values, NULLs included.
    fn len(&self) -> usize;

    /// The value at `index` as it is held, perhaps escaped; `None` if it is NULL.
    fn raw(&self, index: usize) -> Option<&[u8]>;

    /// What `raw` stands for where it is escaped, written into `scratch`; `None` if it is as it stands.
    fn unescaped<'a>(&self, raw: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]>;
}

/// A column of a batch.
pub(super) struct Escaped<'a>(pub &'a BinaryViewArray);

impl Cells for Escaped<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn raw(&self, index: usize) -> Option<&[u8]> {
        self.0.is_valid(index).then(|| self.0.value(index))
    }

    fn unescaped<'a>(&self, raw: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        memchr::memchr(b'\\', raw)?;
        Some(unescape(raw, scratch))
    }
}

impl Cells for Elements {
    fn len(&self) -> usize {
        self.len()
    }

    fn raw(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }

    fn unescaped<'a>(&self, _raw: &'a [u8], _scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        None
    }
}
