//! Packs: rules that ship with the program, `pack:NAME`, for columns by the names that such columns have.
//!
//! A pack is a list of entries, most specific first. Against a schema it becomes a rule for each column that an entry
//! names and whose type its function takes (`expand`); a rule of a person's own for the same column always wins. What
//! a person may not decide otherwise, or has to decide, is asked for when all columns are decided (`demand`).

mod column_words;
pub(super) mod demand;
pub(super) mod expand;

use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::name::{ColumnName, TableName};
use super::{ColumnRule, Line};
use crate::error::{Error, Result};
use crate::functions::Parameters;
use crate::functions::text::{InvalidPolicy, NullPolicy};
use crate::nearest::did_you_mean;

/// What a rules list writes before the name of a pack.
pub const PREFIX: &str = "pack:";

/// The pack that is on by itself where the target is a live database.
pub const NEUTRALISE: &str = "pack:neutralise";

/// Every pack by its name, and its text.
const SHIPPED: [(&str, &str); 5] = [
    ("gdpr", include_str!("../../../rules/gdpr.toml")),
    ("hipaa-safe-harbor", include_str!("../../../rules/hipaa-safe-harbor.toml")),
    ("neutralise", include_str!("../../../rules/neutralise.toml")),
    ("pci-dss", include_str!("../../../rules/pci-dss.toml")),
    ("pii", include_str!("../../../rules/pii.toml")),
];

/// The names of the packs.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// The text of the pack `name`.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if there is none of that name.
pub fn text(name: &str) -> Result<&'static str> {
    let shipped = SHIPPED.iter().find(|(known, _)| *known == name);
    shipped.map(|(_, text)| *text).ok_or_else(|| {
        let error = Error::usage(format!("there is no rules pack `{name}`"));
        did_you_mean(name, names()).into_iter().fold(error, Error::hint)
    })
}

/// A pack that the rules of a run name.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    /// The packs that it builds on; its own entries win.
    pub includes: Vec<String>,
    /// Its entries in order.
    entries: Vec<Entry>,
    /// Functions that must not both mask columns of one subject.
    never_both: Vec<NeverBoth>,
}

/// Columns by name, and what becomes of them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The names, patterns of lower-case words joined by underscores.
    names: Vec<ColumnName>,
    /// The names that are not meant though one of `names` matches.
    except: Vec<ColumnName>,
    /// The tables, where not all are meant.
    tables: Vec<TableName>,
    /// The types of columns, where not all that the function takes are meant; `text` is every type of characters.
    types: Vec<String>,
    /// Whether only tables count that also have a column which tells who somebody is.
    with_person: bool,
    /// Whether its columns tell who somebody is.
    tells_person: bool,
    /// What masks them.
    rule: Option<ColumnRule>,
    /// What a person's own rules must do for them.
    demand: Option<Demand>,
    /// What they are about, for [`NeverBoth`].
    subject: Option<String>,
    line: Line,
}

/// What a person's own rules must do for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Demand {
    /// Not to keep it.
    Mask,
    /// To name it: neither `unlisted` nor a pattern of all columns may keep it.
    Decision,
}

/// Functions that, used on two columns of a subject, would let one be found by the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeverBoth {
    subject: String,
    one: Vec<String>,
    other: Vec<String>,
    clause: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[allow(dead_code, reason = "checked to be there")]
    version: i64,
    #[allow(dead_code, reason = "for people")]
    summary: String,
    #[serde(default)]
    includes: Vec<String>,
    #[serde(default)]
    columns: Vec<WrittenEntry>,
    #[serde(default)]
    never_both: Vec<NeverBoth>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    names: Spanned<Vec<String>>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    with_person: bool,
    #[serde(default)]
    tells_person: bool,
    rule: Option<toml::Value>,
    demand: Option<Demand>,
    subject: Option<String>,
    #[allow(dead_code, reason = "for people: the clause that the entry serves")]
    clause: String,
}

impl Pack {
    /// Reads the text of the pack that messages call `file`, the `file_index`th of the rules.
    ///
    /// # Errors
    /// If it is not one: a defect of the program, which a test looks for.
    pub fn parse(text: &str, file: &Arc<str>, file_index: usize) -> Result<Pack> {
        let defect = || Error::rules("the pack cannot be read; this is a defect of `mask`").at(file);
        let written: Written = toml::from_str(text).map_err(|_| defect())?;
        let line = |offset: usize| {
            let number = text[..offset].matches('\n').count() + 1;
            Line { file_index, file: file.clone(), number }
        };
        let names = |written: &[String]| written.iter().map(|name| ColumnName::new(name)).collect();
        let entry = |written: WrittenEntry| {
            let line = line(written.names.span().start);
            let tables = written.tables.iter().map(|name| TableName::parse(name)).collect::<Option<_>>();
            let rule = written.rule.map(|rule| rule_of(rule, &line).ok_or_else(defect)).transpose()?;
            Ok(Entry {
                names: names(written.names.get_ref()),
                except: names(&written.except),
                tables: tables.ok_or_else(defect)?,
                types: written.types,
                with_person: written.with_person,
                tells_person: written.tells_person,
                rule,
                demand: written.demand,
                subject: written.subject,
                line,
            })
        };
        let entries = written.columns.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(Pack { includes: written.includes, entries, never_both: written.never_both })
    }
}

/// The rule of an entry, as a rules file would write it: a function's name, or a table.
fn rule_of(written: toml::Value, line: &Line) -> Option<ColumnRule> {
    let mut rule = ColumnRule {
        column: ColumnName::new("*"),
        line: line.clone(),
        function: String::new(),
        parameters: Parameters::default(),
        domain: None,
        by: None,
        when: None,
        null: None,
        invalid: None,
    };
    let table = match written {
        toml::Value::String(function) => {
            rule.function = function;
            return Some(rule);
        }
        toml::Value::Table(table) => table,
        _ => return None,
    };
    for (key, value) in table {
        let text = || value.as_str().map(str::to_string);
        match key.as_str() {
            "fn" => rule.function = text()?,
            "domain" => rule.domain = Some(text()?),
            "by" => rule.by = Some(text()?),
            "null" => rule.null = Some(NullPolicy::Mask).filter(|_| value.as_str() == Some("mask")),
            "invalid" => {
                rule.invalid = Some(match value.as_str()? {
                    "null" => InvalidPolicy::Null,
                    "redact" => InvalidPolicy::Redact,
                    _ => return None,
                });
            }
            _ => drop(rule.parameters.0.insert(key, value)),
        }
    }
    Some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{FUNCTIONS, find};
    use crate::rules::setting::Setting;

    fn shipped() -> Vec<(&'static str, Pack)> {
        let parse = |name: &'static str| {
            let file: Arc<str> = format!("{PREFIX}{name}").into();
            (name, Pack::parse(text(name).unwrap(), &file, 0).unwrap())
        };
        names().map(parse).collect()
    }

    #[test]
    fn every_entry_of_every_pack_is_a_rule_or_a_demand_and_serves_a_clause() {
        for (name, pack) in shipped() {
            assert!(!pack.entries.is_empty(), "{name}");
            for entry in &pack.entries {
                assert!(entry.rule.is_some() || entry.demand.is_some(), "{}", entry.line);
                let Some(rule) = &entry.rule else { continue };
                if let Err(errors) = Setting::new(rule, None, FUNCTIONS) {
                    panic!("{}", errors[0]);
                }
            }
            let written: Written = toml::from_str(text(name).unwrap()).unwrap();
            assert!(written.columns.iter().all(|entry| !entry.clause.is_empty()), "{name}");
            for both in &pack.never_both {
                assert!(
                    both.one.iter().chain(&both.other).all(|function| find(function).is_some()),
                    "{name}"
                );
                assert!(pack.entries.iter().any(|entry| entry.subject.as_ref() == Some(&both.subject)));
            }
        }
    }

    #[test]
    fn an_unknown_pack_names_the_nearest() {
        assert!(text("piii").unwrap_err().to_string().contains("did you mean `pii`?"));
    }
}
