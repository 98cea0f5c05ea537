//! Denmark: the CPR number.

use crate::functions::scheme::Scheme;

/// Date of birth and four digits; since 2007 they need not have a check digit (CPR-kontoret).
pub static CPR: Scheme = Scheme {
    name: "cpr",
    invalid: "is not a Danish CPR number",
    forms: &["9999999999"],
    ranked: &[],
    complete: |_, number| {
        super::is_date(super::number(&number[2..4]) as u32, super::number(&number[..2]) as u32)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("DK", "cpr", &["211062-5629", "2110625629"], &["511062-5629", "211362-5629"]);
    }
}
