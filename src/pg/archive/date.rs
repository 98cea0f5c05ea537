//! The time at which an archive was made: the fields of C's `struct tm`, in the time zone of pg_dump.
//!
//! The archive does not name the zone, so the fields are taken as they are.

use std::io::{BufRead, Write};

use super::wire::{WireReader, WireWriter};
use crate::error::Result;

const DAY_SECONDS: i64 = 86_400;

/// Reads the time, in seconds since 1970-01-01; `None` where the fields are no time.
///
/// # Errors
/// If the archive ends.
pub fn read<R: BufRead>(wire: &mut WireReader<R>) -> Result<Option<i64>> {
    let mut fields = [0; 7];
    for field in &mut fields {
        *field = i64::from(wire.int()?);
    }
    let [second, minute, hour, day, month, year, _is_daylight_saving] = fields;
    let valid = (0..=60).contains(&second)
        && (0..60).contains(&minute)
        && (0..24).contains(&hour)
        && (1..=31).contains(&day)
        && (0..12).contains(&month);
    let days = days_of(year + 1900, month + 1, day);
    Ok(valid.then(|| days * DAY_SECONDS + hour * 3600 + minute * 60 + second))
}

/// Writes a time in seconds since 1970-01-01.
///
/// # Errors
/// If the output cannot be written.
pub fn write<W: Write>(wire: &mut WireWriter<W>, seconds: i64) -> Result<()> {
    let (year, month, day) = date_of(seconds.div_euclid(DAY_SECONDS));
    let time = seconds.rem_euclid(DAY_SECONDS);
    // The last field is −1, "not known", so that mktime accepts the time in every zone.
    for field in [time % 60, time / 60 % 60, time / 3600, day, month - 1, year - 1900, -1] {
        wire.int(i32::try_from(field).unwrap_or(0))?;
    }
    Ok(())
}

/// The days from 1970-01-01 to a date of the Gregorian calendar; years are counted from March, so that the leap day
/// is the last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_of`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_since_1970_and_back() {
        assert_eq!(days_of(1970, 1, 1), 0);
        assert_eq!(days_of(2000, 2, 29), 11_016);
        assert_eq!(days_of(2026, 11, 22), 20_779);
        for days in (-200_000..200_000).step_by(13) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }
}
