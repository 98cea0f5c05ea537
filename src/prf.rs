//! The keyed function that masking rests on: a cascade of SHA-256's compression function.

use sha2::block_api::compress256;
use zeroize::Zeroizing;

/// A pseudo-random function: to who does not have its key, its outputs look random and unrelated.
///
/// It is the compression function of SHA-256, keyed by its chaining value, over inputs of which none begins with
/// another. Such a cascade is a pseudo-random function if the compression function is one (Bellare, Canetti and
/// Krawczyk 1996, "Pseudorandom functions revisited"), which is also what HMAC-SHA-256 rests on (Bellare 2006, "New
/// proofs for NMAC and HMAC"). HMAC's second hash makes up for inputs that begin with one another; a length in front
/// does so too, in half the time for values of up to 56 bytes.
#[derive(Clone)]
pub struct Prf {
    key: Zeroizing<[u32; 8]>,
}

/// The block that SHA-256 compresses.
const BLOCK_BYTES: usize = 64;

/// Before the input stands its length in bytes; after it zeros fill the block.
const LENGTH_BYTES: usize = 8;

impl Prf {
    /// The function under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        let word = |at: usize| u32::from_be_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]]);
        Prf { key: Zeroizing::new(std::array::from_fn(|index| word(4 * index))) }
    }

    /// The output for `input`.
    #[inline]
    pub fn of(&self, input: &[u8]) -> [u8; 32] {
        let (first, rest) = input.split_at(input.len().min(BLOCK_BYTES - LENGTH_BYTES));
        let mut block = [0; BLOCK_BYTES];
        block[..LENGTH_BYTES].copy_from_slice(&(input.len() as u64).to_be_bytes());
        block[LENGTH_BYTES..][..first.len()].copy_from_slice(first);
        let mut state = *self.key;
        compress256(&mut state, &[block]);
        for chunk in rest.chunks(BLOCK_BYTES) {
            let mut block = [0; BLOCK_BYTES];
            block[..chunk.len()].copy_from_slice(chunk);
            compress256(&mut state, &[block]);
        }
        let mut output = [0; 32];
        for (bytes, word) in output.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn it_is_sha_256_from_another_initial_value() {
        // The initial hash value (FIPS 180-4, section 5.3.3) as the key: all that is missing to the hash is its padding.
        let initial =
            [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
        let prf = Prf { key: Zeroizing::new(initial) };
        for len in 0..300usize {
            let input = vec![len as u8; len];
            let mut message = (len as u64).to_be_bytes().to_vec();
            message.extend(&input);
            message.resize(message.len().next_multiple_of(64), 0);
            let mut padding = [0; 64];
            padding[0] = 0x80;
            padding[56..].copy_from_slice(&(8 * message.len() as u64).to_be_bytes());
            let mut state = *Prf::new(&prf.of(&input)).key;
            compress256(&mut state, &[padding]);
            let digest: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
            assert_eq!(digest, Sha256::digest(&message)[..], "{len} bytes");
        }
    }

    #[test]
    fn inputs_that_begin_with_one_another_are_unrelated() {
        let prf = Prf::new(&[7; 32]);
        let outputs: std::collections::HashSet<_> = (0..300).map(|len| prf.of(&vec![0; len])).collect();
        assert_eq!(outputs.len(), 300);
    }
}
