//! Reads rules files: TOML, every key known, every rule with its line.
//!
//! What a name or a parameter means is left to `bind`, which has the schema and the functions.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use sha2::Digest;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::name::{ColumnName, TableName};
use super::nearest::did_you_mean;
use super::reference::Reference;
use super::{ColumnRule, DeclaredReference, LargeObjects, Line, RuleSet, TableRules, Unlisted};
use crate::error::{Error, Result, io_reason};
use crate::functions::Parameters;
use crate::functions::text::{InvalidPolicy, NullPolicy};

/// The version of the language that this crate reads.
const VERSION: &str = "1";

/// What every function takes besides its own parameters.
pub(super) const COMMON_KEYS: [&str; 6] = ["fn", "domain", "by", "when", "null", "invalid"];

impl RuleSet {
    /// Reads rules files; a later file wins over an earlier one, key by key.
    ///
    /// # Errors
    /// Everything that is wrong in the files: [`Kind::Usage`](crate::error::Kind::Usage) for one that cannot be read,
    /// [`Kind::Rules`](crate::error::Kind::Rules) for what is written in it.
    pub fn read(files: &[PathBuf]) -> Result<Self, Vec<Error>> {
        let mut rules = RuleSet::default();
        let mut errors = Vec::new();
        for path in files {
            let name = path.display().to_string();
            match read_text(path, &name) {
                Ok(text) => errors.extend(rules.add(&name, &text)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// Reads one rules file from its text; `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Error>> {
        let mut rules = RuleSet::default();
        let errors = rules.add(name, text);
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// The SHA-256 hash of the files' bytes, one file after another, in hex: what `cat FILES | sha256sum` prints.
    pub fn sha256(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds the file `name` with the content `text`; returns what is wrong in it.
    fn add(&mut self, name: &str, text: &str) -> Vec<Error> {
        let file: Arc<str> = name.into();
        let file_index = self.files.len();
        self.files.push(file.clone());
        self.digest.update(text);
        let line_ends = text.match_indices('\n').map(|(index, _)| index).collect();
        let mut reader = FileReader { rules: self, file, file_index, text, line_ends, errors: Vec::new() };
        match DeTable::parse(text) {
            Ok(document) => reader.document(document.get_ref()),
            Err(error) => reader.errors.push(syntax_error(name, text, &error)),
        }
        reader.errors
    }
}

fn read_text(path: &PathBuf, name: &str) -> Result<String> {
    if let Some(pack) = name.strip_prefix("pack:") {
        return Err(Error::usage(format!("there is no rules pack `{pack}`"))
            .hint("this version ships no packs; name a rules file"));
    }
    let bytes = fs::read(path).map_err(|error| {
        Error::usage(format!("cannot read the rules file: {}", io_reason(&error))).at(name)
    })?;
    String::from_utf8(bytes).map_err(|_| Error::rules("the rules file is not UTF-8").at(name))
}

/// A TOML syntax error; the library's message says what it expected, and nothing of the text.
fn syntax_error(name: &str, text: &str, error: &toml::de::Error) -> Error {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    let line = before.matches('\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    Error::rules(format!("not TOML: {}", error.message())).at(format!("{name}:{line}:{column}"))
}

type Key<'t> = Spanned<DeString<'t>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads one file into the rules, gathering errors.
struct FileReader<'a> {
    rules: &'a mut RuleSet,
    file: Arc<str>,
    file_index: usize,
    text: &'a str,
    line_ends: Vec<usize>,
    errors: Vec<Error>,
}

impl FileReader<'_> {
    fn document(&mut self, document: &DeTable<'_>) {
        const KEYS: [&str; 6] = ["version", "defaults", "tables", "large_objects", "foreign_keys", "subset"];
        if !document.keys().any(|key| key.get_ref() == "version") {
            let error = Error::rules("the rules file has no `version`").at(&self.file);
            self.errors.push(error.hint(format!("begin it with `version = {VERSION}`")));
        }
        for (key, value) in in_order(document) {
            match &**key.get_ref() {
                "version" => self.version(key, value),
                "defaults" => self.each(key, value, FileReader::default),
                "tables" => self.each(key, value, FileReader::table),
                "large_objects" => self.each(key, value, FileReader::large_objects),
                "foreign_keys" => self.foreign_keys(key, value),
                "subset" => self.refuse(key, "`[subset]` is not supported yet", None),
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
            "when" => {
                let hint = "leave it out; the function then masks every row";
                self.refuse(key, "`when` is not supported yet", Some(hint.into()));
            }
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

    fn foreign_keys(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let Some(entries) = value.get_ref().as_array() else {
            let hint = "write `[[foreign_keys]]` with `from` and `to` below it";
            return self.refuse(key, "`foreign_keys` is not a list of tables", Some(hint.into()));
        };
        for entry in entries.iter() {
            self.foreign_key(key, entry);
        }
    }

    fn foreign_key(&mut self, key: &Key<'_>, entry: &Value<'_>) {
        let Some(fields) = self.table_value(key, entry) else { return };
        let line = self.line_at(entry.span().start);
        let (mut child, mut parent) = (None, None);
        let errors_before = self.errors.len();
        for (key, value) in in_order(fields) {
            match &**key.get_ref() {
                "from" => child = self.reference(key, value),
                "to" => parent = self.reference(key, value),
                _ => self.unknown_key(key, &["from", "to"]),
            }
        }
        match (child, parent) {
            (Some(child), Some(parent)) if child.columns.len() == parent.columns.len() => {
                self.rules.foreign_keys.push(DeclaredReference { line, child, parent });
            }
            (Some(_), Some(_)) => {
                self.errors.push(Error::rules("`from` and `to` have different numbers of columns").at(line))
            }
            _ if self.errors.len() > errors_before => {}
            _ => self.errors.push(
                Error::rules("a foreign key needs `from` and `to`")
                    .at(line)
                    .hint("such as `from = \"events(user_ref)\"`, `to = \"users(id)\"`"),
            ),
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
            let hint = super::nearest::nearest(written.unwrap_or_default(), names);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let errors = RuleSet::parse("r.toml", text).unwrap_err();
        errors.iter().map(Error::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_rule_keeps_its_line_and_its_parameters() {
        let text = "version = 1\n\n[tables.users]\nid = \"keep\"\n\n[tables.users.email]\nfn = \"email\"\nby = \"id\"\n\
                    max_length = 9\n";
        let rules = RuleSet::parse("r.toml", text).unwrap();
        let [table] = &rules.tables[..] else { panic!("one table") };
        let [id, email] = &table.columns[..] else { panic!("two columns") };
        assert_eq!((id.line.to_string(), &*id.function), ("r.toml:4".into(), "keep"));
        assert_eq!((email.line.to_string(), email.by.as_deref()), ("r.toml:6".into(), Some("id")));
        assert_eq!(email.parameters.0["max_length"], toml::Value::Integer(9));
    }

    #[test]
    fn a_schema_may_be_a_dotted_key() {
        let rules = RuleSet::parse("r", "version = 1\n[tables.public.users]\nid = \"keep\"\n").unwrap();
        assert_eq!(rules.tables[0].name, TableName::parse("public.users").unwrap());
        assert_eq!(rules.tables.len(), 1);
        let rules =
            RuleSet::parse("r", "version = 1\n[tables.\"a b\".users]\n[tables.\"a b\".orders]\n").unwrap();
        assert_eq!(rules.tables.len(), 2);
    }

    #[test]
    fn a_syntax_error_says_where_and_repeats_nothing() {
        let message = message("version = 1\n[tables.users]\nemail = s3cr3t\n");
        assert!(message.contains("\n  at: r.toml:3:9"), "{message}");
        assert!(!message.contains("s3cr3t"), "{message}");
    }

    #[test]
    fn the_hash_is_that_of_the_bytes_in_order() {
        let empty = RuleSet::default().sha256();
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let mut rules = RuleSet::default();
        rules.add("a", "version = 1");
        rules.add("b", "\n");
        assert_eq!(rules.sha256(), RuleSet::parse("c", "version = 1\n").unwrap().sha256());
    }

    #[test]
    fn every_error_of_a_file_is_told() {
        let message = message("version = 2\nfoo = 1\n[defaults]\nunlisted = \"kep\"\n");
        assert!(message.contains("unknown version") && message.contains("unknown key `foo`"), "{message}");
        assert!(message.contains("did you mean `\"keep\"`?"), "{message}");
    }
}
