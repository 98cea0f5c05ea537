//! `vin`: numbers of vehicles.

use super::check_characters::digit;
use super::layout::Layout;
use super::scheme::Numbers;
use super::spelling::Separators;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES};
use crate::schema::PgType;

pub static VIN: Function = Function {
    name: "vin",
    summary: "Replace a vehicle identification number by another, one to one; the check digit, which North America asks \
              for, is valid where it was; there are 33¹⁶ with one",
    parameters: &[Parameter {
        name: "keep_first",
        help: "characters at the start that stay, 0 to 8: 3 tell the maker, 8 the model as well; default 0",
    }],
    example: Example {
        rule: r#"{ fn = "vin", keep_first = 3 }"#,
        ty: PgType::Text,
        input: "1M8GDM9AXKP042788",
        output: Some("1M8UJ2DE3Z6WN4JJV"),
    },
    domain: "vin",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Letters and digits without I, O and Q (ISO 3779).
const PLACE: &str = "[0-9A-HJ-NPR-Z]";

/// Where the check digit is.
const CHECK: usize = 8;

/// Fills in the check digit (49 CFR 565.15).
fn complete(vin: &mut [u8]) {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |character: u8| match character {
        b'A'..=b'H' => u32::from(character - b'A') + 1,
        b'J'..=b'R' => u32::from(character - b'J') + 1,
        b'S'..=b'Z' => u32::from(character - b'S') + 2,
        digit => u32::from(digit - b'0'),
    };
    vin[CHECK] = b'0';
    let sum: u32 = vin.iter().zip(WEIGHTS).map(|(&character, weight)| value(character) * weight).sum();
    vin[CHECK] = match sum % 11 {
        10 => b'X',
        check => digit(check),
    };
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let kept = build.parameters.integer("keep_first", 0..=8)?.unwrap_or(0) as usize;
    let with_check = format!("{}#{}", PLACE.repeat(8), PLACE.repeat(8));
    let layouts = [Layout::parse(&with_check)?, Layout::parse(&PLACE.repeat(17))?];
    let layouts = layouts.map(|layout| layout.keeping(0..kept));
    let complete = Box::new(|form: usize, vin: &mut [u8]| {
        if form == 0 {
            complete(vin);
        }
        true
    });
    Ok(Numbers::new(
        layouts,
        complete,
        Separators::of(b""),
        "is not a vehicle number of 17 characters",
        build,
    )
    .built(build))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn the_check_digit_of_published_numbers_is_right() {
        for vin in ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"] {
            let mut completed = vin.as_bytes().to_vec();
            complete(&mut completed);
            assert_eq!(completed, vin.as_bytes());
        }
    }

    #[test]
    fn a_number_becomes_another_with_a_check_digit_if_it_had_one() {
        let mask = Tester::new(&VIN, "keep_first = 3", PgType::Text);
        let has_check = |vin: &str| {
            let mut completed = vin.as_bytes().to_vec();
            complete(&mut completed);
            completed == vin.as_bytes()
        };
        for vin in ["1M8GDM9AXKP042788", "WVWZZZ1JZXW000001"] {
            let result = mask.masked(vin).unwrap();
            assert!(
                result != vin && result[..3] == vin[..3] && has_check(&result) == has_check(vin),
                "{result}"
            );
        }
        for value in ["", "1M8GDM9AXKP04278", "1M8GDM9AXKP04278O", "1m8GDM9AXKP042788"] {
            assert!(mask.masked(value).is_err(), "{value}");
        }
    }
}
