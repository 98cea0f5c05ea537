//! South Africa: the identity number.

use crate::functions::check_characters::luhn;
use crate::functions::scheme::Scheme;

/// Date of birth, four digits of the sex, one of the citizenship, an 8 or 9, and one of Luhn's (Department of Home
/// Affairs).
pub static ID: Scheme = Scheme {
    name: "id",
    invalid: "is not a South African identity number",
    forms: &["9999999999[0-2][0-9]#"],
    ranked: &[],
    complete: |_, number| {
        number[12] = luhn(&number[..12]);
        super::starts_with_date(number)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("ZA", "id", &["7503305044089", "750330 5044089"], &["9125568974123", "8503305044089"]);
    }
}
