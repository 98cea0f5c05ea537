//! Postgres types as masking sees them: what a value of the type looks like in text form, and how long it may be.
//!
//! How a type is stored in Parquet is left to `target::parquet`.

use std::fmt;
use std::sync::Arc;

use super::QualifiedName;

/// A column's type, with its modifiers, user-defined types resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`, `numeric(precision, scale)`; the scale may be negative
    Numeric(Option<(u16, i16)>),
    /// `text`
    Text,
    /// `character varying`, with its limit in characters
    Varchar(Option<u32>),
    /// `character(n)`: `n` characters, padded with blanks; without a limit it is `bpchar`, which knows none
    Bpchar(Option<u32>),
    /// `name`: at most 63 bytes
    Name,
    /// `"char"`: one byte
    SingleChar,
    /// `citext` of the extension: text that is equal regardless of case
    Citext,
    /// `bytea`
    Bytea,
    /// `date`
    Date,
    /// `time(p) without time zone`
    Time(Option<u8>),
    /// `time(p) with time zone`
    TimeTz(Option<u8>),
    /// `timestamp(p) without time zone`
    Timestamp(Option<u8>),
    /// `timestamp(p) with time zone`
    TimestampTz(Option<u8>),
    /// `interval`
    Interval,
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `xml`
    Xml,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// `macaddr`
    Macaddr,
    /// `macaddr8`
    Macaddr8,
    /// `bit(n)`
    Bit(Option<u32>),
    /// `bit varying(n)`
    Varbit(Option<u32>),
    /// `money`
    Money,
    /// `oid`
    Oid,
    /// An enum with its labels in order
    Enum(Arc<EnumType>),
    /// A domain over another type
    Domain(Arc<DomainType>),
    /// An array of any number of dimensions
    Array(Box<PgType>),
    /// A composite type with its fields in order
    Composite(Arc<CompositeType>),
    /// Any other type, by name: row types of tables, ranges, geometry, text search, types of extensions
    Other(QualifiedName),
}

/// An enum type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Its name.
    pub name: QualifiedName,
    /// Its labels in order.
    pub labels: Vec<String>,
}

/// A composite type.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeType {
    /// Its name.
    pub name: QualifiedName,
    /// The names and types of its fields in order.
    pub fields: Vec<(String, PgType)>,
}

/// A domain.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainType {
    /// Its name.
    pub name: QualifiedName,
    /// The type it restricts, which may be a domain again.
    pub base: PgType,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its CHECK constraints, as SQL expressions over `VALUE`.
    pub checks: Vec<String>,
}

impl PgType {
    /// The type below any domains.
    pub fn base(&self) -> &PgType {
        match self {
            PgType::Domain(domain) => domain.base.base(),
            other => other,
        }
    }

    /// Whether the type is one of characters: text, varchar, char, name or citext, or a domain over one.
    pub fn is_text(&self) -> bool {
        matches!(
            self.base(),
            PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Citext
        )
    }

    /// Whether the type is smallint, integer or bigint, or a domain over one.
    pub fn is_integer(&self) -> bool {
        matches!(self.base(), PgType::Int2 | PgType::Int4 | PgType::Int8)
    }

    /// How many characters a value may have, where the type says so.
    pub fn max_chars(&self) -> Option<u32> {
        match self.base() {
            PgType::Varchar(limit) | PgType::Bpchar(limit) => *limit,
            PgType::Name => Some(63),
            PgType::SingleChar => Some(1),
            _ => None,
        }
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limited = |out: &mut fmt::Formatter<'_>, name: &str, limit: Option<u32>| match limit {
            Some(limit) => write!(out, "{name}({limit})"),
            None => out.write_str(name),
        };
        let timed = |out: &mut fmt::Formatter<'_>, name: &str, digits: Option<u8>, zone: &str| match digits {
            Some(digits) => write!(out, "{name}({digits}) {zone} time zone"),
            None => write!(out, "{name} {zone} time zone"),
        };
        match self {
            PgType::Bool => out.write_str("boolean"),
            PgType::Int2 => out.write_str("smallint"),
            PgType::Int4 => out.write_str("integer"),
            PgType::Int8 => out.write_str("bigint"),
            PgType::Float4 => out.write_str("real"),
            PgType::Float8 => out.write_str("double precision"),
            PgType::Numeric(None) => out.write_str("numeric"),
            PgType::Numeric(Some((precision, scale))) => write!(out, "numeric({precision},{scale})"),
            PgType::Text => out.write_str("text"),
            PgType::Varchar(limit) => limited(out, "character varying", *limit),
            PgType::Bpchar(None) => out.write_str("bpchar"),
            PgType::Bpchar(limit) => limited(out, "character", *limit),
            PgType::Name => out.write_str("name"),
            PgType::SingleChar => out.write_str("\"char\""),
            PgType::Citext => out.write_str("citext"),
            PgType::Bytea => out.write_str("bytea"),
            PgType::Date => out.write_str("date"),
            PgType::Time(digits) => timed(out, "time", *digits, "without"),
            PgType::TimeTz(digits) => timed(out, "time", *digits, "with"),
            PgType::Timestamp(digits) => timed(out, "timestamp", *digits, "without"),
            PgType::TimestampTz(digits) => timed(out, "timestamp", *digits, "with"),
            PgType::Interval => out.write_str("interval"),
            PgType::Uuid => out.write_str("uuid"),
            PgType::Json => out.write_str("json"),
            PgType::Jsonb => out.write_str("jsonb"),
            PgType::Xml => out.write_str("xml"),
            PgType::Inet => out.write_str("inet"),
            PgType::Cidr => out.write_str("cidr"),
            PgType::Macaddr => out.write_str("macaddr"),
            PgType::Macaddr8 => out.write_str("macaddr8"),
            PgType::Bit(limit) => limited(out, "bit", *limit),
            PgType::Varbit(limit) => limited(out, "bit varying", *limit),
            PgType::Money => out.write_str("money"),
            PgType::Oid => out.write_str("oid"),
            PgType::Enum(kind) => write!(out, "{}", kind.name),
            PgType::Domain(domain) => write!(out, "{}", domain.name),
            PgType::Composite(composite) => write!(out, "{}", composite.name),
            PgType::Array(element) => write!(out, "{element}[]"),
            PgType::Other(name) => write!(out, "{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_shown_as_postgres_shows_it() {
        for (ty, shown) in [
            (PgType::Bpchar(Some(20)), "character(20)"),
            (PgType::Bpchar(None), "bpchar"),
            (PgType::Numeric(Some((5, -2))), "numeric(5,-2)"),
            (PgType::Timestamp(Some(3)), "timestamp(3) without time zone"),
            (PgType::Array(Box::new(PgType::TimeTz(None))), "time with time zone[]"),
        ] {
            assert_eq!(ty.to_string(), shown);
        }
    }

    #[test]
    fn only_a_type_with_a_limit_bounds_its_values() {
        assert_eq!(PgType::Bpchar(Some(1)).max_chars(), Some(1));
        assert_eq!(PgType::Bpchar(None).max_chars(), None);
    }
}
