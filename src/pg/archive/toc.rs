//! The header and the table of contents of an archive, versions 1.12 (PostgreSQL 9.6) to 1.16 (PostgreSQL 17 and 18).
//!
//! The layout is that of `ReadHead`, `WriteHead`, `ReadToc` and `WriteToc` in pg_backup_archiver.c; what follows an
//! entry's fields is the format's own: an offset in a custom archive, a file name in a directory or tar archive.

use std::io::{BufRead, Write};

use super::date;
use super::wire::{Offset, WireReader, WireWriter};
use crate::error::{Error, Result};
use crate::pg::dump::{Compression, Dump, Entry, Section};
use crate::pg::encoding::{self, Transcoder};

/// The first bytes of a custom archive and of a `toc.dat`.
pub const MAGIC: &[u8] = b"PGDMP";

/// The archive version that brought the table access method (PostgreSQL 12).
const TABLE_ACCESS_METHOD: u8 = 14;
/// The archive version that brought the compression's name instead of its level (PostgreSQL 16).
pub const COMPRESSION_NAME: u8 = 15;
/// The archive version that brought the relation's kind (PostgreSQL 17).
const RELATION_KIND: u8 = 16;

const OLDEST: u8 = 12;
const NEWEST: u8 = RELATION_KIND;

/// What follows the fields of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An offset: a custom archive.
    Offsets,
    /// A file name: `toc.dat` of a directory or tar archive.
    FileNames,
}

impl Layout {
    /// The number in the header. A directory's `toc.dat` says "tar" too, as the two are laid out alike.
    fn number(self) -> u8 {
        match self {
            Layout::Offsets => 1,
            Layout::FileNames => 3,
        }
    }

    fn of_number(number: u8) -> Option<Layout> {
        match number {
            1 => Some(Layout::Offsets),
            3 | 5 => Some(Layout::FileNames),
            _ => None,
        }
    }
}

/// Where an entry's data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPlace {
    /// At an offset in the file.
    Offset(Offset),
    /// In the file of that name, without the ending of its compression; empty where there is none.
    File(String),
}

/// The table of contents as it is stored.
pub struct Toc {
    /// The header and the entries.
    pub dump: Dump,
    /// For each entry, where its data is.
    pub places: Vec<DataPlace>,
    /// The encoding of the data, as the dump calls it.
    pub encoding: String,
}

/// Reads header and table of contents; `wire` stands behind them then, and knows how wide integers are.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with file and byte if they are damaged, cut short, of another
/// version or layout, or hold text that is not in the dump's encoding.
pub fn read<R: BufRead>(wire: &mut WireReader<R>, layout: Layout) -> Result<Toc> {
    let (version, compression) = read_header(wire, layout)?;
    let minor = version.1;
    let created_at = date::read(wire)?;
    // The encoding is known once the first entries are read; names in the header wait for it.
    let database = wire.string()?;
    let server_version = wire.string()?;
    let dump_version = wire.string()?;

    let count = wire.int()?;
    let mut text = Text { transcoder: None, encoding: "UTF8".to_string() };
    let mut dump = Dump { archive_version: Some(version), compression, created_at, ..Dump::default() };
    let mut places = Vec::new();
    for _ in 0..count {
        let entry = read_entry(wire, minor, &text)?;
        let place = match layout {
            Layout::Offsets => DataPlace::Offset(wire.offset()?),
            Layout::FileNames => DataPlace::File(text.required(wire)?),
        };
        dump.entries.push(entry);
        places.push(place);
        if let Some(entry) = dump.entries.last_mut().filter(|entry| entry.kind == "ENCODING") {
            text = Text::of_entry(entry).map_err(|error| error.at(wire.position()))?;
        }
    }
    for (field, bytes) in [
        (&mut dump.database, database),
        (&mut dump.server_version, server_version),
        (&mut dump.dump_version, dump_version),
    ] {
        *field =
            bytes.map(|bytes| text.decode(bytes)).transpose().map_err(|error| error.at(wire.position()))?;
    }
    Ok(Toc { dump, places, encoding: text.encoding })
}

fn read_header<R: BufRead>(wire: &mut WireReader<R>, layout: Layout) -> Result<((u8, u8, u8), Compression)> {
    if wire.bytes::<5>()? != MAGIC {
        return Err(wire.position().damaged("this is no archive of pg_dump"));
    }
    let [major, minor, revision] = wire.bytes()?;
    if major != 1 || !(OLDEST..=NEWEST).contains(&minor) {
        return Err(Error::snapshot(format!("archives of version {major}.{minor} are not read"))
            .at(wire.position())
            .hint(format!(
                "take the snapshot with a pg_dump that writes 1.{OLDEST} to 1.{NEWEST}: 9.6 to 18"
            )));
    }
    let [int_bytes, offset_bytes, format] = wire.bytes()?;
    let wide = |bytes| (1..=16).contains(&bytes);
    if !wide(int_bytes) || !wide(offset_bytes) || Layout::of_number(format) != Some(layout) {
        return Err(wire.position().damaged("the archive's header is damaged"));
    }
    wire.widths.int_bytes = int_bytes;
    wire.widths.offset_bytes = offset_bytes;
    Ok(((major, minor, revision), read_compression(wire, minor)?))
}

fn read_compression<R: BufRead>(wire: &mut WireReader<R>, minor: u8) -> Result<Compression> {
    if minor < COMPRESSION_NAME {
        // The level; −1 is zlib's default.
        return Ok(if wire.int()? == 0 { Compression::None } else { Compression::Gzip });
    }
    match wire.byte()? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Gzip),
        2 => Ok(Compression::Lz4),
        3 => Ok(Compression::Zstd),
        _ => Err(wire.position().damaged("the archive's data is compressed in an unknown way")),
    }
}

fn read_entry<R: BufRead>(wire: &mut WireReader<R>, minor: u8, text: &Text) -> Result<Entry> {
    let id = wire.int()?;
    let has_data = wire.int()? != 0;
    let mut entry = Entry {
        id,
        has_data,
        table_oid: text.required(wire)?,
        oid: text.required(wire)?,
        tag: text.required(wire)?,
        kind: text.required(wire)?,
        section: read_section(wire)?,
        definition: text.required(wire)?,
        drop_statement: text.required(wire)?,
        copy_statement: text.required(wire)?,
        namespace: text.optional(wire)?,
        tablespace: text.optional(wire)?,
        ..Entry::default()
    };
    if minor >= TABLE_ACCESS_METHOD {
        entry.table_access_method = text.optional(wire)?;
    }
    if minor >= RELATION_KIND {
        let kind = u8::try_from(wire.int()?)
            .map_err(|_| wire.position().damaged("the archive holds an unknown kind of relation"))?;
        entry.relation_kind = (kind != 0).then_some(char::from(kind));
    }
    entry.owner = text.required(wire)?;
    let _with_oids = wire.string()?;
    while let Some(dependency) = text.optional(wire)? {
        let id = dependency
            .parse()
            .map_err(|_| wire.position().damaged("the archive holds a dependency that is no number"))?;
        entry.dependencies.push(id);
    }
    Ok(entry)
}

fn read_section<R: BufRead>(wire: &mut WireReader<R>) -> Result<Section> {
    match wire.int()? {
        1 => Ok(Section::None),
        2 => Ok(Section::PreData),
        3 => Ok(Section::Data),
        4 => Ok(Section::PostData),
        _ => Err(wire.position().damaged("the archive holds an entry of an unknown section")),
    }
}

/// Turns the strings of an archive into UTF-8.
struct Text {
    transcoder: Option<Transcoder>,
    encoding: String,
}

impl Text {
    /// The encoding that an `ENCODING` entry sets. The entry is made to say what the text is from now on: UTF-8.
    fn of_entry(entry: &mut Entry) -> Result<Text> {
        let encoding = entry.definition.split('\'').nth(1).unwrap_or_default().to_string();
        let transcoder = encoding::transcoder(&encoding)?;
        if transcoder.is_some() {
            entry.definition = "SET client_encoding = 'UTF8';\n".to_string();
        }
        Ok(Text { transcoder, encoding })
    }

    fn decode(&self, bytes: Vec<u8>) -> Result<String> {
        if let Some(transcoder) = self.transcoder.as_ref().filter(|_| !bytes.is_ascii()) {
            return transcoder.text(&bytes);
        }
        String::from_utf8(bytes).map_err(|_| {
            Error::snapshot(format!("a name in the table of contents is not valid {}", self.encoding))
                .hint("take the dump with `pg_dump --encoding`, naming the encoding of its text")
        })
    }

    fn optional<R: BufRead>(&self, wire: &mut WireReader<R>) -> Result<Option<String>> {
        let bytes = wire.string()?;
        bytes.map(|bytes| self.decode(bytes)).transpose().map_err(|error| error.at(wire.position()))
    }

    fn required<R: BufRead>(&self, wire: &mut WireReader<R>) -> Result<String> {
        Ok(self.optional(wire)?.unwrap_or_default())
    }
}

/// Writes header and table of contents; `place` says where each entry's data is, by its index.
///
/// The length of what is written does not depend on the offsets, so that they can be put in later.
///
/// # Errors
/// If the output cannot be written.
pub fn write<W: Write>(
    output: W,
    dump: &Dump,
    layout: Layout,
    place: impl Fn(usize) -> DataPlace,
) -> Result<()> {
    let mut wire = WireWriter(output);
    let version = dump.archive_version.unwrap_or(super::DEFAULT_VERSION);
    write_header(&mut wire, dump, version, layout)?;
    let count = i32::try_from(dump.entries.len())
        .map_err(|_| Error::staging("an archive cannot hold that many entries"))?;
    wire.int(count)?;
    for (index, entry) in dump.entries.iter().enumerate() {
        write_entry(&mut wire, entry, version.1)?;
        match place(index) {
            DataPlace::Offset(offset) => wire.offset(offset)?,
            DataPlace::File(name) => wire.string(Some(&name))?,
        }
    }
    Ok(())
}

fn write_header<W: Write>(
    wire: &mut WireWriter<W>,
    dump: &Dump,
    (major, minor, revision): (u8, u8, u8),
    layout: Layout,
) -> Result<()> {
    let widths = super::wire::Widths::default();
    wire.bytes(MAGIC)?;
    wire.bytes(&[major, minor, revision, widths.int_bytes, widths.offset_bytes, layout.number()])?;
    if minor < COMPRESSION_NAME {
        wire.int(if dump.compression == Compression::None { 0 } else { -1 })?;
    } else {
        wire.bytes(&[match dump.compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Lz4 => 2,
            Compression::Zstd => 3,
        }])?;
    }
    date::write(wire, dump.created_at.unwrap_or(0))?;
    wire.string(dump.database.as_deref())?;
    wire.string(dump.server_version.as_deref())?;
    wire.string(dump.dump_version.as_deref())
}

fn write_entry<W: Write>(wire: &mut WireWriter<W>, entry: &Entry, minor: u8) -> Result<()> {
    // Restoring parses the oids, so that an entry from a script needs one too.
    let oid = |oid: &str| if oid.is_empty() { "0".to_string() } else { oid.to_string() };
    wire.int(entry.id)?;
    wire.int(i32::from(entry.has_data))?;
    wire.string(Some(&oid(&entry.table_oid)))?;
    wire.string(Some(&oid(&entry.oid)))?;
    wire.string(Some(&entry.tag))?;
    wire.string(Some(&entry.kind))?;
    wire.int(match entry.section {
        Section::None => 1,
        Section::PreData => 2,
        Section::Data => 3,
        Section::PostData => 4,
    })?;
    wire.string(Some(&entry.definition))?;
    wire.string(Some(&entry.drop_statement))?;
    // NULL is what tells data of INSERT statements from COPY data.
    wire.string(Some(entry.copy_statement.as_str()).filter(|statement| !statement.is_empty()))?;
    wire.string(entry.namespace.as_deref())?;
    wire.string(entry.tablespace.as_deref())?;
    if minor >= TABLE_ACCESS_METHOD {
        wire.string(entry.table_access_method.as_deref())?;
    }
    if minor >= RELATION_KIND {
        wire.int(entry.relation_kind.map_or(0, |kind| kind as i32))?;
    }
    wire.string(Some(&entry.owner))?;
    wire.string(Some("false"))?;
    for dependency in &entry.dependencies {
        wire.string(Some(&dependency.to_string()))?;
    }
    wire.string(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pg::archive::wire::Widths;
    use crate::pg::stream::Position;

    fn text() -> impl Strategy<Value = String> {
        "\\PC{0,12}"
    }

    prop_compose! {
        fn entry()(
            (id, has_data, section, relation_kind) in (any::<i32>(), any::<bool>(), 0..4, any::<bool>()),
            texts in proptest::array::uniform7(text()),
            (namespace, tablespace, table_access_method) in
                (any::<Option<String>>(), any::<Option<String>>(), any::<Option<String>>()),
            dependencies in any::<Vec<i32>>(),
        ) -> Entry {
            let [tag, kind, definition, drop_statement, copy_statement, owner, _] = texts;
            let section = [Section::None, Section::PreData, Section::Data, Section::PostData][section as usize];
            let relation_kind = relation_kind.then_some('r');
            let (table_oid, oid) = ("1259".to_string(), "0".to_string());
            Entry {
                id, has_data, table_oid, oid, tag, kind, section, definition, drop_statement, copy_statement,
                namespace, tablespace, table_access_method, relation_kind, owner, dependencies,
            }
        }
    }

    proptest! {
        #[test]
        fn a_table_of_contents_is_read_as_it_was_written(
            entries in proptest::collection::vec(entry(), 0..6),
            database in any::<Option<String>>(),
            seconds in -10_000_000_000i64..10_000_000_000,
            offset: u64,
            minor in OLDEST..=NEWEST,
        ) {
            let place = |_| DataPlace::Offset(Offset::Set(offset));
            let compression = if minor < COMPRESSION_NAME { Compression::Gzip } else { Compression::Zstd };
            let mut dump = Dump {
                database,
                archive_version: Some((1, minor, 0)),
                compression,
                created_at: Some(seconds),
                entries,
                ..Dump::default()
            };
            let mut bytes = Vec::new();
            write(&mut bytes, &dump, Layout::Offsets, place).unwrap();
            let end = bytes.len() as u64;
            let mut wire = WireReader::new(&bytes[..], Position::new("t", 0), end, Widths::default());
            let read = read(&mut wire, Layout::Offsets).unwrap();
            prop_assert_eq!(wire.left(), 0);
            for entry in &mut dump.entries {
                // Older versions have no place for these.
                entry.table_access_method.take_if(|_| minor < TABLE_ACCESS_METHOD);
                entry.relation_kind.take_if(|_| minor < RELATION_KIND);
            }
            prop_assert_eq!(format!("{:?}", read.dump), format!("{dump:?}"));
            prop_assert!(read.places.iter().all(|read| *read == place(0)));
        }
    }
}
