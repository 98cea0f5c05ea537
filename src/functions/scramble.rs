//! `scramble`: each letter and digit replaced by another of its class.

use std::sync::OnceLock;

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
        output: Some("Pajs 9c, Iàs-Egøx Xj."),
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
    let (block, place) = (u32::from(c) / BLOCK, u32::from(c) % BLOCK);
    let alike = match ALIKE.get(block as usize) {
        Some(blocks) => blocks.get_or_init(|| Box::new(alike(block)))[place as usize],
        None => alike(block)[place as usize],
    };
    let drawn = draws.number(0, alike.count_ones() as u8 - 1);
    let from_drawn = (0..drawn).fold(alike, |alike, _| alike & (alike - 1));
    char::from_u32(block * BLOCK + from_drawn.trailing_zeros()).expect("it is alike, so it is a character")
}

const BLOCK: u32 = 32;

/// What [`alike`] gives for the blocks of the basic plane, once it has been asked for.
static ALIKE: [OnceLock<Box<[u32; BLOCK as usize]>>; 0x1_0000 / BLOCK as usize] =
    [const { OnceLock::new() }; 0x1_0000 / BLOCK as usize];

/// Which characters of a block are of the class of each of its characters, a bit each; its own is always set.
fn alike(block: u32) -> [u32; BLOCK as usize] {
    let has_capital = |c: char| single(c.to_uppercase()).is_some_and(char::is_uppercase);
    let class = |place: u32| {
        let c = char::from_u32(block * BLOCK + place).filter(|c| c.is_alphanumeric())?;
        Some((c.is_uppercase(), c.is_lowercase(), c.is_numeric(), has_capital(c)))
    };
    let classes: [_; BLOCK as usize] = std::array::from_fn(|place| class(place as u32));
    std::array::from_fn(|place| {
        let is_alike = |other: &usize| classes[*other].is_some() && classes[*other] == classes[place];
        (0..classes.len()).filter(is_alike).fold(1 << place, |alike, other| alike | 1 << other)
    })
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
