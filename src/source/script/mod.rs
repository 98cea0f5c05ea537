//! Plain scripts of pg_dump and pg_dumpall, from a file or spooled from a stream.
//!
//! A script has no table of contents, so it is read twice: once to find its statements and where its rows are, and
//! once for the rows.

mod blocks;
mod decoding;
mod index;

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Place, Result};
use crate::pg::compression::Codec;
use crate::pg::dump::{Compression, Dump};
use crate::pg::insert::{InsertOptions, insert_reader};
use crate::pg::script::{Extent, read_error};
use crate::source::spool::{FileInput, RandomAccess, Spool};
use crate::source::{BlockReader, DataPart, Source};
use decoding::Decoding;
use index::{Form, Index, index};

/// Where a script comes from.
pub struct Input {
    name: String,
    bytes: Box<dyn RandomAccess>,
}

impl Input {
    /// The file at `path`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it cannot be read.
    pub fn file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = FileInput::open(path).map_err(|error| Error::read(&error).at(&name))?;
        Ok(Input { name, bytes: Box::new(file) })
    }

    /// A stream that was spooled; `name` is for messages, such as `standard input`.
    pub fn spool(name: impl Into<String>, spool: Spool) -> Self {
        Input { name: name.into(), bytes: Box::new(spool) }
    }
}

/// An open script.
pub struct ScriptSource {
    input: Input,
    decoding: Decoding,
    index: Index,
    /// Where the script cannot be sought in: the stream, at the place where the last reader left it.
    stream: Mutex<Option<Stream>>,
}

/// The decoded text, read up to `offset`.
struct Stream {
    text: Box<dyn Read + Send>,
    offset: u64,
}

impl ScriptSource {
    /// Reads the whole script in `input` once.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with file, line and byte if it is damaged, cut short, of several
    /// databases, or carries rows in a form that is not read.
    pub fn open(input: Input) -> Result<Self> {
        let read = || {
            let decoding = Decoding::of(&*input.bytes)?;
            let mut index = index(decoding.open(&*input.bytes, 0)?, decoding.transcoder)?;
            index.dump.compression = compression(decoding.codec);
            Ok((decoding, index))
        };
        let (decoding, index) = read().map_err(|error: Error| error.at(&input.name))?;
        Ok(ScriptSource { input, decoding, index, stream: Mutex::new(None) })
    }

    /// What of the script is not in its entries, in words for the plan.
    pub fn notes(&self) -> &[String] {
        &self.index.notes
    }

    /// The statements of a large objects' entry (`BLOBS`) as they are in the script; `None` for other entries.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the script cannot be read.
    pub fn large_objects(&self, entry: i32) -> Result<Option<Box<dyn Read + Send + '_>>> {
        match self.index.large_objects.get(&entry) {
            Some(extent) => Ok(Some(self.read_extent(*extent)?)),
            None => Ok(None),
        }
    }

    /// Reads the bytes of `extent`.
    fn read_extent(&self, extent: Extent) -> Result<Box<dyn Read + Send + '_>> {
        let length = extent.end - extent.start;
        let place = |error: Error| error.at(&self.input.name);
        if self.decoding.is_seekable() {
            let text = self.decoding.open(&*self.input.bytes, extent.start).map_err(place)?;
            return Ok(Box::new(text.take(length)));
        }
        let left = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut stream = match left {
            Some(stream) if stream.offset <= extent.start => stream,
            _ => Stream { text: self.decoding.open(&*self.input.bytes, 0).map_err(place)?, offset: 0 },
        };
        let skipped = extent.start - stream.offset;
        let mut text = stream.text.by_ref().take(skipped);
        let count = io::copy(&mut text, &mut io::sink()).map_err(|error| place(read_error(&error)))?;
        if count < skipped {
            return Err(place(Error::snapshot("the script has become shorter while it was read")));
        }
        stream.offset = extent.start;
        Ok(Box::new(Lent { home: &self.stream, stream: Some(stream), end: extent.end }))
    }
}

impl Source for ScriptSource {
    fn dump(&self) -> &Dump {
        &self.index.dump
    }

    fn data(&self) -> &[DataPart] {
        &self.index.parts
    }

    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>> {
        let (part, place) = (&self.index.parts[index], self.index.places[index]);
        let text = self.read_extent(place.extent)?;
        let table = Place::table(&part.target.table);
        let name = Place::file(format!("{}, {table}", self.input.name));
        Ok(match place.form {
            Form::Copy => blocks::cut(text, block_bytes, name),
            Form::Insert { backslashes } => insert_reader(
                text,
                InsertOptions {
                    target: part.target.clone(),
                    backslashes,
                    block_bytes,
                    place: name,
                    line: place.extent.line,
                },
            ),
        })
    }

    fn is_seekable(&self) -> bool {
        self.decoding.is_seekable()
    }
}

/// The stream while a reader has it; dropped, it goes back for the next one.
struct Lent<'a> {
    home: &'a Mutex<Option<Stream>>,
    stream: Option<Stream>,
    end: u64,
}

impl Read for Lent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let left = usize::try_from(self.end - stream.offset).unwrap_or(usize::MAX).min(buffer.len());
        let count = stream.text.read(&mut buffer[..left])?;
        stream.offset += count as u64;
        Ok(count)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::Plain => Compression::None,
        Codec::Gzip | Codec::Zlib => Compression::Gzip,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
