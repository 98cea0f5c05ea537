//! Argentina: the tax code of people and firms (CUIT, CUIL).

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// A kind of two digits, eight digits, and one of modulo 11 (AFIP).
pub static CUIT: Scheme = Scheme {
    name: "cuit",
    invalid: "is not an Argentine CUIT",
    forms: &["{20-34}99999999#"],
    ranked: &[],
    complete: |_, number| {
        let sum = weighted_sum(&number[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        let check = (11 - sum % 11) % 11;
        number[10] = digit(check % 10);
        check != 10 && matches!(&number[..2], b"20" | b"23" | b"24" | b"27" | b"30" | b"33" | b"34")
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("AR", "cuit", &["20-05536168-2", "20267565393"], &["20-05536168-3", "99-05536168-2"]);
    }
}
