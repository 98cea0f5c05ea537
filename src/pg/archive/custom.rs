//! The data blocks of a custom archive: a kind, the id of the entry, then chunks, each after its length.
//!
//! The layout is that of pg_backup_custom.c. A block of rows has one series of chunks, ended by the length 0; a block of
//! large objects has an oid and such a series for each, ended by the oid 0. The chunks of a series are one stream.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};

use super::wire::{Widths, WireReader};
use crate::error::{Error, Result};
use crate::pg::random_access::{Input, RandomAccess, read_from};
use crate::pg::stream::{Position, error, io_error};

/// The kind of a block that holds rows.
pub const ROWS_BLOCK: u8 = 1;
/// The kind of a block that holds large objects.
pub const LARGE_OBJECTS_BLOCK: u8 = 3;

/// A chunk longer than this is skipped by opening the file behind it.
const SEEK_BYTES: u64 = 1 << 20;

/// A custom archive's file, and how it is laid out.
pub struct CustomFile<'a> {
    /// Its name, for messages.
    pub name: &'a str,
    /// Its bytes.
    pub access: &'a dyn RandomAccess,
    /// How wide its integers are.
    pub widths: Widths,
}

impl CustomFile<'_> {
    /// Reads from the byte `byte` on.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn wire_at(&self, byte: u64) -> Result<WireReader<Input>> {
        let position = Position::new(self.name, byte);
        let end = self.access.len();
        if byte > end {
            return Err(position.cut_short("the archive ends before this data"));
        }
        let input = read_from(self.access, byte).map_err(|failure| Error::read(&failure).at(&position))?;
        Ok(WireReader::new(input, position, end, self.widths))
    }

    /// Opens the block at `byte`, which must be of the kind `kind` and of the entry `id`.
    ///
    /// # Errors
    /// If it is not.
    pub fn open_block(&self, byte: u64, kind: u8, id: i32) -> Result<WireReader<Input>> {
        let mut wire = self.wire_at(byte)?;
        if wire.byte()? != kind || wire.int()? != id {
            return Err(wire.position().damaged("the archive has other data here than its contents say"));
        }
        Ok(wire)
    }

    /// Where the blocks are, by the ids of their entries, found by walking from the first one at `byte`.
    ///
    /// # Errors
    /// If the blocks are damaged or cut short.
    pub fn find_blocks(&self, byte: u64) -> Result<HashMap<i32, u64>> {
        let mut blocks = HashMap::new();
        let mut wire = self.wire_at(byte)?;
        loop {
            let start = wire.position().byte();
            let Some(kind) = wire.byte_or_end()? else { return Ok(blocks) };
            let id = wire.int()?;
            match kind {
                ROWS_BLOCK => wire = self.skip_chunks(wire)?,
                LARGE_OBJECTS_BLOCK => {
                    while wire.oid()? != 0 {
                        wire = self.skip_chunks(wire)?;
                    }
                }
                _ => return Err(wire.position().damaged("the archive holds data of an unknown kind")),
            }
            blocks.insert(id, start);
        }
    }

    fn skip_chunks(&self, mut wire: WireReader<Input>) -> Result<WireReader<Input>> {
        loop {
            let length = wire.length()?;
            match length {
                0 => return Ok(wire),
                SEEK_BYTES.. => wire = self.wire_at(wire.position().byte() + length)?,
                _ => {
                    let skipped = io::copy(&mut wire.input().take(length), &mut io::sink());
                    let skipped = skipped.map_err(|failure| Error::read(&failure).at(wire.position()))?;
                    if skipped < length {
                        return Err(wire.position().cut_short("the archive ends inside its data"));
                    }
                }
            }
        }
    }
}

/// A series of chunks as one stream. Behind its end, [`Chunks::into_wire`] reads on.
pub struct Chunks<R> {
    wire: WireReader<R>,
    /// What is left of the current chunk.
    left: u64,
    ended: bool,
}

impl<R: BufRead> Chunks<R> {
    /// Reads the chunks that `wire` stands before.
    pub fn new(wire: WireReader<R>) -> Self {
        Chunks { wire, left: 0, ended: false }
    }

    /// How far the file has been read.
    pub fn position(&self) -> &Position {
        self.wire.position()
    }

    /// Skips what was not read, and reads on behind the chunks.
    ///
    /// # Errors
    /// If the chunks are damaged or cut short.
    pub fn into_wire(mut self) -> Result<WireReader<R>> {
        io::copy(&mut self, &mut io::sink()).map_err(error)?;
        Ok(self.wire)
    }
}

impl<R: BufRead> BufRead for Chunks<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 && !self.ended {
            self.left = self.wire.length().map_err(io_error)?;
            self.ended = self.left == 0;
        }
        if self.ended {
            return Ok(&[]);
        }
        if self.wire.input().fill_buf()?.is_empty() {
            return Err(io_error(self.wire.position().cut_short("the archive ends inside its data")));
        }
        let available = self.wire.input().fill_buf()?;
        let count = available.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        Ok(&available[..count])
    }

    fn consume(&mut self, count: usize) {
        self.wire.input().consume(count);
        self.left -= count as u64;
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
