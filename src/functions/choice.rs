//! `choice`: one of a few values, each as often as its weight says.

use super::literal::check_all;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static CHOICE: Function = Function {
    name: "choice",
    summary: "Replace a value by one of a few, each as often as its weight says",
    parameters: &[Parameter {
        name: "values",
        help: "a list of values, all of one weight, or a table from values to weights, such as `{ gold = 1, silver = 9 }`; \
               in the text form that Postgres reads for the column's type; default the labels of an enum",
    }],
    example: Example {
        rule: r#"{ fn = "choice", values = { gold = 1, silver = 3, bronze = 6 } }"#,
        ty: PgType::Text,
        input: "platinum",
        output: Some("gold"),
    },
    domain: "choice",
    domain_by: Some("choice"),
    takes: |_| true,
    takes_text: "any type",
    build,
};

struct Choice {
    key: DomainKey,
    /// The values, each with the share of it and of those before it, of 2⁶⁴.
    values: Vec<(String, u64)>,
}

impl TextMask for Choice {
    fn mask(&self, _value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        let drawn = u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"));
        let at = self.values.partition_point(|(_, share)| *share <= drawn);
        out.push_str(&self.values[at.min(self.values.len() - 1)].0);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let weighted = weighted(build)?;
    if let PgType::Enum(kind) = build.ty.base()
        && let Some((value, _)) = weighted.iter().find(|(value, _)| !kind.labels.contains(value))
    {
        return Err(Refusal::new(format!("`{value}` is no label of the enum `{}`", kind.name))
            .hint(format!("its labels are {}", kind.labels.join(", "))));
    }
    check_all(build, weighted.iter().map(|(value, _)| value.as_str()))?;
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    if weighted.is_empty() || total <= 0.0 {
        return Err(Refusal::new("`values` has no value with a weight")
            .hint("list some, such as `values = [\"a\", \"b\"]`"));
    }
    let mut sum = 0.0;
    let longest = weighted.iter().map(|(value, _)| value.chars().count()).max().unwrap_or(0);
    let values = weighted.into_iter().filter(|(_, weight)| *weight > 0.0).map(|(value, weight)| {
        sum += weight;
        // A cast of what is out of range saturates, so the last share is all of it.
        (value, (sum / total * 2f64.powi(64)) as u64)
    });
    let mask = Choice { key: build.key.clone(), values: values.collect() };
    Ok(Built::text(mask, Uniqueness::None, Some(longest as u32)))
}

/// The values and their weights.
fn weighted(build: &Build<'_>) -> Result<Vec<(String, f64)>, Refusal> {
    use toml::Value;
    let wrong = || {
        Refusal::new("`values` is neither a list of strings nor a table from strings to weights")
            .hint("such as `values = [\"a\", \"b\"]` or `values = { a = 1, b = 9 }`")
    };
    let weighted: Vec<(String, f64)> = match (build.parameters.0.get("values"), build.ty.base()) {
        (None, PgType::Enum(kind)) => kind.labels.iter().map(|label| (label.clone(), 1.0)).collect(),
        (None, _) => {
            return Err(Refusal::new("`choice` has no `values`").hint("add `values = [\"…\", \"…\"]`"));
        }
        (Some(Value::Array(list)), _) => {
            let text = |value: &Value| match value {
                Value::String(text) => Some((text.clone(), 1.0)),
                Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => Some((value.to_string(), 1.0)),
                _ => None,
            };
            list.iter().map(text).collect::<Option<_>>().ok_or_else(wrong)?
        }
        (Some(Value::Table(table)), _) => {
            let weight = |value: &Value| {
                let weight = value.as_float().or(value.as_integer().map(|integer| integer as f64));
                weight.filter(|weight| *weight >= 0.0 && *weight <= 1e15)
            };
            let entry = |(name, value): (&String, &Value)| Some((name.clone(), weight(value)?));
            table.iter().map(entry).collect::<Option<_>>().ok_or_else(wrong)?
        }
        (Some(_), _) => return Err(wrong()),
    };
    match weighted.iter().any(|(value, _)| value.contains('\0')) {
        true => {
            Err(Refusal::new("`values` holds a NUL character").hint("Postgres stores none; leave it out"))
        }
        false => Ok(weighted),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::functions::test_support::Tester;
    use crate::schema::QualifiedName;
    use crate::schema::types::EnumType;

    fn mood() -> PgType {
        let labels = vec!["happy".into(), "sad".into()];
        PgType::Enum(Arc::new(EnumType { name: QualifiedName::new("public", "mood"), labels }))
    }

    fn shares(rule: &str, ty: PgType) -> BTreeMap<String, usize> {
        let tester = Tester::new(&CHOICE, rule, ty);
        let mut shares = BTreeMap::new();
        for n in 0..10_000 {
            *shares.entry(tester.masked(&n.to_string()).unwrap()).or_default() += 1;
        }
        shares
    }

    #[test]
    fn values_come_as_often_as_their_weights_say() {
        let shares = shares("values = { a = 1, b = 3, c = 0, d = 0.001 }", PgType::Text);
        assert!((2300..2700).contains(&shares["a"]) && (7300..7700).contains(&shares["b"]), "{shares:?}");
        assert!(!shares.contains_key("c"));
    }

    #[test]
    fn an_enum_has_its_labels() {
        assert_eq!(shares("", mood()).len(), 2);
        assert_eq!(
            Tester::refused(&CHOICE, "values = ['glad']", mood()),
            "`glad` is no label of the enum `public.mood`"
        );
    }

    #[test]
    fn a_wrong_rule_is_refused() {
        assert!(Tester::refused(&CHOICE, "values = [7, 'x']", PgType::Int4).contains("value 2 of the list"));
        for rule in
            ["", "values = []", "values = 1", "values = [[1]]", "values = { a = -1 }", "values = { a = 0 }"]
        {
            Tester::refused(&CHOICE, rule, PgType::Text);
        }
    }
}
