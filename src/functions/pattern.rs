//! `pattern`: a code of a given form.

use super::draws::Draws;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static PATTERN: Function = Function {
    name: "pattern",
    summary: "Replace a value by a code of a given form",
    parameters: &[Parameter {
        name: "pattern",
        help: "the form: 9 is a digit, A a capital letter, a a small one, X a digit or a capital letter, x a digit or a \
               small letter; all else stands for itself, and so does what follows a \\; required. With n places there are \
               10ⁿ, 26ⁿ or 36ⁿ results: two values may get the same",
    }],
    example: Example {
        rule: r#"{ fn = "pattern", pattern = "AA-9999" }"#,
        ty: PgType::Text,
        input: "contract of Ana Silva",
        output: Some("VF-8598"),
    },
    domain: "pattern",
    domain_by: Some("pattern"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Pattern {
    key: DomainKey,
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Literal(char),
    /// One of these characters.
    OneOf(&'static [u8]),
}

const DIGITS: &[u8] = b"0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS_CAPITALS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS_SMALL: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl TextMask for Pattern {
    fn mask(&self, _value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut draws = Draws::new(&self.key, subject);
        out.extend(self.places.iter().map(|place| match place {
            Place::Literal(c) => *c,
            Place::OneOf(characters) => {
                char::from(characters[usize::from(draws.number(0, characters.len() as u8 - 1))])
            }
        }));
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(pattern) = build.parameters.text("pattern")? else {
        return Err(
            Refusal::new("`pattern` has no `pattern`").hint("add one, such as `pattern = \"AA-9999\"`")
        );
    };
    let mut places = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        places.push(match c {
            '9' => Place::OneOf(DIGITS),
            'A' => Place::OneOf(CAPITALS),
            'a' => Place::OneOf(SMALL),
            'X' => Place::OneOf(DIGITS_CAPITALS),
            'x' => Place::OneOf(DIGITS_SMALL),
            '\\' => Place::Literal(characters.next().ok_or_else(|| {
                Refusal::new("`pattern` ends with a `\\`").hint("write it twice to mean one")
            })?),
            '\0' => return Err(Refusal::new("`pattern` holds a NUL character").hint("leave it out")),
            c => Place::Literal(c),
        });
    }
    let bits = |place: &Place| match place {
        Place::Literal(_) => 0.0,
        Place::OneOf(characters) => (characters.len() as f64).log2(),
    };
    let bits: f64 = places.iter().map(bits).sum();
    if bits == 0.0 {
        return Err(
            Refusal::new("`pattern` has only one result").hint("use `fixed`, or places such as 9 or A")
        );
    }
    let chars = places.len() as u32;
    let mask = Pattern { key: build.key.clone(), places };
    // A draw's digest has 256 bits.
    Ok(Built::text(mask, Uniqueness::Bits(bits.min(256.0).floor()), Some(chars)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_code_has_the_form() {
        let tester = Tester::new(&PATTERN, r"pattern = 'Aa9-Xx\\9é'", PgType::Text);
        for value in ["a", "b", "c", "d"] {
            let code: Vec<char> = tester.masked(value).unwrap().chars().collect();
            assert!(code[0].is_ascii_uppercase() && code[1].is_ascii_lowercase() && code[2].is_ascii_digit());
            assert!(code[3] == '-' && !code[4].is_ascii_lowercase() && !code[5].is_ascii_uppercase());
            assert_eq!(code[6..], ['\\', code[7], 'é']);
        }
        assert_eq!(tester.max_chars, Some(9));
        let wide = Tester::new(&PATTERN, "pattern = '999'", PgType::Text);
        assert_eq!(wide.uniqueness, Uniqueness::Bits(9.0));
    }

    #[test]
    fn a_pattern_without_places_is_refused() {
        for rule in ["", "pattern = ''", "pattern = '---'", r"pattern = '9\'", "pattern = 9"] {
            Tester::refused(&PATTERN, rule, PgType::Text);
        }
    }
}
