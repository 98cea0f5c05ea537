//! Portugal: the tax number.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Nine digits; the last is 11 less the weighted sum modulo 11, or 0 (Autoridade Tributária).
pub static NIF: Scheme = Scheme {
    name: "nif",
    invalid: "is not a Portuguese tax number",
    forms: &["[1-9]9999999#"],
    ranked: &[],
    complete: |_, number| {
        let check = 11 - weighted_sum(&number[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        number[8] = digit(if check > 9 { 0 } else { check });
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("PT", "nif", &["501964843", "501 964 843"], &["501964842", "001964843"]);
    }
}
