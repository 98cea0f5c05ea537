//! Poland: PESEL.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Year, month and day of birth, the century in the month, four digits, and one that makes the weighted sum a multiple
/// of ten (Ustawa o ewidencji ludności, art. 15).
pub static PESEL: Scheme = Scheme {
    name: "pesel",
    invalid: "is not a Polish PESEL",
    forms: &["9999999999#"],
    ranked: &[],
    complete: |_, number| {
        let sum = weighted_sum(&number[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
        number[10] = digit((10 - sum % 10) % 10);
        super::is_date(super::number(&number[2..4]) as u32 % 20, super::number(&number[4..6]) as u32)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("PL", "pesel", &["44051401359", "02070803628"], &["44051401358", "44053201357", "44131401359"]);
    }
}
