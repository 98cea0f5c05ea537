//! Spain: the national identity document (DNI), the number of foreigners (NIE), and the tax number of firms (CIF).

use crate::functions::check_characters::{digit, luhn};
use crate::functions::scheme::Scheme;

/// Eight digits, or X, Y or Z and seven, and a letter by the remainder modulo 23, where X, Y and Z count as 0, 1 and 2
/// (Real Decreto 1553/2005; Orden INT/2058/2008).
pub static DNI: Scheme = Scheme {
    name: "dni",
    invalid: "is not a Spanish DNI or NIE",
    forms: &["99999999#", "[XYZ]9999999#"],
    ranked: &[],
    complete: |_, number| {
        let first = number[0].wrapping_sub(b'X').min(number[0].wrapping_sub(b'0'));
        let remainder = (u64::from(first) * 10_000_000 + super::number(&number[1..8])) % 23;
        number[8] = b"TRWAGMYFPDXBNJZSQVHLCKE"[remainder as usize];
        true
    },
};

/// A letter for the kind of firm, seven digits, and a check character over them: Luhn's digit, or the letter of that place
/// for foreign firms, public bodies and others (Orden EHA/451/2008; Decreto 2423/1975). Kinds that have either stay among
/// those with the same.
pub static CIF: Scheme = Scheme {
    name: "cif",
    invalid: "is not a Spanish tax number of a firm (CIF)",
    forms: &["[ABCDEFGHJUV]9999999#", "[CDFGJNPQRSUVW]9999999#"],
    ranked: &[],
    complete: |form, number| {
        let check = luhn(&number[1..8]);
        number[8] = if form == 0 { check } else { b"JABCDEFGHI"[usize::from(check - digit(0))] };
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "ES",
            "dni",
            &["54362315K", "54362315-k", "X-2482300W", "x2482300w"],
            &["54362315Z", "X2482300A", "W2482300W"],
        );
        check(
            "ES",
            "cif",
            &["A58818501", "J99216582", "P-0800000-B", "Q2876031B"],
            &["A58818502", "P08000002", "K0000000A", "58818501A"],
        );
    }
}
