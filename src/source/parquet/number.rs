//! Exact numbers as Postgres writes them in a column of a type.

use std::ops::RangeInclusive;

use super::text::Fault;
use crate::schema::PgType;

/// The values of an integer type; `None` for other types.
pub fn integer_range(ty: &PgType) -> Option<RangeInclusive<i128>> {
    Some(match ty {
        PgType::Int2 => i16::MIN.into()..=i16::MAX.into(),
        PgType::Int4 => i32::MIN.into()..=i32::MAX.into(),
        PgType::Int8 => i64::MIN.into()..=i64::MAX.into(),
        PgType::Oid => 0..=u32::MAX.into(),
        _ => return None,
    })
}

/// Appends a number, given as the decimal digits of its units (perhaps after a minus) of which `places` are after the
/// point, as a `numeric` with the precision and the scale `limits` writes it.
///
/// # Errors
/// [`Fault::OutOfRange`] if it has other digits than these limits allow.
pub fn decimal_text(
    units: &str,
    places: usize,
    limits: Option<(u16, i16)>,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let (sign, digits) = units.strip_prefix('-').map_or(("", units), |digits| ("-", digits));
    let digits = digits.as_bytes();
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    let whole = &whole[whole.iter().take_while(|&&digit| digit == b'0').count()..];
    let written = limits.map_or(places, |(_, scale)| usize::try_from(scale).unwrap_or(0));
    // How many zeros there are between the point and the fraction.
    let zeros = places - fraction.len();
    if let Some((precision, scale)) = limits {
        let whole_digits = i32::from(precision) - i32::from(scale);
        let fits = match whole.len() {
            // With a scale above the precision, the digits after the point begin with zeros.
            0 => leading_zeros(zeros, fraction) >= -whole_digits,
            digits => digits as i32 <= whole_digits,
        };
        let rounded = usize::try_from(-i32::from(scale)).unwrap_or(0).min(whole.len());
        let is_zero = |digit: &u8| *digit == b'0';
        let is_exact = fraction.iter().skip(written.saturating_sub(zeros)).all(is_zero)
            && whole[whole.len() - rounded..].iter().all(is_zero);
        if !fits || !is_exact {
            return Err(Fault::OutOfRange);
        }
    }
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
    if written > 0 {
        let fraction = std::iter::repeat_n(&b'0', zeros).chain(fraction).chain(std::iter::repeat(&b'0'));
        out.push(b'.');
        out.extend(fraction.take(written));
    }
    Ok(())
}

/// How many zeros follow the point; as many as one likes if all digits are zeros.
fn leading_zeros(zeros: usize, fraction: &[u8]) -> i32 {
    match fraction.iter().position(|&digit| digit != b'0') {
        Some(position) => (zeros + position) as i32,
        None => i32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(units: &str, places: usize, limits: Option<(u16, i16)>) -> Option<String> {
        let mut out = Vec::new();
        decimal_text(units, places, limits, &mut out).ok()?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn a_decimal_has_the_places_of_its_type() {
        assert_eq!(written("-5", 3, None).unwrap(), "-0.005");
        assert_eq!(written("12345", 2, None).unwrap(), "123.45");
        assert_eq!(written("0", 0, None).unwrap(), "0");
        assert_eq!(written("123", 5, Some((3, 5))).unwrap(), "0.00123");
        assert_eq!(written("12000", 0, Some((2, -3))).unwrap(), "12000");
        assert_eq!(written("0", 5, Some((3, 5))).unwrap(), "0.00000");
        assert_eq!(written("999", 0, Some((5, 2))).unwrap(), "999.00");
    }

    #[test]
    fn a_decimal_that_does_not_fit_is_refused() {
        for (units, places, limits) in [
            ("1000", 0, (5, 2)),
            ("1", 3, (5, 2)),
            ("12345", 0, (2, -3)),
            ("100000", 0, (2, -3)),
            ("1230", 5, (3, 5)),
        ] {
            assert_eq!(written(units, places, Some(limits)), None, "{units}");
        }
    }
}
