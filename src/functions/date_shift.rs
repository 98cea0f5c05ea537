//! `date_shift`: dates and timestamps some days off.

use super::draws::place;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::pg::datetime::{days_from_civil, parse_time, push_date, push_timestamp, split_date};
use crate::schema::PgType;

pub static DATE_SHIFT: Function = Function {
    name: "date_shift",
    summary: "Shift a date by whole days, never by none; with `by`, all dates of an owner by as many, so that the time \
              between them stays; the infinities stay",
    parameters: &[
        Parameter { name: "days", help: "the most days to shift, either way, 1 to 36500; default 365" },
        Parameter {
            name: "unit",
            help: "\"day\" for whole days, so that the time of day stays, or \"second\" for timestamps; default \"day\"",
        },
    ],
    example: Example {
        rule: r#""date_shift""#,
        ty: PgType::Date,
        input: "1984-02-29",
        output: Some("1984-12-07"),
    },
    domain: "date_shift",
    domain_by: Some("date_shift"),
    takes: |ty| matches!(ty.base(), PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_)),
    takes_text: "`date`, `timestamp`, `timestamptz`",
    build,
};

struct DateShift {
    key: DomainKey,
    max_days: i64,
    /// How long the unit is that shifts are made of.
    unit_seconds: i64,
    /// The least and the greatest day, in days from 1970-01-01.
    bounds: (i64, i64),
}

impl TextMask for DateShift {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if matches!(value, "infinity" | "-infinity") {
            out.push_str(value);
            return Ok(());
        }
        let (day, rest) = split(value).ok_or("is not a date in ISO form")?;
        let (least, greatest) = self.bounds;
        let shift = self.shift(subject);
        if self.unit_seconds < DAY {
            let (time, zone) = split_time(rest).ok_or("is not a timestamp in ISO form")?;
            let shifted = |shift: i64| {
                let seconds = time.div_euclid(SECOND) + shift;
                (day + seconds.div_euclid(DAY), seconds.rem_euclid(DAY) * SECOND + time.rem_euclid(SECOND))
            };
            let (day, time) = Some(shifted(shift))
                .filter(|(day, _)| (least..=greatest).contains(day))
                .unwrap_or_else(|| shifted(-shift));
            push_timestamp(day, time, zone, out);
            return Ok(());
        }
        let shifted = if (least..=greatest).contains(&(day + shift)) { day + shift } else { day - shift };
        push_date(shifted, rest, out);
        Ok(())
    }
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// The time of day in microseconds that comes after a date and a blank, and the zone after it.
fn split_time(rest: &str) -> Option<(i64, &str)> {
    let rest = rest.strip_prefix(' ')?;
    let (time, zone) = rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len()));
    Some((parse_time(time.as_bytes())?, zone))
}

impl DateShift {
    /// How many units the values of `subject` are shifted: as many forward as back, none never.
    fn shift(&self, subject: &[u8]) -> i64 {
        let most = self.max_days * DAY / self.unit_seconds;
        let drawn = place(&self.key.prf(subject), 0, 2 * most as usize) as i64 - most;
        if drawn < 0 { drawn } else { drawn + 1 }
    }
}

/// Splits a date as Postgres writes it under `DateStyle = ISO` into its day, and the time and zone after it.
fn split(value: &str) -> Option<(i64, &str)> {
    let (day, rest) = split_date(value.as_bytes())?;
    let is_time = |rest: &&str| rest.is_empty() || rest.starts_with(' ');
    let of_time = |byte: u8| byte.is_ascii_digit() || b" :.+-".contains(&byte);
    let rest = std::str::from_utf8(rest).ok().filter(is_time)?;
    rest.bytes().all(of_time).then_some((day, rest))
}

/// 4714-11-24 BC, the first day of all of Postgres' types.
const FIRST_DAY: (i64, i64, i64) = (-4713, 11, 24);

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let max_days = build.parameters.integer("days", 1..=36_500)?.unwrap_or(365);
    let unit = build.parameters.choice("unit", &[("day", DAY), ("second", 1)])?.unwrap_or(DAY);
    if unit < DAY && *build.ty.base() == PgType::Date {
        return Err(Refusal::new("a date has no seconds to shift by").hint("write `unit = \"day\"`"));
    }
    let last_year = if *build.ty.base() == PgType::Date { 5_874_897 } else { 294_276 };
    // A time zone may move the first and the last day out of range, so those are left out.
    let (year, month, day) = FIRST_DAY;
    let bounds = (days_from_civil(year, month, day) + 1, days_from_civil(last_year, 12, 31) - 1);
    let mask = DateShift { key: build.key.clone(), max_days, unit_seconds: unit, bounds };
    Ok(Built::text(mask, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;
    use crate::pg::datetime::{Moment, parse_timestamptz};
    use proptest::prelude::*;

    fn masked(ty: PgType, value: &str, owner: &str) -> Result<String, &'static str> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("date_shift");
        let parameters = Parameters::default();
        let build_from = Build::new(&parameters, &ty, &key, true);
        let Masking::Text(mask) = build(&build_from).unwrap().masking else { unreachable!() };
        let mut out = String::new();
        mask.mask(value, owner.as_bytes(), &mut out).map(|()| out)
    }

    fn days(text: &str) -> i64 {
        split(text).unwrap().0
    }

    #[test]
    fn known_days_are_counted() {
        assert_eq!(days("1970-01-01"), 0);
        assert_eq!(days("2000-03-01"), 11_017);
        assert_eq!(days("0001-01-01") - days("0001-12-31 BC"), 1);
    }

    #[test]
    fn the_time_between_two_dates_of_an_owner_stays() {
        let birth = masked(PgType::Date, "1984-02-29", "7").unwrap();
        let visit = masked(PgType::TimestampTz(None), "2024-01-31 12:30:00.123+01", "7").unwrap();
        assert_eq!(days(&visit) - days(&birth), days("2024-01-31") - days("1984-02-29"));
        assert!(visit.ends_with(" 12:30:00.123+01"));
        assert_ne!(birth, "1984-02-29");
    }

    #[test]
    fn a_shift_is_never_none_and_in_bounds() {
        for owner in 0..2000 {
            let shifted = days(&masked(PgType::Date, "2024-01-31", &owner.to_string()).unwrap());
            assert!((1..=365).contains(&(shifted - days("2024-01-31")).abs()));
        }
    }

    #[test]
    fn seconds_shift_the_time_of_day_too() {
        let shift = Tester::new(&DATE_SHIFT, "unit = 'second'\ndays = 2", PgType::TimestampTz(None)).by("7");
        let [one, two] = ["2024-03-31 01:30:00.25+01", "2024-03-31 04:30:01.25+02"].map(|value| {
            let result = shift.masked(value).unwrap();
            let Some(Moment::At(moment)) = parse_timestamptz(result.as_bytes()) else { panic!("{result}") };
            moment.unix_microseconds().unwrap()
        });
        assert_eq!(two - one, 7_201_000_000);
        assert_ne!(one.rem_euclid(86_400_000_000), 1_800_250_000);
        assert!(Tester::refused(&DATE_SHIFT, "unit = 'second'", PgType::Date).contains("no seconds"));
        assert!(shift.masked("2024-03-31").is_err());
    }

    #[test]
    fn the_ends_of_time_are_reflected_and_infinity_stays() {
        for owner in ["1", "2", "3", "4"] {
            for value in ["4714-11-24 BC", "5874897-12-31"] {
                let shifted = masked(PgType::Date, value, owner).unwrap();
                let bounds = days("4714-11-24 BC")..=days("5874897-12-31");
                assert!(bounds.contains(&days(&shifted)), "{shifted}");
            }
        }
        assert_eq!(masked(PgType::Date, "-infinity", "1").unwrap(), "-infinity");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for value in [
            "",
            "2024-02-30",
            "31/01/2024",
            "2024-1-31",
            "2024-01-31T10:00",
            "x",
            "-2024-01-01",
            "0000-01-01 BC BC",
        ] {
            assert_eq!(masked(PgType::Date, value, "1"), Err("is not a date in ISO form"), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_date_is_read_as_it_is_written(day in -2_400_000i64..2_145_000_000) {
            let mut text = String::new();
            push_date(day, " 24:00:00", &mut text);
            prop_assert_eq!(split(&text), Some((day, " 24:00:00")));
        }
    }
}
