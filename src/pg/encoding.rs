//! Encodings of dumps other than UTF-8.

use std::io::Read;

use crate::error::{Error, Result};

/// Turns text of one encoding into UTF-8.
pub struct Transcoder;

/// The transcoder from the encoding that Postgres calls `name`; `None` where there is nothing to do.
///
/// # Errors
/// If the encoding is not known.
pub fn transcoder(name: &str) -> Result<Option<Transcoder>> {
    match name {
        "UTF8" | "SQL_ASCII" => Ok(None),
        _ => Err(Error::snapshot(format!("the dump's encoding `{name}` is not known"))),
    }
}

impl Transcoder {
    /// Reads `input` as UTF-8.
    pub fn reader(&self, input: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        input
    }

    /// The text of `bytes`.
    ///
    /// # Errors
    /// If they are not of the encoding.
    pub fn text(&self, bytes: &[u8]) -> Result<String> {
        String::from_utf8(bytes.to_vec()).map_err(|_| Error::snapshot("text is not in the dump's encoding"))
    }
}
