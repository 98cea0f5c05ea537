//! Numbering schemes: identifiers of known form, whose check characters follow from the others.

use std::collections::HashMap;
use std::ops::Range;

use super::feistel::Feistel;
use super::layout::{Layout, MAX_CHARS, Permuter, Ranking, Ranks, Walk, walk};
use super::results::Results;
use super::spelling::{SEPARATORS, Separators, Spelling};
use super::text::{Given, LANES};
use super::{Build, Built, TextMask, Uniqueness};
use crate::schema::PgType;

/// A numbering scheme.
pub struct Scheme {
    /// Its name in a rule.
    pub name: &'static str,
    /// What is said of a value that is not one of its numbers, such as "is not a Dutch BSN".
    pub invalid: &'static str,
    /// The forms of its numbers, as patterns (see [`Layout`]), without separators. A number is of the first form that
    /// it fits.
    pub forms: &'static [&'static str],
    /// How all but the check character of the first forms are numbered, where few of a pattern's are valid.
    pub ranked: &'static [Ranking],
    /// Fills in the check characters of a number of the form of that index; false where it has none, or is not one that
    /// the scheme has.
    pub complete: fn(form: usize, number: &mut [u8]) -> bool,
}

/// Completes a number that any check characters, or none, belong to.
pub fn any(_form: usize, _number: &mut [u8]) -> bool {
    true
}

/// A function that fills in check characters, see [`Scheme::complete`].
type Complete = Box<dyn Fn(usize, &mut [u8]) -> bool + Send + Sync>;

/// The mask that replaces a number by another of its form, one to one.
pub struct Numbers {
    feistel: Feistel,
    forms: Vec<Permuter>,
    /// Of each form, whether a number of it may be of an earlier one instead.
    has_rivals: Vec<bool>,
    /// The forms of the numbers that begin with two characters; all, where there is none at all.
    by_start: HashMap<[u8; 2], Range<usize>>,
    complete: Complete,
    separators: Separators,
    invalid: &'static str,
    /// Whether values that differ in case are equal.
    pub ignores_case: bool,
}

/// A number to be replaced by another of its form.
pub struct Number<'a> {
    /// Its characters, letters in upper case, without separators.
    pub chars: &'a mut [u8],
    /// Whether it has a letter, and is to become one that has a letter as well.
    pub keeps_letter: bool,
}

impl Numbers {
    /// The mask of the numbers of `scheme`.
    pub fn of(scheme: &'static Scheme, build: &Build<'_>) -> Self {
        Numbers::new(scheme.layouts(), Box::new(scheme.complete), SEPARATORS, scheme.invalid, build)
    }

    /// The mask of numbers of any layout.
    pub fn new(
        layouts: impl IntoIterator<Item = Layout>,
        complete: Complete,
        separators: Separators,
        invalid: &'static str,
        build: &Build<'_>,
    ) -> Self {
        let feistel = Feistel::new(build.key);
        let forms: Vec<Permuter> =
            layouts.into_iter().map(|layout| Permuter::new(layout, &feistel)).collect();
        let has_rivals = has_rivals(&forms);
        let (by_start, ignores_case) = (HashMap::new(), *build.ty.base() == PgType::Citext);
        Numbers { feistel, forms, has_rivals, by_start, complete, separators, invalid, ignores_case }
    }

    /// The same, where the first two characters of a number tell which forms it may be of.
    pub fn by_start(mut self, by_start: HashMap<[u8; 2], Range<usize>>) -> Self {
        for forms in by_start.values() {
            self.has_rivals.splice(forms.clone(), has_rivals(&self.forms[forms.clone()]));
        }
        Numbers { by_start, ..self }
    }

    /// What the mask is built to.
    pub fn built(self, build: &Build<'_>) -> Built {
        Built::text(self, Uniqueness::Injective, build.ty.max_chars())
    }

    /// Which form `number` is of, if its check characters are right, and its number among them.
    fn form_of(&self, number: &[u8]) -> Option<(usize, Ranks)> {
        let forms = match number.first_chunk() {
            Some(start) if !self.by_start.is_empty() => self.by_start.get(start)?.clone(),
            _ => 0..self.forms.len(),
        };
        let is_of = |form: usize| {
            let ranks = self.forms[form].layout.rank(number)?;
            let mut completed = [0; MAX_CHARS];
            let completed = &mut completed[..number.len()];
            completed.copy_from_slice(number);
            ((self.complete)(form, completed) && completed == number).then_some((form, ranks))
        };
        forms.into_iter().find_map(is_of)
    }

    /// Replaces each of `numbers` by another of its form, and says of each whether it is of one.
    pub fn permute<'n>(&self, numbers: impl IntoIterator<Item = Number<'n>>) -> Vec<bool> {
        let (mut walks, mut walking) = (Vec::with_capacity(LANES), Vec::with_capacity(LANES));
        let start = |Number { chars, keeps_letter }| {
            let found = self.form_of(chars);
            if let Some((form, ranks)) = found {
                walks.push(Walk { permuter: &self.forms[form], ranks, chars });
                walking.push((form, keeps_letter));
            }
            found.is_some()
        };
        let are_numbers = numbers.into_iter().map(start).collect();
        walk(&self.feistel, &mut walks, |index, number| {
            let (form, keeps_letter) = walking[index];
            (self.complete)(form, number)
                && (!self.has_rivals[form] || self.form_of(number).is_some_and(|(of, _)| of == form))
                && (!keeps_letter || number.iter().any(u8::is_ascii_alphabetic))
        });
        are_numbers
    }

    fn spelling<'v>(&self, value: &'v str) -> Option<Spelling<'v>> {
        Spelling::read(value, self.separators, self.ignores_case)
    }

    /// The number that `spelling` spells.
    fn number<'n>(&self, spelling: &'n mut Spelling<'_>) -> Number<'n> {
        // What is in lower case is to stay apart from what is not, and so must keep a letter.
        let keeps_letter = spelling.is_lower && !self.ignores_case;
        Number { chars: spelling.chars(), keeps_letter }
    }
}

/// Of each form, whether an earlier one has as many characters.
fn has_rivals(forms: &[Permuter]) -> Vec<bool> {
    let chars: Vec<usize> = forms.iter().map(|form| form.layout.chars).collect();
    (0..chars.len()).map(|form| chars[..form].contains(&chars[form])).collect()
}

impl TextMask for Numbers {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut spelling = self.spelling(value).ok_or(self.invalid)?;
        if self.permute([self.number(&mut spelling)]) != [true] {
            return Err(self.invalid);
        }
        spelling.write(out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut spellings: [_; LANES] =
            std::array::from_fn(|lane| values.get(lane).and_then(|given| self.spelling(given.value)));
        let numbers = spellings.iter_mut().flatten().map(|spelling| self.number(spelling));
        let mut are_numbers = self.permute(numbers).into_iter();
        for spelling in &spellings[..values.len()] {
            let spelling = spelling.as_ref().filter(|_| are_numbers.next() == Some(true));
            results.push(|out| spelling.map(|spelling| spelling.write(out)).ok_or(self.invalid));
        }
    }
}

impl Scheme {
    /// The layouts of its forms.
    pub fn layouts(&self) -> impl Iterator<Item = Layout> {
        let patterns =
            self.forms.iter().map(|form| Layout::parse(form).expect("a scheme's patterns are valid"));
        self.ranked.iter().map(Layout::ranked).chain(patterns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Parameters;
    use crate::key::MasterKey;

    /// Even numbers of two digits, then all of them, then a letter and a digit.
    static TEST: Scheme = Scheme {
        name: "test",
        invalid: "is not one",
        forms: &["99", "99", "X9"],
        ranked: &[],
        complete: |form, number| form > 0 || number[1].is_multiple_of(2),
    };

    #[test]
    fn every_form_is_permuted_within_itself() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        let numbers = Numbers::of(&TEST, &Build::new(&Parameters::default(), &PgType::Text, &key, false));
        let masked = |value: String| {
            let mut out = String::new();
            numbers.mask(&value, b"", &mut out).map(|()| out)
        };
        let two_digits: std::collections::BTreeSet<String> = (0..100)
            .map(|number| {
                let result = masked(format!("{number:02}")).unwrap();
                assert_eq!(result.parse::<u32>().unwrap() % 2, number % 2);
                result
            })
            .collect();
        assert_eq!(two_digits.len(), 100);
        let letters: std::collections::BTreeSet<String> = ('A'..='Z')
            .flat_map(|letter| (0..10).map(move |digit| format!("{letter}-{digit}")))
            .flat_map(|value| [value.to_lowercase(), value])
            .map(|value| masked(value).unwrap())
            .collect();
        assert_eq!(letters.len(), 520);
        assert_eq!(masked("A".into()), Err("is not one"));
        let together = ["98", "A", "a7", "é", "97"].map(|value| Given { value, ..Given::default() });
        let mut results = Results::new(5, 0);
        results.begin();
        numbers.mask_lanes(&together, &mut results);
        for (lane, given) in together.iter().enumerate() {
            let result = results.take(lane).map(|range| results.text(range).to_string());
            assert_eq!(result, masked(given.value.to_string()));
        }
    }
}
