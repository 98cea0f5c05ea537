//! Large objects as pg_dump writes them into a script: `lo_open`, `lowrite` for each piece, `lo_close`.

use std::io::{self, BufRead, Read};

use crate::error::{Error, Result};
use crate::pg::stream;

/// Calls `visit` with the oid and the content of each large object in `statements`.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the statements have another form, or `visit` fails.
pub fn visit(
    statements: impl BufRead,
    visit: &mut dyn FnMut(u32, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut statements = Statements { input: statements, line: Vec::new() };
    while let Some(oid) = statements.next_open()? {
        let mut content = Content { statements: &mut statements, piece: Vec::new(), at: 0, is_closed: false };
        visit(oid, &mut content)?;
        // What the visitor left unread is passed over, so that the next object is found.
        io::copy(&mut content, &mut io::sink()).map_err(stream::error)?;
    }
    Ok(())
}

struct Statements<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Statements<R> {
    /// The next line that is neither blank nor a comment; `None` at the end.
    fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            let line = self.line.trim_ascii();
            if !line.is_empty() && !line.starts_with(b"--") {
                break;
            }
        }
        Ok(Some(self.line.trim_ascii()))
    }

    /// The oid of the next `lo_open`.
    fn next_open(&mut self) -> Result<Option<u32>> {
        let Some(line) = self.next_line().map_err(stream::error)? else { return Ok(None) };
        let oid =
            quoted_argument(line, "lo_open(").and_then(|oid| std::str::from_utf8(oid).ok()?.parse().ok());
        match oid {
            Some(oid) => Ok(Some(oid)),
            None => Err(Error::snapshot("a large object is written in a form that is not read")
                .hint("take the snapshot again in the custom format")),
        }
    }
}

/// The first argument in quotes after `call` in a line.
fn quoted_argument<'a>(line: &'a [u8], call: &str) -> Option<&'a [u8]> {
    let start = memchr::memmem::find(line, call.as_bytes())? + call.len();
    let quoted = &line[start + memchr::memchr(b'\'', &line[start..])? + 1..];
    Some(&quoted[..memchr::memchr(b'\'', quoted)?])
}

/// The content of one large object, up to its `lo_close`.
struct Content<'a, R> {
    statements: &'a mut Statements<R>,
    piece: Vec<u8>,
    at: usize,
    is_closed: bool,
}

impl<R: BufRead> Content<'_, R> {
    fn next_piece(&mut self) -> io::Result<()> {
        let line = self.statements.next_line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if memchr::memmem::find(line, b"lo_close(").is_some() {
            self.is_closed = true;
            return Ok(());
        }
        let digits = quoted_argument(line, "lowrite(").and_then(|text| text.strip_prefix(b"\\x"));
        self.piece.clear();
        self.at = 0;
        let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or(io::ErrorKind::InvalidData)?;
        for pair in digits.chunks_exact(2) {
            let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
            let (high, low) = value(pair[0]).zip(value(pair[1])).ok_or(io::ErrorKind::InvalidData)?;
            self.piece.push(high << 4 | low);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.is_closed {
            self.next_piece()?;
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Result<Vec<(u32, Vec<u8>)>> {
        let mut objects = Vec::new();
        visit(text.as_bytes(), &mut |oid, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(stream::error)?;
            objects.push((oid, bytes));
            Ok(())
        })?;
        Ok(objects)
    }

    #[test]
    fn pieces_are_put_together() {
        let text = "SELECT pg_catalog.lo_open('7', 131072);\nSELECT pg_catalog.lowrite(0, '\\x61ff');\n\
                    SELECT pg_catalog.lowrite(0, '\\x62');\nSELECT pg_catalog.lo_close(0);\n\n\
                    SELECT pg_catalog.lo_open('8', 131072);\nSELECT pg_catalog.lo_close(0);\n";
        assert_eq!(objects(text).unwrap(), [(7, b"a\xffb".to_vec()), (8, Vec::new())]);
    }

    #[test]
    fn another_form_is_refused() {
        assert!(objects("SELECT pg_catalog.lo_open('7', 131072);\n").is_err());
        assert!(objects("SELECT pg_catalog.lo_open('7', 1);\nSELECT lowrite(0, '\\x6');\n").is_err());
        assert!(objects("SELECT lo_import('file');\n").is_err());
    }
}
