//! Germany: the tax identification number, and the number of an identity card.

use crate::functions::check_characters::{digit, hybrid, value};
use crate::functions::national_id::steuer_id;
use crate::functions::scheme::Scheme;

/// Eleven digits; among the first ten one is there twice or three times, but never three times in a row, and no other
/// more than once; the last is that of ISO/IEC 7064, MOD 11,10 (§ 139b AO; Bundeszentralamt für Steuern). Those that
/// begin with 0 are for tests, and nobody's.
pub static STEUER_ID: Scheme = Scheme {
    name: "steuer_id",
    invalid: "is not a German tax identification number",
    forms: &[],
    ranked: &[steuer_id::RANKING, steuer_id::TEST_RANKING],
    complete: |_, number| {
        number[10] = hybrid(&number[..10], 10);
        true
    },
};

/// A letter, eight letters or digits of those that are not mistaken for others, and perhaps a digit: the weights 7, 3, 1
/// of the machine-readable zone (ICAO 9303, part 3; Personalausweisverordnung).
pub static PERSONALAUSWEIS: Scheme = Scheme {
    name: "personalausweis",
    invalid: "is not the number of a German identity card",
    forms: &[
        "[LMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z]\
         [0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z]#",
        "[LMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z]\
         [0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z][0-9CFGHJKLMNPRTV-Z]",
    ],
    ranked: &[],
    complete: |form, number| {
        if form == 0 {
            let sum: u32 =
                number[..9].iter().zip([7, 3, 1].iter().cycle()).map(|(&c, weight)| value(c) * weight).sum();
            number[9] = digit(sum % 10);
        }
        true
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "DE",
            "steuer_id",
            &["36 574 261 809", "36574261809"],
            &["36574261890", "36554266806", "11111111111"],
        );
        check(
            "DE",
            "personalausweis",
            &["T220001293", "L01X00T47", "T22000129"],
            &["T220001294", "A22000129"],
        );
    }
}
