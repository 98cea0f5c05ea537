//! Floating-point numbers as Postgres writes them: the shortest text that reads as the same number.
//!
//! That is `extra_float_digits` of 1 or more, the default since PostgreSQL 12. Digits are those of Ryu (Ulf Adams, "Ryū:
//! fast float-to-string conversion", 2018) as Postgres has it, which leaves out a number halfway between two floating
//! point numbers (`STRICTLY_SHORTEST` in ryu_common.h); the form is that of `%g` with 15 or 6 digits.

/// Appends a `double precision`.
pub fn push_f64(value: f64, out: &mut Vec<u8>) {
    push(value, out);
}

/// Appends a `real`.
pub fn push_f32(value: f32, out: &mut Vec<u8>) {
    push(value, out);
}

/// A floating-point number of one of the two sizes.
trait Float: Copy {
    /// The first exponent of ten that is written with an exponent.
    const EXPONENT_FROM: i32;
    /// As many decimal digits always tell a number from its neighbours.
    const MAX_DIGITS: usize;
    /// The bits of the significand that are stored.
    const STORED_BITS: u32;

    fn widened(self) -> f64;
    fn shortest(self) -> String;
    fn rounded(self, digits: usize) -> String;
    fn is_read_from(self, text: &str) -> bool;
    /// The significand as an integer, and the exponent of two that it is to be multiplied with.
    fn parts(self) -> (u64, i32);
}

macro_rules! float {
    ($type:ty, $from:literal, $digits:literal, $stored:literal, $bias:literal, $exponents:literal) => {
        impl Float for $type {
            const EXPONENT_FROM: i32 = $from;
            const MAX_DIGITS: usize = $digits;
            const STORED_BITS: u32 = $stored;

            fn widened(self) -> f64 {
                f64::from(self)
            }

            fn shortest(self) -> String {
                format!("{self:e}")
            }

            fn rounded(self, digits: usize) -> String {
                format!("{self:.*e}", digits - 1)
            }

            fn is_read_from(self, text: &str) -> bool {
                text.parse() == Ok(self)
            }

            fn parts(self) -> (u64, i32) {
                let bits = self.to_bits();
                let stored = u64::from(bits & ((1 << $stored) - 1));
                match i32::try_from(bits >> $stored & $exponents).unwrap_or_default() {
                    0 => (stored, 1 - $bias - $stored),
                    exponent => (stored | 1 << $stored, exponent - $bias - $stored),
                }
            }
        }
    };
}

float!(f64, 15, 17, 52, 1023, 0x7ff);
float!(f32, 6, 9, 23, 127, 0xff);

fn push<F: Float>(value: F, out: &mut Vec<u8>) {
    let number = value.widened();
    if !number.is_finite() {
        let text: &[u8] = match number {
            _ if number.is_nan() => b"NaN",
            _ if number > 0.0 => b"Infinity",
            _ => b"-Infinity",
        };
        return out.extend_from_slice(text);
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let text = digits(value);
    let (significand, exponent) =
        text.trim_start_matches('-').split_once('e').unwrap_or((text.as_str(), "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: Vec<u8> = significand.bytes().filter(u8::is_ascii_digit).collect();
    match (-4..F::EXPONENT_FROM).contains(&exponent) {
        true => push_plain(&digits, exponent, out),
        false => push_scientific(&digits, exponent, out),
    }
}

/// The digits as `d.ddde±x`, as few as tell the number from its neighbours, the nearest ones of as many.
fn digits<F: Float>(value: F) -> String {
    let shortest = value.shortest();
    let count = shortest.bytes().take_while(|&byte| byte != b'e').filter(u8::is_ascii_digit).count();
    // Two texts of that many digits can be as near; the one with an even digit at its end is taken.
    let nearest = value.rounded(count);
    let shortest = if value.is_read_from(&nearest) { nearest } else { shortest };
    if !is_halfway(value, &shortest) {
        return shortest;
    }
    let mut longer = (count + 1..=F::MAX_DIGITS).map(|count| value.rounded(count));
    longer.find(|text| value.is_read_from(text) && !is_halfway(value, text)).unwrap_or(shortest)
}

/// Whether the decimal number `text` is exactly halfway between `value` and a neighbour of it.
///
/// Only integers of more bits than a significand has are: with a fraction, a number halfway has more digits than the
/// ones on its sides.
fn is_halfway<F: Float>(value: F, text: &str) -> bool {
    let Some((significand, exponent)) = text.trim_start_matches('-').split_once('e') else { return false };
    let fraction = significand.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let (Ok(digits), Ok(exponent)) = (significand.replace('.', "").parse::<u128>(), exponent.parse::<i64>())
    else {
        return false;
    };
    // The number is digits · 10^tens = digits · 5^tens · 2^tens. Halfway, it is an odd number of few bits times a power
    // of two, so that 5^tens is less than 2^55.
    let tens = exponent - fraction as i64;
    let Ok(tens @ 0..=23) = u32::try_from(tens) else { return false };
    let Some(scaled) = digits.checked_mul(5u128.pow(tens)).filter(|&scaled| scaled > 0) else { return false };
    let (odd, twos) = (scaled >> scaled.trailing_zeros(), i64::from(tens + scaled.trailing_zeros()));
    let (significand, power) = value.parts();
    let (significand, power) = (u128::from(significand), i64::from(power));
    // Below a power of two, neighbours are half as far apart.
    let is_power_of_two = significand == 1 << F::STORED_BITS;
    (odd == 2 * significand + 1 && twos == power - 1)
        || (odd == 2 * significand - 1 && twos == power - 1 && !is_power_of_two)
        || (odd == 4 * significand - 1 && twos == power - 2 && is_power_of_two)
}

fn push_plain(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    let Ok(exponent) = usize::try_from(exponent) else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
        return out.extend_from_slice(digits);
    };
    let whole = exponent + 1;
    if digits.len() <= whole {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
    } else {
        out.extend_from_slice(&digits[..whole]);
        out.push(b'.');
        out.extend_from_slice(&digits[whole..]);
    }
}

fn push_scientific(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        push_f64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn single(value: f32) -> String {
        let mut out = Vec::new();
        push_f32(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_number_has_the_form_that_postgres_gives_it() {
        for text in [
            "0",
            "-0",
            "1",
            "-1.5",
            "0.1",
            "100000000000000",
            "1e+15",
            "1.5e+15",
            "123456789012345.67",
            "0.0001",
            "1e-05",
            "1.2345e-10",
            "1e+20",
            "1.7976931348623157e+308",
            "2.2250738585072014e-308",
            "5e-324",
            "NaN",
            "Infinity",
            "-Infinity",
        ] {
            assert_eq!(double(text.parse().unwrap()), text);
        }
        for text in
            ["0.1", "123456", "1e+06", "1.234567e+06", "1e-05", "3.4028235e+38", "1e-45", "16777216", "NaN"]
        {
            let expected = if text == "16777216" { "1.6777216e+07" } else { text };
            assert_eq!(single(text.parse().unwrap()), expected);
        }
    }

    /// As PostgreSQL 15 writes them.
    #[test]
    fn a_number_halfway_between_two_is_avoided() {
        assert_eq!(double(1e23), "9.999999999999999e+22");
        assert_eq!(double(-1e23), "-9.999999999999999e+22");
        assert_eq!(double(1e22), "1e+22");
        assert_eq!(double(1_612_144_695_483_846.2), "1.6121446954838462e+15");
        assert_eq!(double(9.5367431640625e-7), "9.5367431640625e-07");
        assert_eq!(double(2f64.powi(-44)), "5.684341886080802e-14");
        assert_eq!(double(9007199254740993.0), "9.007199254740992e+15");
        assert!(is_halfway(1.8014398509481984e16_f64, "1.8014398509481986e16"));
        assert!(!is_halfway(1.8014398509481984e16_f64, "1.8014398509481984e16"));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_the_same(bits: u64, short: u32) {
            let (long, short) = (f64::from_bits(bits), f32::from_bits(short));
            prop_assert!(long.is_nan() || double(long).parse::<f64>().unwrap() == long);
            prop_assert!(short.is_nan() || single(short).parse::<f32>().unwrap() == short);
        }
    }
}
