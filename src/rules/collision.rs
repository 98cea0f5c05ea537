//! The arithmetic of unique columns: how likely two rows get the same result.

use crate::functions::Uniqueness;

/// The rows of a table up to which a unique column must stay unique.
const UNIQUE_ROWS: f64 = 1e9;

/// The odds of a collision within that many rows that are taken.
const COLLISION_ODDS: f64 = 1e-6;

/// Whether results are unique enough for a unique column.
pub fn stays_unique(uniqueness: Uniqueness) -> bool {
    match uniqueness {
        Uniqueness::Injective => true,
        Uniqueness::Bits(bits) => are_unique(bits),
        Uniqueness::None => false,
    }
}

/// Whether 2 to the power of `bits` results are enough for a unique column.
pub fn are_unique(bits: f64) -> bool {
    odds(UNIQUE_ROWS, bits) <= COLLISION_ODDS
}

/// The expected number of equal pairs among `rows` draws from 2 to the power of `bits`: the birthday bound.
fn odds(rows: f64, bits: f64) -> f64 {
    rows * rows / (bits + 1.0).exp2()
}

/// The arithmetic of a refusal: for a million rows if that is too many already, else for a thousand million.
pub fn collision_odds(bits: f64) -> String {
    let rows = if odds(1e6, bits) > COLLISION_ODDS { 1e6 } else { UNIQUE_ROWS };
    let results = if bits.fract() == 0.0 { format!("2^{bits}") } else { format!("2^{bits:.1}") };
    let odds = odds(rows, bits);
    let how_often = match odds < 0.5 {
        true => format!("with odds of 1 in {}", with_commas((1.0 / odds).round() as u64)),
        false => "all but surely".to_string(),
    };
    format!("{results} results: two of {} rows collide {how_often}", with_commas(rows as u64))
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odds_of_a_collision_are_those_of_the_birthday_bound() {
        let text = collision_odds(50.0);
        assert_eq!(text, "2^50 results: two of 1,000,000 rows collide with odds of 1 in 2,252");
        assert_eq!(collision_odds(16.0), "2^16 results: two of 1,000,000 rows collide all but surely");
        let text = collision_odds(70.0);
        assert_eq!(text, "2^70 results: two of 1,000,000,000 rows collide with odds of 1 in 2,361");
    }

    #[test]
    fn eighty_bits_are_unique_enough_and_seventy_eight_are_not() {
        assert!(stays_unique(Uniqueness::Bits(79.0)) && !stays_unique(Uniqueness::Bits(78.0)));
    }
}
