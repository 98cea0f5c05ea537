//! The large objects of the snapshot, in the order of the entries that a dump has of them.

use std::collections::HashMap;
use std::io::{self, Read};

use super::snapshot::{Snapshot, unreadable};
use crate::error::{Error, Result};
use crate::pg::archive::VisitLargeObject;
use crate::pg::client::Connection;
use crate::pg::dump::{Dump, Entry};

/// How much of an object is asked for at once.
const PIECE_BYTES: u64 = 1 << 20;

/// Calls `visit` with the entry, the oid and the content of each large object.
///
/// # Errors
/// If one cannot be read, or what `visit` fails with.
pub fn visit(snapshot: &Snapshot, dump: &Dump, visit: &mut VisitLargeObject<'_>) -> Result<()> {
    let failed = |failure| unreadable(failure, "cannot read the large objects");
    let mut connection = snapshot.connection_at_last().map_err(failed)?;
    for entry in dump.entries.iter().filter(|entry| entry.kind == "BLOBS" && entry.has_data) {
        for oid in oids(&mut connection, dump, entry)? {
            let mut content =
                Content { connection: &mut connection, oid, offset: 0, piece: Vec::new(), at: 0 };
            visit(entry, oid, &mut content)?;
        }
    }
    snapshot.give_back(connection);
    Ok(())
}

/// The objects of an entry: those that the entry that makes them lists (PostgreSQL 17), or all.
fn oids(connection: &mut Connection, dump: &Dump, entry: &Entry) -> Result<Vec<u32>> {
    let entries: HashMap<i32, &Entry> = dump.entries.iter().map(|entry| (entry.id, entry)).collect();
    let group = entry.dependencies.iter().filter_map(|id| entries.get(id));
    let listed: Vec<u32> = group
        .filter(|entry| entry.kind == "BLOB METADATA")
        .flat_map(|entry| entry.definition.lines())
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    if !listed.is_empty() {
        return Ok(listed);
    }
    let rows = connection.query("SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid");
    let rows = rows.map_err(|failure| unreadable(failure, "cannot read the large objects"))?;
    Ok(rows.into_iter().flatten().flatten().filter_map(|oid| oid.parse().ok()).collect())
}

/// The content of an object, asked for piece by piece.
struct Content<'a> {
    connection: &'a mut Connection,
    oid: u32,
    offset: u64,
    piece: Vec<u8>,
    at: usize,
}

impl Content<'_> {
    fn next_piece(&mut self) -> Result<()> {
        let Content { oid, offset, .. } = self;
        let sql = format!("SELECT pg_catalog.lo_get({oid}, {offset}, {PIECE_BYTES})");
        let place = format!("large object {oid}");
        let answer = self.connection.value(&sql);
        let text = answer.map_err(|failure| unreadable(failure, "cannot read a large object").at(&place))?;
        let bytes = text.as_deref().and_then(bytes_of_hex);
        self.piece = bytes.ok_or_else(|| Error::snapshot("the server sends no bytes").at(&place))?;
        self.offset += self.piece.len() as u64;
        self.at = 0;
        Ok(())
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            self.next_piece().map_err(io::Error::other)?;
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// The bytes that `\x…` stands for.
fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_from_their_digits() {
        assert_eq!(bytes_of_hex("\\x00ff7A"), Some(vec![0, 255, 0x7a]));
        assert_eq!(bytes_of_hex("\\x"), Some(Vec::new()));
        assert_eq!(bytes_of_hex("\\x0"), None);
    }
}
