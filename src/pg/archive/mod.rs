//! pg_dump's archives: custom files, directories and tar files, archive versions 1.12 to 1.16 (PostgreSQL 9.6 to 18).
//!
//! [`Archive`] reads the table of contents at once and gives the data of each entry as a stream; `write` has the
//! reverse. What the entries mean is left to others. Every length is checked against what is left of the file, and a
//! stream that does not end as its format says is an error with file and byte.

mod custom;
mod date;
mod tar;
mod toc;
mod wire;
pub mod write;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use custom::{Chunks, CustomFile, LARGE_OBJECTS_BLOCK, ROWS_BLOCK};
use tar::Member;
use toc::{DataPlace, Layout, Toc};
use wire::{Offset, Widths, WireReader};

use crate::error::{Error, Result};
use crate::pg::compression::Codec;
use crate::pg::dump::{Dump, Entry};
use crate::pg::encoding;
use crate::pg::random_access::{DiskFile, Input, RandomAccess, read_from};
use crate::pg::stream::{self, Counted, Located, Position};

/// The archive version for a dump that was no archive: the oldest one that all supported pg_restore write and read.
pub const DEFAULT_VERSION: (u8, u8, u8) = (1, 14, 0);

/// The file of a directory or tar archive that holds the table of contents.
pub const TOC_FILE: &str = "toc.dat";

/// The archive version that brought a list of large objects for each entry (PostgreSQL 17).
const LIST_PER_ENTRY: u8 = 16;

/// The forms of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file that starts with `PGDMP`.
    Custom,
    /// A folder with `toc.dat`.
    Directory,
    /// A tar file whose first member is `toc.dat`.
    Tar,
}

impl Format {
    /// The form of a file that starts with `head`, of which 512 bytes are enough; `None` if it is no archive.
    pub fn of_file(head: &[u8]) -> Option<Format> {
        if head.starts_with(toc::MAGIC) {
            return Some(Format::Custom);
        }
        tar::starts_with_toc(head).then_some(Format::Tar)
    }

    /// The form of the file or folder at `path`; `None` if it is no archive.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_path(path: &Path) -> Result<Option<Format>> {
        if path.is_dir() {
            return Ok(path.join(TOC_FILE).is_file().then_some(Format::Directory));
        }
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(tar::BLOCK_BYTES).read_to_end(&mut head));
        read.map_err(|failure| Error::read(&failure).at(path.display()))?;
        Ok(Format::of_file(&head))
    }
}

/// An open archive.
pub struct Archive {
    /// Its name, for messages.
    name: String,
    dump: Dump,
    /// For each entry, where its data is.
    places: Vec<DataPlace>,
    /// The encoding of its text.
    encoding: String,
    widths: Widths,
    container: Container,
}

enum Container {
    Custom(Blocks),
    Directory(PathBuf),
    Tar(Arc<dyn RandomAccess>, HashMap<String, Member>),
}

/// The data blocks of a custom archive.
struct Blocks {
    file: Arc<dyn RandomAccess>,
    /// Where each entry's block starts, by the entry's id.
    starts: HashMap<i32, u64>,
    /// The same places in ascending order.
    ordered: Vec<u64>,
}

impl Blocks {
    fn new(file: Arc<dyn RandomAccess>, starts: HashMap<i32, u64>) -> Blocks {
        let mut ordered: Vec<u64> = starts.values().copied().collect();
        ordered.sort_unstable();
        Blocks { file, starts, ordered }
    }

    /// The bytes from one block's start to the next one's.
    fn stored_bytes(&self, id: i32) -> Option<u64> {
        let start = *self.starts.get(&id)?;
        let next = self.ordered.partition_point(|&other| other <= start);
        self.ordered.get(next).copied().unwrap_or(self.file.len()).checked_sub(start)
    }
}

impl Archive {
    /// Opens the file or folder at `path`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with file and byte if it is no archive, damaged or cut short.
    pub fn open(path: &Path) -> Result<Archive> {
        let name = path.display().to_string();
        match Format::of_path(path)? {
            Some(Format::Directory) => Archive::open_directory(path),
            Some(_) => Archive::open_seekable(&name, Arc::new(DiskFile::open(path)?)),
            None => Err(Error::snapshot("this is no archive of pg_dump").at(name)),
        }
    }

    /// Opens a custom or tar archive in `access`; `name` is for messages.
    ///
    /// # Errors
    /// As for [`Archive::open`].
    pub fn open_seekable(name: &str, access: Arc<dyn RandomAccess>) -> Result<Archive> {
        let mut head = Vec::new();
        let read =
            access.reader_at(0).and_then(|reader| reader.take(tar::BLOCK_BYTES).read_to_end(&mut head));
        read.map_err(|failure| Error::read(&failure).at(name))?;
        match Format::of_file(&head) {
            Some(Format::Tar) => Archive::open_tar(name, access),
            _ => Archive::open_custom(name, access),
        }
    }

    fn open_custom(name: &str, access: Arc<dyn RandomAccess>) -> Result<Archive> {
        let mut file = CustomFile { name, access: &*access, widths: Widths::default() };
        let mut wire = file.wire_at(0)?;
        let toc = toc::read(&mut wire, Layout::Offsets)?;
        file.widths = wire.widths;
        let first = wire.position().byte();
        expect_block_or_end(&mut wire)?;
        let starts = block_starts(&file, &toc, first)?;
        let container = Container::Custom(Blocks::new(access.clone(), starts));
        Ok(Archive::new(name, toc, wire.widths, container))
    }

    fn open_directory(path: &Path) -> Result<Archive> {
        let name = path.join(TOC_FILE).display().to_string();
        let file = DiskFile::open(&path.join(TOC_FILE))?;
        let input = read_from(&file, 0).map_err(|failure| Error::read(&failure).at(&name))?;
        let mut wire = WireReader::new(input, Position::new(&name, 0), file.len(), Widths::default());
        let toc = toc::read(&mut wire, Layout::FileNames)?;
        expect_end(&mut wire)?;
        let folder = path.display().to_string();
        Ok(Archive::new(&folder, toc, wire.widths, Container::Directory(path.to_path_buf())))
    }

    fn open_tar(name: &str, access: Arc<dyn RandomAccess>) -> Result<Archive> {
        let members = tar::members(&*access, name)?;
        let member = members.get(TOC_FILE).copied();
        let member = member.ok_or_else(|| Error::snapshot("the tar archive has no `toc.dat`").at(name))?;
        let input = read_from(&*access, member.start).map_err(|failure| Error::read(&failure).at(name))?;
        let position = Position::new(name, member.start);
        let end = member.start + member.bytes;
        let mut wire = WireReader::new(input.take(member.bytes), position, end, Widths::default());
        let toc = toc::read(&mut wire, Layout::FileNames)?;
        expect_end(&mut wire)?;
        Ok(Archive::new(name, toc, wire.widths, Container::Tar(access, members)))
    }

    fn new(name: &str, toc: Toc, widths: Widths, container: Container) -> Archive {
        let Toc { mut dump, places, encoding } = toc;
        for (entry, place) in dump.entries.iter_mut().zip(&places) {
            let nowhere = match place {
                DataPlace::Offset(offset) => *offset == Offset::NoData,
                DataPlace::File(name) => name.is_empty(),
            };
            entry.has_data &= !nowhere;
        }
        Archive { name: name.to_string(), dump, places, encoding, widths, container }
    }

    /// Its table of contents.
    pub fn dump(&self) -> &Dump {
        &self.dump
    }

    /// The data of the entry at `index`, decompressed, as UTF-8 (or the bytes of an SQL_ASCII database).
    ///
    /// The stream's failures carry an [`Error`] with the place; [`stream::error`] takes it out. With it comes the place
    /// in the file up to which it was read, which goes on as it is.
    ///
    /// # Errors
    /// If the data is not there, or its beginning is damaged.
    pub fn data(&self, index: usize) -> Result<(Box<dyn Read + Send>, Position)> {
        let (stored, position) = self.stored_data(index)?;
        match encoding::transcoder(&self.encoding)? {
            Some(transcoder) => {
                let text = Located::transcoded(transcoder.reader(stored), position.clone());
                Ok((Box::new(text), position))
            }
            None => Ok((stored, position)),
        }
    }

    fn stored_data(&self, index: usize) -> Result<(Box<dyn Read + Send>, Position)> {
        match &self.container {
            Container::Custom(blocks) => {
                let chunks = Chunks::new(self.open_block(blocks, index, ROWS_BLOCK)?);
                let position = chunks.position().clone();
                let codec = Codec::of_custom_blocks(self.dump.compression);
                Ok((decode(codec, chunks, &position)?, position))
            }
            _ => {
                let (position, input, codec) = self.open_file(self.file_name(index))?;
                Ok((decode(codec, Counted::new(input, position.clone()), &position)?, position))
            }
        }
    }

    /// The bytes of the data of the entry at `index` as stored, where they are known without reading it.
    pub fn stored_bytes(&self, index: usize) -> Option<u64> {
        match &self.container {
            Container::Custom(blocks) => blocks.stored_bytes(self.dump.entries[index].id),
            Container::Directory(folder) => {
                let (path, _) = find_file(folder, self.file_name(index))?;
                Some(path.metadata().ok()?.len())
            }
            Container::Tar(_, members) => members.get(self.file_name(index)).map(|member| member.bytes),
        }
    }

    /// Calls `visit` with the entry, the oid and the content of each large object.
    ///
    /// # Errors
    /// If the data is damaged, or `visit` fails.
    pub fn visit_large_objects(&self, visit: &mut VisitLargeObject) -> Result<()> {
        for (index, entry) in self.dump.entries.iter().enumerate() {
            if entry.kind != "BLOBS" || !entry.has_data {
                continue;
            }
            match &self.container {
                Container::Custom(blocks) => {
                    let mut wire = self.open_block(blocks, index, LARGE_OBJECTS_BLOCK)?;
                    loop {
                        let oid = wire.oid()?;
                        if oid == 0 {
                            break;
                        }
                        wire = self.visit_block(wire, |content| visit(entry, oid, content))?;
                    }
                }
                _ => self.visit_files(index, &mut |oid, content| visit(entry, oid, content))?,
            }
        }
        Ok(())
    }

    /// Decodes one large object of a custom archive for `visit`, and reads on behind it.
    fn visit_block(
        &self,
        wire: WireReader<Input>,
        visit: impl FnOnce(&mut dyn Read) -> Result<()>,
    ) -> Result<WireReader<Input>> {
        let mut chunks = Chunks::new(wire);
        let position = chunks.position().clone();
        let codec = Codec::of_custom_blocks(self.dump.compression);
        visit(&mut decode(codec, &mut chunks, &position)?)?;
        chunks.into_wire()
    }

    /// Reads the list of large objects, lines of an oid and a file name, and decodes each of them for `visit`.
    fn visit_files(
        &self,
        index: usize,
        visit: &mut dyn FnMut(u32, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        let version = self.dump.archive_version.unwrap_or(DEFAULT_VERSION);
        let (position, input, codec) = self.open_file(&list_name(version, self.dump.entries[index].id))?;
        let list = decode(codec, Counted::new(input, position.clone()), &position)?;
        for line in BufReader::new(list).lines() {
            let line = line.map_err(|failure| stream::decoder_error(failure, &position))?;
            let fields = line.split_once(' ').and_then(|(oid, name)| Some((oid.parse().ok()?, name)));
            let (oid, name) =
                fields.ok_or_else(|| position.damaged("the list of large objects is damaged"))?;
            let (position, input, codec) = self.open_file(name)?;
            let content = Counted::new(input, position.clone());
            visit(oid, &mut decode(codec, content, &position)?)?;
        }
        Ok(())
    }

    fn file_name(&self, index: usize) -> &str {
        match &self.places[index] {
            DataPlace::File(name) => name,
            DataPlace::Offset(_) => "",
        }
    }

    fn open_block(&self, blocks: &Blocks, index: usize, kind: u8) -> Result<WireReader<Input>> {
        let id = self.dump.entries[index].id;
        let byte = blocks.starts.get(&id).ok_or_else(|| {
            Error::snapshot("the archive has no data for an entry of its contents")
                .at(&self.name)
                .hint(stream::CUT_SHORT)
        })?;
        CustomFile { name: &self.name, access: &*blocks.file, widths: self.widths }
            .open_block(*byte, kind, id)
    }

    /// Opens the file `name` of a directory or tar archive, with the ending that its compression gives it.
    fn open_file(&self, name: &str) -> Result<(Position, Input, Codec)> {
        match &self.container {
            Container::Custom(..) => Err(Error::snapshot("a custom archive has no files").at(&self.name)),
            Container::Directory(folder) => {
                let (path, codec) = find_file(folder, name).ok_or_else(|| {
                    Error::snapshot("the archive has no file for an entry of its contents")
                        .at(folder.display())
                        .hint("copy the whole folder, or take the snapshot again")
                })?;
                let place = path.display().to_string();
                let input = DiskFile::open(&path).and_then(|file| {
                    read_from(&file, 0).map_err(|failure| Error::read(&failure).at(&place))
                })?;
                Ok((Position::new(&place, 0), input, codec))
            }
            Container::Tar(access, members) => {
                let member = members.get(name).ok_or_else(|| {
                    Error::snapshot("the archive has no member for an entry of its contents")
                        .at(&self.name)
                        .hint(stream::CUT_SHORT)
                })?;
                let input = read_from(&**access, member.start)
                    .map_err(|failure| Error::read(&failure).at(&self.name))?;
                let position = Position::new(&self.name, member.start);
                Ok((position, Box::new(input.take(member.bytes)), Codec::Plain))
            }
        }
    }
}

/// Reads the table of contents at the beginning of an archive in custom form, and no further; `name` is for messages.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it is damaged or cut short.
pub fn read_contents(name: &str, input: impl BufRead) -> Result<Dump> {
    let mut wire = WireReader::new(input, Position::new(name, 0), u64::MAX, Widths::default());
    Ok(toc::read(&mut wire, Layout::Offsets)?.dump)
}

/// What [`Archive::visit_large_objects`] calls: with the entry, the oid and the content.
pub type VisitLargeObject<'a> = dyn FnMut(&Entry, u32, &mut dyn Read) -> Result<()> + 'a;

/// The file of a directory or tar archive that lists the large objects of the entry `id`.
fn list_name(version: (u8, u8, u8), id: i32) -> String {
    match version.1 {
        LIST_PER_ENTRY.. => format!("blobs_{id}.toc"),
        _ => "blobs.toc".to_string(),
    }
}

/// Where the data blocks are, by the ids of their entries: from the table of contents, or by walking the file from
/// `first` on if it was written to a pipe.
fn block_starts(file: &CustomFile, toc: &Toc, first: u64) -> Result<HashMap<i32, u64>> {
    let mut starts = HashMap::new();
    for (entry, place) in toc.dump.entries.iter().zip(&toc.places).filter(|(entry, _)| entry.has_data) {
        match place {
            DataPlace::Offset(Offset::NotSet) => return file.find_blocks(first),
            DataPlace::Offset(Offset::Set(byte)) if *byte >= file.access.len() => {
                return Err(Position::new(file.name, file.access.len())
                    .cut_short("the archive ends before its last data"));
            }
            DataPlace::Offset(Offset::Set(byte)) => {
                starts.insert(entry.id, *byte);
            }
            _ => {}
        }
    }
    Ok(starts)
}

fn decode<'a>(
    codec: Codec,
    input: impl BufRead + Send + 'a,
    position: &Position,
) -> Result<Box<dyn Read + Send + 'a>> {
    let decoder = codec.decoder(input).map_err(|failure| stream::decoder_error(failure, position))?;
    Ok(Box::new(Located::decompressed(decoder, position.clone())))
}

/// Data follows the table of contents, or nothing: if another entry does, the archive's count of them is wrong.
fn expect_block_or_end<R: BufRead>(wire: &mut WireReader<R>) -> Result<()> {
    match wire.byte_or_end()? {
        None | Some(ROWS_BLOCK | LARGE_OBJECTS_BLOCK) => Ok(()),
        Some(_) => {
            Err(wire.position().damaged("the table of contents is followed by something else than data"))
        }
    }
}

fn expect_end<R: BufRead>(wire: &mut WireReader<R>) -> Result<()> {
    match wire.byte_or_end()? {
        None => Ok(()),
        Some(_) => Err(wire.position().damaged("something follows the table of contents")),
    }
}

/// The file `name` of `folder`, with one of the endings that pg_dump gives compressed files.
fn find_file(folder: &Path, name: &str) -> Option<(PathBuf, Codec)> {
    // A name out of an archive must not lead out of its folder.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return None;
    }
    [Codec::Plain, Codec::Gzip, Codec::Lz4, Codec::Zstd].into_iter().find_map(|codec| {
        let path = folder.join(format!("{name}{}", codec.extension()));
        path.is_file().then_some((path, codec))
    })
}

#[cfg(test)]
pub mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;

    /// An archive in memory.
    pub struct Memory(pub Arc<[u8]>);

    impl RandomAccess for Memory {
        fn reader_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
            let mut cursor = io::Cursor::new(self.0.clone());
            cursor.set_position(offset);
            Ok(Box::new(cursor))
        }

        fn len(&self) -> u64 {
            self.0.len() as u64
        }
    }

    /// Opens the archive `bytes` and reads all of it.
    fn read_all(bytes: &[u8]) -> Result<Vec<u8>> {
        let archive = Archive::open_seekable("test.dump", Arc::new(Memory(bytes.into())))?;
        let mut all = Vec::new();
        for (index, entry) in archive.dump().entries.iter().enumerate() {
            if entry.has_data && entry.kind != "BLOBS" {
                archive.data(index)?.0.read_to_end(&mut all).map_err(stream::error)?;
            }
        }
        archive.visit_large_objects(&mut |_, _, content| {
            content.read_to_end(&mut all).map(|_| ()).map_err(stream::error)
        })?;
        Ok(all)
    }

    const ARCHIVES: [&[u8]; 4] = [
        include_bytes!("../../../fixtures/archives/15.tar"),
        include_bytes!("../../../fixtures/archives/15-gzip.dump"),
        include_bytes!("../../../fixtures/archives/16-lz4-pipe.dump"),
        include_bytes!("../../../fixtures/archives/18-zstd.dump"),
    ];

    #[test]
    fn an_archive_cut_anywhere_gives_an_error_with_its_place() {
        for archive in ARCHIVES {
            let whole = read_all(archive).unwrap();
            for bytes in 0..archive.len() {
                match read_all(&archive[..bytes]) {
                    // What is cut off may be the padding of a tar file, or data of no entry.
                    Ok(read) => assert!(read == whole, "cut to {bytes} bytes"),
                    Err(error) => assert!(error.to_string().contains("at: test.dump"), "{error}"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_damaged_archive_is_an_error_or_read(
            archive in 0..ARCHIVES.len(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = ARCHIVES[archive].to_vec();
            for (place, byte) in damage {
                *place.get_mut(&mut bytes) = byte;
            }
            if let Err(error) = read_all(&bytes) {
                prop_assert!(error.to_string().contains("at: test.dump"), "{}", error);
            }
        }

        #[test]
        fn arbitrary_bytes_are_an_error(mut bytes: Vec<u8>, magic: bool) {
            if magic {
                bytes.splice(..0, *b"PGDMP\x01\x0e\x00\x04\x08\x01");
            }
            prop_assert!(read_all(&bytes).is_err());
        }
    }
}
