//! Canada: the social insurance number.

use crate::functions::check_characters::luhn;
use crate::functions::scheme::Scheme;

/// Nine digits; the first is not 0 or 8, the last is Luhn's (Service Canada).
pub static SIN: Scheme = Scheme {
    name: "sin",
    invalid: "is not a Canadian social insurance number",
    forms: &["[1-79]9999999#"],
    ranked: &[],
    complete: |_, number| {
        number[8] = luhn(&number[..8]);
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("CA", "sin", &["123-456-782", "130692544"], &["123-456-783", "046 454 286"]);
    }
}
