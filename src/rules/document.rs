//! Reads the keys of a rules file: every key known, every rule with its line.
//!
//! What a name or a parameter means is left to `bind`, which has the schema and the functions.

mod foreign_keys;
mod subset;

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::name::{ColumnName, TableName};
use super::reference::Reference;
use super::{ColumnRule, LargeObjects, Line, RuleSet, TableRules, Unlisted};
use crate::error::Error;
use crate::functions::Parameters;
use crate::functions::text::{InvalidPolicy, NullPolicy};
use crate::nearest::{did_you_mean, nearest};

/// The version of the language that this crate reads.
const VERSION: &str = "1";

/// What every function takes besides its own parameters.
pub const COMMON_KEYS: [&str; 6] = ["fn", "domain", "by", "when", "null", "invalid"];

type Key<'t> = Spanned<DeString<'t>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads one file into the rules, gathering errors.
pub struct DocumentReader<'a> {
    rules: &'a mut RuleSet,
    file: Arc<str>,
    file_index: usize,
    text: &'a str,
    line_ends: Vec<usize>,
    errors: Vec<Error>,
}

impl<'a> DocumentReader<'a> {
    /// A reader that adds to `rules` what `text`, the content of the file `file`, says.
    pub fn new(rules: &'a mut RuleSet, file: Arc<str>, file_index: usize, text: &'a str) -> Self {
        let line_ends = text.match_indices('\n').map(|(index, _)| index).collect();
        DocumentReader { rules, file, file_index, text, line_ends, errors: Vec::new() }
    }

    /// Reads the whole document; returns what is wrong in it.
    pub fn read(mut self, document: &DeTable<'_>) -> Vec<Error> {
        self.document(document);
        self.errors
    }

    fn document(&mut self, document: &DeTable<'_>) {
        const KEYS: [&str; 6] = ["version", "defaults", "tables", "large_objects", "foreign_keys", "subset"];
        if !document.keys().any(|key| key.get_ref() == "version") {
            let error = Error::rules("the rules file has no `version`").at(&self.file);
            self.errors.push(error.hint(format!("begin it with `version = {VERSION}`")));
        }
        for (key, value) in in_order(document) {
            match &**key.get_ref() {
                "version" => self.version(key, value),
                "defaults" => self.each(key, value, DocumentReader::default),
                "tables" => self.each(key, value, DocumentReader::table),
                "large_objects" => self.each(key, value, DocumentReader::large_objects),
                "foreign_keys" => self.foreign_keys(key, value),
                "subset" => self.each(key, value, DocumentReader::subset),
                _ => self.unknown_key(key, &KEYS),
            }
        }
    }

    fn version(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let integer = value.get_ref().as_integer();
        if integer.is_none_or(|integer| integer.as_str() != VERSION || integer.radix() != 10) {
            let hint = format!("this `mask` reads `version = {VERSION}`");
            self.refuse(key, "the rules file is of an unknown version", Some(hint));
        }
    }

    fn default(&mut self, key: &Key<'_>, value: &Value<'_>) {
        match &**key.get_ref() {
            "unlisted" => {
                if value.get_ref().as_str() == Some("auto") {
                    let hint = "list the columns, or write \"error\", \"keep\" or \"null\"";
                    return self.refuse(key, "`unlisted = \"auto\"` is not supported yet", Some(hint.into()));
                }
                let choices =
                    [("error", Unlisted::Error), ("keep", Unlisted::Keep), ("null", Unlisted::Null)];
                if let Some(unlisted) = self.choice(key, value, &choices) {
                    self.rules.unlisted = unlisted;
                }
            }
            "locale" => {
                if let Some(locale) = self.string(key, value) {
                    self.rules.locale = Some(locale);
                }
            }
            _ => self.unknown_key(key, &["unlisted", "locale"]),
        }
    }

    fn large_objects(&mut self, key: &Key<'_>, value: &Value<'_>) {
        if key.get_ref() != "action" {
            return self.unknown_key(key, &["action"]);
        }
        let choices = [("drop", LargeObjects::Drop), ("keep", LargeObjects::Keep)];
        if let Some(action) = self.choice(key, value, &choices) {
            self.rules.large_objects = Some(action);
        }
    }

    /// An entry under `[tables]`: a table, or a schema with tables of its own (`[tables.public.users]`).
    fn table(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let Some(entries) = self.table_value(key, value) else { return };
        let mut columns = Vec::new();
        let mut has_tables = false;
        for (inner_key, inner) in in_order(entries) {
            if self.is_table(inner) {
                has_tables = true;
                let name = format!("{}.{}", key.get_ref(), inner_key.get_ref());
                self.table_rules(&name, inner_key, inner);
            } else {
                columns.push((inner_key, inner));
            }
        }
        if !has_tables || !columns.is_empty() {
            self.named_table(key.get_ref(), key, columns);
        }
    }

    /// Whether an entry of a table is a table of rules and not a rule written over several lines: it has a header of
    /// its own, and names no function.
    fn is_table(&self, value: &Value<'_>) -> bool {
        let inline = self.text.get(value.span().start..).is_some_and(|text| text.starts_with('{'));
        let rules = value.get_ref().as_table();
        !inline && rules.is_some_and(|rules| !rules.keys().any(|key| COMMON_KEYS.contains(&&**key.get_ref())))
    }

    fn table_rules(&mut self, name: &str, key: &Key<'_>, value: &Value<'_>) {
        if let Some(entries) = self.table_value(key, value) {
            self.named_table(name, key, in_order(entries));
        }
    }

    fn named_table(&mut self, name: &str, key: &Key<'_>, columns: Vec<(&Key<'_>, &Value<'_>)>) {
        let columns = columns.into_iter().filter_map(|(key, value)| self.column(key, value)).collect();
        match TableName::parse(name) {
            Some(name) => self.rules.tables.push(TableRules { name, line: self.line(key), columns }),
            None => {
                let hint =
                    "write `[tables.name]`, `[tables.\"schema.name\"]` or `[tables.'\"Schema\".\"Name\"']`";
                self.refuse(key, format!("`{name}` is not the name of a table"), Some(hint.into()));
            }
        }
    }

    /// A column's rule, a string or a table with `fn`.
    fn column(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<ColumnRule> {
        let mut rule = ColumnRule {
            column: ColumnName::new(key.get_ref()),
            line: self.line(key),
            function: String::new(),
            parameters: Parameters::default(),
            domain: None,
            by: None,
            when: None,
            null: None,
            invalid: None,
        };
        match value.get_ref() {
            DeValue::String(function) => rule.function = function.to_string(),
            DeValue::Table(entries) => {
                for (inner_key, inner) in in_order(entries) {
                    self.rule_key(&mut rule, inner_key, inner);
                }
                if rule.function.is_empty() {
                    let hint = "name a masking function; a table of a schema is `[tables.\"schema.name\"]`";
                    self.refuse(key, format!("the rule of `{}` has no `fn`", rule.column), Some(hint.into()));
                    return None;
                }
            }
            _ => {
                let hint = "write the name of a masking function, or `{ fn = \"…\" }`";
                let what = format!("the rule of `{}` is neither a string nor a table", rule.column);
                self.refuse(key, what, Some(hint.into()));
                return None;
            }
        }
        Some(rule)
    }

    fn rule_key(&mut self, rule: &mut ColumnRule, key: &Key<'_>, value: &Value<'_>) {
        match &**key.get_ref() {
            "fn" => rule.function = self.string(key, value).unwrap_or_default(),
            "domain" => rule.domain = self.string(key, value),
            "by" => rule.by = self.string(key, value),
            "when" => rule.when = self.string(key, value),
            "null" => {
                let choices = [("keep", NullPolicy::Keep), ("mask", NullPolicy::Mask)];
                rule.null = self.choice(key, value, &choices);
            }
            "invalid" => {
                let choices = [
                    ("error", InvalidPolicy::Error),
                    ("null", InvalidPolicy::Null),
                    ("redact", InvalidPolicy::Redact),
                ];
                rule.invalid = self.choice(key, value, &choices);
            }
            name => match toml::Value::deserialize(value.clone().into_deserializer()) {
                Ok(parameter) => drop(rule.parameters.0.insert(name.to_string(), parameter)),
                Err(_) => self.refuse(key, format!("the value of `{name}` is out of range"), None),
            },
        }
    }

    fn reference(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<Reference> {
        let written = self.string(key, value)?;
        let reference = Reference::parse(&written);
        if reference.is_none() {
            let hint = "such as `events(user_ref)` or `\"Sales\".\"Order\"(\"Id\", line)`";
            let what = format!("`{}` is not a table and its columns", key.get_ref());
            self.refuse(key, what, Some(hint.into()));
        }
        reference
    }

    /// Reads each entry of the table `value` with `read`.
    fn each(&mut self, key: &Key<'_>, value: &Value<'_>, read: fn(&mut Self, &Key<'_>, &Value<'_>)) {
        let Some(entries) = self.table_value(key, value) else { return };
        for (key, value) in in_order(entries) {
            read(self, key, value);
        }
    }

    fn table_value<'v, 't>(&mut self, key: &Key<'_>, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.refuse(key, format!("`{}` is not a table", key.get_ref()), None);
        }
        table
    }

    fn string(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<String> {
        let string = value.get_ref().as_str().filter(|string| !string.is_empty());
        if string.is_none() {
            self.refuse(key, format!("`{}` is not a string with something in it", key.get_ref()), None);
        }
        string.map(str::to_string)
    }

    fn choice<T: Copy>(&mut self, key: &Key<'_>, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let written = value.get_ref().as_str();
        let chosen = choices.iter().find(|(name, _)| Some(*name) == written);
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`\"{name}\"`")).collect();
            let what = format!("`{}` is none of {}", key.get_ref(), names.join(", "));
            let names = choices.iter().map(|(name, _)| *name);
            let hint = nearest(written.unwrap_or_default(), names);
            self.refuse(key, what, hint.map(|name| format!("did you mean `\"{name}\"`?")));
        }
        chosen.map(|(_, choice)| *choice)
    }

    fn unknown_key(&mut self, key: &Key<'_>, known: &[&str]) {
        let hint = did_you_mean(key.get_ref(), known.iter().copied());
        self.refuse(key, format!("unknown key `{}`", key.get_ref()), hint);
    }

    fn refuse(&mut self, key: &Key<'_>, what: impl Into<String>, hint: Option<String>) {
        let error = Error::rules(what).at(self.line(key));
        self.errors.push(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        });
    }

    fn line(&self, key: &Key<'_>) -> Line {
        self.line_at(key.span().start)
    }

    fn line_at(&self, offset: usize) -> Line {
        let number = self.line_ends.partition_point(|end| *end < offset) + 1;
        Line { file_index: self.file_index, file: self.file.clone(), number }
    }
}

/// The entries of a table in the order in which they are written; the library sorts them by key.
fn in_order<'v, 't>(table: &'v DeTable<'t>) -> Vec<(&'v Key<'t>, &'v Value<'t>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
