//! The source over pg_dump archives: a part for each `TABLE DATA` entry, its rows cut into blocks.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{BlockReader, DataPart, Source};
use crate::error::{Place, Result};
use crate::pg::archive::{Archive, RandomAccess, VisitLargeObject};
use crate::pg::blocks::BlockCutter;
use crate::pg::copy_statement;
use crate::pg::dump::{CopyTarget, Dump, Entry};
use crate::pg::insert::{InsertOptions, insert_reader};
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
    /// Its failures carry an [`Error`] with the place; [`stream::error`](crate::pg::stream::error) takes it out.
    ///
    /// # Errors
    /// If the data cannot be found.
    pub fn raw(&self, index: usize) -> Result<Box<dyn Read + Send>> {
        self.archive.data(self.entries[index])
    }

    /// Calls `visit` with the entry, the oid and the content of each large object.
    ///
    /// # Errors
    /// If the data is damaged, or `visit` fails.
    pub fn visit_large_objects(&self, visit: &mut VisitLargeObject) -> Result<()> {
        self.archive.visit_large_objects(visit)
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
        if self.has_inserts(index) {
            let target = self.parts[index].target.clone();
            let options =
                InsertOptions { target, backslashes: false, block_bytes, place: place.clone(), line: 1 };
            return Ok(insert_reader(self.raw(index).map_err(|error| error.at(place))?, options));
        }
        let rows = self.raw(index).map_err(|error| error.at(&place))?;
        Ok(Box::new(BlockCutter::new(rows, block_bytes, place)))
    }

    fn is_seekable(&self) -> bool {
        true
    }
}

/// Where the rows of `entry` go; for INSERT statements, into the table that the entry is tagged with.
fn target_of(entry: &Entry) -> Result<CopyTarget> {
    if !entry.copy_statement.is_empty() {
        return copy_statement::parse(&entry.copy_statement)
            .map_err(|error| error.at(format!("entry {}", entry.id)));
    }
    let schema = entry.namespace.clone().unwrap_or_default();
    Ok(CopyTarget { table: QualifiedName::new(schema, entry.tag.clone()), columns: None })
}
