//! Columns of numbers, packed into as few bits as neighbours need, written once and read from front to back.
//!
//! A frame of up to `FRAME` numbers holds either the numbers less the least of them, or their differences so, whichever
//! takes fewer bits (frame-of-reference and delta coding, after Goldstein, Ramakrishnan and Shaft 1998, "Compressing
//! relations and indexes"). So rising ids take next to nothing, and ordinals among n take log₂ n bits.

use std::borrow::Cow;
use std::sync::Arc;

use super::spill::{Chunk, Store};
use crate::error::Result;

/// The numbers in a frame.
pub(super) const FRAME: usize = 256;
/// The bytes from which a chunk is given to the store.
const CHUNK_BYTES: usize = 64 * 1024;
/// Marks the width of a frame of differences.
const DELTA: u8 = 0x80;

/// A column of numbers.
pub struct PackedColumn {
    store: Arc<Store>,
    chunks: Vec<Chunk>,
    open: Vec<u8>,
    frame: Vec<u64>,
    len: u64,
}

impl PackedColumn {
    /// An empty column.
    pub fn new(store: &Arc<Store>) -> Self {
        PackedColumn { store: store.clone(), chunks: Vec::new(), open: Vec::new(), frame: Vec::new(), len: 0 }
    }

    /// Appends a number.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    #[inline]
    pub fn push(&mut self, value: u64) -> Result<()> {
        self.frame.push(value);
        self.len += 1;
        if self.frame.len() == FRAME { self.close_frame() } else { Ok(()) }
    }

    /// How many numbers there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends the column, which is to be read now.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn finish(&mut self) -> Result<()> {
        if !self.frame.is_empty() {
            self.close_frame()?;
        }
        self.frame = Vec::new();
        self.close_chunk()
    }

    /// Reads the column from its start. It must be finished.
    pub fn cursor(&self) -> Cursor<'_> {
        debug_assert!(self.open.is_empty() && self.frame.is_empty(), "the column is finished");
        Cursor { column: self, chunk: 0, bytes: Cow::Borrowed(&[]), at: 0, frame: Vec::new(), next: 0 }
    }

    fn close_frame(&mut self) -> Result<()> {
        encode(&self.frame, &mut self.open);
        self.frame.clear();
        if self.open.len() >= CHUNK_BYTES { self.close_chunk() } else { Ok(()) }
    }

    fn close_chunk(&mut self) -> Result<()> {
        if !self.open.is_empty() {
            self.chunks.push(self.store.keep(std::mem::take(&mut self.open))?);
        }
        Ok(())
    }
}

/// Reads a column from front to back. A clone goes on from where it is.
#[derive(Clone)]
pub struct Cursor<'a> {
    column: &'a PackedColumn,
    chunk: usize,
    bytes: Cow<'a, [u8]>,
    at: usize,
    frame: Vec<u64>,
    next: usize,
}

impl Cursor<'_> {
    /// The next number.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last number.
    #[inline]
    pub fn read(&mut self) -> Result<u64> {
        if self.next == self.frame.len() {
            self.read_frame()?;
        }
        self.next += 1;
        Ok(self.frame[self.next - 1])
    }

    fn read_frame(&mut self) -> Result<()> {
        if self.at == self.bytes.len() {
            self.bytes = self.column.chunks[self.chunk].bytes()?;
            self.chunk += 1;
            self.at = 0;
        }
        self.at += decode(&self.bytes[self.at..], &mut self.frame);
        self.next = 0;
        Ok(())
    }
}

/// Appends `values`, at most [`FRAME`] and at least one, to `out`.
pub(super) fn encode(values: &[u64], out: &mut Vec<u8>) {
    let mut deltas = [0; FRAME];
    for (delta, pair) in deltas.iter_mut().zip(values.windows(2)) {
        *delta = zigzag(pair[1].wrapping_sub(pair[0]));
    }
    let deltas = &deltas[..values.len() - 1];
    let (least, width) = range(values);
    let (least_delta, delta_width) = range(deltas);
    out.push((values.len() - 1) as u8);
    if delta_width < width {
        out.push(delta_width | DELTA);
        out.extend_from_slice(&values[0].to_le_bytes());
        out.extend_from_slice(&least_delta.to_le_bytes());
        pack(deltas, least_delta, delta_width, out);
    } else {
        out.push(width);
        out.extend_from_slice(&least.to_le_bytes());
        pack(values, least, width, out);
    }
}

/// Reads a frame from the start of `bytes` into `values`; returns how many bytes it takes.
pub(super) fn decode(bytes: &[u8], values: &mut Vec<u64>) -> usize {
    let count = usize::from(bytes[0]) + 1;
    let width = bytes[1] & !DELTA;
    values.clear();
    if bytes[1] & DELTA == 0 {
        return 10 + unpack(&bytes[10..], count, word(&bytes[2..]), width, values);
    }
    let first = word(&bytes[2..]);
    values.push(first);
    let used = unpack(&bytes[18..], count - 1, word(&bytes[10..]), width, values);
    let mut last = first;
    for value in &mut values[1..] {
        last = last.wrapping_add(unzigzag(*value));
        *value = last;
    }
    18 + used
}

/// The least of `values`, and the bits that hold the greatest less it.
fn range(values: &[u64]) -> (u64, u8) {
    let (least, greatest) = values
        .iter()
        .fold((u64::MAX, 0), |(least, greatest), &value| (least.min(value), greatest.max(value)));
    (least, (u64::BITS - greatest.saturating_sub(least).leading_zeros()) as u8)
}

/// A difference with its sign in the lowest bit, so that small ones of either sign are small.
fn zigzag(difference: u64) -> u64 {
    difference << 1 ^ ((difference as i64) >> 63) as u64
}

fn unzigzag(value: u64) -> u64 {
    value >> 1 ^ (value & 1).wrapping_neg()
}

fn pack(values: &[u64], least: u64, width: u8, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut bits, mut filled) = (0_u128, 0);
    for value in values {
        bits |= u128::from(value - least) << filled;
        filled += u32::from(width);
        if filled >= u64::BITS {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= u64::BITS;
            filled -= u64::BITS;
        }
    }
    out.extend_from_slice(&(bits as u64).to_le_bytes()[..filled.div_ceil(8) as usize]);
}

fn unpack(bytes: &[u8], count: usize, least: u64, width: u8, values: &mut Vec<u64>) -> usize {
    if width == 0 {
        values.resize(values.len() + count, least);
        return 0;
    }
    let len = (count * usize::from(width)).div_ceil(8);
    let mask = u64::MAX >> (u64::BITS - u32::from(width));
    values.extend((0..count).map(|index| {
        let bit = index * usize::from(width);
        let (at, shift) = (bit / 8, bit % 8);
        let low = word(&bytes[at..]) >> shift;
        // A word holds what begins in its first byte, but for the widest numbers.
        let is_within = shift + usize::from(width) <= 64;
        let high = if is_within { 0 } else { u64::from(bytes[at + 8]) << (64 - shift) };
        ((low | high) & mask).wrapping_add(least)
    }));
    len
}

/// The number in the first 8 of `bytes`, or in as many as there are.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(values: impl IntoIterator<Item = u64>, memory_bytes: u64) -> (PackedColumn, Arc<Store>) {
        let store = Store::new(memory_bytes, std::env::temp_dir());
        let mut column = PackedColumn::new(&store);
        values.into_iter().for_each(|value| column.push(value).unwrap());
        column.finish().unwrap();
        (column, store)
    }

    proptest! {
        #[test]
        fn what_is_packed_reads_back(
            values in proptest::collection::vec(any::<(u64, u8)>(), 0..1000),
            memory_bytes in prop_oneof![Just(0), Just(u64::MAX)],
        ) {
            let values: Vec<u64> = values.into_iter().map(|(value, shift)| value >> (shift % 64)).collect();
            let (column, _) = packed(values.iter().copied(), memory_bytes);
            prop_assert_eq!(column.len(), values.len() as u64);
            let mut cursor = column.cursor();
            for value in values {
                prop_assert_eq!(cursor.read().unwrap(), value);
            }
        }
    }

    #[test]
    fn the_widest_numbers_and_differences_fit() {
        let values = [0, u64::MAX, 0, 1 << 63, u64::MAX, 1, u64::MAX - 1];
        let (column, _) = packed(values, 0);
        let mut cursor = column.cursor();
        values.iter().for_each(|&value| assert_eq!(cursor.read().unwrap(), value));
    }

    #[test]
    fn rising_ids_take_next_to_nothing_and_ordinals_their_bits() {
        let bytes =
            |values: &mut dyn Iterator<Item = u64>| packed(values, u64::MAX).1.peak_bytes() as f64 / 1e5;
        assert!(bytes(&mut (0..100_000).map(|id| 1_000_000 + 3 * id)) < 0.1);
        assert!(bytes(&mut (0..100_000).map(|id| id * 7919 % 131_072)) < 2.3); // 17 bits are 2.125 bytes
    }
}
