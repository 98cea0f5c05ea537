//! Which rule decides a group of columns that must mask alike.
//!
//! The rule that names its column most closely does; rules that name theirs as closely must agree. A less close rule
//! gives way to a masking function, but never to `keep`: a key kept by one rule and masked by another is an error. A pack's
//! rules give way to any.

use super::ColumnRule;
use super::group::{Group, Ties};
use super::resolve::{ColumnId, Rank, Resolved};
use super::setting::Setting;
use crate::error::Error;
use crate::schema::Catalog;

/// A column of a group and what its rule asks for.
pub struct Claim<'r> {
    /// The column.
    pub column: ColumnId,
    /// What its rule asks for.
    pub setting: Setting<'r>,
    rank: Rank,
}

/// What the decision rests on.
pub struct Decider<'a, 'r> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// The rule of each column.
    pub resolved: &'a Resolved<'r>,
    /// What ties the columns.
    pub ties: &'a Ties,
}

impl<'r> Decider<'_, 'r> {
    /// The claim that decides `group`; `None` where no rule names any of its columns.
    ///
    /// `setting` is `None` for a rule that is wrong in itself and was told of; then so is the group.
    ///
    /// # Errors
    /// Two rules disagree and neither may give way; the error names both places.
    pub fn decide(
        &self,
        group: &Group,
        setting: impl Fn(&'r ColumnRule) -> Option<Setting<'r>>,
    ) -> Result<Option<Claim<'r>>, Vec<Error>> {
        let claims: Option<Vec<Claim<'r>>> = group
            .members
            .iter()
            .filter_map(|&column| self.claim(column))
            .map(|(column, rule, rank)| Some(Claim { column, setting: setting(rule)?, rank }))
            .collect();
        let mut claims = claims.ok_or_else(Vec::new)?;
        let Some(best) = claims.iter().map(|claim| claim.rank).max() else { return Ok(None) };
        let at_root = claims.iter().position(|claim| claim.rank == best && claim.column == group.root);
        let closest = at_root.or_else(|| claims.iter().position(|claim| claim.rank == best));
        let winner = claims.swap_remove(closest.expect("some claim has the best rank"));
        let against = claims.iter().find(|claim| {
            let is_own = claim.rank > Rank::Pack;
            let may_not_give_way = claim.rank == best || (winner.setting.keeps() && is_own);
            may_not_give_way && !winner.setting.agrees_with(&claim.setting)
        });
        match against {
            Some(other) => Err(vec![self.disagreement(group, &winner, other)]),
            None => Ok(Some(winner)),
        }
    }

    /// The rule of a column that may speak for its group. One for a partition gives way to a closer one for the table
    /// above it, and the database computes generated columns.
    fn claim(&self, column: ColumnId) -> Option<(ColumnId, &'r ColumnRule, Rank)> {
        let chosen = self.resolved.rule(column)?;
        let generated = self.catalog.table(column.table).columns[column.column].generated.is_some();
        let above = self.ties.all_inherited(column);
        let closer = above.iter().filter_map(|above| self.resolved.rule(*above));
        let gives_way = closer.into_iter().any(|above| above.rank > chosen.rank);
        (!generated && !gives_way).then_some((column, chosen.rule, chosen.rank))
    }

    fn disagreement(&self, group: &Group, winner: &Claim<'_>, other: &Claim<'_>) -> Error {
        let tie = match group.has_reference {
            true => "a foreign key",
            false => "partitioning or inheritance",
        };
        let [one, two] = [winner, other].map(|claim| claim.column.display(self.catalog));
        let [first, second] = [winner, other].map(|claim| claim.setting.rule);
        Error::rules(format!("`{one}` and `{two}` are tied by {tie}, but their rules disagree"))
            .at(format!("{} (`{}`), {} (`{}`)", first.line, first.function, second.line, second.function))
            .hint(
                "give both the same function, domain and parameters, or name only one: the other follows it",
            )
    }
}
