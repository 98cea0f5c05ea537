//! Columns of COPY text as the Arrow arrays that conditions are evaluated over.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BooleanBuilder, Decimal256Builder, Float64Builder, Int64Builder,
    StringBuilder,
};
use arrow::datatypes::DataType;

use super::expression::{DECIMAL_DIGITS, Type};
use super::literal::since_2000;
use crate::pg::datetime::{self, Moment};
use crate::pg::escape::unescape;
use crate::pg::values;
use crate::schema::PgType;

const NOT_OF_ITS_TYPE: &str = "is not of its column's type";
const TOO_LARGE: &str = "is out of the bounds of a condition (numbers of 76 digits, 20 of them decimals where the type \
                         names no scale, and neither NaN nor infinite)";

/// A row and the reason why its value has no place in a condition.
type Refused = (usize, &'static str);

/// The Arrow type of the values of `ty`.
pub fn data_type(ty: &Type) -> DataType {
    match ty {
        Type::Bool => DataType::Boolean,
        Type::Numeric(scale) => DataType::Decimal256(DECIMAL_DIGITS, *scale),
        Type::Float => DataType::Float64,
        Type::Text | Type::Padded | Type::CaseInsensitive | Type::Uuid | Type::Opaque => DataType::Utf8,
        Type::Integer | Type::Enum(_) | Type::Date | Type::Timestamp | Type::TimestampTz | Type::Time => {
            DataType::Int64
        }
    }
}

/// The values of `column`, which are of type `ty`.
///
/// # Errors
/// The first row whose value is not of the type, and why.
pub fn decode(column: &BinaryViewArray, ty: &PgType) -> Result<ArrayRef, Refused> {
    let invalid = |value: Option<i64>| value.ok_or(NOT_OF_ITS_TYPE);
    match &Type::of(ty) {
        Type::Bool => booleans(column),
        Type::Integer => {
            integers(column, |text| values::parse_integer::<i64>(text).map_err(|_| NOT_OF_ITS_TYPE))
        }
        Type::Numeric(scale) => decimals(column, *scale),
        Type::Float if *ty.base() == PgType::Float4 => {
            floats(column, |text| values::parse_f32(text).map(f64::from))
        }
        Type::Float => floats(column, values::parse_f64),
        Type::Enum(kind) => integers(column, |text| {
            invalid(kind.labels.iter().position(|label| label.as_bytes() == text).map(|place| place as i64))
        }),
        Type::Date => integers(column, |text| {
            invalid(datetime::parse_date(text).map(|date| match date {
                Moment::Past => i64::MIN,
                Moment::At(days) => i64::from(days),
                Moment::Future => i64::MAX,
            }))
        }),
        Type::Timestamp => {
            integers(column, |text| invalid(datetime::parse_timestamp(text).and_then(since_2000)))
        }
        Type::TimestampTz => {
            integers(column, |text| invalid(datetime::parse_timestamptz(text).and_then(since_2000)))
        }
        Type::Time => integers(column, |text| invalid(datetime::parse_time(text))),
        Type::Text | Type::Padded | Type::CaseInsensitive | Type::Uuid | Type::Opaque => strings(column),
    }
}

/// Calls `take` with each value, unescaped, or `None` for NULL.
fn each(
    column: &BinaryViewArray,
    mut take: impl FnMut(Option<&[u8]>) -> Result<(), &'static str>,
) -> Result<(), Refused> {
    let mut scratch = Vec::new();
    for row in 0..column.len() {
        let value = column.is_valid(row).then(|| unescape(column.value(row), &mut scratch));
        take(value).map_err(|reason| (row, reason))?;
    }
    Ok(())
}

fn integers(
    column: &BinaryViewArray,
    parse: impl Fn(&[u8]) -> Result<i64, &'static str>,
) -> Result<ArrayRef, Refused> {
    let mut builder = Int64Builder::with_capacity(column.len());
    each(column, |value| {
        builder.append_option(value.map(&parse).transpose()?);
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

fn booleans(column: &BinaryViewArray) -> Result<ArrayRef, Refused> {
    let mut builder = BooleanBuilder::with_capacity(column.len());
    each(column, |value| {
        let value = value.map(values::parse_bool).transpose().map_err(|_| NOT_OF_ITS_TYPE)?;
        builder.append_option(value);
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

fn floats(
    column: &BinaryViewArray,
    parse: impl Fn(&[u8]) -> Result<f64, values::Fault>,
) -> Result<ArrayRef, Refused> {
    let mut builder = Float64Builder::with_capacity(column.len());
    each(column, |value| {
        builder.append_option(value.map(&parse).transpose().map_err(|_| NOT_OF_ITS_TYPE)?);
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

fn decimals(column: &BinaryViewArray, scale: i8) -> Result<ArrayRef, Refused> {
    let mut builder =
        Decimal256Builder::with_capacity(column.len()).with_data_type(data_type(&Type::Numeric(scale)));
    each(column, |value| {
        let parse =
            |text: &[u8]| values::parse_decimal256(text, DECIMAL_DIGITS, scale).map_err(|_| TOO_LARGE);
        builder.append_option(value.map(parse).transpose()?);
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

/// The text of each value.
///
/// # Errors
/// The first row whose value is not UTF-8.
pub fn strings(column: &BinaryViewArray) -> Result<ArrayRef, Refused> {
    let mut builder = StringBuilder::new();
    each(column, |value| {
        let text = value.map(std::str::from_utf8).transpose().map_err(|_| "is not valid UTF-8")?;
        if builder.values_slice().len() + text.map_or(0, str::len) > i32::MAX as usize {
            return Err("makes the texts of a batch longer than 2 GiB, which a condition does not read");
        }
        builder.append_option(text);
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}
