//! `gender`: a gender as columns write it.

use super::draws::place;
use super::genders::SPELLINGS;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static GENDER: Function = Function {
    name: "gender",
    summary: "Replace a gender by one drawn by lot, in the spelling of the original; with `by`, each owner's by its own lot",
    parameters: &[Parameter {
        name: "values",
        help: "the values to draw from, such as [\"F\", \"M\", \"X\"]; default the original and its counterpart, for female and \
               male in the spellings of many languages",
    }],
    example: Example { rule: r#""gender""#, ty: PgType::Text, input: "Female", output: Some("Male") },
    domain: "gender",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Which eight bytes of the digest draw it; those before draw the names of a person.
const DRAW: usize = 3;

struct Gender {
    key: DomainKey,
    values: Option<Vec<String>>,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for Gender {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let drawn = |len: usize| place(&self.key.prf(subject), DRAW, len);
        if let Some(values) = &self.values {
            out.push_str(&values[drawn(values.len())]);
            return Ok(());
        }
        let lower_case = value.to_lowercase();
        let spelling =
            SPELLINGS.iter().find(|(female, male)| [*female, *male].contains(&lower_case.as_str()));
        let (female, male) = spelling.ok_or("is no spelling of female or male that is known")?;
        let word = [*female, *male][drawn(2)];
        if word.chars().count() > self.limit {
            return Err("is a gender whose counterpart is too long for the column");
        }
        push_in_case_of(value, word, out);
        Ok(())
    }
}

/// Appends `word`, which is in lower case, in the case of `value`.
fn push_in_case_of(value: &str, word: &str, out: &mut String) {
    let mut letters = value.chars().filter(|letter| letter.is_alphabetic());
    let first = letters.next().is_some_and(char::is_uppercase);
    match (first, first && letters.all(char::is_uppercase)) {
        (false, _) => out.push_str(word),
        (true, true) => out.extend(word.chars().flat_map(char::to_uppercase)),
        (true, false) => {
            let mut letters = word.chars();
            out.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(letters.as_str());
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let wrong = || {
        Refusal::new("`values` is not a list of two texts or more")
            .hint("write `values = [\"F\", \"M\", \"X\"]`")
    };
    let values = match build.parameters.0.get("values") {
        None => None,
        Some(toml::Value::Array(values)) if values.len() > 1 => {
            let values = values.iter().map(|value| value.as_str().map(str::to_string));
            Some(values.collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
        }
        Some(_) => return Err(wrong()),
    };
    let longest = match &values {
        Some(values) => values.iter().map(|value| value.chars().count()).max(),
        None => SPELLINGS.iter().flat_map(|(one, other)| [one, other]).map(|word| word.chars().count()).max(),
    };
    let longest = longest.unwrap_or(0) as u32;
    let limit = build.ty.max_chars().filter(|_| values.is_none()).unwrap_or(longest).min(longest);
    let mask = Gender { key: build.key.clone(), values, limit: limit as usize };
    Ok(Built::text(mask, Uniqueness::None, Some(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn owners_get_one_of_both_in_the_spelling_of_the_value() {
        let results = |value: &str| -> std::collections::BTreeSet<String> {
            let owners = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
            owners.map(|owner| Tester::new(&GENDER, "", PgType::Text).by(owner).masked(value).unwrap()).into()
        };
        assert_eq!(Vec::from_iter(results("F")), ["F", "M"]);
        assert_eq!(Vec::from_iter(results("Male")), ["Female", "Male"]);
        assert_eq!(Vec::from_iter(results("FEMME")), ["FEMME", "HOMME"]);
        assert_eq!(Vec::from_iter(results("1")), ["1", "2"]);
    }

    #[test]
    fn an_unknown_spelling_is_invalid_unless_values_are_given() {
        assert!(Tester::new(&GENDER, "", PgType::Text).masked("X").is_err());
        let given = Tester::new(&GENDER, "values = ['F', 'M', 'X']", PgType::Text);
        assert!("FMX".contains(&given.masked("unknown").unwrap()));
        assert!(Tester::refused(&GENDER, "values = ['F']", PgType::Text).contains("values"));
    }
}
