//! Chile: the RUT of people and firms.

use crate::functions::check_characters::digit;
use crate::functions::scheme::Scheme;

/// Seven or eight digits, and one of modulo 11 with the weights 2 to 7, or K for ten (Servicio de Impuestos Internos).
pub static RUT: Scheme = Scheme {
    name: "rut",
    invalid: "is not a Chilean RUT",
    forms: &["[1-9]9999999#", "[1-9]999999#"],
    ranked: &[],
    complete: |_, number| {
        let (last, payload) = number.split_last_mut().expect("every form has digits");
        let weights = (2..=7).cycle();
        let sum: u32 =
            payload.iter().rev().zip(weights).map(|(&c, weight)| u32::from(c - b'0') * weight).sum();
        *last = match (11 - sum % 11) % 11 {
            10 => b'K',
            check => digit(check),
        };
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("CL", "rut", &["12.531.909-2", "76.086.428-5", "9.007.920-4"], &["12.531.909-3", "12531909A"]);
    }
}
