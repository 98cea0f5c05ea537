//! Literals: the text of one, read as a value of a type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Decimal256Array, Float64Array, Int64Array, StringArray};

use super::expression::{DECIMAL_DIGITS, Expression, Node, Type};
use super::interval::{DAY, EPOCH_DAYS};
use crate::pg::datetime::{self, Moment, Timestamp};
use crate::pg::values;

/// NULL as a value of `ty`.
pub fn null(ty: &Type) -> Expression {
    let value = arrow::array::new_null_array(&super::decode::data_type(ty), 1);
    Expression::new(Node::Literal { value, text: None }, ty.clone())
}

/// `text` as a value of `ty`; `None` if it is not one.
pub fn parse(text: &str, ty: &Type) -> Option<Expression> {
    let value = array(text, ty)?;
    Some(Expression::new(Node::Literal { value, text: Some(text.to_string()) }, ty.clone()))
}

/// A number as SQL writes it: an integer, or a decimal with the decimals that it has.
pub fn number(text: &str) -> Option<Expression> {
    if text.contains(['e', 'E']) {
        return parse(text, &Type::Float);
    }
    let decimals = text.split_once('.').map(|(_, decimals)| decimals.len());
    match decimals {
        None if text.parse::<i64>().is_ok() => parse(text, &Type::Integer),
        _ => parse(
            text,
            &Type::Numeric(i8::try_from(decimals.unwrap_or(0)).ok().filter(|scale| *scale <= 38)?),
        ),
    }
}

fn array(text: &str, ty: &Type) -> Option<ArrayRef> {
    let bytes = text.as_bytes();
    Some(match ty {
        Type::Bool => Arc::new(BooleanArray::from(vec![boolean(text)?])),
        Type::Integer => integers(text.trim().parse().ok()?),
        Type::Numeric(scale) => {
            let value = values::parse_decimal256(text.trim().as_bytes(), DECIMAL_DIGITS, *scale).ok()?;
            Arc::new(
                Decimal256Array::from(vec![value]).with_precision_and_scale(DECIMAL_DIGITS, *scale).ok()?,
            )
        }
        Type::Float => Arc::new(Float64Array::from(vec![values::parse_f64(text.trim().as_bytes()).ok()?])),
        Type::Text | Type::Padded | Type::Opaque => strings(text.to_string()),
        Type::CaseInsensitive => strings(text.to_string()),
        Type::Uuid => strings(uuid(&values::parse_uuid(bytes).ok()?)),
        Type::Enum(kind) => integers(kind.labels.iter().position(|label| label == text)? as i64),
        Type::Date => integers(date(text)?),
        Type::Timestamp => integers(timestamp(text)?),
        Type::TimestampTz => integers(timestamptz(text)?),
        Type::Time => integers(datetime::parse_time(with_seconds(text).as_bytes())?),
    })
}

fn integers(value: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![value]))
}

fn strings(value: String) -> ArrayRef {
    Arc::new(StringArray::from(vec![value]))
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "y" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A UUID as Postgres writes it.
pub fn uuid(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Days since 1970-01-01.
pub fn date(text: &str) -> Option<i64> {
    Some(match datetime::parse_date(text.trim().as_bytes())? {
        Moment::Past => i64::MIN,
        Moment::At(days) => i64::from(days),
        Moment::Future => i64::MAX,
    })
}

/// Microseconds since 2000-01-01; a date alone is its midnight.
pub fn timestamp(text: &str) -> Option<i64> {
    match date(text) {
        Some(days) => midnight(days),
        None => since_2000(datetime::parse_timestamp(instant(text).as_bytes())?),
    }
}

/// The same in UTC; without an offset it is taken to be in UTC.
pub fn timestamptz(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').map_or_else(|| text.to_string(), |text| format!("{text}+00"));
    let with_zone = datetime::parse_timestamptz(instant(&text).as_bytes());
    with_zone.map_or_else(|| timestamp(&text), since_2000)
}

/// The midnight that `days` since 1970-01-01 begin with; `None` out of bounds. The infinities stay.
pub fn midnight(days: i64) -> Option<i64> {
    match days {
        i64::MIN | i64::MAX => Some(days),
        days => (days - EPOCH_DAYS).checked_mul(DAY),
    }
}

/// Microseconds since 2000-01-01.
pub fn since_2000(moment: Moment<Timestamp>) -> Option<i64> {
    match moment {
        Moment::Past => Some(i64::MIN),
        Moment::At(Timestamp { days, microseconds }) => {
            (days - EPOCH_DAYS).checked_mul(DAY)?.checked_add(microseconds)
        }
        Moment::Future => Some(i64::MAX),
    }
}

/// ISO 8601's `T` as Postgres' blank, and a time without seconds with them.
fn instant(text: &str) -> String {
    let text = text.trim().replacen('T', " ", 1);
    match text.split_once(' ') {
        Some((date, time)) => format!("{date} {}", with_seconds(time)),
        None => text,
    }
}

fn with_seconds(time: &str) -> String {
    let end = time.find(['+', '-']).unwrap_or(time.len());
    match time[..end].matches(':').count() {
        1 => format!("{}:00{}", &time[..end], &time[end..]),
        _ => time.to_string(),
    }
}

/// Whether a literal is NULL.
pub fn is_null(value: &ArrayRef) -> bool {
    value.is_null(0)
}
