//! Writes archives: custom files and directories, under a temporary name until they are complete.
//!
//! Compression is left to the caller: what comes here is a chunk of a custom archive, or a piece of a file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::custom::{LARGE_OBJECTS_BLOCK, ROWS_BLOCK};
use super::toc::{self, DataPlace, Layout};
use super::wire::{Offset, WireWriter};
use super::{DEFAULT_VERSION, TOC_FILE, list_name};
use crate::error::{Error, Result};
use crate::pg::dump::{Compression, Dump, Entry};
use crate::staged::{StagedFile, StagedFolder};

/// The buffer of each file that is written, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// Makes `dump` one that an archive can hold: of a version, with a compression that the version knows, and without
/// dependencies on entries that are not there.
pub fn normalized(mut dump: Dump) -> Dump {
    let version = *dump.archive_version.get_or_insert(DEFAULT_VERSION);
    let modern = matches!(dump.compression, Compression::Lz4 | Compression::Zstd);
    if modern && version.1 < toc::COMPRESSION_NAME {
        dump.compression = Compression::Gzip;
    }
    let ids: HashSet<i32> = dump.entries.iter().map(|entry| entry.id).collect();
    for entry in &mut dump.entries {
        entry.dependencies.retain(|id| ids.contains(id));
    }
    dump
}

/// A custom archive being written. Dropped before [`CustomWriter::finish`], it leaves nothing behind.
pub struct CustomWriter {
    dump: Dump,
    wire: WireWriter<BufWriter<StagedFile>>,
    target: PathBuf,
    /// Where the block of each entry starts.
    starts: HashMap<i32, u64>,
}

impl CustomWriter {
    /// Starts the archive of `dump`, a [`normalized`] one, that will be at `target`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(target: &Path, dump: Dump) -> Result<CustomWriter> {
        let wire = WireWriter(BufWriter::with_capacity(BUFFER_BYTES, StagedFile::create(target)?));
        let mut writer = CustomWriter { dump, wire, target: target.to_path_buf(), starts: HashMap::new() };
        writer.write_toc()?;
        Ok(writer)
    }

    /// Writes the table of contents with the offsets known by now.
    fn write_toc(&mut self) -> Result<()> {
        let place = |index: usize| {
            let entry: &Entry = &self.dump.entries[index];
            DataPlace::Offset(match self.starts.get(&entry.id) {
                Some(&byte) => Offset::Set(byte),
                None => Offset::NoData,
            })
        };
        toc::write(&mut self.wire.0, &self.dump, Layout::Offsets, place)
            .map_err(|error| error.at(self.target.display()))
    }

    fn failed(&self, failure: &std::io::Error) -> Error {
        Error::write(failure).at(self.target.display())
    }

    /// Writes by `write`, and says of a failure which file it is.
    fn put(
        &mut self,
        write: impl FnOnce(&mut WireWriter<BufWriter<StagedFile>>) -> Result<()>,
    ) -> Result<()> {
        write(&mut self.wire).map_err(|error| error.at(self.target.display()))
    }

    fn start(&mut self, kind: u8, id: i32) -> Result<()> {
        let byte = self.wire.0.stream_position().map_err(|failure| self.failed(&failure))?;
        self.starts.insert(id, byte);
        self.put(|wire| wire.bytes(&[kind]).and_then(|()| wire.int(id)))
    }

    /// Starts the rows of the entry `id`; chunks follow.
    ///
    /// # Errors
    /// If the file cannot be written; so for all of these.
    pub fn start_rows(&mut self, id: i32) -> Result<()> {
        self.start(ROWS_BLOCK, id)
    }

    /// Starts the large objects of the entry `id`; [`CustomWriter::start_large_object`] follows.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn start_large_objects(&mut self, id: i32) -> Result<()> {
        self.start(LARGE_OBJECTS_BLOCK, id)
    }

    /// Starts the large object `oid`; chunks follow.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn start_large_object(&mut self, oid: u32) -> Result<()> {
        // Oids are written as C's int: those over 2³¹ as negative numbers.
        self.put(|wire| wire.int(oid.cast_signed()))
    }

    /// Ends the large objects of an entry.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn end_large_objects(&mut self) -> Result<()> {
        self.put(|wire| wire.int(0))
    }

    /// Writes a chunk.
    ///
    /// # Errors
    /// If it has 2 GiB or more, or the file cannot be written.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<()> {
        // A chunk of no bytes would end the series.
        if bytes.is_empty() {
            return Ok(());
        }
        self.put(|wire| wire.length(bytes.len()).and_then(|()| wire.bytes(bytes)))
    }

    /// Ends the chunks of rows or of a large object.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn end_chunks(&mut self) -> Result<()> {
        self.put(|wire| wire.int(0))
    }

    /// How many bytes the block of the entry `id` takes so far, if it is the last one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn block_bytes(&mut self, id: i32) -> Result<u64> {
        let byte = self.wire.0.stream_position().map_err(|failure| self.failed(&failure))?;
        Ok(byte - self.starts.get(&id).copied().unwrap_or(byte))
    }

    /// Writes the offsets and puts the archive in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written or put there; then nothing is left behind.
    pub fn finish(mut self) -> Result<()> {
        self.wire.0.seek(SeekFrom::Start(0)).map_err(|failure| self.failed(&failure))?;
        self.write_toc()?;
        let failed = |failure: &std::io::Error| Error::write(failure).at(self.target.display());
        self.wire.0.into_inner().map_err(|failure| failed(failure.error()))?.persist()
    }
}

/// A directory archive being written. Dropped before [`DirectoryWriter::finish`], it leaves nothing behind.
pub struct DirectoryWriter {
    dump: Dump,
    folder: StagedFolder,
    target: PathBuf,
}

impl DirectoryWriter {
    /// Starts the archive of `dump`, a [`normalized`] one, that will be at `target`.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn create(target: &Path, dump: Dump) -> Result<DirectoryWriter> {
        Ok(DirectoryWriter { dump, folder: StagedFolder::create(target)?, target: target.to_path_buf() })
    }

    /// The name of the file with the rows of the entry `id`, without the ending of its compression.
    pub fn rows_name(id: i32) -> String {
        format!("{id}.dat")
    }

    /// The name of the file that lists the large objects of the entry `id`.
    pub fn list_name(&self, id: i32) -> String {
        list_name(self.dump.archive_version.unwrap_or(DEFAULT_VERSION), id)
    }

    /// Makes the file `name`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&self, name: &str) -> Result<BufWriter<File>> {
        let file =
            File::create_new(self.folder.path().join(name)).map_err(|failure| self.failed(&failure))?;
        Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
    }

    /// `failure` as an error at the target.
    pub fn failed(&self, failure: &std::io::Error) -> Error {
        Error::write(failure).at(self.target.display())
    }

    /// Writes the table of contents and puts the archive in place of what is there.
    ///
    /// # Errors
    /// If it cannot be written or put there; then nothing is left behind.
    pub fn finish(self) -> Result<()> {
        for entry in self.dump.entries.iter().filter(|entry| entry.kind == "BLOBS" && entry.has_data) {
            let list = self.list_name(entry.id);
            if !self.folder.path().join(&list).exists() {
                self.file(&list)?;
            }
        }
        let mut file = self.file(TOC_FILE)?;
        let place = |index: usize| {
            let entry = &self.dump.entries[index];
            DataPlace::File(match (entry.has_data, entry.kind.as_str()) {
                (false, _) => String::new(),
                (true, "BLOBS") => self.list_name(entry.id),
                (true, _) => DirectoryWriter::rows_name(entry.id),
            })
        };
        toc::write(&mut file, &self.dump, Layout::FileNames, place)
            .map_err(|error| error.at(self.target.display()))?;
        let file = file.into_inner().map_err(|failure| self.failed(failure.error()))?;
        file.sync_all().map_err(|failure| self.failed(&failure))?;
        self.folder.persist()
    }
}
