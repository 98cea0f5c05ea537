//! Fingerprints of keys that are no integers.

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::lists::Code;
use crate::key::MasterKey;
use crate::pg::uuid::{TEXT_BYTES, uuid_text};

type Block = aes::Block;

/// How many fingerprints are made at once, so that the cipher has blocks enough that do not wait for one another.
const AT_ONCE: usize = 64;

/// How many bytes of a value are in the first block, after its length.
const FIRST_BYTES: usize = 8;

/// Fingerprints under a key of the run: AES-128 in CBC-MAC over the length and the value, which as a code that no other
/// begins with makes it a pseudo-random function (Bellare, Kilian and Rogaway 2000, "The security of the cipher block
/// chaining message authentication code"). Nobody without the key can make two values that have one.
#[derive(Clone)]
pub struct Fingerprints(Aes128);

impl Fingerprints {
    /// The fingerprints of a run.
    pub fn new(key: &MasterKey) -> Self {
        let bytes = key.fingerprints().subkey("aes-128");
        let mut half = [0; 16];
        half.copy_from_slice(&bytes[..16]);
        Fingerprints(Aes128::new(&Array::from(half)))
    }

    /// The fingerprint of a value.
    pub fn of(&self, value: &[u8]) -> Code {
        let mut state = first_block(value);
        self.0.encrypt_block(&mut state);
        for block in value.get(FIRST_BYTES..).unwrap_or_default().chunks(16) {
            add(&mut state, block);
            self.0.encrypt_block(&mut state);
        }
        code(&state)
    }

    /// The fingerprints of the texts of UUIDs.
    pub fn of_uuids<'u>(&self, uuids: impl Iterator<Item = &'u [u8; 16]>) -> Vec<Code> {
        let texts: Vec<[u8; TEXT_BYTES]> = uuids.map(uuid_text).collect();
        let mut codes = Vec::with_capacity(texts.len());
        let mut states = [Block::default(); AT_ONCE];
        for texts in texts.chunks(AT_ONCE) {
            let states = &mut states[..texts.len()];
            states.iter_mut().zip(texts).for_each(|(state, text)| *state = first_block(text));
            self.0.encrypt_blocks(states);
            for start in (FIRST_BYTES..TEXT_BYTES).step_by(16) {
                let block = start..TEXT_BYTES.min(start + 16);
                states.iter_mut().zip(texts).for_each(|(state, text)| add(state, &text[block.clone()]));
                self.0.encrypt_blocks(states);
            }
            codes.extend(states.iter().map(code));
        }
        codes
    }
}

fn first_block(value: &[u8]) -> Block {
    let mut block = [0; 16];
    block[..8].copy_from_slice(&(value.len() as u64).to_le_bytes());
    let head = &value[..value.len().min(FIRST_BYTES)];
    block[8..8 + head.len()].copy_from_slice(head);
    Array::from(block)
}

fn add(state: &mut Block, block: &[u8]) {
    state.iter_mut().zip(block).for_each(|(state, byte)| *state ^= byte);
}

fn code(state: &Block) -> Code {
    let mut high = [0; 8];
    high.copy_from_slice(&state[..8]);
    Code { high: u64::from_be_bytes(high), low: state[8] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn fingerprints() -> Fingerprints {
        Fingerprints::new(&MasterKey::from_bytes(vec![7; 32]).unwrap())
    }

    #[test]
    fn values_of_any_length_have_fingerprints_of_their_own() {
        let fingerprints = fingerprints();
        let values = (0..100).flat_map(|len| [vec![0; len], vec![1; len], [vec![0; len], vec![1]].concat()]);
        let values: HashSet<Vec<u8>> = values.collect();
        let found: HashSet<Code> = values.iter().map(|value| fingerprints.of(value)).collect();
        assert_eq!(found.len(), values.len());
    }

    #[test]
    fn many_uuids_at_once_have_the_fingerprints_of_their_texts() {
        let fingerprints = fingerprints();
        let uuids: Vec<[u8; 16]> = (0..150_u8).map(|number| [number.wrapping_mul(37); 16]).collect();
        let expected: Vec<Code> = uuids.iter().map(|uuid| fingerprints.of(&uuid_text(uuid))).collect();
        assert_eq!(fingerprints.of_uuids(uuids.iter()), expected);
    }
}
