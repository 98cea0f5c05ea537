//! `scramble`: each letter and digit replaced by another of its class.

use super::draws::Draws;
use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static SCRAMBLE: Function = Function {
    name: "scramble",
    summary: "Replace every letter by a letter of the same case and script and every digit by a digit; white space, \
              punctuation and the length stay",
    parameters: &[],
    example: Example {
        rule: r#""scramble""#,
        ty: PgType::Text,
        input: "Flat 4b, São-João St.",
        output: Some("Pned 2o, Uèu-Bnôs Tk."),
    },
    domain: "scramble",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let mask = Scramble { key: build.key.clone() };
        Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
    },
};

struct Scramble {
    key: DomainKey,
}

impl TextMask for Scramble {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut draws = Draws::new(&self.key, subject);
        out.extend(value.chars().map(|c| scrambled(c, &mut draws)));
        Ok(())
    }
}

/// A character of the class of `c`.
fn scrambled(c: char, draws: &mut Draws<'_>) -> char {
    match c {
        'a'..='z' => draws.letter(false),
        'A'..='Z' => draws.letter(true),
        '0'..='9' => draws.digit(0),
        c if c.is_ascii() || !c.is_alphanumeric() => c,
        c => match (single(c.to_lowercase()), c.is_uppercase()) {
            (Some(lower), true) => {
                let scrambled = beyond_ascii(lower, draws);
                single(scrambled.to_uppercase()).unwrap_or(scrambled)
            }
            _ => beyond_ascii(c, draws),
        },
    }
}

/// The one character of a mapping, if it is one.
fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    if characters.next().is_none() { first } else { None }
}

/// One of the 32 characters around `c` that are of its class: blocks of scripts begin at multiples of 32.
fn beyond_ascii(c: char, draws: &mut Draws<'_>) -> char {
    let has_capital = |c: char| single(c.to_uppercase()).is_some_and(char::is_uppercase);
    let class = |c: char| (c.is_uppercase(), c.is_lowercase(), c.is_numeric(), has_capital(c));
    let block = u32::from(c) & !31;
    let is_like = |other: &char| other.is_alphanumeric() && class(*other) == class(c);
    let mut alike = [c; 32];
    let mut count = 0;
    for other in (block..block + 32).filter_map(char::from_u32).filter(is_like) {
        alike[count] = other;
        count += 1;
    }
    alike[usize::from(draws.number(0, count.max(1) as u8 - 1))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;
    use proptest::prelude::*;

    #[test]
    fn most_characters_change_and_none_changes_its_class() {
        let text = "Ana Silva, 12 Rua do Ouro; ЖУК жук 山田 ٣٤";
        let result = Tester::new(&SCRAMBLE, "", PgType::Text).masked(text).unwrap();
        let changed = text.chars().zip(result.chars()).filter(|(one, other)| one != other).count();
        assert!(changed > 20, "{result}");
    }

    proptest! {
        #[test]
        fn classes_blanks_and_length_stay(text in "(\\PC|[A-Za-z0-9À-ÿ ]){0,40}") {
            let result = Tester::new(&SCRAMBLE, "", PgType::Text).masked(&text).unwrap();
            let class = |c: char| match c.is_alphanumeric() {
                true => (c.is_uppercase(), c.is_lowercase(), c.is_numeric(), ' '),
                false => (false, false, false, c),
            };
            let classes = |text: &str| text.chars().map(class).collect::<Vec<_>>();
            prop_assert_eq!(classes(&result), classes(&text));
        }
    }
}
