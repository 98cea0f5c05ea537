//! `integer_id`: a keyed permutation of whole numbers.

use std::ops::RangeInclusive;

use super::decimal::push_integer;
use super::feistel::Permutation;
use super::results::Results;
use super::text::{Given, LANES};
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static INTEGER_ID: Function = Function {
    name: "integer_id",
    summary: "Replace an integer identifier by another, one to one, sign and 0 kept: one of the 2³¹ - 1 of its sign that \
              `integer` has, or of the others that `bigint` has, some 2⁶³",
    parameters: &[
        Parameter {
            name: "min",
            help: "the least value; with `min` or `max`, values of that range are permuted within it, and others are \
                   invalid; default the type's least",
        },
        Parameter { name: "max", help: "the greatest value; default the type's greatest" },
    ],
    example: Example { rule: r#""integer_id""#, ty: PgType::Int4, input: "1002", output: Some("1686074375") },
    domain: "integer_id",
    domain_by: None,
    takes: |ty| ty.is_integer() || matches!(ty.base(), PgType::Numeric(None | Some((_, 0)))),
    takes_text: "`smallint`, `integer`, `bigint`, `numeric` without decimals",
    build,
};

/// Ranges, each permuted within itself.
struct IntegerId {
    ranges: Vec<(RangeInclusive<i64>, Permutation)>,
    zero_stays: bool,
}

impl TextMask for IntegerId {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut number = [self.parse(value)];
        self.permute(&mut number);
        let [number] = number;
        push_integer(number?, out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut numbers = [Ok(0); LANES];
        for (number, given) in numbers.iter_mut().zip(values) {
            *number = self.parse(given.value);
        }
        let numbers = &mut numbers[..values.len()];
        self.permute(numbers);
        for &mut number in numbers {
            results.push(|out| {
                push_integer(number?, out);
                Ok(())
            });
        }
    }
}

impl IntegerId {
    fn parse(&self, value: &str) -> Result<i64, &'static str> {
        // A numeric without a scale of its own may have decimals that are zero.
        let whole = value.split_once('.').filter(|(_, decimals)| decimals.bytes().all(|digit| digit == b'0'));
        whole.map_or(value, |(whole, _)| whole).parse().map_err(|_| "is not an integer")
    }

    /// Replaces each of at most [`LANES`] numbers by what it becomes, or why it becomes nothing.
    fn permute(&self, numbers: &mut [Result<i64, &'static str>]) {
        let mut outside = [true; LANES];
        for (range, permutation) in &self.ranges {
            let (mut lanes, mut offsets, mut count) = ([0; LANES], [0; LANES], 0);
            for (lane, number) in numbers.iter().enumerate() {
                if outside[lane]
                    && let Ok(number) = number
                    && range.contains(number)
                {
                    outside[lane] = false;
                    (lanes[count], offsets[count]) = (lane, number.abs_diff(*range.start()).into());
                    count += 1;
                }
            }
            permutation.apply(&mut offsets[..count]);
            for (&lane, &offset) in lanes[..count].iter().zip(&offsets) {
                numbers[lane] = Ok(range.start().wrapping_add_unsigned(offset as u64));
            }
        }
        for (number, _) in numbers.iter_mut().zip(outside).filter(|(_, outside)| *outside) {
            if number.is_ok_and(|number| number != 0 || !self.zero_stays) {
                *number = Err("is outside `min` and `max`");
            }
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let ranges = type_ranges(build.ty.base());
    let least = ranges.iter().map(|range| *range.start()).min().unwrap_or(i64::MIN);
    let greatest = ranges.iter().map(|range| *range.end()).max().unwrap_or(i64::MAX);
    let min = build.parameters.integer("min", least..=greatest)?;
    let max = build.parameters.integer("max", least..=greatest)?;
    let zero_stays = min.is_none() && max.is_none();
    let ranges = match zero_stays {
        true => ranges,
        false => vec![min.unwrap_or(least)..=max.unwrap_or(greatest)],
    };
    if let Some(empty) = ranges.iter().find(|range| range.is_empty()) {
        return Err(Refusal::new(format!("`min` {} is above `max` {}", empty.start(), empty.end()))
            .hint("swap the two"));
    }
    let permuted = |range: RangeInclusive<i64>| {
        let size = (i128::from(*range.end()) - i128::from(*range.start()) + 1) as u128;
        let permutation = Permutation::new(build.key, size);
        (range, permutation)
    };
    let ranges = ranges.into_iter().map(permuted).collect();
    Ok(Built::text(IntegerId { ranges, zero_stays }, Uniqueness::Injective, None))
}

/// The ranges of a type that are permuted within themselves, so that an identifier stays a valid one.
///
/// Those of `bigint` that fit `integer` are apart, so that a value masks alike in columns of both types.
fn type_ranges(ty: &PgType) -> Vec<RangeInclusive<i64>> {
    let of_integer = || vec![1..=i64::from(i32::MAX), i64::from(i32::MIN)..=-1];
    match ty {
        PgType::Int2 => vec![1..=i64::from(i16::MAX), i64::from(i16::MIN)..=-1],
        PgType::Int4 => of_integer(),
        PgType::Numeric(Some((precision @ ..10, _))) => {
            let greatest = 10i64.pow(u32::from(*precision)) - 1;
            vec![1..=greatest, -greatest..=-1]
        }
        PgType::Numeric(Some((precision @ ..19, _))) => {
            let greatest = 10i64.pow(u32::from(*precision)) - 1;
            let mut ranges = of_integer();
            ranges.extend([i64::from(i32::MAX) + 1..=greatest, -greatest..=i64::from(i32::MIN) - 1]);
            ranges
        }
        _ => {
            let mut ranges = of_integer();
            ranges.extend([i64::from(i32::MAX) + 1..=i64::MAX, i64::MIN..=i64::from(i32::MIN) - 1]);
            ranges
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(ty: PgType, parameters: &str, value: i64) -> Result<i64, &'static str> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("integer_id");
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        let built = build(&Build::new(&parameters, &ty, &key, false));
        let Masking::Text(mask) = built.unwrap().masking else { unreachable!() };
        let mut out = String::new();
        mask.mask(&value.to_string(), b"", &mut out).map(|()| out.parse().unwrap())
    }

    #[test]
    fn a_value_masks_alike_as_integer_and_as_bigint() {
        for value in [1, 1002, -5, i64::from(i32::MAX)] {
            assert_eq!(masked(PgType::Int4, "", value), masked(PgType::Int8, "", value));
        }
    }

    #[test]
    fn sign_zero_and_the_type_hold() {
        assert_eq!(masked(PgType::Int2, "", 0), Ok(0));
        for value in 1..500 {
            assert!((1..=32767).contains(&masked(PgType::Int2, "", value).unwrap()));
            assert!((-32768..0).contains(&masked(PgType::Int2, "", -value).unwrap()));
        }
        assert!(masked(PgType::Int8, "", i64::MIN).unwrap() < 0);
    }

    #[test]
    fn a_numeric_without_decimals_is_one_too() {
        let numeric = |precision| PgType::Numeric(Some((precision, 0)));
        assert_eq!(masked(numeric(12), "", 1002), masked(PgType::Int4, "", 1002));
        assert_eq!(masked(PgType::Numeric(None), "", 1 << 40), masked(PgType::Int8, "", 1 << 40));
        for value in 1..400 {
            assert!((1..=99_999).contains(&masked(numeric(5), "", value).unwrap()));
            assert!(
                (2_147_483_648..1_000_000_000_000).contains(&masked(numeric(12), "", value << 31).unwrap())
            );
        }
        let tester = Tester::new(&INTEGER_ID, "", PgType::Numeric(None));
        assert_eq!(tester.masked("7.00"), tester.masked("7"));
        assert!(tester.masked("7.50").is_err());
        assert!(Tester::refused(&INTEGER_ID, "", PgType::Numeric(Some((5, 2)))).contains("numeric(5,2)"));
    }

    #[test]
    fn min_and_max_bound_the_values() {
        assert!((0..10).contains(&masked(PgType::Int8, "min = 0\nmax = 9", 0).unwrap()));
        assert_eq!(masked(PgType::Int8, "min = 0\nmax = 9", 10), Err("is outside `min` and `max`"));
    }
}
