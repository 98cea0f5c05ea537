//! Casts: which a condition may write, and how arrays of one type become arrays of another.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Float64Array, Int64Array, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::decode::data_type;
use super::expression::{DECIMAL_DIGITS, Expression, Node, Type};
use super::interval::{DAY, EPOCH_DAYS};
use super::literal;
use crate::error::{Error, Result};

/// Why a value has no form in the other type.
type Reason = &'static str;

const OUT_OF_BOUNDS: Reason = "a cast of the condition is out of bounds";

/// A cast that the condition writes.
///
/// # Errors
/// If values of the one type do not become those of the other.
pub fn explicit(value: Expression, to: Type) -> Result<Expression> {
    use Type::{Bool, Date, Enum, Float, Integer, Numeric, Opaque, Time, Timestamp, TimestampTz, Uuid};
    let is_column = matches!(value.node, Node::Column(_));
    let is_allowed = match (&value.ty, &to) {
        (from, to) if from == to => true,
        (from, Type::Text) if from.is_text() => true,
        (Bool | Integer | Enum(_) | Uuid | Opaque, Type::Text) => true,
        // What Postgres would write is known only where it wrote it.
        (Numeric(_) | Float | Date | Timestamp | Time, Type::Text) => is_column,
        (from, to) if from.is_number() && to.is_number() => true,
        (Date, Timestamp | TimestampTz)
        | (Timestamp, TimestampTz | Date)
        | (TimestampTz, Timestamp | Date) => true,
        (from, Bool | Integer | Numeric(_) | Float | Date | Timestamp | TimestampTz | Time | Uuid) => {
            from.is_text()
        }
        _ => false,
    };
    match is_allowed {
        true => Ok(value.cast(to)),
        false => {
            Err(Error::rules(format!("the condition casts `{}` to `{}`", value.ty.sql_name(), to.sql_name()))
                .hint("compare it with a literal of its own type"))
        }
    }
}

/// `array`, which holds values of `from`, as values of `to`; `raw` is the COPY text of the column that it is.
///
/// # Errors
/// If a value has no form in `to`.
pub fn cast(
    array: &ArrayRef,
    from: &Type,
    to: &Type,
    raw: Option<&BinaryViewArray>,
) -> Result<ArrayRef, Reason> {
    match (from, to) {
        (from, Type::Text) => to_text(array, from, raw),
        (Type::Integer, Type::Float) => kernel(array, &DataType::Float64),
        (Type::Numeric(_), Type::Float) => kernel(array, &DataType::Float64),
        (Type::Integer | Type::Numeric(_), Type::Numeric(scale)) => {
            kernel(array, &DataType::Decimal256(DECIMAL_DIGITS, *scale))
        }
        (Type::Numeric(_), Type::Integer) => {
            let whole = kernel(array, &DataType::Decimal256(DECIMAL_DIGITS, 0))?;
            kernel(&whole, &DataType::Int64)
        }
        (Type::Float, Type::Numeric(scale)) => kernel(array, &DataType::Decimal256(DECIMAL_DIGITS, *scale)),
        (Type::Float, Type::Integer) => floats_to_integers(array),
        (Type::Date, Type::Timestamp | Type::TimestampTz) => integers(array, literal::midnight),
        (Type::Timestamp | Type::TimestampTz, Type::Date) => integers(array, |at| {
            Some(if at == i64::MIN || at == i64::MAX { at } else { at.div_euclid(DAY) + EPOCH_DAYS })
        }),
        (Type::Timestamp, Type::TimestampTz) | (Type::TimestampTz, Type::Timestamp) => Ok(array.clone()),
        (from, to) if from.is_text() && to.is_text() => Ok(array.clone()),
        (from, to) if from.is_text() => from_text(array, to),
        _ => Err("a cast of the condition is not known"),
    }
}

/// Arrow's cast, which fails where a value is lost.
fn kernel(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Reason> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|_| OUT_OF_BOUNDS)
}

fn integers(array: &ArrayRef, map: impl Fn(i64) -> Option<i64>) -> Result<ArrayRef, Reason> {
    let values: Int64Array =
        array.as_primitive::<Int64Type>().try_unary(|value| map(value).ok_or(OUT_OF_BOUNDS))?;
    Ok(Arc::new(values))
}

/// To the nearest integer, halves to the even one, as Postgres rounds.
fn floats_to_integers(array: &ArrayRef) -> Result<ArrayRef, Reason> {
    let floats: &Float64Array = array.as_primitive::<Float64Type>();
    let values: Int64Array = floats.try_unary(|value| {
        let rounded = value.round_ties_even();
        let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
        if fits { Ok(rounded as i64) } else { Err(OUT_OF_BOUNDS) }
    })?;
    Ok(Arc::new(values))
}

fn to_text(array: &ArrayRef, from: &Type, raw: Option<&BinaryViewArray>) -> Result<ArrayRef, Reason> {
    let texts = |text: &dyn Fn(usize) -> String| -> ArrayRef {
        let texts = (0..array.len()).map(|row| array.is_valid(row).then(|| text(row)));
        Arc::new(texts.collect::<StringArray>())
    };
    Ok(match from {
        Type::Bool => {
            let values: &BooleanArray = array.as_boolean();
            texts(&|row| values.value(row).to_string())
        }
        Type::Integer => {
            let values = array.as_primitive::<Int64Type>();
            texts(&|row| values.value(row).to_string())
        }
        Type::Enum(kind) => {
            let places = array.as_primitive::<Int64Type>();
            texts(&|row| kind.labels[places.value(row) as usize].clone())
        }
        Type::Padded => {
            let values = array.as_string::<i32>();
            texts(&|row| values.value(row).trim_end_matches(' ').to_string())
        }
        Type::Text | Type::CaseInsensitive | Type::Uuid | Type::Opaque => array.clone(),
        _ => {
            let raw = raw.ok_or("a cast of the condition to text is not known")?;
            super::decode::strings(raw).map_err(|(_, reason)| reason)?
        }
    })
}

fn from_text(array: &ArrayRef, to: &Type) -> Result<ArrayRef, Reason> {
    let texts = array.as_string::<i32>();
    let mut values: Vec<ArrayRef> = Vec::with_capacity(texts.len());
    for row in 0..texts.len() {
        let value = match texts.is_valid(row) {
            false => literal::null(to),
            true => literal::parse(texts.value(row), to)
                .ok_or("a text that the condition casts is not of the other type")?,
        };
        let Node::Literal { value, .. } = value.node else { continue };
        values.push(value);
    }
    if values.is_empty() {
        return Ok(arrow::array::new_empty_array(&data_type(to)));
    }
    let values: Vec<&dyn Array> = values.iter().map(|value| &**value).collect();
    arrow::compute::concat(&values).map_err(|_| OUT_OF_BOUNDS)
}
