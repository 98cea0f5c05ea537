//! How many different values there are, about: a sketch of fixed size, the same for the same values in any order.

use super::mix::mix;
use crate::pg::integer::parse_integer;
use crate::pg::uuid::{TEXT_BYTES, leading_uuid};

/// The number of bits of a hash that choose a register; 2¹⁴ registers give a standard error of 0.8 %.
const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// A HyperLogLog sketch (Flajolet et al. 2007) with linear counting for small numbers.
///
#[derive(Clone, Debug)]
pub struct Distinct {
    registers: Vec<u8>,
    values: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct { registers: vec![0; REGISTERS], values: 0 }
    }
}

impl Distinct {
    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: ValueHash) {
        let ValueHash(hash) = value;
        let register = (hash >> (u64::BITS - REGISTER_BITS)) as usize;
        let zeros = ((hash << REGISTER_BITS) | 1 << (REGISTER_BITS - 1)).leading_zeros() as u8 + 1;
        self.registers[register] = self.registers[register].max(zeros);
        self.values += 1;
    }

    /// Adds the values of `other`.
    pub fn join(&mut self, other: &Distinct) {
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
        self.values += other.values;
    }

    /// How many values were added, equal ones counted each time.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// About how many different values were added.
    pub fn count(&self) -> f64 {
        let registers = REGISTERS as f64;
        let empty = self.registers.iter().filter(|register| **register == 0).count();
        let sum: f64 = self.registers.iter().map(|&register| 0.5_f64.powi(i32::from(register))).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        match empty {
            1.. if estimate <= 2.5 * registers => registers * (registers / empty as f64).ln(),
            _ => estimate,
        }
    }
}

/// The hash of a value of one or more parts, each an integer, a UUID or a text.
///
/// It has no key, for what is planned must not change from run to run; nothing of it is ever shown or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueHash(u64);

impl ValueHash {
    /// Of no part yet.
    pub const EMPTY: ValueHash = ValueHash(0x9e37_79b9_7f4a_7c15);

    /// With one part more.
    #[inline]
    #[must_use]
    pub fn integer(self, part: i64) -> Self {
        ValueHash(mix(self.0 ^ part as u64))
    }

    /// With one part more.
    #[must_use]
    pub fn uuid(self, part: [u8; 16]) -> Self {
        let value = u128::from_le_bytes(part);
        ValueHash(mix(mix(!self.0 ^ value as u64) ^ (value >> 64) as u64))
    }

    /// With one part more; the text of an integer or of a UUID counts as that.
    #[must_use]
    pub fn text(self, part: &[u8]) -> Self {
        if let Some(integer) = parse_integer(part) {
            return self.integer(integer);
        }
        if let Some(uuid) = leading_uuid(part).filter(|_| part.len() == TEXT_BYTES) {
            return self.uuid(uuid);
        }
        let (words, rest) = part.as_chunks();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let add = |hash: u64, word: &[u8; 8]| mix(hash ^ u64::from_le_bytes(*word));
        // The length tells a text from an integer, and from one that goes on with zeros.
        let length = mix(self.0.rotate_left(32) ^ part.len() as u64);
        ValueHash(add(words.iter().fold(length, add), &last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_near_whatever_the_number() {
        for number in [0_u32, 1, 100, 10_000, 300_000] {
            let mut sketch = Distinct::default();
            for value in (0..number).chain(0..number / 2) {
                sketch.add(ValueHash::EMPTY.text(value.to_string().as_bytes()));
            }
            let error = (sketch.count() - f64::from(number)).abs() / f64::from(number.max(1));
            assert!(error < 0.03, "{number}: {}", sketch.count());
            assert_eq!(sketch.values(), u64::from(number + number / 2));
        }
    }

    #[test]
    fn values_are_told_apart_by_their_parts_and_not_by_how_they_are_held() {
        let text =
            |parts: &[&str]| parts.iter().fold(ValueHash::EMPTY, |hash, part| hash.text(part.as_bytes()));
        assert_eq!(text(&["-17", "a"]), ValueHash::EMPTY.integer(-17).text(b"a"));
        let uuid = text(&["00112233-4455-6677-8899-aabbccddeeff"]);
        let bytes =
            [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
        assert_eq!(uuid, ValueHash::EMPTY.uuid(bytes));
        let values = [
            &["ab", "c"][..],
            &["a", "bc"],
            &["abc"],
            &["abc", ""],
            &["abc\0"],
            &["07"],
            &["7"],
            &["7", "7"],
            &["8"],
            &["12345678"],
            &["12345678x"],
            &["abcdefgh"],
            &["abcdefgh", ""],
            &["abcdefghi"],
            &[],
        ];
        for (index, value) in values.iter().enumerate() {
            assert!(values[..index].iter().all(|other| text(other) != text(value)), "{index}");
        }
    }

    #[test]
    fn the_count_of_texts_is_near_too() {
        let mut sketch = Distinct::default();
        (0..50_000).for_each(|value| sketch.add(ValueHash::EMPTY.text(format!("{value:016x}-x").as_bytes())));
        assert!((sketch.count() / 50_000.0 - 1.0).abs() < 0.03, "{}", sketch.count());
    }
}
