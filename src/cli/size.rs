//! Sizes as people write them: `512MiB`, `2G`, `1048576`.

use std::str::FromStr;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    /// Reads a whole number with a binary unit: B (the default), K, M, G or T, also as KiB or KB.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
            "" => 0,
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => return Err("the unit is none of B, KiB, MiB, GiB, TiB".into()),
        };
        let number: u64 =
            number.parse().map_err(|_| "a size is a whole number and a unit, such as 512MiB")?;
        number.checked_mul(1 << shift).map(Size).ok_or_else(|| "the size is too large".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_with_and_without_a_unit() {
        for (text, bytes) in [("7", 7), ("512MiB", 512 << 20), ("2g", 2 << 30), ("1 KB", 1 << 10)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "MiB", "1.5G", "1x", "99999999999999999999", "99999999T"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
