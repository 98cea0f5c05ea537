//! `truncate_to`: dates and times cut to the beginning of a unit.

use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::pg::datetime::{
    Moment, Timestamp, civil_from_days, days_from_civil, parse_date, parse_time, parse_timestamp,
    parse_timestamptz, push_date, push_time, push_timestamp,
};
use crate::pg::interval::Interval;
use crate::schema::PgType;

pub static TRUNCATE_TO: Function = Function {
    name: "truncate_to",
    summary: "Cut a date or time to the beginning of its unit, `timestamptz` in UTC, as Postgres' `date_trunc` does; \
              what is there already and the infinities stay as they are",
    parameters: &[Parameter {
        name: "unit",
        help: "\"century\", \"decade\", \"year\", \"quarter\", \"month\", \"week\" (from Monday), \"day\", \"hour\", \
               \"minute\" or \"second\"; required",
    }],
    example: Example {
        rule: r#"{ fn = "truncate_to", unit = "month" }"#,
        ty: PgType::Timestamp(None),
        input: "2024-02-29 16:45:12.5",
        output: Some("2024-02-01 00:00:00"),
    },
    domain: "truncate_to",
    domain_by: None,
    takes: |ty| {
        matches!(
            ty.base(),
            PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_) | PgType::Time(_) | PgType::Interval
        )
    },
    takes_text: "`date`, `timestamp`, `timestamptz`, `time`, `interval`",
    build,
};

/// A unit of time, from the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Century,
    Decade,
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

const UNITS: [(&str, Unit); 10] = [
    ("century", Unit::Century),
    ("decade", Unit::Decade),
    ("year", Unit::Year),
    ("quarter", Unit::Quarter),
    ("month", Unit::Month),
    ("week", Unit::Week),
    ("day", Unit::Day),
    ("hour", Unit::Hour),
    ("minute", Unit::Minute),
    ("second", Unit::Second),
];

impl Unit {
    /// The day that the unit of `days`, counted from 1970-01-01, begins on.
    fn first_day(self, days: i64) -> i64 {
        let (year, month, _) = civil_from_days(days);
        let first = match self {
            // The first century is that of the years 1 to 100, and the one before ends with 1 BC.
            Unit::Century => days_from_civil((year - 1).div_euclid(100) * 100 + 1, 1, 1),
            Unit::Decade => days_from_civil(year.div_euclid(10) * 10, 1, 1),
            Unit::Year => days_from_civil(year, 1, 1),
            Unit::Quarter => days_from_civil(year, (month - 1) / 3 * 3 + 1, 1),
            Unit::Month => days_from_civil(year, month, 1),
            // 1970-01-01 was a Thursday.
            Unit::Week => days - (days + 3).rem_euclid(7),
            _ => days,
        };
        first.max(days_from_civil(-4713, 11, 24))
    }

    /// Microseconds of a day, cut to the unit's beginning.
    fn time(self, microseconds: i64) -> i64 {
        let length = match self {
            Unit::Hour => 3_600_000_000,
            Unit::Minute => 60_000_000,
            Unit::Second => 1_000_000,
            _ => return 0,
        };
        microseconds - microseconds.rem_euclid(length)
    }

    /// An interval, each part cut towards zero.
    fn interval(self, interval: Interval) -> Interval {
        let Interval { months, days, microseconds } = interval;
        let whole = |number: i64, unit: i64| number / unit * unit;
        let months = match self {
            Unit::Century => whole(months, 1200),
            Unit::Decade => whole(months, 120),
            Unit::Year => whole(months, 12),
            Unit::Quarter => whole(months, 3),
            _ => months,
        };
        let days = match self {
            unit if unit < Unit::Week => 0,
            Unit::Week => whole(days, 7),
            _ => days,
        };
        let microseconds = microseconds.signum() * self.time(microseconds.abs());
        Interval { months, days, microseconds }
    }
}

/// Dates and times of one type.
struct TruncateTo {
    unit: Unit,
    kind: Kind,
}

/// A type of dates or times.
#[derive(Clone, Copy)]
enum Kind {
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Interval,
}

impl TextMask for TruncateTo {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if matches!(value, "infinity" | "-infinity") && !matches!(self.kind, Kind::Time) {
            out.push_str(value);
            return Ok(());
        }
        let bytes = value.as_bytes();
        match self.kind {
            Kind::Date => {
                let Some(Moment::At(days)) = parse_date(bytes) else {
                    return Err("is not a date in ISO form");
                };
                push_date(self.unit.first_day(days.into()), "", out);
            }
            Kind::Timestamp => self.timestamp(parse_timestamp(bytes), "", out)?,
            Kind::TimestampTz => self.timestamp(parse_timestamptz(bytes), "+00", out)?,
            Kind::Time => {
                push_time(self.unit.time(parse_time(bytes).ok_or("is not a time in ISO form")?), out)
            }
            Kind::Interval => {
                let interval = Interval::parse(value).ok_or("is not an interval in Postgres' form")?;
                self.unit.interval(interval).push(out);
            }
        }
        Ok(())
    }
}

impl TruncateTo {
    fn timestamp(
        &self,
        moment: Option<Moment<Timestamp>>,
        zone: &str,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let Some(Moment::At(timestamp)) = moment else { return Err("is not a timestamp in ISO form") };
        let (days, microseconds) = timestamp.within_day();
        let first = self.unit.first_day(days);
        // With a time of day, the first day of all begins at midnight as any other.
        let time = if first == days { self.unit.time(microseconds) } else { 0 };
        push_timestamp(first, time, zone, out);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(unit) = build.parameters.choice("unit", &UNITS)? else {
        return Err(
            Refusal::new("`truncate_to` has no `unit`").hint("add `unit = \"month\"`, or another unit")
        );
    };
    let kind = match build.ty.base() {
        PgType::Date => Kind::Date,
        PgType::Timestamp(_) => Kind::Timestamp,
        PgType::TimestampTz(_) => Kind::TimestampTz,
        PgType::Time(_) => Kind::Time,
        _ => Kind::Interval,
    };
    if matches!(kind, Kind::Date) && unit >= Unit::Day || matches!(kind, Kind::Time) && unit <= Unit::Day {
        let what = format!(
            "`unit` would change {} of a `{}`",
            if unit > Unit::Day { "nothing" } else { "all" },
            build.ty
        );
        return Err(Refusal::new(what).hint("give a unit that fits the type"));
    }
    Ok(Built::text(TruncateTo { unit, kind }, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    fn cut(unit: &str, ty: PgType, value: &str) -> String {
        Tester::new(&TRUNCATE_TO, &format!("unit = '{unit}'"), ty).masked(value).unwrap()
    }

    #[test]
    fn a_date_is_cut_as_date_trunc_does() {
        for (unit, date) in [
            ("century", "2001-01-01"),
            ("decade", "2020-01-01"),
            ("year", "2024-01-01"),
            ("quarter", "2024-04-01"),
            ("month", "2024-05-01"),
            ("week", "2024-05-13"),
        ] {
            assert_eq!(cut(unit, PgType::Date, "2024-05-19"), date);
            assert_eq!(
                cut(unit, PgType::Timestamp(None), "2024-05-19 23:59:59.9"),
                format!("{date} 00:00:00")
            );
        }
        assert_eq!(cut("century", PgType::Date, "0044-03-15 BC"), "0100-01-01 BC");
        assert_eq!(cut("decade", PgType::Date, "0044-03-15 BC"), "0051-01-01 BC");
        assert_eq!(cut("year", PgType::Date, "4714-11-25 BC"), "4714-11-24 BC");
        assert_eq!(cut("year", PgType::Date, "infinity"), "infinity");
    }

    #[test]
    fn a_time_is_cut() {
        assert_eq!(cut("hour", PgType::Time(None), "16:45:12.5"), "16:00:00");
        assert_eq!(cut("second", PgType::Time(None), "16:45:12.5"), "16:45:12");
        assert_eq!(cut("minute", PgType::Timestamp(None), "2024-05-19 16:45:12.5"), "2024-05-19 16:45:00");
    }

    #[test]
    fn a_timestamp_with_a_zone_is_cut_in_utc() {
        let of = |value| cut("day", PgType::TimestampTz(None), value);
        assert_eq!(of("2024-05-19 01:30:00+02"), "2024-05-18 00:00:00+00");
        assert_eq!(of("2024-05-18 23:30:00+00"), "2024-05-18 00:00:00+00");
    }

    #[test]
    fn an_interval_is_cut_towards_zero() {
        let of = |unit, value| cut(unit, PgType::Interval, value);
        assert_eq!(of("year", "1 year 2 mons 3 days 04:05:06.7"), "1 year");
        assert_eq!(of("month", "1 year 2 mons 3 days 04:05:06.7"), "1 year 2 mons");
        assert_eq!(of("week", "17 days"), "14 days");
        assert_eq!(of("hour", "-1 days -04:05:06.7"), "-1 days -04:00:00");
        assert_eq!(of("day", "04:05:06"), "00:00:00");
    }

    #[test]
    fn a_unit_is_required_and_fits_the_type() {
        assert!(Tester::refused(&TRUNCATE_TO, "", PgType::Date).contains("no `unit`"));
        assert!(Tester::refused(&TRUNCATE_TO, "unit = 'hour'", PgType::Date).contains("nothing"));
        assert!(Tester::refused(&TRUNCATE_TO, "unit = 'month'", PgType::Time(None)).contains("all"));
    }
}
