//! `clamp`: numbers, dates and timestamps held within a range.

use super::number::{self, Arithmetic, Decimal, Whole, is_number};
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::pg::datetime::{Moment, Timestamp, parse_date, parse_timestamp, parse_timestamptz};
use crate::schema::PgType;

pub static CLAMP: Function = Function {
    name: "clamp",
    summary: "Replace a number, date or timestamp below a range by its least value and one above by its greatest; \
              all others, and NaN, stay as they are",
    parameters: &[
        Parameter {
            name: "min",
            help: "the least value; a date may stand for its midnight (UTC for `timestamptz`); this or `max` is required",
        },
        Parameter { name: "max", help: "the greatest value" },
    ],
    example: Example {
        rule: r#"{ fn = "clamp", max = 90 }"#,
        ty: PgType::Int4,
        input: "97",
        output: Some("90"),
    },
    domain: "clamp",
    domain_by: None,
    takes: |ty| is_number(ty) || is_dated(ty),
    takes_text: "numbers (`smallint`, `integer`, `bigint`, `numeric`, `real`, `double precision`), `date`, `timestamp`, \
                 `timestamptz`",
    build,
};

fn is_dated(ty: &PgType) -> bool {
    matches!(ty.base(), PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_))
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    if build.parameters.0.get("min").or(build.parameters.0.get("max")).is_none() {
        return Err(Refusal::new("`clamp` has neither `min` nor `max`").hint("add one, such as `max = 90`"));
    }
    if is_dated(build.ty) { built_of_dates(build) } else { built_of_numbers(build) }
}

/// A range of numbers.
struct Numbers {
    min: Option<Decimal>,
    max: Option<Decimal>,
}

impl Arithmetic for Numbers {
    fn exact<T: Whole>(&self, units: T, scale: u32, _subject: &[u8], _fits: impl Fn(&T) -> bool) -> T {
        let units = self.min.map_or(units.clone(), |min| units.max(min.at(scale)));
        self.max.map_or(units.clone(), |max| units.min(max.at(scale)))
    }

    fn float(&self, value: f64, _subject: &[u8]) -> f64 {
        let value = self.min.map_or(value, |min| value.max(min.float()));
        self.max.map_or(value, |max| value.min(max.float()))
    }

    fn decimals(&self) -> u32 {
        self.min.iter().chain(&self.max).map(|bound| bound.decimals()).max().unwrap_or(0)
    }
}

fn built_of_numbers(build: &Build<'_>) -> Result<Built, Refusal> {
    let (min, max) = (build.parameters.decimal("min")?, build.parameters.decimal("max")?);
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(swapped());
    }
    number::built(build, Numbers { min, max })
}

fn swapped() -> Refusal {
    Refusal::new("`min` is above `max`").hint("swap the two")
}

/// A range of dates or timestamps, and how its ends are written.
struct Dates {
    read: fn(&[u8]) -> Option<(i64, i64)>,
    min: Option<((i64, i64), String)>,
    max: Option<((i64, i64), String)>,
}

impl TextMask for Dates {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let moment = (self.read)(value.as_bytes()).ok_or("is not a date or timestamp in ISO form")?;
        let below = self.min.as_ref().filter(|(min, _)| moment < *min);
        let above = self.max.as_ref().filter(|(max, _)| moment > *max);
        out.push_str(below.or(above).map_or(value, |(_, end)| end));
        Ok(())
    }
}

/// Days and microseconds since 1970, in order of time; the infinities before and after all others.
fn in_order<T>(moment: Moment<T>, at: impl Fn(T) -> (i64, i64)) -> (i64, i64) {
    match moment {
        Moment::Past => (i64::MIN, 0),
        Moment::At(moment) => at(moment),
        Moment::Future => (i64::MAX, 0),
    }
}

fn read_date(text: &[u8]) -> Option<(i64, i64)> {
    Some(in_order(parse_date(text)?, |days| (days.into(), 0)))
}

fn read_timestamp(text: &[u8]) -> Option<(i64, i64)> {
    Some(in_order(parse_timestamp(text)?, Timestamp::within_day))
}

fn read_timestamptz(text: &[u8]) -> Option<(i64, i64)> {
    Some(in_order(parse_timestamptz(text)?, Timestamp::within_day))
}

fn built_of_dates(build: &Build<'_>) -> Result<Built, Refusal> {
    let (read, time): (fn(&[u8]) -> _, _) = match build.ty.base() {
        PgType::Date => (read_date, ""),
        PgType::Timestamp(_) => (read_timestamp, " 00:00:00"),
        _ => (read_timestamptz, " 00:00:00+00"),
    };
    let end = |name: &str| match build.parameters.0.get(name) {
        None => Ok(None),
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string().replace('T', " "), str::to_string);
            let text = if read_date(text.as_bytes()).is_some() { midnight(&text, time) } else { text };
            match read(text.as_bytes()) {
                Some(moment) => Ok(Some((moment, text))),
                None => Err(Refusal::new(format!("`{name}` is no value of the type `{}`", build.ty))
                    .hint(format!("write it as Postgres does, such as `{name} = \"1950-01-01{time}\"`"))),
            }
        }
    };
    let (min, max) = (end("min")?, end("max")?);
    if min.as_ref().zip(max.as_ref()).is_some_and(|(min, max)| min.0 > max.0) {
        return Err(swapped());
    }
    Ok(Built::text(Dates { read, min, max }, Uniqueness::None, None))
}

/// A date with the `time` after it, before the era.
fn midnight(date: &str, time: &str) -> String {
    match date.strip_suffix(" BC") {
        _ if date.ends_with("infinity") => date.to_string(),
        Some(date) => format!("{date}{time} BC"),
        None => format!("{date}{time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn numbers_are_held_within_the_range() {
        let clamp = Tester::new(&CLAMP, "min = 18\nmax = 90", PgType::Int2);
        for (value, result) in [("17", "18"), ("-5", "18"), ("18", "18"), ("42", "42"), ("91", "90")] {
            assert_eq!(clamp.masked(value).unwrap(), result);
        }
        let clamp = Tester::new(&CLAMP, "max = '9.5'", PgType::Numeric(None));
        assert_eq!(clamp.masked("9.50").unwrap(), "9.50");
        assert_eq!(clamp.masked("123456789012345678901234567890").unwrap(), "9.5");
        let clamp = Tester::new(&CLAMP, "max = 1", PgType::Float8);
        assert_eq!(clamp.masked("1.5").unwrap(), "1");
    }

    #[test]
    fn dates_are_held_within_the_range() {
        let clamp = Tester::new(&CLAMP, "min = 1935-01-01", PgType::Date);
        for value in ["1934-12-31", "0044-03-15 BC", "-infinity"] {
            assert_eq!(clamp.masked(value).unwrap(), "1935-01-01");
        }
        assert_eq!(clamp.masked("1935-01-02").unwrap(), "1935-01-02");
        let clamp = Tester::new(&CLAMP, "max = '2024-01-01'", PgType::TimestampTz(None));
        assert_eq!(clamp.masked("2024-01-01 01:00:00+02").unwrap(), "2024-01-01 01:00:00+02");
        assert_eq!(clamp.masked("2024-01-01 01:00:00+00").unwrap(), "2024-01-01 00:00:00+00");
        assert_eq!(clamp.masked("infinity").unwrap(), "2024-01-01 00:00:00+00");
        let clamp = Tester::new(&CLAMP, "min = 2024-01-01T12:30:00", PgType::Timestamp(None));
        assert_eq!(clamp.masked("2024-01-01 12:29:59.9").unwrap(), "2024-01-01 12:30:00");
    }

    #[test]
    fn a_range_is_required_and_in_order() {
        let refused = |rule, ty| Tester::refused(&CLAMP, rule, ty);
        assert!(refused("", PgType::Int4).contains("neither"));
        assert!(refused("min = 2\nmax = 1", PgType::Int4).contains("above"));
        assert!(refused("min = 2024-01-02\nmax = 2024-01-01", PgType::Date).contains("above"));
        assert!(refused("min = 'soon'", PgType::Date).contains("no value"));
        assert!(refused("max = 99", PgType::Date).contains("no value"));
    }
}
