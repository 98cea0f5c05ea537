//! Whole numbers in decimal, appended to text.

use super::draws::push_ascii;

/// Appends `number`; some three times as fast as formatting it.
pub fn push_integer(number: i64, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    push_natural(number.unsigned_abs(), out);
}

/// Appends `number`.
pub fn push_natural(number: u64, out: &mut String) {
    let len = number.checked_ilog10().unwrap_or(0) as usize + 1;
    push_padded(number, len, out);
}

/// Appends the last `len` ≤ 64 digits of `number`, with zeros before it where it has fewer.
pub fn push_padded(mut number: u64, len: usize, out: &mut String) {
    let mut digits = [b'0'; 64];
    for digit in digits[..len].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    push_ascii(len, out, |at| digits[at]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_formatted() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, i64::MAX, -1, -10, i64::MIN] {
            let mut out = String::from("=");
            push_integer(number, &mut out);
            assert_eq!(out, format!("={number}"));
        }
        let mut out = String::new();
        push_padded(1234, 6, &mut out);
        push_padded(1234, 2, &mut out);
        assert_eq!(out, "00123434");
    }
}
