//! `ALTER TABLE`, action by action: constraints, defaults, identity, partitions and parents.

use squawk_syntax::ast::{self, AstNode};

use super::constraint::{self, identity, text_of};
use super::draft::{Draft, TableIndex};
use super::name::{Name, identifier_of};
use super::table::{ColumnParts, add_column_parts, default_sequence, sequence_name, table_of};
use super::{Context, Refusal};
use crate::schema::TableKind;

/// Whether `action` says something that the catalog holds.
pub(super) fn matters(action: &ast::AlterTableAction) -> bool {
    use ast::AlterTableAction::{
        AddColumn, AddConstraint, AlterColumn, AttachPartition, DropColumn, InheritTable,
    };
    matches!(
        action,
        AddColumn(_)
            | AddConstraint(_)
            | AlterColumn(_)
            | AttachPartition(_)
            | DropColumn(_)
            | InheritTable(_)
    )
}

/// Whether `action` takes back or renames something that was read before. No dump does; a migration script may.
pub(super) fn undoes(action: &ast::AlterTableAction) -> bool {
    use ast::AlterTableAction::{
        DetachPartition, DropConstraint, NoInheritTable, RenameColumn, SetSchema, TableRenameTo,
    };
    matches!(
        action,
        DetachPartition(_)
            | DropConstraint(_)
            | NoInheritTable(_)
            | RenameColumn(_)
            | SetSchema(_)
            | TableRenameTo(_)
    )
}

/// Carries out `action` on the table at `index`; leaves the table as it was if the action is refused.
pub(super) fn apply(
    draft: &mut Draft,
    index: TableIndex,
    action: &ast::AlterTableAction,
    context: &Context,
) -> Result<(), Refusal> {
    match action {
        ast::AlterTableAction::AddConstraint(it) => {
            let it = it.constraint().ok_or(Refusal::Unreadable)?;
            constraint::add(&mut draft.tables[index], &it, None, context)
        }
        ast::AlterTableAction::AddColumn(it) => {
            let parts = ColumnParts {
                name: it.column_name().and_then(|name| identifier_of(&name)).ok_or(Refusal::Unreadable)?,
                ty: it.ty(),
                collation: it.collate(),
                constraints: it.constraints().collect(),
            };
            let owned = add_column_parts(&mut draft.tables[index], parts, context)?;
            if let Some((sequence, column)) = owned {
                let table = name_of(draft, index, context);
                draft.sequence(sequence).owned_by = Some((table, column));
            }
            Ok(())
        }
        ast::AlterTableAction::DropColumn(it) => {
            let name =
                it.column_name_ref().and_then(|name| identifier_of(&name)).ok_or(Refusal::Unreadable)?;
            draft.tables[index].columns.retain(|column| column.name != name);
            Ok(())
        }
        ast::AlterTableAction::AttachPartition(it) => {
            let partition = table_of(draft, it.table_name_ref(), context)?;
            draft.tables[partition].partition_of = Some(index);
            Ok(())
        }
        ast::AlterTableAction::InheritTable(it) => {
            let parent = table_of(draft, it.table_name_ref(), context)?;
            draft.tables[index].inherits.push(parent);
            Ok(())
        }
        ast::AlterTableAction::AlterColumn(it) => alter_column(draft, index, it, context),
        _ => Ok(()),
    }
}

fn alter_column(
    draft: &mut Draft,
    index: TableIndex,
    action: &ast::AlterColumn,
    context: &Context,
) -> Result<(), Refusal> {
    let name = action.column_name_ref().and_then(|name| identifier_of(&name)).ok_or(Refusal::Unreadable)?;
    let owner = name_of(draft, index, context);
    let table = &mut draft.tables[index];
    let sequence = default_sequence(&table.name, &name);
    let Some(column) = table.column_mut(&name) else {
        return Err(Refusal::missing(format!("the column `{name}`")));
    };
    match action.option() {
        Some(ast::AlterColumnOption::SetDefault(it)) => column.default = text_of(it.expr()),
        Some(ast::AlterColumnOption::DropDefault(_)) => column.default = None,
        Some(ast::AlterColumnOption::SetNotNull(_)) => column.not_null = true,
        Some(ast::AlterColumnOption::DropNotNull(_)) => column.not_null = false,
        Some(ast::AlterColumnOption::SetType(it)) => {
            let ty = it.ty().ok_or(Refusal::Unreadable)?;
            (column.ty.text, column.ty.path) = (ty.syntax().to_string(), context.path.clone());
        }
        Some(ast::AlterColumnOption::AddGenerated(it)) => {
            column.identity = Some(identity(it.generated_when()));
            column.not_null = true;
            let sequence = sequence_name(it.sequence_option_list(), context).unwrap_or(sequence);
            draft.sequence(sequence).owned_by = Some((owner, name));
        }
        _ => {}
    }
    Ok(())
}

/// Whether `action` makes sense on a view too, so that a table of its name need not be there.
pub(super) fn is_for_views(action: &ast::AlterTableAction) -> bool {
    matches!(action, ast::AlterTableAction::AlterColumn(_))
}

/// Adds the key of `CREATE UNIQUE INDEX` to its table.
pub(super) fn create_unique_index(
    draft: &mut Draft,
    index: &ast::CreateIndex,
    context: &Context,
) -> Result<(), Refusal> {
    let name = index.table_relation_name().and_then(|name| name.table_name_ref());
    let name = name.and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    let Some(table) = draft.find(&name) else {
        let is_view = name.look_up(|name| draft.materialized_views.get(name)).is_some();
        let missing = Refusal::missing(format!("the table `{}`", name.created()));
        return if is_view { Ok(()) } else { Err(missing) };
    };
    let key = constraint::unique_index(index, context);
    draft.tables[table].unique.push(key);
    Ok(())
}

/// Turns an ordinary table into a partitioned one's root if something is attached to it.
pub(super) fn settle_kinds(draft: &mut Draft) {
    for index in 0..draft.tables.len() {
        if let Some(root) = draft.tables[index].partition_of {
            draft.tables[root].kind = TableKind::Partitioned;
        }
    }
}

fn name_of(draft: &Draft, index: TableIndex, context: &Context) -> Name {
    let name = &draft.tables[index].name;
    Name { schema: Some(name.schema.clone()), name: name.name.clone(), path: context.path.clone() }
}
