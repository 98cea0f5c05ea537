//! Spain: the national identity document (DNI), and the number of foreigners (NIE).

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
    }
}
