//! Intervals in Postgres' own form (`IntervalStyle = postgres`, which pg_dump always sets), read and written.

use std::fmt::Write as _;

use super::datetime::push_time;

/// An interval as Postgres holds it: its three parts are apart, for months and days differ in length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months, years among them.
    pub months: i64,
    /// Days.
    pub days: i64,
    /// Microseconds.
    pub microseconds: i64,
}

impl Interval {
    /// Reads such as `1 year 2 mons -3 days +04:05:06.789`; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut interval = Interval::default();
        let mut words = text.split(' ');
        let mut any = false;
        while let Some(word) = words.next() {
            any = true;
            if word.contains(':') {
                interval.microseconds = parse_long_time(word)?;
                words.next().is_none().then_some(())?;
                break;
            }
            let number = i64::from(word.parse::<i32>().ok()?);
            match words.next()? {
                "year" | "years" => interval.months = number.checked_mul(12)?,
                "mon" | "mons" => interval.months += number,
                "day" | "days" => interval.days = number,
                _ => return None,
            }
        }
        any.then_some(interval)
    }

    /// The length in microseconds by which Postgres compares: months of 30 days, days of 24 hours.
    pub fn span(self) -> i128 {
        let days = i128::from(self.months) * 30 + i128::from(self.days);
        days * 86_400_000_000 + i128::from(self.microseconds)
    }

    /// Appends it as Postgres writes it.
    pub fn push(self, out: &mut String) {
        let start = out.len();
        let mut negative_before = false;
        for (number, unit) in [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")] {
            if number == 0 {
                continue;
            }
            let space = if out.len() > start { " " } else { "" };
            let sign = if negative_before && number > 0 { "+" } else { "" };
            let plural = if number == 1 { "" } else { "s" };
            write!(out, "{space}{sign}{number} {unit}{plural}").expect("a string takes all text");
            negative_before = number < 0;
        }
        if self.microseconds == 0 && out.len() > start {
            return;
        }
        if out.len() > start {
            out.push(' ');
        }
        match self.microseconds {
            negative if negative < 0 => out.push('-'),
            _ if negative_before => out.push('+'),
            _ => {}
        }
        push_time(self.microseconds.saturating_abs(), out);
    }
}

/// Reads `±hours:minutes:seconds[.fraction]` of any number of hours as microseconds.
fn parse_long_time(text: &str) -> Option<i64> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (hours, rest) = magnitude.split_once(':')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if hours.len() < 2 || !is_digits(hours) {
        return None;
    }
    let hours: i64 = hours.parse().ok()?;
    let within = super::datetime::parse_time(format!("00:{rest}").as_bytes())?;
    let microseconds = hours.checked_mul(3_600_000_000)?.checked_add(within)?;
    Some(if negative { -microseconds } else { microseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_written_as_it_is_read() {
        for text in [
            "00:00:00",
            "1 year",
            "2 years 1 mon",
            "1 mon 1 day 00:00:00.5",
            "-1 days +02:03:00",
            "-1 years -2 mons +3 days -04:05:06.789",
            "-00:00:01",
            "100000:00:00",
        ] {
            let mut out = String::new();
            Interval::parse(text).unwrap().push(&mut out);
            assert_eq!(out, text);
        }
        assert_eq!(Interval::parse("1 mon").unwrap().span(), Interval::parse("720:00:00").unwrap().span());
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in
            ["", "1", "1 week", "day", "1 day ", "04:05", "1:00:00", "1 day 00:00:00 x", "P1D", "@ 1 day"]
        {
            assert_eq!(Interval::parse(text), None, "{text}");
        }
    }
}
