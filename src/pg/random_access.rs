//! Bytes that can be read from any place: a file on disk here, a spooled stream in `source::spool`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A buffered reader.
pub type Input = Box<dyn BufRead + Send>;

/// The buffer of each open file, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Bytes that can be read from any place, by several readers at once.
pub trait RandomAccess: Send + Sync {
    /// Reads from the byte `offset` on; nothing, where that is the end.
    ///
    /// # Errors
    /// If the bytes cannot be read.
    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// The number of bytes.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file on disk; each reader opens it for itself.
#[derive(Debug)]
pub struct DiskFile {
    path: PathBuf,
    bytes: u64,
}

impl DiskFile {
    /// The file at `path`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with the path if it cannot be read.
    pub fn open(path: &Path) -> Result<DiskFile> {
        let metadata = File::open(path).and_then(|file| file.metadata());
        let metadata = metadata.map_err(|failure| Error::read(&failure).at(path.display()))?;
        Ok(DiskFile { path: path.to_path_buf(), bytes: metadata.len() })
    }
}

impl RandomAccess for DiskFile {
    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }

    fn len(&self) -> u64 {
        self.bytes
    }
}

/// Reads `access` from the byte `offset` on, buffered.
///
/// # Errors
/// If the bytes cannot be read.
pub fn read_from(access: &dyn RandomAccess, offset: u64) -> io::Result<Input> {
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, access.reader_at(offset)?)))
}
