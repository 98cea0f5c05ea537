//! Korea: the resident registration number.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Date of birth, sex and century, five digits, and one of modulo 11; numbers given since October 2020 need not have it,
/// and stay among themselves.
pub static RRN: Scheme = Scheme {
    name: "rrn",
    invalid: "is not a Korean resident registration number",
    forms: &["999999999999#", "9999999999999"],
    ranked: &[],
    complete: |form, number| {
        if form == 0 {
            let sum = weighted_sum(&number[..12], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
            number[12] = digit((11 - sum % 11) % 10);
        }
        super::starts_with_date(number)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("KR", "rrn", &["971013-9019902", "971013-9019903"], &["971313-9019902", "97101390199"]);
    }
}
