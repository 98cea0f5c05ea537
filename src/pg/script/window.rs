//! A window that slides over a stream: the bytes that are read and not yet used, with their place in the stream.

use std::io::{self, Read};

use memchr::memchr_iter;

use super::lexer::{Close, Delimiter, Lexeme, lex};

/// The least number of bytes that the window has room for.
const WINDOW_BYTES: usize = 256 * 1024;

/// The bytes of a stream from [`Window::offset`] on, as far as they are read.
pub struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    line: u64,
    at_end: bool,
}

impl<R: Read> Window<R> {
    /// A window at the start of `input`, whose place is `offset` bytes and `line` lines (from 1) into its file.
    pub fn new(input: R, offset: u64, line: u64) -> Self {
        Window { input, buffer: vec![0; WINDOW_BYTES], start: 0, end: 0, offset, line, at_end: false }
    }

    /// The bytes in the window; empty at the end of the stream and before the first [`Window::fill`].
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether the window reaches the end of the stream.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// The offset of the window's first byte.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The line of the window's first byte, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads on: the window gets at least one byte longer, or is at the end of the stream.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        // At least as much again, so that a lexeme of any length is looked at a few times only.
        let enough = (self.end * 2).clamp(1, self.buffer.len());
        while self.end < enough && !self.at_end {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The lexeme at the window's start and its length, or that of its opening; `None` at the end of the stream.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn lexeme(&mut self, backslashes: bool) -> io::Result<Option<(Lexeme, usize)>> {
        loop {
            match lex(self.bytes(), self.at_end, backslashes) {
                Some(found) => return Ok(Some(found)),
                None if self.at_end => return Ok(None),
                None => self.fill()?,
            }
        }
    }

    /// Passes over the rest of a delimited lexeme, whose opening is consumed; false if it has no end.
    ///
    /// `each` gets it in pieces, and whether a piece is the last one, which ends with the closing delimiter.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn close(&mut self, mut delimiter: Delimiter, mut each: impl FnMut(&[u8], bool)) -> io::Result<bool> {
        loop {
            let (length, is_last) = match delimiter.close(self.bytes(), self.at_end) {
                Close::Closed(length) => (length, true),
                Close::Open(_) if self.at_end => return Ok(false),
                Close::Open(length) => (length, false),
            };
            each(&self.bytes()[..length], is_last);
            self.consume(length);
            if is_last {
                return Ok(true);
            }
            self.fill()?;
        }
    }

    /// Moves the window `count` bytes on, which must be in it.
    pub fn consume(&mut self, count: usize) {
        let used = &self.buffer[self.start..self.start + count];
        // Most lexemes are shorter than what a vector search is worth.
        self.line += if used.len() < 32 {
            used.iter().filter(|byte| **byte == b'\n').count() as u64
        } else {
            memchr_iter(b'\n', used).count() as u64
        };
        self.start += count;
        self.offset += count as u64;
    }
}
