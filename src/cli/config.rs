//! `mask.toml`: the settings of a job, so that `mask` alone is a whole run.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use crate::error::{Error, Result, io_reason};
use crate::nearest::did_you_mean;
use crate::pg::client::Conninfo;
use crate::target::postgres::Load;
use crate::target::postgres::hooks::{AfterSwap, Hooks};

/// The file that is read when `--config` names none.
const DEFAULT_NAME: &str = "mask.toml";

/// The keys of the file.
const KEYS: [&str; 10] =
    ["from", "to", "rules", "subset", "key_file", "jobs", "schema", "load", "guards", "hooks"];

/// The keys of `[guards]`.
const GUARDS: [&str; 1] = ["never_write"];

/// The keys of `[hooks]`.
const HOOKS: [&str; 3] = ["before_load", "after_load", "after_swap"];

/// The settings of a job; paths are as seen from the current folder.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The snapshot.
    pub from: Option<String>,
    /// The target.
    pub to: Option<String>,
    /// The rules files, in order.
    pub rules: Vec<String>,
    /// What the subset is, as `--subset` takes it.
    pub subset: Vec<String>,
    /// The file with the key.
    pub key_file: Option<PathBuf>,
    /// How many threads.
    pub jobs: Option<usize>,
    /// The schema file.
    pub schema: Option<PathBuf>,
    /// How a live target comes into place.
    pub load: Option<Load>,
    /// Hosts that are never written to.
    pub never_write: Vec<String>,
    /// What is run around the load of a live target.
    pub hooks: Hooks,
}

#[derive(Deserialize)]
struct Written {
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    subset: Vec<String>,
    key_file: Option<String>,
    jobs: Option<usize>,
    schema: Option<String>,
    load: Option<String>,
    #[serde(default)]
    guards: WrittenGuards,
    #[serde(default)]
    hooks: WrittenHooks,
}

#[derive(Default, Deserialize)]
struct WrittenGuards {
    #[serde(default)]
    never_write: Vec<String>,
}

#[derive(Default, Deserialize)]
struct WrittenHooks {
    before_load: Option<OneOrMany>,
    after_load: Option<OneOrMany>,
    after_swap: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn expanded(self) -> Result<OneOrMany> {
        Ok(match self {
            OneOrMany::One(text) => OneOrMany::One(expand(&text)?),
            OneOrMany::Many(texts) => {
                OneOrMany::Many(texts.iter().map(|text| expand(text)).collect::<Result<_>>()?)
            }
        })
    }

    fn into_list(self) -> Vec<String> {
        match self {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

impl WrittenHooks {
    fn read(self, folder: &Path) -> Result<Hooks> {
        let files = |written: Option<OneOrMany>| -> Result<Vec<PathBuf>> {
            let files = written.map(OneOrMany::expanded).transpose()?.map(OneOrMany::into_list);
            Ok(files.unwrap_or_default().into_iter().map(|file| folder.join(file)).collect())
        };
        let after_swap = match self.after_swap.map(OneOrMany::expanded).transpose()? {
            Some(OneOrMany::Many(words)) if words.is_empty() => {
                return Err(Error::usage("the hook `after_swap` names no program"));
            }
            Some(OneOrMany::Many(words)) => Some(AfterSwap::Program(words)),
            Some(OneOrMany::One(line)) => Some(AfterSwap::Shell(line)),
            None => None,
        };
        Ok(Hooks { before_load: files(self.before_load)?, after_load: files(self.after_load)?, after_swap })
    }
}

impl Config {
    /// Reads `file`, or `mask.toml` of the current folder where it is there.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if it cannot be read, has an unknown key or a value of another type,
    /// or names a variable that is not set.
    pub fn read(file: Option<&Path>) -> Result<Config> {
        let default = Path::new(DEFAULT_NAME);
        let path = match file {
            Some(path) => path,
            None if default.exists() => default,
            None => return Ok(Config::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(format!("cannot read the settings: {}", io_reason(&error))).at(path.display())
        })?;
        parse(&text, path.parent().unwrap_or(Path::new(""))).map_err(|error| error.at(path.display()))
    }
}

fn parse(text: &str, folder: &Path) -> Result<Config> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| syntax_error(text, &error))?;
    refuse_unknown(&table, &KEYS, "")?;
    for (section, keys) in [("guards", &GUARDS[..]), ("hooks", &HOOKS[..])] {
        if let Some(toml::Value::Table(table)) = table.get(section) {
            refuse_unknown(table, keys, section)?;
        }
    }
    let written: Written = table.try_into().map_err(|_| {
        Error::usage("a value has the wrong type").hint("`from`, `to`, `key_file`, `schema` and `load` are strings, `rules`, `subset` and `never_write` are lists of strings, `jobs` is a number, hooks are a string or a list of strings")
    })?;
    let path = |text: String| Ok::<PathBuf, Error>(folder.join(expand(&text)?));
    Ok(Config {
        from: written.from.map(|text| located(&expand(&text)?, folder)).transpose()?,
        to: written.to.map(|text| located(&expand(&text)?, folder)).transpose()?,
        rules: written.rules.iter().map(|text| located(&expand(text)?, folder)).collect::<Result<_>>()?,
        subset: written.subset.iter().map(|text| expand(text)).collect::<Result<_>>()?,
        key_file: written.key_file.map(path).transpose()?,
        schema: written.schema.map(path).transpose()?,
        jobs: written.jobs,
        load: written.load.map(|text| load(&text)).transpose()?,
        never_write: written.guards.never_write.iter().map(|text| expand(text)).collect::<Result<_>>()?,
        hooks: written.hooks.read(folder)?,
    })
}

fn load(text: &str) -> Result<Load> {
    Load::from_str(text, false).map_err(|_| {
        let forms: Vec<String> = Load::value_variants()
            .iter()
            .filter_map(|load| Some(load.to_possible_value()?.get_name().into()))
            .collect();
        Error::usage("`load` has an unknown value").hint(format!("it is one of {}", forms.join(", ")))
    })
}

fn refuse_unknown(table: &toml::Table, known: &[&str], section: &str) -> Result<()> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let hint = did_you_mean(key, known.iter().copied());
    let hint = hint.unwrap_or_else(|| format!("the keys are {}", known.join(", ")));
    let place = if section.is_empty() { String::new() } else { format!(" in `[{section}]`") };
    Err(Error::usage(format!("unknown key `{key}`{place}")).hint(hint))
}

/// The place of a syntax error; of the parser's message only the position is told, for it quotes the text.
fn syntax_error(text: &str, error: &toml::de::Error) -> Error {
    let offset = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1;
    Error::usage("the file is not TOML").at(format!("line {line}"))
}

/// `text` as a source or target seen from the current folder, where it is a path relative to `folder`.
fn located(text: &str, folder: &Path) -> Result<String> {
    let join = |path: &str| folder.join(path).to_string_lossy().into_owned();
    let is_connection = text.contains("://") || Conninfo::recognises(text);
    Ok(match text.split_once(':') {
        _ if text == "-" || is_connection => text.to_string(),
        Some((scheme @ ("parquet" | "csv" | "dir"), path)) => format!("{scheme}:{}", join(path)),
        Some(("pack", _)) => text.to_string(),
        _ => join(text),
    })
}

/// Replaces each `${NAME}` by the environment variable NAME.
fn expand(text: &str) -> Result<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err(Error::usage("`${` without `}`"));
        };
        let value = std::env::var(name)
            .map_err(|_| Error::usage(format!("the environment variable `{name}` is not set")))?;
        expanded = expanded + before + &value;
        rest = after;
    }
    Ok(expanded + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file() {
        let config =
            parse("from = 'a.dump'\nto = 'parquet:out'\nrules = ['r.toml']", Path::new("jobs")).unwrap();
        assert_eq!(config.from.as_deref(), Some("jobs/a.dump"));
        assert_eq!(config.to.as_deref(), Some("parquet:jobs/out"));
        assert_eq!(config.rules, ["jobs/r.toml"]);
    }

    #[test]
    fn a_connection_is_no_path() {
        for from in ["postgres:///shop", "host=/var/run/postgresql dbname=shop"] {
            let config = parse(&format!("from = '{from}'"), Path::new("jobs")).unwrap();
            assert_eq!(config.from.as_deref(), Some(from));
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let error = parse("form = 'a'", Path::new("")).unwrap_err();
        assert_eq!(error.to_string(), "unknown key `form`\nhint: did you mean `from`?");
    }

    #[test]
    fn guards_and_hooks_are_read() {
        let text = "load = 'data'\n[guards]\nnever_write = ['*prod*']\n[hooks]\nbefore_load = 'a.sql'\nafter_load = ['b.sql', '/c.sql']\nafter_swap = ['notify', 'staging']";
        let config = parse(text, Path::new("jobs")).unwrap();
        assert_eq!((config.load, config.never_write), (Some(Load::Data), vec!["*prod*".to_string()]));
        assert_eq!(config.hooks.before_load, [Path::new("jobs/a.sql")]);
        assert_eq!(config.hooks.after_load, [Path::new("jobs/b.sql"), Path::new("/c.sql")]);
        let words = vec!["notify".to_string(), "staging".to_string()];
        assert_eq!(config.hooks.after_swap, Some(AfterSwap::Program(words)));
        let error = parse("[hooks]\nafter_lod = 'x'", Path::new("")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `after_lod` in `[hooks]`\nhint: did you mean `after_load`?"
        );
        assert!(parse("load = 'swop'", Path::new("")).is_err());
    }

    #[test]
    fn a_variable_that_is_not_set_is_an_error() {
        let error = parse("from = '${MASK_TEST_NOT_SET}'", Path::new("")).unwrap_err();
        assert_eq!(error.what(), "the environment variable `MASK_TEST_NOT_SET` is not set");
    }
}
