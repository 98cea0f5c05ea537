//! What lies between a script's file and its text: compression, a byte order mark, Windows' line ends, an encoding.

use std::io::{self, BufReader, Read};

use memchr::{memchr, memchr_iter};

use crate::error::{Error, Result};
use crate::pg::compression::Codec;
use crate::pg::encoding::{Transcoder, transcoder};
use crate::pg::random_access::RandomAccess;
use crate::pg::script::statement;
use crate::pg::stream;

/// How many bytes of the text are looked at for line ends and encoding.
const HEAD_BYTES: u64 = 64 * 1024;

/// The size of reads from the file, in bytes.
const READ_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a script's file becomes its text.
#[derive(Clone, Copy, Debug)]
pub struct Decoding {
    /// How the file is compressed.
    pub codec: Codec,
    /// How many bytes of byte order mark come first.
    mark_bytes: usize,
    has_windows_line_ends: bool,
    /// What turns the text into UTF-8; `None` where it is that.
    pub transcoder: Option<Transcoder>,
}

impl Decoding {
    /// Tells it from the beginning of `input`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read or is in UTF-16, or its encoding is
    /// not read.
    pub fn of(input: &dyn RandomAccess) -> Result<Decoding> {
        let mut magic = Vec::new();
        let file = input.reader_at(0).map_err(|error| Error::read(&error))?;
        file.take(8).read_to_end(&mut magic).map_err(|error| Error::read(&error))?;
        let codec = Codec::of_file(&magic);
        let mut decoding = Decoding { codec, mark_bytes: 0, has_windows_line_ends: false, transcoder: None };
        let mut head = Vec::new();
        let text = decoding.open(input, 0)?;
        text.take(HEAD_BYTES).read_to_end(&mut head).map_err(stream::error)?;
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] = head[..] {
            return Err(Error::snapshot("the script is in UTF-16, not in UTF-8").hint(
                "let pg_dump write the file itself with `--file`; PowerShell's `>` changes its encoding",
            ));
        }
        if head.starts_with(BYTE_ORDER_MARK) {
            decoding.mark_bytes = BYTE_ORDER_MARK.len();
        }
        decoding.has_windows_line_ends =
            memchr(b'\n', &head).is_some_and(|end| end > 0 && head[end - 1] == b'\r');
        decoding.transcoder = match client_encoding(&head) {
            Some(name) => transcoder(&name)?,
            None => None,
        };
        Ok(decoding)
    }

    /// Whether the text is the file's bytes as they are, so that any part of it can be read at once.
    pub fn is_seekable(&self) -> bool {
        self.codec == Codec::Plain && !self.has_windows_line_ends && self.transcoder.is_none()
    }

    /// Reads the text from its byte `offset` on, which must be 0 if the decoding is not seekable.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read.
    pub fn open(&self, input: &dyn RandomAccess, offset: u64) -> Result<Box<dyn Read + Send>> {
        let from = if self.is_seekable() { self.mark_bytes as u64 + offset } else { 0 };
        let file = input.reader_at(from).map_err(|error| Error::read(&error))?;
        if self.is_seekable() {
            return Ok(file);
        }
        let mut text =
            self.codec.decoder(BufReader::with_capacity(READ_BYTES, file)).map_err(stream::error)?;
        let mut mark = [0; BYTE_ORDER_MARK.len()];
        text.read_exact(&mut mark[..self.mark_bytes]).map_err(stream::error)?;
        if self.has_windows_line_ends {
            text = Box::new(UnixLineEnds { input: text, buffer: Vec::new(), at: 0, holds_return: false });
        }
        Ok(match &self.transcoder {
            Some(transcoder) => transcoder.reader(text),
            None => text,
        })
    }
}

/// The encoding that a line `SET client_encoding = …` in `head` names.
fn client_encoding(head: &[u8]) -> Option<String> {
    head.split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"SET client_encoding"))
        .find_map(|line| statement::setting(std::str::from_utf8(line).ok()?))
        .map(|(_, name)| name)
}

/// Removes the `\r` before each `\n`, one of them only: what writing in Windows' text mode added.
struct UnixLineEnds {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at: usize,
    /// Whether the last byte read was a `\r`, which is given when the next one is known.
    holds_return: bool,
}

impl Read for UnixLineEnds {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.buffer.len() {
            let mut bytes = vec![0; HEAD_BYTES as usize];
            let count = match self.input.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.buffer.clear();
            self.at = 0;
            if count == 0 && !self.holds_return {
                return Ok(0);
            }
            self.append(&bytes[..count]);
        }
        let count = buffer.len().min(self.buffer.len() - self.at);
        buffer[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl UnixLineEnds {
    /// Appends `bytes`, or at the end (no bytes) what was held back, to the buffer.
    fn append(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.holds_return) && bytes.first() != Some(&b'\n') {
            self.buffer.push(b'\r');
        }
        let mut start = 0;
        for at in memchr_iter(b'\r', bytes) {
            match bytes.get(at + 1) {
                Some(b'\n') => {
                    self.buffer.extend_from_slice(&bytes[start..at]);
                    start = at + 1;
                }
                Some(_) => {}
                None => {
                    self.buffer.extend_from_slice(&bytes[start..at]);
                    start = at + 1;
                    self.holds_return = true;
                }
            }
        }
        self.buffer.extend_from_slice(&bytes[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_return_before_each_newline_is_removed() {
        for split in 0..=12 {
            let (first, second) = b"a\r\nb\r\r\n\rc\n\r\r".split_at(split);
            let input = Box::new(io::Cursor::new(first).chain(io::Cursor::new(second)));
            let mut text = String::new();
            UnixLineEnds { input, buffer: Vec::new(), at: 0, holds_return: false }
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "a\nb\r\n\rc\n\r\r", "split at {split}");
        }
    }

    #[test]
    fn the_encoding_is_that_of_the_statement() {
        assert_eq!(client_encoding(b"--\nSET client_encoding = 'LATIN1';\r\n"), Some("LATIN1".to_string()));
        assert_eq!(client_encoding(b"-- SET client_encoding = 'LATIN1';\n"), None);
    }
}
