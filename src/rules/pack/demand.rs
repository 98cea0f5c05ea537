//! What packs ask of a person's own rules, once every column is decided.

use std::collections::HashMap;

use super::super::bind::{ColumnAction, Decision};
use super::super::resolve::{ColumnId, Rank, Resolved};
use super::super::setting::KEEP;
use super::expand::for_each_named;
use super::{Demand, Pack};
use crate::error::Error;
use crate::schema::{Catalog, TableId, quoted};

/// Every demand of `packs` that the decisions of `tables` do not meet.
pub(in crate::rules) fn unmet(
    packs: &[Pack],
    catalog: &Catalog,
    resolved: &Resolved<'_>,
    tables: &HashMap<TableId, Vec<ColumnAction>>,
) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut subjects: HashMap<&str, Vec<(ColumnId, &ColumnAction)>> = HashMap::new();
    for_each_named(packs, catalog, |id, entry| {
        let action = tables.get(&id.table).and_then(|actions| actions.iter().find(|a| a.column == id.column));
        let Some(action) = action else { return };
        if let Some(subject) = entry.subject.as_deref() {
            subjects.entry(subject).or_default().push((id, action));
        }
        let name = id.display(catalog);
        let error = match entry.demand {
            Some(Demand::Mask) if action.function == KEEP => {
                Some(Error::rules(format!("column `{name}` is kept, which the pack does not allow")).hint(
                    "leave its rule out: the pack has one; or rename the column if it holds something else",
                ))
            }
            Some(Demand::Decision) if is_kept_unnamed(id, action, resolved) => Some(
                Error::rules(format!(
                    "column `{name}` looks like a credential or an address that acts, and no rule names it"
                ))
                .hint(format!(
                    "name it: `{} = \"null\"`, a masking function, or `keep` if it is harmless",
                    quoted(&catalog.table(id.table).columns[id.column].name)
                )),
            ),
            _ => None,
        };
        errors.extend(error.map(|error| error.at(&entry.line)));
    });
    for (both, pack) in packs.iter().flat_map(|pack| pack.never_both.iter().map(move |both| (both, pack))) {
        let columns = subjects.get(both.subject.as_str()).map_or(&[][..], Vec::as_slice);
        let masked_by = |functions: &[String]| {
            columns.iter().find(|(_, action)| functions.iter().any(|function| function == action.function))
        };
        let (Some((one, by_one)), Some((other, by_other))) = (masked_by(&both.one), masked_by(&both.other))
        else {
            continue;
        };
        let what = format!(
            "`{}` is masked by `{}` and `{}` by `{}`: together they tell the number",
            one.display(catalog),
            by_one.function,
            other.display(catalog),
            by_other.function
        );
        let line = pack.entries.iter().find(|entry| entry.subject.as_ref() == Some(&both.subject));
        let error = Error::rules(what).hint(format!("mask all of them by one function ({})", both.clause));
        errors.push(line.into_iter().fold(error, |error, entry| error.at(&entry.line)));
    }
    errors
}

/// Whether a column is kept and no rule of a person's own names it.
fn is_kept_unnamed(id: ColumnId, action: &ColumnAction, resolved: &Resolved<'_>) -> bool {
    action.function == KEEP
        && match action.decided_by {
            Decision::Unlisted => true,
            Decision::Rule(_) => {
                let rule = resolved.rule(id);
                rule.is_some_and(|rule| {
                    matches!(rule.rank, Rank::Patterns | Rank::PatternInTable) && rule.rule.column.is_all()
                })
            }
            Decision::Follows { .. } | Decision::Generated => false,
        }
}
