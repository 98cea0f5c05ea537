//! `middle_name`: a second given name, or its initial.

use super::draws::place;
use super::genders::{GENDER, GENDER_FROM, Gendered};
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::row::Row;
use super::words::{LOCALE, locale};
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static MIDDLE_NAME: Function = Function {
    name: "middle_name",
    summary: "Replace a middle name by another, an initial by an initial",
    parameters: &[GENDER, GENDER_FROM, LOCALE, MAX_LENGTH],
    example: Example { rule: r#""middle_name""#, ty: PgType::Text, input: "M.", output: Some("K.") },
    domain: "middle_name",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Which eight bytes of the digest draw it; 0 and 1 draw the first and the last name of a person.
const DRAW: usize = 2;

struct MiddleName {
    key: DomainKey,
    names: Gendered<Vec<&'static str>>,
    by: bool,
}

impl TextMask for MiddleName {
    fn mask_in_row(
        &self,
        value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let names = self.names.choose(value, row);
        let drawn = place(&self.key.prf(subject), DRAW, names.len());
        let is_itself = !self.by && names[drawn].eq_ignore_ascii_case(value);
        let name = names[(drawn + usize::from(is_itself)) % names.len()];
        match initial_end(value) {
            Some(end) => {
                out.extend(name.chars().next());
                out.push_str(end);
            }
            None => out.push_str(name),
        }
        Ok(())
    }
}

/// What follows the letter where `value` is an initial.
fn initial_end(value: &str) -> Option<&str> {
    let mut characters = value.chars();
    characters.next().filter(|first| first.is_alphabetic())?;
    Some(characters.as_str()).filter(|rest| matches!(*rest, "" | "."))
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let limit = max_length(build)?.unwrap_or(usize::MAX);
    let fitting = |names: Vec<&'static str>| {
        let least = names.iter().map(|name| name.chars().count()).min().unwrap_or(0);
        let names: Vec<_> = names.into_iter().filter(|name| name.chars().count() <= limit).collect();
        if names.is_empty() || limit < 2 { Err(too_short(least.max(2))) } else { Ok(names) }
    };
    let (names, inputs) = Gendered::new(build, locale(build.parameters)?, fitting)?;
    let longest = names.iter().flatten().map(|name| name.chars().count()).max().unwrap_or(0).max(2);
    let mask = MiddleName { key: build.key.clone(), names, by: build.by };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, Some(longest as u32)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn an_initial_becomes_an_initial_and_a_name_a_name() {
        let mask = Tester::new(&MIDDLE_NAME, "", PgType::Text).by("7");
        let name = mask.masked("Maria").unwrap();
        assert!(name.len() > 2);
        assert_eq!(mask.masked("M."), Ok(format!("{}.", &name[..1])));
        assert_eq!(mask.masked("M").as_deref(), Ok(&name[..1]));
    }
}
