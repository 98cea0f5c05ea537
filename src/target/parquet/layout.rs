//! How a table's Parquet files look: columns, properties, metadata. The same for every file of the table.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use super::write_error;
use crate::error::Result;
use crate::schema::arrow::arrow_field;
use crate::schema::{QualifiedName, Table};

/// The level of zstd: the fastest, since a copy for staging is written often and kept for a short time.
const ZSTD_LEVEL: i32 = 1;

/// The form of a table's files.
pub(super) struct Layout {
    /// The table's name.
    pub table: QualifiedName,
    /// For each column of the files, its index in the table's columns.
    pub columns: Vec<usize>,
    /// The columns of the files, with the types that readers see.
    pub schema: SchemaRef,
    root: TypePtr,
    properties: WriterPropertiesPtr,
}

impl Layout {
    /// The layout of `table`'s files: its columns in its order, without the generated ones unless `has_values` says
    /// that the rows have values of them.
    pub fn new(table: &Table, has_values: impl Fn(usize) -> bool) -> Result<Self> {
        let indexes = 0..table.columns.len();
        let is_written = |&index: &usize| table.columns[index].generated.is_none() || has_values(index);
        let (columns, omitted): (Vec<usize>, Vec<usize>) = indexes.partition(is_written);
        let fields: Vec<_> = columns.iter().map(|&index| arrow_field(&table.columns[index])).collect();
        let schema = Arc::new(Schema::new(fields));
        let root = ArrowSchemaConverter::new().convert(&schema).map_err(|error| write_error(&error))?;
        let mut properties = properties(metadata(table, &omitted))?;
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        Ok(Layout {
            table: table.name.clone(),
            columns,
            schema,
            root: root.root_schema_ptr(),
            properties: Arc::new(properties),
        })
    }

    /// Starts a file.
    pub fn file<W: Write + Send>(&self, out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
        SerializedFileWriter::new(out, Arc::clone(&self.root), Arc::clone(&self.properties))
    }

    /// What makes the column writers of row groups.
    pub fn row_groups(&self) -> Result<RowGroups> {
        let file = self.file(io::sink()).map_err(|error| write_error(&error))?;
        Ok(RowGroups(ArrowRowGroupWriterFactory::new(&file, Arc::clone(&self.schema))))
    }
}

/// Makes the column writers of row groups.
pub(super) struct RowGroups(ArrowRowGroupWriterFactory);

impl RowGroups {
    /// A writer for each leaf column, in the order of the columns.
    pub fn column_writers(&self) -> Result<Vec<ArrowColumnWriter>> {
        // The number of the row group matters to encrypted files only.
        self.0.create_column_writers(0).map_err(|error| write_error(&error))
    }
}

fn properties(metadata: Vec<KeyValue>) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|error| write_error(&error))?;
    // Row groups are small, so statistics of each column chunk do: an index of pages would only add to the footer,
    // which is held in memory until a file is complete.
    Ok(WriterProperties::builder()
        .set_created_by("mask".to_string())
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(metadata))
        .build())
}

/// The metadata of a file: the table's true name, and the columns that are not in it as a JSON list.
fn metadata(table: &Table, omitted: &[usize]) -> Vec<KeyValue> {
    let mut metadata = vec![
        KeyValue::new("pg.schema".to_string(), table.name.schema.clone()),
        KeyValue::new("pg.table".to_string(), table.name.name.clone()),
    ];
    if !omitted.is_empty() {
        let names: Vec<_> = omitted.iter().map(|&index| table.columns[index].name.as_str()).collect();
        metadata
            .push(KeyValue::new("pg.generated_columns".to_string(), serde_json::json!(names).to_string()));
    }
    metadata
}
