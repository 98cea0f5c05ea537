//! France: the number of social security (NIR).

use crate::functions::scheme::Scheme;

/// Sex, year, month and place of birth, an order, and a key of two digits that may be missing: 97 less the number modulo
/// 97, where Corsica's 2A and 2B count as 19 and 18 (INSEE; Code de la sécurité sociale, R. 115-1). Numbers with a month
/// that is none, given where it is not known, and those of strangers and for a time stay among themselves.
pub static NIR: Scheme = Scheme {
    name: "nir",
    invalid: "is not a French social security number (NIR)",
    forms: &[
        "[12]99{01-12}{01-99}999999##",
        "[12]99{01-12}2[AB]999999##",
        "[1-478]999999999999##",
        "[1-478]99992[AB]999999##",
        "[12]99{01-12}{01-99}999999",
        "[12]99{01-12}2[AB]999999",
        "[1-478]999999999999",
        "[1-478]99992[AB]999999",
    ],
    ranked: &[],
    complete: |_, number| {
        let mut digits: [u8; 13] = number[..13].try_into().expect("every form has as many");
        match digits[6] {
            b'A' => digits[5..7].copy_from_slice(b"19"),
            b'B' => digits[5..7].copy_from_slice(b"18"),
            _ => {}
        }
        let key = super::two_digits(97 - super::number(&digits) % 97);
        number[13..].iter_mut().zip(key).for_each(|(place, digit)| *place = digit);
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        let valid = [
            "2 95 10 99 126 111 93",
            "253072B07300470",
            "253072A07300443",
            "1 50 20 75 116 001",
            "2950099126111",
        ];
        check("FR", "nir", &valid, &["295109912611194", "95109912611193", "253072C07300443"]);
    }
}
