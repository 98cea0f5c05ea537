//! Italy: the tax code of people, and the VAT number of firms.

use crate::functions::check_characters::{character, luhn, value};
use crate::functions::scheme::Scheme;

/// Letters of the name, year, month, day and place of birth, and a check letter (Decreto ministeriale 23 dicembre 1976).
/// Codes in which letters stand for digits, so that two people have not the same, stay among themselves.
pub static CODICE_FISCALE: Scheme = Scheme {
    name: "codice_fiscale",
    invalid: "is not an Italian tax code",
    forms: &[
        "AAAAAA99[A-EHLMPR-T][0-7]9[A-MZ]999#",
        "AAAAAA[0-9LMNPQRSTUV][0-9LMNPQRSTUV][A-EHLMPR-T][0-7LMNPQRST][0-9LMNPQRSTUV][A-MZ][0-9LMNPQRSTUV]\
         [0-9LMNPQRSTUV][0-9LMNPQRSTUV]#",
    ],
    ranked: &[],
    complete: |_, number| {
        number[15] = check_letter(&number[..15]);
        let day = of_digit(number[9]) * 10 + of_digit(number[10]);
        matches!(day, 1..=31 | 41..=71)
    },
};

/// Eleven digits; the last is Luhn's (Agenzia delle Entrate).
pub static PARTITA_IVA: Scheme = Scheme {
    name: "partita_iva",
    invalid: "is not an Italian VAT number",
    forms: &["9999999999#"],
    ranked: &[],
    complete: |_, number| {
        number[10] = luhn(&number[..10]);
        number[..7] != *b"0000000"
    },
};

/// The check letter, which bank accounts have as well.
pub fn check_letter(payload: &[u8]) -> u8 {
    // Places are counted from one: an odd place has an even index.
    let weight = |(at, &c): (usize, &u8)| if at % 2 == 0 { ODD[of(c)] } else { of(c) as u32 };
    let sum: u32 = payload.iter().enumerate().map(weight).sum();
    character(10 + sum % 26)
}

/// What a digit or a letter counts at an even place, where A is 0 as well.
fn of(character: u8) -> usize {
    value(character) as usize - if character.is_ascii_digit() { 0 } else { 10 }
}

/// What it counts at an odd place.
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// The digit that a character of a number is, or that a letter stands for.
fn of_digit(character: u8) -> u32 {
    let letter = b"LMNPQRSTUV".iter().position(|letter| *letter == character);
    letter.map_or_else(|| value(character), |at| at as u32)
}

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        let valid = ["RCCMNL83S18D969H", "rccmnl83s18d969h", "MRT MTT 25D09 F205 Z"];
        check("IT", "codice_fiscale", &valid, &["RCCMNL83S18D969", "RCCMNL83S18D969X", "RCCMNL83S38D969H"]);
        check("IT", "partita_iva", &["00743110157"], &["00743110158"]);
    }
}
