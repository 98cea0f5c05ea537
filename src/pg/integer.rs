//! Integers as Postgres writes them: a sign only where they are negative, and no zeros before the first digit.

/// Reads the integer that `bytes` begins with, and how many bytes it takes; `None` if Postgres would not write it so, or
/// it is beyond 64 bits. What comes after its last digit is the caller's to look at.
#[inline]
pub fn leading_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    /// No integer of 64 bits has more digits, and as many fit in 64 bits without a sign.
    const MOST_DIGITS: usize = 19;
    let is_negative = bytes.first() == Some(&b'-');
    let digits = &bytes[usize::from(is_negative)..];
    let (mut magnitude, mut len) = (0_u64, 0);
    while let Some(digit) = digits.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        if len == MOST_DIGITS {
            return None;
        }
        magnitude = 10 * magnitude + u64::from(digit);
        len += 1;
    }
    let is_canonical = match digits.first() {
        Some(b'0') => len == 1 && !is_negative,
        _ => len > 0,
    };
    let integer = match is_negative {
        true => 0_i64.checked_sub_unsigned(magnitude)?,
        false => i64::try_from(magnitude).ok()?,
    };
    is_canonical.then_some((integer, len + usize::from(is_negative)))
}

/// The integer that `text` is, if Postgres would write it so.
#[inline]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    leading_integer(text).filter(|&(_, len)| len == text.len()).map(|(integer, _)| integer)
}

/// Appends the text of `integer`.
pub fn push_integer(integer: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut left = integer.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if integer < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(integer: i64) -> Vec<u8> {
        let mut out = Vec::new();
        push_integer(integer, &mut out);
        out
    }

    #[test]
    fn the_widest_integers_are_read_and_no_wider_ones() {
        for integer in [i64::MIN, i64::MIN + 1, -1, 0, 9, 10, i64::MAX] {
            assert_eq!(text(integer), integer.to_string().into_bytes());
            assert_eq!(parse_integer(&text(integer)), Some(integer));
        }
        for wider in
            ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999"]
        {
            assert_eq!(parse_integer(wider.as_bytes()), None);
        }
    }

    #[test]
    fn what_postgres_would_write_otherwise_is_not_read() {
        for other in ["", "-", "+1", " 1", "1 ", "01", "00", "-0", "-01", "1.0", "1e3", "0x1", "\\N", "a"] {
            assert_eq!(parse_integer(other.as_bytes()), None, "{other}");
        }
        assert_eq!(leading_integer(b"-17\tx"), Some((-17, 3)));
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(bytes in "-?[0-9]{0,20}", integer: i64) {
            if let Some(read) = parse_integer(bytes.as_bytes()) {
                prop_assert_eq!(text(read), bytes.into_bytes());
            }
            prop_assert_eq!(parse_integer(&text(integer)), Some(integer));
        }
    }
}
