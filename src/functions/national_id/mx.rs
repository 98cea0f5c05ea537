//! Mexico: the code of the population register (CURP).

use crate::functions::scheme::Scheme;

/// Letters of the name, date of birth, sex, state, consonants of the name, a sign of the century, and a digit (RENAPO).
pub static CURP: Scheme = Scheme {
    name: "curp",
    invalid: "is not a Mexican CURP",
    forms: &["AAAA999999[HMX]AA[B-DF-HJ-NP-TV-Z][B-DF-HJ-NP-TV-Z][B-DF-HJ-NP-TV-Z]X#"],
    ranked: &[],
    complete: |_, number| {
        // The letters are those of the Spanish alphabet, where Ñ comes after N.
        let value = |character: u8| match character {
            b'0'..=b'9' => u32::from(character - b'0'),
            b'A'..=b'N' => u32::from(character - b'A') + 10,
            _ => u32::from(character - b'A') + 11,
        };
        let sum: u32 = number[..17].iter().zip((2..=18).rev()).map(|(&c, weight)| value(c) * weight).sum();
        number[17] = b'0' + ((10 - sum % 10) % 10) as u8;
        super::starts_with_date(&number[4..10])
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("MX", "curp", &["BOXW310820HNERXN09"], &["BOXW310820HNERXN08", "BOXW311320HNERXN09"]);
    }
}
