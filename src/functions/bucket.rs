//! `bucket`: numbers to the lower bounds of bands.

use super::number::{self, Arithmetic, Decimal, NUMBER_TYPES, Whole, is_number};
use super::{Build, Built, Example, Function, Parameter, Refusal};
use crate::schema::PgType;

pub static BUCKET: Function = Function {
    name: "bucket",
    summary: "Replace a number by the lower bound of its band; a bound stays as it is, and so do NaN and the infinities",
    parameters: &[
        Parameter {
            name: "width",
            help: "the width of all bands, one of which begins at 0; this or `bounds` is required",
        },
        Parameter {
            name: "bounds",
            help: "the lower bounds in order, such as [0, 18, 65]; less than the first becomes the first; this or \
                   `width` is required",
        },
    ],
    example: Example {
        rule: r#"{ fn = "bucket", bounds = [0, 18, 30, 45, 65] }"#,
        ty: PgType::Int4,
        input: "37",
        output: Some("30"),
    },
    domain: "bucket",
    domain_by: None,
    takes: is_number,
    takes_text: NUMBER_TYPES,
    build,
};

enum Bands {
    Width(Decimal),
    Bounds(Vec<Decimal>),
}

impl Arithmetic for Bands {
    fn exact<T: Whole>(&self, units: T, scale: u32, _subject: &[u8], _fits: impl Fn(&T) -> bool) -> T {
        match self {
            Bands::Width(width) => {
                let width = width.at(scale);
                units.div_floor(&width) * width
            }
            Bands::Bounds(bounds) => {
                let reached = bounds.iter().rev().map(|bound| bound.at(scale)).find(|bound| *bound <= units);
                reached.unwrap_or_else(|| bounds[0].at(scale))
            }
        }
    }

    fn float(&self, value: f64, _subject: &[u8]) -> f64 {
        match self {
            Bands::Width(width) => (value / width.float()).floor() * width.float(),
            Bands::Bounds(bounds) => {
                let reached = bounds.iter().rev().map(|bound| bound.float()).find(|bound| *bound <= value);
                reached.unwrap_or_else(|| bounds[0].float())
            }
        }
    }

    fn decimals(&self) -> u32 {
        match self {
            Bands::Width(width) => width.decimals(),
            Bands::Bounds(bounds) => bounds.iter().map(|bound| bound.decimals()).max().unwrap_or(0),
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let bands = match (build.parameters.decimal("width")?, build.parameters.decimals("bounds")?) {
        (Some(width), None) if width.is_positive() => Bands::Width(width),
        (None, Some(bounds)) if !bounds.is_empty() && bounds.is_sorted_by(|one, next| one < next) => {
            Bands::Bounds(bounds)
        }
        (Some(_), None) => {
            return Err(Refusal::new("`width` is not above 0").hint("give a width, such as `width = 10`"));
        }
        (None, Some(_)) => {
            return Err(Refusal::new("`bounds` are not one or more numbers in ascending order")
                .hint("write them as `bounds = [0, 18, 65]`"));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new("`bucket` has both `width` and `bounds`").hint("leave one of them out"));
        }
        (None, None) => {
            return Err(Refusal::new("`bucket` has neither `width` nor `bounds`")
                .hint("add `width = 10`, or the bounds of bands, such as `bounds = [0, 18, 65]`"));
        }
    };
    number::built(build, bands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_number_becomes_the_lower_bound_of_its_band() {
        let of = |rule: &str, ty, value: &str| Tester::new(&BUCKET, rule, ty).masked(value).unwrap();
        assert_eq!(of("width = 10", PgType::Int4, "37"), "30");
        assert_eq!(of("width = 10", PgType::Int4, "-1"), "-10");
        assert_eq!(of("width = 100", PgType::Int2, "-32768"), "-32768");
        assert_eq!(of("width = '0.25'", PgType::Numeric(Some((6, 2))), "3.99"), "3.75");
        assert_eq!(of("width = 5", PgType::Float8, "12.25"), "10");
        for (value, bound) in [("-5", "0"), ("0", "0"), ("17", "0"), ("18", "18"), ("99", "65")] {
            assert_eq!(of("bounds = [0, 18, 65]", PgType::Int4, value), bound);
        }
    }

    #[test]
    fn bands_are_required_and_in_order() {
        let refused = |rule| Tester::refused(&BUCKET, rule, PgType::Int4);
        assert!(refused("").contains("neither"));
        assert!(refused("bounds = [3, 3]").contains("ascending"));
        assert!(refused("bounds = []").contains("ascending"));
        assert!(refused("bounds = 3").contains("no list"));
        assert!(refused("width = 0").contains("above 0"));
    }
}
