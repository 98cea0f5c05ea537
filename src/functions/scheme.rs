//! Numbering schemes: identifiers of known form, whose check characters follow from the others.

use super::layout::{Layout, MAX_CHARS, Permuter};
use super::spelling::{SEPARATORS, Spelling};
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
    forms: Vec<Permuter>,
    complete: Complete,
    separators: &'static [u8],
    invalid: &'static str,
    /// Whether values that differ in case are equal.
    pub ignores_case: bool,
}

impl Numbers {
    /// The mask of the numbers of `scheme`.
    pub fn of(scheme: &'static Scheme, build: &Build<'_>) -> Self {
        let layouts =
            scheme.forms.iter().map(|form| Layout::parse(form).expect("a scheme's patterns are valid"));
        Numbers::new(layouts, Box::new(scheme.complete), SEPARATORS, scheme.invalid, build)
    }

    /// The mask of numbers of any layout.
    pub fn new(
        layouts: impl IntoIterator<Item = Layout>,
        complete: Complete,
        separators: &'static [u8],
        invalid: &'static str,
        build: &Build<'_>,
    ) -> Self {
        let forms = layouts.into_iter().map(|layout| Permuter::new(layout, build.key)).collect();
        let ignores_case = *build.ty.base() == PgType::Citext;
        Numbers { forms, complete, separators, invalid, ignores_case }
    }

    /// What the mask is built to.
    pub fn built(self, build: &Build<'_>) -> Built {
        Built::text(self, Uniqueness::Injective, build.ty.max_chars())
    }

    /// Which form `number` is of, if its check characters are right.
    fn form_of(&self, number: &[u8]) -> Option<usize> {
        (0..self.forms.len()).find(|&form| {
            let mut completed = [0; MAX_CHARS];
            let completed = &mut completed[..number.len()];
            completed.copy_from_slice(number);
            self.forms[form].layout.holds(number) && (self.complete)(form, completed) && completed == number
        })
    }

    /// Replaces `number` by another of its form; false if it is of none. With `keeps_letter` by one that has a letter,
    /// which `number` is to have as well.
    pub fn permute(&self, number: &mut [u8], keeps_letter: bool) -> bool {
        let Some(form) = self.form_of(number) else { return false };
        let is_lone = self.forms[..form].iter().all(|earlier| earlier.layout.chars != number.len());
        self.forms[form].permute(number, |number| {
            (self.complete)(form, number)
                && (is_lone || self.form_of(number) == Some(form))
                && (!keeps_letter || number.iter().any(u8::is_ascii_alphabetic))
        })
    }
}

impl TextMask for Numbers {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut spelling = Spelling::read(value, self.separators, self.ignores_case).ok_or(self.invalid)?;
        // What is in lower case is to stay apart from what is not, and so must keep a letter.
        let keeps_letter = spelling.is_lower && !self.ignores_case;
        if !self.permute(spelling.chars(), keeps_letter) {
            return Err(self.invalid);
        }
        spelling.write(out);
        Ok(())
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
    }
}
