//! Compressing what is written: whole streams of one block each, so that blocks can be compressed on many threads.

use std::io::Write;

use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::FrameEncoder;

use crate::pg::compression::Codec;

/// The gzip level of what is written: a staging load is read once or twice, so speed goes before size.
pub const GZIP_LEVEL: u32 = 3;

/// The Zstandard level of what is written, chosen as the gzip level is.
pub const ZSTD_LEVEL: i32 = 1;

impl Codec {
    /// The compression of a file that is to be called `name`, such as `x.sql.gz`; `None` if it is no script's name.
    pub fn of_name(name: &str) -> Option<Codec> {
        [Codec::Plain, Codec::Gzip, Codec::Lz4, Codec::Zstd]
            .into_iter()
            .find(|codec| name.ends_with(&format!(".sql{}", codec.extension())))
    }

    /// `bytes` as a whole compressed stream. The sequence of several is a file that common tools read as one.
    pub fn compress_block(self, bytes: &[u8]) -> Vec<u8> {
        const INFALLIBLE: &str = "writing to memory does not fail";
        match self {
            Codec::Plain => bytes.to_vec(),
            Codec::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes).expect(INFALLIBLE);
                encoder.finish().expect(INFALLIBLE)
            }
            Codec::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes).expect(INFALLIBLE);
                encoder.finish().expect(INFALLIBLE)
            }
            Codec::Lz4 => {
                let mut encoder = FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect(INFALLIBLE);
                encoder.finish().expect(INFALLIBLE)
            }
            Codec::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).expect(INFALLIBLE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_sequence_of_blocks_is_read_as_one() {
        for codec in [Codec::Plain, Codec::Gzip, Codec::Lz4, Codec::Zstd] {
            let file = [codec.compress_block(b"one\n"), codec.compress_block(b"two\n")].concat();
            let mut text = String::new();
            codec.decoder(&file[..]).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n", "{codec:?}");
        }
    }

    #[test]
    fn a_script_is_compressed_as_its_name_says() {
        assert_eq!(Codec::of_name("a.sql.zst"), Some(Codec::Zstd));
        assert_eq!(Codec::of_name("a.sql"), Some(Codec::Plain));
        assert_eq!(Codec::of_name("a.txt"), None);
    }
}
