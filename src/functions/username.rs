//! `username`: a login name.

use super::genders::GENDER_FROM;
use super::person::{People, Tag, UNIQUE};
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::row::Row;
use super::words::LOCALE;
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static USERNAME: Function = Function {
    name: "username",
    summary: "Replace a login name by another; with `by`, it begins with the name that the owner gets",
    parameters: &[GENDER_FROM, LOCALE, MAX_LENGTH, UNIQUE],
    example: Example {
        rule: r#""username""#,
        ty: PgType::Text,
        input: "asilva",
        output: Some("uccdcd6fbh3"),
    },
    domain: "username",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Username {
    key: DomainKey,
    people: Option<People>,
    /// The most characters of the name before the tag.
    name_chars: usize,
    tag: Tag,
}

impl TextMask for Username {
    fn mask_in_row(
        &self,
        _value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        let start = out.len();
        if let Some(people) = &self.people {
            let (first, last) = people.draw(&digest, row);
            out.extend(first.chars().take(1).chain(last.chars()).take(self.name_chars));
        }
        if out.len() == start {
            out.push('u');
        }
        self.tag.push(&digest, out);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let tag = Tag::new(build)?;
    let (people, inputs) = People::new(build)?;
    let least = tag.chars + 1;
    let limit = max_length(build)?.unwrap_or(usize::MAX);
    if limit < least {
        return Err(too_short(least));
    }
    let longest_name = people.as_ref().map_or(1, |people| {
        let (first, last) = people.max_chars();
        (first.min(1) + last).max(1)
    });
    let name_chars = longest_name.min(limit - tag.chars);
    let mask = Username { key: build.key.clone(), people, name_chars, tag };
    let max_chars = Some((name_chars + tag.chars) as u32);
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::Bits(tag.bits()), max_chars) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(parameters: &str, by: bool) -> Result<String, Refusal> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("person");
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        let built = build(&Build::new(&parameters, &PgType::Text, &key, by))?;
        let Masking::Text(mask) = built.masking else { unreachable!() };
        let mut out = String::new();
        mask.mask("asilva", b"7", &mut out).unwrap();
        assert!(out.len() <= built.max_chars.unwrap() as usize);
        Ok(out)
    }

    #[test]
    fn it_begins_with_a_letter_and_ends_with_a_tag() {
        assert_eq!(masked("", false).unwrap().len(), 11);
        assert_eq!(masked("unique = true", false).unwrap().len(), 27);
        let named = masked("", true).unwrap();
        assert!(named.len() > 11 && named.as_bytes()[0].is_ascii_lowercase(), "{named}");
        assert_eq!(masked("max_length = 11", true).unwrap().len(), 11);
        assert!(masked("max_length = 10", true).is_err());
    }
}
