//! AES on blocks as numbers, with the choice of the CPU's instructions made once for many blocks.
//!
//! The `aes` crate chooses at every call; a block in a chain takes less than half the time when it need not.

use aes::cipher::consts::U16;
use aes::cipher::{Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};

/// Work that encrypts several blocks.
pub trait BlockWork {
    /// Does it; `encrypt` takes and gives a big-endian block. To be `#[inline(always)]`, and what it calls as well:
    /// only code inlined here may use the instructions that were chosen.
    fn run(self, encrypt: impl Fn(u128) -> u128);
}

/// Does `work` with `cipher`.
#[inline(always)]
pub fn run(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, work: impl BlockWork) {
    cipher.encrypt_with_backend(Closure(work));
}

struct Closure<W>(W);

impl<W> BlockSizeUser for Closure<W> {
    type BlockSize = U16;
}

impl<W: BlockWork> BlockCipherEncClosure for Closure<W> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.0.run(|block: u128| {
            let mut block = Block::<Self>::from(block.to_be_bytes());
            backend.encrypt_block((&mut block).into());
            u128::from_be_bytes(block.into())
        });
    }
}
