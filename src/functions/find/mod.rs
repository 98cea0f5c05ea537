//! Finds personal data in running text: addresses, numbers, links. What becomes of it is left to others.
//!
//! One pass over the bytes, without backtracking over more than a few dozen of them: only an `@`, a digit, a `:` and a
//! `.` can be part of anything, and what is around one says of what. Of two that overlap, the one that starts first is
//! found, and of those the longer one.

mod email;
mod names;
mod number;
mod web;

pub use names::{Names, gaps};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number: 7 digits or more with separators, 9 to 15 without, or with a `+`.
    Phone,
    /// A payment card: 12 to 19 digits, in groups or not, with a valid check digit.
    CreditCard,
    /// A United States social security number, in groups.
    Ssn,
    /// Another number that a country gives people, or a number too long for a telephone.
    NationalId(Country),
    /// An IBAN with valid check digits.
    Iban,
    /// A link: with `://`, or with `www.` at its start.
    Url,
    /// An IPv4 or IPv6 address.
    Ip,
}

/// A kind as rules name it.
pub type KindName = &'static str;

/// The kinds' names.
pub const KINDS: [KindName; 8] = ["email", "phone", "credit_card", "ssn", "national_id", "iban", "url", "ip"];

impl Kind {
    /// The name in a rule.
    pub fn name(self) -> KindName {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::CreditCard => "credit_card",
            Kind::Ssn => "ssn",
            Kind::NationalId(_) => "national_id",
            Kind::Iban => "iban",
            Kind::Url => "url",
            Kind::Ip => "ip",
        }
    }
}

/// Whose number a national id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// Brazil: CPF.
    Br,
    /// Spain: DNI and NIE.
    Es,
    /// France: NIR.
    Fr,
    /// The United Kingdom: National Insurance number.
    Gb,
    /// India: Aadhaar.
    In,
    /// Italy: codice fiscale.
    It,
    /// Not known: 16 digits or more.
    Unknown,
}

/// A piece of text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// The byte at which it starts.
    pub start: usize,
    /// The byte at which it ends, itself left out.
    pub end: usize,
}

/// The pieces of a text that are personal data, in their order.
pub struct Scanner<'a> {
    text: &'a str,
    /// The byte to be looked at next.
    at: usize,
    /// Where the last piece ended: nothing starts before it.
    floor: usize,
    /// Where the run of characters that may stand before an `@` ends, as far as it is known.
    local_end: usize,
}

/// Whether a byte is one around which something may be found.
static TRIGGERS: [bool; 256] = {
    let mut triggers = [false; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        triggers[digit as usize] = true;
        digit += 1;
    }
    triggers[b'@' as usize] = true;
    triggers[b':' as usize] = true;
    triggers[b'.' as usize] = true;
    triggers
};

impl<'a> Scanner<'a> {
    /// The pieces of `text`.
    pub fn new(text: &'a str) -> Self {
        Scanner { text, at: 0, floor: 0, local_end: 0 }
    }

    /// What is found at the byte `self.at`; else goes on past it.
    fn look(&mut self, byte: u8) -> Option<Found> {
        let (text, at) = (self.text, self.at);
        self.at += 1;
        match byte {
            b'@' => email::around(text, at, self.floor),
            b':' => web::url(text, at, self.floor).or_else(|| web::ipv6(text, at, self.floor)),
            b'.' => web::www(text, at, self.floor),
            _ => self.number(at),
        }
    }

    /// What is found at a digit, the first of its run.
    fn number(&mut self, at: usize) -> Option<Found> {
        if at >= self.local_end {
            self.local_end = email::local_end(self.text, at);
        }
        if self.text.as_bytes().get(self.local_end) == Some(&b'@')
            && let Some(found) = email::around(self.text, self.local_end, self.floor)
        {
            return Some(found);
        }
        let (found, next) = number::at(self.text, at, self.floor);
        self.at = next;
        found
    }
}

impl Iterator for Scanner<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let bytes = self.text.as_bytes();
        loop {
            let skipped = bytes.get(self.at..)?.iter().position(|&byte| TRIGGERS[usize::from(byte)])?;
            self.at += skipped;
            if let Some(found) = self.look(bytes[self.at]) {
                self.at = found.end;
                self.floor = found.end;
                return Some(found);
            }
        }
    }
}

/// The character that ends at the byte `at`.
fn before(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at.checked_sub(1)?) {
        Some(&byte) if byte.is_ascii() => Some(char::from(byte)),
        _ => text.get(..at)?.chars().next_back(),
    }
}

/// The character that starts at the byte `at`.
fn after(text: &str, at: usize) -> Option<char> {
    match text.as_bytes().get(at) {
        Some(&byte) if byte.is_ascii() => Some(char::from(byte)),
        _ => text.get(at..)?.chars().next(),
    }
}

/// Whether a word may begin or end between the two characters.
fn is_boundary(one: Option<char>, other: Option<char>) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !(is_word(one) && is_word(other))
}

#[cfg(test)]
mod tests;
