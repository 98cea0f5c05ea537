//! Sweden: personal identity numbers.

use crate::functions::check_characters::luhn;
use crate::functions::scheme::Scheme;

/// Date of birth, with the century or without, three digits and one of Luhn's over the last ten; a coordination number
/// has 60 more as its day (Folkbokföringslag 1991:481, 18 §).
pub static PERSONNUMMER: Scheme = Scheme {
    name: "personnummer",
    invalid: "is not a Swedish personal identity number",
    forms: &["999999999#", "{18-20}999999999#"],
    ranked: &[],
    complete: |_, number| {
        let (rest, last) = number.split_at_mut(number.len() - 1);
        let payload = &rest[rest.len() - 9..];
        last[0] = luhn(payload);
        let day = super::number(&payload[4..6]) as u32;
        super::is_date(super::number(&payload[2..4]) as u32, if day > 60 { day - 60 } else { day })
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "SE",
            "personnummer",
            &["880320-0016", "19880320-0016", "811228-9874", "701063-2391"],
            &["880320-0018", "881320-0016"],
        );
    }
}
