//! `first_name`: a given name from a word list.

use super::genders::{GENDER, GENDER_FROM};
use super::phrase::{Choice, GivenNameMask, MAX_LENGTH, Slot};
use super::words::{LOCALE, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static FIRST_NAME: Function = Function {
    name: "first_name",
    summary: "Replace a given name by another",
    parameters: &[GENDER, GENDER_FROM, LOCALE, MAX_LENGTH],
    example: Example { rule: r#""first_name""#, ty: PgType::Text, input: "Ana", output: Some("Lincoln") },
    domain: "first_name",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let words = locale(build.parameters)?;
        GivenNameMask::build(build, words, "{FirstName}", |names| {
            vec![Slot { name: "FirstName", draw: 0, choice: Choice::Words(names) }]
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::genders::Gender;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_name_of_the_same_gender_is_kept_as_such() {
        let masked = Tester::new(&FIRST_NAME, "gender = 'keep'", PgType::Text);
        let female = Tester::new(&FIRST_NAME, "gender = 'female'", PgType::Text);
        for name in ["Mary", "LINDA", "Barbara", "Susan"] {
            assert_eq!(masked.masked(name), female.masked(name));
        }
        assert_ne!(masked.masked("John"), female.masked("John"));
        assert_eq!(Gender::of("female"), Some(Gender::Female));
    }

    #[test]
    fn a_rule_that_cannot_be_met_is_refused() {
        let refused = |rule| Tester::refused(&FIRST_NAME, rule, PgType::Text);
        assert!(refused("gender = 'male'\nlocale = 'ar_SA'").contains("ar_SA"));
        assert!(refused("gender = 'male'\ngender_from = 'sex'").contains("both"));
        assert!(refused("gender = 'mail'").contains("no choice"));
        assert!(refused("locale = 'xx_XX'").contains("locale"));
    }
}
