//! Israel: the identity number.

use crate::functions::check_characters::luhn;
use crate::functions::scheme::Scheme;

/// Nine digits; the last is Luhn's (Ministry of Interior).
pub static ID: Scheme = Scheme {
    name: "id",
    invalid: "is not an Israeli identity number",
    forms: &["99999999#"],
    ranked: &[],
    complete: |_, number| {
        number[8] = luhn(&number[..8]);
        number[..8] != *b"00000000"
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("IL", "id", &["039337423"], &["039337422", "000000000"]);
    }
}
