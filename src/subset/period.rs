//! Ranges of temporal keys (`PERIOD`, PostgreSQL 18), and which of them overlap.

use crate::pg::datetime::{Moment, parse_date, parse_timestamp, parse_timestamptz};
use crate::schema::PgType;

/// What a value of a range or multirange type covers: each range from its least to its greatest point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period(Option<Vec<(Point, Point)>>);

/// A place on the axis, and a step: just after it where a lower bound leaves it out, just before it for an upper one.
type Point = (i128, i8);

impl Period {
    /// Reads a value of the type `ty`. What cannot be read, and ranges of types other than PostgreSQL's own, overlap with
    /// everything.
    pub fn read(ty: &PgType, value: &[u8]) -> Self {
        let name = match ty.base() {
            PgType::Other(name) => &name.name[..],
            _ => "",
        };
        let point: fn(&[u8]) -> Option<i128> = match name {
            "daterange" | "datemultirange" => |text| moment(parse_date(text)?, |day| Some(i128::from(day))),
            "tsrange" | "tsmultirange" => {
                |text| moment(parse_timestamp(text)?, |at| at.unix_microseconds().map(i128::from))
            }
            "tstzrange" | "tstzmultirange" => {
                |text| moment(parse_timestamptz(text)?, |at| at.unix_microseconds().map(i128::from))
            }
            "int4range" | "int4multirange" | "int8range" | "int8multirange" => {
                |text| std::str::from_utf8(text).ok()?.parse().ok()
            }
            _ => return Period(None),
        };
        Period(ranges(value, point))
    }

    /// Whether the two have a point in common.
    pub fn overlaps(&self, other: &Period) -> bool {
        let (Some(ranges), Some(others)) = (&self.0, &other.0) else { return true };
        let overlap = |a: &(Point, Point), b: &(Point, Point)| a.0 <= b.1 && b.0 <= a.1;
        ranges.iter().any(|range| others.iter().any(|other| overlap(range, other)))
    }
}

fn moment<T>(moment: Moment<T>, at: impl FnOnce(T) -> Option<i128>) -> Option<i128> {
    match moment {
        Moment::Past => Some(i128::MIN + 1),
        Moment::At(time) => at(time),
        Moment::Future => Some(i128::MAX - 1),
    }
}

/// Reads `[low,high)`, `empty`, or several in braces; `None` if it is neither.
fn ranges(text: &[u8], point: fn(&[u8]) -> Option<i128>) -> Option<Vec<(Point, Point)>> {
    let mut found = Vec::new();
    let mut rest = match text.strip_prefix(b"{") {
        Some(inside) => inside.strip_suffix(b"}")?,
        None => text,
    };
    if rest == b"empty" {
        return Some(found);
    }
    while let Some((&open, after)) = rest.split_first() {
        if open == b',' {
            rest = after;
            continue;
        }
        let comma = after.iter().position(|&byte| byte == b',')?;
        let close = after.iter().position(|&byte| matches!(byte, b']' | b')'))?;
        let (low, high) = (unquoted(&after[..comma]), unquoted(after.get(comma + 1..close)?));
        let low = match (low, open) {
            (b"", _) => (i128::MIN, 0),
            (low, b'[') => (point(low)?, 0),
            (low, b'(') => (point(low)?, 1),
            _ => return None,
        };
        let high = match (high, after[close]) {
            (b"", _) => (i128::MAX, 0),
            (high, b']') => (point(high)?, 0),
            (high, _) => (point(high)?, -1),
        };
        found.push((low, high));
        rest = &after[close + 1..];
    }
    Some(found)
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::QualifiedName;

    fn overlap(ty: &str, a: &str, b: &str) -> bool {
        let ty = PgType::Other(QualifiedName::new("pg_catalog", ty));
        let period = |text: &str| Period::read(&ty, text.as_bytes());
        let overlaps = period(a).overlaps(&period(b));
        assert_eq!(overlaps, period(b).overlaps(&period(a)));
        overlaps
    }

    #[test]
    fn periods_overlap_where_they_have_a_point_in_common() {
        assert!(overlap("daterange", "[2024-01-01,2024-02-01)", "[2024-01-31,2024-03-01)"));
        assert!(!overlap("daterange", "[2024-01-01,2024-02-01)", "[2024-02-01,2024-03-01)"));
        assert!(overlap("daterange", "[2024-01-01,)", "(,2024-01-02)"));
        assert!(overlap("daterange", "[2024-01-01,infinity)", "[9999-01-01,)"));
        assert!(!overlap("daterange", "empty", "(,)"));
        assert!(overlap("int4range", "[1,3]", "[3,9)"));
        assert!(overlap("int8multirange", "{[1,2),[5,9)}", "{[2,3),[8,10)}"));
        assert!(!overlap("int8multirange", "{[1,2),[5,9)}", "{[2,3),[9,10)}"));
        let noon = "[\"2024-01-01 12:00:00+02\",\"2024-01-01 13:00:00+02\")";
        assert!(overlap("tstzrange", noon, "[\"2024-01-01 10:30:00+00\",)"));
        assert!(!overlap("tstzrange", noon, "[\"2024-01-01 11:00:00+00\",)"));
    }

    #[test]
    fn what_cannot_be_read_overlaps_with_everything() {
        assert!(overlap("floatrange", "[1,2)", "[3,4)"));
        for broken in ["", "[", "[1", "[1,", "{[1,2)", "x", "[a,b)", "[1)2,"] {
            overlap("int4range", broken, "[3,4)");
        }
        assert!(overlap("int4range", "[a,b)", "[3,4)"));
    }
}
