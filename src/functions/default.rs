//! `default`: the column's own default.

use super::literal::is_literal;
use super::null;
use super::{Build, Built, Example, Function, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static DEFAULT: Function = Function {
    name: "default",
    summary: "Replace every value by the column's `DEFAULT`, or by NULL where it has none; a default that is computed, such \
              as `now()`, is refused; the example's column has none",
    parameters: &[],
    example: Example { rule: r#""default""#, ty: PgType::Text, input: "likes tea", output: None },
    domain: "default",
    domain_by: None,
    takes: |_| true,
    takes_text: "any type",
    build,
};

struct Constant(String);

impl TextMask for Constant {
    fn mask(&self, _value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        out.push_str(&self.0);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(expression) = build.default else { return Ok(null::built()) };
    match constant(expression) {
        Some(None) => Ok(null::built()),
        Some(Some(value)) if is_literal(build.ty, &value) => {
            let chars = value.chars().count() as u32;
            Ok(Built::text(Constant(value), Uniqueness::None, Some(chars)))
        }
        _ => Err(Refusal::new(
            "the column's default is computed, so that it is not known before the rows are loaded",
        )
        .hint("write `{ fn = \"fixed\", value = \"…\" }`")),
    }
}

/// The value of an SQL expression that is a constant, `None` for NULL; outer `None` for one that is computed.
fn constant(expression: &str) -> Option<Option<String>> {
    let mut text = expression.trim();
    loop {
        let without_cast = without_cast(text);
        let inner = without_cast.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let next = inner.filter(|inner| !inner.contains(['(', ')'])).unwrap_or(without_cast).trim();
        if next == text {
            break;
        }
        text = next;
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        // What is left after the quotes in pairs must not have one, or it is more than one string.
        let is_one = !inner.replace("''", "").contains('\'');
        return is_one.then(|| Some(inner.replace("''", "'")));
    }
    match text.to_ascii_lowercase().as_str() {
        "null" => return Some(None),
        "true" => return Some(Some("t".into())),
        "false" => return Some(Some("f".into())),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| Some(text.to_string()))
}

/// `expression` without the `::type` at its end.
fn without_cast(expression: &str) -> &str {
    let (mut quoted, mut cast) = (false, None);
    for (at, byte) in expression.bytes().enumerate() {
        quoted ^= byte == b'\'';
        if !quoted && expression[..at + 1].ends_with("::") {
            cast = Some(at - 1);
        }
    }
    match cast {
        Some(at) if is_type(&expression[at + 2..]) => &expression[..at],
        _ => expression,
    }
}

/// Whether it looks like the name of a type, such as `character varying(20)[]` or `public."Mood"`.
fn is_type(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " _.\"(),[]".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    #[test]
    fn constants_are_told_from_what_is_computed() {
        let is = |text: &str| Some(Some(text.to_string()));
        assert_eq!(constant("'it''s'::character varying(20)"), is("it's"));
        assert_eq!(constant("'{}'::text[]"), is("{}"));
        assert_eq!(constant("('-1'::integer)::smallint"), is("-1"));
        assert_eq!(constant("(-1.5)"), is("-1.5"));
        assert_eq!(constant("true"), is("t"));
        assert_eq!(constant("'a::b'::public.\"Mood\""), is("a::b"));
        assert_eq!(constant("NULL::text"), Some(None));
        for computed in
            ["now()", "'a' || 'b'", "nextval('s'::regclass)", "1 + 1", "CURRENT_DATE", "E'a'", "lower('A')"]
        {
            assert_eq!(constant(computed), None, "{computed}");
        }
    }

    #[test]
    fn a_column_gets_its_default_or_null() {
        let master = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let made = |default, ty: PgType| {
            let (parameters, key) = (Parameters::default(), master.domain("default"));
            let build = Build { default, ..Build::new(&parameters, &ty, &key, false) };
            DEFAULT.prepare(&build).map(|built| built.masking)
        };
        assert!(matches!(made(None, PgType::Int4), Ok(Masking::Null)));
        assert!(matches!(made(Some("0"), PgType::Int4), Ok(Masking::Text(_))));
        assert!(made(Some("'soon'::text"), PgType::Int4).is_err());
        assert!(made(Some("now()"), PgType::TimestampTz(None)).is_err());
    }
}
