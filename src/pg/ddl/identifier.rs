//! Names as SQL writes them: bare and folded, in double quotes, or `U&"…"`. Takes them from a text without splitting
//! it, since a quoted name may hold a dot, a quote or a blank.

/// The identifier that `text` starts with, as Postgres holds it, and the bytes it takes with blanks before it.
///
/// Bare ones are folded to lower case for ASCII letters only, as Postgres does in a UTF-8 database.
pub fn identifier(text: &str) -> Option<(String, usize)> {
    let start = blank_bytes(text);
    let rest = &text[start..];
    let (name, length) = match rest.as_bytes() {
        [b'"', ..] => quoted(rest, '"')?,
        [b'u' | b'U', b'&', b'"', ..] => {
            let (inner, length) = quoted(&rest[2..], '"')?;
            let (escape, escape_bytes) = unicode_escape(&rest[2 + length..]);
            (decoded(&inner, escape)?, 2 + length + escape_bytes)
        }
        _ => {
            let word = bare_word(rest)?;
            (word.to_ascii_lowercase(), word.len())
        }
    };
    (!name.is_empty()).then_some((name, start + length))
}

/// The dotted name that `text` starts with, part by part, and the bytes it takes.
pub fn name_parts(text: &str) -> Option<(Vec<String>, usize)> {
    let (first, mut end) = identifier(text)?;
    let mut parts = vec![first];
    loop {
        let dot = end + blank_bytes(&text[end..]);
        if !text[dot..].starts_with('.') {
            return Some((parts, end));
        }
        let (part, length) = identifier(&text[dot + 1..])?;
        parts.push(part);
        end = dot + 1 + length;
    }
}

/// The name that `text` starts with as (schema, name, bytes it takes). Of `database.schema.name` the first is dropped.
pub fn qualified_name(text: &str) -> Option<(Option<String>, String, usize)> {
    let (mut parts, length) = name_parts(text)?;
    let name = parts.pop()?;
    Some((parts.pop(), name, length))
}

/// The string constant that `text` starts with, decoded, and the bytes it takes: `'…'` or `E'…'`.
pub fn string_constant(text: &str) -> Option<(String, usize)> {
    let start = blank_bytes(text);
    let rest = &text[start..];
    match rest.as_bytes() {
        [b'\'', ..] => quoted(rest, '\'').map(|(inner, length)| (inner, start + length)),
        [b'e' | b'E', b'\'', ..] => {
            escape_string(&rest[2..]).map(|(inner, length)| (inner, start + 2 + length))
        }
        _ => None,
    }
}

/// The bare word at the very start of `text`, not folded: an identifier or a keyword.
pub fn bare_word(text: &str) -> Option<&str> {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    let goes_on = |c: char| starts(c) || c.is_ascii_digit() || c == '$';
    text.starts_with(starts).then(|| &text[..text.find(|c| !goes_on(c)).unwrap_or(text.len())])
}

/// How many bytes of blanks and comments `text` starts with.
pub fn blank_bytes(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
        at += match blank {
            0 if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            0 if rest.starts_with("/*") => block_comment_bytes(rest),
            0 => return at,
            _ => blank,
        };
    }
}

/// How many bytes the block comment at the start of `text` takes; such comments nest.
fn block_comment_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// The text between the quotes that `text` starts with, doubled ones made single, and the bytes it takes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut at = 1;
    loop {
        let end = at + text[at..].find(quote)?;
        inner.push_str(&text[at..end]);
        at = end + 1;
        if !text[at..].starts_with(quote) {
            return Some((inner, at));
        }
        inner.push(quote);
        at += 1;
    }
}

/// The body of an `E'…'` constant up to its closing quote, and the bytes it takes with that quote.
fn escape_string(text: &str) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' if text[at + 1..].starts_with('\'') => {
                characters.next();
                inner.push('\'');
            }
            '\'' => return Some((inner, at + 1)),
            '\\' => inner.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\x08',
                'f' => '\x0c',
                other => other,
            }),
            other => inner.push(other),
        }
    }
    None
}

/// The escape character after a `U&"…"` and the bytes that its `UESCAPE '…'` takes.
fn unicode_escape(text: &str) -> (char, usize) {
    let named = || {
        let start = blank_bytes(text);
        let word = bare_word(&text[start..])?;
        if !word.eq_ignore_ascii_case("uescape") {
            return None;
        }
        let at = start + word.len();
        let (escape, length) = string_constant(&text[at..])?;
        let mut characters = escape.chars();
        match (characters.next(), characters.next()) {
            (Some(escape), None) => Some((escape, at + length)),
            _ => None,
        }
    };
    named().unwrap_or(('\\', 0))
}

/// Decodes `\XXXX` and `\+XXXXXX`, a pair of surrogates among them.
fn decoded(inner: &str, escape: char) -> Option<String> {
    let mut units = Vec::new();
    let mut rest = inner;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let unit = if character != escape {
            u32::from(character)
        } else if let Some(after) = rest.strip_prefix(escape) {
            rest = after;
            u32::from(escape)
        } else {
            let (digits, after) = match rest.strip_prefix('+') {
                Some(long) => (long.get(..6)?, long.get(6..)?),
                None => (rest.get(..4)?, rest.get(4..)?),
            };
            rest = after;
            u32::from_str_radix(digits, 16).ok()?
        };
        match (units.last().copied(), unit) {
            (Some(high @ 0xd800..=0xdbff), 0xdc00..=0xdfff) => {
                units.pop();
                units.push(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
            }
            _ => units.push(unit),
        }
    }
    units.into_iter().map(char::from_u32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Vec<String> {
        name_parts(text).expect("a name").0
    }

    #[test]
    fn a_bare_name_is_folded_and_a_quoted_one_is_exact() {
        assert_eq!(parts("Public.USERS"), ["public", "users"]);
        assert_eq!(parts(r#"public."Users""#), ["public", "Users"]);
        assert_eq!(parts("ÄRGER"), ["Ärger"]);
    }

    #[test]
    fn a_quoted_name_may_hold_dots_quotes_and_tabs() {
        assert_eq!(parts("\"a.b\".\"c\"\"d\te\""), ["a.b", "c\"d\te"]);
    }

    #[test]
    fn a_unicode_name_is_decoded() {
        assert_eq!(parts(r#"U&"d\0061t\+000061""#), ["data"]);
        assert_eq!(parts(r#"u&"!0441!043B" UESCAPE '!'"#), ["сл"]);
        assert_eq!(parts(r#"U&"\D83D\DE00""#), ["😀"]);
        assert_eq!(identifier(r#"U&"\zzzz""#), None);
    }

    #[test]
    fn the_bytes_taken_include_blanks_and_comments_before_the_name() {
        let text = " /* a /* b */ */ s -- x\n . t (a)";
        let (schema, name, length) = qualified_name(text).expect("a name");
        assert_eq!((schema.as_deref(), name.as_str(), &text[length..]), (Some("s"), "t", " (a)"));
    }

    #[test]
    fn a_name_that_does_not_end_is_none() {
        assert_eq!(qualified_name("\"abc"), None);
        assert_eq!(qualified_name("a."), None);
        assert_eq!(qualified_name("1a"), None);
        assert_eq!(qualified_name("\"\""), None);
    }

    proptest! {
        #[test]
        fn any_name_survives_quoting(schema in "[^\0]{1,9}", name in "[^\0]{1,9}") {
            let text = crate::schema::QualifiedName::new(&schema, &name).to_string();
            prop_assert_eq!(qualified_name(&text), Some((Some(schema), name, text.len())));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Some((_, _, length)) = qualified_name(&text) {
                prop_assert!(text.is_char_boundary(length));
            }
            string_constant(&text);
        }
    }
}
