//! `phone`: phone numbers that look alike and, where a country sets numbers aside for fiction, ring nobody.

use super::draws::Draws;
use super::phone_ranges::{self, Country};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static PHONE: Function = Function {
    name: "phone",
    summary: "Replace a phone number by another of the same country and format: by one set aside for fiction in North \
              America (555-01xx), Australia, Britain, France, Germany, Ireland and Sweden, and digit by digit elsewhere",
    parameters: &[Parameter {
        name: "country",
        help: "the country of numbers without a country code: AU, CA, DE, FR, GB, IE, SE or US; by default those that look \
               North American are, and others are replaced digit by digit",
    }],
    example: Example {
        rule: r#""phone""#,
        ty: PgType::Text,
        input: "+1 (212) 736-5000",
        output: Some("+1 (849) 555-0148"),
    },
    domain: "phone",
    domain_by: Some("phone"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let country = |name| phone_ranges::named(name).map_or(Home::Unknown, Home::Country);
    let homes = ["AU", "DE", "FR", "GB", "IE", "SE"].map(|name| (name, country(name)));
    let american = ["CA", "US"].map(|name| (name, Home::NorthAmerica));
    let homes: Vec<_> = homes.into_iter().chain(american).collect();
    let home = build.parameters.choice("country", &homes)?.unwrap_or(Home::Unknown);
    Ok(Built::text(Phone { key: build.key.clone(), home }, Uniqueness::None, build.ty.max_chars()))
}

struct Phone {
    key: DomainKey,
    /// Where numbers without a country code are from.
    home: Home,
}

#[derive(Clone, Copy)]
enum Home {
    Unknown,
    NorthAmerica,
    Country(&'static Country),
}

/// The most digits of a number that are looked at: those of E.164 and some dialled before it.
const MAX_DIGITS: usize = 24;

impl TextMask for Phone {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        if !value.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err("has no digits");
        }
        let mut draws = Draws::new(&self.key, subject);
        let mut number = Number::of(value);
        self.replace(&mut number, &mut draws);
        let mut next = number.digits[..number.len].iter();
        let mut digit = || next.next().copied().unwrap_or_else(|| draws.digit_byte(0));
        let mut replaced = |byte: u8| if byte.is_ascii_digit() { digit() } else { byte };
        let mut few = [0; 64];
        let many: Vec<u8>;
        let bytes = match few.get_mut(..value.len()) {
            Some(few) => {
                few.iter_mut().zip(value.bytes()).for_each(|(out, byte)| *out = replaced(byte));
                &*few
            }
            None => {
                many = value.bytes().map(replaced).collect();
                &many
            }
        };
        out.push_str(std::str::from_utf8(bytes).expect("digits are no part of other characters"));
        Ok(())
    }
}

/// The digits of a phone number, an extension after a word left out.
struct Number {
    digits: [u8; MAX_DIGITS],
    len: usize,
    /// How many of them come before the country code; `None` where there is none.
    prefix: Option<usize>,
}

impl Number {
    fn of(value: &str) -> Self {
        let (mut digits, mut len) = ([0; MAX_DIGITS], 0);
        let is_word = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
        for byte in
            value.bytes().take_while(|byte| !is_word(byte)).filter(u8::is_ascii_digit).take(MAX_DIGITS)
        {
            digits[len] = byte;
            len += 1;
        }
        let prefix = match value.trim_start().as_bytes() {
            [b'+', ..] => Some(0),
            _ if digits.starts_with(b"00") && len > 9 => Some(2),
            _ => None,
        };
        Number { digits, len, prefix }
    }

    fn digits(&mut self) -> &mut [u8] {
        &mut self.digits[..self.len]
    }
}

impl Phone {
    /// Replaces the digits of `number` by those of another.
    fn replace(&self, number: &mut Number, draws: &mut Draws<'_>) {
        let is_abroad = number.prefix.is_some();
        let prefix = number.prefix.unwrap_or(0);
        let digits = &mut number.digits()[prefix..];
        if let Some(area) = self.north_american_area(digits, is_abroad) {
            return draw_fictitious(&mut digits[area..], draws);
        }
        let (country, code) = match (is_abroad, self.home) {
            (true, _) => (phone_ranges::called(digits), country_code_len(digits)),
            (false, Home::Country(country)) => (Some(country), 0),
            (false, _) => (None, 0),
        };
        let code = code.min(digits.len());
        let national = &mut digits[code..];
        let trunk = usize::from(country.is_some() && national.first() == Some(&b'0'));
        let replacements = country.and_then(|country| country.replacements(&national[trunk..]));
        match replacements {
            Some(numbers) => draw_of(numbers, &mut national[trunk..], draws),
            None => draw_digits(national, draws),
        }
    }

    /// Where `digits` are a number of the North American plan, how many of them come before its area code.
    fn north_american_area(&self, digits: &[u8], is_abroad: bool) -> Option<usize> {
        let is_home = matches!(self.home, Home::NorthAmerica | Home::Unknown);
        match digits {
            [b'1', _, ..] if digits.len() == 11 && (is_abroad || is_home) => Some(1),
            [b'2'..=b'9', ..] if digits.len() == 10 && !is_abroad && is_home => Some(0),
            _ => None,
        }
    }
}

/// Replaces a number by an area code and 555-01xx, which the plan sets aside for fiction (ATIS-0300115).
fn draw_fictitious(digits: &mut [u8], draws: &mut Draws<'_>) {
    // An area code's second digit is never 9, nor are its last two 11.
    let area = [draws.digit_byte(2), b'0' + draws.number(2, 8), draws.digit_byte(0)];
    let line = [draws.digit_byte(0), draws.digit_byte(0)];
    digits[..3].copy_from_slice(&area);
    digits[3..8].copy_from_slice(b"55501");
    digits[8..10].copy_from_slice(&line);
}

/// Replaces a number by one of `numbers`, of which some are only what it begins with.
fn draw_of(numbers: impl Iterator<Item = &'static str> + Clone, digits: &mut [u8], draws: &mut Draws<'_>) {
    let drawn = draws.number(0, (numbers.clone().count() - 1).min(255) as u8);
    let number = numbers.into_iter().nth(usize::from(drawn)).expect("as many were counted");
    let (start, rest) = digits.split_at_mut(number.len());
    start.copy_from_slice(number.as_bytes());
    rest.iter_mut().for_each(|digit| *digit = draws.digit_byte(0));
}

/// Replaces digits by others: zeros at the start stay, as they are dialled to leave a town or a country, the first other
/// digit stays another than zero.
fn draw_digits(digits: &mut [u8], draws: &mut Draws<'_>) {
    let zeros = digits.iter().take(2).take_while(|digit| **digit == b'0').count();
    for (at, digit) in digits[zeros..].iter_mut().enumerate() {
        *digit = draws.digit_byte(u8::from(at == 0));
    }
}

/// How many digits the country code has that `digits` begin with (ITU-T E.164, list of assigned codes).
fn country_code_len(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    fn masked_in(country: &str, value: &str) -> String {
        let rule = if country.is_empty() { String::new() } else { format!("country = '{country}'") };
        Tester::new(&PHONE, &rule, PgType::Text).masked(value).unwrap()
    }

    fn masked(value: &str) -> String {
        masked_in("", value)
    }

    fn digits(value: &str) -> String {
        value.chars().filter(char::is_ascii_digit).collect()
    }

    #[test]
    fn a_north_american_number_becomes_a_fictitious_one() {
        for value in
            ["+1 (212) 736-5000", "212-736-5000", "1.212.736.5000", "2127365000 ext. 17", "001 212 736 5000"]
        {
            let result = digits(&masked(value));
            let area_code = result.find("55501").unwrap();
            assert!((3..=6).contains(&area_code), "{result}");
        }
        assert!(masked("+1 (212) 736-5000").starts_with("+1 ("));
        assert!(masked("2127365000 ext. 17").contains(" ext. "));
    }

    #[test]
    fn numbers_of_countries_that_set_some_aside_become_one_of_those() {
        for (country, value, start) in [
            ("", "+44 (0)20 7123 4567", "+44 (0)20 7946 0"),
            ("", "+44 7911 123456", "+44 7700 900"),
            ("", "0044 1865 270000", "0044 1632 960"),
            ("GB", "01865 270000", "01632 960"),
            ("GB", "0113 222 4444", "0113 496 0"),
            ("DE", "030 9018200", "030 23125"),
            ("", "+49 30 901820 00", "+49 30 23125"),
            ("FR", "06 12 34 56 78", "06 39 98 "),
            ("", "+33 1 42 34 56 78", "+33 1 99 00 "),
            ("", "+61 4 1234 5678", "+61 4 9157 "),
            ("IE", "01 234 5678", "02 091 "),
            ("", "+46 8 123 456 78", "+46 8 465 004 "),
            ("", "+46 70 123 45 67", "+46 70 174 06 "),
        ] {
            let result = masked_in(country, value);
            assert!(result.starts_with(start), "{value} became {result}");
            assert_eq!(result.len(), value.len());
        }
    }

    #[test]
    fn the_home_of_a_number_decides_where_no_code_does() {
        assert!(masked_in("US", "2127365000")[3..].starts_with("55501"));
        assert!(!masked_in("GB", "2127365000")[3..].starts_with("55501"));
        assert!(Tester::refused(&PHONE, "country = 'XX'", PgType::Text).contains("no choice"));
    }

    #[test]
    fn other_numbers_keep_their_country_code_zeros_and_format() {
        let result = masked("+48 22 694 60 00");
        assert!(result.starts_with("+48 ") && result.len() == 16 && result.as_bytes()[4] != b'0', "{result}");
        let result = masked("030/901820");
        assert!(result.starts_with('0') && result.as_bytes()[3] == b'/', "{result}");
    }

    #[test]
    fn country_codes_have_one_to_three_digits() {
        for (value, len) in [("7495", 1), ("4930", 2), ("35121", 3), ("44", 2), ("", 3)] {
            assert_eq!(country_code_len(value.as_bytes()), len, "{value}");
        }
    }

    #[test]
    fn long_and_odd_numbers_are_replaced_too() {
        let long = "9".repeat(100);
        assert_ne!(masked(&long), long);
        assert!(Tester::new(&PHONE, "", PgType::Text).masked("+").is_err());
    }
}
