//! Where the columns of keys are kept: in memory as far as the budget goes, then in an encrypted temporary file.
//!
//! The file has no name, and its key is in memory only, as with `source::spool`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result, io_reason};
use crate::source::spool::Cipher;

/// The stores of a run.
pub struct Stores {
    /// For references and what else is kept until the end.
    pub kept: Arc<Store>,
    /// For the codes of keys, which are needed only until their map is made: then both would be in memory at once.
    pub passing: Arc<Store>,
}

impl Stores {
    /// Stores of `memory_bytes` bytes of memory together, and what they take of files in `temp_dir`.
    pub fn new(memory_bytes: u64, temp_dir: &Path) -> Self {
        /// What is passing needs no more than a file is worth.
        const PASSING_BYTES: u64 = 4 * 1024 * 1024;
        let passing = PASSING_BYTES.min(memory_bytes / 8);
        let store = |memory_bytes: u64| Store::new(memory_bytes, temp_dir.to_path_buf());
        Stores { kept: store(memory_bytes - passing), passing: store(passing) }
    }
}

/// Keeps chunks of bytes for many columns.
pub struct Store {
    memory_bytes: u64,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    temp_dir: PathBuf,
    file: Mutex<Option<SpillFile>>,
}

struct SpillFile {
    file: File,
    cipher: Cipher,
    chunks: u64,
    end: u64,
}

/// A chunk as it is kept; its memory is given back on drop.
pub struct Chunk {
    place: Place,
    store: Arc<Store>,
}

enum Place {
    Memory(Vec<u8>),
    File { number: u64, start: u64, len: usize },
}

impl Store {
    /// A store of `memory_bytes` bytes of memory, and what it takes of files in `temp_dir`.
    pub fn new(memory_bytes: u64, temp_dir: PathBuf) -> Arc<Self> {
        Arc::new(Store {
            memory_bytes,
            used_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            temp_dir,
            file: Mutex::new(None),
        })
    }

    /// Keeps `bytes`.
    ///
    /// # Errors
    /// If there is no room for them in memory, and the temporary file cannot be written.
    pub fn keep(self: &Arc<Self>, mut bytes: Vec<u8>) -> Result<Chunk> {
        let len = bytes.len() as u64;
        let used = self.used_bytes.fetch_add(len, Ordering::Relaxed) + len;
        if used <= self.memory_bytes {
            self.peak_bytes.fetch_max(used, Ordering::Relaxed);
            bytes.shrink_to_fit();
            return Ok(Chunk { place: Place::Memory(bytes), store: self.clone() });
        }
        self.used_bytes.fetch_sub(len, Ordering::Relaxed);
        let place = self.write(&mut bytes).map_err(|error| spill_error(&error))?;
        Ok(Chunk { place, store: self.clone() })
    }

    /// The most bytes that were in memory at once.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    /// The bytes that are in the temporary file.
    pub fn file_bytes(&self) -> u64 {
        self.file().as_ref().map_or(0, |file| file.end)
    }

    fn write(&self, bytes: &mut [u8]) -> io::Result<Place> {
        let mut guard = self.file();
        let file = match &mut *guard {
            Some(file) => file,
            empty => {
                let file = tempfile::tempfile_in(&self.temp_dir)?;
                let cipher = Cipher::random().map_err(|_| io::ErrorKind::Other)?;
                empty.insert(SpillFile { file, cipher, chunks: 0, end: 0 })
            }
        };
        let (number, start) = (file.chunks, file.end);
        file.cipher.apply(number, bytes);
        file.file.seek(SeekFrom::Start(start))?;
        file.file.write_all(bytes)?;
        file.chunks += 1;
        file.end += bytes.len() as u64;
        Ok(Place::File { number, start, len: bytes.len() })
    }

    fn read(&self, number: u64, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let mut guard = self.file();
        let file = guard.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.file.seek(SeekFrom::Start(start))?;
        file.file.read_exact(&mut bytes)?;
        file.cipher.apply(number, &mut bytes);
        Ok(bytes)
    }

    fn file(&self) -> MutexGuard<'_, Option<SpillFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    /// Its bytes.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        match &self.place {
            Place::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
            Place::File { number, start, len } => {
                let bytes = self.store.read(*number, *start, *len).map_err(|error| spill_error(&error))?;
                Ok(Cow::Owned(bytes))
            }
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Place::Memory(bytes) = &self.place {
            self.store.used_bytes.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

fn spill_error(error: &io::Error) -> Error {
    Error::snapshot(format!("cannot keep the keys of the subset in a temporary file: {}", io_reason(error)))
        .hint("name a folder with enough space by `--temp-dir`, or raise `--memory`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_in_a_file_that_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(10, folder.path().to_path_buf());
        let texts = [&b"12345678"[..], b"ana.silva@corp.example", b"90", b"bo.lund@corp.example"];
        let chunks: Vec<Chunk> = texts.iter().map(|text| store.keep(text.to_vec()).unwrap()).collect();
        for (chunk, text) in chunks.iter().zip(texts) {
            assert_eq!(&*chunk.bytes().unwrap(), text);
        }
        assert_eq!((store.peak_bytes(), store.file_bytes()), (10, 42));
        let mut stored = Vec::new();
        let mut guard = store.file();
        let file = &mut guard.as_mut().unwrap().file;
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut stored).unwrap();
        assert_eq!(memchr::memmem::find(&stored, b"corp"), None);
        drop(guard);
        drop(chunks);
        assert_eq!(store.used_bytes.load(Ordering::Relaxed), 0);
    }
}
