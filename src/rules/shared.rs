//! The mask that the columns of a group share: made once, for a type whose values all of them can hold.

use std::sync::Arc;

use super::decide::Claim;
use super::fit::{Effect, Fitting, Outcome};
use super::group::Group;
use super::resolve::ColumnId;
use crate::error::{Error, Result};
use crate::functions::lists::Lists;
use crate::functions::text::{NullPolicy, TextColumn};
use crate::functions::{Build, Built, Context, Function, Input, Masking};
use crate::key::MasterKey;
use crate::masked::Action;
use crate::schema::{Catalog, PgType};

/// What the rule that decides a group makes of its columns.
pub struct SharedMask<'r> {
    /// The rule, and the column that has it.
    pub claim: Claim<'r>,
    /// What happens to the values.
    pub action: Action,
    /// What that makes of them.
    pub outcome: Outcome,
    /// The columns of the row that the mask asks for.
    pub inputs: Vec<Input>,
}

impl<'r> SharedMask<'r> {
    /// Makes the mask of `group` that `claim` asks for; the files that its function reads are among `lists` then.
    ///
    /// # Errors
    /// The function does not take the type of each column, refuses its parameters, or would break a reference.
    pub fn new(
        catalog: &Catalog,
        functions: &[&'static Function],
        key: &MasterKey,
        lists: &Lists,
        group: &Group,
        claim: Claim<'r>,
    ) -> Result<Self, Vec<Error>> {
        let setting = &claim.setting;
        let at_rule = |error: Error| error.at(&setting.rule.line);
        let columns = group.members.iter().map(|id| Fitting { catalog, functions, id: *id });
        let wrong_types = columns.filter_map(|column| column.ty(setting.function));
        let wrong_types: Vec<Error> = wrong_types.map(at_rule).collect();
        if !wrong_types.is_empty() {
            return Err(wrong_types);
        }
        let refused = |error: Error| vec![at_rule(error)];
        let built = build(catalog, functions, key, lists, group, &claim).map_err(refused)?;
        check_options(&claim, &built.masking).map_err(refused)?;
        if !matches!(built.masking, Masking::Keep) {
            check_references(catalog, group, &claim, &built.inputs).map_err(refused)?;
        }
        let (effect, action) = match built.masking {
            Masking::Keep => (Effect::Keep, Action::Keep),
            Masking::Null => (Effect::Null, Action::Null),
            Masking::Text(mask) => {
                let column = TextColumn { mask, null: setting.null, invalid: setting.invalid };
                (Effect::Text, Action::Text(Arc::new(column)))
            }
        };
        let outcome = Outcome {
            effect,
            uniqueness: built.uniqueness,
            max_chars: built.max_chars,
            owner: None,
            is_conditional: claim.setting.rule.when.is_some(),
        };
        Ok(SharedMask { claim, action, outcome, inputs: built.inputs })
    }
}

fn build(
    catalog: &Catalog,
    functions: &[&'static Function],
    key: &MasterKey,
    lists: &Lists,
    group: &Group,
    claim: &Claim<'_>,
) -> Result<Built> {
    let setting = &claim.setting;
    let context =
        Context { key, functions, locale: setting.locale, folder: setting.rule.line.folder(), lists };
    let column = &catalog.table(claim.column.table).columns[claim.column.column];
    let build = Build {
        parameters: &setting.parameters,
        ty: type_to_mask(catalog, group),
        key: &key.domain(&setting.domain),
        by: setting.rule.by.is_some(),
        context: Some(&context),
        default: column.default.as_deref(),
        is_column: true,
    };
    setting.function.prepare(&build).map_err(|refusal| {
        let name = claim.column.display(catalog);
        let error = Error::rules(format!("`{}` for `{name}`: {}", setting.function.name, refusal.what));
        refusal.hint.into_iter().fold(error, Error::hint)
    })
}

/// The type the mask is made for: that of the column referred to, or where integers of several widths or texts of
/// several lengths refer to each other the narrowest, for a result must fit them all.
fn type_to_mask<'c>(catalog: &'c Catalog, group: &Group) -> &'c PgType {
    let ty = |id: &ColumnId| &catalog.table(id.table).columns[id.column].ty;
    let root = ty(&group.root);
    let is_like_root =
        |ty: &&PgType| (root.is_integer() && ty.is_integer()) || (root.is_text() && ty.is_text());
    let narrowest = group.members.iter().map(ty).filter(is_like_root).min_by_key(|ty| width(ty));
    narrowest.filter(|ty| width(ty) < width(root)).unwrap_or(root)
}

/// The bytes of an integer type, or the characters of a text type.
fn width(ty: &PgType) -> u32 {
    match ty.base() {
        PgType::Int2 => 2,
        PgType::Int4 => 4,
        PgType::Int8 => 8,
        _ => ty.max_chars().unwrap_or(u32::MAX),
    }
}

/// Refuses keys of the rule that mean nothing to its function.
fn check_options(claim: &Claim<'_>, masking: &Masking) -> Result<()> {
    match claim.setting.idle_keys(masking).first() {
        Some(key) => {
            let what = format!("`{}` does not take `{key}`", claim.setting.function.name);
            Err(Error::rules(what).hint("leave it out"))
        }
        None => Ok(()),
    }
}

/// Refuses what would make a reference point to nothing.
fn check_references(catalog: &Catalog, group: &Group, claim: &Claim<'_>, inputs: &[Input]) -> Result<()> {
    let name = claim.column.display(catalog);
    let is_generated = |id: &&ColumnId| catalog.table(id.table).columns[id.column].generated.is_some();
    if let Some(generated) = group.members.iter().find(is_generated) {
        let generated = generated.display(catalog);
        let what = format!("`{name}` is tied to the generated column `{generated}`, which cannot be masked");
        return Err(Error::rules(what).hint("write `keep`"));
    }
    if group.has_reference && claim.setting.rule.by.is_some() {
        let what = format!("`{name}` is tied by a foreign key, so `by` would break the reference");
        return Err(Error::rules(what).hint("leave `by` out: equal values mask alike"));
    }
    if let Some(input) = inputs.first().filter(|_| group.has_reference) {
        let parameter = input.parameter;
        let what = format!("`{name}` is tied by a foreign key, so `{parameter}` would break the reference");
        return Err(Error::rules(what).hint("what masks a key depends on its value alone"));
    }
    if group.has_reference && claim.setting.null == NullPolicy::Mask {
        let what =
            format!("`{name}` is tied by a foreign key, so `null = \"mask\"` would break the reference");
        return Err(Error::rules(what).hint("leave it out: NULL stays NULL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, QualifiedName, Table};

    fn group_of(types: &[PgType]) -> (Catalog, Group) {
        let mut catalog = Catalog::default();
        let columns = types.iter().map(|ty| Column::new("c", ty.clone())).collect();
        let name = QualifiedName::new("public", "t");
        let table = catalog.add_table(Table { name, columns, ..Table::default() });
        let members: Vec<ColumnId> = (0..types.len()).map(|column| ColumnId { table, column }).collect();
        (catalog, Group { root: members[0], members, has_reference: true })
    }

    #[test]
    fn columns_of_several_widths_are_masked_for_the_narrowest() {
        let masked_as = |types: &[PgType]| {
            let (catalog, group) = group_of(types);
            type_to_mask(&catalog, &group).clone()
        };
        assert_eq!(masked_as(&[PgType::Int8, PgType::Int2, PgType::Int4]), PgType::Int2);
        assert_eq!(masked_as(&[PgType::Text, PgType::Varchar(Some(9))]), PgType::Varchar(Some(9)));
        assert_eq!(masked_as(&[PgType::Text, PgType::Citext, PgType::Int2]), PgType::Text);
    }
}
