//! Dates and times as Postgres writes them, from the numbers that Parquet has.
//!
//! The greatest number is `infinity` and the same below zero `-infinity`, as `target::parquet` writes them and DuckDB
//! reads them.

use std::fmt::Write as _;

use super::text::Fault;
use crate::pg::datetime;

const DAY: i64 = 86_400_000_000;

/// The days that `date` has, 4714-11-24 BC to 5874897-12-31, since 1970-01-01.
const DATES: std::ops::RangeInclusive<i32> = -2_440_588..=2_145_042_905;

/// The first microsecond that `timestamp` has, 4714-11-24 BC; its last one is after the last of a number of 64 bits.
const FIRST_TIMESTAMP: i64 = -2_440_588 * DAY;

/// Appends a number of days since 1970-01-01.
pub fn push_date(days: i32, out: &mut Vec<u8>) -> Result<(), Fault> {
    match days {
        i32::MAX => push(out, "infinity"),
        days if days == -i32::MAX => push(out, "-infinity"),
        days if DATES.contains(&days) => {
            let mut text = String::with_capacity(16);
            datetime::push_date(days.into(), "", &mut text);
            push(out, &text)
        }
        _ => Err(Fault::OutOfRange),
    }
}

/// Appends a number of microseconds since midnight.
pub fn push_time(microseconds: i64, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !(0..=DAY).contains(&microseconds) {
        return Err(Fault::OutOfRange);
    }
    push(out, &datetime::format_time(microseconds))
}

/// Appends a number of microseconds since 1970-01-01, in UTC and saying so if `with_zone`.
pub fn push_timestamp(microseconds: i64, with_zone: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    match microseconds {
        i64::MAX => push(out, "infinity"),
        microseconds if microseconds == -i64::MAX => push(out, "-infinity"),
        _ => push_finite_timestamp(microseconds, with_zone, out),
    }
}

/// As [`push_timestamp`], where no number is infinite.
pub fn push_finite_timestamp(microseconds: i64, with_zone: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    if microseconds < FIRST_TIMESTAMP {
        return Err(Fault::OutOfRange);
    }
    let mut time = String::with_capacity(24);
    time.push(' ');
    datetime::push_time(microseconds.rem_euclid(DAY), &mut time);
    if with_zone {
        write!(time, "+00").expect("a string takes all");
    }
    let mut text = String::with_capacity(40);
    datetime::push_date(microseconds.div_euclid(DAY), &time, &mut text);
    push(out, &text)
}

/// A number of nanoseconds as one of microseconds.
///
/// # Errors
/// [`Fault::TooFine`] if it is between two of them.
pub fn of_nanoseconds(nanoseconds: i64) -> Result<i64, Fault> {
    if nanoseconds % 1000 == 0 { Ok(nanoseconds / 1000) } else { Err(Fault::TooFine) }
}

fn push(out: &mut Vec<u8>, text: &str) -> Result<(), Fault> {
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
