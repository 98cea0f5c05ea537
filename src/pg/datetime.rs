//! Dates and times in Postgres' ISO form (`DateStyle = ISO`, which pg_dump always sets), read and written.
//!
//! Calendar arithmetic is the proleptic Gregorian calendar, as in Postgres. A year is astronomical inside (1 BC is 0)
//! and written with ` BC`. Reads what Postgres writes, not all that it reads: no month names, no missing parts.

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A point in time, or one of the two ends of all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<T> {
    /// `-infinity`
    Past,
    /// An actual date or timestamp.
    At(T),
    /// `infinity`
    Future,
}

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Days since 1970-01-01.
    pub days: i64,
    /// Microseconds since that day's midnight; outside of the day where an offset from UTC was taken off.
    pub microseconds: i64,
}

impl Timestamp {
    /// Microseconds since 1970-01-01 00:00:00; `None` outside of `i64`, which ends at 294247-01-10 04:00:54.775807,
    /// 29 years before Postgres' timestamps do.
    pub fn unix_microseconds(self) -> Option<i64> {
        let total = i128::from(self.days) * i128::from(DAY) + i128::from(self.microseconds);
        i64::try_from(total).ok()
    }

    /// The day that it is on, and microseconds since that day's midnight, less than a day of them.
    pub fn within_day(self) -> (i64, i64) {
        (self.days + self.microseconds.div_euclid(DAY), self.microseconds.rem_euclid(DAY))
    }
}

/// Reads a `date` as days since 1970-01-01; `None` if it is not one.
///
/// Takes years of 4 to 7 digits, ` BC`, and the two infinities. The days of every date that Postgres has (4714-11-24 BC to
/// 5874897) fit `i32`.
pub fn parse_date(text: &[u8]) -> Option<Moment<i32>> {
    if let Some(end) = parse_infinity(text) {
        return Some(end);
    }
    let (days, rest) = split_date(text)?;
    Input(rest).end()?;
    i32::try_from(days).ok().map(Moment::At)
}

/// Reads the date that `text` begins with as days since 1970-01-01, and gives the time and zone after it, without the
/// era; `None` if it begins with none.
pub fn split_date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (text, before_christ) = strip_era(text);
    let mut input = Input(text);
    let days = input.date(before_christ)?;
    Some((days, input.0))
}

/// Reads a `time` as microseconds since midnight, `24:00:00` included; `None` if it is not one.
pub fn parse_time(text: &[u8]) -> Option<i64> {
    let mut input = Input(text);
    let microseconds = input.time()?;
    input.end()?;
    Some(microseconds)
}

/// Reads a `timestamp`; `None` if it is not one.
pub fn parse_timestamp(text: &[u8]) -> Option<Moment<Timestamp>> {
    parse_instant(text, |_| Some(0))
}

/// Reads a `timestamptz` as the timestamp in UTC; `None` if it is not one or has no offset.
///
/// Takes offsets such as `+02`, `-03:30` and `+05:53:28` (of local mean times), up to 15:59:59.
pub fn parse_timestamptz(text: &[u8]) -> Option<Moment<Timestamp>> {
    parse_instant(text, |input| input.offset())
}

/// Reads date and time, then what `offset` takes, and takes that many microseconds off.
fn parse_instant(
    text: &[u8],
    offset: impl FnOnce(&mut Input<'_>) -> Option<i64>,
) -> Option<Moment<Timestamp>> {
    if let Some(end) = parse_infinity(text) {
        return Some(end);
    }
    let (days, rest) = split_date(text)?;
    let mut input = Input(rest);
    input.byte(b' ')?;
    let microseconds = input.time()? - offset(&mut input)?;
    input.end()?;
    Some(Moment::At(Timestamp { days, microseconds }))
}

fn parse_infinity<T>(text: &[u8]) -> Option<Moment<T>> {
    match text {
        b"infinity" => Some(Moment::Future),
        b"-infinity" => Some(Moment::Past),
        _ => None,
    }
}

fn strip_era(text: &[u8]) -> (&[u8], bool) {
    match text.strip_suffix(b" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[expected])?;
        Some(())
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// A number of `least` to `most` digits, at most 7.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    /// `year-month-day` as days since 1970-01-01.
    fn date(&mut self, before_christ: bool) -> Option<i64> {
        let year = self.number(4, 7)?;
        self.byte(b'-')?;
        let month = self.number(2, 2)?;
        self.byte(b'-')?;
        let day = self.number(2, 2)?;
        let year = if before_christ { 1 - year } else { year };
        let valid = (year > 0) != before_christ
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        valid.then(|| days_from_civil(year, month, day))
    }

    /// `hour:minute:second[.fraction]` as microseconds.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2, 2)?;
        self.byte(b':')?;
        let minute = self.number(2, 2)?;
        self.byte(b':')?;
        let second = self.number(2, 2)?;
        let fraction = if self.byte(b'.').is_some() { self.fraction()? } else { 0 };
        let microseconds = hour * HOUR + minute * MINUTE + second * SECOND + fraction;
        (minute < 60 && second < 60 && microseconds <= DAY).then_some(microseconds)
    }

    /// One to six digits after the point, as microseconds.
    fn fraction(&mut self) -> Option<i64> {
        let before = self.0.len();
        let value = self.number(1, 6)?;
        let digits = before - self.0.len();
        Some((digits..6).fold(value, |value, _| value * 10))
    }

    /// `±hour[:minute[:second]]` as microseconds east of Greenwich.
    fn offset(&mut self) -> Option<i64> {
        let (&sign, rest) = self.0.split_first()?;
        self.0 = rest;
        let mut offset = self.number(2, 2)? * HOUR;
        for unit in [MINUTE, SECOND] {
            if self.byte(b':').is_none() {
                break;
            }
            offset += self.number(2, 2).filter(|&value| value < 60)? * unit;
        }
        match sign {
            _ if offset >= 16 * HOUR => None,
            b'+' => Some(offset),
            b'-' => Some(-offset),
            _ => None,
        }
    }
}

/// Appends a date, given as days since 1970-01-01, as Postgres writes it; `rest`, its time and zone, comes before the era.
pub fn push_date(days: i64, rest: &str, out: &mut String) {
    let era = push_day(days, out);
    out.push_str(rest);
    out.push_str(era);
}

/// Appends a timestamp as Postgres writes it: days since 1970-01-01, microseconds of 0 or more since midnight, and the
/// offset from UTC, such as `+02`, or nothing.
pub fn push_timestamp(days: i64, microseconds: i64, offset: &str, out: &mut String) {
    let era = push_day(days, out);
    out.push(' ');
    push_time(microseconds, out);
    out.push_str(offset);
    out.push_str(era);
}

/// Appends a date without its era, and gives that.
fn push_day(days: i64, out: &mut String) -> &'static str {
    let (year, month, day) = civil_from_days(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    push_number(year, 4, out);
    out.push('-');
    push_number(month, 2, out);
    out.push('-');
    push_number(day, 2, out);
    era
}

/// Appends a number of 0 or more with zeros before it up to `least` digits; faster than formatting it.
fn push_number(mut number: i64, least: usize, out: &mut String) {
    let (mut digits, mut start) = ([b'0'; 20], 20);
    while number > 0 || start > 20 - least {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
}

/// Writes a time of day, given as microseconds since midnight, as Postgres does.
pub fn format_time(microseconds: i64) -> String {
    let mut text = String::new();
    push_time(microseconds, &mut text);
    text
}

/// Appends a time, given as microseconds of 0 or more, as Postgres writes it; it may have more than 24 hours.
pub fn push_time(microseconds: i64, out: &mut String) {
    let (seconds, fraction) = (microseconds / SECOND, microseconds % SECOND);
    push_number(seconds / 3600, 2, out);
    out.push(':');
    push_number(seconds / 60 % 60, 2, out);
    out.push(':');
    push_number(seconds % 60, 2, out);
    if fraction != 0 {
        out.push('.');
        push_number(fraction, 6, out);
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Writes a time in seconds since 1970-01-01 UTC as RFC 3339 has it, such as `2024-02-29T12:30:00Z`.
///
/// RFC 3339 ends at the year 9999; later years get as many digits as they need.
pub fn format_rfc3339(unix_seconds: i64) -> String {
    let (year, month, day) = civil_from_days(unix_seconds.div_euclid(86_400));
    let time = format_time(unix_seconds.rem_euclid(86_400) * SECOND);
    format!("{year:04}-{month:02}-{day:02}T{time}Z")
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date, negative before it.
///
/// `days_from_civil` of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years start in March, so that
/// the leap day is a year's last, and are counted in eras of 400 years, which are all 146,097 days long.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The (year, month, day) that many days after 1970-01-01: the inverse of [`days_from_civil`], from the same source.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Option<Moment<i32>> {
        parse_date(text.as_bytes())
    }

    fn written(days: i64, rest: &str) -> String {
        let mut text = String::new();
        push_date(days, rest, &mut text);
        text
    }

    fn microseconds(moment: Option<Moment<Timestamp>>) -> Option<i64> {
        match moment {
            Some(Moment::At(timestamp)) => timestamp.unix_microseconds(),
            _ => None,
        }
    }

    #[test]
    fn dates_are_days_since_1970() {
        assert_eq!(date("1970-01-01"), Some(Moment::At(0)));
        assert_eq!(date("2000-02-29"), Some(Moment::At(11_016)));
        assert_eq!(date("1969-12-31"), Some(Moment::At(-1)));
        assert_eq!(date("0001-01-01"), Some(Moment::At(-719_162)));
        assert_eq!(date("0001-12-31 BC"), Some(Moment::At(-719_163)));
        assert_eq!(date("4714-11-24 BC"), Some(Moment::At(-2_440_588)));
        assert_eq!(date("5874897-12-31"), Some(Moment::At(2_145_042_905)));
        assert_eq!(date("infinity"), Some(Moment::Future));
        assert_eq!(date("-infinity"), Some(Moment::Past));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2001-02-29",
            "1900-02-29",
            "2001-13-01",
            "2001-00-01",
            "2001-01-00",
            "0000-01-01",
            "0000-01-01 BC",
            "201-01-01",
            "20010101",
            "2001-1-1",
            "2001-01-01 ",
            "2001-01-01 AD",
            "9999999-01-01",
            "99999999-01-01",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn times_run_to_24_hours() {
        assert_eq!(parse_time(b"00:00:00"), Some(0));
        assert_eq!(parse_time(b"12:34:56.789"), Some(45_296_789_000));
        assert_eq!(parse_time(b"24:00:00"), Some(86_400_000_000));
        for text in ["24:00:00.000001", "12:60:00", "12:00:60", "12:00", "12:00:00.", "12:00:00.1234567"] {
            assert_eq!(parse_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_taken_off() {
        let utc = |text: &str| microseconds(parse_timestamptz(text.as_bytes()));
        assert_eq!(utc("1970-01-01 02:00:00+02"), Some(0));
        assert_eq!(utc("1969-12-31 20:30:00-03:30"), Some(0));
        assert_eq!(utc("1970-01-01 05:53:28.5+05:53:28"), Some(500_000));
        assert_eq!(
            utc("0044-03-15 12:00:00+00 BC"),
            Some(-63_517_780_800_000_000 + 43_200_000_000 - 43_200_000_000)
        );
        for text in [
            "1970-01-01 02:00:00",
            "1970-01-01 02:00:00+",
            "1970-01-01 02:00:00+16",
            "1970-01-01 02:00:00+02:60",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
        assert_eq!(parse_timestamp(b"1970-01-01 02:00:00+02"), None);
    }

    #[test]
    fn a_timestamp_past_64_bits_is_told_from_one_that_is_none() {
        let last = parse_timestamp(b"294247-01-10 04:00:54.775807");
        assert_eq!(microseconds(last), Some(i64::MAX));
        let Some(Moment::At(past)) = parse_timestamp(b"294276-12-31 23:59:59.999999") else {
            panic!("it is a timestamp");
        };
        assert_eq!(past.unix_microseconds(), None);
    }

    #[test]
    fn rfc_3339_is_written() {
        assert_eq!(format_rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(format_rfc3339(1_709_209_800), "2024-02-29T12:30:00Z");
        assert_eq!(format_rfc3339(-1), "1969-12-31T23:59:59Z");
    }

    proptest! {
        #[test]
        fn a_date_is_read_as_it_is_written(days in -2_440_588i32..=2_145_042_905) {
            prop_assert_eq!(date(&written(i64::from(days), "")), Some(Moment::At(days)));
        }

        #[test]
        fn a_later_day_is_a_later_date(days in -2_440_588i64..=2_145_042_904) {
            prop_assert!(civil_from_days(days) < civil_from_days(days + 1));
        }

        #[test]
        fn a_timestamp_is_read_as_it_is_written(at in -210_866_803_200_000_000i64..=i64::MAX) {
            let (days, time) = (at.div_euclid(DAY), format_time(at.rem_euclid(DAY)));
            let timestamp = parse_timestamp(written(days, &format!(" {time}")).as_bytes());
            prop_assert_eq!(microseconds(timestamp), Some(at));
            let in_utc = parse_timestamptz(written(days, &format!(" {time}+00")).as_bytes());
            prop_assert_eq!(in_utc, timestamp);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9: .BCinfty]{0,30}") {
            parse_date(text.as_bytes());
            parse_time(text.as_bytes());
            parse_timestamp(text.as_bytes());
            parse_timestamptz(text.as_bytes());
        }
    }
}
