//! `birth_date`: a birth date that gives an age of the same band.

use super::draws::place;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::pg::datetime::{civil_from_days, days_from_civil, push_date, split_date};
use crate::schema::PgType;

pub static BIRTH_DATE: Function = Function {
    name: "birth_date",
    summary: "Replace a birth date by another of the same band of ages, and that of a very old person by one of a person \
              that is 90",
    parameters: &[
        Parameter {
            name: "reference",
            help: "the date at which ages are counted, such as 2025-01-01; no one may be born after it; required",
        },
        Parameter { name: "band", help: "years of age in a band, 1 to 50, counted from 0; default 5" },
        Parameter {
            name: "oldest",
            help: "the greatest age that has a band, 50 to 120: who is older is one year older than that; default 89, as \
                   the safe harbor of HIPAA asks (45 CFR 164.514(b)(2)(i)(C))",
        },
    ],
    example: Example {
        rule: r#"{ fn = "birth_date", reference = 2025-01-01 }"#,
        ty: PgType::Date,
        input: "1984-02-29",
        output: Some("1983-08-04"),
    },
    domain: "birth_date",
    domain_by: Some("birth_date"),
    takes: |ty| matches!(ty.base(), PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_)),
    takes_text: "`date`, `timestamp`, `timestamptz`",
    build,
};

struct BirthDate {
    key: DomainKey,
    /// Year, month and day.
    reference: (i64, i64, i64),
    band: i64,
    oldest: i64,
    by: bool,
}

impl TextMask for BirthDate {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if matches!(value, "infinity" | "-infinity") {
            out.push_str(value);
            return Ok(());
        }
        let (day, rest) = split_date(value.as_bytes()).ok_or("is not a date in ISO form")?;
        let rest =
            std::str::from_utf8(rest).ok().filter(|rest| is_time(rest)).ok_or("is not a date in ISO form")?;
        if day > self.birthday(0) {
            return Err("is a birth after the date of `reference`");
        }
        let (first, last) = self.days_of(self.ages(self.age(day)));
        let len = last - first + 1;
        let drawn = first + place(&self.key.prf(subject), 0, len as usize) as i64;
        let is_itself = drawn == day && !self.by;
        push_date(if is_itself { first + (drawn - first + 1) % len } else { drawn }, rest, out);
        Ok(())
    }
}

impl BirthDate {
    /// The last day on which who is born is `age` years old on the day of reference.
    fn birthday(&self, age: i64) -> i64 {
        let (year, month, day) = self.reference;
        // On 28 February nobody who was born on the 29th has had a birthday yet.
        let day = if (month, day) == (2, 29) && !is_leap(year - age) { 28 } else { day };
        days_from_civil(year - age, month, day)
    }

    /// The age on the day of reference of who was born on `day`.
    fn age(&self, day: i64) -> i64 {
        let (year, ..) = civil_from_days(day);
        let age = self.reference.0 - year;
        if day > self.birthday(age) { age - 1 } else { age }
    }

    /// The least and the greatest age of the band of `age`.
    fn ages(&self, age: i64) -> (i64, i64) {
        if age > self.oldest {
            return (self.oldest + 1, self.oldest + 1);
        }
        let least = age - age % self.band;
        (least, (least + self.band - 1).min(self.oldest))
    }

    /// The first and the last day of birth of those ages.
    fn days_of(&self, (least, greatest): (i64, i64)) -> (i64, i64) {
        (self.birthday(greatest + 1) + 1, self.birthday(least))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Whether `rest` is what Postgres writes after a date: nothing, or a time and a zone.
fn is_time(rest: &str) -> bool {
    (rest.is_empty() || rest.starts_with(' '))
        && rest.bytes().all(|byte| byte.is_ascii_digit() || b" :.+-".contains(&byte))
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let reference = reference(build)?;
    let band = build.parameters.integer("band", 1..=50)?.unwrap_or(5);
    let oldest = build.parameters.integer("oldest", 50..=120)?.unwrap_or(89);
    let mask = BirthDate { key: build.key.clone(), reference, band, oldest, by: build.by };
    Ok(Built::text(mask, Uniqueness::None, None))
}

fn reference(build: &Build<'_>) -> Result<(i64, i64, i64), Refusal> {
    let text = match build.parameters.0.get("reference") {
        Some(toml::Value::Datetime(date)) => date.to_string(),
        Some(toml::Value::String(text)) => text.clone(),
        Some(_) => String::new(),
        None => {
            return Err(Refusal::new("`birth_date` has no `reference`")
                .hint("add the date at which ages are counted, such as `reference = 2025-01-01`"));
        }
    };
    match split_date(text.as_bytes()) {
        Some((day, b"")) if (1900..=9999).contains(&civil_from_days(day).0) => Ok(civil_from_days(day)),
        _ => Err(Refusal::new("`reference` is not a date").hint("write it as `reference = 2025-01-01`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    fn age_on(reference: &str, value: &str) -> i64 {
        let [on, born] =
            [reference, value].map(|date| civil_from_days(split_date(date.as_bytes()).unwrap().0));
        on.0 - born.0 - i64::from((on.1, on.2) < (born.1, born.2))
    }

    #[test]
    fn the_band_of_ages_is_kept() {
        let mask = Tester::new(&BIRTH_DATE, "reference = 2024-02-29", PgType::Date);
        for year in 1936..2024 {
            for day in ["01-01", "02-28", "03-01", "12-31"] {
                let value = format!("{year}-{day}");
                let result = mask.masked(&value).unwrap();
                let [before, after] = [&value, &result].map(|date| age_on("2024-02-29", date));
                assert_eq!(before.min(89) / 5, after.min(89) / 5, "{value} became {result}");
                assert_ne!(value, result);
            }
        }
    }

    #[test]
    fn who_is_very_old_is_ninety() {
        let mask = Tester::new(&BIRTH_DATE, "reference = '2025-06-15'", PgType::Date);
        for value in ["1900-01-01", "1935-06-15", "1234-05-06", "0044-03-15 BC"] {
            assert_eq!(age_on("2025-06-15", &mask.masked(value).unwrap()), 90, "{value}");
        }
        assert!(age_on("2025-06-15", &mask.masked("1935-06-16").unwrap()) < 90);
    }

    #[test]
    fn what_is_no_birth_date_is_refused() {
        let mask = Tester::new(&BIRTH_DATE, "reference = 2025-01-01", PgType::Date);
        assert!(mask.masked("2025-01-01").is_ok());
        assert!(mask.masked("2025-01-02").unwrap_err().contains("after"));
        assert!(mask.masked("1.2.1984").is_err());
        for rule in ["", "reference = 5", "reference = '2025'", "reference = 2025-01-01T00:00:00"] {
            assert!(Tester::refused(&BIRTH_DATE, rule, PgType::Date).contains("reference"), "{rule}");
        }
    }

    #[test]
    fn a_time_of_birth_stays() {
        let mask = Tester::new(&BIRTH_DATE, "reference = 2025-01-01", PgType::Timestamp(None));
        assert!(mask.masked("1984-02-29 12:30:00").unwrap().ends_with(" 12:30:00"));
    }
}
