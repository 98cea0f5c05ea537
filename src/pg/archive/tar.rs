//! The members of a tar archive, in the ustar form that pg_backup_tar.c writes.
//!
//! Sizes are octal, or binary with the high bit set from 8 GiB on. Extended headers, which pg_dump does not write, are
//! passed over.

use std::collections::HashMap;
use std::io::Read;

use crate::error::{Error, Result};
use crate::pg::random_access::RandomAccess;
use crate::pg::stream::Position;

/// The size of a header, and what members are padded to.
pub const BLOCK_BYTES: u64 = 512;

/// Where a member's bytes are in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its first byte.
    pub start: u64,
    /// Its length.
    pub bytes: u64,
}

/// Whether `head`, the first 512 bytes of a file, is the header of a member `toc.dat`.
pub fn starts_with_toc(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|block| checksum_matches(block) && member_name(block) == b"toc.dat")
}

/// All members by name.
///
/// # Errors
/// If a header is damaged, a member goes past the end, or the mark of the end is missing.
pub fn members(access: &dyn RandomAccess, file: &str) -> Result<HashMap<String, Member>> {
    let mut members = HashMap::new();
    let mut byte = 0;
    loop {
        let position = Position::new(file, byte);
        let header = read_header(access, byte, &position)?;
        if header.iter().all(|&byte| byte == 0) {
            return Ok(members);
        }
        if !checksum_matches(&header) {
            return Err(position.damaged("the header of a tar member is damaged"));
        }
        let bytes =
            member_bytes(&header).ok_or_else(|| position.damaged("the size of a tar member is damaged"))?;
        let start = byte + BLOCK_BYTES;
        let end = start.checked_add(bytes).filter(|&end| end <= access.len());
        let end = end.ok_or_else(|| position.cut_short("a tar member goes past the end of the archive"))?;
        if matches!(header[TYPE], b'0' | 0) {
            let name = String::from_utf8_lossy(member_name(&header)).into_owned();
            members.insert(name, Member { start, bytes });
        }
        byte = end.next_multiple_of(BLOCK_BYTES);
    }
}

type Header = [u8; BLOCK_BYTES as usize];

const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;

fn read_header(access: &dyn RandomAccess, byte: u64, position: &Position) -> Result<Header> {
    let mut header = [0; BLOCK_BYTES as usize];
    if byte.saturating_add(BLOCK_BYTES) > access.len() {
        return Err(position.cut_short("the tar archive ends without its end mark"));
    }
    let read = access.reader_at(byte).and_then(|mut reader| reader.read_exact(&mut header));
    read.map_err(|failure| Error::read(&failure).at(position))?;
    Ok(header)
}

/// The name, without the `./` that other programs put before it.
fn member_name(header: &Header) -> &[u8] {
    let field = &header[NAME];
    let name = field.split(|&byte| byte == 0).next().unwrap_or(field);
    name.strip_prefix(b"./").unwrap_or(name)
}

fn member_bytes(header: &Header) -> Option<u64> {
    let field = &header[SIZE];
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(4);
        return (high == [0x80, 0, 0, 0])
            .then(|| low.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)));
    }
    octal(field)
}

/// The sum of the header's bytes, its own field counted as blanks.
fn checksum_matches(header: &Header) -> bool {
    let sum = header.iter().enumerate().map(|(index, &byte)| match CHECKSUM.contains(&index) {
        true => u64::from(b' '),
        false => u64::from(byte),
    });
    octal(&header[CHECKSUM]) == Some(sum.sum())
}

fn octal(field: &[u8]) -> Option<u64> {
    let end = field.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    let digits = field[..end].trim_ascii_start();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &byte| match byte {
        b'0'..=b'7' => Some(number << 3 | u64::from(byte - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(field: [u8; 12]) -> Option<u64> {
        let mut header = [0; BLOCK_BYTES as usize];
        header[SIZE].copy_from_slice(&field);
        member_bytes(&header)
    }

    #[test]
    fn a_size_is_octal_or_from_8_gib_on_binary() {
        assert_eq!(size(*b"00000006652\0"), Some(0o6652));
        assert_eq!(size(*b"77777777777 "), Some((8 << 30) - 1));
        assert_eq!(size([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some((8 << 30) + 1));
        assert_eq!(size([0xff; 12]), None);
        assert_eq!(size(*b"0000000665x\0"), None);
    }
}
