//! Rules within rules: a parameter that names a function for a part of a value, such as a leaf of a document.
//!
//! A nested function has its own parameters and the key of its own domain, so that an address within a document
//! becomes what it becomes in a column of addresses.

use std::ops::Range;
use std::path::Path;

use super::canonical::canonical;
use super::lists::Lists;
use super::redact::fill;
use super::row::{Form, Input, Row, RowScratch};
use super::text::{InvalidPolicy, NullPolicy};
use super::{Build, Function, Masking, Parameters, Refusal, Uniqueness};
use crate::key::MasterKey;
use crate::nearest::did_you_mean;
use crate::schema::PgType;

/// What a function is made from that takes more than its own rule: other functions, files.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The run's key, from which nested functions get the keys of their domains.
    pub key: &'a MasterKey,
    /// The functions that a nested rule can name.
    pub functions: &'a [&'static Function],
    /// The locale of a nested function that takes one and whose rule names none.
    pub locale: Option<&'a str>,
    /// The folder from which the relative path of a file starts: that of the rules file.
    pub folder: &'a Path,
    /// The files that functions read.
    pub lists: &'a Lists,
}

/// A nested function made ready.
pub struct Nested {
    masking: Masking,
    null: NullPolicy,
    invalid: InvalidPolicy,
    ty: PgType,
    /// Where its inputs are among those of the function around it.
    inputs: Range<usize>,
    /// Whether the first of its inputs owns the value.
    has_owner: bool,
    /// The most characters of a result, where there is a bound.
    pub max_chars: Option<u32>,
    /// How far different values stay different.
    pub uniqueness: Uniqueness,
}

/// What became of a part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stays as it is; nothing was appended.
    Kept,
    /// It becomes NULL; nothing was appended.
    Null,
    /// Its masked form was appended.
    Masked,
}

/// The types as which a part given as text is masked, where its rule says no `type`: the first that its function takes.
pub const PART_TYPES: &[PgType] = &[
    PgType::Text,
    PgType::TimestampTz(None),
    PgType::Date,
    PgType::Time(None),
    PgType::Uuid,
    PgType::Inet,
    PgType::Macaddr,
    PgType::Int8,
    PgType::Numeric(None),
    PgType::Bool,
    PgType::Bytea,
];

impl<'a> Build<'a> {
    /// The table of rules that the parameter `name` of `function` is; `hint` says how to write one.
    ///
    /// # Errors
    /// There is none, or it is not a table.
    pub fn rule_table(&self, function: &str, name: &str, hint: &str) -> Result<&'a toml::Table, Refusal> {
        match self.parameters.0.get(name) {
            Some(toml::Value::Table(table)) => Ok(table),
            Some(_) => Err(Refusal::new(format!("`{name}` is not a table")).hint(hint)),
            None => Err(Refusal::new(format!("`{function}` has no `{name}`")).hint(hint)),
        }
    }

    /// The rule for what no other one is for; `None` where that is refused.
    pub fn unlisted(&self) -> Option<&'a toml::Value> {
        self.parameters.0.get("unlisted").filter(|rule| rule.as_str() != Some("error"))
    }

    /// Makes the function that `rule` names, a string or a table with `fn`, for a part of the type `ty`.
    ///
    /// A nested rule takes `domain`, `by`, `null`, `invalid` and `type` besides the function's own parameters; `type`
    /// is that of a column whose values the part's are to mask like. The columns it asks for are added to `inputs`.
    ///
    /// # Errors
    /// The rule is not one, or its function refuses it.
    pub fn nest(&self, rule: &toml::Value, ty: &PgType, inputs: &mut Vec<Input>) -> Result<Nested, Refusal> {
        self.nest_for(rule, std::slice::from_ref(ty), inputs)
    }

    /// …for the part `name` of a value, given as text.
    ///
    /// # Errors
    /// As [`Build::nest`], with the name.
    pub fn nest_part(
        &self,
        name: &str,
        rule: &toml::Value,
        inputs: &mut Vec<Input>,
    ) -> Result<Nested, Refusal> {
        self.nest_for(rule, PART_TYPES, inputs).map_err(|refusal| refusal.of_part(name))
    }

    /// …for a part of the first of the types that the function takes.
    ///
    /// # Errors
    /// As [`Build::nest`]; and if the function takes none of the types.
    pub fn nest_for(
        &self,
        rule: &toml::Value,
        types: &[PgType],
        inputs: &mut Vec<Input>,
    ) -> Result<Nested, Refusal> {
        let context = self.context.ok_or_else(|| Refusal::new("a rule cannot hold a nested rule here"))?;
        let rule = NestedRule::read(rule, context)?;
        let taken = || types.iter().find(|ty| (rule.function.takes)(ty)).or(types.first());
        let ty = rule.ty.clone().or_else(|| taken().cloned()).unwrap_or(PgType::Text);
        let key = context.key.domain(rule.domain());
        let build = Build::new(&rule.parameters, &ty, &key, rule.by.is_some()).within(context);
        let built = rule.function.prepare(&build)?;
        rule.check_idle(&built.masking)?;
        let start = inputs.len();
        let owner = |column| Input { column, form: Form::Original, parameter: "by" };
        let has_owner = rule.by.is_some();
        inputs.extend(rule.by.map(owner));
        inputs.extend(built.inputs);
        Ok(Nested {
            masking: built.masking,
            null: rule.null,
            invalid: rule.invalid,
            ty,
            inputs: start..inputs.len(),
            has_owner,
            max_chars: built.max_chars,
            uniqueness: built.uniqueness,
        })
    }
}

impl Nested {
    /// Whether parts go out as they came in.
    pub fn keeps(&self) -> bool {
        matches!(self.masking, Masking::Keep)
    }

    /// Whether every part becomes NULL.
    pub fn nulls(&self) -> bool {
        matches!(self.masking, Masking::Null)
    }

    /// The type that it is made for.
    pub fn ty(&self) -> &PgType {
        &self.ty
    }

    /// Whether a part that is NULL goes through the function, as the empty string does.
    pub fn masks_null(&self) -> bool {
        self.null == NullPolicy::Mask
    }

    /// Masks one part of a value of `row`, which is that of the function around it, and appends the result to `out`.
    ///
    /// # Errors
    /// The part does not parse, and the nested rule does not say what becomes of it.
    pub fn mask(&self, value: &str, row: &Row<'_>, out: &mut String) -> Result<Part, &'static str> {
        let mut scratch = Vec::new();
        self.mask_for(value, canonical(&self.ty, value.as_bytes(), &mut scratch), row, out)
    }

    /// …as that of `subject`, unless the nested rule names an owner.
    ///
    /// # Errors
    /// As [`Nested::mask`].
    pub fn mask_for(
        &self,
        value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<Part, &'static str> {
        let mask = match &self.masking {
            Masking::Keep => return Ok(Part::Kept),
            Masking::Null => return Ok(Part::Null),
            Masking::Text(mask) => mask,
        };
        let row = row.part(&self.inputs);
        let mut owner_scratch = RowScratch::default();
        let owner = if self.has_owner { row.get(0, &mut owner_scratch) } else { None };
        let subject = owner.unwrap_or(subject);
        let own = usize::from(self.has_owner)..self.inputs.len();
        let start = out.len();
        match (mask.mask_in_row(value, subject, &row.part(&own), out), self.invalid) {
            (Ok(()), _) => Ok(Part::Masked),
            (Err(reason), InvalidPolicy::Error) => Err(reason),
            (Err(_), InvalidPolicy::Null) => {
                out.truncate(start);
                Ok(Part::Null)
            }
            (Err(_), InvalidPolicy::Redact) => {
                out.truncate(start);
                fill(value, out);
                Ok(Part::Masked)
            }
        }
    }
}

/// A nested rule as it is written.
struct NestedRule {
    function: &'static Function,
    parameters: Parameters,
    domain: Option<String>,
    by: Option<String>,
    ty: Option<PgType>,
    null: NullPolicy,
    invalid: InvalidPolicy,
    /// The keys given that mean nothing where the function makes no text.
    idle: Option<&'static str>,
}

impl NestedRule {
    fn read(rule: &toml::Value, context: &Context<'_>) -> Result<Self, Refusal> {
        let table = match rule {
            toml::Value::String(_) => toml::Table::from_iter([("fn".to_string(), rule.clone())]),
            toml::Value::Table(table) => table.clone(),
            _ => {
                let refusal = Refusal::new("a nested rule is neither a string nor a table");
                return Err(refusal.hint("write the name of a masking function, or `{ fn = \"…\" }`"));
            }
        };
        let mut parameters = Parameters(table.into_iter().collect());
        let mut nested = NestedRule {
            function: function(&parameters, context)?,
            domain: parameters.text("domain")?.map(str::to_string),
            by: parameters.text("by")?.map(str::to_string),
            ty: parameters.choice("type", TYPES)?.cloned(),
            null: parameters.choice("null", NULL_POLICIES)?.unwrap_or_default(),
            invalid: parameters.choice("invalid", INVALID_POLICIES)?.unwrap_or_default(),
            idle: ["domain", "null", "invalid"].into_iter().find(|key| parameters.0.contains_key(*key)),
            parameters: Parameters::default(),
        };
        parameters.0.retain(|key, _| !COMMON_KEYS.contains(&&**key));
        let takes_locale = nested.function.parameters.iter().any(|parameter| parameter.name == "locale");
        if let Some(locale) = context.locale.filter(|_| takes_locale) {
            parameters.0.entry("locale".into()).or_insert_with(|| locale.into());
        }
        nested.parameters = parameters;
        Ok(nested)
    }

    /// The domain, by default that of the function's kind of data, as for a column.
    fn domain(&self) -> &str {
        let by = self.function.domain_by.filter(|_| self.by.is_some());
        self.domain.as_deref().unwrap_or(by.unwrap_or(self.function.domain))
    }

    fn check_idle(&self, masking: &Masking) -> Result<(), Refusal> {
        match self.idle.filter(|_| !matches!(masking, Masking::Text(_))) {
            Some(key) => {
                Err(Refusal::new(format!("`{}` does not take `{key}`", self.function.name))
                    .hint("leave it out"))
            }
            None => Ok(()),
        }
    }
}

/// The keys of a nested rule that are not parameters of its function.
const COMMON_KEYS: [&str; 6] = ["fn", "domain", "by", "type", "null", "invalid"];

const NULL_POLICIES: &[(&str, NullPolicy)] = &[("keep", NullPolicy::Keep), ("mask", NullPolicy::Mask)];

const INVALID_POLICIES: &[(&str, InvalidPolicy)] =
    &[("error", InvalidPolicy::Error), ("null", InvalidPolicy::Null), ("redact", InvalidPolicy::Redact)];

/// The types that a nested rule can name.
const TYPES: &[(&str, &PgType)] = &[
    ("bigint", &PgType::Int8),
    ("boolean", &PgType::Bool),
    ("bytea", &PgType::Bytea),
    ("cidr", &PgType::Cidr),
    ("citext", &PgType::Citext),
    ("date", &PgType::Date),
    ("double precision", &PgType::Float8),
    ("inet", &PgType::Inet),
    ("integer", &PgType::Int4),
    ("interval", &PgType::Interval),
    ("json", &PgType::Json),
    ("jsonb", &PgType::Jsonb),
    ("macaddr", &PgType::Macaddr),
    ("numeric", &PgType::Numeric(None)),
    ("real", &PgType::Float4),
    ("smallint", &PgType::Int2),
    ("text", &PgType::Text),
    ("time", &PgType::Time(None)),
    ("timestamp", &PgType::Timestamp(None)),
    ("timestamptz", &PgType::TimestampTz(None)),
    ("uuid", &PgType::Uuid),
    ("xml", &PgType::Xml),
];

fn function(parameters: &Parameters, context: &Context<'_>) -> Result<&'static Function, Refusal> {
    let Some(name) = parameters.text("fn")? else {
        return Err(Refusal::new("a nested rule has no `fn`").hint("name a masking function"));
    };
    context.functions.iter().copied().find(|function| function.name == name).ok_or_else(|| Refusal {
        what: format!("unknown function `{name}`"),
        hint: did_you_mean(name, context.functions.iter().map(|function| function.name)),
    })
}
