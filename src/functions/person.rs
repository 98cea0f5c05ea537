//! The person that an owner becomes, in the letters that addresses and user names are made of.

use super::draws::{place, push_tag, tag_chars};
use super::genders::{GENDER_FROM, Gendered};
use super::row::{Input, Row};
use super::words::{distinct, locale};
use super::{Build, Parameter, Refusal};

/// The parameter that makes a result unique.
pub const UNIQUE: Parameter = Parameter {
    name: "unique",
    help: "`true` for a tag of 130 bits instead of 50, so that it may be used on a unique column; default `false`",
};

/// First and last names in lower-case ASCII letters, as many and in the order of those that `first_name` and
/// `last_name` draw from, so that all of them agree on an owner. Other letters are left out.
pub struct People {
    first_names: Gendered<Vec<String>>,
    last_names: Vec<String>,
}

impl People {
    /// The people of the rule's locale where it says `by`, else there are none; and the column that the mask must be
    /// given.
    ///
    /// # Errors
    /// If there are no words of that locale, or the rule asks for a gender without an owner.
    pub fn new(build: &Build<'_>) -> Result<(Option<Self>, Vec<Input>), Refusal> {
        let words = locale(build.parameters)?;
        if !build.by {
            return match build.parameters.0.contains_key(GENDER_FROM.name) {
                true => Err(Refusal::new("`gender_from` is for the names of owners")
                    .hint("add `by = \"…\"`, the column that says whose value it is, or leave it out")),
                false => Ok((None, Vec::new())),
            };
        }
        let letters = |names: Vec<&'static str>| names.into_iter().map(ascii_letters).collect();
        let (first_names, inputs) = Gendered::new(build, words, |names| Ok(letters(names)))?;
        Ok((Some(People { first_names, last_names: letters(distinct(words.last_names)) }), inputs))
    }

    /// The first and the last name that `digest` draws for a row.
    pub fn draw(&self, digest: &[u8; 32], row: &Row<'_>) -> (&str, &str) {
        let drawn = |draw, names: &'_ [String]| place(digest, draw, names.len());
        let first_names = self.first_names.choose("", row);
        (&first_names[drawn(0, first_names)], &self.last_names[drawn(1, &self.last_names)])
    }

    /// The most characters of a first and of a last name.
    pub fn max_chars(&self) -> (usize, usize) {
        let longest = |names: &[String]| names.iter().map(String::len).max().unwrap_or(0);
        let first = self.first_names.iter().map(|names| longest(names)).max().unwrap_or(0);
        (first, longest(&self.last_names))
    }
}

fn ascii_letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// The tag that tells values apart.
#[derive(Clone, Copy)]
pub struct Tag {
    /// Its length.
    pub chars: usize,
}

impl Tag {
    /// The tag that the rule asks for.
    ///
    /// # Errors
    /// If `unique` is not a boolean.
    pub fn new(build: &Build<'_>) -> Result<Self, Refusal> {
        Ok(Tag { chars: tag_chars(build.parameters.flag("unique")?) })
    }

    /// How many bits it has.
    pub fn bits(self) -> f64 {
        5.0 * self.chars as f64
    }

    /// Appends the tag of `digest`.
    pub fn push(self, digest: &[u8; 32], out: &mut String) {
        push_tag(digest, self.chars, out);
    }
}
