//! The Netherlands: the citizen service number (BSN).

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// Nine digits, or eight where the first is 0, whose sum with the weights 9 to 2 and -1 is a multiple of 11 (the "eleven
/// test"; Logius).
pub static BSN: Scheme = Scheme {
    name: "bsn",
    invalid: "is not a Dutch citizen service number (BSN)",
    forms: &["99999999#", "9999999#"],
    ranked: &[],
    complete: |_, number| {
        let (last, payload) = number.split_last_mut().expect("every form has digits");
        let weights = &[9, 8, 7, 6, 5, 4, 3, 2][8 - payload.len()..];
        let check = weighted_sum(payload, weights) % 11;
        *last = digit(check % 10);
        check != 10 && payload.iter().any(|&digit| digit != b'0')
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "NL",
            "bsn",
            &["1112.22.333", "111222333", "123456782"],
            &["1112.52.333", "123456789", "000000000"],
        );
    }
}
