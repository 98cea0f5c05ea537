//! `blank`: nothing at all.

use super::{Built, Example, Function, TextMask, Uniqueness};
use crate::schema::PgType;

pub static BLANK: Function = Function {
    name: "blank",
    summary: "Replace a value by the empty one of its type",
    parameters: &[],
    example: Example { rule: r#""blank""#, ty: PgType::Bytea, input: r"\x416e61", output: Some(r"\x") },
    domain: "blank",
    domain_by: None,
    takes: |ty| empty(ty).is_some(),
    takes_text: "`text`, `varchar`, `char`, `name`, `citext`, `bytea`, `json`, `jsonb`, arrays, `hstore`",
    build: |build| {
        let empty = empty(build.ty).unwrap_or_default();
        Ok(Built::text(Blank(empty), Uniqueness::None, build.ty.is_text().then_some(0)))
    },
};

struct Blank(&'static str);

impl TextMask for Blank {
    fn mask(&self, _value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        out.push_str(self.0);
        Ok(())
    }
}

/// The empty value of a type, where it has one.
fn empty(ty: &PgType) -> Option<&'static str> {
    match ty.base() {
        PgType::Bytea => Some("\\x"),
        PgType::Json | PgType::Jsonb | PgType::Array(_) => Some("{}"),
        PgType::Other(name) if name.name == "hstore" => Some(""),
        _ => ty.is_text().then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn each_type_has_its_own() {
        let masked = |ty: PgType| Tester::new(&BLANK, "", ty).masked("x").unwrap();
        assert_eq!(masked(PgType::Text), "");
        assert_eq!(masked(PgType::Jsonb), "{}");
        assert_eq!(masked(PgType::Array(Box::new(PgType::Int4))), "{}");
        assert!(Tester::refused(&BLANK, "", PgType::Int4).contains("does not take"));
    }
}
