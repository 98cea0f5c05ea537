//! `bic`: codes of banks.

use super::layout::{Layout, Permuter};
use super::scheme::{Numbers, any};
use super::spelling::Spelling;
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static BIC: Function = Function {
    name: "bic",
    summary: "Replace a bank's code (BIC, SWIFT) by another of the same country, one to one; `XXX`, which stands for the \
              head office, stays; a country has 592 million codes, and a bank 46,655 branches",
    parameters: &[],
    example: Example {
        rule: r#""bic""#,
        ty: PgType::Text,
        input: "DEUTDEFF500",
        output: Some("YQGKDEJPNLS"),
    },
    domain: "bic",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Eight characters of bank, country and place, then three of the branch or none (ISO 9362).
struct Bic {
    bank: Numbers,
    branch: Permuter,
}

const INVALID: &str = "is not a BIC of 8 or 11 characters";

impl TextMask for Bic {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut spelling = Spelling::read(value, b"", self.bank.ignores_case).ok_or(INVALID)?;
        let (bank, branch) = spelling.chars().split_at_mut_checked(8).ok_or(INVALID)?;
        // The country's letters tell lower case from upper case whatever the rest becomes.
        let bank_is_valid = self.bank.permute(bank, false);
        let branch_is_valid = match &*branch {
            b"" | b"XXX" => true,
            _ => self.branch.permute(branch, |branch| branch != b"XXX"),
        };
        if !(bank_is_valid && branch_is_valid) {
            return Err(INVALID);
        }
        spelling.write(out);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    // Nearly all banks have letters only; those are to stay among themselves.
    let layouts = [Layout::parse("AAAAAAXX")?, Layout::parse("XXXXAAXX")?].map(|layout| layout.keeping(4..6));
    let complete = Box::new(|form: usize, code: &mut [u8]| any(form, code));
    let bank = Numbers::new(layouts, complete, b"", INVALID, build);
    let mask = Bic { bank, branch: Permuter::new(Layout::parse("XXX")?, build.key) };
    Ok(Built::text(mask, Uniqueness::Injective, build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_code_becomes_another_of_its_country_and_offices_agree() {
        let mask = Tester::new(&BIC, "", PgType::Text);
        let bank = mask.masked("DEUTDEFF").unwrap();
        assert!(
            bank != "DEUTDEFF"
                && bank[4..6] == *"DE"
                && bank[..4].bytes().all(|byte| byte.is_ascii_uppercase())
        );
        assert_eq!(mask.masked("DEUTDEFFXXX").unwrap(), format!("{bank}XXX"));
        let branch = mask.masked("DEUTDEFF500").unwrap();
        assert!(branch.starts_with(&bank) && !branch.ends_with("500"));
        assert_eq!(mask.masked("deutdeff").unwrap(), bank.to_lowercase());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let mask = Tester::new(&BIC, "", PgType::Text);
        for value in ["", "DEUTDEF", "DEUTDEFF5", "DEUT1EFF", "DEUTDEFF-00", "DEUTDEFF5000"] {
            assert_eq!(mask.masked(value), Err(INVALID), "{value}");
        }
    }
}
