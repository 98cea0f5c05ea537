//! The target over pg_dump archives, custom or directory, for the `pg_restore` of the dump's version.
//!
//! Blocks are turned into COPY text and compressed on the threads that encode them; a part only appends them. The
//! schema is the snapshot's: which entries are kept is decided in the plan.

mod pieces;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pieces::{Framing, Pieces, encode};

use super::{Encoded, Encoder, PartWriter, Target};
use crate::error::{Error, Result};
use crate::masked::MaskedBatch;
use crate::pg::archive::Format;
use crate::pg::archive::write::{CustomWriter, DirectoryWriter, normalized};
use crate::pg::compression::Codec;
use crate::pg::copy;
use crate::pg::dump::{Compression, Dump};
use crate::pg::stream;

/// The size of the blocks of COPY text, each compressed on its own: large enough that the ratio hardly suffers.
const BLOCK_BYTES: usize = 1 << 20;

/// What ends the rows of an entry, as pg_dump writes it.
const END_OF_ROWS: &[u8] = b"\\.\n\n\n";

/// An archive being written.
pub struct ArchiveTarget {
    writer: Writer,
    compression: Compression,
    /// For each part of the plan, the id of its entry.
    parts: Vec<i32>,
}

enum Writer {
    Custom(Mutex<CustomState>),
    Directory(DirectoryWriter, Mutex<ListState>),
}

struct CustomState {
    writer: CustomWriter,
    /// The entry whose large objects are being written.
    large_objects: Option<i32>,
}

/// The list of large objects being written, and the entry that it is of.
type ListState = Option<(i32, BufWriter<File>)>;

impl ArchiveTarget {
    /// Starts an archive at `path` with the header and the entries of `dump`, in their order.
    ///
    /// `parts` has the entry id of each part of the plan; the copy statement of such an entry must name the columns of
    /// the rows. The archive has the version of `dump`, or 1.14 where that is none, and its compression, or gzip where
    /// the version does not know it. An entry has data if it is one of `parts` or large objects. What is at `path` is
    /// replaced at the end.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if `format` is tar; [`Kind::Staging`](crate::error::Kind::Staging) if
    /// the target cannot be written.
    pub fn create(path: &Path, format: Format, dump: Dump, parts: Vec<i32>) -> Result<ArchiveTarget> {
        let mut dump = normalized(dump);
        let with_rows: HashSet<i32> = parts.iter().copied().collect();
        for entry in &mut dump.entries {
            entry.has_data = with_rows.contains(&entry.id) || (entry.kind == "BLOBS" && entry.has_data);
        }
        let compression = dump.compression;
        let writer = match format {
            Format::Custom => {
                let writer = CustomWriter::create(path, dump)?;
                Writer::Custom(Mutex::new(CustomState { writer, large_objects: None }))
            }
            Format::Directory => Writer::Directory(DirectoryWriter::create(path, dump)?, Mutex::new(None)),
            Format::Tar => {
                return Err(Error::usage("tar archives are not written")
                    .at(path.display())
                    .hint("write a custom archive, `FILE.dump`, or a directory, `dir:PATH`"));
            }
        };
        Ok(ArchiveTarget { writer, compression, parts })
    }

    fn list_large_object(
        &self,
        writer: &DirectoryWriter,
        list: &mut ListState,
        entry: i32,
        line: &str,
    ) -> Result<()> {
        if list.as_ref().is_none_or(|(current, _)| *current != entry) {
            flush_list(writer, list)?;
            *list = Some((entry, writer.file(&writer.list_name(entry))?));
        }
        match list {
            Some((_, file)) => file.write_all(line.as_bytes()).map_err(|failure| writer.failed(&failure)),
            None => Ok(()),
        }
    }

    fn directory_part<'a>(&self, writer: &'a DirectoryWriter, name: &str) -> Result<DirectoryPart<'a>> {
        let codec = Codec::of_files(self.compression);
        let file = writer.file(&format!("{name}{}", codec.extension()))?;
        let pieces = Pieces::new(self.compression, Framing::Files);
        Ok(DirectoryPart { writer, file, pieces, bytes: 0 })
    }
}

impl Target for ArchiveTarget {
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn is_sequential(&self) -> bool {
        matches!(self.writer, Writer::Custom(_))
    }

    fn encoder(&self, _part: usize) -> Result<Box<dyn Encoder>> {
        let framing = match self.writer {
            Writer::Custom(_) => Framing::Chunks,
            Writer::Directory(..) => Framing::Files,
        };
        Ok(Box::new(RowEncoder { compression: self.compression, framing }))
    }

    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>> {
        let id = self.parts[part];
        match &self.writer {
            Writer::Custom(state) => {
                let mut guard = lock(state);
                guard.enter_large_objects(None)?;
                guard.writer.start_rows(id)?;
                let pieces = Pieces::new(self.compression, Framing::Chunks);
                Ok(Box::new(CustomPart { state, id, pieces }))
            }
            Writer::Directory(writer, _) => {
                Ok(Box::new(self.directory_part(writer, &DirectoryWriter::rows_name(id))?))
            }
        }
    }

    fn large_object(&self, entry: i32, oid: u32, content: &mut dyn Read) -> Result<()> {
        match &self.writer {
            Writer::Custom(state) => {
                let mut state = lock(state);
                state.enter_large_objects(Some(entry))?;
                state.writer.start_large_object(oid)?;
                let mut pieces = Pieces::new(self.compression, Framing::Chunks);
                each_block(content, |block| {
                    pieces.add(encode(block, self.compression, Framing::Chunks)?, &mut |bytes| {
                        state.writer.chunk(bytes)
                    })
                })?;
                pieces.end(&[], &mut |bytes| state.writer.chunk(bytes))?;
                state.writer.end_chunks()
            }
            Writer::Directory(writer, list) => {
                let name = format!("blob_{oid}.dat");
                self.list_large_object(writer, &mut lock(list), entry, &format!("{oid} {name}\n"))?;
                let mut part = self.directory_part(writer, &name)?;
                each_block(content, |block| part.write(encode(block, self.compression, Framing::Files)?))?;
                part.end(&[])?;
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>> {
        match self.writer {
            Writer::Custom(state) => {
                let mut state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
                state.enter_large_objects(None)?;
                state.writer.finish()?;
            }
            Writer::Directory(writer, list) => {
                flush_list(&writer, &mut lock(&list))?;
                writer.finish()?;
            }
        }
        Ok(Vec::new())
    }
}

impl CustomState {
    /// Starts the large objects of `entry`, unless they are being written, and ends those of another one.
    fn enter_large_objects(&mut self, entry: Option<i32>) -> Result<()> {
        if self.large_objects == entry {
            return Ok(());
        }
        if self.large_objects.take().is_some() {
            self.writer.end_large_objects()?;
        }
        if let Some(id) = entry {
            self.writer.start_large_objects(id)?;
            self.large_objects = Some(id);
        }
        Ok(())
    }
}

/// What is behind a lock stays whole when a thread panics: the run fails then, and the target is never finished.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn flush_list(writer: &DirectoryWriter, list: &mut ListState) -> Result<()> {
    match list.take() {
        Some((_, mut file)) => file.flush().map_err(|failure| writer.failed(&failure)),
        None => Ok(()),
    }
}

/// Calls `visit` with the content in pieces of the size of a block.
fn each_block(content: &mut dyn Read, mut visit: impl FnMut(Vec<u8>) -> Result<()>) -> Result<()> {
    loop {
        let mut block = Vec::new();
        content.take(BLOCK_BYTES as u64).read_to_end(&mut block).map_err(stream::error)?;
        if block.is_empty() {
            return Ok(());
        }
        visit(block)?;
    }
}

/// Writes rows as COPY text, and compresses it.
struct RowEncoder {
    compression: Compression,
    framing: Framing,
}

impl Encoder for RowEncoder {
    fn encode(&self, batch: &MaskedBatch, _first_row: u64) -> Result<Encoded> {
        let mut text = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
        copy::encode(batch, &mut text);
        encode(text, self.compression, self.framing)
    }
}

struct CustomPart<'a> {
    state: &'a Mutex<CustomState>,
    id: i32,
    pieces: Pieces,
}

impl PartWriter for CustomPart<'_> {
    fn write(&mut self, encoded: Encoded) -> Result<()> {
        let writer = &mut lock(self.state).writer;
        self.pieces.add(encoded, &mut |bytes| writer.chunk(bytes))
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        let writer = &mut lock(self.state).writer;
        self.pieces.end(END_OF_ROWS, &mut |bytes| writer.chunk(bytes))?;
        writer.end_chunks()?;
        writer.block_bytes(self.id)
    }
}

struct DirectoryPart<'a> {
    writer: &'a DirectoryWriter,
    file: BufWriter<File>,
    pieces: Pieces,
    bytes: u64,
}

impl DirectoryPart<'_> {
    /// Adds `text`, ends the file, and returns its length.
    fn end(mut self, text: &[u8]) -> Result<u64> {
        let DirectoryPart { writer, file, pieces, bytes } = &mut self;
        pieces.end(text, &mut |piece| {
            *bytes += piece.len() as u64;
            file.write_all(piece).map_err(|failure| writer.failed(&failure))
        })?;
        file.flush().map_err(|failure| writer.failed(&failure))?;
        Ok(*bytes)
    }
}

impl PartWriter for DirectoryPart<'_> {
    fn write(&mut self, encoded: Encoded) -> Result<()> {
        let DirectoryPart { writer, file, pieces, bytes } = self;
        pieces.add(encoded, &mut |piece| {
            *bytes += piece.len() as u64;
            file.write_all(piece).map_err(|failure| writer.failed(&failure))
        })
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.end(END_OF_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::source::Source;
    use crate::source::archive::ArchiveSource;

    const COMPRESSIONS: [Compression; 4] =
        [Compression::None, Compression::Gzip, Compression::Lz4, Compression::Zstd];

    fn fixture(name: &str) -> ArchiveSource {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives").join(name);
        ArchiveSource::open(&path).unwrap()
    }

    fn rows(source: &ArchiveSource, index: usize) -> Vec<u8> {
        let mut rows = Vec::new();
        let mut reader = source.read(index, 64).unwrap();
        while let Some(block) = reader.next_block().unwrap() {
            rows.extend(block.bytes);
        }
        rows
    }

    fn large_objects(source: &ArchiveSource) -> Vec<(u32, Vec<u8>)> {
        let mut objects = Vec::new();
        let visited = source.visit_large_objects(&mut |_, oid, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(stream::error)?;
            objects.push((oid, bytes));
            Ok(())
        });
        visited.unwrap();
        objects
    }

    /// Writes all that `source` holds to `path`, in blocks of `block_bytes`.
    fn copy(
        source: &ArchiveSource,
        path: &Path,
        format: Format,
        compression: Compression,
        block_bytes: usize,
    ) {
        let dump = Dump { compression, ..source.dump().clone() };
        let parts = source.data().iter().map(|part| part.entry).collect();
        let target = ArchiveTarget::create(path, format, dump, parts).unwrap();
        let framing = if target.is_sequential() { Framing::Chunks } else { Framing::Files };
        for index in 0..source.data().len() {
            let mut part = target.open(index).unwrap();
            let mut reader = source.read(index, block_bytes).unwrap();
            while let Some(block) = reader.next_block().unwrap() {
                part.write(encode(block.bytes, target.compression, framing).unwrap()).unwrap();
            }
            assert!(part.finish().unwrap() > 0);
        }
        source
            .visit_large_objects(&mut |entry, oid, content| target.large_object(entry.id, oid, content))
            .unwrap();
        Box::new(target).finish().unwrap();
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        for source in [fixture("15-gzip.dump"), fixture("16-lz4-pipe.dump"), fixture("18-gzip.dir")] {
            let entries = normalized(source.dump().clone()).entries;
            for format in [Format::Custom, Format::Directory] {
                for compression in COMPRESSIONS {
                    copy(&source, &path, format, compression, 50);
                    let copied = ArchiveSource::open(&path).unwrap();
                    assert_eq!(format!("{:?}", copied.dump().entries), format!("{entries:?}"));
                    for index in 0..source.data().len() {
                        assert_eq!(rows(&copied, index), rows(&source, index), "{format:?} {compression:?}");
                    }
                    assert_eq!(large_objects(&copied), large_objects(&source), "{format:?} {compression:?}");
                }
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_target_that_is_dropped_leaves_the_old_one_and_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.dump");
        std::fs::write(&path, b"old").unwrap();
        for format in [Format::Custom, Format::Directory] {
            let dump = fixture("15-gzip.dump").dump().clone();
            drop(ArchiveTarget::create(&path, format, dump, Vec::new()).unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), b"old");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_dependency_on_a_dropped_entry_is_dropped() {
        let mut dump = fixture("15-gzip.dump").dump().clone();
        let dropped = dump.entries.iter().position(|entry| entry.kind == "TYPE").unwrap();
        let id = dump.entries.remove(dropped).id;
        assert!(dump.entries.iter().any(|entry| entry.dependencies.contains(&id)));
        assert!(!normalized(dump).entries.iter().any(|entry| entry.dependencies.contains(&id)));
    }
}
