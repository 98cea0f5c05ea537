//! `postal_code`: postal codes of the same shape.

use super::draws::Draws;
use super::phrase::{MAX_LENGTH, max_length};
use super::places::{ADDRESS, Part, PlaceMask};
use super::words::{LOCALE, locale};
use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static POSTAL_CODE: Function = Function {
    name: "postal_code",
    summary: "Replace a postal code by another of the same shape: digits by digits, letters by letters of the same case; with \
              `by`, by one of the owner's city",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example {
        rule: r#""postal_code""#,
        ty: PgType::Text,
        input: "SW1A 2AA",
        output: Some("VO8W 8GZ"),
    },
    domain: "postal_code",
    domain_by: Some(ADDRESS),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        if build.by {
            return PlaceMask::build(build, Part::PostalCode);
        }
        locale(build.parameters)?;
        let limit = max_length(build)?;
        let mask = PostalCode { key: build.key.clone(), limit: limit.unwrap_or(usize::MAX) };
        Ok(Built::text(mask, Uniqueness::None, limit.map(|limit| limit as u32).or(build.ty.max_chars())))
    },
};

struct PostalCode {
    key: DomainKey,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for PostalCode {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if !value.is_empty() && !value.contains(char::is_alphanumeric) {
            return Err("has neither digits nor letters");
        }
        let mut draws = Draws::new(&self.key, subject);
        out.extend(value.chars().take(self.limit).map(|character| match character {
            _ if character.is_numeric() => draws.digit(0),
            _ if character.is_alphabetic() => draws.letter(character.is_uppercase()),
            separator => separator,
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    #[test]
    fn the_shape_stays() {
        let mask = PostalCode {
            key: MasterKey::from_bytes(vec![0; 32]).unwrap().domain("postal_code"),
            limit: usize::MAX,
        };
        let mut out = String::new();
        mask.mask("SW1a 2Aé-٣", b"owner", &mut out).unwrap();
        let shape: String = out
            .chars()
            .map(|c| match c {
                '0'..='9' => '0',
                'A'..='Z' => 'A',
                'a'..='z' => 'a',
                other => other,
            })
            .collect();
        assert_eq!(shape, "AA0a 0Aa-0");
        assert!(mask.mask("--", b"owner", &mut out).is_err());
    }
}
