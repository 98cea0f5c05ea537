//! Reads rules files from disk: their bytes, their hash, their syntax. The keys are read by `document`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest;
use toml::de::DeTable;

use super::RuleSet;
use super::document::DocumentReader;
use super::pack::{self, Pack};
use crate::error::{Error, Result, io_reason};
use crate::functions::lists::Lists;

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

    /// The SHA-256 hash of the files' bytes, one file after another, and then of the `lists` that they name, in hex: what
    /// `cat FILES LISTS | sha256sum` prints.
    pub fn sha256(&self, lists: &Lists) -> String {
        let mut digest = self.digest.clone();
        lists.each(|list| digest.update(list));
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the pack is among the rules, by its name with `pack:`.
    pub fn has_pack(&self, name: &str) -> bool {
        self.files.iter().any(|file| **file == *name)
    }

    /// Adds the file `name` with the content `text`; returns what is wrong in it.
    fn add(&mut self, name: &str, text: &str) -> Vec<Error> {
        let file: Arc<str> = name.into();
        let file_index = self.files.len();
        self.files.push(file.clone());
        self.digest.update(text);
        if name.starts_with(pack::PREFIX) {
            return match Pack::parse(text, &file, file_index) {
                Ok(pack) => self.add_pack(pack),
                Err(error) => vec![error],
            };
        }
        match DeTable::parse(text) {
            Ok(document) => DocumentReader::new(self, file, file_index, text).read(document.get_ref()),
            Err(error) => vec![syntax_error(name, text, &error)],
        }
    }
}

impl RuleSet {
    /// Adds `pack`, behind those that it builds on.
    fn add_pack(&mut self, pack: Pack) -> Vec<Error> {
        let mut errors = Vec::new();
        for included in &pack.includes {
            match pack::text(included) {
                Ok(text) => errors.extend(self.add(&format!("{}{included}", pack::PREFIX), text)),
                Err(error) => errors.push(error),
            }
        }
        self.packs.push(pack);
        errors
    }
}

fn read_text(path: &PathBuf, name: &str) -> Result<String> {
    if let Some(name) = name.strip_prefix(pack::PREFIX) {
        return pack::text(name).map(str::to_string);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::name::TableName;

    fn message(text: &str) -> String {
        let errors = RuleSet::parse("r.toml", text).unwrap_err();
        errors.iter().map(Error::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_rule_keeps_its_line_and_its_parameters() {
        let text = "version = 1\n\n[tables.users]\nid = \"keep\"\n\n\
                    [tables.users.email]\nfn = \"email\"\nby = \"id\"\n\
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
        let lists = Lists::default();
        let empty = RuleSet::default().sha256(&lists);
        assert_eq!(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let mut rules = RuleSet::default();
        rules.add("a", "version = 1");
        rules.add("b", "\n");
        assert_eq!(rules.sha256(&lists), RuleSet::parse("c", "version = 1\n").unwrap().sha256(&lists));
    }

    #[test]
    fn every_error_of_a_file_is_told() {
        let message = message("version = 2\nfoo = 1\n[defaults]\nunlisted = \"kep\"\n");
        assert!(message.contains("unknown version") && message.contains("unknown key `foo`"), "{message}");
        assert!(message.contains("did you mean `\"keep\"`?"), "{message}");
    }
}
