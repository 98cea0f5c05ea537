//! How an identifier is spelled: its separators and its case, which stay.

use super::layout::MAX_CHARS;
use super::replaced::push_replaced;

/// An identifier without its separators, its letters in upper case, beside how it was spelled.
pub struct Spelling<'a> {
    value: &'a str,
    separators: Separators,
    chars: [u8; MAX_CHARS],
    len: usize,
    /// Whether its letters were in lower case.
    pub is_lower: bool,
}

/// Characters of ASCII that separate the parts of an identifier: a bit each.
#[derive(Clone, Copy)]
pub struct Separators(u128);

/// What usually separates the parts of an identifier.
pub const SEPARATORS: Separators = Separators::of(b" -./+");

impl Separators {
    /// These characters, all of them of ASCII.
    pub const fn of(characters: &[u8]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < characters.len() {
            bits |= 1 << characters[at];
            at += 1;
        }
        Separators(bits)
    }

    #[inline]
    fn has(self, byte: u8) -> bool {
        byte.is_ascii() && self.0 >> byte & 1 == 1
    }
}

impl<'a> Spelling<'a> {
    /// Reads `value`; `None` if it is longer than any identifier, not ASCII, or has letters of both cases, unless their
    /// case does not count in the column's type.
    pub fn read(value: &'a str, separators: Separators, ignores_case: bool) -> Option<Self> {
        let (mut chars, mut len, mut upper, mut lower) = ([0; MAX_CHARS], 0, false, false);
        for byte in value.bytes().filter(|byte| !separators.has(*byte)) {
            upper |= byte.is_ascii_uppercase();
            lower |= byte.is_ascii_lowercase();
            *chars.get_mut(len)? = byte.to_ascii_uppercase();
            len += 1;
        }
        (value.is_ascii() && (ignores_case || !(upper && lower))).then_some(Spelling {
            value,
            separators,
            chars,
            len,
            is_lower: lower && !upper,
        })
    }

    /// Its characters, to be replaced by as many others.
    pub fn chars(&mut self) -> &mut [u8] {
        &mut self.chars[..self.len]
    }

    /// Appends the characters as the identifier was spelled.
    pub fn write(&self, out: &mut String) {
        let mut next = self.chars[..self.len].iter();
        push_replaced(self.value, out, |byte| match self.separators.has(byte) {
            true => byte,
            false => {
                let character = *next.next().expect("one a character that does not separate");
                if self.is_lower { character.to_ascii_lowercase() } else { character }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_case_stay() {
        for padding in ["", &" ".repeat(200)] {
            let value = format!("ab 12-c{padding}");
            let mut spelling = Spelling::read(&value, SEPARATORS, false).unwrap();
            assert_eq!(spelling.chars(), b"AB12C");
            spelling.chars().copy_from_slice(b"3XY4Z");
            let mut out = String::new();
            spelling.write(&mut out);
            assert_eq!(out, format!("3x y4-z{padding}"));
        }
    }

    #[test]
    fn what_is_spelled_two_ways_is_refused() {
        assert!(Spelling::read("aB", SEPARATORS, false).is_none());
        assert!(Spelling::read("é", SEPARATORS, true).is_none());
        assert!(Spelling::read(&"1".repeat(65), SEPARATORS, false).is_none());
    }
}
