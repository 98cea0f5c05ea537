//! Numbers of every type through one arithmetic: exact for integers and `numeric`, in `f64` for floating point.
//!
//! NaN and the infinities stay. A result is rounded to the type's scale and held within its bounds.

mod decimal;
mod money;

pub use decimal::{Decimal, Written};

use num_bigint::BigInt;
use num_integer::Integer;

use super::decimal::push_integer;
use super::{Build, Built, Refusal, TextMask, Uniqueness};
use crate::pg::float::{push_f32, push_f64};
use crate::pg::interval::Interval;
use crate::schema::PgType;

/// Whole numbers of one size: `i128` where they fit it, else `BigInt`.
pub trait Whole: Integer + Clone + From<i64> + std::fmt::Display {}

impl Whole for i128 {}
impl Whole for BigInt {}

/// What becomes of a number.
pub trait Arithmetic: Send + Sync + 'static {
    /// What `units`, each 10 to the power of -`scale`, become; `fits` tells whether the type holds a result.
    fn exact<T: Whole>(&self, units: T, scale: u32, subject: &[u8], fits: impl Fn(&T) -> bool) -> T;

    /// What a finite floating-point number becomes.
    fn float(&self, value: f64, subject: &[u8]) -> f64;

    /// The most decimals of a parameter, which `scale` is never less than.
    fn decimals(&self) -> u32;
}

/// Whether a function of numbers takes the type.
pub fn is_number(ty: &PgType) -> bool {
    ty.is_integer() || matches!(ty.base(), PgType::Numeric(_) | PgType::Float4 | PgType::Float8)
}

/// How the types that [`is_number`] takes are named in messages and docs.
pub const NUMBER_TYPES: &str = "`smallint`, `integer`, `bigint`, `numeric`, `real`, `double precision`";

/// Makes the mask that does `arithmetic` to a column of numbers.
///
/// # Errors
/// If a parameter has more decimals than the column's type.
pub fn built<A: Arithmetic>(build: &Build<'_>, arithmetic: A) -> Result<Built, Refusal> {
    let kind = Kind::of(build.ty);
    if let Some(scale) = kind.scale()
        && arithmetic.decimals() > scale
    {
        let what = format!("a parameter has {} decimals, `{}` has {scale}", arithmetic.decimals(), build.ty);
        return Err(Refusal::new(what).hint("round the parameter to the column's decimals"));
    }
    Ok(Built::text(Numbers { kind, arithmetic }, Uniqueness::None, None))
}

/// The values of a type of numbers.
enum Kind {
    /// An integer, and its bounds.
    Integer(i128, i128),
    /// A `numeric`; where it has them, its scale and the largest value in units of its last decimal.
    Numeric(Option<Limit>),
    /// A floating-point number, of single precision or not.
    Float {
        single: bool,
    },
    Money,
    /// In seconds.
    Interval,
}

/// In microseconds.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The bounds of a `numeric(p, s)`.
struct Limit {
    /// Decimals after the point.
    scale: u32,
    /// What values are multiples of, in units: more than 1 under a negative scale.
    step: BigInt,
    /// The largest value, in units.
    largest: BigInt,
    /// The same where it fits.
    largest_small: Option<i128>,
}

impl Kind {
    fn of(ty: &PgType) -> Self {
        match ty.base() {
            PgType::Int2 => Kind::Integer(i16::MIN.into(), i16::MAX.into()),
            PgType::Int4 => Kind::Integer(i32::MIN.into(), i32::MAX.into()),
            PgType::Int8 => Kind::Integer(i64::MIN.into(), i64::MAX.into()),
            PgType::Float4 => Kind::Float { single: true },
            PgType::Float8 => Kind::Float { single: false },
            PgType::Numeric(Some((precision, scale))) => {
                let step = BigInt::from(10).pow(u32::from(scale.min(&0).unsigned_abs()));
                let largest = (BigInt::from(10).pow(u32::from(*precision)) - 1) * &step;
                let largest_small = i128::try_from(&largest).ok();
                let scale = (*scale).max(0).unsigned_abs().into();
                Kind::Numeric(Some(Limit { scale, step, largest, largest_small }))
            }
            PgType::Money => Kind::Money,
            PgType::Interval => Kind::Interval,
            _ => Kind::Numeric(None),
        }
    }

    /// How many decimals a value may have, where the type says so.
    fn scale(&self) -> Option<u32> {
        match self {
            Kind::Integer(..) => Some(0),
            Kind::Numeric(limit) => limit.as_ref().map(|limit| limit.scale),
            Kind::Float { .. } => None,
            Kind::Money => Some(2),
            Kind::Interval => Some(6),
        }
    }
}

/// A column of numbers, and what is done to them.
struct Numbers<A> {
    kind: Kind,
    arithmetic: A,
}

impl<A: Arithmetic> TextMask for Numbers<A> {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        match &self.kind {
            Kind::Integer(least, greatest) => {
                let number: i64 = value.parse().map_err(|_| "is not an integer")?;
                let range = least..=greatest;
                let result =
                    self.arithmetic.exact(number.into(), 0, subject, |result| range.contains(&result));
                push_integer(result.clamp(*least, *greatest) as i64, out);
                Ok(())
            }
            Kind::Money => self.money(value, subject, out),
            Kind::Interval if value.ends_with("infinity") => {
                out.push_str(value);
                Ok(())
            }
            Kind::Interval => self.interval(value, subject, out),
            _ if matches!(value, "NaN" | "Infinity" | "-Infinity") => {
                out.push_str(value);
                Ok(())
            }
            Kind::Numeric(limit) => self.numeric(value, limit.as_ref(), subject, out),
            Kind::Float { single } => self.float(value, *single, subject, out),
        }
    }
}

/// The digits and decimals up to which arithmetic with any parameter stays within `i128`.
const SMALL_DIGITS: usize = 18;
const SMALL_SCALE: u32 = 9;

impl<A: Arithmetic> Numbers<A> {
    fn numeric(
        &self,
        value: &str,
        limit: Option<&Limit>,
        subject: &[u8],
        out: &mut String,
    ) -> Result<(), &'static str> {
        let written = Written::parse(value).ok_or("is not a number")?;
        let decimals = written.decimals();
        let scale = match limit {
            Some(limit) if decimals > limit.scale => return Err("has more decimals than its type"),
            Some(limit) => limit.scale,
            None => decimals.max(self.arithmetic.decimals()),
        };
        let shown = limit.map_or(written.decimals_shown(), |limit| limit.scale);
        if written.digits() + (scale - decimals) as usize <= SMALL_DIGITS && scale <= SMALL_SCALE {
            let largest = limit.and_then(|limit| limit.largest_small);
            let fits = |result: &i128| largest.is_none_or(|largest| (-largest..=largest).contains(result));
            let mut units = self.arithmetic.exact(written.units(scale), scale, subject, fits);
            if let Some(limit) = limit.filter(|limit| limit.step > BigInt::from(1)) {
                units = round_to(units, &i128::try_from(&limit.step).unwrap_or(i128::MAX));
            }
            let units = largest.map_or(units, |largest| units.clamp(-largest, largest));
            decimal::push(&units.to_string(), scale, shown, out);
        } else {
            let fits = |result: &BigInt| {
                limit.is_none_or(|limit| *result <= limit.largest && *result >= -&limit.largest)
            };
            let mut units = self.arithmetic.exact(written.long_units(scale), scale, subject, fits);
            if let Some(limit) = limit {
                units = round_to(units, &limit.step).clamp(-&limit.largest, limit.largest.clone());
            }
            decimal::push(&units.to_string(), scale, shown, out);
        }
        Ok(())
    }

    fn float(&self, value: &str, single: bool, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let number: f64 = value.parse().map_err(|_| "is not a number")?;
        if !number.is_finite() {
            return Err("is not a number");
        }
        let result = self.arithmetic.float(number, subject);
        let mut text = Vec::new();
        match single {
            true => push_f32((result as f32).clamp(f32::MIN, f32::MAX), &mut text),
            false => push_f64(result.clamp(f64::MIN, f64::MAX), &mut text),
        }
        out.push_str(std::str::from_utf8(&text).expect("numbers are ASCII"));
        Ok(())
    }

    fn money(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let (units, scale) = money::parse(value).ok_or("is not an amount of money")?;
        // The type's bounds are those of a `bigint`; what is negative has one more.
        let fits = |result: &i128| i64::try_from(*result).is_ok_and(|result| result != i64::MIN);
        let scale = scale.max(self.arithmetic.decimals());
        let result = self.arithmetic.exact(i128::from(units), scale, subject, fits);
        money::push(result.clamp(-i128::from(i64::MAX), i64::MAX.into()) as i64, value, out);
        Ok(())
    }

    /// Months count as 30 days, and days as 24 hours, as where Postgres compares.
    fn interval(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let interval = Interval::parse(value).ok_or("is not an interval as a dump writes it")?;
        let has_fraction = interval.microseconds % SECOND != 0 || self.arithmetic.decimals() > 0;
        let (unit, scale) = if has_fraction { (1, 6) } else { (SECOND, 0) };
        let most = i128::from(i32::MAX) * i128::from(DAY);
        let fits = |result: &i128| (-most..=most).contains(&(result * i128::from(unit)));
        let result = self.arithmetic.exact(interval.span() / i128::from(unit), scale, subject, fits);
        let span = (result * i128::from(unit)).clamp(-most, most);
        // Parts that the interval has not are not made up.
        let months = if interval.months != 0 { span / i128::from(30 * DAY) } else { 0 };
        let rest = span - months * i128::from(30 * DAY);
        let has_days = interval.months != 0 || interval.days != 0 || rest.abs() > i128::from(i64::MAX);
        let days = if has_days { rest / i128::from(DAY) } else { 0 };
        let microseconds = (rest - days * i128::from(DAY)) as i64;
        Interval { months: months as i64, days: days as i64, microseconds }.push(out);
        Ok(())
    }
}

/// `number` rounded to a multiple of `step`, half away from zero as Postgres rounds `numeric`.
pub fn round_to<T: Whole>(number: T, step: &T) -> T {
    let two = T::from(2);
    let negative = number < T::zero();
    let magnitude = if negative { T::zero() - number } else { number };
    let rounded = (magnitude * two.clone() + step.clone()) / (step.clone() * two) * step.clone();
    if negative { T::zero() - rounded } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Changes nothing.
    struct Same;

    impl Arithmetic for Same {
        fn exact<T: Whole>(&self, units: T, _: u32, _: &[u8], _: impl Fn(&T) -> bool) -> T {
            units
        }

        fn float(&self, value: f64, _: &[u8]) -> f64 {
            value
        }

        fn decimals(&self) -> u32 {
            0
        }
    }

    fn same(ty: PgType, value: &str) -> Result<String, &'static str> {
        let mut out = String::new();
        Numbers { kind: Kind::of(&ty), arithmetic: Same }.mask(value, b"", &mut out).map(|()| out)
    }

    #[test]
    fn a_number_is_written_as_it_is_read() {
        for value in ["0", "-1.50", "0.00", "100", "-0.001", "12345678901234567890.12345678901234567890"] {
            assert_eq!(same(PgType::Numeric(None), value).unwrap(), value);
        }
        for value in ["0", "-1.5", "1e+20", "-2.5e-07", "NaN", "-Infinity"] {
            assert_eq!(same(PgType::Float8, value).unwrap(), value);
        }
        assert_eq!(same(PgType::Float8, "1e20").unwrap(), "1e+20");
        assert_eq!(same(PgType::Float4, "0.1").unwrap(), "0.1");
        assert_eq!(same(PgType::Numeric(Some((3, -2))), "1200").unwrap(), "1200");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for ty in [PgType::Int4, PgType::Numeric(None), PgType::Float8] {
            for value in ["", "-", "x", "1,5", "1.2.3", "inf", "0x10", "١"] {
                assert!(same(ty.clone(), value).is_err(), "{ty} {value}");
            }
        }
        assert!(same(PgType::Numeric(Some((5, 2))), "1.234").is_err());
    }

    #[test]
    fn half_is_rounded_away_from_zero() {
        assert_eq!([14, 15, -14, -15, 0].map(|number| round_to(number, &10)), [10, 20, -10, -20, 0]);
    }

    proptest! {
        #[test]
        fn small_and_large_numbers_are_read_alike(value in "-?[0-9]{1,9}(\\.[0-9]{1,6})?") {
            let written = Written::parse(&value).unwrap();
            prop_assert_eq!(BigInt::from(written.units(8)), written.long_units(8));
        }
    }
}
