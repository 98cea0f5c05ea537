//! Operands: what a part of a condition is before its type is settled, and how two of them get one type.

use super::expression::{Expression, Type};
use super::interval::Interval;
use super::literal;
use crate::error::{Error, Result};

/// A part of a condition.
#[derive(Clone, Debug)]
pub enum Operand {
    /// An expression with a type.
    Typed(Expression),
    /// A string literal, which takes the type of what it meets; `None` is NULL.
    Untyped(Option<String>),
    /// An interval.
    Interval(Interval),
}

impl Operand {
    /// This as a value of `ty`, where it is a literal without a type, or its type can become `ty` by itself.
    ///
    /// # Errors
    /// If it is of another type, or the literal is no value of `ty`.
    pub fn coerce(self, ty: &Type) -> Result<Expression> {
        match self {
            Operand::Untyped(None) => Ok(literal::null(ty)),
            Operand::Untyped(Some(text)) => literal::parse(&text, ty).ok_or_else(|| no_value_of(ty)),
            Operand::Typed(expression) if converts(&expression.ty, ty) => Ok(expression.cast(ty.clone())),
            Operand::Typed(expression) => Err(mismatch(&expression.ty.sql_name(), &ty.sql_name())),
            Operand::Interval(_) => Err(mismatch("interval", &ty.sql_name())),
        }
    }

    /// This as a value by itself; a literal without a type is text.
    ///
    /// # Errors
    /// If it is an interval.
    pub fn typed(self) -> Result<Expression> {
        match self {
            Operand::Typed(expression) => Ok(expression),
            other => other.coerce(&Type::Text),
        }
    }

    /// This as a truth value.
    ///
    /// # Errors
    /// If it is none.
    pub fn truth(self) -> Result<Expression> {
        self.coerce(&Type::Bool)
    }

    fn ty(&self) -> Option<&Type> {
        match self {
            Operand::Typed(expression) => Some(&expression.ty),
            _ => None,
        }
    }
}

/// All of `operands` as values of one type: the one that the others become without being told.
///
/// # Errors
/// If there is no such type.
pub fn unify(operands: Vec<Operand>) -> Result<Vec<Expression>> {
    let mut common: Option<Type> = None;
    for ty in operands.iter().filter_map(Operand::ty) {
        common = Some(match common {
            None => ty.clone(),
            Some(known) => wider(&known, ty).ok_or_else(|| mismatch(&known.sql_name(), &ty.sql_name()))?,
        });
    }
    let common = common.unwrap_or(Type::Text);
    operands.into_iter().map(|operand| operand.coerce(&common)).collect()
}

/// Two operands as values of one type.
///
/// # Errors
/// As those of [`unify`].
pub fn pair(left: Operand, right: Operand) -> Result<(Box<Expression>, Box<Expression>)> {
    let mut both = unify(vec![left, right])?.into_iter();
    let mut next = || Box::new(both.next().expect("as many come out as went in"));
    Ok((next(), next()))
}

/// The type that values of both types become.
fn wider(one: &Type, other: &Type) -> Option<Type> {
    use Type::{CaseInsensitive, Date, Float, Integer, Numeric, Padded, Text, Timestamp, TimestampTz};
    Some(match (one, other) {
        (one, other) if one == other => one.clone(),
        (Numeric(a), Numeric(b)) => Numeric(*a.max(b)),
        (Integer, Numeric(scale)) | (Numeric(scale), Integer) => Numeric(*scale),
        (Float, Integer | Numeric(_)) | (Integer | Numeric(_), Float) => Float,
        (Text | Padded | CaseInsensitive, Text | Padded | CaseInsensitive) => Text,
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (Date | Timestamp, TimestampTz) | (TimestampTz, Date | Timestamp) => TimestampTz,
        _ => return None,
    })
}

/// Whether values of `from` become values of `to` without being told.
fn converts(from: &Type, to: &Type) -> bool {
    wider(from, to).as_ref() == Some(to)
}

/// That a literal is no value of a type. The literal is not told: it may be somebody's.
pub fn no_value_of(ty: &Type) -> Error {
    let error = Error::rules(format!("a literal of the condition is no value of `{}`", ty.sql_name()));
    match ty {
        Type::Date => error.hint("write a date as '2024-12-31'"),
        Type::Timestamp | Type::TimestampTz => {
            error.hint("write a timestamp as '2024-12-31 23:59:59', or with an offset such as +02")
        }
        Type::Enum(kind) => error.hint(format!("the labels of `{}` are matched with their case", kind.name)),
        _ => error,
    }
}

fn mismatch(one: &str, other: &str) -> Error {
    Error::rules(format!("the condition puts `{one}` and `{other}` together"))
        .hint("say which type is meant with a cast, such as `column::text`")
}
