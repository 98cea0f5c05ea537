//! Brazil: the taxpayer numbers of people (CPF) and of firms (CNPJ).

use crate::functions::check_characters::digit;
use crate::functions::scheme::Scheme;

/// Nine digits and two of modulo 11; not all of them the same (Receita Federal).
pub static CPF: Scheme = Scheme {
    name: "cpf",
    invalid: "is not a Brazilian CPF",
    forms: &["999999999##"],
    ranked: &[],
    complete: |_, number| {
        number[9] = check(&number[..9], 11);
        number[10] = check(&number[..10], 11);
        number.iter().any(|digit| *digit != number[0])
    },
};

/// Twelve digits, or since 2026 digits and letters, and two digits of modulo 11 with the weights 2 to 9, where letters
/// count as their ASCII code less 48 (Instrução Normativa RFB 2.229/2024).
pub static CNPJ: Scheme = Scheme {
    name: "cnpj",
    invalid: "is not a Brazilian CNPJ",
    forms: &["999999999999##", "XXXXXXXXXXXX##"],
    ranked: &[],
    complete: |_, number| {
        number[12] = check(&number[..12], 9);
        number[13] = check(&number[..13], 9);
        number.iter().any(|digit| *digit != number[0])
    },
};

/// The check digit: weights from 2 to `most` from the right, again and again.
fn check(payload: &[u8], most: u32) -> u8 {
    let weights = (2..=most).cycle();
    let sum: u32 = payload.iter().rev().zip(weights).map(|(&c, weight)| u32::from(c - b'0') * weight).sum();
    digit(match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    })
}

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("BR", "cpf", &["390.533.447-05", "39053344705"], &["231.002.999-00", "111.111.111-11"]);
        check(
            "BR",
            "cnpj",
            &["16.727.230/0001-97", "12.ABC.345/01DE-35"],
            &["16.727.230/0001-98", "12.ABC.345/01DE-34"],
        );
    }
}
