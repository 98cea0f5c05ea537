//! Finland: the personal identity code.

use crate::functions::scheme::Scheme;

/// Date of birth, a sign of the century, three digits, and a character by the number modulo 31 (Digital and Population
/// Data Services Agency; signs as of 2023).
pub static HETU: Scheme = Scheme {
    name: "hetu",
    invalid: "is not a Finnish personal identity code",
    forms: &["999999[A-FU-Y]{002-999}#", "999999{002-999}#"],
    ranked: &[],
    complete: |_, number| {
        let len = number.len();
        let payload = super::number(&number[..6]) * 1000 + super::number(&number[len - 4..len - 1]);
        number[len - 1] = b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(payload % 31) as usize];
        super::is_date(super::number(&number[2..4]) as u32, super::number(&number[..2]) as u32)
    },
};

#[cfg(test)]
mod tests {
    use crate::functions::national_id::tests::check;

    #[test]
    fn numbers_become_others_of_their_kind() {
        check("FI", "hetu", &["131052-308T", "131052A308T"], &["131052-308U", "310252-308T"]);
    }
}
