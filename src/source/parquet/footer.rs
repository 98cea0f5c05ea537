//! The footer of a Parquet file: what the file says it holds, read so that no footer can do harm.
//!
//! Whatever the reader of the format fails with, or panics with, becomes an error of ours with the file's name; its own
//! words may quote what it read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};

use super::thrift;
use crate::error::{Error, Result};
use crate::pg::stream::{CUT_SHORT, DAMAGED};

/// What every Parquet file begins and ends with.
pub const MAGIC: &[u8] = b"PAR1";

/// What ends a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";

/// The length of the metadata and the magic word, after the metadata.
const TAIL_BYTES: u64 = 8;

/// A footer.
pub struct Footer {
    /// What the file says it holds.
    pub metadata: Arc<ParquetMetaData>,
    /// The same with the Arrow types of the columns, as the Parquet types alone give them.
    pub arrow: ArrowReaderMetadata,
}

impl Footer {
    /// Reads the footer of the file at `path`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it cannot be read, is damaged, or uses what is not read.
    pub fn read(path: &Path) -> Result<Footer> {
        let read = || {
            let metadata = Arc::new(decode(&metadata_bytes(path)?)?);
            check(&metadata)?;
            let arrow = guarded(|| {
                // Arrow types that a writer adds say less of the values than the Postgres types do.
                let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
                ArrowReaderMetadata::try_new(metadata.clone(), options)
            })?;
            Ok(Footer { metadata, arrow })
        };
        read().map_err(|error: Error| error.at(path.display()))
    }

    /// The value of the file's own metadata under `key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata.file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Whether the column at `root` holds times of twelve bytes, which do not say whether they are in UTC.
    pub fn is_int96(&self, root: usize) -> bool {
        let fields = self.metadata.file_metadata().schema_descr().root_schema().get_fields();
        fields
            .get(root)
            .is_some_and(|field| field.is_primitive() && field.get_physical_type() == PhysicalType::INT96)
    }
}

/// The bytes of the metadata, as long as they claim to be.
fn metadata_bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |error: std::io::Error| Error::read(&error);
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut head = [0; 4];
    let mut tail = [0; TAIL_BYTES as usize];
    if length < MAGIC.len() as u64 + TAIL_BYTES {
        return Err(Error::snapshot("the file is no whole Parquet file").hint(CUT_SHORT));
    }
    file.read_exact(&mut head).map_err(io)?;
    file.seek(SeekFrom::Start(length - TAIL_BYTES)).map_err(io)?;
    file.read_exact(&mut tail).map_err(io)?;
    let (bytes, magic) = tail.split_at(4);
    if magic == ENCRYPTED {
        return Err(Error::snapshot("the file is an encrypted Parquet file, which is not read"));
    }
    if magic != MAGIC || head != MAGIC {
        return Err(Error::snapshot("the file is no whole Parquet file").hint(CUT_SHORT));
    }
    let bytes = u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let start = (length - TAIL_BYTES).checked_sub(bytes).filter(|&start| start >= MAGIC.len() as u64);
    let start = start.ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let mut metadata = Vec::new();
    file.take(bytes).read_to_end(&mut metadata).map_err(io)?;
    Ok(metadata)
}

fn decode(bytes: &[u8]) -> Result<ParquetMetaData> {
    if !thrift::is_sound(bytes) {
        return Err(damaged());
    }
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    guarded(|| ParquetMetaDataReader::decode_metadata_with_options(bytes, Some(&options)))
}

/// Refuses what is not read, and numbers that cannot be.
fn check(metadata: &ParquetMetaData) -> Result<()> {
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return Err(damaged());
        }
        for column in group.columns() {
            if let Some(name) = unread_codec(column.compression()) {
                return Err(Error::snapshot(format!(
                    "the file is compressed with {name}, which is not read"
                ))
                .hint("write it with Zstandard, gzip, Snappy or LZ4"));
            }
            let sizes = [column.compressed_size(), column.uncompressed_size(), column.num_values()];
            if sizes.iter().any(|&size| size < 0) {
                return Err(damaged());
            }
        }
    }
    Ok(())
}

fn unread_codec(codec: Compression) -> Option<&'static str> {
    match codec {
        Compression::LZO => Some("LZO"),
        Compression::BROTLI(_) => Some("Brotli"),
        _ => None,
    }
}

/// Runs what reads a file; a panic of it is damage of the file.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot), without its words.
pub fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| read_error(&error)),
        Err(_) => Err(damaged()),
    }
}

/// The error for what the reader fails with.
pub fn read_error(error: &ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast_ref::<std::io::Error>() {
            Some(error) if error.raw_os_error().is_some() => Error::read(error),
            _ => damaged(),
        },
        ParquetError::NYI(_) => Error::snapshot("the Parquet file uses a form that is not read")
            .hint("write it again with another program, or with its defaults"),
        _ => damaged(),
    }
}

/// The file is not what it should be.
pub fn damaged() -> Error {
    Error::snapshot("the Parquet file is damaged").hint(DAMAGED)
}
