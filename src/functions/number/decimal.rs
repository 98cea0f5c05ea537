//! Decimal numbers as Postgres and rules files write them.

use num_bigint::BigInt;

use super::Whole;
use crate::functions::{Parameters, Refusal};

/// A number that a rule gives: `units` times 10 to the power of -`scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decimal {
    units: i64,
    scale: u32,
}

/// The digits of a number in a rule: so few that arithmetic with it does not overflow.
const MAX_DIGITS: usize = 12;

impl Decimal {
    /// Reads `text`: a sign, digits, a point; `None` if it is not that, or has more than twelve digits.
    pub fn parse(text: &str) -> Option<Self> {
        let written = Written::parse(text)?;
        let fits = written.digits() <= MAX_DIGITS && written.decimals() <= super::SMALL_SCALE;
        fits.then(|| {
            let scale = written.decimals();
            let units = i64::try_from(written.units(scale)).expect("twelve digits fit");
            Decimal { units, scale }
        })
    }

    /// Decimals after the point.
    pub fn decimals(self) -> u32 {
        self.scale
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.units > 0
    }

    /// The number in units of 10 to the power of -`scale`, which is not less than its own.
    pub fn at<T: Whole>(self, scale: u32) -> T {
        T::from(self.units) * power_of_ten(scale - self.scale)
    }

    /// The number as a fraction: a numerator, and the power of ten below it.
    pub fn fraction<T: Whole>(self) -> (T, T) {
        (T::from(self.units), power_of_ten(self.scale))
    }

    /// The number nearest to it.
    pub fn float(self) -> f64 {
        self.units as f64 / 10f64.powi(self.scale as i32)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        let scale = self.scale.max(other.scale);
        self.at::<i128>(scale).partial_cmp(&other.at(scale))
    }
}

/// 10 to the power of `exponent`.
fn power_of_ten<T: Whole>(exponent: u32) -> T {
    (0..exponent).fold(T::one(), |power, _| power * T::from(10))
}

impl Parameters {
    /// The number that `name` has, exactly.
    ///
    /// # Errors
    /// If it is no number, or has more than twelve digits or nine decimals.
    pub fn decimal(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        self.0.get(name).map(|value| of_toml(name, value)).transpose()
    }

    /// The numbers that `name` has, exactly.
    ///
    /// # Errors
    /// If it is no list, or one of them is no number.
    pub fn decimals(&self, name: &str) -> Result<Option<Vec<Decimal>>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let Some(values) = value.as_array() else {
            return Err(
                Refusal::new(format!("`{name}` is no list")).hint(format!("write `{name} = [0, 10]`"))
            );
        };
        values.iter().map(|value| of_toml(name, value)).collect::<Result<_, _>>().map(Some)
    }
}

fn of_toml(name: &str, value: &toml::Value) -> Result<Decimal, Refusal> {
    let text = match value {
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::String(text) => text.clone(),
        _ => String::new(),
    };
    Decimal::parse(&text).ok_or_else(|| {
        Refusal::new(format!("`{name}` is not a number of at most 12 digits, 9 of them decimals"))
            .hint(format!("write a number, such as `{name} = 10` or `{name} = \"0.05\"`"))
    })
}

/// A decimal number as text, taken apart.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    negative: bool,
    whole: &'a str,
    /// Without the zeros at its end, which do not count.
    fraction: &'a str,
    shown: usize,
}

impl<'a> Written<'a> {
    /// Takes `text` apart; `None` if it is not a sign or none, digits, and perhaps a point and more digits.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(magnitude) => (true, magnitude),
            None => (false, text),
        };
        let (whole, fraction) = match magnitude.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (magnitude, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let shown = fraction.len();
        let valid = !whole.is_empty() && is_digits(whole) && is_digits(fraction) && shown <= MAX_DECIMALS;
        valid.then(|| Written { negative, whole, fraction: fraction.trim_end_matches('0'), shown })
    }

    /// How many decimals count.
    pub fn decimals(self) -> u32 {
        self.fraction.len() as u32
    }

    /// How many decimals are written.
    pub fn decimals_shown(self) -> u32 {
        self.shown as u32
    }

    /// How many digits are written that count.
    pub fn digits(self) -> usize {
        self.whole.trim_start_matches('0').len() + self.fraction.len()
    }

    /// How many digits are before the point, zeros at the start aside.
    pub fn whole_digits(self) -> usize {
        self.whole.trim_start_matches('0').len()
    }

    /// The number in units of 10 to the power of -`scale`, which is not less than its decimals, where that fits.
    pub fn units(self, scale: u32) -> i128 {
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        let number = digits.fold(0i128, |number, digit| number * 10 + i128::from(digit - b'0'));
        let number = number * power_of_ten::<i128>(scale - self.decimals());
        if self.negative { -number } else { number }
    }

    /// The same for a number of any size.
    pub fn long_units(self, scale: u32) -> BigInt {
        let digits = format!("{}{}", self.whole, self.fraction);
        let number = digits.parse::<BigInt>().expect("digits are a number");
        let number = number * BigInt::from(10).pow(scale - self.decimals());
        if self.negative { -number } else { number }
    }
}

/// The most decimals of a `numeric`.
const MAX_DECIMALS: usize = 16_383;

/// Appends the number whose units, each 10 to the power of -`scale`, have the `digits` (and a sign): with `shown`
/// decimals, or more where others than zeros follow.
pub fn push(digits: &str, scale: u32, shown: u32, out: &mut String) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    out.push_str(sign);
    let scale = scale as usize;
    let whole = digits.len().saturating_sub(scale);
    out.push_str(if whole == 0 { "0" } else { &digits[..whole] });
    let leading_zeros = scale.saturating_sub(digits.len());
    let fraction = &digits[whole..];
    let significant = fraction.trim_end_matches('0');
    let least = if significant.is_empty() { 0 } else { leading_zeros + significant.len() };
    let decimals = least.max(shown as usize);
    if decimals == 0 {
        return;
    }
    out.push('.');
    let start = out.len();
    out.extend(std::iter::repeat_n('0', leading_zeros.min(decimals)));
    out.push_str(significant);
    let missing = decimals - (out.len() - start);
    out.extend(std::iter::repeat_n('0', missing));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_exact() {
        let parameters =
            Parameters(toml::from_str("a = 0.1\nb = 100\nc = '-2.50'\nd = true\ne = 1e99").unwrap());
        let of = |name| parameters.decimal(name);
        assert_eq!(of("a"), Ok(Some(Decimal { units: 1, scale: 1 })));
        assert_eq!(of("b"), Ok(Some(Decimal { units: 100, scale: 0 })));
        assert_eq!(of("c"), Ok(Some(Decimal { units: -25, scale: 1 })));
        assert!(of("d").is_err() && of("e").is_err());
        assert!(Decimal { units: 15, scale: 1 } < Decimal { units: 2, scale: 0 });
    }

    #[test]
    fn units_are_written_with_as_many_decimals_as_asked() {
        let written = |digits: &str, scale, shown| {
            let mut out = String::new();
            push(digits, scale, shown, &mut out);
            out
        };
        assert_eq!(written("1250", 2, 2), "12.50");
        assert_eq!(written("1250", 2, 0), "12.5");
        assert_eq!(written("-5", 3, 1), "-0.005");
        assert_eq!(written("0", 3, 0), "0");
        assert_eq!(written("0", 0, 2), "0.00");
        assert_eq!(written("1200", 2, 1), "12.0");
    }
}
