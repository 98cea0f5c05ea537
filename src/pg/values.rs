//! One value: from Postgres' text form, unescaped, to the bits that Arrow holds.

use arrow::datatypes::i256;

use crate::pg::datetime::{self, Moment, Timestamp};

/// Why a value is not in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is a value of the Postgres type, but the Arrow type has no exact form of it.
    Special,
    /// It is not a value of the type.
    Invalid,
    /// It is text, but not UTF-8.
    NotUtf8,
    /// The values of a batch are more than 2 GiB.
    TooLong,
}

type Parsed<T> = Result<T, Fault>;

/// `t` or `f`, or the SQL words.
pub fn parse_bool(text: &[u8]) -> Parsed<bool> {
    match text {
        b"t" | b"true" => Ok(true),
        b"f" | b"false" => Ok(false),
        _ => Err(Fault::Invalid),
    }
}

/// A decimal integer within the bounds of `T`.
pub fn parse_integer<T: TryFrom<i64>>(text: &[u8]) -> Parsed<T> {
    let (negative, digits) = split_sign(text);
    // 19 digits are below 10¹⁹, which fits `u64`.
    if !(1..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::Invalid);
    }
    let magnitude = digits.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    let value = if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    value.and_then(|value| T::try_from(value).ok()).ok_or(Fault::Invalid)
}

/// A `real`; NaN and the infinities are values.
pub fn parse_f32(text: &[u8]) -> Parsed<f32> {
    let value: f32 = parse_ascii(text)?;
    if value.is_infinite() {
        check_infinity(text)?
    }
    Ok(value)
}

/// A `double precision`; NaN and the infinities are values.
pub fn parse_f64(text: &[u8]) -> Parsed<f64> {
    let value: f64 = parse_ascii(text)?;
    if value.is_infinite() {
        check_infinity(text)?
    }
    Ok(value)
}

fn parse_ascii<T: std::str::FromStr>(text: &[u8]) -> Parsed<T> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Fault::Invalid)
}

/// Tells `Infinity` from a number that is too large, which Rust reads as infinity and Postgres refuses.
fn check_infinity(text: &[u8]) -> Parsed<()> {
    let (_, magnitude) = split_sign(text);
    if magnitude.first().is_some_and(u8::is_ascii_alphabetic) { Ok(()) } else { Err(Fault::Invalid) }
}

/// A number as an integer of the unit 10 to the power of -`scale`, of at most `precision` digits (38 or fewer).
pub fn parse_decimal128(text: &[u8], precision: u8, scale: i8) -> Parsed<i128> {
    let decimal = Decimal::parse(text, precision, scale)?;
    let magnitude = decimal.digits().fold(0i128, |value, digit| value * 10 + i128::from(digit));
    Ok(if decimal.negative { -magnitude } else { magnitude })
}

/// The same for up to 76 digits.
pub fn parse_decimal256(text: &[u8], precision: u8, scale: i8) -> Parsed<i256> {
    let decimal = Decimal::parse(text, precision, scale)?;
    let ten = i256::from_i128(10);
    let magnitude = decimal.digits().fold(i256::ZERO, |value, digit| {
        value.wrapping_mul(ten).wrapping_add(i256::from_i128(i128::from(digit)))
    });
    Ok(if decimal.negative { magnitude.wrapping_neg() } else { magnitude })
}

/// A number taken apart: digits before the point without leading zeros, and at most `places` after it.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    places: usize,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a [u8], precision: u8, scale: i8) -> Parsed<Self> {
        if matches!(text, b"NaN" | b"Infinity" | b"-Infinity") {
            return Err(Fault::Special);
        }
        let places = usize::try_from(scale).map_err(|_| Fault::Invalid)?;
        let (negative, number) = split_sign(text);
        let point = memchr::memchr(b'.', number);
        let (whole, fraction) = match point {
            Some(point) => (&number[..point], &number[point + 1..]),
            None => (number, &[][..]),
        };
        let is_number = whole.len() + fraction.len() > 0
            && whole.iter().chain(fraction).all(u8::is_ascii_digit)
            && fraction.iter().skip(places).all(|&digit| digit == b'0');
        let zeros = whole.iter().take_while(|&&digit| digit == b'0').count();
        let whole = &whole[zeros..];
        if !is_number || whole.len() + places > usize::from(precision) {
            return Err(Fault::Invalid);
        }
        Ok(Decimal { negative, whole, fraction: &fraction[..fraction.len().min(places)], places })
    }

    /// The digits of the unscaled number.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let padding = std::iter::repeat_n(b'0', self.places - self.fraction.len());
        self.whole.iter().chain(self.fraction).copied().chain(padding).map(|digit| digit - b'0')
    }
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A `date` as days since 1970-01-01; `infinity` is the greatest number, `-infinity` the same below zero.
pub fn parse_date(text: &[u8]) -> Parsed<i32> {
    match datetime::parse_date(text).ok_or(Fault::Invalid)? {
        Moment::Past => Ok(-i32::MAX),
        Moment::At(days) => Ok(days),
        Moment::Future => Ok(i32::MAX),
    }
}

/// A `time` as microseconds since midnight.
pub fn parse_time(text: &[u8]) -> Parsed<i64> {
    datetime::parse_time(text).ok_or(Fault::Invalid)
}

/// A `timestamp` as microseconds since 1970; infinity as in [`parse_date`].
pub fn parse_timestamp(text: &[u8]) -> Parsed<i64> {
    unix_microseconds(datetime::parse_timestamp(text))
}

/// A `timestamptz` as microseconds since 1970 in UTC; infinity as in [`parse_date`].
pub fn parse_timestamptz(text: &[u8]) -> Parsed<i64> {
    unix_microseconds(datetime::parse_timestamptz(text))
}

fn unix_microseconds(moment: Option<Moment<Timestamp>>) -> Parsed<i64> {
    match moment.ok_or(Fault::Invalid)? {
        Moment::Past => Ok(-i64::MAX),
        // The greatest number is taken: it means infinity.
        Moment::At(at) => at.unix_microseconds().filter(|&at| at < i64::MAX).ok_or(Fault::Special),
        Moment::Future => Ok(i64::MAX),
    }
}

/// A `uuid`: 32 hex digits, with hyphens or without.
pub fn parse_uuid(text: &[u8]) -> Parsed<[u8; 16]> {
    let mut digits = [0; 32];
    let mut length = 0;
    for piece in text.split(|&byte| byte == b'-') {
        let place = digits.get_mut(length..length + piece.len()).ok_or(Fault::Invalid)?;
        place.copy_from_slice(piece);
        length += piece.len();
    }
    // Digits that are missing are zero bytes, which are no hex digits.
    let mut uuid = [0; 16];
    let is_hex = decode_pairs(digits.as_chunks().0, &mut uuid);
    is_hex.then_some(uuid).ok_or(Fault::Invalid)
}

/// Appends the bytes of a `bytea`, in the hex format or the escape format, to `bytes`.
pub fn parse_bytea(text: &[u8], bytes: &mut Vec<u8>) -> Parsed<()> {
    match text.strip_prefix(b"\\x") {
        Some(hex) => decode_hex(hex, bytes),
        None => decode_octal_escapes(text, bytes),
    }
}

/// Appends the bytes that pairs of hex digits stand for.
pub fn decode_hex(hex: &[u8], bytes: &mut Vec<u8>) -> Parsed<()> {
    let (pairs, rest) = hex.as_chunks();
    let start = bytes.len();
    bytes.resize(start + pairs.len(), 0);
    let is_hex = decode_pairs(pairs, &mut bytes[start..]);
    (rest.is_empty() && is_hex).then_some(()).ok_or(Fault::Invalid)
}

/// What [`HEX_VALUES`] has for a byte that is no hex digit: a bit that no value of a digit has.
const NO_DIGIT: u8 = 0x10;

/// The value of each byte as a hex digit.
static HEX_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Writes the byte of each pair of hex digits to `bytes`; whether all were hex digits.
fn decode_pairs(pairs: &[[u8; 2]], bytes: &mut [u8]) -> bool {
    let mut seen = 0;
    for (&[high, low], byte) in pairs.iter().zip(bytes) {
        let (high, low) = (HEX_VALUES[usize::from(high)], HEX_VALUES[usize::from(low)]);
        *byte = high << 4 | low;
        seen |= high | low;
    }
    seen & NO_DIGIT == 0
}

/// The escape format (`bytea_output = escape`): `\\` is a backslash, `\ooo` a byte, other bytes are themselves.
fn decode_octal_escapes(mut text: &[u8], bytes: &mut Vec<u8>) -> Parsed<()> {
    while let Some(at) = memchr::memchr(b'\\', text) {
        bytes.extend_from_slice(&text[..at]);
        text = match &text[at + 1..] {
            [b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest
            }
            _ => return Err(Fault::Invalid),
        };
    }
    bytes.extend_from_slice(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_stop_at_their_bounds() {
        assert_eq!(parse_integer::<i16>(b"-32768"), Ok(i16::MIN));
        assert_eq!(parse_integer::<i16>(b"32768"), Err(Fault::Invalid));
        assert_eq!(parse_integer::<i64>(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse_integer::<i64>(b"9223372036854775807"), Ok(i64::MAX));
        assert_eq!(parse_integer::<i64>(b"9223372036854775808"), Err(Fault::Invalid));
        assert_eq!(parse_integer::<u32>(b"4294967295"), Ok(u32::MAX));
        assert_eq!(parse_integer::<u32>(b"-1"), Err(Fault::Invalid));
        for text in ["", "-", "1.0", "1e3", " 1", "99999999999999999999"] {
            assert_eq!(parse_integer::<i64>(text.as_bytes()), Err(Fault::Invalid), "{text}");
        }
    }

    #[test]
    fn floats_keep_nan_and_infinity_but_not_what_is_too_large() {
        assert_eq!(parse_f64(b"1e+300"), Ok(1e300));
        assert_eq!(parse_f64(b"-Infinity"), Ok(f64::NEG_INFINITY));
        assert!(parse_f32(b"NaN").is_ok_and(f32::is_nan));
        assert_eq!(parse_f32(b"1.17549435e-38"), Ok(f32::MIN_POSITIVE));
        assert_eq!(parse_f64(b"1e400"), Err(Fault::Invalid));
        assert_eq!(parse_f32(b"1e39"), Err(Fault::Invalid));
        assert_eq!(parse_f64(b""), Err(Fault::Invalid));
    }

    #[test]
    fn decimals_are_scaled_and_never_rounded() {
        assert_eq!(parse_decimal128(b"-12.50", 10, 2), Ok(-1250));
        assert_eq!(parse_decimal128(b"12", 10, 2), Ok(1200));
        assert_eq!(parse_decimal128(b".5", 3, 2), Ok(50));
        assert_eq!(parse_decimal128(b"0.00123", 5, 5), Ok(123));
        assert_eq!(parse_decimal128(b"1.500", 3, 1), Ok(15));
        assert_eq!(parse_decimal128(&[b'9'; 38], 38, 0), Ok(10i128.pow(38) - 1));
        assert_eq!(parse_decimal256(&[b'9'; 76], 76, 0).map(|value| value.to_string()), Ok("9".repeat(76)));
        assert_eq!(parse_decimal256(b"-1.5", 40, 1), Ok(i256::from_i128(-15)));
        for text in ["", ".", "-", "1.25", "1000", "1e1", "1.2.3", "--1", "inf"] {
            assert_eq!(parse_decimal128(text.as_bytes(), 4, 1), Err(Fault::Invalid), "{text}");
        }
        for text in ["NaN", "Infinity", "-Infinity"] {
            assert_eq!(parse_decimal128(text.as_bytes(), 4, 1), Err(Fault::Special), "{text}");
        }
    }

    #[test]
    fn infinite_times_are_the_ends_of_the_numbers() {
        assert_eq!(parse_date(b"infinity"), Ok(i32::MAX));
        assert_eq!(parse_date(b"-infinity"), Ok(-i32::MAX));
        assert_eq!(parse_timestamp(b"infinity"), Ok(i64::MAX));
        assert_eq!(parse_timestamptz(b"-infinity"), Ok(-i64::MAX));
        assert_eq!(parse_timestamp(b"294247-01-10 04:00:54.775807"), Err(Fault::Special));
        assert_eq!(parse_timestamp(b"294247-01-10 04:00:54.775806"), Ok(i64::MAX - 1));
    }

    #[test]
    fn uuids_are_16_bytes() {
        let uuid = parse_uuid(b"00112233-4455-6677-8899-aAbBcCdDeEfF").unwrap();
        assert_eq!(uuid[..3], [0x00, 0x11, 0x22]);
        assert_eq!(uuid[15], 0xff);
        for text in
            ["", "0011", "00112233-4455-6677-8899-aabbccddeeff0", "00112233-4455-6677-8899-aabbccddeefg"]
        {
            assert_eq!(parse_uuid(text.as_bytes()), Err(Fault::Invalid), "{text}");
        }
    }

    #[test]
    fn bytea_is_read_in_both_formats() {
        let parse = |text: &[u8]| {
            let mut bytes = vec![];
            parse_bytea(text, &mut bytes).map(|()| bytes)
        };
        assert_eq!(parse(b"\\x00fF"), Ok(vec![0, 255]));
        assert_eq!(parse(b"\\x"), Ok(vec![]));
        assert_eq!(parse(b"a\\\\b\\000\\377"), Ok(vec![b'a', b'\\', b'b', 0, 255]));
        for text in ["\\x0", "\\x0g", "\\", "\\400", "\\12"] {
            assert_eq!(parse(text.as_bytes()), Err(Fault::Invalid), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_decimal_is_read_as_it_was_written(value in -10i128.pow(18)..10i128.pow(18), scale in 0i8..18) {
            let unit = 10i128.pow(u32::from(scale.unsigned_abs()));
            let sign = if value < 0 { "-" } else { "" };
            let (whole, fraction) = (value.abs() / unit, value.abs() % unit);
            let text = match scale {
                0 => format!("{sign}{whole}"),
                _ => format!("{sign}{whole}.{fraction:0width$}", width = scale.unsigned_abs().into()),
            };
            prop_assert_eq!(parse_decimal128(text.as_bytes(), 38, scale), Ok(value));
            prop_assert_eq!(parse_decimal256(text.as_bytes(), 76, scale), Ok(i256::from_i128(value)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            let _ = (parse_bool(&text), parse_integer::<i64>(&text), parse_f64(&text), parse_uuid(&text));
            let _ = (parse_decimal128(&text, 38, 5), parse_date(&text), parse_timestamptz(&text));
            let _ = parse_bytea(&text, &mut vec![]);
        }
    }
}
