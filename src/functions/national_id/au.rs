//! Australia: the tax file number.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Nine digits whose weighted sum is a multiple of 11 (Australian Taxation Office).
pub static TFN: Scheme = Scheme {
    name: "tfn",
    invalid: "is not an Australian tax file number",
    forms: &["99999999#"],
    ranked: &[],
    complete: |_, number| {
        // The last digit counts ten times, which is -1 modulo 11.
        let check = weighted_sum(&number[..8], &[1, 4, 3, 7, 5, 8, 6, 9]) % 11;
        number[8] = digit(check % 10);
        check != 10
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("AU", "tfn", &["123 456 782"], &["999 999 999"]);
    }
}
