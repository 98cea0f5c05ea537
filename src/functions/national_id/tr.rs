//! Türkiye: the identification number.

use crate::functions::check_characters::digit;
use crate::functions::scheme::Scheme;

/// Eleven digits; the first is not 0, the last two follow from the others (Nüfus ve Vatandaşlık İşleri).
pub static TCKN: Scheme = Scheme {
    name: "tckn",
    invalid: "is not a Turkish identification number",
    forms: &["[1-9]99999999##"],
    ranked: &[],
    complete: |_, number| {
        let digits = |from: usize, step: usize, most: usize| -> u32 {
            number[from..most].iter().step_by(step).map(|digit| u32::from(digit - b'0')).sum()
        };
        let tenth = (digits(0, 2, 9) * 7 + 90 - digits(1, 2, 9)) % 10;
        let eleventh = (digits(0, 1, 9) + tenth) % 10;
        number[9..].copy_from_slice(&[digit(tenth), digit(eleventh)]);
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("TR", "tckn", &["17291716060"], &["17291716050", "07291716092"]);
    }
}
