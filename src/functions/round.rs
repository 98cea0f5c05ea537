//! `round`: numbers to multiples of a step.

use super::number::{self, Arithmetic, Decimal, NUMBER_TYPES, Whole, is_number, round_to};
use super::{Build, Built, Example, Function, Parameter, Refusal};
use crate::schema::PgType;

pub static ROUND: Function = Function {
    name: "round",
    summary: "Round a number to a multiple of a step, half away from zero; a multiple stays as it is, and so do NaN \
              and the infinities",
    parameters: &[Parameter { name: "to", help: "the step, above 0, such as 100 or \"0.5\"; required" }],
    example: Example {
        rule: r#"{ fn = "round", to = 1000 }"#,
        ty: PgType::Numeric(Some((10, 2))),
        input: "48250.75",
        output: Some("48000.00"),
    },
    domain: "round",
    domain_by: None,
    takes: is_number,
    takes_text: NUMBER_TYPES,
    build,
};

struct Round {
    to: Decimal,
}

impl Arithmetic for Round {
    fn exact<T: Whole>(&self, units: T, scale: u32, _subject: &[u8], _fits: impl Fn(&T) -> bool) -> T {
        round_to(units, &self.to.at(scale))
    }

    fn float(&self, value: f64, _subject: &[u8]) -> f64 {
        (value / self.to.float()).round() * self.to.float()
    }

    fn decimals(&self) -> u32 {
        self.to.decimals()
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    match build.parameters.decimal("to")? {
        Some(to) if to.is_positive() => number::built(build, Round { to }),
        Some(_) => Err(Refusal::new("`to` is not above 0").hint("give a step, such as `to = 100`")),
        None => Err(Refusal::new("`round` has no `to`").hint("add a step, such as `to = 100`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn numbers_of_every_type_are_rounded() {
        let rounded = |to: &str, ty, value: &str| {
            Tester::new(&ROUND, &format!("to = '{to}'"), ty).masked(value).unwrap()
        };
        assert_eq!(rounded("100", PgType::Int4, "1250"), "1300");
        assert_eq!(rounded("100", PgType::Int4, "-1250"), "-1300");
        assert_eq!(rounded("100", PgType::Int2, "32767"), "32767");
        assert_eq!(rounded("0.05", PgType::Numeric(None), "1.37"), "1.35");
        assert_eq!(rounded("0.5", PgType::Numeric(None), "7"), "7");
        assert_eq!(rounded("10", PgType::Float8, "1234.5"), "1230");
        let long = rounded("1000", PgType::Numeric(None), "123456789012345678901234567890.123");
        assert_eq!(long, "123456789012345678901234568000.000");
    }

    #[test]
    fn a_step_is_required_and_no_finer_than_the_column() {
        assert!(Tester::refused(&ROUND, "", PgType::Int4).contains("no `to`"));
        assert!(Tester::refused(&ROUND, "to = '-1'", PgType::Int4).contains("above 0"));
        assert!(Tester::refused(&ROUND, "to = '0.5'", PgType::Int4).contains("decimals"));
    }
}
