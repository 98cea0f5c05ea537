//! Calls in a condition: `coalesce`, `lower`, `upper`.

use sqlparser::ast::{Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart};

use super::expression::{Expression, Node, Type};
use super::operand::{Operand, unify};
use crate::error::{Error, Result};

/// Functions whose result is another one every time.
const OF_THE_CLOCK: [&str; 14] = [
    "now",
    "age",
    "random",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "gen_random_uuid",
    "current_user",
];

/// The name of a call in lower case, and its arguments, which must be plain values.
///
/// # Errors
/// If the call has anything but values as arguments, or is of a function that a condition does not know.
pub fn arguments(call: &Function) -> Result<(String, Vec<&sqlparser::ast::Expr>)> {
    let [ObjectNamePart::Identifier(name)] = &call.name.0[..] else { return Err(unknown()) };
    let name = name.value.to_ascii_lowercase();
    if OF_THE_CLOCK.contains(&name.as_str()) {
        return Err(Error::rules(format!(
            "the condition calls `{name}`, whose result changes from run to run"
        ))
        .hint("write the date that is meant, so that every run decides alike"));
    }
    let is_plain = call.over.is_none()
        && call.filter.is_none()
        && call.within_group.is_empty()
        && call.null_treatment.is_none()
        && matches!(call.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &call.args else { return Err(unknown()) };
    if !is_plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return Err(unknown());
    }
    let plain = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref value)) => Ok(value),
        _ => Err(unknown()),
    };
    let arguments = list.args.iter().map(plain).collect::<Result<Vec<_>>>()?;
    Ok((name, arguments))
}

/// The call of `name` on `arguments`.
///
/// # Errors
/// If a condition does not know the function, or it takes other arguments.
pub fn call(name: &str, mut arguments: Vec<Operand>) -> Result<Expression> {
    match (name, arguments.len()) {
        ("coalesce", 1..) => {
            let operands = unify(arguments)?;
            let ty = operands[0].ty.clone();
            Ok(Expression::new(Node::Coalesce(operands), ty))
        }
        ("lower" | "upper", 1) => {
            let argument = arguments.remove(0).typed()?;
            if !argument.ty.is_text() {
                return Err(Error::rules(format!(
                    "the condition calls `{name}` on `{}`",
                    argument.ty.sql_name()
                ))
                .hint("it takes text; say `column::text`"));
            }
            let argument = Box::new(argument.cast(Type::Text));
            let node = if name == "lower" { Node::Lower(argument) } else { Node::Upper(argument) };
            Ok(Expression::new(node, Type::Text))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::rules("the condition calls a function that conditions do not have")
        .hint("they have `coalesce`, `lower` and `upper`; rules/README.md has the whole language")
}
