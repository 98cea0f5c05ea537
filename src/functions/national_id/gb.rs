//! Great Britain: national insurance numbers, and the NHS number of England and Wales.

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Two letters, six digits, and a letter from A to D that may be missing (HMRC, NIM39110).
pub static NINO: Scheme = Scheme {
    name: "nino",
    invalid: "is not a British national insurance number",
    forms: &["[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]999999[A-D]", "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]999999"],
    ranked: &[],
    complete: |_, number| !matches!(&number[..2], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ"),
};

/// Ten digits; the last is 11 less the weighted sum modulo 11, and never 10 (NHS Data Dictionary).
pub static NHS: Scheme = Scheme {
    name: "nhs",
    invalid: "is not an NHS number",
    forms: &["999999999#"],
    ranked: &[],
    complete: |_, number| {
        let check = 11 - weighted_sum(&number[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        number[9] = digit(check % 11 % 10);
        check != 10
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "GB",
            "nino",
            &["AB 12 34 56 C", "ab123456c", "JG 12 13 16"],
            &["QQ123456C", "AB123456E", "GB123456A", "AO123456A"],
        );
        check("GB", "nhs", &["943 476 5870", "9434765919"], &["9434765918"]);
    }
}
