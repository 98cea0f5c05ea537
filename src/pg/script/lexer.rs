//! The lexical rules of SQL, as psql (psqlscan.l) and the server apply them to a script.
//!
//! Works on a window of the text: a lexeme that may go on past it is not given before more is read, and what has two
//! ends (literals, quoted names, comments) is given by its opening, so that its inside is skipped or decoded in pieces.

use memchr::{memchr, memchr2, memmem};

/// The kind of the lexeme at the start of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lexeme {
    /// White space.
    Space,
    /// A keyword or an identifier without quotes.
    Word,
    /// A number, without sign.
    Number,
    /// Any other single byte.
    Symbol(u8),
    /// The opening of something that [`Delimiter::close`] finds the end of.
    Open(Delimiter),
}

/// What a delimited lexeme is, and so what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// A string literal; a backslash takes the next byte with it if `backslashes`.
    Quote {
        /// Whether it is an `E'…'`, or `standard_conforming_strings` is off.
        backslashes: bool,
    },
    /// A quoted identifier.
    QuotedName,
    /// A dollar-quoted literal; holds its tag with both dollars.
    Dollar(Vec<u8>),
    /// A comment up to the end of the line.
    LineComment,
    /// A comment in slashes and stars, and how deep it is nested.
    BlockComment(u32),
}

/// Where a delimited lexeme ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// After so many bytes, its closing delimiter among them.
    Closed(usize),
    /// Not within the text; so many bytes of it are surely inside.
    Open(usize),
}

/// The lexeme at the start of `text` and its length, or that of its opening; `None` if that depends on what follows.
///
/// `at_end` says that nothing follows; then only an empty text gives `None`. `backslashes` says that
/// `standard_conforming_strings` is off, so that plain literals have escapes.
pub fn lex(text: &[u8], at_end: bool, backslashes: bool) -> Option<(Lexeme, usize)> {
    let first = *text.first()?;
    let second = text.get(1).copied();
    if second.is_none() && !at_end && matches!(first, b'-' | b'/' | b'$') {
        return None;
    }
    Some(match (first, second) {
        (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => (Lexeme::Space, run(text, is_space)),
        (b'-', Some(b'-')) => (Lexeme::Open(Delimiter::LineComment), 2),
        (b'/', Some(b'*')) => (Lexeme::Open(Delimiter::BlockComment(1)), 2),
        (b'\'', _) => (Lexeme::Open(Delimiter::Quote { backslashes }), 1),
        (b'"', _) => (Lexeme::Open(Delimiter::QuotedName), 1),
        (b'$', _) => return dollar(text, at_end),
        (b'0'..=b'9', _) => return number(text, at_end),
        (b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x80.., _) => return word(text, at_end, backslashes),
        _ => (Lexeme::Symbol(first), 1),
    })
}

impl Delimiter {
    /// Finds the end of this lexeme in `text`, which starts inside it.
    ///
    /// After [`Close::Open`] it must be called again with the bytes that follow those; at the end of the input
    /// (`at_end`) that means that the lexeme has no end.
    pub fn close(&mut self, text: &[u8], at_end: bool) -> Close {
        match self {
            Delimiter::Quote { backslashes: true } => close_escaped(text, at_end),
            Delimiter::Quote { backslashes: false } => close_doubled(b'\'', text, at_end),
            Delimiter::QuotedName => close_doubled(b'"', text, at_end),
            Delimiter::Dollar(tag) => match memmem::find(text, tag) {
                Some(at) => Close::Closed(at + tag.len()),
                None if at_end => Close::Open(text.len()),
                None => Close::Open(text.len().saturating_sub(tag.len() - 1)),
            },
            Delimiter::LineComment => match memchr2(b'\n', b'\r', text) {
                Some(at) => Close::Closed(at),
                None if at_end => Close::Closed(text.len()),
                None => Close::Open(text.len()),
            },
            Delimiter::BlockComment(depth) => close_comment(depth, text, at_end),
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&byte| !belongs(byte)).unwrap_or(text.len())
}

/// A word, or the literal that a one-letter word right before a quote opens.
fn word(text: &[u8], at_end: bool, backslashes: bool) -> Option<(Lexeme, usize)> {
    let length = run(text, is_word);
    if length == text.len() && !at_end {
        return None;
    }
    let rest = &text[length..];
    Some(match (&text[..length], rest) {
        (b"e" | b"E", [b'\'', ..]) => (Lexeme::Open(Delimiter::Quote { backslashes: true }), 2),
        (b"n" | b"N", [b'\'', ..]) => (Lexeme::Open(Delimiter::Quote { backslashes }), 2),
        (b"b" | b"B" | b"x" | b"X", [b'\'', ..]) => {
            (Lexeme::Open(Delimiter::Quote { backslashes: false }), 2)
        }
        (b"u" | b"U", [b'&']) if !at_end => return None,
        (b"u" | b"U", [b'&', b'\'', ..]) => (Lexeme::Open(Delimiter::Quote { backslashes: false }), 3),
        (b"u" | b"U", [b'&', b'"', ..]) => (Lexeme::Open(Delimiter::QuotedName), 3),
        _ => (Lexeme::Word, length),
    })
}

/// Digits, fraction and exponent; letters that follow at once belong to it, as in `0x1f`.
fn number(text: &[u8], at_end: bool) -> Option<(Lexeme, usize)> {
    let mut length = run(text, |byte| byte.is_ascii_digit() || byte == b'.');
    if let [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] = text[length..] {
        length += 2;
        length += run(&text[length..], |byte| byte.is_ascii_digit());
    } else if text.len() < length + 3 && !at_end {
        return None;
    }
    if text.get(length).copied().is_some_and(is_word_start) {
        length += run(&text[length..], is_word);
    }
    if length == text.len() && !at_end { None } else { Some((Lexeme::Number, length)) }
}

/// The opening of a dollar-quoted literal, or a `$` that is none, as that of the parameter `$1`.
fn dollar(text: &[u8], at_end: bool) -> Option<(Lexeme, usize)> {
    let tag = run(&text[1..], |byte| is_word(byte) && byte != b'$');
    if tag > 0 && !is_word_start(text[1]) {
        return Some((Lexeme::Symbol(b'$'), 1));
    }
    match text.get(1 + tag) {
        Some(b'$') => Some((Lexeme::Open(Delimiter::Dollar(text[..tag + 2].to_vec())), tag + 2)),
        None if !at_end => None,
        _ => Some((Lexeme::Symbol(b'$'), 1)),
    }
}

/// The end of a text in `quote`s, which are doubled inside.
fn close_doubled(quote: u8, text: &[u8], at_end: bool) -> Close {
    let mut at = 0;
    while let Some(found) = memchr(quote, &text[at..]) {
        at += found;
        match text.get(at + 1) {
            Some(next) if *next == quote => at += 2,
            None if !at_end => return Close::Open(at),
            _ => return Close::Closed(at + 1),
        }
    }
    Close::Open(text.len())
}

/// The end of a literal with backslash escapes.
fn close_escaped(text: &[u8], at_end: bool) -> Close {
    let mut at = 0;
    while let Some(found) = memchr2(b'\'', b'\\', &text[at..]) {
        at += found;
        match (text[at], text.get(at + 1)) {
            (b'\\', Some(_)) | (b'\'', Some(b'\'')) => at += 2,
            (_, None) if !at_end => return Close::Open(at),
            (b'\'', _) => return Close::Closed(at + 1),
            _ => return Close::Open(text.len()),
        }
    }
    Close::Open(text.len())
}

/// The end of a comment in slashes and stars, which nests.
fn close_comment(depth: &mut u32, text: &[u8], at_end: bool) -> Close {
    let mut at = 0;
    while let Some(found) = memchr2(b'*', b'/', &text[at..]) {
        at += found;
        match (text[at], text.get(at + 1)) {
            (_, None) if !at_end => return Close::Open(at),
            (b'/', Some(b'*')) => {
                *depth = depth.saturating_add(1);
                at += 2;
            }
            (b'*', Some(b'/')) => {
                *depth -= 1;
                at += 2;
                if *depth == 0 {
                    return Close::Closed(at);
                }
            }
            _ => at += 1,
        }
    }
    Close::Open(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(backslashes: bool) -> Lexeme {
        Lexeme::Open(Delimiter::Quote { backslashes })
    }

    /// The length of the delimited lexeme at the start of `text`, `None` if it has no end.
    fn whole(text: &str) -> Option<usize> {
        let (lexeme, opening) = lex(text.as_bytes(), true, false)?;
        let Lexeme::Open(mut delimiter) = lexeme else { return Some(opening) };
        match delimiter.close(&text.as_bytes()[opening..], true) {
            Close::Closed(length) => Some(opening + length),
            Close::Open(_) => None,
        }
    }

    #[test]
    fn a_letter_before_a_quote_says_what_the_literal_is() {
        for (text, lexeme, length) in [
            ("'a'", quote(false), 1),
            ("E'a'", quote(true), 2),
            ("x'1F'", quote(false), 2),
            ("U&'a'", quote(false), 3),
            ("U&\"a\"", Lexeme::Open(Delimiter::QuotedName), 3),
            ("type'a'", Lexeme::Word, 4),
            ("U & b", Lexeme::Word, 1),
        ] {
            assert_eq!(lex(text.as_bytes(), true, false), Some((lexeme, length)), "{text}");
        }
        assert_eq!(lex(b"'a'", true, true), Some((quote(true), 1)));
    }

    #[test]
    fn a_dollar_quote_ends_at_its_own_tag() {
        assert_eq!(whole("$a$ $b$ $$ $a$;"), Some(14));
        assert_eq!(whole("$$$$;"), Some(4));
        assert_eq!(lex(b"$1$a$", true, false), Some((Lexeme::Symbol(b'$'), 1)));
        assert_eq!(lex(b"a$b$c", true, false), Some((Lexeme::Word, 5)));
        assert_eq!(lex(b"1$b$c", true, false), Some((Lexeme::Number, 1)));
    }

    #[test]
    fn quotes_double_and_comments_nest() {
        assert_eq!(whole("'a''b' 'c'"), Some(6));
        assert_eq!(whole("'a\\' 'c'"), Some(4));
        assert_eq!(whole("E'a\\' 'c'"), Some(7));
        assert_eq!(whole("\"a\"\"b\" c"), Some(6));
        assert_eq!(whole("/* /* */ */ x"), Some(11));
        assert_eq!(whole("/**/ x"), Some(4));
        assert_eq!(whole("/*/*/ x */"), None);
        assert_eq!(whole("-- a\nb"), Some(4));
    }

    #[test]
    fn numbers_have_exponents() {
        assert_eq!(whole("1.5e-10,"), Some(7));
        assert_eq!(whole("1e+5)"), Some(4));
        assert_eq!(whole("1-2"), Some(1));
        assert_eq!(lex(b"1e+", false, false), None);
    }

    #[test]
    fn what_may_go_on_past_the_window_waits_for_more() {
        for text in ["E", "ab", "12", "$a", "-", "/", "U&", "$"] {
            assert_eq!(lex(text.as_bytes(), false, false), None, "{text}");
            assert!(lex(text.as_bytes(), true, false).is_some(), "{text}");
        }
    }
}
