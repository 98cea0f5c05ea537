//! Rows that are looked up by the values of a column, at a source that finds them faster than all rows are read.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::Result;

/// Keys are bits where there are so few of these for each, and no more than this together.
const BITS_A_KEY: usize = 1024;
const MOST_BITS: usize = 1 << 26;

/// What a column's values are, as keys by which rows are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole numbers, of any of PostgreSQL's widths.
    Integer,
    /// UUIDs.
    Uuid,
}

/// Different values of a column.
#[derive(Clone, Debug)]
pub struct Keys {
    kind: KeyKind,
    /// In ascending order once [`Keys::seal`] was called: an integer's bits are those of an `i64`, sign extended.
    values: Vec<u128>,
}

impl Keys {
    /// No key yet.
    pub fn new(kind: KeyKind) -> Keys {
        Keys { kind, values: Vec::new() }
    }

    /// Adds the value that `text`, as COPY writes it, stands for; false where it is none of the kind. NULL is no key.
    #[must_use]
    pub fn add(&mut self, text: &[u8]) -> bool {
        if text == b"\\N" {
            return true;
        }
        let text = str::from_utf8(text).unwrap_or_default();
        let value = match self.kind {
            KeyKind::Integer => text.parse::<i64>().ok().map(|number| i128::from(number) as u128),
            KeyKind::Uuid => {
                let digits: String = text.chars().filter(|&character| character != '-').collect();
                (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
            }
        };
        self.values.extend(value);
        value.is_some()
    }

    /// Takes out what is there twice.
    pub fn seal(&mut self) {
        self.values.sort_unstable();
        self.values.dedup();
    }

    /// The keys of both, which are sealed.
    pub fn joined(mut self, others: Keys) -> Keys {
        if self.is_empty() {
            return others;
        }
        self.values.extend(others.values);
        // Two ascending runs are merged, not sorted anew.
        self.values.sort();
        self.values.dedup();
        self
    }

    /// Takes out what `others` has; both are sealed.
    pub fn remove(&mut self, others: &Keys) {
        let mut others = others.values.iter().peekable();
        self.values.retain(|value| {
            while others.next_if(|other| *other < value).is_some() {}
            others.peek() != Some(&value)
        });
    }

    /// The keys in `count` pieces of about one size.
    pub fn pieces(&self, count: usize) -> Vec<Keys> {
        let size = self.len().div_ceil(count.max(1)).max(1);
        self.values.chunks(size).map(|values| Keys { kind: self.kind, values: values.to_vec() }).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whole numbers that lie closely together, as bits; `None` for others.
    pub fn bits(&self) -> Option<KeyBits> {
        let numbers = || self.values.iter().map(|&value| value as i64);
        let (least, greatest) = (numbers().min()?, numbers().max()?);
        let span = greatest.checked_sub(least)?.checked_add(1)? as usize;
        let is_close =
            self.kind == KeyKind::Integer && span / BITS_A_KEY <= self.values.len() && span <= MOST_BITS;
        is_close.then(|| {
            let mut bytes = vec![0_u8; span.div_ceil(8)];
            for number in numbers() {
                let bit = (number - least) as usize;
                bytes[bit / 8] |= 1 << (bit % 8);
            }
            KeyBits { least, greatest, bytes }
        })
    }

    /// The keys as the elements of an array of SQL whose integers have `bytes` bytes; those that such cannot be are left
    /// out.
    pub fn elements(&self, bytes: u32) -> String {
        let bound = 1_i128 << (bytes.clamp(1, 8) * 8 - 1);
        let mut text = String::with_capacity(self.values.len() * 10);
        for &value in &self.values {
            let comma = if text.is_empty() { "" } else { "," };
            match self.kind {
                KeyKind::Integer => {
                    let number = value as i128;
                    if (-bound..bound).contains(&number) {
                        write!(text, "{comma}{number}").expect("a string takes all");
                    }
                }
                KeyKind::Uuid => write!(text, "{comma}{value:032x}").expect("a string takes all"),
            }
        }
        text
    }
}

/// Whole numbers as the bits of those from the least to the greatest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBits {
    /// The least.
    pub least: i64,
    /// The greatest.
    pub greatest: i64,
    /// The bit `n` of byte `b` is that of the `8·b + n`th number after the least.
    pub bytes: Vec<u8>,
}

/// The rows of a part of which a column is one of some keys.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The part.
    pub part: usize,
    /// The column.
    pub column: usize,
    /// The keys, sealed.
    pub keys: &'a Keys,
    /// Whether rows are wanted too of which it is NULL.
    pub or_null: bool,
}

/// How rows are looked up; changes nothing of the result.
#[derive(Clone, Copy, Debug)]
pub struct LookUpSettings<'a> {
    /// Connections.
    pub jobs: usize,
    /// Bytes of memory for the rows that are found; others are in encrypted temporary files.
    pub memory_bytes: u64,
    /// The folder of temporary files.
    pub temp_dir: &'a Path,
}

/// A source of which rows can be looked up. Parts and columns are named by their index, a column by its place in the
/// part's rows.
pub trait LookUp: Sync {
    /// About how many rows the part has, as far as the source knows without reading them.
    fn rows_about(&self, part: usize) -> Option<u64>;

    /// About what share of the rows have NULL in the column.
    fn null_share(&self, part: usize, column: usize) -> Option<f64>;

    /// As what the column's values can be looked up; `None` where they cannot.
    fn kind(&self, part: usize, column: usize) -> Option<KeyKind>;

    /// Reads the rows that `wanted` asks for. From then on, the part has no other rows but those and what was looked up
    /// before, in their order. Returns the values of the columns `seen` in the rows that were read, sealed; `None` of a
    /// column that has other values too than such as are keys.
    ///
    /// # Errors
    /// As those of [`super::Source::read`]; a temporary file that cannot be written.
    fn look_up(
        &self,
        wanted: &Wanted<'_>,
        seen: &[(usize, KeyKind)],
        settings: LookUpSettings<'_>,
    ) -> Result<Vec<Option<Keys>>>;

    /// Forgets what was looked up: all parts have all their rows again.
    fn forget(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(kind: KeyKind, texts: &[&str]) -> Keys {
        let mut keys = Keys::new(kind);
        assert!(texts.iter().all(|text| keys.add(text.as_bytes())));
        keys.seal();
        keys
    }

    #[test]
    fn keys_are_the_elements_of_an_array() {
        let some = keys(KeyKind::Integer, &["7", "-1", "7", "\\N", "40000", "9223372036854775807"]);
        assert_eq!(some.len(), 4);
        let mut elements: Vec<String> = some.elements(8).split(',').map(str::to_string).collect();
        elements.sort();
        assert_eq!(elements, ["-1", "40000", "7", "9223372036854775807"]);
        assert_eq!(keys(KeyKind::Integer, &["7", "40000", "32768", "32767"]).elements(2), "7,32767");
        let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        assert_eq!(keys(KeyKind::Uuid, &[uuid]).elements(8), "000102030405060708090a0b0c0d0e0f");
    }

    #[test]
    fn numbers_that_lie_closely_together_are_bits() {
        let some = keys(KeyKind::Integer, &["-3", "5", "6"]).bits().unwrap();
        assert_eq!(some, KeyBits { least: -3, greatest: 6, bytes: vec![1, 3] });
        assert_eq!(keys(KeyKind::Integer, &["0", "100000"]).bits(), None);
        assert_eq!(keys(KeyKind::Integer, &["-9223372036854775808", "9223372036854775807"]).bits(), None);
        assert_eq!(keys(KeyKind::Integer, &[]).bits(), None);
        assert_eq!(keys(KeyKind::Uuid, &["00010203-0405-0607-0809-0a0b0c0d0e0f"]).bits(), None);
    }

    #[test]
    fn what_is_no_key_is_told() {
        for text in ["", "1.0", "9223372036854775808", "a"] {
            assert!(!Keys::new(KeyKind::Integer).add(text.as_bytes()), "{text}");
        }
        assert!(!Keys::new(KeyKind::Uuid).add(b"000102"));
    }

    #[test]
    fn pieces_make_up_the_keys() {
        let some = keys(KeyKind::Integer, &["1", "2", "3", "4", "5"]);
        let pieces: Vec<String> = some.pieces(2).iter().map(|piece| piece.elements(8)).collect();
        assert_eq!(pieces, ["1,2,3", "4,5"]);
        assert_eq!(some.pieces(9).len(), 5);
        assert!(keys(KeyKind::Integer, &[]).pieces(2).is_empty());
    }

    #[test]
    fn keys_that_are_known_are_taken_out() {
        let mut wanted = keys(KeyKind::Integer, &["1", "2", "3"]);
        wanted.remove(&keys(KeyKind::Integer, &["2", "9"]));
        assert_eq!(wanted.elements(4), "1,3");
    }
}
