//! A condition as it is evaluated: every operation typed, every cast written out.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::interval::Interval;
use crate::schema::PgType;
use crate::schema::types::EnumType;

/// The decimals that a `numeric` without a scale has in a condition.
pub const OPEN_SCALE: i8 = 20;

/// The digits of a decimal in Arrow, at most.
pub const DECIMAL_DIGITS: u8 = 76;

/// What an expression gives, and the Arrow array that holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Booleans.
    Bool,
    /// 64-bit integers, whatever the width of the column.
    Integer,
    /// `numeric` with that many decimals: decimals of 256 bits.
    Numeric(i8),
    /// `real` and `double precision`: doubles.
    Float,
    /// Characters, compared by code point: strings.
    Text,
    /// `character(n)`, whose trailing blanks do not count when it is compared: strings.
    Padded,
    /// `citext`: strings, lower case when they are compared.
    CaseInsensitive,
    /// Labels by their place in the type: 64-bit integers.
    Enum(Arc<EnumType>),
    /// Days since 1970-01-01: 64-bit integers, the infinities the least and the greatest.
    Date,
    /// Microseconds since 2000-01-01: 64-bit integers, the infinities the least and the greatest.
    Timestamp,
    /// The same, in UTC.
    TimestampTz,
    /// Microseconds since midnight: 64-bit integers.
    Time,
    /// Lower-case text with hyphens: strings.
    Uuid,
    /// A type of which only NULL and the text are known: strings.
    Opaque,
}

impl Type {
    /// The type of a column of type `ty`.
    pub fn of(ty: &PgType) -> Type {
        match ty.base() {
            PgType::Bool => Type::Bool,
            PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid => Type::Integer,
            PgType::Numeric(Some((_, scale))) => Type::Numeric((*scale).clamp(0, 38) as i8),
            PgType::Numeric(None) => Type::Numeric(OPEN_SCALE),
            PgType::Float4 | PgType::Float8 => Type::Float,
            PgType::Text | PgType::Varchar(_) | PgType::Name => Type::Text,
            PgType::Bpchar(_) => Type::Padded,
            PgType::Citext => Type::CaseInsensitive,
            PgType::Enum(labels) => Type::Enum(labels.clone()),
            PgType::Date => Type::Date,
            PgType::Timestamp(_) => Type::Timestamp,
            PgType::TimestampTz(_) => Type::TimestampTz,
            PgType::Time(_) => Type::Time,
            PgType::Uuid => Type::Uuid,
            _ => Type::Opaque,
        }
    }

    /// Its name in SQL, for messages and for servers.
    pub fn sql_name(&self) -> String {
        match self {
            Type::Bool => "boolean".into(),
            Type::Integer => "bigint".into(),
            Type::Numeric(_) => "numeric".into(),
            Type::Float => "double precision".into(),
            Type::Text => "text".into(),
            Type::Padded => "bpchar".into(),
            Type::CaseInsensitive => "citext".into(),
            Type::Enum(kind) => kind.name.to_string(),
            Type::Date => "date".into(),
            Type::Timestamp => "timestamp".into(),
            Type::TimestampTz => "timestamptz".into(),
            Type::Time => "time".into(),
            Type::Uuid => "uuid".into(),
            Type::Opaque => "another type".into(),
        }
    }

    /// Whether it is one of characters.
    pub fn is_text(&self) -> bool {
        matches!(self, Type::Text | Type::Padded | Type::CaseInsensitive)
    }

    /// Whether it is one of numbers.
    pub fn is_number(&self) -> bool {
        matches!(self, Type::Integer | Type::Numeric(_) | Type::Float)
    }
}

/// An expression and what it gives.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The operation.
    pub node: Node,
    /// The type of its result.
    pub ty: Type,
}

/// An operation; its operands have the types that it takes.
#[derive(Clone, Debug)]
pub enum Node {
    /// The input of that index.
    Column(usize),
    /// One value, in an array of length 1, and how SQL writes it.
    Literal {
        /// The value; NULL in the null bitmap.
        value: ArrayRef,
        /// Its text, `None` for NULL.
        text: Option<String>,
    },
    /// True if all are; NULL where it depends on a NULL.
    All(Vec<Expression>),
    /// True if any is; NULL where it depends on a NULL.
    Any(Vec<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// A comparison of two operands of one type.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// Whether the value is among those, all of one type.
    In(Box<Expression>, Vec<Expression>),
    /// Whether it is NULL; never NULL itself.
    IsNull(Box<Expression>),
    /// Whether it is that truth value, or NULL for `None`; never NULL itself.
    Is(Box<Expression>, Option<bool>),
    /// Whether a text matches a pattern of `LIKE`.
    Like {
        /// The text.
        text: Box<Expression>,
        /// The pattern: `%` any characters, `_` one, `\` takes the next as it is.
        pattern: Box<Expression>,
        /// Whether case does not count.
        ignores_case: bool,
    },
    /// Arithmetic on two operands of one type.
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    /// The number with the other sign.
    Negate(Box<Expression>),
    /// A timestamp, moved by an interval.
    Shift(Box<Expression>, Interval),
    /// A date, moved by a number of days.
    AddDays(Box<Expression>, Box<Expression>),
    /// The days from the second date to the first.
    DaysBetween(Box<Expression>, Box<Expression>),
    /// A value as another type.
    Cast(Box<Expression>),
    /// The first operand that is not NULL.
    Coalesce(Vec<Expression>),
    /// The text in lower case.
    Lower(Box<Expression>),
    /// The text in upper case.
    Upper(Box<Expression>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `IS DISTINCT FROM`
    Distinct,
    /// `IS NOT DISTINCT FROM`
    NotDistinct,
}

impl Comparison {
    /// How SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Distinct => "IS DISTINCT FROM",
            Comparison::NotDistinct => "IS NOT DISTINCT FROM",
        }
    }

    /// Whether it asks which of two values comes first.
    pub fn is_order(self) -> bool {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        matches!(self, Less | LessOrEqual | Greater | GreaterOrEqual)
    }
}

/// An operator of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`: of integers, without the rest
    Divide,
    /// `%`
    Remainder,
}

impl Arithmetic {
    /// How SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}

impl Expression {
    /// An operation that gives `ty`.
    pub fn new(node: Node, ty: Type) -> Self {
        Expression { node, ty }
    }

    /// An operation that gives true or false.
    pub fn bool(node: Node) -> Self {
        Expression { node, ty: Type::Bool }
    }

    /// This value as the type `ty`; itself where it is of that type.
    pub fn cast(self, ty: Type) -> Self {
        match self.ty == ty {
            true => self,
            false => Expression { node: Node::Cast(Box::new(self)), ty },
        }
    }
}
