//! India: Aadhaar, and the permanent account number (PAN) of the tax department.

use crate::functions::check_characters::verhoeff;
use crate::functions::scheme::Scheme;

/// Twelve digits; the first is not 0 or 1, the last is Verhoeff's, and they are not the same backwards (UIDAI).
pub static AADHAAR: Scheme = Scheme {
    name: "aadhaar",
    invalid: "is not an Aadhaar number",
    forms: &["[2-9]9999999999#"],
    ranked: &[],
    complete: |_, number| {
        number[11] = verhoeff(&number[..11]);
        !number.iter().eq(number.iter().rev())
    },
};

/// Five letters, the fourth of them the kind of holder, four digits, and a letter whose making is not published.
pub static PAN: Scheme = Scheme {
    name: "pan",
    invalid: "is not an Indian permanent account number (PAN)",
    forms: &["AAAPA{0001-9999}A", "AAA[A-CE-HJKLT]A{0001-9999}A"],
    ranked: &[],
    complete: crate::functions::scheme::any,
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("IN", "aadhaar", &["2341 2341 2346"], &["2341 2341 2347", "123412341234", "222222222222"]);
        check("IN", "pan", &["ACUPA7085R", "AAACA7085R"], &["ACUZA7085R", "ACUPA0000R", "ACUPA708RR"]);
    }
}
