//! The condition of a rule, for each column that the rule decides.

use super::decide::Claim;
use super::group::Group;
use super::resolve::ColumnId;
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::schema::{Catalog, quoted};

/// Which rows of the table of `id` are masked under the rule of `claim`, where it says `when`.
///
/// A condition on a key is asked of each column that refers to it, so that a reference is masked where its key is: it
/// can name no column but the key.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if it is no condition over the columns of the table, names a generated
/// one, or could give a key and its references different answers.
pub fn condition(
    catalog: &Catalog,
    group: &Group,
    id: ColumnId,
    claim: &Claim<'_>,
) -> Result<Option<Condition>> {
    let Some(text) = claim.setting.rule.when.as_deref() else { return Ok(None) };
    let table = catalog.table(id.table);
    let condition = match group.has_reference {
        false => Condition::parse(text, table)?,
        true => {
            let key = catalog.table(claim.column.table);
            let of_key = Condition::parse(text, key)?;
            if of_key.columns().iter().any(|&column| column != claim.column.column) {
                return Err(of_other_columns(catalog, claim));
            }
            Condition::parse_for_reference(text, table, &key.columns[claim.column.column].name, id.column)?
        }
    };
    let generated = condition.columns().iter().find(|&&column| table.columns[column].generated.is_some());
    match generated {
        Some(&column) => Err(Error::rules(format!(
            "the condition names the generated column `{}`, whose values are not in the snapshot",
            quoted(&table.columns[column].name)
        ))
        .hint("write what it is computed from")),
        None => Ok(Some(condition)),
    }
}

fn of_other_columns(catalog: &Catalog, claim: &Claim<'_>) -> Error {
    let name = claim.column.display(catalog);
    let what = format!("`{name}` is tied by a foreign key, and its `when` reads other columns");
    Error::rules(what).hint("name that column alone, so that a reference is masked where its key is")
}
