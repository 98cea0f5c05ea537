//! The time at which an archive was made: the fields of C's `struct tm`, in the time zone of pg_dump.
//!
//! The archive does not name the zone, so the fields are taken as they are.

use std::io::{BufRead, Write};

use super::wire::{WireReader, WireWriter};
use crate::error::Result;
use crate::pg::datetime::{civil_from_days, days_from_civil};

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
    let days = days_from_civil(year + 1900, month + 1, day);
    Ok(valid.then(|| days * DAY_SECONDS + hour * 3600 + minute * 60 + second))
}

/// Writes a time in seconds since 1970-01-01.
///
/// # Errors
/// If the output cannot be written.
pub fn write<W: Write>(wire: &mut WireWriter<W>, seconds: i64) -> Result<()> {
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_SECONDS));
    let time = seconds.rem_euclid(DAY_SECONDS);
    // The last field is −1, "not known", so that mktime accepts the time in every zone.
    for field in [time % 60, time / 60 % 60, time / 3600, day, month - 1, year - 1900, -1] {
        wire.int(i32::try_from(field).unwrap_or(0))?;
    }
    Ok(())
}
