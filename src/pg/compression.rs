//! The compressions that dumps come in: gzip, zlib, LZ4 and Zstandard streams, told apart by their first bytes.
//!
//! A stream counts as whole only if it ends where its format says: data cut at the border of a block, or followed by
//! something else, is an error and never a shorter or longer text.

use std::io::{self, BufRead, Read, Write};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

use crate::pg::dump::Compression;
use crate::pg::zlib;

/// The level of Zstandard. Staging archives are written once, read once and deleted: speed counts over size.
const ZSTD_LEVEL: i32 = 1;

/// How a file or a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Not compressed.
    Plain,
    /// gzip (RFC 1952), one member or several.
    Gzip,
    /// zlib (RFC 1950), as custom archives hold it.
    Zlib,
    /// LZ4 frames, one or several.
    Lz4,
    /// Zstandard frames (RFC 8878), one or several.
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

    /// What the files of an archive with that compression are compressed with.
    pub fn of_files(compression: Compression) -> Codec {
        match compression {
            Compression::None => Codec::Plain,
            Compression::Gzip => Codec::Gzip,
            Compression::Lz4 => Codec::Lz4,
            Compression::Zstd => Codec::Zstd,
        }
    }

    /// What the data blocks of a custom archive with that compression are compressed with.
    pub fn of_custom_blocks(compression: Compression) -> Codec {
        match compression {
            Compression::Gzip => Codec::Zlib,
            other => Codec::of_files(other),
        }
    }

    /// The compression of a file that is to be called `name`, such as `x.sql.gz`; `None` if it is no script's name.
    pub fn of_name(name: &str) -> Option<Codec> {
        [Codec::Plain, Codec::Gzip, Codec::Lz4, Codec::Zstd]
            .into_iter()
            .find(|codec| name.ends_with(&format!(".sql{}", codec.extension())))
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

    /// Reads `input` decompressed, to its very end.
    ///
    /// A stream of no bytes at all is read as empty but for gzip: pg_dump leaves one for an empty large object.
    /// Reading fails with `UnexpectedEof` where the stream is cut, and with another kind where it is damaged.
    ///
    /// # Errors
    /// If the decoder cannot be set up, or the first bytes cannot be read.
    pub fn decoder<'a>(self, mut input: impl BufRead + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        let lazy = matches!(self, Codec::Zlib | Codec::Lz4 | Codec::Zstd);
        if lazy && input.fill_buf()?.is_empty() {
            return Ok(Box::new(io::empty()));
        }
        Ok(match self {
            Codec::Plain => Box::new(input),
            Codec::Gzip => Box::new(MultiGzDecoder::new(input)),
            Codec::Zlib => Box::new(ZlibStream(ZlibDecoder::new(input))),
            Codec::Lz4 => Box::new(Lz4Stream::new(input)),
            Codec::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
        })
    }
}

impl Codec {
    /// Compresses `text` into a whole stream: one gzip member, one zlib stream, one frame.
    ///
    /// The same text gives the same bytes. All readers but those of zlib take several such streams as one.
    ///
    /// # Errors
    /// If the encoder fails, which it does on no text.
    pub fn compress(self, text: Vec<u8>) -> io::Result<Vec<u8>> {
        let level = flate2::Compression::new(zlib::LEVEL);
        let room = Vec::with_capacity(text.len() / 2 + 64);
        match self {
            Codec::Plain => Ok(text),
            Codec::Gzip => {
                let mut encoder = GzEncoder::new(room, level);
                encoder.write_all(&text)?;
                encoder.finish()
            }
            Codec::Zlib => {
                let mut encoder = ZlibEncoder::new(room, level);
                encoder.write_all(&text)?;
                encoder.finish()
            }
            Codec::Lz4 => {
                let mut encoder = FrameEncoder::new(room);
                encoder.write_all(&text)?;
                Ok(encoder.finish()?)
            }
            Codec::Zstd => zstd::bulk::compress(&text, ZSTD_LEVEL),
        }
    }
}

/// A zlib stream that nothing follows.
struct ZlibStream<R>(ZlibDecoder<R>);

impl<R: BufRead> Read for ZlibStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.0.get_mut().fill_buf()?.is_empty() {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        Ok(count)
    }
}

/// LZ4 frames, each with its end mark.
///
/// `FrameDecoder` takes the end of its input for the end of a frame. So its input ends with an error instead, and
/// its reading nothing means that the frame's end mark was there. Each frame gets a decoder of its own, as one that is
/// used again relies on all frames having blocks of one size.
struct Lz4Stream<R: BufRead> {
    frame: Option<FrameDecoder<Unending<R>>>,
}

impl<R: BufRead> Lz4Stream<R> {
    fn new(input: R) -> Self {
        Lz4Stream { frame: Some(FrameDecoder::new(Unending(input))) }
    }
}

impl<R: BufRead> Read for Lz4Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            let count = frame.read(buffer).map_err(end_of_input)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(Unending(mut input)) = self.frame.take().map(FrameDecoder::into_inner) else { break };
            if !input.fill_buf()?.is_empty() {
                self.frame = Some(FrameDecoder::new(Unending(input)));
            }
        }
        Ok(0)
    }
}

/// An input whose end is an error of the kind `BrokenPipe`.
struct Unending<R>(R);

impl<R: BufRead> Read for Unending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            count => Ok(count),
        }
    }
}

fn end_of_input(failure: io::Error) -> io::Error {
    match failure.kind() {
        io::ErrorKind::BrokenPipe => io::Error::from(io::ErrorKind::UnexpectedEof),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKED: [Codec; 4] = [Codec::Gzip, Codec::Zlib, Codec::Lz4, Codec::Zstd];

    fn text() -> Vec<u8> {
        (0..30_000u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
    }

    fn read(codec: Codec, stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        codec.decoder(stream)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_script_is_compressed_as_its_name_says() {
        assert_eq!(Codec::of_name("a.sql.zst"), Some(Codec::Zstd));
        assert_eq!(Codec::of_name("a.sql"), Some(Codec::Plain));
        assert_eq!(Codec::of_name("a.txt"), None);
    }

    #[test]
    fn a_stream_is_read_as_it_was_written() {
        for codec in PACKED.into_iter().chain([Codec::Plain]) {
            let stream = codec.compress(text()).unwrap();
            assert!(read(codec, &stream).unwrap() == text(), "{codec:?}");
            assert_eq!(Codec::of_file(&stream) == codec, codec != Codec::Zlib);
        }
    }

    #[test]
    fn streams_one_after_another_are_one_text() {
        for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
            let stream = [codec.compress(text()), codec.compress(vec![b'x'; 9]), codec.compress(Vec::new())];
            let stream = stream.into_iter().map(Result::unwrap).collect::<Vec<_>>().concat();
            assert!(read(codec, &stream).unwrap() == [text(), vec![b'x'; 9]].concat(), "{codec:?}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_anywhere_is_an_error() {
        for codec in PACKED {
            let stream = codec.compress(text()[..300].to_vec()).unwrap();
            for bytes in 1..stream.len() {
                assert!(read(codec, &stream[..bytes]).is_err(), "{codec:?} cut to {bytes} bytes");
            }
        }
    }

    #[test]
    fn a_stream_that_something_follows_is_an_error() {
        for codec in PACKED {
            let mut stream = codec.compress(text()).unwrap();
            stream.extend([0; 7]);
            assert!(read(codec, &stream).is_err(), "{codec:?}");
        }
    }
}
