//! Whether a text is a value of a type, as far as it can be told without a database.

use super::number::Written;
use super::{Build, Refusal};
use crate::pg::datetime::{parse_date, parse_time, parse_timestamp, parse_timestamptz};
use crate::pg::interval::Interval;
use crate::schema::PgType;

/// Checks that each of `values` is one of the column's type, where whole values of a column are masked.
///
/// # Errors
/// The first that is none, by its place.
pub fn check_all<'a>(build: &Build<'_>, values: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    match values.into_iter().position(|value| build.is_column && !is_literal(build.ty, value)) {
        Some(at) => {
            Err(Refusal::new(format!("value {} of the list is none of the type `{}`", at + 1, build.ty))
                .hint("write it as a dump has it, dates in ISO form"))
        }
        None => Ok(()),
    }
}

/// Whether Postgres would read `text` as a value of the type `ty`, in the form in which dumps have it; true for a type of
/// which that is not known.
pub fn is_literal(ty: &PgType, text: &str) -> bool {
    let integer = |least: i64, greatest: i64| {
        text.trim().parse::<i64>().is_ok_and(|number| (least..=greatest).contains(&number))
    };
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_bits = || text.bytes().all(|byte| matches!(byte, b'0' | b'1'));
    let bits = text.len() as u32;
    match ty.base() {
        PgType::Bool => {
            let words = ["t", "true", "f", "false", "y", "yes", "n", "no", "on", "off", "1", "0"];
            words.contains(&text.trim().to_ascii_lowercase().as_str())
        }
        PgType::Int2 => integer(i16::MIN.into(), i16::MAX.into()),
        PgType::Int4 => integer(i32::MIN.into(), i32::MAX.into()),
        PgType::Int8 => integer(i64::MIN, i64::MAX),
        PgType::Oid => integer(0, u32::MAX.into()),
        PgType::Float4 | PgType::Float8 => text.trim().parse::<f64>().is_ok(),
        PgType::Numeric(limit) => is_numeric(*limit, text.trim()),
        PgType::Date => parse_date(text.as_bytes()).is_some(),
        PgType::Time(_) => parse_time(text.as_bytes()).is_some(),
        PgType::Timestamp(_) | PgType::TimestampTz(_) => is_timestamp(text),
        PgType::Interval => Interval::parse(text).is_some(),
        PgType::Uuid => {
            let digits = text.replace(['-', '{', '}'], "");
            digits.len() == 32 && is_hex(&digits)
        }
        PgType::Json | PgType::Jsonb => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        PgType::Inet | PgType::Cidr => {
            let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
            address.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 128)
        }
        PgType::Macaddr | PgType::Macaddr8 => {
            let digits = text.replace([':', '-', '.'], "");
            matches!(digits.len(), 12 | 16) && is_hex(&digits)
        }
        PgType::Bit(len) => is_bits() && bits == len.unwrap_or(1),
        PgType::Varbit(len) => is_bits() && len.is_none_or(|len| bits <= len),
        PgType::Enum(kind) => kind.labels.iter().any(|label| label == text),
        PgType::Bytea => {
            text.strip_prefix("\\x").is_none_or(|hex| is_hex(hex) && hex.len().is_multiple_of(2))
        }
        PgType::Array(_) => text.trim_start().starts_with(['{', '[']) && text.trim_end().ends_with('}'),
        PgType::Money | PgType::TimeTz(_) => text.bytes().any(|byte| byte.is_ascii_digit()),
        _ => true,
    }
}

fn is_numeric(limit: Option<(u16, i16)>, text: &str) -> bool {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return text == "NaN" || limit.is_none();
    }
    match (Written::parse(text), limit) {
        (Some(written), Some((precision, scale))) => {
            written.whole_digits() <= usize::from(precision).saturating_add_signed(-isize::from(scale))
        }
        (Some(_), None) => true,
        (None, _) => text.parse::<f64>().is_ok_and(f64::is_finite),
    }
}

/// A date, or a date and a time, with a zone or without, as Postgres or as TOML writes them.
fn is_timestamp(text: &str) -> bool {
    let text = text.replacen('T', " ", 1);
    let text = text.strip_suffix('Z').map_or(text.clone(), |text| format!("{text}+00"));
    let bytes = text.as_bytes();
    parse_date(bytes).is_some() || parse_timestamp(bytes).is_some() || parse_timestamptz(bytes).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_type_are_told_from_others() {
        let numeric = PgType::Numeric(Some((5, 2)));
        for (ty, good, bad) in [
            (PgType::Bool, vec!["t", "FALSE", "on"], vec!["maybe", ""]),
            (PgType::Int2, vec!["-32768", " 7 "], vec!["32768", "x", "1.5", ""]),
            (PgType::Float8, vec!["1e5", "NaN", "-0"], vec!["x", "1,5"]),
            (numeric, vec!["999.99", "0", "1e2", "NaN"], vec!["1000", "x", "Infinity"]),
            (PgType::Numeric(Some((3, -2))), vec!["99999"], vec!["100000"]),
            (PgType::Date, vec!["2024-02-29", "infinity", "0044-03-15 BC"], vec!["2023-02-29", "today"]),
            (
                PgType::TimestampTz(None),
                vec!["2024-01-01", "2024-01-01T10:00:00Z", "2024-01-01 10:00:00+02"],
                vec!["now"],
            ),
            (PgType::Interval, vec!["1 day"], vec!["soon"]),
            (PgType::Uuid, vec!["0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4"], vec!["0190a6b2"]),
            (PgType::Jsonb, vec!["{\"a\": [1, null]}", "\"x\""], vec!["{", "x"]),
            (PgType::Inet, vec!["10.0.0.1", "::1/64"], vec!["10.0.0", "10.0.0.1/x"]),
            (PgType::Macaddr, vec!["08:00:2b:01:02:03"], vec!["08:00"]),
            (PgType::Bit(Some(3)), vec!["101"], vec!["10", "102"]),
            (PgType::Bytea, vec!["\\x00ff", "abc"], vec!["\\x0", "\\xgg"]),
            (PgType::Text, vec!["", "anything"], vec![]),
        ] {
            assert!(good.iter().all(|text| is_literal(&ty, text)), "{ty}");
            assert!(!bad.iter().any(|text| is_literal(&ty, text)), "{ty}");
        }
    }
}
