//! Intervals: what a date or a timestamp in a condition may be moved by.

use crate::pg::datetime::{civil_from_days, days_from_civil, parse_time};
pub use crate::pg::interval::Interval;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// Days from 1970-01-01 to 2000-01-01, where Postgres' timestamps begin.
pub const EPOCH_DAYS: i64 = 10_957;

impl Interval {
    /// Reads what Postgres reads of the form `1 year 2 months -3 days 04:05:06`; `None` if it is not that.
    ///
    /// Numbers are whole but those of seconds; a number without a unit is one of `unit`, or of seconds.
    pub fn read(text: &str, unit: Option<&str>) -> Option<Interval> {
        let mut interval = Interval::default();
        let mut words = text.split_ascii_whitespace().peekable();
        words.peek()?;
        while let Some(word) = words.next() {
            if word.contains(':') {
                let (sign, time) = split_sign(word);
                interval.microseconds =
                    interval.microseconds.checked_add(sign * parse_time(padded(time).as_bytes())?)?;
                continue;
            }
            let digits = word.len() - word.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).len();
            let (number, glued) = word.split_at(digits);
            let unit = match glued {
                "" => match words.peek() {
                    Some(next)
                        if !next.contains(':') && next.starts_with(|c: char| c.is_ascii_alphabetic()) =>
                    {
                        words.next()?
                    }
                    _ => unit.unwrap_or("second"),
                },
                unit => unit,
            };
            interval.add(number, &unit.to_ascii_lowercase())?;
        }
        Some(interval)
    }

    fn add(&mut self, number: &str, unit: &str) -> Option<()> {
        let whole = || number.parse::<i64>().ok();
        let add = |to: &mut i64, each: i64| {
            *to = to.checked_add(whole()?.checked_mul(each)?)?;
            Some(())
        };
        match unit {
            "millennium" | "millennia" => add(&mut self.months, 12_000),
            "century" | "centuries" => add(&mut self.months, 1200),
            "decade" | "decades" => add(&mut self.months, 120),
            "year" | "years" | "y" => add(&mut self.months, 12),
            "month" | "months" | "mon" | "mons" => add(&mut self.months, 1),
            "week" | "weeks" | "w" => add(&mut self.days, 7),
            "day" | "days" | "d" => add(&mut self.days, 1),
            "hour" | "hours" | "h" => add(&mut self.microseconds, 3_600_000_000),
            "minute" | "minutes" | "min" | "mins" | "m" => add(&mut self.microseconds, 60_000_000),
            "second" | "seconds" | "sec" | "secs" | "s" => {
                self.microseconds = self.microseconds.checked_add(microseconds(number)?)?;
                Some(())
            }
            _ => None,
        }
    }

    /// The span the other way.
    pub fn negated(self) -> Interval {
        Interval { months: -self.months, days: -self.days, microseconds: -self.microseconds }
    }

    /// `at`, in microseconds since 2000-01-01, moved by this; `None` out of bounds. The infinities stay.
    ///
    /// A day that its new month does not have becomes the month's last, as in Postgres.
    pub fn shift(self, at: i64) -> Option<i64> {
        if at == i64::MAX || at == i64::MIN {
            return Some(at);
        }
        let (mut days, time) = (at.div_euclid(DAY), at.rem_euclid(DAY));
        if self.months != 0 {
            let (year, month, day) = civil_from_days(days + EPOCH_DAYS);
            let months = (year * 12 + month - 1).checked_add(self.months)?;
            let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
            days = days_from_civil(year, month, day.min(days_of_month(year, month))) - EPOCH_DAYS;
        }
        days.checked_add(self.days)?.checked_mul(DAY)?.checked_add(time)?.checked_add(self.microseconds)
    }

    /// How SQL writes it.
    pub fn sql(self) -> String {
        let Interval { months, days, microseconds } = self;
        let (seconds, rest) = (microseconds / 1_000_000, (microseconds % 1_000_000).abs());
        let sign = if microseconds < 0 && seconds == 0 { "-" } else { "" };
        format!("interval '{months} months {days} days {sign}{seconds}.{rest:06} seconds'")
    }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_from_civil(next.0, next.1, 1) - days_from_civil(year, month, 1)
}

fn split_sign(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// A time of day with hours of two digits and with seconds.
fn padded(time: &str) -> String {
    let hours = time.find(':').unwrap_or(0);
    let time = if hours < 2 { format!("0{time}") } else { time.to_string() };
    if time.matches(':').count() == 1 { time + ":00" } else { time }
}

/// A decimal number of seconds as microseconds.
fn microseconds(number: &str) -> Option<i64> {
    let (sign, number) = split_sign(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0
        || fraction.len() > 6
        || !fraction.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u32>().ok()? };
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(sign * (i64::from(whole) * 1_000_000 + fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_read_as_postgres_reads_it() {
        let read = |text| Interval::read(text, None).map(|i| (i.months, i.days, i.microseconds));
        assert_eq!(read("1 year 2 mons -3 days 04:05:06"), Some((14, -3, 14_706_000_000)));
        assert_eq!(read("90d"), Some((0, 90, 0)));
        assert_eq!(read("1.5 seconds"), Some((0, 0, 1_500_000)));
        assert_eq!(read("-1:30"), Some((0, 0, -5_400_000_000)));
        assert_eq!(read(""), None);
        assert_eq!(read("1 fortnight"), None);
        assert_eq!(Interval::read("3", Some("DAY")), Some(Interval { days: 3, ..Interval::default() }));
    }

    #[test]
    fn the_last_of_a_month_stays_within_the_next() {
        let january_31 = (days_from_civil(2024, 1, 31) - EPOCH_DAYS) * DAY;
        let month = Interval { months: 1, ..Interval::default() };
        let moved = month.shift(january_31).unwrap();
        assert_eq!(civil_from_days(moved / DAY + EPOCH_DAYS), (2024, 2, 29));
        assert_eq!(month.shift(i64::MAX), Some(i64::MAX));
    }
}
