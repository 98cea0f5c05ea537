//! Belgium: the number of the national register.

use crate::functions::scheme::Scheme;

/// Date of birth, three digits, and 97 less the number modulo 97, which for those born since 2000 has a 2 before it
/// (Koninklijk besluit 3 april 1984). Months may have 20 or 40 more (bis numbers).
pub static NATIONAL_NUMBER: Scheme = Scheme {
    name: "national_number",
    invalid: "is not a Belgian national number",
    forms: &["999999{001-998}##", "999999{001-998}##"],
    ranked: &[],
    complete: |form, number| {
        let payload = super::number(&number[..9]) + if form == 0 { 0 } else { 2_000_000_000 };
        number[9..].copy_from_slice(&super::two_digits(97 - payload % 97));
        let (month, day) = (super::number(&number[2..4]), super::number(&number[4..6]));
        let month = if month > 40 {
            month - 40
        } else if month > 20 {
            month - 20
        } else {
            month
        };
        day == 0 && month <= 12 || month == 0 && day <= 31 || super::is_date(month as u32, day as u32)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check(
            "BE",
            "national_number",
            &["85.07.30-033.28", "17 07 30 033 84"],
            &["85.07.30-033.29", "85.13.30-033.28"],
        );
    }
}
