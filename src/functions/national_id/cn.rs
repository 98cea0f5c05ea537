//! China: the number of residents.

use crate::functions::check_characters::pure;
use crate::functions::scheme::Scheme;

/// Region, date of birth, three digits, and the check character of ISO/IEC 7064, MOD 11-2 (GB 11643-1999).
pub static RESIDENT_ID: Scheme = Scheme {
    name: "resident_id",
    invalid: "is not a Chinese resident number",
    forms: &["{11-65}9999{1900-2099}9999999#"],
    ranked: &[],
    complete: |_, number| {
        number[17] = pure(&number[..17], 11);
        super::starts_with_date(&number[8..14])
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "CN",
            "resident_id",
            &["360426199101010071", "11010519491231002X"],
            &["360426199101010072", "360426199113010079"],
        );
    }
}
