//! The Arrow type that holds each Postgres type, and so the Parquet type it is written as.
//!
//! How a value of the text form becomes one of the Arrow type, and what becomes of values that have none, is left to
//! `target::parquet`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, TimeUnit};

use super::{Column, PgType};

/// The metadata key of the column's type as the DDL writes it.
pub const TYPE_KEY: &str = "pg.type";
/// The metadata key of the column's name.
pub const NAME_KEY: &str = "pg.name";
/// The metadata key that says `true` where the column refuses NULL.
pub const NOT_NULL_KEY: &str = "pg.not_null";

/// The name of a list's items, as the Parquet format has it.
const ELEMENT: &str = "element";
/// The metadata keys of Arrow's extension types: the name, and parameters, which `arrow.json` wants though it has none.
const EXTENSION_KEYS: [&str; 2] = ["ARROW:extension:name", "ARROW:extension:metadata"];

/// The Arrow field for a column: its name, its type, and the Postgres type in the metadata.
///
/// Every field is nullable, also where the column is NOT NULL: a value that the Arrow type cannot hold becomes NULL
/// there. What the column says is in the metadata under [`NOT_NULL_KEY`].
pub fn arrow_field(column: &Column) -> Field {
    let mut metadata = HashMap::from([
        (TYPE_KEY.to_string(), column.type_text.clone()),
        (NAME_KEY.to_string(), column.name.clone()),
    ]);
    if column.not_null {
        metadata.insert(NOT_NULL_KEY.to_string(), "true".to_string());
    }
    metadata.extend(extension(&column.ty));
    Field::new(&column.name, arrow_type(&column.ty), true).with_metadata(metadata)
}

/// The Arrow type that holds values of a Postgres type; `Utf8` where only its text form is exact.
pub fn arrow_type(ty: &PgType) -> DataType {
    match ty.base() {
        PgType::Bool => DataType::Boolean,
        PgType::Int2 => DataType::Int16,
        PgType::Int4 => DataType::Int32,
        PgType::Int8 => DataType::Int64,
        PgType::Oid => DataType::UInt32,
        PgType::Float4 => DataType::Float32,
        PgType::Float8 => DataType::Float64,
        PgType::Numeric(Some((precision, scale))) => decimal_type(*precision, *scale),
        PgType::Bytea => DataType::Binary,
        PgType::Date => DataType::Date32,
        PgType::Time(_) => DataType::Time64(TimeUnit::Microsecond),
        PgType::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        PgType::TimestampTz(_) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        PgType::Uuid => DataType::FixedSizeBinary(16),
        PgType::Array(element) => DataType::List(Arc::new(element_field(element))),
        _ => DataType::Utf8,
    }
}

/// The field of the items of a list.
fn element_field(element: &PgType) -> Field {
    Field::new(ELEMENT, arrow_type(element), true).with_metadata(extension(element))
}

/// The decimal type of `numeric(precision, scale)`, or text if it has more than 76 digits.
///
/// Arrow has neither a negative scale in Parquet nor one above the precision, so the digits that such a type leaves
/// out count as well: `numeric(2,-3)` has up to 5 before the point, `numeric(3,5)` 5 after it.
fn decimal_type(precision: u16, scale: i16) -> DataType {
    let digits = match scale {
        ..0 => precision.saturating_add(scale.unsigned_abs()),
        0.. => precision.max(scale.unsigned_abs()),
    };
    let places = i8::try_from(scale.max(0));
    match (u8::try_from(digits), places) {
        (Ok(digits @ 1..=DECIMAL128_MAX_PRECISION), Ok(places)) => DataType::Decimal128(digits, places),
        (Ok(digits @ 1..=DECIMAL256_MAX_PRECISION), Ok(places)) => DataType::Decimal256(digits, places),
        _ => DataType::Utf8,
    }
}

/// The metadata of Arrow's canonical extension type for a Postgres type, from which the Parquet writer takes the
/// logical types UUID and JSON; empty for other types.
fn extension(ty: &PgType) -> HashMap<String, String> {
    let name = match ty.base() {
        PgType::Uuid => "arrow.uuid",
        PgType::Json | PgType::Jsonb => "arrow.json",
        _ => return HashMap::new(),
    };
    EXTENSION_KEYS.map(str::to_string).into_iter().zip([name.to_string(), String::new()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: u16, scale: i16) -> DataType {
        arrow_type(&PgType::Numeric(Some((precision, scale))))
    }

    #[test]
    fn a_decimal_has_the_digits_that_the_numeric_leaves_out() {
        assert_eq!(numeric(10, 2), DataType::Decimal128(10, 2));
        assert_eq!(numeric(38, 38), DataType::Decimal128(38, 38));
        assert_eq!(numeric(39, 0), DataType::Decimal256(39, 0));
        assert_eq!(numeric(76, 10), DataType::Decimal256(76, 10));
        assert_eq!(numeric(2, -3), DataType::Decimal128(5, 0));
        assert_eq!(numeric(3, 5), DataType::Decimal128(5, 5));
        assert_eq!(numeric(77, 0), DataType::Utf8);
        assert_eq!(numeric(1000, -1000), DataType::Utf8);
        assert_eq!(arrow_type(&PgType::Numeric(None)), DataType::Utf8);
    }

    #[test]
    fn a_field_says_what_the_column_is() {
        let type_text = "public.key".to_string();
        let column = Column { type_text, not_null: true, ..Column::new("Key", PgType::Uuid) };
        let field = arrow_field(&column);
        assert_eq!(field.name(), "Key");
        assert!(field.is_nullable());
        for (key, value) in [
            ("pg.type", "public.key"),
            ("pg.name", "Key"),
            ("pg.not_null", "true"),
            (EXTENSION_KEYS[0], "arrow.uuid"),
        ] {
            assert_eq!(field.metadata().get(key).map(String::as_str), Some(value));
        }
    }

    #[test]
    fn an_array_is_a_list_of_what_its_elements_are() {
        let list = arrow_type(&PgType::Array(Box::new(PgType::Int8)));
        assert_eq!(list, DataType::List(Arc::new(Field::new("element", DataType::Int64, true))));
    }
}
