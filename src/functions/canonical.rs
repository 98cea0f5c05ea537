//! The canonical form of a value: values that Postgres holds equal have the same, so that they mask alike, are sampled
//! alike, and are found by what refers to them.

use crate::pg::datetime::{Moment, format_time, parse_timestamp, parse_timestamptz, push_date};
use crate::pg::interval::Interval;
use crate::schema::PgType;

const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// The canonical form of `value`, a value of the type `ty` in text form; `scratch` holds it where it is not borrowed.
///
/// Blanks at the end of a `character(n)` do not count, nor the case of a `citext`, the zeros at the end of a numeric's
/// fraction, the sign of a zero, the zone that a `timestamptz` is shown in, or how a `bytea` or `uuid` is written,
/// and of an `interval` only its length does.
/// Numbers of any type that are equal have one form, and so has a number that stands in a text. A value of any other
/// type, and one that does not parse, is its own canonical form.
pub fn canonical<'a>(ty: &PgType, value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match ty.base() {
        PgType::Bpchar(_) => without_padding(value),
        PgType::Citext => lower_case(value, scratch),
        PgType::Numeric(_) => canonical_numeric(value),
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid => canonical_integer(value),
        PgType::Float4 => canonical_float(parsed::<f32>(value), value, scratch),
        PgType::Float8 => canonical_float(parsed::<f64>(value), value, scratch),
        PgType::TimestampTz(_) => canonical_timestamptz(value, scratch),
        PgType::Interval => canonical_interval(value, scratch),
        PgType::Uuid => canonical_uuid(value, scratch),
        PgType::Bytea => canonical_bytea(value, scratch),
        _ => value,
    }
}

/// The canonical form of `value`, a value of the type `ty`, among values of the type `other` that it is compared with,
/// as a foreign key compares them: as the type referred to does, to which the value is cast.
pub fn canonical_as<'a>(ty: &PgType, other: &PgType, value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match (ty.base(), other.base()) {
        // A cast to another type of characters takes the padding off.
        (PgType::Bpchar(_), _) => canonical(other, without_padding(value), scratch),
        // 0.1 of four bytes is not 0.1 of eight.
        (PgType::Float4, PgType::Float8) => {
            canonical_float(parsed::<f32>(value).map(f64::from), value, scratch)
        }
        (PgType::Float8, PgType::Float4) => canonical_float(parsed::<f64>(value), value, scratch),
        (PgType::Date, PgType::Timestamp(_)) if parse_timestamp(value).is_none() => {
            let (date, era) = match value.strip_suffix(b" BC") {
                Some(date) => (date, &b" BC"[..]),
                None => (value, &b""[..]),
            };
            replaced(scratch, &[date, b" 00:00:00", era])
        }
        (PgType::Timestamp(_), PgType::Date) => match memchr::memmem::find(value, b" 00:00:00") {
            Some(at) => replaced(scratch, &[&value[..at], &value[at + b" 00:00:00".len()..]]),
            None => value,
        },
        _ => canonical(other, value, scratch),
    }
}

/// `value` without the blanks at its end.
pub fn without_padding(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &value[..end]
}

fn replaced<'a>(scratch: &'a mut Vec<u8>, parts: &[&[u8]]) -> &'a [u8] {
    scratch.clear();
    parts.iter().for_each(|part| scratch.extend_from_slice(part));
    scratch
}

fn lower_case<'a>(value: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_ascii() => scratch.extend_from_slice(text.to_lowercase().as_bytes()),
        _ => scratch.extend(value.iter().map(u8::to_ascii_lowercase)),
    }
    scratch
}

fn canonical_numeric(value: &[u8]) -> &[u8] {
    let trimmed = if value.contains(&b'.') && !value.contains(&b'e') {
        let end = value.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
        value[..end].strip_suffix(b".").unwrap_or(&value[..end])
    } else {
        value
    };
    if trimmed == b"-0" { b"0" } else { trimmed }
}

/// An integer as Postgres writes it, from what Postgres reads as one: blanks around it, a plus, zeros before it.
fn canonical_integer(value: &[u8]) -> &[u8] {
    let trimmed = value.trim_ascii();
    let unsigned = trimmed.strip_prefix(b"+").unwrap_or(trimmed);
    let digits = unsigned.strip_prefix(b"-").unwrap_or(unsigned);
    match digits {
        [] => value,
        // What has zeros before it cannot be shortened within its sign; a number is all that Postgres writes.
        [b'0', _, ..] if unsigned.len() == digits.len() && digits.iter().all(u8::is_ascii_digit) => {
            let first = digits.iter().position(|&byte| byte != b'0').unwrap_or(digits.len() - 1);
            &digits[first..]
        }
        _ => canonical_numeric(unsigned),
    }
}

fn parsed<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn canonical_float<'a, T>(float: Option<T>, value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8]
where
    T: std::fmt::Display + PartialEq + Default,
{
    let Some(float) = float else { return value };
    scratch.clear();
    // The default is zero, and −0 equals it. A number is shown without an exponent, in as few digits as tell it apart.
    let shown = if float == T::default() { "0".to_string() } else { float.to_string() };
    scratch.extend_from_slice(shown.as_bytes());
    scratch
}

/// A `timestamptz` as a session in UTC shows it.
fn canonical_timestamptz<'a>(value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if value.ends_with(b"+00") {
        return value;
    }
    let Some(Moment::At(time)) = parse_timestamptz(value) else { return value };
    let days = time.days + time.microseconds.div_euclid(DAY_MICROSECONDS);
    let mut text = String::with_capacity(32);
    let time = format_time(time.microseconds.rem_euclid(DAY_MICROSECONDS));
    push_date(days, &format!(" {time}+00"), &mut text);
    *scratch = text.into_bytes();
    scratch
}

fn canonical_interval<'a>(value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(interval) = std::str::from_utf8(value).ok().and_then(Interval::parse) else { return value };
    replaced(scratch, &[interval.span().to_string().as_bytes()])
}

fn canonical_uuid<'a>(value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let is_hyphen = |index: usize| matches!(index, 8 | 13 | 18 | 23);
    let is_canonical = value.len() == 36
        && value.iter().enumerate().all(|(index, byte)| match is_hyphen(index) {
            true => *byte == b'-',
            false => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if is_canonical {
        return value;
    }
    let trimmed = value.trim_ascii();
    let inner = trimmed.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or(trimmed);
    let digits = inner.iter().filter(|&&byte| byte != b'-');
    if digits.clone().count() != 32 || !digits.clone().all(u8::is_ascii_hexdigit) {
        return value;
    }
    scratch.clear();
    for digit in digits {
        if is_hyphen(scratch.len()) {
            scratch.push(b'-');
        }
        scratch.push(digit.to_ascii_lowercase());
    }
    scratch
}

/// A `bytea` in hex form, also where `bytea_output` was `escape`.
fn canonical_bytea<'a>(value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    if value.starts_with(b"\\x") {
        if !value.iter().any(u8::is_ascii_uppercase) {
            return value;
        }
        scratch.extend(value.iter().map(u8::to_ascii_lowercase));
        return scratch;
    }
    scratch.extend_from_slice(b"\\x");
    let mut rest = value;
    while let [first, after @ ..] = rest {
        let (byte, left) = match after {
            [b'\\', left @ ..] if *first == b'\\' => (b'\\', left),
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', left @ ..] if *first == b'\\' => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), left)
            }
            _ => (*first, after),
        };
        const HEX: &[u8; 16] = b"0123456789abcdef";
        scratch.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        rest = left;
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(ty: PgType, value: &str) -> String {
        let mut scratch = Vec::new();
        String::from_utf8(canonical(&ty, value.as_bytes(), &mut scratch).to_vec()).unwrap()
    }

    fn of_as(ty: PgType, other: PgType, value: &str) -> String {
        let mut scratch = Vec::new();
        String::from_utf8(canonical_as(&ty, &other, value.as_bytes(), &mut scratch).to_vec()).unwrap()
    }

    #[test]
    fn equal_values_have_one_canonical_form() {
        assert_eq!(of(PgType::Bpchar(Some(4)), "ab  "), "ab");
        assert_eq!(of(PgType::Citext, "ÀB"), "àb");
        assert_eq!(of(PgType::Numeric(None), "1.500"), "1.5");
        assert_eq!(of(PgType::Numeric(None), "-0.00"), "0");
        assert_eq!(of(PgType::Numeric(None), "100"), "100");
        assert_eq!(of(PgType::Text, "A "), "A ");
        for (integer, form) in
            [("7", "7"), ("-7", "-7"), (" 007 ", "7"), ("+7", "7"), ("00", "0"), ("7.0", "7")]
        {
            assert_eq!(of(PgType::Int8, integer), form);
        }
        for (float, form) in [("-0", "0"), ("1.5", "1.5"), ("1e+02", "100"), ("NaN", "NaN"), ("x", "x")] {
            assert_eq!(of(PgType::Float8, float), form);
        }
        for zone in ["2024-02-29 23:30:00+00", "2024-03-01 01:30:00+02", "2024-02-29 18:00:00-05:30"] {
            assert_eq!(of(PgType::TimestampTz(None), zone), "2024-02-29 23:30:00+00");
        }
        assert_eq!(of(PgType::TimestampTz(None), "infinity"), "infinity");
        for uuid in ["{0190A6B2-7C3E-7D51-9F0A-3B6C1E88D2F4}", "0190a6b27c3e7d519f0a3b6c1e88d2f4"] {
            assert_eq!(of(PgType::Uuid, uuid), "0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4");
        }
        assert_eq!(of(PgType::Interval, "1 mon"), of(PgType::Interval, "30 days"));
        assert_eq!(of(PgType::Bytea, "\\xAB5c"), "\\xab5c");
        assert_eq!(of(PgType::Bytea, "a\\\\\\253"), "\\x615cab");
    }

    #[test]
    fn a_value_is_compared_as_the_type_it_refers_to() {
        assert_eq!(
            of_as(PgType::Int4, PgType::Numeric(Some((9, 2))), "7"),
            of(PgType::Numeric(None), "7.00")
        );
        assert_eq!(of_as(PgType::Numeric(None), PgType::Int8, "7.00"), "7");
        assert_eq!(of_as(PgType::Text, PgType::Int4, "07"), "7");
        assert_eq!(of_as(PgType::Bpchar(Some(5)), PgType::Text, "ab   "), "ab");
        assert_eq!(of_as(PgType::Text, PgType::Bpchar(Some(5)), "ab"), of(PgType::Bpchar(Some(5)), "ab   "));
        assert_eq!(of_as(PgType::Text, PgType::Citext, "Ab"), "ab");
        assert_ne!(of_as(PgType::Float4, PgType::Float8, "0.1"), "0.1");
        let timestamp = PgType::Timestamp(None);
        assert_eq!(of_as(PgType::Date, timestamp.clone(), "0044-03-15 BC"), "0044-03-15 00:00:00 BC");
        assert_eq!(of_as(timestamp, PgType::Date, "0044-03-15 00:00:00 BC"), "0044-03-15 BC");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_have_a_form(value in proptest::collection::vec(any::<u8>(), 0..12)) {
            for ty in [
                PgType::Bpchar(None), PgType::Citext, PgType::Numeric(None), PgType::Int4, PgType::Float4,
                PgType::Float8, PgType::TimestampTz(None), PgType::Interval, PgType::Uuid, PgType::Bytea, PgType::Date,
            ] {
                let mut scratch = Vec::new();
                let form = canonical_as(&ty, &PgType::Timestamp(None), &value, &mut scratch);
                prop_assert!(form.len() <= value.len() + 12);
                let form = canonical(&ty, &value, &mut scratch);
                prop_assert!(form.len() <= 400);
            }
        }
    }
}
