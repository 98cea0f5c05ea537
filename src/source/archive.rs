//! The source over pg_dump archives: a part for each `TABLE DATA` entry, its rows cut into blocks.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{Block, BlockReader, DataPart, Source};
use crate::error::{Error, Place, Result};
use crate::pg::archive::{Archive, VisitLargeObject};
use crate::pg::blocks::BlockCutter;
use crate::pg::copy_statement::copy_target;
use crate::pg::dump::{CopyTarget, Dump, Entry};
use crate::pg::insert::{InsertOptions, insert_reader};
use crate::pg::random_access::RandomAccess;
use crate::pg::stream::{self, Position};
use crate::schema::QualifiedName;

/// An archive in custom, directory or tar form.
pub struct ArchiveSource {
    archive: Archive,
    parts: Vec<DataPart>,
    /// For each part, the index of its entry.
    entries: Vec<usize>,
}

impl ArchiveSource {
    /// Opens the archive at `path`: a file or a folder.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with the place if it is no archive, damaged or cut short.
    pub fn open(path: &Path) -> Result<ArchiveSource> {
        ArchiveSource::new(Archive::open(path)?).map_err(|error| error.at(path.display()))
    }

    /// Opens the custom or tar archive in `access`; `name` is for messages.
    ///
    /// # Errors
    /// As for [`ArchiveSource::open`].
    pub fn open_seekable(name: &str, access: Arc<dyn RandomAccess>) -> Result<ArchiveSource> {
        ArchiveSource::new(Archive::open_seekable(name, access)?).map_err(|error| error.at(name))
    }

    fn new(archive: Archive) -> Result<ArchiveSource> {
        refuse_twice(archive.dump())?;
        refuse_unknown_data(archive.dump())?;
        let mut parts = Vec::new();
        let mut entries = Vec::new();
        for (index, entry) in archive.dump().entries.iter().enumerate() {
            if entry.kind == "TABLE DATA" && entry.has_data {
                let target = target_of(entry)?;
                parts.push(DataPart { entry: entry.id, target, stored_bytes: archive.stored_bytes(index) });
                entries.push(index);
            }
        }
        Ok(ArchiveSource { archive, parts, entries })
    }

    /// Whether the data of part `index` is INSERT statements, so that [`ArchiveSource::raw`] is to be parsed.
    pub fn has_inserts(&self, index: usize) -> bool {
        self.archive.dump().entries[self.entries[index]].copy_statement.is_empty()
    }

    /// The text of part `index` as it was dumped: COPY text to the end marker and blank lines, or INSERT statements.
    ///
    /// Its failures carry an [`Error`] with the place; [`stream::error`] takes it out.
    ///
    /// # Errors
    /// If the data cannot be found.
    pub fn raw(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        Ok(self.archive.data(self.entries[index])?.0)
    }
}

impl Source for ArchiveSource {
    fn dump(&self) -> &Dump {
        self.archive.dump()
    }

    fn data(&self) -> &[DataPart] {
        &self.parts
    }

    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>> {
        let place = Place::table(&self.parts[index].target.table);
        let (text, position) = self.archive.data(self.entries[index]).map_err(|error| error.at(&place))?;
        let start_byte = position.byte();
        let blocks: Box<dyn BlockReader> = if self.has_inserts(index) {
            let target = self.parts[index].target.clone();
            insert_reader(text, InsertOptions { target, backslashes: false, block_bytes, place, line: 1 })
        } else {
            Box::new(BlockCutter::new(text, block_bytes, place))
        };
        Ok(Box::new(StoredBlocks { blocks, position, start_byte }))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn visit_large_objects(&self, visit: &mut VisitLargeObject<'_>) -> Result<()> {
        self.archive.visit_large_objects(visit)
    }
}

/// Blocks of an entry, and how far its stored data was read for them.
struct StoredBlocks {
    blocks: Box<dyn BlockReader>,
    position: Position,
    start_byte: u64,
}

impl BlockReader for StoredBlocks {
    fn next_block(&mut self) -> Result<Option<Block>> {
        self.blocks.next_block()
    }

    fn stored_bytes_read(&self) -> Option<u64> {
        Some(self.position.byte().saturating_sub(self.start_byte))
    }
}

/// Refuses entries whose number another one has: which of them a block of data is of would be a guess.
fn refuse_twice(dump: &Dump) -> Result<()> {
    let mut seen = HashSet::new();
    match dump.entries.iter().find(|entry| !seen.insert(entry.id)) {
        Some(entry) => Err(Error::snapshot("two entries of the table of contents have one number")
            .at(format!("entry {}", entry.id))
            .hint(stream::DAMAGED)),
        None => Ok(()),
    }
}

/// Refuses data of a kind that is not known, which would be left out in silence, and rows that are nowhere: pg_dump
/// writes data for every `TABLE DATA` entry, if only its end.
fn refuse_unknown_data(dump: &Dump) -> Result<()> {
    for entry in &dump.entries {
        let what = match (entry.kind.as_str(), entry.has_data) {
            ("TABLE DATA", false) => "an entry of rows has no data",
            ("TABLE DATA" | "BLOBS", _) | (_, false) => continue,
            (_, true) => "an entry holds data of an unknown kind",
        };
        return Err(Error::snapshot(what).at(format!("entry {}", entry.id)).hint(stream::DAMAGED));
    }
    Ok(())
}

/// Where the rows of `entry` go; for INSERT statements, into the table that the entry is tagged with.
fn target_of(entry: &Entry) -> Result<CopyTarget> {
    let schema = entry.namespace.clone().unwrap_or_default();
    if !entry.copy_statement.is_empty() {
        // Before 10.3, pg_dump set the search path to the entry's schema and left it out of the statement.
        return copy_target(&entry.copy_statement, &schema)
            .map_err(|error| error.at(format!("entry {}", entry.id)));
    }
    Ok(CopyTarget { table: QualifiedName::new(schema, entry.tag.clone()), columns: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &ArchiveSource, index: usize) -> Result<Vec<u8>> {
        let mut reader = source.read(index, 1 << 12)?;
        let mut rows = Vec::new();
        while let Some(block) = reader.next_block()? {
            rows.extend(block.bytes);
        }
        Ok(rows)
    }

    const FIXTURES: [&str; 5] = ["15-gzip.dump", "15.tar", "16-lz4-pipe.dump", "18-zstd.dump", "18-gzip.dir"];

    fn fixture(name: &str) -> ArchiveSource {
        ArchiveSource::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives").join(name))
            .unwrap()
    }

    #[test]
    fn every_form_gives_the_same_rows() {
        let mut people = String::new();
        for id in 1..=20 {
            let mail = ["\\N", "a\\tb\\\\c\\nd", "\\\\.", ""][id % 4];
            people.push_str(&format!("{id}\t{mail}\tok\n"));
        }
        for name in FIXTURES {
            let source = fixture(name);
            let target = |table: (&str, &str), columns: &[&str]| CopyTarget {
                table: QualifiedName::new(table.0, table.1),
                columns: (!columns.is_empty()).then(|| columns.iter().map(ToString::to_string).collect()),
            };
            let expected = [
                (target(("public", "nothing"), &[]), "\n\n"),
                (target(("public", "people"), &["id", "e Mail", "mood"]), &people),
                (target(("we.ird\"s", "ta(b,l e"), &["FROM stdin;", "q\"x"]), "1\tnaïve\n2\t\\N\n"),
            ];
            assert_eq!(source.data().len(), expected.len());
            for (index, (part, (target, text))) in source.data().iter().zip(&expected).enumerate() {
                assert_eq!(part.target, *target, "{name}");
                assert_eq!(String::from_utf8(rows(&source, index).unwrap()).unwrap(), *text, "{name}");
            }
        }
    }

    #[test]
    fn large_objects_come_with_their_oids() {
        for name in FIXTURES {
            let mut objects = Vec::new();
            let visited = fixture(name).visit_large_objects(&mut |entry, oid, content| {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).map_err(crate::pg::stream::error)?;
                objects.push((entry.kind.clone(), oid, bytes));
                Ok(())
            });
            visited.unwrap();
            let object = |oid, bytes: &[u8]| ("BLOBS".to_string(), oid, bytes.to_vec());
            let text = "large object ".repeat(50);
            assert_eq!(
                objects,
                [
                    object(70_001, text.as_bytes()),
                    object(70_002, b""),
                    object(4_000_000_000, &[0, 1, 2, 3, 255]),
                ],
                "{name}"
            );
        }
    }

    /// Counts the rows of public sample databases, where a folder with their dumps and facts is at hand.
    #[test]
    fn the_sample_databases_have_the_rows_of_their_facts() {
        let Some(folder) = std::env::var_os("MASK_SAMPLE_DATA").map(std::path::PathBuf::from) else {
            eprintln!("skipped: MASK_SAMPLE_DATA names no folder");
            return;
        };
        for (name, forms) in [("pagila", &["dump", "dir", "tar"][..]), ("chinook", &["dump"])] {
            let facts = std::fs::read(folder.join(name).join(format!("{name}.facts.json"))).unwrap();
            let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
            for form in forms {
                let source = ArchiveSource::open(&folder.join(name).join(format!("{name}.{form}"))).unwrap();
                let read = |index| rows(&source, index).unwrap();
                let count = |rows: Vec<u8>| rows.iter().filter(|&&byte| byte == b'\n').count();
                let total: usize = (0..source.data().len()).map(|index| count(read(index))).sum();
                assert_eq!(facts["counts"]["rows_in_tables"], total, "{name}.{form}");
            }
        }
    }
}
