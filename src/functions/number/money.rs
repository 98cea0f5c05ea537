//! Values of `money` as Postgres writes them, in any locale: digits, between them what groups them and what the decimals
//! come after, beside them a sign and a currency.

/// Reads a value: all its digits as one number, and how many of them are decimals, as far as the text tells: what comes
/// after the last point or comma, unless it is a group of three.
pub fn parse(value: &str) -> Option<(i64, u32)> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let units: i64 = digits.parse().ok()?;
    let last = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let decimals = last.rsplit_once(['.', ',']).map_or(0, |(_, decimals)| decimals.len());
    let is_negative = value.contains(['-', '(']);
    Some((if is_negative { -units } else { units }, if decimals < 3 { decimals as u32 } else { 0 }))
}

/// Appends the number as `value` is written, with as many decimals: Postgres reads it in the same locale.
pub fn push(units: i64, value: &str, out: &mut String) {
    let digits = units.unsigned_abs().to_string();
    let places = value.bytes().filter(u8::is_ascii_digit).count();
    let mut digits = format!("{digits:0>places$}").into_bytes().into_iter().map(char::from);
    let more = digits.len() - places;
    let is_signed = value.contains(['-', '(']);
    if units < 0 && !is_signed {
        out.push('-');
    }
    let mut is_first = true;
    for character in value.chars() {
        match character {
            '-' | '(' | ')' if units >= 0 => {}
            character if character.is_ascii_digit() => {
                let count = 1 + if std::mem::take(&mut is_first) { more } else { 0 };
                out.extend(digits.by_ref().take(count));
            }
            character => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_and_written_in_its_own_form() {
        for (value, units, scale) in [
            ("$1,234.57", 123_457, 2),
            ("-$0.03", -3, 2),
            ("($1.50)", -150, 2),
            ("1.234,57 €", 123_457, 2),
            ("¥1,234", 1234, 0),
            ("7", 7, 0),
        ] {
            assert_eq!(parse(value), Some((units, scale)), "{value}");
            let mut out = String::new();
            push(units, value, &mut out);
            assert_eq!(out, value);
        }
        assert_eq!(parse("$"), None);
        assert_eq!(parse("99999999999999999999"), None);
    }

    #[test]
    fn longer_and_shorter_and_negated_values_are_written() {
        let written = |units, value: &str| {
            let mut out = String::new();
            push(units, value, &mut out);
            out
        };
        assert_eq!(written(1_234_567, "$9,999.99"), "$12,345.67");
        assert_eq!(written(1, "$9,999.99"), "$0,000.01");
        assert_eq!(written(-150, "$2.00"), "-$1.50");
        assert_eq!(written(150, "-$2.00"), "$1.50");
        assert_eq!(written(150, "($2.00)"), "$1.50");
    }
}
