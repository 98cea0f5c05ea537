//! Which conditions a server decides as this crate does, whatever its settings and whatever the rows: those it may be
//! asked. What depends on a locale, may fail, or is read more freely there than here is left to `evaluate`.

use super::expression::{Expression, Node, Type};
use crate::schema::PgType;

/// The most digits of a number that no step of a condition makes too long for [`super::expression::DECIMAL_DIGITS`].
const MAX_DIGITS: u16 = 38;

/// The most characters of a decimal number that is as good as its nearest double.
const MAX_SHORT: usize = 15;

/// Doubles of this size and the like are read alike everywhere; beyond, some reader may see a zero or an infinity.
const PLAIN_DOUBLES: std::ops::Range<f64> = 1e-300..1e300;

/// Whether `expression`, over columns of these types, has the same truth on a server; where a number is NaN, which has no
/// place in a condition here, it is to be asked for that beside.
pub fn is_certain(expression: &Expression, columns: &[PgType]) -> bool {
    let all = |operands: &[Expression]| operands.iter().all(|operand| is_certain(operand, columns));
    match &expression.node {
        Node::Column(input) => is_certain_column(&columns[*input]),
        Node::Literal { text: None, .. } => expression.ty != Type::CaseInsensitive,
        Node::Literal { text: Some(text), .. } => is_plain(text, &expression.ty),
        Node::All(operands) | Node::Any(operands) | Node::Coalesce(operands) => all(operands),
        Node::Not(operand) | Node::Is(operand, _) => is_certain(operand, columns),
        Node::Compare(_, left, right) => is_certain(left, columns) && is_certain(right, columns),
        Node::In(value, list) => is_certain(value, columns) && all(list),
        Node::IsNull(operand) => match &operand.node {
            // A composite value all of whose fields are NULL is NULL to `IS NULL` alone.
            Node::Column(input) => !matches!(columns[*input].base(), PgType::Other(_) | PgType::Composite(_)),
            _ => is_certain(operand, columns),
        },
        Node::Like { text, pattern, ignores_case: false } => {
            text.ty == Type::Text && is_certain(text, columns) && is_plain_pattern(pattern)
        }
        Node::Cast(operand) => is_certain_cast(operand, &expression.ty, columns),
        // These overflow at other places, or depend on what the locale takes for upper case.
        Node::Like { .. }
        | Node::Arithmetic(..)
        | Node::Negate(_)
        | Node::Shift(..)
        | Node::AddDays(..)
        | Node::DaysBetween(..)
        | Node::Lower(_)
        | Node::Upper(_) => false,
    }
}

/// Whether every value of a column has one meaning, but for NaN.
fn is_certain_column(ty: &PgType) -> bool {
    match ty.base() {
        PgType::Numeric(Some((precision, scale))) => {
            *precision <= MAX_DIGITS && (0..=MAX_DIGITS as i16).contains(scale)
        }
        PgType::Bool
        | PgType::Int2
        | PgType::Int4
        | PgType::Int8
        | PgType::Float4
        | PgType::Float8
        | PgType::Text
        | PgType::Varchar(_)
        | PgType::Bpchar(_)
        | PgType::Enum(_)
        | PgType::Date
        | PgType::Time(_)
        | PgType::Timestamp(_)
        | PgType::TimestampTz(_)
        | PgType::Uuid => true,
        _ => false,
    }
}

fn is_certain_cast(operand: &Expression, to: &Type, columns: &[PgType]) -> bool {
    // The text of documents is what was stored; that of addresses and others is not what COPY writes.
    if let (Node::Column(input), Type::Opaque, Type::Text) = (&operand.node, &operand.ty, to) {
        return matches!(columns[*input].base(), PgType::Json | PgType::Jsonb);
    }
    let is_total = match (&operand.ty, to) {
        (Type::Integer, Type::Float | Type::Numeric(_)) => true,
        (Type::Numeric(from), Type::Numeric(to)) => from <= to,
        // So short a literal is the nearest double, whoever makes it one.
        (Type::Numeric(_), Type::Float) => {
            matches!(&operand.node, Node::Literal { text: Some(text), .. } if text.len() <= MAX_SHORT)
        }
        (Type::Bool | Type::Integer | Type::Enum(_) | Type::Uuid | Type::Padded, Type::Text) => true,
        (Type::Timestamp, Type::TimestampTz) | (Type::TimestampTz, Type::Timestamp | Type::Date) => true,
        (Type::Date, Type::Timestamp | Type::TimestampTz) => matches!(operand.node, Node::Literal { .. }),
        _ => false,
    };
    is_total && is_certain(operand, columns)
}

fn is_plain_pattern(pattern: &Expression) -> bool {
    matches!(&pattern.node, Node::Literal { text: Some(text), .. } if !text.contains('\\'))
}

/// Whether a literal is written in a way that has one meaning.
fn is_plain(text: &str, ty: &Type) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match ty {
        Type::Text | Type::Padded | Type::Enum(_) => true,
        Type::Bool => matches!(text, "true" | "false" | "t" | "f"),
        Type::Integer => is_digits(digits),
        Type::Numeric(_) => match digits.split_once('.') {
            Some((whole, decimals)) => is_digits(whole) && is_digits(decimals),
            None => is_digits(digits),
        },
        Type::Float => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
            let is_in_range = |value: f64| value == 0.0 || PLAIN_DOUBLES.contains(&value.abs());
            is_number && text.parse().is_ok_and(is_in_range)
        }
        Type::Date => shape(text) == "0000-00-00",
        Type::Time => is_time(&shape(text)),
        Type::Timestamp => is_moment(&shape(text)) && !text.contains(" 24"),
        Type::TimestampTz => is_moment(without_zone(&shape(text))) && !text.contains(" 24"),
        Type::Uuid => shape(&text.to_ascii_lowercase().replace(['a', 'b', 'c', 'd', 'e', 'f'], "0")) == UUID,
        Type::CaseInsensitive | Type::Opaque => false,
    }
}

/// The [`shape`] of a UUID.
const UUID: &str = "00000000-0000-0000-0000-000000000000";

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text with 0 for each of its digits.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

/// A date, or a date and a time, by its shape.
fn is_moment(shape: &str) -> bool {
    match shape.split_once(' ') {
        Some((date, time)) => date == "0000-00-00" && is_time(time),
        None => shape == "0000-00-00",
    }
}

/// A time with or without seconds, these with up to six decimals, by its shape.
fn is_time(shape: &str) -> bool {
    let decimals = shape.strip_prefix("00:00:00.");
    matches!(shape, "00:00" | "00:00:00") || decimals.is_some_and(|text| is_digits(text) && text.len() <= 6)
}

/// The shape of a moment without that of its offset.
fn without_zone(shape: &str) -> &str {
    let zones = ["Z", "+00", "-00", "+00:00", "-00:00"];
    // A date alone ends like an offset.
    let zone = zones.iter().filter(|_| shape.contains(':')).find(|zone| shape.ends_with(**zone));
    let shortest = zone.map_or(shape, |zone| &shape[..shape.len() - zone.len()]);
    match shape.strip_suffix("+00:00").or_else(|| shape.strip_suffix("-00:00")) {
        Some(longer) if longer.contains(':') => longer,
        _ => shortest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_known_by_their_shape() {
        let ty = Type::TimestampTz;
        for plain in
            ["2024-01-01", "2024-01-01 10:00", "2024-01-01 10:00:00.123Z", "2024-01-01 10:00:00+02:00"]
        {
            assert!(is_plain(plain, &ty), "{plain}");
        }
        for other in [
            "2024-01-01 BC",
            "infinity",
            "2024-01-01T10:00",
            "2024-01-01 10:00:00.1234567",
            "2024-01-01 24:00",
        ] {
            assert!(!is_plain(other, &ty), "{other}");
        }
        assert!(is_plain("2024-01-01 10:00", &Type::Timestamp));
        assert!(!is_plain("2024-01-01 10:00+00", &Type::Timestamp));
        assert!(is_plain("10:00:00.5", &Type::Time) && !is_plain("10", &Type::Time));
        assert!(is_plain("0A0b0c0d-0000-4000-8000-000000000001", &Type::Uuid));
        assert!(!is_plain("{0a0b0c0d-0000-4000-8000-000000000001}", &Type::Uuid));
    }

    #[test]
    fn numbers_are_plain_where_all_read_them_alike() {
        assert!(is_plain("-10.50", &Type::Numeric(2)) && is_plain("7", &Type::Integer));
        assert!(!is_plain("+7", &Type::Integer) && !is_plain("NaN", &Type::Numeric(2)));
        assert!(is_plain("1.5e3", &Type::Float));
        assert!(!is_plain("1e-320", &Type::Float) && !is_plain("Infinity", &Type::Float));
    }
}
