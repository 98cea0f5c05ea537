//! Norway: the birth number.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Date of birth, three digits, and two of modulo 11; a D number has 4 more as its first digit (Skatteetaten).
pub static FODSELSNUMMER: Scheme = Scheme {
    name: "fodselsnummer",
    invalid: "is not a Norwegian birth number",
    forms: &["999999999##"],
    ranked: &[],
    complete: |_, number| {
        let first = (11 - weighted_sum(&number[..9], &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
        number[9] = digit(first % 10);
        let second = (11 - weighted_sum(&number[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        number[10] = digit(second % 10);
        let day = super::number(&number[..2]) as u32;
        let day = if day > 40 { day - 40 } else { day };
        first != 10 && second != 10 && super::is_date(super::number(&number[2..4]) as u32, day)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("NO", "fodselsnummer", &["151086 95088"], &["151086 95077", "151386 95088"]);
    }
}
