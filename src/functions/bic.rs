//! `bic`: codes of banks.

use super::layout::Layout;
use super::results::Results;
use super::scheme::{Number, Numbers, any};
use super::spelling::{Separators, Spelling};
use super::text::{Given, LANES};
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
        output: Some("MWYODEX5TNL"),
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
    branch: Numbers,
}

const INVALID: &str = "is not a BIC of 8 or 11 characters";

/// How many characters are the bank's.
const BANK_CHARS: usize = 8;

impl Bic {
    fn read<'v>(&self, value: &'v str) -> Option<Spelling<'v>> {
        Spelling::read(value, NONE, self.bank.ignores_case)
    }

    /// Replaces each of the codes, and says of each whether it is one.
    fn permute(&self, codes: &mut [Option<Spelling<'_>>]) {
        let banks = codes.iter_mut().flatten().map(|code| {
            let chars = code.chars();
            let end = chars.len().min(BANK_CHARS);
            of(&mut chars[..end])
        });
        let mut are_banks = self.bank.permute(banks).into_iter();
        retain(codes, |_| are_banks.next() == Some(true));
        let branches = codes.iter_mut().flatten().map(|code| of(&mut code.chars()[BANK_CHARS..]));
        let mut are_branches =
            self.branch.permute(branches.filter(|branch| !is_head(branch.chars))).into_iter();
        retain(codes, |code| is_head(&code.chars()[BANK_CHARS..]) || are_branches.next() == Some(true));
    }
}

/// A part of a code; the country's letters tell lower case from upper case whatever the rest becomes.
fn of(chars: &mut [u8]) -> Number<'_> {
    Number { chars, keeps_letter: false }
}

/// Whether it is what a code of the head office ends with.
fn is_head(branch: &[u8]) -> bool {
    matches!(branch, b"" | b"XXX")
}

/// Drops the codes that are none.
fn retain(codes: &mut [Option<Spelling<'_>>], mut is_code: impl FnMut(&mut Spelling<'_>) -> bool) {
    for code in codes {
        if !code.as_mut().is_some_and(&mut is_code) {
            *code = None;
        }
    }
}

impl TextMask for Bic {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut code = [self.read(value)];
        self.permute(&mut code);
        let [code] = code;
        code.ok_or(INVALID)?.write(out);
        Ok(())
    }

    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        let mut codes: [_; LANES] =
            std::array::from_fn(|lane| values.get(lane).and_then(|given| self.read(given.value)));
        self.permute(&mut codes);
        for code in &codes[..values.len()] {
            results.push(|out| code.as_ref().map(|code| code.write(out)).ok_or(INVALID));
        }
    }
}

/// Nothing separates the parts of a code.
const NONE: Separators = Separators::of(b"");

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    // Nearly all banks have letters only; those are to stay among themselves.
    let layouts = [Layout::parse("AAAAAAXX")?, Layout::parse("XXXXAAXX")?].map(|layout| layout.keeping(4..6));
    let complete = Box::new(|form: usize, code: &mut [u8]| any(form, code));
    let bank = Numbers::new(layouts, complete, NONE, INVALID, build);
    let is_branch = Box::new(|_form: usize, branch: &mut [u8]| !is_head(branch));
    let branch = Numbers::new([Layout::parse("XXX")?], is_branch, NONE, INVALID, build);
    Ok(Built::text(Bic { bank, branch }, Uniqueness::Injective, build.ty.max_chars()))
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
