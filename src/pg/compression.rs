//! The compressions that dumps come in: gzip, zlib, LZ4 and Zstandard streams, told apart by their first bytes.

use std::io::{self, BufRead, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

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
}
