//! One zlib stream (RFC 1950) out of blocks that are compressed apart, on any thread.
//!
//! A reader of custom archives takes one stream an entry, and no more. So each block is raw deflate data that ends on a
//! byte (a sync flush) and refers to nothing before it; the stream is the header, the blocks in order, an empty last
//! block, and the Adler-32 checksum of all, combined from those of the blocks.

use flate2::{Compress, Compression, FlushCompress};

/// The level of zlib and gzip. Staging archives are written once, read once and deleted: speed counts over size.
pub const LEVEL: u32 = 1;

/// What starts a stream: deflate with a window of 32 KiB, no dictionary, the fastest level.
pub const HEADER: [u8; 2] = [0x78, 0x01];

/// The checksum of no bytes.
const ADLER_OF_NOTHING: u32 = 1;
/// The modulus of Adler-32: the largest prime below 2¹⁶.
const MODULUS: u32 = 65_521;
/// As many bytes as can be summed up before a sum of Adler-32 has more than 32 bits.
const SUMMED_BYTES: usize = 5552;

/// A block of a stream.
pub struct Deflated {
    /// The compressed bytes.
    pub bytes: Vec<u8>,
    /// The checksum of the block's text.
    adler32: u32,
    /// The length of the block's text.
    text_bytes: u64,
}

impl Deflated {
    /// Compresses a block.
    pub fn new(text: &[u8]) -> Deflated {
        let mut compress = Compress::new(Compression::new(LEVEL), false);
        let mut bytes = Vec::with_capacity(text.len() / 2 + 64);
        loop {
            let taken = usize::try_from(compress.total_in()).expect("no more is taken than was given");
            compress
                .compress_vec(&text[taken..], &mut bytes, FlushCompress::Sync)
                .expect("deflate fails on no text");
            // Room that is left over says that the flush is complete.
            if bytes.len() < bytes.capacity() {
                break;
            }
            bytes.reserve(bytes.capacity() / 2);
        }
        Deflated { bytes, adler32: adler32(text), text_bytes: text.len() as u64 }
    }
}

/// What a stream needs to know of its blocks for its end.
pub struct Trailer {
    adler32: u32,
}

impl Default for Trailer {
    fn default() -> Self {
        Trailer { adler32: ADLER_OF_NOTHING }
    }
}

impl Trailer {
    /// Adds the next block.
    pub fn add(&mut self, block: &Deflated) {
        self.adler32 = combine(self.adler32, block.adler32, block.text_bytes);
    }

    /// The bytes that end the stream: an empty last block, and the checksum with its highest byte first.
    pub fn bytes(&self) -> [u8; 6] {
        let [a, b, c, d] = self.adler32.to_be_bytes();
        [0x03, 0x00, a, b, c, d]
    }
}

fn adler32(text: &[u8]) -> u32 {
    let (mut low, mut high) = (1, 0);
    for run in text.chunks(SUMMED_BYTES) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

/// The checksum of a text of which `first` is that of the beginning, and `second` that of the remaining bytes.
fn combine(first: u32, second: u32, second_bytes: u64) -> u32 {
    let modulus = u64::from(MODULUS);
    let split = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
    let ((low_first, high_first), (low_second, high_second)) = (split(first), split(second));
    // Both low sums start at 1, of which one is too many; the first low sum is in the high sum once for each byte.
    let low = (low_first + low_second + modulus - 1) % modulus;
    let carried = (second_bytes % modulus) * ((low_first + modulus - 1) % modulus);
    let high = (high_first + high_second + carried) % modulus;
    u32::try_from(high << 16 | low).expect("both sums are below 2¹⁶")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_adler_32() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 100_000]), 0x149a_302c);
    }

    proptest! {
        #[test]
        fn blocks_make_one_stream(blocks in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut stream = HEADER.to_vec();
            let mut trailer = Trailer::default();
            for block in &blocks {
                let block = Deflated::new(block);
                trailer.add(&block);
                stream.extend(block.bytes);
            }
            stream.extend(trailer.bytes());
            let mut text = Vec::new();
            flate2::bufread::ZlibDecoder::new(&stream[..]).read_to_end(&mut text).unwrap();
            prop_assert_eq!(text, blocks.concat());
        }
    }
}
