//! The masking functions: what a rule can name. Each is a file here and an entry of [`FUNCTIONS`].
//!
//! A function is pure: its result depends on the key, the domain, the parameters and the value, and, with `by`, on the
//! value's owner; a few ask for other columns of the value's row. It never sees a table's name or another row.

mod blocks;
pub mod canonical;
mod check_characters;
pub mod collisions;
mod decimal;
pub mod docs;
mod document;
mod draws;
mod feistel;
pub mod ff1;
mod genders;
mod hosts;
mod layout;
pub mod lists;
mod literal;
pub mod nested;
mod number;
pub mod parameters;
mod phrase;
pub mod results;
pub mod row;
mod scheme;
mod shape;
mod spelling;
#[cfg(test)]
mod test_support;
pub mod text;
mod words;

mod array;
mod bic;
mod birth_date;
mod blank;
mod bucket;
mod check_digit;
mod choice;
mod city;
mod clamp;
mod company;
mod composite;
mod coordinates;
mod country;
mod credit_card;
mod date_shift;
mod default;
mod digits;
mod driving_licence;
mod email;
mod find;
mod first_name;
mod fixed;
mod fpe;
mod free_text;
mod full_name;
mod gender;
mod hash;
mod hostname;
mod hstore;
mod iban;
mod integer_id;
mod ip;
mod job_title;
mod json;
mod keep;
mod last_name;
mod lookup;
mod lorem;
mod mac;
mod middle_name;
mod national_id;
mod noise;
mod null;
mod passport;
mod password_hash;
mod pattern;
mod person;
mod phone;
mod phone_ranges;
mod placeholder;
mod places;
mod postal_code;
mod range;
mod redact;
mod regex_replace;
mod region;
mod replaced;
mod round;
mod scramble;
mod ssn;
mod street_address;
mod template;
mod time_of_day;
mod token;
mod truncate;
mod truncate_to;
mod url;
mod user_agent;
mod username;
mod uuid;
mod vehicle_plate;
mod vin;
mod xml;
mod zip3;

pub use nested::Context;
pub use row::{Form, Input};
pub use text::TextMask;

use std::collections::BTreeMap;

use crate::key::DomainKey;
use crate::schema::PgType;

/// A masking function, as the registry knows it; help, docs, tests and benches walk these.
pub struct Function {
    /// The name that a rule gives.
    pub name: &'static str,
    /// What it does, in a sentence in the imperative, without a full stop.
    pub summary: &'static str,
    /// The parameters it takes besides those that every function takes.
    pub parameters: &'static [Parameter],
    /// Values in and out under the all-zero key; a test compares. Other columns have the values of `EXAMPLE_ROW`.
    pub example: Example,
    /// The kind of data: the domain of values unless a rule says another.
    pub domain: &'static str,
    /// The domain where values are given by their owner (`by = "column"`), unless a rule says another; `None` where
    /// the function takes no `by`. Functions that share one agree on an owner: its name and its address match.
    pub domain_by: Option<&'static str>,
    /// Whether a column of that type can be masked.
    pub takes: fn(&PgType) -> bool,
    /// The types it takes, in words, for messages and docs.
    pub takes_text: &'static str,
    /// Makes the mask for a column that [`Function::prepare`] has checked.
    pub build: fn(&Build<'_>) -> Result<Built, Refusal>,
}

/// A parameter of a function.
pub struct Parameter {
    /// Its name in a rule.
    pub name: &'static str,
    /// What it does, its unit, its default.
    pub help: &'static str,
}

/// The masked values of the other columns in the row of an [`Example`].
pub const EXAMPLE_ROW: &[(&str, &str)] = &[("id", "7"), ("first_name", "Ines"), ("last_name", "Moreau")];

/// A documented example of a function.
pub struct Example {
    /// The rule, as a rules file writes it.
    pub rule: &'static str,
    /// The type of the column.
    pub ty: PgType,
    /// A value.
    pub input: &'static str,
    /// What it becomes under the key of 32 zero bytes; `None` for NULL.
    pub output: Option<&'static str>,
}

/// What a function is built from.
pub struct Build<'a> {
    /// The parameters that the rule gives, all of them known to the function.
    pub parameters: &'a Parameters,
    /// The column's type.
    pub ty: &'a PgType,
    /// The key of the domain.
    pub key: &'a DomainKey,
    /// Whether `by` was given.
    pub by: bool,
    /// What a function that takes more than its own rule is made from; without it, such a function is refused.
    pub context: Option<&'a Context<'a>>,
    /// The column's default as an SQL expression, where it has one.
    pub default: Option<&'a str>,
    /// Whether whole values of a column are masked; else, parts of them, of which some may not be of the type.
    pub is_column: bool,
}

/// A function made ready for a column.
pub struct Built {
    /// What happens to its values.
    pub masking: Masking,
    /// How far different values stay different.
    pub uniqueness: Uniqueness,
    /// The most characters of a result, where there is a bound; bind compares it with the column's type.
    pub max_chars: Option<u32>,
    /// The columns of the row that it asks for; a [`Row`](row::Row) gives them in this order.
    pub inputs: Vec<Input>,
}

/// What happens to a column's values.
pub enum Masking {
    /// They go out as they came in.
    Keep,
    /// They become NULL.
    Null,
    /// Each goes through a function of text.
    Text(Box<dyn TextMask>),
}

/// How far different values stay different.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Uniqueness {
    /// Different values always get different results.
    Injective,
    /// Results are spread evenly over 2 to the power of this many bits; two values may get the same, and with `by` all
    /// values of one owner do.
    Bits(f64),
    /// Results say nothing of the values, or are few.
    None,
}

/// Why a function cannot be built for a column; bind adds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub hint: Option<String>,
}

/// The parameters of a rule, as TOML values.
#[derive(Clone, Debug, Default)]
pub struct Parameters(pub BTreeMap<String, toml::Value>);

/// Every masking function, by name.
pub static FUNCTIONS: &[&Function] = &[
    &array::ARRAY,
    &bic::BIC,
    &birth_date::BIRTH_DATE,
    &blank::BLANK,
    &bucket::BUCKET,
    &check_digit::CHECK_DIGIT,
    &choice::CHOICE,
    &city::CITY,
    &clamp::CLAMP,
    &company::COMPANY,
    &composite::COMPOSITE,
    &country::COUNTRY,
    &credit_card::CREDIT_CARD,
    &date_shift::DATE_SHIFT,
    &default::DEFAULT,
    &digits::DIGITS,
    &driving_licence::DRIVING_LICENCE,
    &email::EMAIL,
    &first_name::FIRST_NAME,
    &fixed::FIXED,
    &fpe::FPE,
    &free_text::FREE_TEXT,
    &full_name::FULL_NAME,
    &gender::GENDER,
    &hash::HASH,
    &hostname::HOSTNAME,
    &hstore::HSTORE,
    &iban::IBAN,
    &integer_id::INTEGER_ID,
    &ip::IP,
    &job_title::JOB_TITLE,
    &json::JSON,
    &keep::KEEP,
    &last_name::LAST_NAME,
    &coordinates::LATITUDE,
    &coordinates::LONGITUDE,
    &lookup::LOOKUP,
    &lorem::LOREM,
    &mac::MAC,
    &middle_name::MIDDLE_NAME,
    &national_id::NATIONAL_ID,
    &noise::NOISE,
    &null::NULL,
    &passport::PASSPORT,
    &password_hash::PASSWORD_HASH,
    &pattern::PATTERN,
    &phone::PHONE,
    &placeholder::PLACEHOLDER,
    &postal_code::POSTAL_CODE,
    &range::RANGE,
    &redact::REDACT,
    &regex_replace::REGEX_REPLACE,
    &region::REGION,
    &round::ROUND,
    &scramble::SCRAMBLE,
    &ssn::SSN,
    &street_address::STREET_ADDRESS,
    &template::TEMPLATE,
    &time_of_day::TIME_OF_DAY,
    &token::TOKEN,
    &truncate::TRUNCATE,
    &truncate_to::TRUNCATE_TO,
    &url::URL,
    &user_agent::USER_AGENT,
    &username::USERNAME,
    &uuid::UUID,
    &vehicle_plate::VEHICLE_PLATE,
    &vin::VIN,
    &xml::XML,
    &zip3::ZIP3,
];

/// The function `name`.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|function| function.name == name)
}

impl Function {
    /// Makes the mask for a column, after a check of its type, of `by` and of the parameters' names.
    ///
    /// # Errors
    /// Why the function cannot mask the column.
    pub fn prepare(&self, build: &Build<'_>) -> Result<Built, Refusal> {
        if !(self.takes)(build.ty) {
            return Err(Refusal::new(format!("`{}` does not take the type `{}`", self.name, build.ty))
                .hint(format!("it takes {}", self.takes_text)));
        }
        if build.by && self.domain_by.is_none() {
            return Err(Refusal::new(format!("`{}` takes no `by`", self.name))
                .hint("its result depends on the value alone; leave `by` out"));
        }
        parameters::check_known(self, build.parameters)?;
        (self.build)(build)
    }
}

impl<'a> Build<'a> {
    /// What a function of one value is built from.
    pub fn new(parameters: &'a Parameters, ty: &'a PgType, key: &'a DomainKey, by: bool) -> Self {
        Build { parameters, ty, key, by, context: None, default: None, is_column: false }
    }

    /// …and one that takes other functions or files, in `context`.
    pub fn within(self, context: &'a Context<'a>) -> Self {
        Build { context: Some(context), ..self }
    }
}

impl Example {
    /// The parameters of its rule.
    pub fn parameters(&self) -> Parameters {
        let rule: toml::Table = format!("rule = {}", self.rule).parse().expect("an example is valid TOML");
        let mut parameters = Parameters::default();
        if let Some(toml::Value::Table(table)) = rule.get("rule") {
            parameters.0.extend(table.clone());
            parameters.0.remove("fn");
        }
        parameters
    }
}

impl Built {
    /// Values that go through `mask`, whose results are as unique as said and have at most `max_chars` characters.
    fn text(mask: impl TextMask + 'static, uniqueness: Uniqueness, max_chars: Option<u32>) -> Self {
        Built { masking: Masking::Text(Box::new(mask)), uniqueness, max_chars, inputs: Vec::new() }
    }
}

/// How types of characters are named in messages and docs.
const TEXT_TYPES: &str = "`text`, `varchar`, `char`, `name`, `citext`";
