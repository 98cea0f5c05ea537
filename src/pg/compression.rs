//! The compressions that dumps come in: gzip, zlib, LZ4 and Zstandard streams, told apart by their first bytes.

use std::io::{self, BufRead, Read, Write};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

/// How a file or a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not compressed.
    Plain,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// zlib (RFC 1950), as custom archives hold it.
    Zlib,
    /// LZ4 frames.
    Lz4,
    /// Zstandard frames (RFC 8878).
    Zstd,
}

impl Codec {
    /// What a file that starts with `head` is compressed with. Never [`Codec::Zlib`], which has no clear mark.
    pub fn of_file(head: &[u8]) -> Codec {
        match head {
            [0x1f, 0x8b, ..] => Codec::Gzip,
            [0x04, 0x22, 0x4d, 0x18, ..] => Codec::Lz4,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Codec::Zstd,
            _ => Codec::Plain,
        }
    }

    /// The ending of file names, such as `.gz`; empty for plain ones.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Plain | Codec::Zlib => "",
            Codec::Gzip => ".gz",
            Codec::Lz4 => ".lz4",
            Codec::Zstd => ".zst",
        }
    }

    /// Reads `input` decompressed.
    ///
    /// # Errors
    /// If the decoder cannot be set up.
    pub fn decoder<'a>(self, input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Codec::Plain => Box::new(input),
            Codec::Gzip => Box::new(MultiGzDecoder::new(input)),
            Codec::Zlib => Box::new(ZlibDecoder::new(input)),
            Codec::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(input)),
            Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
        })
    }
    /// `bytes` as a whole compressed stream, so that the sequence of several is a file that common tools read as one.
    ///
    /// The levels are the fast ones: a staging load is read once or twice and then thrown away.
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
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect(INFALLIBLE);
                encoder.finish().expect(INFALLIBLE)
            }
            Codec::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).expect(INFALLIBLE),
        }
    }
}

/// The gzip level of what is written.
pub const GZIP_LEVEL: u32 = 3;
/// The Zstandard level of what is written.
pub const ZSTD_LEVEL: i32 = 1;
