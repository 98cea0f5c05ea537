//! Rules: what a person asks for each column, read from TOML and bound to a snapshot's schema.
//!
//! `file` and `document` read the TOML with its lines, `name` matches names and patterns as Postgres would, `resolve`
//! finds the rule of each column, `group` ties columns that must mask alike, `decide` says which rule decides a group,
//! `shared` makes its mask, `fit` asks whether that fits a column, and `bind` puts them together. The language is
//! described in `rules/README.md`.

mod bind;
mod collision;
mod decide;
mod document;
mod file;
mod fit;
mod group;
mod inputs;
mod name;
mod pack;
mod reference;
mod resolve;
mod setting;
mod shared;
pub mod subset;
pub mod subset_names;
mod when;

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use bind::{Binding, ColumnAction, ColumnInput, Decision, bind};
pub use name::{TableName, glob};
pub use pack::{NEUTRALISE, names as pack_names};

use crate::functions::Parameters;
use crate::functions::text::{InvalidPolicy, NullPolicy};
use name::ColumnName;
use reference::Reference;
use subset::SubsetRules;

/// The rules of a run: one or more files, in the order in which they were named.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The files' names, in order.
    files: Vec<Arc<str>>,
    /// The hash over the files' bytes.
    digest: sha2::Sha256,
    /// What becomes of a column without a decision.
    unlisted: Unlisted,
    /// The locale of every function that takes one.
    locale: Option<String>,
    /// The packs named, in order.
    packs: Vec<pack::Pack>,
    /// The tables named, in the order of files and lines.
    tables: Vec<TableRules>,
    /// What becomes of large objects, where a file says it.
    large_objects: Option<LargeObjects>,
    /// References that the database does not declare.
    foreign_keys: Vec<DeclaredReference>,
    /// What is asked of the subset.
    pub subset: SubsetRules,
}

/// What becomes of a column that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unlisted {
    /// The rules are refused.
    #[default]
    Error,
    /// Its values go out as they came in.
    Keep,
    /// Its values become NULL.
    Null,
}

/// What becomes of a snapshot's large objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LargeObjects {
    /// They are left out.
    Drop,
    /// They are carried over as they are.
    Keep,
}

/// A line of a rules file; a line of a later file is greater.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    file_index: usize,
    file: Arc<str>,
    number: usize,
}

impl Line {
    /// The folder of its file, from which relative paths in it start.
    fn folder(&self) -> &Path {
        Path::new(&*self.file).parent().unwrap_or(Path::new(""))
    }
}

impl Ord for Line {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file_index, self.number).cmp(&(other.file_index, other.number))
    }
}

impl PartialOrd for Line {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.number)
    }
}

/// The rules under one `[tables.NAME]`.
#[derive(Clone, Debug)]
struct TableRules {
    name: TableName,
    line: Line,
    columns: Vec<ColumnRule>,
}

/// The rule of one column, or of the columns that a pattern matches.
#[derive(Clone, Debug)]
struct ColumnRule {
    column: ColumnName,
    line: Line,
    function: String,
    parameters: Parameters,
    domain: Option<String>,
    by: Option<String>,
    when: Option<String>,
    null: Option<NullPolicy>,
    invalid: Option<InvalidPolicy>,
}

/// An entry of `[[foreign_keys]]`; one that refers to several tables is an entry for each.
#[derive(Clone, Debug)]
struct DeclaredReference {
    line: Line,
    child: Reference,
    parent: Reference,
    held: HeldWritten,
}

/// How a child's column holds what refers, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum HeldWritten {
    /// As its value.
    Value,
    /// As its value, in the rows whose column `column` holds `label`.
    Typed { column: ColumnName, label: String },
    /// At a path within JSON.
    Path(String),
    /// As each element of an array.
    Elements,
}

impl HeldWritten {
    /// Whether the column holds the referred key and nothing else, so that it can mask as the key does.
    fn is_value(&self) -> bool {
        matches!(self, HeldWritten::Value)
    }
}
