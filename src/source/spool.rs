//! A stream that is spooled to a temporary file, so that it can be read again from any place.
//!
//! What is spooled is unmasked, so it is encrypted under a key that lives in memory only, and the file has no name: a
//! run that is killed leaves nothing readable behind.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::pg::random_access::RandomAccess;

/// The number of bytes of the stream in a chunk.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A stream as it was spooled.
#[derive(Clone)]
pub struct Spool {
    chunks: Arc<Chunks>,
}

struct Chunks {
    file: Mutex<File>,
    cipher: Cipher,
    /// Where each chunk ends in the file; the first one starts at 0.
    ends: Vec<u64>,
    len: u64,
}

impl Spool {
    /// Reads `input` to its end, into a file without a name in the folder `temp_dir`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if the stream cannot be read or the file not be written.
    pub fn fill(mut input: impl Read, temp_dir: &Path) -> Result<Self> {
        let mut file = tempfile::tempfile_in(temp_dir).map_err(|error| spool_error(&error))?;
        let cipher = Cipher::random()?;
        let (mut ends, mut len) = (Vec::new(), 0);
        let mut chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        loop {
            chunk.clear();
            input
                .by_ref()
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut chunk)
                .map_err(|error| Error::read(&error))?;
            if chunk.is_empty() {
                break;
            }
            let mut stored = lz4_flex::block::compress_prepend_size(&chunk);
            let start = ends.last().copied().unwrap_or(0);
            cipher.apply(ends.len() as u64, &mut stored);
            file.write_all(&stored).map_err(|error| spool_error(&error))?;
            ends.push(start + stored.len() as u64);
            len += chunk.len() as u64;
        }
        Ok(Spool { chunks: Arc::new(Chunks { file: Mutex::new(file), cipher, ends, len }) })
    }
}

pub(super) fn spool_error(error: &io::Error) -> Error {
    let report = Error::snapshot(format!("cannot spool the input: {}", crate::error::io_reason(error)));
    report.hint("name a folder with enough space by `--temp-dir`, or give a file instead of a stream")
}

impl RandomAccess for Spool {
    fn reader_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(SpoolReader {
            chunks: self.chunks.clone(),
            next: (offset / CHUNK_BYTES as u64) as usize,
            skip: (offset % CHUNK_BYTES as u64) as usize,
            chunk: Vec::new(),
            at: 0,
        }))
    }

    fn len(&self) -> u64 {
        self.chunks.len
    }
}

impl Chunks {
    /// The bytes of the stream in the chunk `index`; `None` after the last one.
    fn read(&self, index: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(&end) = self.ends.get(index) else { return Ok(None) };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let mut stored = vec![0; (end - start) as usize];
        {
            let mut file = self.file.lock().map_err(|_| io::ErrorKind::Other)?;
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut stored)?;
        }
        self.cipher.apply(index as u64, &mut stored);
        let chunk =
            lz4_flex::block::decompress_size_prepended(&stored).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Some(chunk))
    }
}

struct SpoolReader {
    chunks: Arc<Chunks>,
    next: usize,
    skip: usize,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            let Some(chunk) = self.chunks.read(self.next)? else { return Ok(0) };
            self.next += 1;
            self.at = std::mem::take(&mut self.skip).min(chunk.len());
            self.chunk = chunk;
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// AES-256 in counter mode (NIST SP 800-38A) under a random key: the chunk's number and the block's make the counter.
pub(crate) struct Cipher(Aes256);

impl Cipher {
    /// A cipher under a key of its own.
    pub(crate) fn random() -> Result<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *key).map_err(|_| Error::snapshot("the system gives no random numbers"))?;
        Ok(Cipher(Aes256::new(&Array::from(*key))))
    }

    /// Encrypts the chunk `index`, or decrypts it again.
    pub(crate) fn apply(&self, index: u64, bytes: &mut [u8]) {
        const BATCH: usize = 64;
        for (batch, part) in bytes.chunks_mut(16 * BATCH).enumerate() {
            let mut stream: [_; BATCH] = std::array::from_fn(|block| {
                let number = (batch * BATCH + block) as u64;
                Array::from((u128::from(index) << 64 | u128::from(number)).to_be_bytes())
            });
            self.0.encrypt_blocks(&mut stream);
            for (block, key) in part.chunks_mut(16).zip(&stream) {
                block.iter_mut().zip(key.iter()).for_each(|(byte, key)| *byte ^= key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        (0..CHUNK_BYTES * 2 + 1234).map(|index| (index / 100) as u8).collect()
    }

    #[test]
    fn a_stream_is_read_again_from_any_place() {
        let sample = sample();
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::fill(&sample[..], folder.path()).unwrap();
        assert_eq!(spool.len(), sample.len() as u64);
        for offset in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, sample.len() - 1, sample.len(), sample.len() + 9] {
            let mut rest = Vec::new();
            spool.reader_at(offset as u64).unwrap().read_to_end(&mut rest).unwrap();
            assert!(rest == sample[offset.min(sample.len())..], "from {offset}");
        }
    }

    #[test]
    fn nothing_readable_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::fill(&b"ana.silva@corp.example"[..], folder.path()).unwrap();
        let mut stored = Vec::new();
        let mut file = spool.chunks.file.lock().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut stored).unwrap();
        assert!(!stored.is_empty());
        assert_eq!(memchr::memmem::find(&stored, b"silva"), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn counter_mode_is_that_of_the_standard() {
        // The first counter block is all zero: the key stream is the known answer of AES-256 for key and block zero.
        let mut bytes = [0; 16];
        Cipher(Aes256::new(&Array::from([0; 32]))).apply(0, &mut bytes);
        assert_eq!(bytes[..4], [0xdc, 0x95, 0xc0, 0x78]);
    }
}
