//! Appends the row groups of one part to its files, and starts the next file where one is large enough.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::encoder::RowGroup;
use super::layout::Layout;
use super::special::{Counts, SpecialWriter};
use super::write_error;
use crate::error::{Error, Place, Result};
use crate::schema::TableId;
use crate::target::{Encoded, PartWriter};

/// The bytes after which a file is complete: large enough to be read at full speed, small enough to be read by many
/// workers and copied again when a copy fails.
const FILE_BYTES: usize = 256 << 20;

/// The column chunks after which a file is complete, whatever its bytes: each takes up to a kilobyte of memory until
/// then, and a file has at most 32,767 row groups.
const FILE_CHUNKS: usize = 16 << 10;

/// The files that a part may have before their numbers run into the next part's.
pub(super) const FILES_PER_PART: usize = 1000;

/// Writes the files of one part.
pub(super) struct FileWriter<'a> {
    folder: PathBuf,
    layout: Arc<Layout>,
    table: TableId,
    column_names: Vec<String>,
    counts: &'a Counts,
    specials: SpecialWriter,
    /// Which part of its table it is, from 0.
    ordinal: usize,
    files: usize,
    open: Option<OpenFile>,
    bytes: u64,
    /// [`FILE_BYTES`], but in tests.
    pub(super) file_bytes: usize,
}

struct OpenFile {
    writer: SerializedFileWriter<File>,
    chunks: usize,
    rows: u64,
}

/// What a part writer needs to know of its part.
pub(super) struct PartPlace {
    /// The table's folder, which exists.
    pub folder: PathBuf,
    /// The table.
    pub table: TableId,
    /// Which part of its table it is, from 0.
    pub ordinal: usize,
    /// The names of all columns of the table.
    pub column_names: Vec<String>,
}

impl<'a> FileWriter<'a> {
    pub fn new(place: PartPlace, layout: Arc<Layout>, counts: &'a Counts) -> Self {
        FileWriter {
            specials: SpecialWriter::new(&place.folder, first_file(place.ordinal)),
            folder: place.folder,
            layout,
            table: place.table,
            column_names: place.column_names,
            counts,
            ordinal: place.ordinal,
            files: 0,
            open: None,
            bytes: 0,
            file_bytes: FILE_BYTES,
        }
    }

    fn append(&mut self, group: RowGroup) -> Result<(), ParquetError> {
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.start_file()?,
        };
        file.rows += group.rows;
        file.chunks += group.chunks.len();
        if !group.chunks.is_empty() {
            let mut row_group = file.writer.next_row_group()?;
            for chunk in group.chunks {
                chunk.append_to_row_group(&mut row_group)?;
            }
            row_group.close()?;
        }
        if file.writer.bytes_written() >= self.file_bytes || file.chunks >= FILE_CHUNKS {
            self.finish_file(file)
        } else {
            self.open = Some(file);
            Ok(())
        }
    }

    fn start_file(&mut self) -> Result<OpenFile, ParquetError> {
        let path = self.folder.join(file_name(self.ordinal, self.files));
        self.files += 1;
        Ok(OpenFile { writer: self.layout.file(File::create(path)?)?, chunks: 0, rows: 0 })
    }

    fn finish_file(&mut self, mut file: OpenFile) -> Result<(), ParquetError> {
        if self.layout.columns.is_empty() {
            // Parquet counts the rows of columns, so where there are none, the number would be lost.
            file.writer
                .append_key_value_metadata(KeyValue::new("pg.rows".to_string(), file.rows.to_string()));
        }
        file.writer.finish()?;
        self.bytes += file.writer.bytes_written() as u64;
        Ok(())
    }

    fn at_table(&self, error: Error) -> Error {
        error.at(Place::table(&self.layout.table))
    }
}

impl PartWriter for FileWriter<'_> {
    fn write(&mut self, encoded: Encoded) -> Result<()> {
        let Encoded::RowGroup(group) = encoded else {
            return Err(Error::staging("rows of another target were given to a Parquet file"));
        };
        if group.rows == 0 {
            return Ok(());
        }
        self.counts.add(self.table, &group.specials);
        self.specials
            .write(&group.specials, &self.column_names)
            .map_err(|error| self.at_table(Error::write(&error)))?;
        self.append(group).map_err(|error| self.at_table(write_error(&error)))
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        let table = self.layout.table.clone();
        // The first part of a table leaves a file also without rows, so that readers find the table.
        if self.open.is_none() && self.files == 0 && self.ordinal == 0 {
            self.open = Some(self.start_file().map_err(|error| self.at_table(write_error(&error)))?);
        }
        if let Some(file) = self.open.take() {
            self.finish_file(file).map_err(|error| self.at_table(write_error(&error)))?;
        }
        let specials = self.specials.finish();
        let specials = specials.map_err(|error| Error::write(&error).at(Place::table(table)))?;
        Ok(self.bytes + specials)
    }
}

/// The number of the first file of a table's part `ordinal`.
pub(super) fn first_file(ordinal: usize) -> usize {
    ordinal * FILES_PER_PART
}

/// The name of file `number` of a table's part `ordinal`.
///
/// Beyond the numbers of the part, the last one is followed by the file's own number, so that no name is another's.
fn file_name(ordinal: usize, number: usize) -> String {
    if number < FILES_PER_PART {
        format!("part-{:05}.parquet", first_file(ordinal) + number)
    } else {
        format!("part-{:05}-{number:05}.parquet", first_file(ordinal + 1) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_in_the_order_of_the_rows() {
        let names = [(0, 0), (0, 1), (0, 999), (0, 1000), (0, 12_345), (1, 0), (99, 0)];
        let names: Vec<_> = names.iter().map(|&(ordinal, number)| file_name(ordinal, number)).collect();
        assert_eq!(names[0], "part-00000.parquet");
        assert_eq!(names[5], "part-01000.parquet");
        // A reader sorts names without their ending.
        assert!(names.iter().map(|name| name.strip_suffix(".parquet")).is_sorted());
    }
}
