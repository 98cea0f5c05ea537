//! The escapes of COPY's text format, of one value. Rows, columns and `\N` are left to `pg::copy`.

/// The value that `escaped` stands for, borrowed where it has no backslash, else written to `scratch`.
///
/// Follows COPY FROM (PostgreSQL manual, COPY, "Text Format"): `\b \f \n \r \t \v`, `\` and one to three octal digits
/// (the low eight bits count), `\x` and one or two hex digits; before any other character a backslash only vanishes,
/// and so does one at the very end.
pub fn unescape<'a>(escaped: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(first) = memchr::memchr(b'\\', escaped) else { return escaped };
    scratch.clear();
    scratch.reserve(escaped.len());
    scratch.extend_from_slice(&escaped[..first]);
    let mut rest = &escaped[first..];
    while let [b'\\', after @ ..] = rest {
        let (byte, used) = escape_sequence(after);
        scratch.extend(byte);
        rest = &after[used..];
        let plain = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        scratch.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
    }
    scratch
}

/// What stands after a backslash: the byte it means, and how many bytes it takes.
fn escape_sequence(after: &[u8]) -> (Option<u8>, usize) {
    let Some(&first) = after.first() else { return (None, 0) };
    match first {
        b'b' => (Some(0x08), 1),
        b'f' => (Some(0x0c), 1),
        b'n' => (Some(b'\n'), 1),
        b'r' => (Some(b'\r'), 1),
        b't' => (Some(b'\t'), 1),
        b'v' => (Some(0x0b), 1),
        b'0'..=b'7' => number(after, 8, 3),
        b'x' => match number(&after[1..], 16, 2) {
            (_, 0) => (Some(b'x'), 1),
            (byte, digits) => (byte, 1 + digits),
        },
        other => (Some(other), 1),
    }
}

/// The number at the start of `text`, of at most `limit` digits, cut to eight bits; and how many digits it has.
fn number(text: &[u8], radix: u32, limit: usize) -> (Option<u8>, usize) {
    let digits = text.iter().take(limit).map_while(|&byte| char::from(byte).to_digit(radix));
    let (value, count) = digits.fold((0, 0), |(value, count), digit| (value * radix + digit, count + 1));
    (Some((value & 0xff) as u8), count)
}

/// Appends `value` to `out` as COPY TO writes it: `\b \f \n \r \t \v` and the backslash escaped, all else as it is.
pub fn escape_into(value: &[u8], out: &mut Vec<u8>) {
    if !needs_escape(value) {
        out.extend_from_slice(value);
        return;
    }
    for &byte in value {
        match escape_letter(byte) {
            Some(letter) => out.extend_from_slice(&[b'\\', letter]),
            None => out.push(byte),
        }
    }
}

/// Whether COPY TO escapes anything in `value`.
pub fn needs_escape(value: &[u8]) -> bool {
    // Without a branch in the loop it is compiled to vector instructions.
    value.iter().fold(false, |found, &byte| found | (byte == b'\\') | (0x08..=0x0d).contains(&byte))
}

/// What stands after the backslash where `byte` is escaped.
fn escape_letter(byte: u8) -> Option<u8> {
    match byte {
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x0b => Some(b'v'),
        b'\\' => Some(b'\\'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescaped(escaped: &[u8]) -> Vec<u8> {
        unescape(escaped, &mut Vec::new()).to_vec()
    }

    #[test]
    fn every_escape_of_the_manual_is_read() {
        assert_eq!(unescaped(br"a\b\f\n\r\t\v\\z"), b"a\x08\x0c\n\r\t\x0b\\z");
        assert_eq!(unescaped(br"\101\60\0\777"), b"A0\0\xff");
        assert_eq!(unescaped(br"\x41\x4g\xg"), b"A\x04gxg");
        assert_eq!(unescaped(br"\.\q\"), b".q");
    }

    #[test]
    fn a_value_without_a_backslash_is_borrowed() {
        let value = b"plain".to_vec();
        assert_eq!(unescape(&value, &mut Vec::new()).as_ptr(), value.as_ptr());
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut escaped = Vec::new();
            escape_into(&value, &mut escaped);
            prop_assert!(!escaped.contains(&b'\n') && !escaped.contains(&b'\t'));
            prop_assert_eq!(unescaped(&escaped), value);
        }

        #[test]
        fn arbitrary_bytes_unescape(escaped in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(unescaped(&escaped).len() <= escaped.len());
        }
    }
}
