//! Postgres' client encodings: which of them are read, and how their text becomes UTF-8.
//!
//! A dump is decoded as a whole, before it is cut into statements: in some encodings the second byte of a character
//! looks like a backslash or a quote. What is not valid is an error, never a replacement character.
//!
//! The tables are the WHATWG's where they give the same characters as PostgreSQL 15's for every byte sequence that both
//! know, or do after a few substitutions. BIG5 and GB18030 differ in more, so they are not read.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};

use crate::error::{Error, Result};

/// The number of bytes that are decoded at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Turns text of one encoding into UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transcoder {
    table: Table,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Table {
    /// ISO 8859-1: every byte is the character of that number. The WHATWG's `latin1` is windows-1252 instead.
    Latin1,
    /// ISO 8859-9: Latin-1 but for six Turkish letters. The WHATWG's is windows-1254 instead.
    Latin5,
    /// An encoding as the WHATWG defines it, but for the characters that Postgres has others for.
    Whatwg(&'static Encoding, &'static [(char, char)]),
}

/// What turns text of the encoding `name` into UTF-8; `None` where bytes pass as they are, in UTF8 and SQL_ASCII.
///
/// Names are compared as `pg_char_to_encoding` does: letters and digits only, upper or lower case, aliases included.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the encoding is not read.
pub fn transcoder(name: &str) -> Result<Option<Transcoder>> {
    let key: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let table = match key.as_str() {
        "utf8" | "unicode" | "sqlascii" => return Ok(None),
        "latin1" | "iso88591" => Table::Latin1,
        "latin5" | "iso88599" => Table::Latin5,
        other => Table::Whatwg(whatwg(other).ok_or_else(|| unsupported(name))?, substitutions(other)),
    };
    Ok(Some(Transcoder { table }))
}

fn whatwg(key: &str) -> Option<&'static Encoding> {
    Some(match key {
        "latin2" | "iso88592" => encoding_rs::ISO_8859_2,
        "latin3" | "iso88593" => encoding_rs::ISO_8859_3,
        "latin4" | "iso88594" => encoding_rs::ISO_8859_4,
        "latin6" | "iso885910" => encoding_rs::ISO_8859_10,
        "latin7" | "iso885913" => encoding_rs::ISO_8859_13,
        "latin8" | "iso885914" => encoding_rs::ISO_8859_14,
        "latin9" | "iso885915" => encoding_rs::ISO_8859_15,
        "latin10" | "iso885916" => encoding_rs::ISO_8859_16,
        "iso88595" => encoding_rs::ISO_8859_5,
        "iso88596" => encoding_rs::ISO_8859_6,
        "iso88597" => encoding_rs::ISO_8859_7,
        "iso88598" => encoding_rs::ISO_8859_8,
        "win866" | "windows866" | "alt" => encoding_rs::IBM866,
        "win874" | "windows874" => encoding_rs::WINDOWS_874,
        "win1250" | "windows1250" => encoding_rs::WINDOWS_1250,
        "win1251" | "windows1251" | "win" => encoding_rs::WINDOWS_1251,
        "win1252" | "windows1252" => encoding_rs::WINDOWS_1252,
        "win1253" | "windows1253" => encoding_rs::WINDOWS_1253,
        "win1254" | "windows1254" => encoding_rs::WINDOWS_1254,
        "win1255" | "windows1255" => encoding_rs::WINDOWS_1255,
        "win1256" | "windows1256" => encoding_rs::WINDOWS_1256,
        "win1257" | "windows1257" => encoding_rs::WINDOWS_1257,
        "win1258" | "windows1258" | "abc" | "tcvn" | "tcvn5712" | "vscii" => encoding_rs::WINDOWS_1258,
        "koi8r" | "koi8" => encoding_rs::KOI8_R,
        "koi8u" => encoding_rs::KOI8_U,
        "eucjp" => encoding_rs::EUC_JP,
        "sjis" | "shiftjis" | "mskanji" | "win932" | "windows932" => encoding_rs::SHIFT_JIS,
        // The WHATWG's EUC-KR is the larger Unified Hangul Code.
        "euckr" | "uhc" | "win949" | "windows949" => encoding_rs::EUC_KR,
        "euccn" | "gbk" | "win936" | "windows936" => encoding_rs::GBK,
        _ => return None,
    })
}

/// The WHATWG's characters of the encoding `key` that Postgres has others for, and those.
///
/// No other byte sequence of the encoding gives any of them.
fn substitutions(key: &str) -> &'static [(char, char)] {
    match key {
        "koi8u" => &[('\u{45e}', '\u{255d}'), ('\u{40e}', '\u{256c}')],
        "euccn" => &[('\u{b7}', '\u{30fb}'), ('\u{2014}', '\u{2015}')],
        "eucjp" => &[('\u{a6}', '\u{ffe4}')],
        _ => &[],
    }
}

/// The name comes from the dump, so it is repeated only if it could be the name of an encoding.
fn unsupported(name: &str) -> Error {
    const NAMED: [&str; 7] =
        ["MULE_INTERNAL", "EUC_TW", "EUC_JIS_2004", "SHIFT_JIS_2004", "JOHAB", "BIG5", "GB18030"];
    let what = match NAMED.iter().find(|named| named.eq_ignore_ascii_case(name)) {
        Some(named) => format!("the dump is in the encoding {named}, which is not read"),
        None => "the dump is in an encoding that is not known".to_string(),
    };
    Error::snapshot(what).hint("take the dump with `--encoding=UTF8`")
}

impl Transcoder {
    /// Reads `input` as UTF-8; malformed input gives an error of the kind [`io::ErrorKind::InvalidData`].
    pub fn reader(&self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Transcoding {
            input,
            decode: self.decode(),
            pending: Vec::new(),
            text: Vec::new(),
            at: 0,
            is_done: false,
        })
    }

    /// The whole text `bytes` in UTF-8.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it is malformed.
    pub fn text(&self, bytes: &[u8]) -> Result<String> {
        let mut text = Vec::new();
        let malformed = || {
            Error::snapshot("text is not in the encoding that the dump names")
                .hint("take the dump with `--encoding=UTF8`")
        };
        self.decode().decode(bytes, true, &mut text).map_err(|_| malformed())?;
        String::from_utf8(text).map_err(|_| malformed())
    }

    fn decode(&self) -> Decode {
        match self.table {
            Table::Latin1 => Decode::Bytes(char::from),
            Table::Latin5 => Decode::Bytes(latin5),
            Table::Whatwg(encoding, substitutions) => {
                Decode::Whatwg(encoding.new_decoder_without_bom_handling(), substitutions)
            }
        }
    }
}

fn latin5(byte: u8) -> char {
    match byte {
        0xd0 => 'Ğ',
        0xdd => 'İ',
        0xde => 'Ş',
        0xf0 => 'ğ',
        0xfd => 'ı',
        0xfe => 'ş',
        other => char::from(other),
    }
}

/// A decoder in the middle of a text.
enum Decode {
    Bytes(fn(u8) -> char),
    Whatwg(Decoder, &'static [(char, char)]),
}

impl Decode {
    /// Appends what `bytes` are in UTF-8 to `text`; gives how many bytes it took, all of them if they are the `last`.
    fn decode(&mut self, bytes: &[u8], last: bool, text: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Decode::Bytes(character) => {
                for &byte in bytes {
                    let mut buffer = [0; 4];
                    text.extend_from_slice(character(byte).encode_utf8(&mut buffer).as_bytes());
                }
                Ok(bytes.len())
            }
            Decode::Whatwg(decoder, substitutions) => {
                let room = decoder
                    .max_utf8_buffer_length_without_replacement(bytes.len())
                    .ok_or(io::ErrorKind::OutOfMemory)?;
                let start = text.len();
                text.resize(start + room, 0);
                let (result, read, written) =
                    decoder.decode_to_utf8_without_replacement(bytes, &mut text[start..], last);
                text.truncate(start + written);
                if !substitutions.is_empty() {
                    substitute(text, start, substitutions)?;
                }
                match result {
                    DecoderResult::InputEmpty => Ok(read),
                    _ => Err(io::ErrorKind::InvalidData.into()),
                }
            }
        }
    }
}

/// Replaces characters of the UTF-8 text from `start` on.
fn substitute(text: &mut Vec<u8>, start: usize, substitutions: &[(char, char)]) -> io::Result<()> {
    let decoded = std::str::from_utf8(&text[start..]).map_err(|_| io::ErrorKind::InvalidData)?;
    let replaced: String = decoded
        .chars()
        .map(|letter| substitutions.iter().find(|(from, _)| *from == letter).map_or(letter, |(_, to)| *to))
        .collect();
    text.truncate(start);
    text.extend_from_slice(replaced.as_bytes());
    Ok(())
}

struct Transcoding {
    input: Box<dyn Read + Send>,
    decode: Decode,
    pending: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    is_done: bool,
}

impl Read for Transcoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_done {
            self.pending.resize(CHUNK_BYTES, 0);
            let count = self.input.read(&mut self.pending)?;
            self.text.clear();
            self.at = 0;
            self.is_done = count == 0;
            self.decode.decode(&self.pending[..count], self.is_done, &mut self.text)?;
        }
        let count = buffer.len().min(self.text.len() - self.at);
        buffer[..count].copy_from_slice(&self.text[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, bytes: &[u8]) -> Result<String> {
        transcoder(name).unwrap().unwrap().text(bytes)
    }

    #[test]
    fn names_are_those_of_postgres_and_its_aliases() {
        assert_eq!(transcoder("utf-8").unwrap(), None);
        assert_eq!(transcoder("SQL_ASCII").unwrap(), None);
        assert_eq!(transcoder("ISO-8859-2").unwrap(), transcoder("LATIN2").unwrap());
        assert_eq!(transcoder("Windows1252").unwrap(), transcoder("WIN1252").unwrap());
        for name in ["MULE_INTERNAL", "EUC_TW", "JOHAB", "BIG5", "secret"] {
            let error = transcoder(name).unwrap_err().to_string();
            assert!(error.contains("--encoding=UTF8") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn bytes_become_the_characters_of_the_encoding() {
        assert_eq!(text("LATIN1", b"\xe9\x80\x9f").unwrap(), "é\u{80}\u{9f}");
        assert_eq!(text("LATIN5", b"\xfd\xe9").unwrap(), "ıé");
        assert_eq!(text("WIN1252", b"\x80").unwrap(), "€");
        assert_eq!(text("LATIN9", b"\xa4").unwrap(), "€");
        assert_eq!(text("SJIS", b"\x83\x5c").unwrap(), "ソ");
        assert_eq!(text("KOI8R", b"\xc1").unwrap(), "а");
        assert_eq!(text("KOI8U", b"\xae\xc1").unwrap(), "╝а");
        assert_eq!(text("UHC", b"\xb0\xa1").unwrap(), "가");
    }

    #[test]
    fn malformed_text_is_an_error() {
        assert!(text("SJIS", b"\x83").is_err());
        assert!(text("EUC_JP", b"\xff\xff").is_err());
        let mut reader =
            transcoder("EUC_JP").unwrap().unwrap().reader(Box::new(io::Cursor::new(b"a\xff".to_vec())));
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_character_may_be_split_between_reads() {
        let bytes: Vec<u8> = b"\x83\x5c".repeat(CHUNK_BYTES);
        let split = io::Cursor::new(b"a".to_vec()).chain(io::Cursor::new(bytes));
        let mut text = String::new();
        transcoder("SJIS").unwrap().unwrap().reader(Box::new(split)).read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), 1 + 3 * CHUNK_BYTES);
    }
}
