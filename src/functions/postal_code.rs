//! `postal_code`: postal codes of the same shape.

use super::draws::Draws;
use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static POSTAL_CODE: Function = Function {
    name: "postal_code",
    summary: "Replace a postal code by another of the same shape: digits by digits, letters by letters of the same case",
    parameters: &[],
    example: Example {
        rule: r#""postal_code""#,
        ty: PgType::Text,
        input: "SW1A 2AA",
        output: Some("VG4V 4FU"),
    },
    domain: "postal_code",
    domain_by: Some("postal_code"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let mask = PostalCode { key: build.key.clone() };
        Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
    },
};

struct PostalCode {
    key: DomainKey,
}

impl TextMask for PostalCode {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if !value.is_empty() && !value.contains(char::is_alphanumeric) {
            return Err("has neither digits nor letters");
        }
        let mut draws = Draws::new(&self.key, subject);
        out.extend(value.chars().map(|character| match character {
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
        let mask = PostalCode { key: MasterKey::from_bytes(vec![0; 32]).unwrap().domain("postal_code") };
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
