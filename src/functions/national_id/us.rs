//! The United States: social security numbers, and the taxpayer and employer numbers of the IRS.

use crate::functions::scheme::Scheme;

/// Numbers that can be issued: no area 000, 666 or 900 to 999, no group 00, no serial 0000 (SSA, "Social Security Number
/// Randomization"); all other numbers of nine digits, which are nobody's, stay among themselves.
pub static SSN: Scheme = Scheme {
    name: "ssn",
    invalid: "is not nine digits, as a social security number is",
    forms: &["999999999", "999999999"],
    ranked: &[],
    complete: |form, number| form > 0 || can_be_issued(number),
};

/// Nine digits that begin with 9, with a group from 50 to 65, 70 to 88, 90 to 92 or 94 to 99 (IRS, Publication 1915).
pub static ITIN: Scheme = Scheme {
    name: "itin",
    invalid: "is not a US individual taxpayer number (ITIN)",
    forms: &["999999999"],
    ranked: &[],
    complete: |_, number| {
        number[0] == b'9' && matches!(super::number(&number[3..5]), 50..=65 | 70..=88 | 90..=92 | 94..=99)
    },
};

/// Nine digits with a prefix that a campus of the IRS gives (IRS, "How EINs are assigned and valid EIN prefixes").
pub static EIN: Scheme = Scheme {
    name: "ein",
    invalid: "is not a US employer identification number (EIN)",
    forms: &["999999999"],
    ranked: &[],
    complete: |_, number| {
        let prefix = super::number(&number[..2]);
        !matches!(prefix, 0 | 7..=9 | 17..=19 | 28..=29 | 49 | 69..=70 | 78..=79 | 89 | 96..=97)
    },
};

fn can_be_issued(number: &[u8]) -> bool {
    let (area, group, serial) = (&number[..3], &number[3..5], &number[5..]);
    !matches!(area, b"000" | b"666") && area[0] != b'9' && group != b"00" && serial != b"0000"
}

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "US",
            "ssn",
            &["536-90-4399", "536904399", "078 05 1120", "000-00-0000", "987-65-4320"],
            &["536-90-439", "x"],
        );
        check("US", "itin", &["912-90-3456"], &["123-45-6789", "912-93-4567"]);
        check("US", "ein", &["91-1144442"], &["07-1144442"]);
    }
}
