//! Phrases made of drawn words: names, cities, streets, companies.

use super::decimal::push_natural;
use super::draws::place;
use super::genders::Gendered;
use super::row::Row;
use super::words::Locale;
use super::{Build, Built, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;

/// The parameter that bounds a phrase.
pub const MAX_LENGTH: Parameter = Parameter {
    name: "max_length",
    help: "the most characters of a result: longer words are left out, so that it fits the column; default all words",
};

/// A slot of a template and what fills it.
pub struct Slot {
    /// Its name in the template, without the braces.
    pub name: &'static str,
    /// Which eight bytes of the digest draw for it, from 0 to 3.
    pub draw: usize,
    /// What is drawn.
    pub choice: Choice,
}

/// What a slot draws from.
pub enum Choice {
    /// A list of words, no word twice.
    Words(Vec<&'static str>),
    /// The numbers from 1 to this one.
    Number(usize),
}

/// The mask that replaces a value by a phrase.
///
/// Where the phrase would be the value itself, upper and lower case aside, the next word of the first slot is taken.
/// With `by` it is not, so that all columns of an owner agree.
pub struct PhraseMask {
    phrase: Phrase,
    writer: Writer,
}

impl PhraseMask {
    /// The mask that fills `template` from `slots`, at least one of them, as short as `max_length` asks.
    ///
    /// # Errors
    /// If `max_length` leaves no words.
    pub fn build(build: &Build<'_>, template: &str, slots: Vec<Slot>) -> Result<Built, Refusal> {
        let phrase = Phrase::new(template, slots, max_length(build)?)?;
        let max_chars = phrase.max_chars();
        let mask = PhraseMask { phrase, writer: Writer::new(build) };
        Ok(Built::text(mask, Uniqueness::None, Some(max_chars as u32)))
    }
}

impl TextMask for PhraseMask {
    fn mask(&self, _value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        self.writer.push(&self.phrase, subject, out);
        Ok(())
    }
}

/// The mask that replaces a name by a phrase in which given names are of the gender that the rule asks for.
pub struct GivenNameMask {
    phrases: Gendered<Phrase>,
    writer: Writer,
}

impl GivenNameMask {
    /// The mask that fills `template` from the slots that `slots` makes of a list of given names.
    ///
    /// # Errors
    /// If a parameter is wrong, or `max_length` leaves no words.
    pub fn build(
        build: &Build<'_>,
        locale: &Locale,
        template: &str,
        slots: impl Fn(Vec<&'static str>) -> Vec<Slot>,
    ) -> Result<Built, Refusal> {
        let max_length = max_length(build)?;
        let phrase = |names| Phrase::new(template, slots(names), max_length);
        let (phrases, inputs) = Gendered::new(build, locale, phrase)?;
        let max_chars = phrases.iter().map(Phrase::max_chars).max().expect("there is one for any gender");
        let mask = GivenNameMask { phrases, writer: Writer::new(build) };
        Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, Some(max_chars as u32)) })
    }
}

impl TextMask for GivenNameMask {
    fn mask_in_row(
        &self,
        value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        self.writer.push(self.phrases.choose(value, row), subject, out);
        Ok(())
    }
}

/// Writes the phrase of a subject.
struct Writer {
    key: DomainKey,
    by: bool,
}

impl Writer {
    fn new(build: &Build<'_>) -> Self {
        Writer { key: build.key.clone(), by: build.by }
    }

    fn push(&self, phrase: &Phrase, subject: &[u8], out: &mut String) {
        let digest = self.key.prf(subject);
        let start = out.len();
        phrase.push(&digest, 0, out);
        if !self.by && equal_but_for_case(&out[start..], subject) {
            out.truncate(start);
            phrase.push(&digest, 1, out);
        }
    }
}

/// The parameter [`MAX_LENGTH`].
///
/// # Errors
/// If it is no positive integer.
pub fn max_length(build: &Build<'_>) -> Result<Option<usize>, Refusal> {
    Ok(build.parameters.integer("max_length", 1..=10_485_760)?.map(|length| length as usize))
}

/// That `max_length` is less than any result has.
pub fn too_short(least: usize) -> Refusal {
    Refusal::new("`max_length` is shorter than any result")
        .hint(format!("the shortest has {least} characters: give `max_length = {least}` or more"))
}

fn equal_but_for_case(one: &str, other: &[u8]) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.as_bytes().eq_ignore_ascii_case(other);
    }
    let Ok(other) = std::str::from_utf8(other) else { return false };
    one.chars().flat_map(char::to_lowercase).eq(other.chars().flat_map(char::to_lowercase))
}

enum Part {
    Literal(String),
    Words { draw: usize, words: Vec<&'static str> },
    Number { draw: usize, most: usize },
}

/// A template ready to be filled.
struct Phrase {
    parts: Vec<Part>,
    first_draw: usize,
}

impl Phrase {
    fn new(template: &str, slots: Vec<Slot>, max_length: Option<usize>) -> Result<Self, Refusal> {
        let first_draw = slots[0].draw;
        let mut parts = parse(template, slots);
        if let Some(max_length) = max_length {
            shorten(&mut parts, max_length)?;
        }
        Ok(Phrase { parts, first_draw })
    }

    /// Appends the phrase of `digest`, the first slot `further` words on.
    fn push(&self, digest: &[u8; 32], further: usize, out: &mut String) {
        let drawn = |draw: usize, len: usize| {
            let further = if draw == self.first_draw { further } else { 0 };
            (place(digest, draw, len) + further) % len
        };
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Words { draw, words } => out.push_str(words[drawn(*draw, words.len())]),
                Part::Number { draw, most } => {
                    push_natural(1 + drawn(*draw, *most) as u64, out);
                }
            }
        }
    }

    fn max_chars(&self) -> usize {
        self.parts.iter().map(|part| bounds(part).1).sum()
    }
}

/// Splits a template at its slots; a slot that `slots` does not name stays as it is written.
fn parse(template: &str, slots: Vec<Slot>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((at, slot)) = next_slot(rest, &slots) {
        if at > 0 {
            parts.push(Part::Literal(rest[..at].to_string()));
        }
        parts.push(match &slot.choice {
            Choice::Words(words) => Part::Words { draw: slot.draw, words: words.clone() },
            Choice::Number(most) => Part::Number { draw: slot.draw, most: *most },
        });
        rest = &rest[at + slot.name.len() + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_string()));
    }
    parts
}

fn next_slot<'a>(text: &str, slots: &'a [Slot]) -> Option<(usize, &'a Slot)> {
    let found = slots.iter().filter_map(|slot| Some((text.find(&format!("{{{}}}", slot.name))?, slot)));
    found.min_by_key(|(at, _)| *at)
}

/// The fewest and the most characters of a part.
fn bounds(part: &Part) -> (usize, usize) {
    match part {
        Part::Literal(text) => (text.chars().count(), text.chars().count()),
        Part::Words { words, .. } => {
            let lengths = || words.iter().map(|word| word.chars().count());
            (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
        }
        Part::Number { most, .. } => (1, most.ilog10() as usize + 1),
    }
}

/// Leaves out the longest words, of the part that is longest at each step, until every phrase is short enough.
fn shorten(parts: &mut [Part], max_length: usize) -> Result<(), Refusal> {
    let least: usize = parts.iter().map(|part| bounds(part).0).sum();
    if least > max_length {
        return Err(too_short(least));
    }
    while parts.iter().map(|part| bounds(part).1).sum::<usize>() > max_length {
        let shrinkable = parts.iter_mut().filter(|part| bounds(part).0 < bounds(part).1);
        let longest =
            shrinkable.max_by_key(|part| bounds(part).1).expect("the least fits, so one can shrink");
        let limit = bounds(longest).1 - 1;
        match longest {
            Part::Words { words, .. } => words.retain(|word| word.chars().count() <= limit),
            Part::Number { most, .. } => *most = 10usize.pow(limit as u32) - 1,
            Part::Literal(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(max_length: Option<usize>) -> Result<Phrase, Refusal> {
        let slots = vec![
            Slot { name: "Number", draw: 0, choice: Choice::Number(999) },
            Slot { name: "Word", draw: 1, choice: Choice::Words(vec!["a", "bb", "cccc"]) },
        ];
        Phrase::new("No {Number} {Word}!", slots, max_length)
    }

    fn filled(phrase: &Phrase, byte: u8, further: usize) -> String {
        let mut out = String::new();
        phrase.push(&[byte; 32], further, &mut out);
        out
    }

    #[test]
    fn slots_are_filled_and_literals_stay() {
        let phrase = phrase(None).unwrap();
        assert_eq!(filled(&phrase, 0, 0), "No 1 a!");
        assert_eq!(filled(&phrase, 0, 1), "No 2 a!");
        assert_eq!(filled(&phrase, 255, 0), "No 999 cccc!");
        assert_eq!(phrase.max_chars(), 12);
    }

    #[test]
    fn a_bound_leaves_out_what_is_too_long() {
        let phrase = phrase(Some(8)).unwrap();
        assert_eq!(phrase.max_chars(), 8);
        assert_eq!(filled(&phrase, 255, 0).chars().count(), 8);
    }

    #[test]
    fn a_bound_below_the_shortest_is_refused() {
        assert!(phrase(Some(6)).err().unwrap().hint.unwrap().contains("7"));
    }
}
