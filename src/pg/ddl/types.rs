//! Type names as pg_dump and people write them, resolved to [`PgType`].

use std::collections::HashMap;
use std::sync::Arc;

use super::draft::{ColumnDraft, TypeDraft, WrittenType};
use super::identifier::{bare_word, blank_bytes, identifier};
use super::name::{Name, PG_CATALOG};
use crate::schema::types::{CompositeType, DomainType, EnumType};
use crate::schema::{PgType, QualifiedName};

/// How deep domains may be nested in domains; Postgres has no bound, people have.
const MAX_DOMAIN_DEPTH: usize = 32;

/// Postgres' own types that are kept as [`PgType::Other`], so that a bare name of them is known to be in `pg_catalog`.
const OTHER_BUILTIN: &[&str] = &[
    "aclitem",
    "box",
    "cid",
    "circle",
    "cstring",
    "daterange",
    "datemultirange",
    "gtsvector",
    "int2vector",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "jsonpath",
    "line",
    "lseg",
    "nummultirange",
    "numrange",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "tid",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "xid",
    "xid8",
];

/// Looks types up among those that the dump declares and Postgres' own.
pub(super) struct Types<'a> {
    declared: &'a HashMap<QualifiedName, TypeDraft>,
    /// Those resolved so far; one that is being resolved has its name alone.
    known: HashMap<QualifiedName, PgType>,
}

impl<'a> Types<'a> {
    pub(super) fn new(declared: &'a HashMap<QualifiedName, TypeDraft>) -> Self {
        Types { declared, known: HashMap::new() }
    }

    /// The type that `written` stands for; a name that nothing declares is [`PgType::Other`].
    pub(super) fn resolve(&mut self, written: &WrittenType) -> PgType {
        self.resolve_at(written, 0)
    }

    fn resolve_at(&mut self, written: &WrittenType, depth: usize) -> PgType {
        let spelling = Spelling::of(&written.text);
        let element = match spelling.keyword_type() {
            Some(builtin) => builtin,
            None => match Name::of_text(&written.text, &written.path) {
                Some(name) => self.named(&name, &spelling.modifiers, depth),
                None => PgType::Other(QualifiedName::new(PG_CATALOG, "unknown")),
            },
        };
        if spelling.is_array { PgType::Array(Box::new(element)) } else { element }
    }

    fn named(&mut self, name: &Name, modifiers: &[i64], depth: usize) -> PgType {
        let declared = name.look_up(|name| {
            let builtin = (name.schema == PG_CATALOG).then(|| builtin(&name.name, modifiers)).flatten();
            match builtin {
                Some(builtin) => Some((name.clone(), Some(builtin))),
                None => self.declared.contains_key(name).then(|| (name.clone(), None)),
            }
        });
        match declared {
            Some((_, Some(builtin))) => builtin,
            Some((name, None)) => self.declared(name, depth),
            None => self.undeclared(name, modifiers, depth),
        }
    }

    /// A type that the dump does not declare: an extension's, a row type, or the array of another as `_element`.
    fn undeclared(&mut self, name: &Name, modifiers: &[i64], depth: usize) -> PgType {
        if let Some(element) = name.name.strip_prefix('_') {
            let element = Name { name: element.to_string(), ..name.clone() };
            let is_known = element.look_up(|name| self.declared.contains_key(name).then_some(())).is_some();
            if is_known {
                return PgType::Array(Box::new(self.named(&element, modifiers, depth)));
            }
        }
        match name.name.as_str() {
            "citext" => PgType::Citext,
            _ => PgType::Other(name.created()),
        }
    }

    fn declared(&mut self, name: QualifiedName, depth: usize) -> PgType {
        if let Some(known) = self.known.get(&name) {
            return known.clone();
        }
        let declared = self.declared;
        self.known.insert(name.clone(), PgType::Other(name.clone()));
        let ty = match &declared[&name] {
            TypeDraft::Enum(labels) => {
                PgType::Enum(Arc::new(EnumType { name: name.clone(), labels: labels.clone() }))
            }
            TypeDraft::Domain { base, not_null, checks } if depth < MAX_DOMAIN_DEPTH => {
                let base = self.resolve_at(base, depth + 1);
                let (not_null, checks) = (*not_null, checks.clone());
                PgType::Domain(Arc::new(DomainType { name: name.clone(), base, not_null, checks }))
            }
            TypeDraft::Composite(columns) if depth < MAX_DOMAIN_DEPTH => {
                let field =
                    |column: &ColumnDraft| (column.name.clone(), self.resolve_at(&column.ty, depth + 1));
                let fields = columns.iter().map(field).collect();
                PgType::Composite(Arc::new(CompositeType { name: name.clone(), fields }))
            }
            _ => PgType::Other(name.clone()),
        };
        self.known.insert(name, ty.clone());
        ty
    }
}

/// The parts of a type as written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Spelling {
    /// The bare words outside of parentheses, in lower case, joined by blanks; `None` if the name is quoted or dotted.
    words: Option<String>,
    /// The numbers in parentheses.
    modifiers: Vec<i64>,
    is_array: bool,
}

impl Spelling {
    fn of(text: &str) -> Self {
        let mut spelling = Spelling { words: Some(String::new()), ..Spelling::default() };
        let mut depth = 0;
        let mut sign = 1;
        let mut rest = text;
        loop {
            rest = &rest[blank_bytes(rest)..];
            let Some(first) = rest.chars().next() else { return spelling };
            if let Some(word) = bare_word(rest).filter(|_| !rest.starts_with("U&\"")) {
                if depth == 0 {
                    spelling.take_word(&word.to_ascii_lowercase());
                }
                rest = &rest[word.len()..];
                continue;
            }
            if first.is_ascii_digit() {
                let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
                if depth > 0 && !spelling.is_array {
                    spelling.modifiers.extend(digits.parse::<i64>().ok().map(|number| sign * number));
                }
                (sign, rest) = (1, &rest[digits.len()..]);
                continue;
            }
            match first {
                '(' => depth += 1,
                ')' => depth -= 1,
                '[' => spelling.is_array = true,
                '-' => sign = -1,
                '.' => spelling.words = None,
                '"' => {
                    spelling.words = None;
                    let length = identifier(rest).map_or(rest.len(), |(_, length)| length);
                    rest = &rest[length..];
                    continue;
                }
                _ => {}
            }
            rest = &rest[first.len_utf8()..];
        }
    }

    fn take_word(&mut self, word: &str) {
        match &mut self.words {
            _ if word == "array" => self.is_array = true,
            Some(words) if words.is_empty() => words.push_str(word),
            Some(words) => {
                words.push(' ');
                words.push_str(word);
            }
            None => {}
        }
    }

    /// The type, if its name is one that SQL's grammar knows and so no search path changes.
    fn keyword_type(&self) -> Option<PgType> {
        let words = self.words.as_deref()?;
        let modifiers = self.modifiers.as_slice();
        let limit = modifiers.first().copied();
        let name = match words {
            "boolean" => "bool",
            "smallint" | "smallserial" | "serial2" => "int2",
            "integer" | "int" | "serial" | "serial4" => "int4",
            "bigint" | "bigserial" | "serial8" => "int8",
            "real" => "float4",
            "float" if limit.is_some_and(|bits| bits <= 24) => "float4",
            "float" | "double precision" => "float8",
            "decimal" | "dec" | "numeric" => "numeric",
            "varchar" | "character varying" | "char varying" | "nchar varying" => "varchar",
            "national character varying" | "national char varying" => "varchar",
            "character" | "char" | "nchar" | "national character" | "national char" => {
                return Some(PgType::Bpchar(Some(unsigned(limit).unwrap_or(1))));
            }
            "bit" => return Some(PgType::Bit(Some(unsigned(limit).unwrap_or(1)))),
            "bit varying" => "varbit",
            "time" | "time without time zone" => "time",
            "time with time zone" => "timetz",
            "timestamp" | "timestamp without time zone" => "timestamp",
            "timestamp with time zone" => "timestamptz",
            _ if words.split(' ').next() == Some("interval") => "interval",
            _ => return None,
        };
        builtin(name, modifiers)
    }
}

/// Whether `text` is one of the pseudo-types `serial`, `bigserial` and `smallserial`.
pub(super) fn is_serial(text: &str) -> bool {
    let words = Spelling::of(text).words.unwrap_or_default();
    matches!(words.as_str(), "serial" | "serial4" | "bigserial" | "serial8" | "smallserial" | "serial2")
}

/// Postgres' own type of that name in `pg_catalog`.
fn builtin(name: &str, modifiers: &[i64]) -> Option<PgType> {
    let limit = unsigned(modifiers.first().copied());
    let precision = limit.and_then(|limit| u8::try_from(limit).ok());
    Some(match name {
        "bool" => PgType::Bool,
        "int2" => PgType::Int2,
        "int4" => PgType::Int4,
        "int8" => PgType::Int8,
        "float4" => PgType::Float4,
        "float8" => PgType::Float8,
        "numeric" => PgType::Numeric(precision_and_scale(modifiers)),
        "text" => PgType::Text,
        "varchar" => PgType::Varchar(limit),
        "bpchar" => PgType::Bpchar(limit),
        "name" => PgType::Name,
        "char" => PgType::SingleChar,
        "bytea" => PgType::Bytea,
        "date" => PgType::Date,
        "time" => PgType::Time(precision),
        "timetz" => PgType::TimeTz(precision),
        "timestamp" => PgType::Timestamp(precision),
        "timestamptz" => PgType::TimestampTz(precision),
        "interval" => PgType::Interval,
        "uuid" => PgType::Uuid,
        "json" => PgType::Json,
        "jsonb" => PgType::Jsonb,
        "xml" => PgType::Xml,
        "inet" => PgType::Inet,
        "cidr" => PgType::Cidr,
        "macaddr" => PgType::Macaddr,
        "macaddr8" => PgType::Macaddr8,
        "bit" => PgType::Bit(limit),
        "varbit" => PgType::Varbit(limit),
        "money" => PgType::Money,
        "oid" => PgType::Oid,
        _ if OTHER_BUILTIN.contains(&name) => PgType::Other(QualifiedName::new(PG_CATALOG, name)),
        _ => {
            let element = name.strip_prefix('_').filter(|element| !element.starts_with('_'))?;
            PgType::Array(Box::new(builtin(element, modifiers)?))
        }
    })
}

fn unsigned(modifier: Option<i64>) -> Option<u32> {
    modifier.and_then(|number| u32::try_from(number).ok())
}

fn precision_and_scale(modifiers: &[i64]) -> Option<(u16, i16)> {
    let precision = u16::try_from(*modifiers.first()?).ok()?;
    let scale = i16::try_from(modifiers.get(1).copied().unwrap_or(0)).ok()?;
    Some((precision, scale))
}

#[cfg(test)]
mod tests {
    use super::super::name::SearchPath;
    use super::*;

    fn resolved(text: &str) -> PgType {
        let declared = HashMap::new();
        Types::new(&declared).resolve(&WrittenType { text: text.to_string(), path: SearchPath::default() })
    }

    #[test]
    fn types_are_known_as_pg_dump_writes_them() {
        for (text, expected) in [
            ("character varying(40)", PgType::Varchar(Some(40))),
            ("character varying", PgType::Varchar(None)),
            ("character(20)", PgType::Bpchar(Some(20))),
            ("bpchar", PgType::Bpchar(None)),
            ("\"char\"", PgType::SingleChar),
            ("numeric(5,2)", PgType::Numeric(Some((5, 2)))),
            ("numeric(3,-2)", PgType::Numeric(Some((3, -2)))),
            ("numeric", PgType::Numeric(None)),
            ("bit varying(5)", PgType::Varbit(Some(5))),
            ("\"bit\"", PgType::Bit(None)),
            ("double precision", PgType::Float8),
            ("timestamp(3) without time zone", PgType::Timestamp(Some(3))),
            ("timestamp with time zone", PgType::TimestampTz(None)),
            ("time(0) with time zone", PgType::TimeTz(Some(0))),
            ("interval year to month", PgType::Interval),
            ("interval(3)", PgType::Interval),
            ("pg_catalog.int4", PgType::Int4),
            ("public.citext", PgType::Citext),
            ("integer[]", PgType::Array(Box::new(PgType::Int4))),
            ("tsvector", PgType::Other(QualifiedName::new("pg_catalog", "tsvector"))),
            ("public.geometry(Point,4326)", PgType::Other(QualifiedName::new("public", "geometry"))),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }

    #[test]
    fn types_are_known_as_people_write_them() {
        for (text, expected) in [
            ("INT", PgType::Int4),
            ("int8", PgType::Int8),
            ("Varchar ( 10 )", PgType::Varchar(Some(10))),
            ("char", PgType::Bpchar(Some(1))),
            ("decimal(8)", PgType::Numeric(Some((8, 0)))),
            ("float(24)", PgType::Float4),
            ("float", PgType::Float8),
            ("timestamptz(2)", PgType::TimestampTz(Some(2))),
            ("bigserial", PgType::Int8),
            ("text[3][]", PgType::Array(Box::new(PgType::Text))),
            ("varchar(9) ARRAY[4]", PgType::Array(Box::new(PgType::Varchar(Some(9))))),
            ("_int4", PgType::Array(Box::new(PgType::Int4))),
            ("national character varying(7)", PgType::Varchar(Some(7))),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }

    #[test]
    fn a_quoted_keyword_is_a_name() {
        assert_eq!(resolved("\"integer\""), PgType::Other(QualifiedName::new("public", "integer")));
    }
}
