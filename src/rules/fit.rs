//! Whether a mask fits a column: its type, its length, NOT NULL, its keys, its table's partitions.

use super::collision::{are_unique, collision_odds, stays_unique};
use super::group::partition_roots;
use super::resolve::ColumnId;
use super::setting::{Setting, takes};
use crate::error::Error;
use crate::functions::text::{InvalidPolicy, NullPolicy};
use crate::functions::{Build, Function, Masking, Parameters, Uniqueness};
use crate::key::MasterKey;
use crate::schema::{Catalog, Column, Key, PgType, quoted_always};

/// A column that a mask has to fit.
pub struct Fitting<'a> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// The functions there are, for hints.
    pub functions: &'a [&'static Function],
    /// The column.
    pub id: ColumnId,
}

/// The most functions that a hint names.
const MOST_CANDIDATES: usize = 12;

/// What a mask makes of values.
pub struct Outcome {
    /// Whether values go out as they came in, become NULL, or are masked.
    pub effect: Effect,
    /// How far different values stay different.
    pub uniqueness: Uniqueness,
    /// The most characters of a result.
    pub max_chars: Option<u32>,
    /// The column whose value owns the masked ones, where the rule says `by`.
    pub owner: Option<usize>,
    /// Whether a condition leaves rows out, which keep their values.
    pub is_conditional: bool,
}

/// What happens to values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// They go out as they came in.
    Keep,
    /// They become NULL.
    Null,
    /// They are masked.
    Text,
}

impl Fitting<'_> {
    /// What speaks against masking the column so; nothing speaks against keeping it.
    pub fn objections(&self, setting: &Setting<'_>, outcome: &Outcome) -> Vec<Error> {
        match outcome.effect {
            Effect::Keep => vec![],
            Effect::Null => self.null(setting.function.name).into_iter().collect(),
            Effect::Text => match self.partition_key() {
                Some(error) => vec![error],
                None => self.text(setting, outcome),
            },
        }
    }

    fn text(&self, setting: &Setting<'_>, outcome: &Outcome) -> Vec<Error> {
        let objections = [
            self.length(setting.function, outcome),
            self.invalid(setting),
            self.unique_policies(setting),
            self.unique(setting.function, outcome),
        ];
        objections.into_iter().flatten().collect()
    }

    /// What speaks against making the column NULL.
    pub fn null(&self, function: &str) -> Option<Error> {
        if let Some(error) = self.partition_key() {
            return Some(error);
        }
        let name = self.name();
        if self.is_not_null() {
            let what = format!("column `{name}` is NOT NULL, but `{function}` makes it NULL");
            return Some(Error::rules(what).hint(match self.candidates(&|_| true) {
                Some(names) => format!("functions that take `{}`: {names}", self.column().ty),
                None => "keep it, or allow NULL".into(),
            }));
        }
        let key = self.keys().into_iter().find(|key| key.nulls_not_distinct)?;
        let what = format!("column `{name}` is unique with NULLS NOT DISTINCT (`{}`)", key.name);
        Some(Error::rules(format!("{what}, but `{function}` makes every row NULL")))
    }

    /// What no plan can know of the column, where it is masked.
    pub fn notes(&self) -> Vec<String> {
        let (name, table) = (self.name(), self.catalog.table(self.id.table));
        let mut notes = Vec::new();
        let mut ty = &self.column().ty;
        while let PgType::Domain(domain) = ty {
            if !domain.checks.is_empty() {
                notes.push(format!(
                    "`{name}`: whether results pass the checks of the domain `{}` shows when they are loaded",
                    domain.name
                ));
            }
            ty = &domain.base;
        }
        if table.checks.iter().any(|check| mentions(check, &self.column().name)) {
            notes.push(format!(
                "`{name}`: whether results pass the CHECK constraints of `{}` shows when they are loaded",
                table.name
            ));
        }
        for key in table.unique.iter().filter(|key| key.has_expression) {
            notes.push(format!(
                "whether results stay unique under the expression of the index `{}` shows when it is built",
                key.name
            ));
        }
        notes
    }

    fn column(&self) -> &Column {
        &self.catalog.table(self.id.table).columns[self.id.column]
    }

    fn name(&self) -> String {
        self.id.display(self.catalog)
    }

    /// What speaks against the function for the column's type.
    pub fn ty(&self, function: &Function) -> Option<Error> {
        let ty = &self.column().ty;
        if (function.takes)(ty) {
            return None;
        }
        let what = format!(
            "column `{}` is `{ty}`, but `{}` takes {}",
            self.name(),
            function.name,
            function.takes_text
        );
        let error = Error::rules(what);
        Some(match self.candidates(&|_| true) {
            Some(names) => error.hint(format!("functions that take `{ty}`: {names}")),
            None => error.hint("no function masks that type; write `keep` or `null`"),
        })
    }

    fn length(&self, function: &Function, outcome: &Outcome) -> Option<Error> {
        let limit = self.column().ty.max_chars()?;
        let longest = outcome.max_chars.filter(|longest| *longest > limit)?;
        let name = self.name();
        let what = format!(
            "column `{name}` holds {limit} characters, but `{}` makes up to {longest}",
            function.name
        );
        Some(Error::rules(what).hint(match takes(function, "max_length") {
            true => format!("add `max_length = {limit}`"),
            false => "name a function with shorter results".into(),
        }))
    }

    fn invalid(&self, setting: &Setting<'_>) -> Option<Error> {
        let (name, ty) = (self.name(), &self.column().ty);
        match setting.invalid {
            InvalidPolicy::Null if self.is_not_null() => {
                let what = format!("column `{name}` is NOT NULL, but `invalid = \"null\"` may make it NULL");
                Some(Error::rules(what).hint(match ty.is_text() {
                    true => "write `invalid = \"redact\"` or `invalid = \"error\"`",
                    false => "write `invalid = \"error\"`",
                }))
            }
            InvalidPolicy::Redact if !ty.is_text() => {
                let what = format!("column `{name}` is `{ty}`, but `invalid = \"redact\"` makes text");
                Some(Error::rules(what).hint("write `invalid = \"null\"` or `invalid = \"error\"`"))
            }
            _ => None,
        }
    }

    /// NULLs that become one value, and fillers, are not unique whatever the function.
    fn unique_policies(&self, setting: &Setting<'_>) -> Option<Error> {
        let keys = self.keys();
        let key = keys.first()?;
        let policy = match (setting.null, setting.invalid) {
            (NullPolicy::Mask, _) if !self.is_not_null() => "null = \"mask\"",
            (_, InvalidPolicy::Redact) => "invalid = \"redact\"",
            (_, InvalidPolicy::Null) if keys.iter().any(|key| key.nulls_not_distinct) => "invalid = \"null\"",
            _ => return None,
        };
        let what =
            format!("column `{}` is unique (`{}`), but `{policy}` makes rows equal", self.name(), key.name);
        Some(Error::rules(what).hint("leave it out"))
    }

    fn unique(&self, function: &Function, outcome: &Outcome) -> Option<Error> {
        let key = self.keys().into_iter().next()?;
        let refused =
            |why| Error::rules(format!("column `{}` is unique (`{}`), but {why}", self.name(), key.name));
        if let Some(owner) = outcome.owner.filter(|owner| !self.is_key(*owner)) {
            let owner = ColumnId { column: owner, ..self.id }.display(self.catalog);
            let why = format!("rows of one owner mask alike, and the owner `{owner}` is not unique");
            return Some(refused(why).hint("leave `by` out"));
        }
        let why = match outcome.uniqueness {
            // One to one for an owner is not one to one for all owners.
            Uniqueness::Injective if outcome.is_conditional => {
                "a row that `when` leaves out keeps a value that another one may be masked to".into()
            }
            Uniqueness::Injective if outcome.owner.is_none() => return None,
            Uniqueness::Bits(bits) if are_unique(bits) => return None,
            Uniqueness::Bits(bits) => format!("`{}` has {}", function.name, collision_odds(bits)),
            _ => format!("`{}` may give different values the same result", function.name),
        };
        let ty = &self.column().ty;
        Some(refused(why).hint(match (takes(function, "unique"), self.candidates(&stays_unique)) {
            (true, _) => "add `unique = true`".into(),
            (false, Some(names)) => format!("functions that keep `{ty}` unique: {names}"),
            (false, None) => format!("no function keeps `{ty}` unique; write `keep`"),
        }))
    }

    /// Whether every row has its own value in the column at `index` of the table.
    fn is_key(&self, index: usize) -> bool {
        let owner = Fitting { id: ColumnId { column: index, ..self.id }, ..*self };
        owner
            .keys()
            .iter()
            .any(|key| key.columns.len() == 1 && !key.has_expression && key.predicate.is_none())
    }

    /// Rows of a dump are in the partitions that their keys chose; another key would not be let in.
    fn partition_key(&self) -> Option<Error> {
        let is_in_key = |id: &ColumnId| self.catalog.table(id.table).partition_columns.contains(&id.column);
        let above = partition_roots(self.catalog, self.id);
        let root = std::iter::once(self.id).chain(above).find(is_in_key)?;
        let table = &self.catalog.table(root.table).name;
        let what = format!(
            "column `{}` is in the partition key of `{table}`: masked rows would not fit their partitions",
            self.name()
        );
        Some(Error::rules(what).hint("write `keep`"))
    }

    fn is_not_null(&self) -> bool {
        let above = partition_roots(self.catalog, self.id);
        std::iter::once(self.id).chain(above).any(|id| {
            let table = self.catalog.table(id.table);
            let in_primary = table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&id.column));
            in_primary || table.columns[id.column].not_null || domain_not_null(&table.columns[id.column].ty)
        })
    }

    /// The unique keys over the column, those of the tables it is a partition of among them.
    fn keys(&self) -> Vec<&Key> {
        let above = partition_roots(self.catalog, self.id);
        let ids = std::iter::once(self.id).chain(above);
        ids.flat_map(|id| {
            let table = self.catalog.table(id.table);
            let keys = table.primary_key.iter().chain(&table.unique);
            keys.filter(move |key| key.columns.contains(&id.column))
        })
        .collect()
    }

    /// The masking functions that take the column's type as they are and whose uniqueness `wanted` accepts.
    fn candidates(&self, wanted: &dyn Fn(Uniqueness) -> bool) -> Option<String> {
        let ty = &self.column().ty;
        let key = MasterKey::from_bytes(vec![0; 32]).ok()?.domain("");
        let parameters = Parameters::default();
        let fits = |function: &&&Function| {
            let build = Build::new(&parameters, ty, &key, false);
            function
                .prepare(&build)
                .is_ok_and(|built| matches!(built.masking, Masking::Text(_)) && wanted(built.uniqueness))
        };
        let names: Vec<String> =
            self.functions.iter().filter(fits).map(|function| format!("`{}`", function.name)).collect();
        match names.len() {
            0 => None,
            1..=MOST_CANDIDATES => Some(names.join(", ")),
            all => {
                let first = names[..MOST_CANDIDATES].join(", ");
                Some(format!("{first} and {} more, which `mask functions` lists", all - MOST_CANDIDATES))
            }
        }
    }
}

fn domain_not_null(ty: &PgType) -> bool {
    matches!(ty, PgType::Domain(domain) if domain.not_null || domain_not_null(&domain.base))
}

/// Whether the SQL expression has the identifier `name` in it, bare or quoted; a word in a string counts too.
fn mentions(expression: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    expression.contains(&quoted_always(name))
        || expression.split(|c| !is_word(c)).any(|word| word.to_ascii_lowercase() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_mentions_a_column_as_a_whole_word() {
        assert!(mentions("((age > 3))", "age") && mentions("(\"Age\" > 3)", "Age"));
        assert!(!mentions("(page > 3)", "age") && !mentions("(Age > 3)", "Age"));
    }
}
