//! `range`: both ends of a range, or of each range of a multirange, by a function that keeps their order.

use super::nested::{Nested, PART_TYPES, Part};
use super::row::Row;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::pg::datetime::split_date;
use crate::schema::{PgType, QualifiedName};

pub static RANGE: Function = Function {
    name: "range",
    summary: "Mask the ends of a range, or of each range of a multirange, by a function that keeps their order; what has no \
              end, what is empty, and whether an end belongs to it stay",
    parameters: &[Parameter {
        name: "bound",
        help: "the rule for ends: \"date_shift\", which shifts all ends of a value by as many days, \"truncate_to\", \
               \"round\", \"bucket\", \"clamp\" or \"keep\", or a table with one of these; required",
    }],
    example: Example {
        rule: r#"{ fn = "range", bound = { fn = "truncate_to", unit = "month", type = "date" } }"#,
        ty: PgType::Text,
        input: "[2024-01-31,2024-03-15)",
        output: Some("[2024-01-01,2024-03-01)"),
    },
    domain: "range",
    domain_by: None,
    takes: |ty| bound_type(ty).is_some() || *ty.base() == PgType::Text,
    takes_text: "ranges and multiranges of Postgres' own types, and `text` that holds the text form of one",
    build,
};

/// The functions that never turn two values round.
const KEEP_ORDER: [&str; 6] = ["bucket", "clamp", "date_shift", "keep", "round", "truncate_to"];

/// The type of the ends of a range or multirange.
fn bound_type(ty: &PgType) -> Option<PgType> {
    let PgType::Other(QualifiedName { schema, name }) = ty.base() else { return None };
    let name = name.strip_suffix("multirange").or(name.strip_suffix("range"))?;
    match (schema.as_str(), name) {
        ("pg_catalog", "int4") => Some(PgType::Int4),
        ("pg_catalog", "int8") => Some(PgType::Int8),
        ("pg_catalog", "num") => Some(PgType::Numeric(None)),
        ("pg_catalog", "date") => Some(PgType::Date),
        ("pg_catalog", "ts") => Some(PgType::Timestamp(None)),
        ("pg_catalog", "tstz") => Some(PgType::TimestampTz(None)),
        _ => None,
    }
}

struct Range {
    bound: Nested,
}

const NO_RANGE: &str = "is not a range in text form";

impl TextMask for Range {
    fn mask_in_row(
        &self,
        value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        if value == "empty" {
            out.push_str(value);
            return Ok(());
        }
        let Some(mut rest) = value.strip_prefix('{') else {
            let end = self.range(value, subject, row, out)?;
            return if end == value.len() { Ok(()) } else { Err(NO_RANGE) };
        };
        out.push('{');
        while !rest.starts_with('}') {
            let end = self.range(rest, subject, row, out)?;
            rest = &rest[end..];
            if let Some(next) = rest.strip_prefix(',').filter(|next| !next.starts_with('}')) {
                out.push(',');
                rest = next;
            } else if !rest.starts_with('}') {
                return Err(NO_RANGE);
            }
        }
        out.push('}');
        if rest.len() == 1 { Ok(()) } else { Err(NO_RANGE) }
    }
}

impl Range {
    /// Masks the range at the start of `text`, and gives its length there.
    fn range(
        &self,
        text: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<usize, &'static str> {
        let open = text.chars().next().filter(|c| matches!(c, '[' | '(')).ok_or(NO_RANGE)?;
        out.push(open);
        let (lower, lower_end) = bound(&text[1..]).ok_or(NO_RANGE)?;
        let lower = self.push_bound(lower, subject, row, out)?;
        let rest = text[1 + lower_end..].strip_prefix(',').ok_or(NO_RANGE)?;
        out.push(',');
        let (upper, upper_end) = bound(rest).ok_or(NO_RANGE)?;
        let upper = self.push_bound(upper, subject, row, out)?;
        let close = rest[upper_end..].chars().next().filter(|c| matches!(c, ']' | ')')).ok_or(NO_RANGE)?;
        out.push(close);
        // At the ends of time, a date that would be out of range is shifted the other way.
        let day = |bound: &Option<String>| split_date(bound.as_deref()?.as_bytes()).map(|(day, _)| day);
        match (day(&lower), day(&upper)) {
            (Some(lower), Some(upper)) if lower > upper => Err("has ends whose order would not stay"),
            _ => Ok(1 + lower_end + 1 + upper_end + 1),
        }
    }

    /// Appends what an end becomes, and gives it; all ends of a value have one subject, so that they are shifted alike.
    fn push_bound(
        &self,
        bound: Option<String>,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<Option<String>, &'static str> {
        let Some(bound) = bound else { return Ok(None) };
        let mut masked = String::new();
        match self.bound.mask_for(&bound, subject, row, &mut masked)? {
            Part::Masked => {}
            Part::Kept | Part::Null => masked.push_str(&bound),
        }
        let has_meaning = |c: char| matches!(c, '(' | ')' | '[' | ']' | ',' | '"' | '\\' | ' ');
        if masked.contains(has_meaning) {
            out.push('"');
            out.extend(masked.chars().filter(|c| !matches!(c, '"' | '\\')));
            out.push('"');
        } else {
            out.push_str(&masked);
        }
        Ok(Some(masked))
    }
}

/// The end at the start of `text`, `None` for none, and its length there.
fn bound(text: &str) -> Option<(Option<String>, usize)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find('"')?;
        let is_plain = !quoted[..end].contains('\\');
        return is_plain.then(|| (Some(quoted[..end].to_string()), end + 2));
    }
    let end = text.find([',', ')', ']'])?;
    let is_plain = !text[..end].contains(['"', '\\', '(', '[', '{', '}']);
    is_plain.then(|| (Some(text[..end].to_string()).filter(|bound| !bound.is_empty()), end))
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hint = "such as `bound = { fn = \"date_shift\", by = \"id\" }`";
    let Some(rule) = build.parameters.0.get("bound") else {
        return Err(Refusal::new("`range` has no `bound`").hint(format!("add the rule of its ends, {hint}")));
    };
    let function = rule.as_str().or_else(|| rule.get("fn")?.as_str()).unwrap_or_default();
    if !KEEP_ORDER.contains(&function) {
        return Err(Refusal::new(format!("`{function}` may turn the ends of a range round"))
            .hint(format!("use one of {}, {hint}", KEEP_ORDER.join(", "))));
    }
    let mut inputs = Vec::new();
    let bound = match bound_type(build.ty) {
        Some(ty) => build.nest(rule, &ty, &mut inputs)?,
        None => build.nest_for(rule, PART_TYPES, &mut inputs)?,
    };
    Ok(Built { inputs, ..Built::text(Range { bound }, Uniqueness::None, None) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(rule: &str, ty: &str, value: &str) -> Result<String, &'static str> {
        let ty = PgType::Other(QualifiedName::new("pg_catalog", ty));
        Tester::new(&RANGE, rule, ty).masked(value)
    }

    #[test]
    fn both_ends_are_shifted_alike() {
        let result = masked("bound = 'date_shift'", "daterange", "[2024-01-31,2024-03-01)").unwrap();
        let day = |text: &str| split_date(text.as_bytes()).unwrap().0;
        let (lower, upper) = result[1..result.len() - 1].split_once(',').unwrap();
        assert_ne!(lower, "2024-01-31");
        assert_eq!(day(upper) - day(lower), 30);
        let times = masked("bound = 'date_shift'", "tsrange", "(,\"2024-03-01 10:00:00\"]").unwrap();
        assert!(times.starts_with("(,\"") && times.ends_with(" 10:00:00\"]"), "{times}");
    }

    #[test]
    fn what_has_no_end_stays() {
        for value in ["empty", "(,)", "[2024-01-31,infinity)"] {
            assert_eq!(masked("bound = 'keep'", "daterange", value).unwrap(), value);
        }
        let ranges = "{[1,3),[5,9)}";
        assert_eq!(masked("bound = 'keep'", "int4multirange", ranges).unwrap(), ranges);
        assert_eq!(masked("bound = 'keep'", "int4multirange", "{}").unwrap(), "{}");
    }

    #[test]
    fn a_function_that_may_turn_the_ends_round_is_refused() {
        let ty = PgType::Other(QualifiedName::new("pg_catalog", "int4range"));
        assert!(Tester::refused(&RANGE, "bound = 'integer_id'", ty.clone()).contains("turn the ends"));
        assert!(Tester::refused(&RANGE, "", ty).contains("no `bound`"));
    }

    proptest! {
        #[test]
        fn any_text_is_masked_or_refused(text in "[\\[\\](){},\"\\\\ 0-9a-]{0,20}") {
            let _ = masked("bound = 'keep'", "int4multirange", &text);
            let _ = masked("bound = 'date_shift'", "daterange", &text);
        }
    }
}
