//! `fpe`: format-preserving encryption of the characters of an alphabet.

use std::collections::HashMap;

use super::ff1::{Ff1, Lane, MAX_NUMERALS};
use super::replaced::push_replaced;
use super::results::Results;
use super::text::Given;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static FPE: Function = Function {
    name: "fpe",
    summary: "Encrypt the characters of an alphabet to others of it (FF1), one to one; all others stay in place; n of \
              an alphabet of m have mⁿ values",
    parameters: &[
        Parameter {
            name: "alphabet",
            help: "\"digits\", \"lower\", \"upper\", \"letters\", \"alphanumeric\" (all of ASCII), or the characters \
                   themselves; required",
        },
        KEEP_FIRST,
        KEEP_LAST,
        SMALL_DOMAIN,
    ],
    example: Example {
        rule: r#"{ fn = "fpe", alphabet = "digits", keep_last = 2 }"#,
        ty: PgType::Text,
        input: "078-05-1120",
        output: Some("079-74-8420"),
    },
    domain: "fpe",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The parameter `keep_first`.
pub const KEEP_FIRST: Parameter = Parameter {
    name: "keep_first",
    help: "characters of the alphabet at the start that stay, 0 to 64; default 0",
};

/// The parameter `keep_last`.
pub const KEEP_LAST: Parameter = Parameter {
    name: "keep_last",
    help: "characters of the alphabet at the end that stay, 0 to 64; default 0",
};

/// The parameter `small_domain`.
pub const SMALL_DOMAIN: Parameter = Parameter {
    name: "small_domain",
    help: "\"accept\" to encrypt values so short that there are fewer than 10⁶ of them, which can be guessed one by \
           one; by default they are invalid",
};

/// The number of possible values that NIST SP 800-38G Rev. 1 asks for.
const LEAST_VALUES: f64 = 1e6;

const MAX_KEPT: i64 = 64;

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(alphabet) = build.parameters.text("alphabet")? else {
        return Err(Refusal::new("`fpe` has no `alphabet`")
            .hint("add `alphabet = \"digits\"`, or the characters themselves"));
    };
    let alphabet = Alphabet::new(alphabet)?;
    if *build.ty.base() == PgType::Citext && alphabet.has_case() {
        return Err(Refusal::new(
            "`citext` values that differ in case are equal, but would be encrypted apart",
        )
        .hint("use an alphabet without letters, or another function"));
    }
    Ok(built(Fpe::new(build, alphabet)?, build))
}

/// What a mask of characters in their places is built to.
pub fn built(fpe: Fpe, build: &Build<'_>) -> Built {
    Built::text(fpe, Uniqueness::Injective, build.ty.max_chars())
}

/// Encrypts the characters of an alphabet; those that are kept are the tweak.
pub struct Fpe {
    alphabet: Alphabet,
    ff1: Ff1,
    keep_first: usize,
    keep_last: usize,
    least_numerals: usize,
}

impl Fpe {
    /// The mask over `alphabet` that the rule's parameters ask for.
    ///
    /// # Errors
    /// If a parameter is wrong.
    pub fn new(build: &Build<'_>, alphabet: Alphabet) -> Result<Self, Refusal> {
        let kept = |name| Ok(build.parameters.integer(name, 0..=MAX_KEPT)?.unwrap_or(0) as usize);
        let accept = build.parameters.choice("small_domain", &[("accept", ())])?.is_some();
        let least_numerals = if accept { 1 } else { least_numerals(alphabet.len()) };
        Ok(Fpe {
            ff1: ff1(build.key, alphabet.len()),
            alphabet,
            keep_first: kept("keep_first")?,
            keep_last: kept("keep_last")?,
            least_numerals,
        })
    }

    /// Reads the numerals of a value.
    fn read(&self, value: &str) -> Result<Read, &'static str> {
        let mut numerals = Numerals::default();
        value.chars().filter_map(|c| self.alphabet.numeral(c)).for_each(|numeral| numerals.push(numeral));
        let len = numerals.as_mut().len();
        if len == 0 && !value.is_empty() {
            return Err("has no character of the alphabet");
        }
        let encrypted = len.saturating_sub(self.keep_first + self.keep_last);
        if encrypted == 0 && len > 0 {
            return Err("has no character left to encrypt");
        }
        if encrypted < self.least_numerals && len > 0 {
            return Err("has so few characters to encrypt that there are fewer than 10^6 such values");
        }
        if encrypted > MAX_NUMERALS {
            return Err("has more than 4096 characters to encrypt");
        }
        let (all, first) = (numerals.as_mut(), self.keep_first.min(len));
        let kept = all[..first].iter().chain(&all[first + encrypted..]);
        let tweak = kept.flat_map(|numeral| numeral.to_be_bytes()).collect();
        Ok(Read { numerals, tweak, first, encrypted })
    }

    /// Appends the numerals as `value` is spelled.
    fn write(&self, read: &mut Read, value: &str, out: &mut String) {
        let mut numerals = read.numerals.as_mut().iter();
        let mut next = || self.alphabet.character(*numerals.next().expect("one numeral a character"));
        if self.alphabet.others.is_empty() {
            return push_replaced(value, out, |byte| match self.alphabet.ascii[usize::from(byte)] {
                Some(_) => next() as u8,
                None => byte,
            });
        }
        out.extend(value.chars().map(|character| match self.alphabet.numeral(character) {
            Some(_) => next(),
            None => character,
        }));
    }
}

/// A value as numerals, and which of them are encrypted: the others are the tweak.
struct Read {
    numerals: Numerals,
    tweak: Vec<u8>,
    first: usize,
    encrypted: usize,
}

impl Read {
    fn lane(&mut self) -> Lane<'_> {
        let numerals = &mut self.numerals.as_mut()[self.first..self.first + self.encrypted];
        Lane { tweak: &self.tweak, numerals }
    }
}

impl TextMask for Fpe {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut read = self.read(value)?;
        self.ff1.encrypt_lanes(&mut [read.lane()]);
        self.write(&mut read, value, out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut all: Vec<Result<Read, _>> = values.iter().map(|given| self.read(given.value)).collect();
        self.ff1.encrypt_lanes(&mut all.iter_mut().flatten().map(Read::lane).collect::<Vec<_>>());
        for (read, given) in all.iter_mut().zip(values) {
            results.push(|out| {
                self.write(read.as_mut().map_err(|reason| *reason)?, given.value, out);
                Ok(())
            });
        }
    }
}

/// FF1 under the key of a domain.
pub fn ff1(key: &DomainKey, radix: usize) -> Ff1 {
    Ff1::new(&*key.subkey("ff1"), radix as u32)
        .expect("the key has 32 bytes, the alphabet at most 2¹⁶ characters")
}

/// How many numerals have 10⁶ values or more.
pub fn least_numerals(radix: usize) -> usize {
    (LEAST_VALUES.ln() / (radix as f64).ln() - 1e-9).ceil() as usize
}

/// Numerals of a value: few of them on the stack, more of them on the heap.
pub struct Numerals {
    few: [u16; 64],
    len: usize,
    many: Vec<u16>,
}

impl Default for Numerals {
    fn default() -> Self {
        Numerals { few: [0; 64], len: 0, many: Vec::new() }
    }
}

impl Numerals {
    /// Adds a numeral at the end.
    pub fn push(&mut self, numeral: u16) {
        if let Some(slot) = self.few.get_mut(self.len) {
            *slot = numeral;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(numeral);
        }
        self.len += 1;
    }

    /// All of them.
    pub fn as_mut(&mut self) -> &mut [u16] {
        if self.many.is_empty() { &mut self.few[..self.len] } else { &mut self.many }
    }
}

/// Distinct characters, each with its number.
pub struct Alphabet {
    characters: Vec<char>,
    ascii: [Option<u16>; 128],
    others: HashMap<char, u16>,
}

impl Alphabet {
    /// The decimal digits.
    pub fn digits() -> Self {
        Alphabet::of(('0'..='9').collect())
    }

    /// The alphabet of that name, or else of these characters.
    fn new(text: &str) -> Result<Self, Refusal> {
        let characters: Vec<char> = match text {
            "digits" => return Ok(Alphabet::digits()),
            "lower" => ('a'..='z').collect(),
            "upper" => ('A'..='Z').collect(),
            "letters" => ('A'..='Z').chain('a'..='z').collect(),
            "alphanumeric" => ('0'..='9').chain('A'..='Z').chain('a'..='z').collect(),
            characters => characters.chars().collect(),
        };
        if characters.iter().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Refusal::new("`alphabet` holds white space or a control character")
                .hint("Postgres may drop a blank at the end of a value; leave them out"));
        }
        let alphabet = Alphabet::of(characters);
        let distinct = alphabet.ascii.iter().flatten().count() + alphabet.others.len();
        if distinct < alphabet.len() {
            return Err(Refusal::new("`alphabet` holds a character twice").hint("name each once"));
        }
        if !(2..=1 << 16).contains(&alphabet.len()) {
            return Err(Refusal::new(format!("`alphabet` has {} characters", alphabet.len()))
                .hint("give 2 to 65536 different ones"));
        }
        Ok(alphabet)
    }

    fn of(characters: Vec<char>) -> Self {
        let mut alphabet = Alphabet { characters, ascii: [None; 128], others: HashMap::new() };
        for (number, &character) in alphabet.characters.iter().enumerate() {
            match alphabet.ascii.get_mut(character as usize) {
                Some(slot) => *slot = Some(number as u16),
                None => drop(alphabet.others.insert(character, number as u16)),
            }
        }
        alphabet
    }

    fn len(&self) -> usize {
        self.characters.len()
    }

    fn numeral(&self, character: char) -> Option<u16> {
        match self.ascii.get(character as usize) {
            Some(numeral) => *numeral,
            None => self.others.get(&character).copied(),
        }
    }

    fn character(&self, numeral: u16) -> char {
        self.characters[usize::from(numeral)]
    }

    /// Whether lower and upper case of a character differ.
    fn has_case(&self) -> bool {
        self.characters.iter().any(|c| c.is_lowercase() || c.is_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(parameters: &str, value: &str) -> Result<String, String> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("fpe");
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        let built = build(&Build::new(&parameters, &PgType::Text, &key, false));
        let Masking::Text(mask) = built.map_err(|refusal| refusal.what)?.masking else { unreachable!() };
        let mut out = String::new();
        mask.mask(value, b"", &mut out)?;
        Ok(out)
    }

    #[test]
    fn kept_and_foreign_characters_stay_in_place() {
        let result = masked("alphabet = 'digits'\nkeep_first = 2\nkeep_last = 1", "AB 12-345678x9").unwrap();
        assert!(result.starts_with("AB 12-") && result.ends_with("x9"), "{result}");
        assert_ne!(result, "AB 12-345678x9");
    }

    #[test]
    fn a_value_of_too_few_characters_is_invalid_unless_accepted() {
        assert!(masked("alphabet = 'digits'", "12345").unwrap_err().contains("10^6"));
        assert!(masked("alphabet = 'digits'", "123456").is_ok());
        assert!(masked("alphabet = 'digits'\nsmall_domain = 'accept'", "12345").is_ok());
        assert!(masked("alphabet = 'digits'\nsmall_domain = 'accept'", "abc").is_err());
        assert!(masked("alphabet = 'lower'", "abcd").is_err());
        assert!(masked("alphabet = 'lower'", "abcde").is_ok());
    }

    #[test]
    fn the_least_length_is_exact() {
        for (radix, least) in [(2, 20), (10, 6), (100, 3), (1000, 2), (26, 5), (62, 4)] {
            assert_eq!(least_numerals(radix), least, "{radix}");
        }
    }

    #[test]
    fn bad_alphabets_are_refused() {
        assert_eq!(masked("alphabet = 'aba'", "ab").unwrap_err(), "`alphabet` holds a character twice");
        assert_eq!(masked("alphabet = 'a'", "ab").unwrap_err(), "`alphabet` has 1 characters");
        assert!(masked("alphabet = 'a b'", "ab").is_err());
        assert!(masked("", "ab").is_err());
    }

    #[test]
    fn a_long_value_of_many_scripts_is_encrypted() {
        let value = "äöüß".repeat(50);
        let result = masked("alphabet = 'äöüß'", &value).unwrap();
        assert_eq!(result.chars().count(), 200);
        assert_ne!(result, value);
    }
}
