//! `fixed`: one value for all.

use super::literal::is_literal;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static FIXED: Function = Function {
    name: "fixed",
    summary: "Replace every value by the same one",
    parameters: &[Parameter {
        name: "value",
        help: "the value, in the text form that Postgres reads for the column's type; required",
    }],
    example: Example {
        rule: r#"{ fn = "fixed", value = "n/a" }"#,
        ty: PgType::Text,
        input: "likes tea",
        output: Some("n/a"),
    },
    domain: "fixed",
    domain_by: None,
    takes: |_| true,
    takes_text: "any type",
    build,
};

struct Fixed(String);

impl TextMask for Fixed {
    fn mask(&self, _value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        out.push_str(&self.0);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    use toml::Value;
    let value = match build.parameters.0.get("value") {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_))) => {
            value.to_string()
        }
        Some(_) => {
            return Err(Refusal::new("`value` is not a single value")
                .hint("write it as a string in the text form that Postgres reads, such as \"{1,2}\""));
        }
        None => {
            return Err(Refusal::new("`fixed` has no `value`").hint("add `value = \"…\"`"));
        }
    };
    if value.contains('\0') {
        return Err(Refusal::new("`value` holds a NUL character").hint("Postgres stores none; leave it out"));
    }
    if build.is_column && !is_literal(build.ty, &value) {
        return Err(Refusal::new(format!("`value` is no value of the type `{}`", build.ty))
            .hint("write it as a dump has it, dates in ISO form; a value in quotes is taken as it is"));
    }
    let chars = value.chars().count() as u32;
    Ok(Built::text(Fixed(value), Uniqueness::None, Some(chars)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_value_is_that_of_the_column_or_is_refused() {
        assert_eq!(Tester::new(&FIXED, "value = 7", PgType::Int2).masked("1"), Ok("7".into()));
        assert_eq!(
            Tester::new(&FIXED, "value = 1970-01-01", PgType::Date).masked("x"),
            Ok("1970-01-01".into())
        );
        let refused = |rule: &str, ty| Tester::refused(&FIXED, rule, ty);
        assert!(refused("value = 'n/a'", PgType::Int4).contains("no value of the type `integer`"));
        assert!(refused("value = 1000", PgType::Numeric(Some((5, 2)))).contains("numeric(5,2)"));
        assert!(refused("value = [1]", PgType::Text).contains("single"));
        assert!(refused("value = \"a\\u0000\"", PgType::Text).contains("NUL"));
    }
}
