//! The keys under `[[foreign_keys]]`.

use super::{DocumentReader, Key, Value, in_order};
use crate::error::Error;
use crate::rules::name::ColumnName;
use crate::rules::reference::Reference;
use crate::rules::{DeclaredReference, HeldWritten, Line};

const KEYS: [&str; 5] = ["from", "to", "type", "path", "each"];

/// An entry as far as it was read.
#[derive(Default)]
struct Entry {
    child: Option<Reference>,
    /// Each parent, with its label where there is a column that says which one is meant.
    parents: Vec<(Option<String>, Reference)>,
    type_column: Option<String>,
    path: Option<String>,
    each: bool,
}

impl DocumentReader<'_> {
    /// All entries of `[[foreign_keys]]`.
    pub(super) fn foreign_keys(&mut self, key: &Key<'_>, value: &Value<'_>) {
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
        let errors_before = self.errors.len();
        let mut entry = Entry::default();
        for (key, value) in in_order(fields) {
            match &**key.get_ref() {
                "from" => entry.child = self.reference(key, value),
                "to" => entry.parents = self.parents(key, value),
                "type" => entry.type_column = self.string(key, value),
                "path" => entry.path = self.string(key, value),
                "each" => match value.get_ref().as_bool() {
                    Some(each) => entry.each = each,
                    None => self.refuse(key, "`each` is neither `true` nor `false`", None),
                },
                _ => self.unknown_key(key, &KEYS),
            }
        }
        if self.errors.len() == errors_before
            && let Err(error) = self.declare(entry, &line)
        {
            self.errors.push(error.at(line));
        }
    }

    /// One parent, or a table of labels and parents.
    fn parents(&mut self, key: &Key<'_>, value: &Value<'_>) -> Vec<(Option<String>, Reference)> {
        let Some(labels) = value.get_ref().as_table() else {
            return self.reference(key, value).into_iter().map(|parent| (None, parent)).collect();
        };
        let parent = |(key, value): (&Key<'_>, &Value<'_>)| {
            Some((Some(key.get_ref().to_string()), self.reference(key, value)?))
        };
        in_order(labels).into_iter().filter_map(parent).collect()
    }

    fn declare(&mut self, entry: Entry, line: &Line) -> Result<(), Error> {
        let (Some(child), false) = (entry.child, entry.parents.is_empty()) else {
            return Err(Error::rules("a foreign key needs `from` and `to`")
                .hint("such as `from = \"events(user_ref)\"`, `to = \"users(id)\"`"));
        };
        let kinds = [entry.type_column.is_some(), entry.path.is_some(), entry.each];
        if kinds.iter().filter(|kind| **kind).count() > 1 {
            return Err(Error::rules("a foreign key has more than one of `type`, `path` and `each`"));
        }
        if kinds.contains(&true) && child.columns.len() != 1 {
            return Err(Error::rules("a foreign key with `type`, `path` or `each` is of one column")
                .hint("such as `from = \"comments(subject_id)\"`, `type = \"subject_type\"`"));
        }
        for (label, parent) in entry.parents {
            let held = match (label, &entry.type_column, &entry.path) {
                (Some(label), Some(column), _) => {
                    HeldWritten::Typed { column: ColumnName::new(column), label }
                }
                (None, None, Some(path)) => HeldWritten::Path(path.clone()),
                (None, None, None) if entry.each => HeldWritten::Elements,
                (None, None, None) => HeldWritten::Value,
                _ => {
                    return Err(Error::rules("`type` and a `to` with labels go together").hint(
                        "such as `type = \"subject_type\"`, `to = { Post = \"posts(id)\", Video = \"videos(id)\" }`",
                    ));
                }
            };
            if child.columns.len() != parent.columns.len() {
                return Err(Error::rules("`from` and `to` have different numbers of columns"));
            }
            let (line, child) = (line.clone(), child.clone());
            self.rules.foreign_keys.push(DeclaredReference { line, child, parent, held });
        }
        Ok(())
    }
}
