//! Compressed blocks, and how they are joined into what `pg_restore` takes for one stream.

use crate::error::{Error, Result};
use crate::pg::compression::Codec;
use crate::pg::dump::Compression;
use crate::pg::zlib::{self, Deflated};
use crate::target::Encoded;

/// Whether compressed blocks are chunks of a custom archive or pieces of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Chunks of a custom archive.
    Chunks,
    /// Pieces of a file in a directory.
    Files,
}

/// Custom archives take one zlib stream an entry; in all else each block is a stream of its own.
///
/// # Errors
/// If the encoder fails.
pub fn encode(text: Vec<u8>, compression: Compression, framing: Framing) -> Result<Encoded> {
    if compression == Compression::Gzip && framing == Framing::Chunks {
        return Ok(Encoded::Deflated(Deflated::new(&text)));
    }
    let compressed = Codec::of_files(compression).compress(text);
    compressed.map(Encoded::Bytes).map_err(|failure| Error::write(&failure))
}

/// Joins the compressed blocks of an entry.
pub struct Pieces {
    compression: Compression,
    framing: Framing,
    /// The checksum of a zlib stream, from its first block on.
    trailer: Option<zlib::Trailer>,
    is_empty: bool,
}

impl Pieces {
    /// Joins nothing yet.
    pub fn new(compression: Compression, framing: Framing) -> Pieces {
        Pieces { compression, framing, trailer: None, is_empty: true }
    }

    /// Adds the next block, by `append`.
    ///
    /// # Errors
    /// If `append` fails, or the block is of another target's form.
    pub fn add(&mut self, encoded: Encoded, append: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.is_empty = false;
        match encoded {
            Encoded::Bytes(bytes) => append(&bytes),
            Encoded::Deflated(block) => {
                self.start_zlib(append)?.add(&block);
                append(&block.bytes)
            }
            _ => Err(Error::staging("an archive takes no rows of another target's form")),
        }
    }

    fn start_zlib(&mut self, append: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<&mut zlib::Trailer> {
        if self.trailer.is_none() {
            append(&zlib::HEADER)?;
        }
        Ok(self.trailer.get_or_insert_default())
    }

    /// Adds `text` and ends the stream, which is a whole one even if it is empty.
    ///
    /// # Errors
    /// If `append` fails.
    pub fn end(&mut self, text: &[u8], append: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if !text.is_empty() || self.is_empty {
            self.add(encode(text.to_vec(), self.compression, self.framing)?, append)?;
        }
        match &self.trailer {
            Some(trailer) => append(&trailer.bytes()),
            None => Ok(()),
        }
    }
}
