//! Byte streams that know their place: a failure deep inside a stack of readers comes out with file and byte.
//!
//! `std::io::Read` fails with an `io::Error`, which says neither. So the reader at the bottom counts what is taken
//! from the file ([`Counted`]), and the one at the top turns a failure into an [`Error`] with that place ([`Located`]).
//! It travels on inside an `io::Error`, and [`error`] takes it out again.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Place};

/// The hint for data that ends too early.
pub const CUT_SHORT: &str = "the file is cut short; take the snapshot again";
/// The hint for data that cannot be right.
pub const DAMAGED: &str = "the file is damaged; take the snapshot again";

/// The hint for data that its decoder refuses, be it one of compression or of text.
const DAMAGED_OR_OTHER_ENCODING: &str =
    "the file is damaged, or not in the encoding that it names; take the snapshot again";

/// How far a file has been read; clones share the count.
#[derive(Clone)]
pub struct Position {
    file: Arc<str>,
    byte: Arc<AtomicU64>,
}

impl Position {
    /// The byte `byte` of the file `file`.
    pub fn new(file: &str, byte: u64) -> Self {
        Position { file: file.into(), byte: Arc::new(AtomicU64::new(byte)) }
    }

    /// The next byte to read, from 0.
    pub fn byte(&self) -> u64 {
        self.byte.load(Ordering::Relaxed)
    }

    fn advance(&self, bytes: usize) {
        self.byte.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An error that the snapshot is not as it should be, at this place.
    pub fn damaged(&self, what: impl Into<String>) -> Error {
        Error::snapshot(what).at(self).hint(DAMAGED)
    }

    /// An error that the snapshot ends too early, at this place.
    pub fn cut_short(&self, what: impl Into<String>) -> Error {
        Error::snapshot(what).at(self).hint(CUT_SHORT)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Place::file(&self.file).byte(self.byte()).fmt(out)
    }
}

/// Counts what is read from `input` in a [`Position`].
pub struct Counted<R> {
    input: R,
    position: Position,
}

impl<R> Counted<R> {
    /// Reads `input`, whose first byte is at `position`.
    pub fn new(input: R, position: Position) -> Self {
        Counted { input, position }
    }

    /// The count.
    pub fn position(&self) -> &Position {
        &self.position
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.position.advance(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.position.advance(count);
    }
}

/// Reads `input`, and gives its failures the place of the file below it.
pub struct Located<R> {
    input: R,
    position: Position,
    damage: &'static str,
}

impl<R> Located<R> {
    /// Reads `input`, which decompresses bytes from the file that `position` counts.
    pub fn decompressed(input: R, position: Position) -> Self {
        Located { input, position, damage: COMPRESSED }
    }

    /// Reads `input`, which turns text from the file that `position` counts into UTF-8.
    pub fn transcoded(input: R, position: Position) -> Self {
        Located { input, position, damage: "text is not in the dump's encoding" }
    }
}

impl<R: Read> Read for Located<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer).map_err(|failure| match failure.kind() {
            io::ErrorKind::Interrupted => failure,
            _ => io::Error::other(explain(failure, &self.position, self.damage)),
        })
    }
}

/// The error that setting up a decompressor failed with, at `position`.
pub fn decoder_error(failure: io::Error, position: &Position) -> Error {
    explain(failure, position, COMPRESSED)
}

const COMPRESSED: &str = "the compressed data is damaged";

fn explain(failure: io::Error, position: &Position, damage: &str) -> Error {
    if carries_ours(&failure) {
        return error(failure);
    }
    match failure.kind() {
        _ if failure.raw_os_error().is_some() => Error::read(&failure).at(position),
        io::ErrorKind::UnexpectedEof => position.cut_short("the data ends early"),
        _ => position.damaged(damage),
    }
}

fn carries_ours(failure: &io::Error) -> bool {
    failure.get_ref().is_some_and(|inner| inner.is::<Error>())
}

/// The error that a reader of the snapshot failed with: that of a stream of this module, or of a foreign one only its
/// kind, with a hint where the reason is known.
pub fn error(failure: io::Error) -> Error {
    if !carries_ours(&failure) {
        let report = Error::read(&failure);
        return match failure.kind() {
            io::ErrorKind::UnexpectedEof => report.hint(CUT_SHORT),
            // Decompressors call data that is none of theirs invalid input.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                report.hint(DAMAGED_OR_OTHER_ENCODING)
            }
            _ => report,
        };
    }
    match failure.into_inner().map(|inner| inner.downcast::<Error>()) {
        Some(Ok(error)) => *error,
        _ => Error::snapshot("cannot read the snapshot"),
    }
}

/// `error`, to travel through `std::io::Read`.
pub fn io_error(error: Error) -> io::Error {
    io::Error::other(error)
}
