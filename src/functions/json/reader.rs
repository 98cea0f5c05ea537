//! The parts of JSON text (RFC 8259): where a string, a number, a word ends, what a string means, how one is written.

use super::filter::Below;

/// A value that is no object and no array.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A string, unescaped.
    String(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// The first byte from `at` on that is no white space.
#[inline]
pub fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of the string whose quote is at `at`, after its other quote, and whether it has escapes; `None` if it is
/// none.
#[inline]
pub fn string_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let mut at = at + 1;
    let mut has_escapes = false;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((at + 1, has_escapes)),
            b'\\' => {
                has_escapes = true;
                at = escape_end(bytes, at)?;
            }
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => Some(at + 6),
        _ => None,
    }
}

/// The end of the number that starts at `at`; `None` if there is none.
pub fn number_end(bytes: &[u8], at: usize) -> Option<usize> {
    let digits_end = |at: usize| at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let some_digits = |at: usize| Some(digits_end(at)).filter(|end| *end > at);
    let at = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = if bytes.get(at) == Some(&b'0') { at + 1 } else { some_digits(at)? };
    if bytes.get(end) == Some(&b'.') {
        end = some_digits(end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = some_digits(end + 1 + sign)?;
    }
    Some(end)
}

/// Whether `text` is a number and nothing else.
pub fn is_number(text: &[u8]) -> bool {
    number_end(text, 0) == Some(text.len())
}

/// The end of `true`, `false` or `null` at `at`, and the word.
pub fn word_end(bytes: &[u8], at: usize) -> Option<(usize, &'static str)> {
    let is_next = |word: &&str| bytes[at..].starts_with(word.as_bytes());
    let word = ["true", "false", "null"].into_iter().find(is_next)?;
    Some((at + word.len(), word))
}

/// The end of the object or array that starts at `at`. What is in it is not checked, only that strings and brackets
/// end; `None` if they do not.
pub fn container_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match *bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?.0;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The end of the value at `at`, which is checked no more than by [`container_end`].
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => string_end(bytes, at).map(|(end, _)| end),
        b'{' | b'[' => container_end(bytes, at),
        b't' | b'f' | b'n' => word_end(bytes, at).map(|(end, _)| end),
        _ => number_end(bytes, at),
    }
}

/// Where the node starts that `steps` lead to from the value at `at`; `None` where there is none.
pub fn find(text: &str, at: usize, steps: &[Below]) -> Option<usize> {
    let bytes = text.as_bytes();
    steps.iter().try_fold(skip_space(bytes, at), |at, step| match (step, bytes.get(at)?) {
        (Below::Name(name), b'{') => find_member(text, at, name),
        (Below::Index(index), b'[') => {
            let (starts, index) = (element_starts(bytes, at)?, *index);
            let place = if index < 0 { starts.len() as i64 + index } else { index };
            starts.get(usize::try_from(place).ok()?).copied()
        }
        _ => None,
    })
}

fn find_member(text: &str, at: usize, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, at + 1);
    let mut scratch = String::new();
    while bytes.get(at) == Some(&b'"') {
        let (end, has_escapes) = string_end(bytes, at)?;
        let is_it = unescaped(text.get(at + 1..end - 1)?, has_escapes, &mut scratch) == name;
        at = skip_space(bytes, end);
        at = skip_space(bytes, at + 1);
        if is_it {
            return Some(at);
        }
        at = skip_space(bytes, value_end(bytes, at)?);
        at = skip_space(bytes, at + 1);
    }
    None
}

/// Where the elements of the array at `at` start.
fn element_starts(bytes: &[u8], at: usize) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut at = skip_space(bytes, at + 1);
    while bytes.get(at) != Some(&b']') {
        starts.push(at);
        at = skip_space(bytes, value_end(bytes, at)?);
        if bytes.get(at) == Some(&b',') {
            at = skip_space(bytes, at + 1);
        }
    }
    Some(starts)
}

/// The value at `at`, if it is no object and no array.
pub fn scalar(text: &str, at: usize) -> Option<Scalar> {
    let bytes = text.as_bytes();
    let at = skip_space(bytes, at);
    match *bytes.get(at)? {
        b'"' => {
            let (end, has_escapes) = string_end(bytes, at)?;
            let mut scratch = String::new();
            Some(Scalar::String(unescaped(text.get(at + 1..end - 1)?, has_escapes, &mut scratch).to_string()))
        }
        b'{' | b'[' => None,
        b't' | b'f' | b'n' => Some(match word_end(bytes, at)?.1 {
            "null" => Scalar::Null,
            word => Scalar::Bool(word == "true"),
        }),
        _ => text.get(at..number_end(bytes, at)?)?.parse().ok().map(Scalar::Number),
    }
}

/// How many elements each array has, in the order in which they begin.
pub fn array_lengths(bytes: &[u8]) -> Vec<i64> {
    let mut lengths = Vec::new();
    // The arrays and objects that are open; an object has none.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let Some((end, _)) = string_end(bytes, at) else { return lengths };
                at = end;
                continue;
            }
            b'[' => {
                open.push(Some(lengths.len()));
                lengths.push(i64::from(bytes.get(skip_space(bytes, at + 1)) != Some(&b']')));
            }
            b'{' => open.push(None),
            b'}' | b']' => drop(open.pop()),
            b',' => {
                if let Some(Some(array)) = open.last() {
                    lengths[*array] += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    lengths
}

/// What a string means, borrowed where it has no escapes; `raw` is what stands between its quotes, checked by
/// [`string_end`]. Half of a surrogate pair, which is no character, is read as U+FFFD.
pub fn unescaped<'a>(raw: &'a str, has_escapes: bool, scratch: &'a mut String) -> &'a str {
    if !has_escapes {
        return raw;
    }
    scratch.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        scratch.push_str(&rest[..at]);
        let (character, length) = escape(&rest[at..]);
        scratch.push(character);
        rest = &rest[at + length..];
    }
    scratch.push_str(rest);
    scratch
}

/// What the escape at the start of `text` means, and its length.
fn escape(text: &str) -> (char, usize) {
    let character = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(text),
        Some(&other) => char::from(other),
        None => return ('\u{fffd}', 1),
    };
    (character, 2)
}

fn unicode_escape(text: &str) -> (char, usize) {
    let code = |at: usize| text.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let high = code(0).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&high) && text.get(6..8) == Some("\\u") {
        let low = code(6).filter(|low| (0xdc00..0xe000).contains(low));
        let pair = low.and_then(|low| char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
        if let Some(pair) = pair {
            return (pair, 12);
        }
    }
    (char::from_u32(high).unwrap_or('\u{fffd}'), 6)
}

/// Appends `text` as a string, with its quotes.
pub fn push_string(text: &str, out: &mut String) {
    out.push('"');
    let needs_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.extend(
                    [control >> 4, control & 15]
                        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
                );
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        let (end, has_escapes) = string_end(text.as_bytes(), 0)?;
        let mut scratch = String::new();
        (end == text.len()).then(|| unescaped(&text[1..end - 1], has_escapes, &mut scratch).to_string())
    }

    #[test]
    fn strings_are_unescaped() {
        assert_eq!(
            read(r#""a\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00\u0000""#).unwrap(),
            "a\"\\/\u{8}\u{c}\n\r\téé😀\0"
        );
        assert_eq!(read(r#""\ud83d\ud83d\ude00\ude00x""#).unwrap(), "\u{fffd}😀\u{fffd}x");
        for text in ["\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"\n\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_grammar() {
        for number in ["0", "-0", "10", "1.50", "-1e5", "1E+05", "0.1e-3"] {
            assert!(is_number(number.as_bytes()), "{number}");
        }
        for other in ["", "-", "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "1 ", "NaN"] {
            assert!(!is_number(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn lengths_of_arrays_are_counted() {
        assert_eq!(array_lengths(br#"[1,[],{"a":[2,"],["],"b":1},[ [3] ]]"#), [4, 0, 2, 1, 1]);
        assert_eq!(array_lengths(b"]]}[,,"), [3]);
    }

    proptest! {
        #[test]
        fn a_string_is_read_as_it_is_written(text: String) {
            let mut written = String::new();
            push_string(&text, &mut written);
            prop_assert_eq!(read(&written), Some(text.clone()));
            prop_assert_eq!(serde_json::from_str::<String>(&written).ok(), Some(text));
        }

        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\]{}",:\\u0-9a-f \x00-\x20]{0,30}"#) {
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                value_end(bytes, at);
                if text.is_char_boundary(at) {
                    find(&text, at, &[Below::Name("a".into()), Below::Index(-1)]);
                    scalar(&text, at);
                }
            }
            array_lengths(bytes);
        }
    }
}
