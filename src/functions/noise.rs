//! `noise`: numbers a drawn part or amount off.

use super::draws::signed_fraction;
use super::number::{self, Arithmetic, Decimal, Whole, is_number};
use super::{Build, Built, Example, Function, Parameter, Refusal};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static NOISE: Function = Function {
    name: "noise",
    summary: "Move a number by a drawn part of itself or amount, by one unit of its last digit at least; with `by`, \
              all numbers of an owner alike, so that their proportions or distances stay; 0 stays 0 under `ratio`, \
              and so do NaN and the infinities",
    parameters: &[
        Parameter {
            name: "ratio",
            help: "the most to move by, as a part of the number, above 0 to 1; this or `amount` is required",
        },
        Parameter {
            name: "amount",
            help: "the most to move by, in the column's unit, in seconds for an `interval`; this or `ratio` is required",
        },
    ],
    example: Example {
        rule: r#"{ fn = "noise", ratio = 0.1 }"#,
        ty: PgType::Numeric(Some((10, 2))),
        input: "1250.00",
        output: Some("1353.05"),
    },
    domain: "noise",
    domain_by: Some("noise"),
    takes: |ty| is_number(ty) || matches!(ty.base(), PgType::Money | PgType::Interval),
    takes_text: "`smallint`, `integer`, `bigint`, `numeric`, `real`, `double precision`, `money`, `interval`",
    build,
};

struct Noise {
    key: DomainKey,
    most: Most,
}

/// The most that a number is moved by.
#[derive(Clone, Copy)]
enum Most {
    Ratio(Decimal),
    Amount(Decimal),
}

impl Arithmetic for Noise {
    fn exact<T: Whole>(&self, units: T, scale: u32, subject: &[u8], fits: impl Fn(&T) -> bool) -> T {
        let (numerator, denominator) = match self.most {
            Most::Ratio(ratio) => {
                let (numerator, denominator) = ratio.fraction();
                let magnitude = if units < T::zero() { T::zero() - units.clone() } else { units.clone() };
                (magnitude * numerator, denominator)
            }
            Most::Amount(amount) => (amount.at(scale), T::one()),
        };
        if numerator == T::zero() {
            return units;
        }
        let (negative, fraction, one) = signed_fraction(&self.key, subject);
        let denominator = denominator * T::from(one);
        let moved = (numerator * T::from(2 * fraction) + denominator.clone()) / (denominator * T::from(2));
        let moved = moved.max(T::one());
        let (forward, back) = (units.clone() + moved.clone(), units - moved);
        let (drawn, other) = if negative { (back, forward) } else { (forward, back) };
        if fits(&drawn) { drawn } else { other }
    }

    fn float(&self, value: f64, subject: &[u8]) -> f64 {
        let most = match self.most {
            Most::Ratio(ratio) => value.abs() * ratio.float(),
            Most::Amount(amount) => amount.float(),
        };
        if most == 0.0 {
            return value;
        }
        let (negative, fraction, one) = signed_fraction(&self.key, subject);
        let moved = most * (fraction as f64 / one as f64);
        let (forward, back) = (value + moved, value - moved);
        let (drawn, other) = if negative { (back, forward) } else { (forward, back) };
        if drawn.is_finite() { drawn } else { other }
    }

    fn decimals(&self) -> u32 {
        match self.most {
            Most::Ratio(_) => 0,
            Most::Amount(amount) => amount.decimals(),
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let one = Decimal::parse("1").expect("it is a number");
    let most = match (build.parameters.decimal("ratio")?, build.parameters.decimal("amount")?) {
        (Some(ratio), None) if ratio.is_positive() && ratio <= one && ratio.decimals() <= 6 => {
            Most::Ratio(ratio)
        }
        (Some(_), None) => {
            return Err(Refusal::new("`ratio` is not above 0 and at most 1, of at most six decimals")
                .hint("give a part of the number, such as `ratio = 0.1`"));
        }
        (None, Some(amount)) if amount.is_positive() => Most::Amount(amount),
        (None, Some(_)) => {
            return Err(Refusal::new("`amount` is not above 0").hint("give what to move by at most"));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new("`noise` has both `ratio` and `amount`").hint("leave one of them out"));
        }
        (None, None) => {
            return Err(Refusal::new("`noise` has neither `ratio` nor `amount`")
                .hint("add `ratio = 0.1`, or `amount` in the column's unit"));
        }
    };
    number::built(build, Noise { key: build.key.clone(), most })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Uniqueness;
    use crate::functions::test_support::Tester;
    use crate::pg::interval::Interval;

    #[test]
    fn a_number_moves_by_the_ratio_at_most_and_never_stays() {
        let noise = Tester::new(&NOISE, "ratio = 0.1", PgType::Int4);
        for number in (100..5000).chain([i32::MAX, i32::MIN]) {
            let result: i64 = noise.masked(&number.to_string()).unwrap().parse().unwrap();
            let moved = (result - i64::from(number)).abs();
            assert!((1..=i64::from(number).abs() / 10 + 1).contains(&moved), "{number} {result}");
            assert!(i32::try_from(result).is_ok());
        }
        assert_eq!(noise.masked("0").unwrap(), "0");
        assert_eq!((noise.uniqueness, noise.max_chars), (Uniqueness::None, None));
        assert_ne!(noise.masked("1").unwrap(), "1");
    }

    #[test]
    fn the_scale_and_precision_of_a_numeric_hold() {
        let noise = Tester::new(&NOISE, "ratio = 1", PgType::Numeric(Some((4, 2))));
        for cents in 1..=9999 {
            let value = format!("{}.{:02}", cents / 100, cents % 100);
            let result = noise.masked(&value).unwrap();
            let (whole, fraction) = result.trim_start_matches('-').split_once('.').unwrap();
            assert!(whole.len() <= 2 && fraction.len() == 2 && result != value, "{value} {result}");
        }
    }

    #[test]
    fn equal_numbers_move_alike_however_many_zeros_they_show() {
        let noise = Tester::new(&NOISE, "amount = '0.05'", PgType::Numeric(None));
        let [short, long] = ["1.5", "1.500"].map(|value| noise.masked(value).unwrap());
        assert_eq!(short.trim_end_matches('0'), long.trim_end_matches('0'));
        let long = "123456789012345678901234567890.5";
        assert_ne!(noise.masked(long).unwrap(), long);
        assert_eq!(noise.masked(long).unwrap()[..28], long[..28]);
    }

    #[test]
    fn the_numbers_of_an_owner_keep_their_proportions() {
        let noise = Tester::new(&NOISE, "ratio = 0.5", PgType::Float8).by("7");
        let [one, two]: [f64; 2] = ["10", "20"].map(|value| noise.masked(value).unwrap().parse().unwrap());
        assert!((2.0 * one - two).abs() < 1e-9 && one != 10.0);
        assert_eq!(noise.masked("NaN").unwrap(), "NaN");
        assert_ne!(noise.masked("1.7976931348623157e+308").unwrap(), "1.7976931348623157e308");
    }

    #[test]
    fn money_and_intervals_move_too() {
        let noise = Tester::new(&NOISE, "ratio = 0.1", PgType::Money);
        for value in ["$1,234.57", "-$0.03", "1.234,57 €"] {
            let result = noise.masked(value).unwrap();
            assert!(result != value && result.len() == value.len(), "{value} {result}");
        }
        assert_eq!(noise.masked("$0.00").unwrap(), "$0.00");
        let noise = Tester::new(&NOISE, "amount = 3600", PgType::Interval);
        for value in ["1 year 2 mons 3 days 04:05:06", "-00:00:01", "3 days", "00:00:00.25", "1000000:00:00"]
        {
            let (before, result) = (Interval::parse(value).unwrap(), noise.masked(value).unwrap());
            let after = Interval::parse(&result).unwrap();
            let moved = (after.span() - before.span()).abs();
            assert!((1..=3_600_000_000).contains(&moved), "{value} {result}");
            assert!(before.months != 0 || after.months == 0);
        }
        assert!(noise.masked("7").is_err());
        assert_eq!(noise.masked("infinity").unwrap(), "infinity");
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let refused = |rule, ty| Tester::refused(&NOISE, rule, ty);
        assert!(refused("", PgType::Int4).contains("neither"));
        assert!(refused("ratio = 1.5", PgType::Int4).contains("at most 1"));
        assert!(refused("amount = '0.5'", PgType::Int4).contains("1 decimals"));
        assert!(refused("amount = 0", PgType::Int4).contains("not above 0"));
    }
}
