//! `date_shift`: dates and timestamps some days off.

use std::fmt::Write as _;

use super::draws::place;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static DATE_SHIFT: Function = Function {
    name: "date_shift",
    summary: "Shift a date by whole days, never by none; with `by`, all dates of an owner by as many, so that the time \
              between them stays",
    parameters: &[Parameter {
        name: "days",
        help: "the most days to shift, either way, 1 to 36500; default 365",
    }],
    example: Example {
        rule: r#""date_shift""#,
        ty: PgType::Date,
        input: "1984-02-29",
        output: Some("1983-11-20"),
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
    /// The least and the greatest day, in days from 1970-01-01.
    bounds: (i64, i64),
}

impl TextMask for DateShift {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if matches!(value, "infinity" | "-infinity") {
            out.push_str(value);
            return Ok(());
        }
        let (date, rest) = Date::parse(value).ok_or("is not a date in ISO form")?;
        let (least, greatest) = self.bounds;
        let (day, shift) = (date.days(), self.shift(subject));
        let shifted = if (least..=greatest).contains(&(day + shift)) { day + shift } else { day - shift };
        Date::of_days(shifted).push(rest, out);
        Ok(())
    }
}

impl DateShift {
    /// How many days the values of `subject` are shifted: as many forward as back, none never.
    fn shift(&self, subject: &[u8]) -> i64 {
        let drawn = place(&self.key.prf(subject), 0, 2 * self.max_days as usize) as i64 - self.max_days;
        if drawn < 0 { drawn } else { drawn + 1 }
    }
}

/// A day of the proleptic Gregorian calendar; the year before 1 is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Reads a date as Postgres writes it under `DateStyle = ISO`: the date, and the time and zone after it.
    fn parse(value: &str) -> Option<(Self, &str)> {
        let (value, before_christ) = match value.strip_suffix(" BC") {
            Some(value) => (value, true),
            None => (value, false),
        };
        let (date, rest) = value.split_at(value.find(' ').unwrap_or(value.len()));
        let mut parts = date.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let well_formed = (4..=7).contains(&year.len()) && month.len() == 2 && day.len() == 2;
        let all_digits = date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let time = rest.bytes().all(|byte| byte.is_ascii_digit() || b" :.+-".contains(&byte));
        if !well_formed || !all_digits || !time || parts.next().is_some() {
            return None;
        }
        let year: i64 = year.parse().ok()?;
        let year = if before_christ { 1 - year } else { year };
        let date = Date { year, month: month.parse().ok()?, day: day.parse().ok()? };
        (Date::of_days(date.days()) == date).then_some((date, rest))
    }

    /// Days from 1970-01-01, by counting years from March on (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    }

    fn of_days(days: i64) -> Self {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * months_from_march + 2) / 5 + 1;
        let month = (months_from_march + 2) % 12 + 1;
        Date { year: era * 400 + year_of_era + i64::from(month <= 2), month, day }
    }

    /// Appends the date as Postgres writes it, with the time and zone `rest`.
    fn push(self, rest: &str, out: &mut String) {
        let (year, era) = if self.year > 0 { (self.year, "") } else { (1 - self.year, " BC") };
        let Date { month, day, .. } = self;
        write!(out, "{year:04}-{month:02}-{day:02}{rest}{era}").expect("a string takes all text");
    }
}

/// 4714-11-24 BC, the first day of all of Postgres' types.
const FIRST_DAY: Date = Date { year: -4713, month: 11, day: 24 };

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let max_days = build.parameters.integer("days", 1..=36_500)?.unwrap_or(365);
    let last_year = if *build.ty.base() == PgType::Date { 5_874_897 } else { 294_276 };
    let last_day = Date { year: last_year, month: 12, day: 31 };
    // A time zone may move the first and the last day out of range, so those are left out.
    let bounds = (FIRST_DAY.days() + 1, last_day.days() - 1);
    let mask = DateShift { key: build.key.clone(), max_days, bounds };
    Ok(Built::text(mask, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;
    use proptest::prelude::*;

    fn masked(ty: PgType, value: &str, owner: &str) -> Result<String, &'static str> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("date_shift");
        let build_from = Build { parameters: &Parameters::default(), ty: &ty, key: &key, by: true };
        let Masking::Text(mask) = build(&build_from).unwrap().masking else { unreachable!() };
        let mut out = String::new();
        mask.mask(value, owner.as_bytes(), &mut out).map(|()| out)
    }

    fn days(text: &str) -> i64 {
        Date::parse(text).unwrap().0.days()
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
            Date::of_days(day).push(" 24:00:00", &mut text);
            prop_assert_eq!(Date::parse(&text).map(|(date, rest)| (date.days(), rest)), Some((day, " 24:00:00")));
        }
    }
}
