//! Blocks that are read once and needed again: compressed in memory, and past a bound in a temporary file.
//!
//! What they hold is unmasked, so the file has no name and is encrypted under a key that lives in memory only, as a
//! spooled stream is.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::spool::{Cipher, spool_error};
use crate::error::{Error, Result};

/// Takes blocks from any thread and gives them back.
pub struct BlockStore {
    cipher: Cipher,
    /// How many bytes may stay in memory.
    memory_bytes: u64,
    inner: Mutex<Inner>,
    folder: std::path::PathBuf,
}

#[derive(Default)]
struct Inner {
    /// Bytes in memory.
    held_bytes: u64,
    file: Option<File>,
    file_bytes: u64,
    /// How many blocks are in the file; each is encrypted under its number.
    file_blocks: u64,
}

/// A block that was put into a store.
pub struct StoredBlock(Home);

enum Home {
    Memory(Box<[u8]>),
    File { number: u64, start: u64, len: usize },
}

impl BlockStore {
    /// A store that holds `memory_bytes` in memory and the rest in a file without a name in `temp_dir`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the system gives no random numbers.
    pub fn new(memory_bytes: u64, temp_dir: &Path) -> Result<Self> {
        let (cipher, folder) = (Cipher::random()?, temp_dir.to_path_buf());
        Ok(BlockStore { cipher, memory_bytes, inner: Mutex::default(), folder })
    }

    /// Puts `bytes` into the store.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<StoredBlock> {
        let mut stored = lz4_flex::block::compress_prepend_size(bytes);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let len = stored.len();
        if inner.held_bytes + len as u64 <= self.memory_bytes {
            inner.held_bytes += len as u64;
            return Ok(StoredBlock(Home::Memory(stored.into_boxed_slice())));
        }
        let (number, start) = (inner.file_blocks, inner.file_bytes);
        self.cipher.apply(number, &mut stored);
        let file = match &mut inner.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.folder).map_err(|error| spool_error(&error))?),
        };
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.write_all(&stored))
            .map_err(|error| spool_error(&error))?;
        inner.file_blocks += 1;
        inner.file_bytes += len as u64;
        Ok(StoredBlock(Home::File { number, start, len }))
    }

    /// The bytes of `block`, which is one of this store.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the file cannot be read.
    pub fn get(&self, block: &StoredBlock) -> Result<Vec<u8>> {
        let read = || match &block.0 {
            Home::Memory(stored) => decompressed(stored),
            Home::File { number, start, len } => {
                let mut stored = vec![0; *len];
                {
                    let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                    let file = inner.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
                    file.seek(SeekFrom::Start(*start))?;
                    file.read_exact(&mut stored)?;
                }
                self.cipher.apply(*number, &mut stored);
                decompressed(&stored)
            }
        };
        read().map_err(|error: io::Error| {
            Error::snapshot(format!("cannot read the temporary file: {}", crate::error::io_reason(&error)))
        })
    }
}

fn decompressed(stored: &[u8]) -> io::Result<Vec<u8>> {
    lz4_flex::block::decompress_size_prepended(stored).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlockStore::new(100, folder.path()).unwrap();
        let blocks: Vec<Vec<u8>> = (0..20_u8).map(|index| vec![index; usize::from(index) * 300]).collect();
        let stored: Vec<StoredBlock> = blocks.iter().map(|block| store.put(block).unwrap()).collect();
        let is_in_memory = |block: &&StoredBlock| matches!(block.0, Home::Memory(_));
        assert!((1..20).contains(&stored.iter().filter(is_in_memory).count()));
        for (block, stored) in blocks.iter().zip(&stored).rev() {
            assert_eq!(store.get(stored).unwrap(), *block);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_readable_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlockStore::new(0, folder.path()).unwrap();
        store.put(b"ana.silva@corp.example").unwrap();
        let mut bytes = Vec::new();
        let mut inner = store.inner.lock().unwrap();
        let file = inner.file.as_mut().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes.len() > 20);
        assert_eq!(memchr::memmem::find(&bytes, b"silva"), None);
    }
}
