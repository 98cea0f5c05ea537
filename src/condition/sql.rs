//! A condition as SQL for a server that decides as this crate does: names quoted, literals typed, texts by code point.
//!
//! A collation may take other texts for equal, so that it is named wherever texts are compared.

use std::fmt::Write as _;

use super::expression::{Comparison, Expression, Node, Type};
use super::literal::is_null;
use crate::schema::quoted_always;

/// `expression` over columns of these names, in the order of its inputs.
pub fn write(expression: &Expression, names: &[&str]) -> String {
    let mut out = String::new();
    push(expression, names, &mut out);
    out
}

fn push(expression: &Expression, names: &[&str], out: &mut String) {
    match &expression.node {
        Node::Column(input) => out.push_str(&quoted_always(names[*input])),
        Node::Literal { value, text } => match text {
            Some(text) if !is_null(value) => push_literal(text, &expression.ty, out),
            _ => push_null(&expression.ty, out),
        },
        Node::All(operands) => push_list(operands, " AND ", names, out),
        Node::Any(operands) => push_list(operands, " OR ", names, out),
        Node::Not(operand) => push_between("(NOT ", operand, ")", names, out),
        Node::Compare(how, left, right) => push_comparison(*how, left, right, names, out),
        Node::In(value, list) => {
            push_between("(", value, &format!("{} IN ", collation(&value.ty)), names, out);
            push_list(list, ", ", names, out);
            out.push(')');
        }
        Node::IsNull(operand) => push_between("(", operand, " IS NULL)", names, out),
        Node::Is(operand, asked) => {
            let asked = match asked {
                Some(true) => " IS TRUE)",
                Some(false) => " IS FALSE)",
                None => " IS UNKNOWN)",
            };
            push_between("(", operand, asked, names, out);
        }
        Node::Like { text, pattern, ignores_case } => {
            let operator = match ignores_case {
                true => " ILIKE ".to_string(),
                false => format!("{} LIKE ", collation(&text.ty)),
            };
            push_between("(", text, &operator, names, out);
            push_between("", pattern, ")", names, out);
        }
        Node::Arithmetic(how, left, right) => {
            push_between("(", left, " ", names, out);
            push_between(how.sql(), right, ")", names, out);
        }
        Node::Negate(operand) => push_between("(- ", operand, ")", names, out),
        Node::Shift(moment, interval) => {
            push_between("(", moment, " + ", names, out);
            let _ = write!(out, "{})", interval.sql());
        }
        Node::AddDays(date, days) => {
            push_between("(", date, " + ", names, out);
            push_between("(", days, ")::integer)", names, out);
        }
        Node::DaysBetween(end, start) => {
            push_between("(", end, " - ", names, out);
            push_between("", start, ")", names, out);
        }
        Node::Cast(operand) => push_cast(operand, &expression.ty, names, out),
        Node::Coalesce(operands) => {
            out.push_str("coalesce");
            push_list(operands, ", ", names, out);
        }
        Node::Lower(operand) => push_between("lower(", operand, ")", names, out),
        Node::Upper(operand) => push_between("upper(", operand, ")", names, out),
    }
}

fn push_between(before: &str, operand: &Expression, after: &str, names: &[&str], out: &mut String) {
    out.push_str(before);
    push(operand, names, out);
    out.push_str(after);
}

fn push_list(operands: &[Expression], between: &str, names: &[&str], out: &mut String) {
    out.push('(');
    for (at, operand) in operands.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { between });
        push(operand, names, out);
    }
    out.push(')');
}

fn push_comparison(how: Comparison, left: &Expression, right: &Expression, names: &[&str], out: &mut String) {
    let collation = collation(&left.ty);
    push_between("(", left, collation, names, out);
    let _ = write!(out, " {} ", how.sql());
    push_between("", right, collation, names, out);
    out.push(')');
}

/// The collation by which values of a type are compared, behind one of them.
fn collation(ty: &Type) -> &'static str {
    match ty {
        Type::Text | Type::Padded => " COLLATE pg_catalog.\"C\"",
        _ => "",
    }
}

/// A timestamp changes its kind as if the session were in UTC.
fn push_cast(operand: &Expression, to: &Type, names: &[&str], out: &mut String) {
    match (&operand.ty, to) {
        (Type::Timestamp, Type::TimestampTz) | (Type::TimestampTz, Type::Timestamp) => {
            push_between("(", operand, " AT TIME ZONE 'UTC')", names, out);
        }
        (Type::Date, Type::TimestampTz) => {
            push_between("((", operand, ")::timestamp AT TIME ZONE 'UTC')", names, out);
        }
        (Type::TimestampTz, Type::Date) => {
            push_between("((", operand, " AT TIME ZONE 'UTC')::date)", names, out);
        }
        _ => {
            push_between("(", operand, "::", names, out);
            out.push_str(&server_type(to));
            out.push(')');
        }
    }
}

fn push_literal(text: &str, ty: &Type, out: &mut String) {
    let has_zone =
        |text: &str| text.ends_with('Z') || text.get(10..).is_some_and(|time| time.contains(['+', '-']));
    let zone =
        if *ty == Type::TimestampTz && !has_zone(text) && !text.contains("infinity") { "+00" } else { "" };
    let text = text.replace('\'', "''").replace('\\', "\\\\");
    let prefix = if text.contains('\\') { "E" } else { "" };
    // A date needs a time before its offset.
    let zone = if !zone.is_empty() && !text.contains(':') { " 00:00+00" } else { zone };
    let _ = write!(out, "{prefix}'{text}{zone}'");
    // Under a collation a literal without a type would be `text`, of which blanks at the end count.
    if !ty.is_text() || *ty == Type::Padded {
        let _ = write!(out, "::{}", server_type(ty));
    }
}

fn push_null(ty: &Type, out: &mut String) {
    let _ = write!(out, "NULL::{}", server_type(ty));
}

fn server_type(ty: &Type) -> String {
    match ty {
        Type::Enum(kind) => {
            format!("{}.{}", quoted_always(&kind.name.schema), quoted_always(&kind.name.name))
        }
        Type::CaseInsensitive | Type::Opaque => "text".into(),
        ty => ty.sql_name(),
    }
}
