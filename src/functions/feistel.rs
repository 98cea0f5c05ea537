//! A keyed permutation of the numbers below a bound, for identifiers.

use aes::Aes256;
use aes::cipher::KeyInit;

use super::blocks::{self, BlockWork};
use super::text::LANES;
use crate::key::DomainKey;

/// As many as FF1 has; the least that is thought safe for halves of few bits (Patarin 2010) is six.
const ROUNDS: u8 = 10;

/// A keyed permutation of the numbers from 0 to `size` - 1.
///
/// An unbalanced Feistel network with AES-256 as the round function, over the least power of two that is not below
/// `size`, applied until the result is in range (cycle walking, Black and Rogaway 2002): twice on average at most.
pub struct Permutation {
    cipher: Aes256,
    size: u128,
    left_bits: u32,
    right_bits: u32,
}

impl Permutation {
    /// The permutation of that many numbers, from 1 to 2¹²⁷, under a key that belongs to this size alone.
    pub fn new(key: &DomainKey, size: u128) -> Self {
        let subkey = key.subkey(&format!("permutation/{size}"));
        let bits = 128 - (size - 1).leading_zeros();
        Permutation {
            cipher: Aes256::new(&(*subkey).into()),
            size,
            left_bits: bits / 2,
            right_bits: bits - bits / 2,
        }
    }

    /// What one number, below the size, becomes.
    pub fn of(&self, number: u128) -> u128 {
        let mut numbers = [number];
        self.apply(&mut numbers);
        numbers[0]
    }

    /// Replaces each of `numbers`, which are below the size, by what it becomes.
    ///
    /// A round waits for the one before it, so several numbers together take little longer than one.
    pub fn apply(&self, numbers: &mut [u128]) {
        for numbers in numbers.chunks_mut(LANES) {
            blocks::run(&self.cipher, Walk { permutation: self, numbers });
        }
    }

    #[inline(always)]
    fn permute_bits(&self, numbers: &mut [u128], round: impl Fn(u8, u64) -> u64) {
        let (left_mask, right_mask) = (mask(self.left_bits), mask(self.right_bits));
        let (mut lefts, mut rights) = ([0; LANES], [0; LANES]);
        for (number, (left, right)) in numbers.iter().zip(lefts.iter_mut().zip(&mut rights)) {
            (*left, *right) = ((number >> self.right_bits) as u64, *number as u64 & right_mask);
        }
        for index in (0..ROUNDS).step_by(2) {
            for (left, right) in lefts.iter_mut().zip(&rights).take(numbers.len()) {
                *left ^= round(index, *right) & left_mask;
            }
            for (left, right) in lefts.iter().zip(&mut rights).take(numbers.len()) {
                *right ^= round(index + 1, *left) & right_mask;
            }
        }
        for (number, (left, right)) in numbers.iter_mut().zip(lefts.into_iter().zip(rights)) {
            *number = u128::from(left) << self.right_bits | u128::from(right);
        }
    }
}

/// The walk of at most [`LANES`] numbers, to where the results are in range.
struct Walk<'a> {
    permutation: &'a Permutation,
    numbers: &'a mut [u128],
}

impl BlockWork for Walk<'_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        let round = |index: u8, half: u64| encrypt(u128::from(index) << 120 | u128::from(half)) as u64;
        let mut walking: [usize; LANES] = std::array::from_fn(|lane| lane);
        let mut count = self.numbers.len();
        while count > 0 {
            let mut step = [0; LANES];
            for (number, &lane) in step.iter_mut().zip(&walking[..count]) {
                *number = self.numbers[lane];
            }
            self.permutation.permute_bits(&mut step[..count], round);
            let mut left_out = 0;
            for at in 0..count {
                let lane = walking[at];
                self.numbers[lane] = step[at];
                if step[at] >= self.permutation.size {
                    walking[left_out] = lane;
                    left_out += 1;
                }
            }
            count = left_out;
        }
    }
}

#[inline(always)]
fn mask(bits: u32) -> u64 {
    ((1u128 << bits) - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    #[test]
    fn every_small_size_is_permuted() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        for size in (1..=64).chain([1000]) {
            let permutation = Permutation::new(&key, size);
            let mut results: Vec<u128> = (0..size).collect();
            permutation.apply(&mut results);
            results.sort_unstable();
            assert!(results.into_iter().eq(0..size), "{size}");
        }
    }

    #[test]
    fn numbers_become_the_same_alone_and_together() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        for size in [700, 1 << 31, (1 << 62) + 1, 1 << 127] {
            let permutation = Permutation::new(&key, size);
            let numbers: Vec<u128> = (0..20).map(|n| n * (size / 21)).collect();
            let mut together = numbers.clone();
            permutation.apply(&mut together);
            let mut alone = numbers;
            alone.chunks_mut(1).for_each(|number| permutation.apply(number));
            assert_eq!(alone, together, "{size}");
        }
    }
}
