//! A keyed permutation of the numbers below a bound, for identifiers.

use aes::Aes256;
use aes::cipher::KeyInit;

use super::blocks::{self, BlockWork};
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

    /// What `number`, which is below the size, becomes.
    pub fn apply(&self, number: u128) -> u128 {
        let mut result = number;
        blocks::run(&self.cipher, Walk { permutation: self, number: &mut result });
        result
    }

    #[inline(always)]
    fn permute_bits(&self, number: u128, round: impl Fn(u8, u128) -> u128) -> u128 {
        let (left_mask, right_mask) = (mask(self.left_bits), mask(self.right_bits));
        let (mut left, mut right) = (number >> self.right_bits, number & right_mask);
        for index in (0..ROUNDS).step_by(2) {
            left ^= round(index, right) & left_mask;
            right ^= round(index + 1, left) & right_mask;
        }
        left << self.right_bits | right
    }
}

/// The walk of one number, to where the result is in range.
struct Walk<'a> {
    permutation: &'a Permutation,
    number: &'a mut u128,
}

impl BlockWork for Walk<'_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        let round = |index: u8, half: u128| encrypt(u128::from(index) << 120 | half);
        loop {
            *self.number = self.permutation.permute_bits(*self.number, round);
            if *self.number < self.permutation.size {
                return;
            }
        }
    }
}

#[inline(always)]
fn mask(bits: u32) -> u128 {
    (1 << bits) - 1
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
            let mut results: Vec<u128> = (0..size).map(|number| permutation.apply(number)).collect();
            results.sort_unstable();
            assert!(results.into_iter().eq(0..size), "{size}");
        }
    }
}
