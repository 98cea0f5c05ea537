//! The values of a column as text: those of a batch, escaped as COPY has them, or the elements of arrays.

use arrow::array::{Array, BinaryViewArray};

use crate::pg::array::Elements;

/// Values of one type as text.
pub(super) trait Cells {
    /// The number of values, NULLs included.
    fn len(&self) -> usize;

    /// The value at `index` as it is held, perhaps escaped; `None` if it is NULL.
    fn raw(&self, index: usize) -> Option<&[u8]>;

    /// What `raw` stands for where it is escaped, written into `scratch`; `None` if it is as it stands.
    fn unescaped<'a>(&self, raw: &[u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]>;
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

    fn unescaped<'a>(&self, raw: &[u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        memchr::memchr(b'\\', raw)?;
        scratch.clear();
        unescape(raw, scratch);
        Some(scratch)
    }
}

impl Cells for Elements {
    fn len(&self) -> usize {
        self.len()
    }

    fn raw(&self, index: usize) -> Option<&[u8]> {
        self.get(index)
    }

    fn unescaped<'a>(&self, _raw: &[u8], _scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        None
    }
}

/// Appends what a value in COPY text form stands for (PostgreSQL manual, COPY, "Text Format").
fn unescape(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'\\', raw) {
        out.extend_from_slice(&raw[..at]);
        let (byte, length) = unescape_one(&raw[at + 1..]);
        out.push(byte);
        raw = &raw[at + 1 + length..];
    }
    out.extend_from_slice(raw);
}

/// The byte that what follows a backslash stands for, and how many bytes of it do.
fn unescape_one(after: &[u8]) -> (u8, usize) {
    match after {
        [] => (b'\\', 0),
        [b'b', ..] => (0x08, 1),
        [b'f', ..] => (0x0c, 1),
        [b'n', ..] => (b'\n', 1),
        [b'r', ..] => (b'\r', 1),
        [b't', ..] => (b'\t', 1),
        [b'v', ..] => (0x0b, 1),
        [b'0'..=b'7', ..] => number(after, 8, 3),
        [b'x', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
            let (byte, length) = number(digits, 16, 2);
            (byte, length + 1)
        }
        [byte, ..] => (*byte, 1),
    }
}

/// The number that up to `most` digits make, of which Postgres keeps the low eight bits, and how many they are.
fn number(digits: &[u8], radix: u32, most: usize) -> (u8, usize) {
    let values = digits.iter().take(most).map_while(|&digit| char::from(digit).to_digit(radix));
    let (value, length) = values.fold((0, 0), |(value, length), digit| (value * radix + digit, length + 1));
    (value.to_le_bytes()[0], length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let unescaped = |raw: &str| {
            let mut out = vec![];
            unescape(raw.as_bytes(), &mut out);
            out
        };
        assert_eq!(unescaped(r"a\tb\\n\n"), b"a\tb\\n\n");
        assert_eq!(unescaped(r"\101\x42\x4g\.\8"), b"AB\x04g.8");
        assert_eq!(unescaped(r"\777\"), b"\xff\\");
    }
}
