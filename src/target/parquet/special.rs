//! The cells that have no exact form in their column: kept as text in a CSV file beside the rows, and counted.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::schema::{QualifiedName, TableId};

/// The name of the CSV file in a table's folder.
pub(super) const FILE_NAME: &str = "_special.csv";
const HEADER: &[u8] = b"part,row,column,value\n";

/// A cell that is NULL in its column because its value has no exact form there.
pub(super) struct SpecialCell {
    /// Its row in the part, from 1.
    pub row: u64,
    /// The index of its column in the table.
    pub column: usize,
    /// Its value as Postgres writes it, unescaped.
    pub text: Vec<u8>,
}

/// How many cells of a column have no exact form in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialCount {
    /// The column's table.
    pub table: QualifiedName,
    /// The column.
    pub column: String,
    /// How many of its values are in the CSV file.
    pub cells: u64,
}

impl fmt::Display for SpecialCount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SpecialCount { table, column, cells } = self;
        write!(
            out,
            "{cells} values of `{table}`.`{column}` have no exact form in Parquet: NULL there, kept in `_special.csv`"
        )
    }
}

/// The counts of all columns, kept while parts are written at once.
#[derive(Default)]
pub(super) struct Counts(Mutex<BTreeMap<(TableId, usize), u64>>);

impl Counts {
    pub fn add(&self, table: TableId, cells: &[SpecialCell]) {
        let mut counts = self.lock();
        for cell in cells {
            *counts.entry((table, cell.column)).or_default() += 1;
        }
    }

    /// The counts in the order of tables and columns.
    pub fn get(&self) -> Vec<(TableId, usize, u64)> {
        self.lock().iter().map(|(&(table, column), &cells)| (table, column, cells)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(TableId, usize), u64>> {
        // A count is whole at any time, so one that a panic left is good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the special cells of one part; makes no file if there are none.
///
/// Parts of one table may be written at once, so each has a file of its own until [`join`].
pub(super) struct SpecialWriter {
    path: PathBuf,
    part: usize,
    file: Option<BufWriter<File>>,
}

impl SpecialWriter {
    /// A writer for the part whose first file is number `part`, in the table's folder.
    pub fn new(folder: &Path, part: usize) -> Self {
        SpecialWriter { path: part_path(folder, part), part, file: None }
    }

    /// Appends cells, whose columns are called `names`.
    pub fn write(&mut self, cells: &[SpecialCell], names: &[String]) -> io::Result<()> {
        if cells.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(BufWriter::new(File::create(&self.path)?));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        for cell in cells {
            write!(file, "{},{},", self.part, cell.row)?;
            write_field(file, names[cell.column].as_bytes())?;
            file.write_all(b",")?;
            write_field(file, &cell.text)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Completes the file; returns how many bytes it takes.
    pub fn finish(self) -> io::Result<u64> {
        match self.file {
            Some(file) => Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.metadata()?.len()),
            None => Ok(0),
        }
    }
}

fn part_path(folder: &Path, part: usize) -> PathBuf {
    folder.join(format!("_special-{part:05}.csv"))
}

/// Writes a field of CSV (RFC 4180), always in quotes, so that an empty text is not taken for NULL.
fn write_field(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for (index, piece) in text.split(|&byte| byte == b'"').enumerate() {
        if index > 0 {
            out.write_all(b"\"\"")?;
        }
        out.write_all(piece)?;
    }
    out.write_all(b"\"")
}

/// Joins the files of `parts` in the table's folder into one, with a header.
pub(super) fn join(folder: &Path, parts: impl Iterator<Item = usize>) -> io::Result<()> {
    let pieces: Vec<PathBuf> =
        parts.map(|part| part_path(folder, part)).filter(|path| path.exists()).collect();
    if pieces.is_empty() {
        return Ok(());
    }
    let mut joined = File::create(folder.join(FILE_NAME))?;
    joined.write_all(HEADER)?;
    for piece in pieces {
        io::copy(&mut File::open(&piece)?, &mut joined)?;
        fs::remove_file(piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_of_all_parts_are_in_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["plain".to_string(), "a \"b\"".to_string()];
        for (part, text) in [(1000, "NaN"), (0, "{\"x\",\ny}")] {
            let mut writer = SpecialWriter::new(folder.path(), part);
            writer.write(&[SpecialCell { row: 7, column: 1, text: text.into() }], &names).unwrap();
            assert_eq!(writer.finish().unwrap(), fs::metadata(part_path(folder.path(), part)).unwrap().len());
        }
        join(folder.path(), [0, 1000, 2000].into_iter()).unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join(FILE_NAME)).unwrap(),
            "part,row,column,value\n\
             0,7,\"a \"\"b\"\"\",\"{\"\"x\"\",\ny}\"\n\
             1000,7,\"a \"\"b\"\"\",\"NaN\"\n"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_special_cell_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SpecialWriter::new(folder.path(), 0);
        writer.write(&[], &[]).unwrap();
        assert_eq!(writer.finish().unwrap(), 0);
        join(folder.path(), [0].into_iter()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
