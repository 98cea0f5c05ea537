//! Switzerland: the number of the old-age insurance (AHV, AVS).

use crate::functions::check_characters::{digit, weighted_sum};
use crate::functions::scheme::Scheme;

/// 756, nine digits, and the check digit of EAN-13 (Verordnung über die Alters- und Hinterlassenenversicherung,
/// Art. 133).
pub static AHV: Scheme = Scheme {
    name: "ahv",
    invalid: "is not a Swiss AHV number",
    forms: &["756[0-9]99999999#"],
    ranked: &[],
    complete: |_, number| {
        let sum = weighted_sum(&number[..12], &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
        number[12] = digit((10 - sum % 10) % 10);
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("CH", "ahv", &["756.9217.0769.85", "7569217076985"], &["756.9217.0769.84", "123.4567.8910.19"]);
    }
}
