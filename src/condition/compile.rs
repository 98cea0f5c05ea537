//! The text of a condition, parsed as SQL and given types. What the language does not have is refused here.

use sqlparser::ast::{BinaryOperator, DataType, Expr, Ident, InTarget, UnaryOperator, Value, ValueWithSpan};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::cast;
use super::expression::{Arithmetic, Comparison, Expression, Node, OPEN_SCALE, Type};
use super::function;
use super::interval::Interval;
use super::literal;
use super::operand::{Operand, pair, unify};
use crate::error::{Error, Result};
use crate::schema::PgType;

/// The most bytes of a condition.
const MAX_BYTES: usize = 32 * 1024;

/// The most operations within each other.
const MAX_DEPTH: usize = 200;

/// Finds a column by its name: the index of the input that holds it, and its type.
pub type FindColumn<'a, 'c> = dyn FnMut(&str) -> Result<(usize, &'c PgType)> + 'a;

/// The condition that `text` says.
///
/// # Errors
/// If it is not SQL, or not a condition.
pub fn compile(text: &str, find: &mut FindColumn<'_, '_>) -> Result<Expression> {
    if text.len() > MAX_BYTES {
        return Err(Error::rules(format!("the condition is longer than {MAX_BYTES} bytes"))
            .hint("compare with a range, or mark the rows in a column"));
    }
    let parsed = parse(text).ok_or_else(|| {
        Error::rules("the condition is not an SQL expression").hint(
            "write what could stand after WHERE, such as `country = 'NL' AND created_at < '2024-01-01'`",
        )
    })?;
    Compiler { find }.operand(&parsed, 0)?.truth()
}

fn parse(text: &str) -> Option<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(expression)
}

struct Compiler<'f, 'a, 'c> {
    find: &'f mut FindColumn<'a, 'c>,
}

impl Compiler<'_, '_, '_> {
    fn operand(&mut self, expr: &Expr, depth: usize) -> Result<Operand> {
        if depth > MAX_DEPTH {
            return Err(Error::rules(format!("the condition nests more than {MAX_DEPTH} operations"))
                .hint("write `x IN (…)` for many comparisons of one column"));
        }
        let depth = depth + 1;
        let bool = |node| Ok(Operand::Typed(Expression::bool(node)));
        match expr {
            Expr::Nested(inner) => self.operand(inner, depth),
            Expr::Identifier(name) => self.column(name),
            Expr::Value(ValueWithSpan { value, .. }) => constant(value),
            Expr::TypedString(typed) => typed_string(&typed.value.value, &typed.data_type),
            Expr::Interval(interval) => {
                let unit =
                    interval.leading_field.as_ref().map(|field| field.to_string().to_ascii_lowercase());
                let Expr::Value(ValueWithSpan { value, .. }) = &*interval.value else {
                    return Err(outside());
                };
                let text = string(value).or(match value {
                    Value::Number(number, _) => Some(number.as_str()),
                    _ => None,
                });
                text.and_then(|text| Interval::read(text, unit.as_deref()))
                    .map(Operand::Interval)
                    .ok_or_else(not_an_interval)
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                bool(Node::Not(Box::new(self.operand(expr, depth)?.truth()?)))
            }
            Expr::UnaryOp { op, expr } => self.signed(*op, expr, depth),
            Expr::BinaryOp { op: BinaryOperator::And, .. } => {
                bool(Node::All(self.chain(expr, &BinaryOperator::And, depth)?))
            }
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => {
                bool(Node::Any(self.chain(expr, &BinaryOperator::Or, depth)?))
            }
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (self.operand(left, depth)?, self.operand(right, depth)?);
                binary(op, left, right).map(Operand::Typed)
            }
            Expr::IsNull(inner) => bool(Node::IsNull(self.boxed(inner, depth)?)),
            Expr::IsNotNull(inner) => bool(not(Node::IsNull(self.boxed(inner, depth)?))),
            Expr::IsTrue(inner) => bool(self.is(inner, Some(true), depth)?),
            Expr::IsNotTrue(inner) => bool(not(self.is(inner, Some(true), depth)?)),
            Expr::IsFalse(inner) => bool(self.is(inner, Some(false), depth)?),
            Expr::IsNotFalse(inner) => bool(not(self.is(inner, Some(false), depth)?)),
            Expr::IsUnknown(inner) => bool(self.is(inner, None, depth)?),
            Expr::IsNotUnknown(inner) => bool(not(self.is(inner, None, depth)?)),
            Expr::IsDistinctFrom(left, right) => self.compare(Comparison::Distinct, left, right, depth),
            Expr::IsNotDistinctFrom(left, right) => self.compare(Comparison::NotDistinct, left, right, depth),
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let mut operands = vec![self.operand(expr, depth)?];
                for item in list {
                    operands.push(self.operand(item, depth)?);
                }
                let mut operands = unify(operands)?;
                comparable(&operands[0].ty, false)?;
                let value = Box::new(operands.remove(0));
                bool(negate(Node::In(value, operands), *negated))
            }
            Expr::Between { expr, negated, low, high } => {
                let value = self.operand(expr, depth)?;
                let at_least = binary(&BinaryOperator::GtEq, value.clone(), self.operand(low, depth)?)?;
                let at_most = binary(&BinaryOperator::LtEq, value, self.operand(high, depth)?)?;
                bool(negate(Node::All(vec![at_least, at_most]), *negated))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), (false, *negated), depth)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_deref(), (true, *negated), depth)
            }
            Expr::Cast { expr, data_type, format: None, .. } => {
                let operand = self.operand(expr, depth)?;
                cast_to(operand, data_type)
            }
            Expr::Function(call) => {
                let (name, arguments) = function::arguments(call)?;
                let arguments = arguments.into_iter().map(|argument| self.operand(argument, depth));
                function::call(&name, arguments.collect::<Result<_>>()?).map(Operand::Typed)
            }
            _ => Err(outside()),
        }
    }

    fn boxed(&mut self, expr: &Expr, depth: usize) -> Result<Box<Expression>> {
        self.operand(expr, depth)?.typed().map(Box::new)
    }

    fn is(&mut self, expr: &Expr, truth: Option<bool>, depth: usize) -> Result<Node> {
        Ok(Node::Is(Box::new(self.operand(expr, depth)?.truth()?), truth))
    }

    fn compare(&mut self, how: Comparison, left: &Expr, right: &Expr, depth: usize) -> Result<Operand> {
        let (left, right) = (self.operand(left, depth)?, self.operand(right, depth)?);
        comparison(how, left, right).map(Operand::Typed)
    }

    fn column(&mut self, name: &Ident) -> Result<Operand> {
        let folded = match name.quote_style {
            Some(_) => name.value.clone(),
            None => name.value.to_lowercase(),
        };
        let (input, ty) = (self.find)(&folded)?;
        Ok(Operand::Typed(Expression::new(Node::Column(input), Type::of(ty))))
    }

    /// The operands of a chain of one operator, of any length.
    fn chain(&mut self, expr: &Expr, operator: &BinaryOperator, depth: usize) -> Result<Vec<Expression>> {
        let mut operands = Vec::new();
        let mut rest = expr;
        while let Expr::BinaryOp { left, op, right } = rest {
            if op != operator {
                break;
            }
            operands.push(self.operand(right, depth)?.truth()?);
            rest = left;
        }
        operands.push(self.operand(rest, depth)?.truth()?);
        operands.reverse();
        Ok(operands)
    }

    fn signed(&mut self, op: UnaryOperator, expr: &Expr, depth: usize) -> Result<Operand> {
        match (op, self.operand(expr, depth)?) {
            (
                UnaryOperator::Plus,
                operand @ Operand::Typed(Expression {
                    ty: Type::Integer | Type::Numeric(_) | Type::Float,
                    ..
                }),
            ) => Ok(operand),
            (UnaryOperator::Minus, Operand::Interval(interval)) => Ok(Operand::Interval(interval.negated())),
            (UnaryOperator::Minus, Operand::Typed(number)) if number.ty.is_number() => {
                let ty = number.ty.clone();
                // A negative literal is one value, and the least integer has no positive one.
                if let Node::Literal { text: Some(text), .. } = &number.node
                    && let Some(negative) = literal::parse(&format!("-{text}"), &ty)
                {
                    return Ok(Operand::Typed(negative));
                }
                Ok(Operand::Typed(Expression::new(Node::Negate(Box::new(number)), ty)))
            }
            _ => Err(outside()),
        }
    }

    fn like(
        &mut self,
        text: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
        (ignores_case, negated): (bool, bool),
        depth: usize,
    ) -> Result<Operand> {
        if escape.is_some() {
            return Err(Error::rules("the condition has a LIKE with ESCAPE")
                .hint("write a backslash before a `%` or `_` that is meant as itself"));
        }
        let text = self.operand(text, depth)?.typed()?;
        if !text.ty.is_text() {
            return Err(Error::rules(format!("the condition has LIKE on `{}`", text.ty.sql_name()))
                .hint("LIKE takes text; say `column::text`"));
        }
        let ignores_case = ignores_case || text.ty == Type::CaseInsensitive;
        let pattern = Box::new(self.operand(pattern, depth)?.coerce(&Type::Text)?);
        let node = Node::Like { text: Box::new(text), pattern, ignores_case };
        Ok(Operand::Typed(Expression::bool(negate(node, negated))))
    }
}

fn constant(value: &Value) -> Result<Operand> {
    if let Some(text) = string(value) {
        return Ok(Operand::Untyped(Some(text.to_string())));
    }
    match value {
        Value::Null => Ok(Operand::Untyped(None)),
        Value::Boolean(truth) => {
            Operand::Untyped(Some(truth.to_string())).coerce(&Type::Bool).map(Operand::Typed)
        }
        Value::Number(text, false) => literal::number(text).map(Operand::Typed).ok_or_else(|| {
            Error::rules("a number of the condition has too many digits")
                .hint("it may have 38 decimals and 76 digits")
        }),
        _ => Err(outside()),
    }
}

/// The text of a string literal.
fn string(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
        Value::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

fn typed_string(value: &Value, data_type: &DataType) -> Result<Operand> {
    let text = string(value).ok_or_else(outside)?;
    cast_to(Operand::Untyped(Some(text.to_string())), data_type)
}

/// A cast that the condition writes.
fn cast_to(operand: Operand, data_type: &DataType) -> Result<Operand> {
    let name = data_type.to_string().to_ascii_lowercase();
    if name == "interval" {
        let Operand::Untyped(Some(text)) = operand else { return Err(outside()) };
        return Interval::read(&text, None).map(Operand::Interval).ok_or_else(not_an_interval);
    }
    let ty = type_named(&name).ok_or_else(|| {
        Error::rules("the condition casts to a type that conditions do not have")
            .hint("they have boolean, integer, bigint, numeric, double precision, text, date, time, timestamp, timestamptz, uuid and interval")
    })?;
    match operand {
        Operand::Untyped(_) => operand.coerce(&ty).map(Operand::Typed),
        Operand::Typed(value) => cast::explicit(value, ty).map(Operand::Typed),
        Operand::Interval(_) => Err(outside()),
    }
}

fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "bool" | "boolean" => Type::Bool,
        "int" | "integer" | "int4" | "smallint" | "int2" | "bigint" | "int8" => Type::Integer,
        "numeric" | "decimal" => Type::Numeric(OPEN_SCALE),
        "real" | "float4" | "float" | "float8" | "double" | "double precision" => Type::Float,
        "text" | "varchar" | "character varying" => Type::Text,
        "date" => Type::Date,
        "time" | "time without time zone" => Type::Time,
        "timestamp" | "timestamp without time zone" => Type::Timestamp,
        "timestamptz" | "timestamp with time zone" => Type::TimestampTz,
        "uuid" => Type::Uuid,
        _ => return None,
    })
}

fn binary(op: &BinaryOperator, left: Operand, right: Operand) -> Result<Expression> {
    let how = match op {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        BinaryOperator::Plus => return arithmetic(Arithmetic::Add, left, right),
        BinaryOperator::Minus => return arithmetic(Arithmetic::Subtract, left, right),
        BinaryOperator::Multiply => return arithmetic(Arithmetic::Multiply, left, right),
        BinaryOperator::Divide => return arithmetic(Arithmetic::Divide, left, right),
        BinaryOperator::Modulo => return arithmetic(Arithmetic::Remainder, left, right),
        _ => return Err(outside()),
    };
    comparison(how, left, right)
}

fn comparison(how: Comparison, left: Operand, right: Operand) -> Result<Expression> {
    let (left, right) = pair(left, right)?;
    comparable(&left.ty, how.is_order())?;
    Ok(Expression::bool(Node::Compare(how, left, right)))
}

/// That values of the type can be compared.
fn comparable(ty: &Type, is_order: bool) -> Result<()> {
    match ty {
        Type::Opaque => {
            Err(Error::rules("the condition compares a column whose type conditions know only as text")
                .hint("say `column::text`, or ask whether it IS NULL"))
        }
        Type::Bool if is_order => Err(outside()),
        _ => Ok(()),
    }
}

fn arithmetic(how: Arithmetic, left: Operand, right: Operand) -> Result<Expression> {
    use Arithmetic::{Add, Subtract};
    match (how, left, right) {
        (Add | Subtract, Operand::Typed(moment), Operand::Interval(interval)) if is_moment(&moment.ty) => {
            let interval = if how == Add { interval } else { interval.negated() };
            let ty = if moment.ty == Type::TimestampTz { Type::TimestampTz } else { Type::Timestamp };
            Ok(Expression::new(Node::Shift(Box::new(moment.cast(ty.clone())), interval), ty))
        }
        (Add, Operand::Interval(interval), moment) => arithmetic(Add, moment, Operand::Interval(interval)),
        (_, Operand::Interval(_), _) | (_, _, Operand::Interval(_)) => Err(outside()),
        (Add | Subtract, Operand::Typed(date), Operand::Typed(days))
            if date.ty == Type::Date && days.ty == Type::Integer =>
        {
            let days = match how {
                Add => days,
                _ => Expression::new(Node::Negate(Box::new(days)), Type::Integer),
            };
            Ok(Expression::new(Node::AddDays(Box::new(date), Box::new(days)), Type::Date))
        }
        (how, left, right) => of_one_type(how, left, right),
    }
}

fn of_one_type(how: Arithmetic, left: Operand, right: Operand) -> Result<Expression> {
    let (left, right) = pair(left, right)?;
    match &left.ty {
        Type::Date if how == Arithmetic::Subtract => {
            Ok(Expression::new(Node::DaysBetween(left, right), Type::Integer))
        }
        Type::Numeric(scale) => {
            let scale = match how {
                Arithmetic::Multiply => scale.checked_mul(2).filter(|scale| *scale <= 38),
                Arithmetic::Divide => Some(OPEN_SCALE.max(*scale)),
                _ => Some(*scale),
            };
            let scale = scale.ok_or_else(|| {
                Error::rules("a product of the condition has more than 38 decimals")
                    .hint("cast a factor, such as `amount::double precision`")
            })?;
            Ok(Expression::new(Node::Arithmetic(how, left, right), Type::Numeric(scale)))
        }
        Type::Float if how == Arithmetic::Remainder => Err(outside()),
        Type::Integer | Type::Float => {
            let ty = left.ty.clone();
            Ok(Expression::new(Node::Arithmetic(how, left, right), ty))
        }
        ty => Err(Error::rules(format!("the condition calculates with `{}`", ty.sql_name()))
            .hint("it calculates with numbers, and moves dates and timestamps by intervals")),
    }
}

fn is_moment(ty: &Type) -> bool {
    matches!(ty, Type::Date | Type::Timestamp | Type::TimestampTz)
}

fn not(node: Node) -> Node {
    Node::Not(Box::new(Expression::bool(node)))
}

fn negate(node: Node, negated: bool) -> Node {
    if negated { not(node) } else { node }
}

fn not_an_interval() -> Error {
    Error::rules("an interval of the condition cannot be read")
        .hint("write `interval '1 year 2 months 3 days'`")
}

/// That something is SQL, but not of this language.
fn outside() -> Error {
    Error::rules("the condition has something that conditions do not have").hint(
        "they have comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, ILIKE, IS NULL, arithmetic, casts, dates and intervals, \
         coalesce, lower and upper, over the row's own columns",
    )
}
