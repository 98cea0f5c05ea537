//! Keyed permutations of the numbers below a bound, for identifiers.

use aes::Aes256;
use aes::cipher::KeyInit;

use super::blocks::{self, BlockWork};
use super::text::LANES;
use crate::key::DomainKey;

/// As many as FF1 has; the least that is thought safe for small halves (Patarin 2010) is six.
const ROUNDS: u8 = 10;

/// The keyed permutations of a domain, one of each size.
///
/// Each is a generalised Feistel cipher (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"): a number is a
/// pair of a number below `left` and one below `right`, about as large, and each round adds to the one a function of the
/// other. There are few more pairs than numbers, and what lands on one of those goes round again (cycle walking). The
/// function of a round is AES-256 of the round's number, the size's mark and the other half.
pub struct Feistel {
    cipher: Aes256,
    key: DomainKey,
}

/// The numbers from 0 to `size` - 1, as a [`Feistel`] permutes them.
#[derive(Clone)]
pub struct Size {
    size: u128,
    left: u64,
    right: u64,
    /// 56 bits of a key that belongs to this size alone, where they stand in a block.
    mark: u128,
}

/// A number to be permuted, among those of its size.
#[derive(Clone, Copy)]
pub struct Lane<'a> {
    /// What it is below.
    pub size: &'a Size,
    /// The number, and then what it has become.
    pub number: u128,
}

impl Feistel {
    /// The permutations under `key`.
    pub fn new(key: &DomainKey) -> Self {
        Feistel { cipher: Aes256::new(&(*key.subkey("permutations")).into()), key: key.clone() }
    }

    /// The permutation of that many numbers, from 1 to 2¹²⁷.
    pub fn size(&self, size: u128) -> Size {
        let subkey = self.key.subkey(&format!("permutation/{size}"));
        let mark = subkey[..7].iter().fold(0, |mark, &byte| mark << 8 | u128::from(byte));
        let left = (size - 1).isqrt() + 1;
        Size { size, left: left as u64, right: size.div_ceil(left) as u64, mark: mark << 64 }
    }

    /// Replaces each number by what it becomes. The sizes are this one's own.
    ///
    /// A round waits for the one before it, so several numbers together take little longer than one.
    pub fn apply(&self, lanes: &mut [Lane<'_>]) {
        for lanes in lanes.chunks_mut(LANES) {
            blocks::run(&self.cipher, Walk { lanes });
        }
    }
}

/// The walk of at most [`LANES`] numbers, to where the results are in range.
struct Walk<'a, 'l> {
    lanes: &'a mut [Lane<'l>],
}

impl BlockWork for Walk<'_, '_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        let mut walking: [usize; LANES] = std::array::from_fn(|lane| lane);
        let mut count = self.lanes.len();
        while count > 0 {
            permute(self.lanes, &walking[..count], &encrypt);
            let mut left_out = 0;
            for at in 0..count {
                let lane = walking[at];
                if self.lanes[lane].number >= self.lanes[lane].size.size {
                    walking[left_out] = lane;
                    left_out += 1;
                }
            }
            count = left_out;
        }
    }
}

/// Applies the cipher once to those of `lanes` that are still `walking`.
#[inline(always)]
fn permute(lanes: &mut [Lane<'_>], walking: &[usize], encrypt: &impl Fn(u128) -> u128) {
    let (mut lefts, mut rights) = ([0; LANES], [0; LANES]);
    let (mut left_sizes, mut right_sizes, mut marks) = ([0; LANES], [0; LANES], [0; LANES]);
    for (at, &lane) in walking.iter().enumerate() {
        let Lane { size, number } = lanes[lane];
        (left_sizes[at], right_sizes[at], marks[at]) = (size.left, size.right, size.mark);
        (lefts[at], rights[at]) = size.split(number);
    }
    let round = |index: u8, mark: u128, half: u64, size: u64| {
        below(encrypt(u128::from(index) << 120 | mark | u128::from(half)), size)
    };
    for index in (0..ROUNDS).step_by(2) {
        for at in 0..walking.len() {
            let added = round(index, marks[at], rights[at], left_sizes[at]);
            lefts[at] = sum(lefts[at], added, left_sizes[at]);
        }
        for at in 0..walking.len() {
            let added = round(index + 1, marks[at], lefts[at], right_sizes[at]);
            rights[at] = sum(rights[at], added, right_sizes[at]);
        }
    }
    for (at, &lane) in walking.iter().enumerate() {
        lanes[lane].number = u128::from(lefts[at]) * u128::from(right_sizes[at]) + u128::from(rights[at]);
    }
}

impl Size {
    /// The pair that a number is.
    #[inline(always)]
    fn split(&self, number: u128) -> (u64, u64) {
        // The machine divides small numbers itself.
        match u64::try_from(number) {
            Ok(number) => (number / self.right, number % self.right),
            _ if self.right.is_power_of_two() => {
                ((number >> self.right.trailing_zeros()) as u64, number as u64 & (self.right - 1))
            }
            _ => {
                let right = u128::from(self.right);
                ((number / right) as u64, (number % right) as u64)
            }
        }
    }
}

/// A number below `size`, of 128 random bits: the bits times the size, less the last 128 (Lemire 2019).
#[inline(always)]
fn below(random: u128, size: u64) -> u64 {
    let (high, low) = ((random >> 64) as u64, random as u64);
    let carried = (u128::from(low) * u128::from(size)) >> 64;
    ((u128::from(high) * u128::from(size) + carried) >> 64) as u64
}

/// The sum of two numbers below `size`, less the size where it is reached.
#[inline(always)]
fn sum(one: u64, other: u64, size: u64) -> u64 {
    let missing = size - other;
    if one >= missing { one - missing } else { one + other }
}

/// The keyed permutation of the numbers of one size.
pub struct Permutation {
    feistel: Feistel,
    size: Size,
}

impl Permutation {
    /// The permutation of that many numbers, from 1 to 2¹²⁷, under `key`.
    pub fn new(key: &DomainKey, size: u128) -> Self {
        let feistel = Feistel::new(key);
        Permutation { size: feistel.size(size), feistel }
    }

    /// Replaces each of `numbers`, which are below the size, by what it becomes.
    pub fn apply(&self, numbers: &mut [u128]) {
        for numbers in numbers.chunks_mut(LANES) {
            let mut lanes = [Lane { size: &self.size, number: 0 }; LANES];
            let lanes = &mut lanes[..numbers.len()];
            lanes.iter_mut().zip(&*numbers).for_each(|(lane, &number)| lane.number = number);
            self.feistel.apply(lanes);
            numbers.iter_mut().zip(lanes).for_each(|(number, lane)| *number = lane.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn key() -> DomainKey {
        MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test")
    }

    #[test]
    fn every_small_size_is_permuted() {
        for size in (1..=64).chain([1000]) {
            let permutation = Permutation::new(&key(), size);
            let mut results: Vec<u128> = (0..size).collect();
            permutation.apply(&mut results);
            results.sort_unstable();
            assert!(results.into_iter().eq(0..size), "{size}");
        }
    }

    #[test]
    fn numbers_become_the_same_alone_and_together() {
        let sizes = [700, 1 << 31, (1 << 62) + 1, 1 << 127];
        let feistel = Feistel::new(&key());
        let permuted = sizes.map(|size| feistel.size(size));
        let lanes = (0..20u128)
            .map(|n| Lane { size: &permuted[n as usize % 4], number: n * (sizes[n as usize % 4] / 21) });
        let mut together: Vec<Lane<'_>> = lanes.clone().collect();
        feistel.apply(&mut together);
        for (n, (lane, together)) in lanes.zip(together).enumerate() {
            let mut alone = [lane.number];
            Permutation::new(&key(), sizes[n % 4]).apply(&mut alone);
            assert_eq!(alone, [together.number]);
        }
    }

    #[test]
    fn sizes_of_as_many_bits_are_permuted_apart() {
        let [one, other] = [1 << 40, (1 << 40) - 1].map(|size| {
            let mut numbers: [u128; 1000] = std::array::from_fn(|number| number as u128);
            Permutation::new(&key(), size).apply(&mut numbers);
            numbers
        });
        assert_eq!(one.iter().zip(other).filter(|(one, other)| **one == *other).count(), 0);
    }
}
