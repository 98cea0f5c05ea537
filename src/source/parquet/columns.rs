//! Which column of a file is which column of the table, and whether the one can hold the other.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::footer::{Footer, guarded};
use super::text::is_held;
use crate::error::{Error, Place, Result};
use crate::schema::{Column, PgType, QualifiedName, Table, quoted};

/// A column of the rows.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: PgType,
}

/// The columns that a table's files have.
#[derive(Clone, Debug)]
pub struct TableColumns {
    /// The table.
    pub table: QualifiedName,
    /// The columns of the rows, in their order.
    pub columns: Vec<TableColumn>,
    /// The columns that the database computes: in a file or not, they are not read.
    pub generated: Vec<String>,
}

/// A file's columns in the order of the table's.
pub struct Bound {
    /// For each column of the rows, its place among those of the file.
    pub roots: Vec<usize>,
    /// What the reader needs to know of the file.
    pub arrow: ArrowReaderMetadata,
}

impl TableColumns {
    /// The columns of a table of the schema.
    pub fn of_table(table: &Table) -> TableColumns {
        let column = |column: &Column| TableColumn { name: column.name.clone(), ty: column.ty.clone() };
        let (generated, written): (Vec<&Column>, Vec<&Column>) =
            table.columns.iter().partition(|column| column.generated.is_some());
        TableColumns {
            table: table.name.clone(),
            columns: written.into_iter().map(column).collect(),
            generated: generated.into_iter().map(|column| column.name.clone()).collect(),
        }
    }

    /// The columns of a table that the schema does not declare, such as an extension's: those of a file, all text.
    pub fn of_file(table: QualifiedName, footer: &Footer) -> TableColumns {
        let ty = PgType::Other(QualifiedName::new("pg_catalog", "unknown"));
        let column = |field: &Arc<Field>| TableColumn { name: field.name().clone(), ty: ty.clone() };
        let columns = footer.arrow.schema().fields().iter().map(column).collect();
        TableColumns { table, columns, generated: Vec::new() }
    }

    /// Finds the columns in a file.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with table and column if the file has another one, lacks one, or
    /// has one of a type that cannot hold the column's values.
    pub fn bind(&self, footer: &Footer) -> Result<Bound> {
        let place = || Place::table(&self.table);
        let refuse = |what: String, column: &str| {
            let error = Error::snapshot(what).at(place().column(quoted(column)));
            Err(error.hint("take the data and the schema from the same database"))
        };
        let schema = footer.arrow.schema();
        let mut roots = HashMap::new();
        for (root, field) in schema.fields().iter().enumerate() {
            if roots.insert(field.name().as_str(), root).is_some() {
                return refuse("the Parquet file has a column twice".into(), field.name());
            }
            let is_known = self.columns.iter().any(|column| column.name == *field.name());
            if !is_known && !self.generated.contains(field.name()) {
                return refuse(
                    "the Parquet file has a column that the table does not have".into(),
                    field.name(),
                );
            }
        }
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        let mut order = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let Some(&root) = roots.get(column.name.as_str()) else {
                return refuse("the Parquet file lacks a column of the table".into(), &column.name);
            };
            if let Some(data_type) = int96_type(footer, root, &column.ty) {
                fields[root] = Arc::new(Field::clone(&fields[root]).with_data_type(data_type));
            }
            let data_type = fields[root].data_type();
            if !is_held(data_type, &column.ty) {
                let what =
                    format!("the Parquet file has {} in a column of `{}`", shown(data_type), column.ty);
                return refuse(what, &column.name);
            }
            order.push(root);
        }
        let arrow = match fields.iter().zip(schema.fields()).any(|(field, other)| !Arc::ptr_eq(field, other))
        {
            true => {
                let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
                guarded(|| ArrowReaderMetadata::try_new(footer.metadata.clone(), options))?
            }
            false => footer.arrow.clone(),
        };
        Ok(Bound { roots: order, arrow })
    }
}

/// How the times of twelve bytes in the column at `root`, if they are such, are read for a column of `ty`: in
/// microseconds, since their nanoseconds are of all of them, and in UTC where the column's are.
fn int96_type(footer: &Footer, root: usize, ty: &PgType) -> Option<DataType> {
    if !footer.is_int96(root) {
        return None;
    }
    let zone = matches!(ty.base(), PgType::TimestampTz(_)).then(|| "UTC".into());
    Some(DataType::Timestamp(TimeUnit::Microsecond, zone))
}

/// What an array holds, in words.
fn shown(data_type: &DataType) -> String {
    let words = match data_type {
        DataType::Null => "nothing",
        DataType::Boolean => "booleans",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "floating-point numbers",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "decimals",
        DataType::Date32 | DataType::Date64 => "dates",
        DataType::Time32(_) | DataType::Time64(_) => "times",
        DataType::Timestamp(_, None) => "timestamps without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamps in UTC",
        DataType::Utf8 => "text",
        DataType::FixedSizeBinary(bytes) => return format!("binary values of {bytes} bytes"),
        DataType::Binary => "binary values",
        DataType::List(element) => return format!("lists of {}", shown(element.data_type())),
        DataType::Struct(_) => "structures",
        DataType::Map(..) => "maps",
        other if other.is_integer() => "integers",
        _ => "values of a type that is not read",
    };
    words.into()
}
