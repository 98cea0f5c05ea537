//! `CREATE TABLE` and `CREATE FOREIGN TABLE`: columns, own and taken from elsewhere, and constraints.

use squawk_syntax::ast::{self, AstNode};

use super::constraint;
use super::draft::{ColumnDraft, Draft, TableDraft, TableIndex, TypeDraft, WrittenType};
use super::name::{Name, collation_of, identifier_of};
use super::types::is_serial;
use super::{Context, Refusal};
use crate::schema::{QualifiedName, TableKind};

/// The clauses that both statements share.
pub(super) struct Clauses {
    name: Option<ast::TableName>,
    is_foreign: bool,
    is_unlogged: bool,
    arguments: Option<ast::TableArgList>,
    inherits: Option<ast::Inherits>,
    partition_of: Option<ast::PartitionOf>,
    partition_by: Option<ast::PartitionBy>,
    of_type: Option<ast::OfType>,
}

impl Clauses {
    pub(super) fn of_table(statement: &ast::CreateTable) -> Self {
        Clauses {
            name: statement.table_name(),
            is_foreign: false,
            is_unlogged: matches!(statement.persistence(), Some(ast::Persistence::Unlogged(_))),
            arguments: statement.table_arg_list(),
            inherits: statement.inherits(),
            partition_of: statement.partition_of(),
            partition_by: statement.partition_by(),
            of_type: statement.of_type(),
        }
    }

    pub(super) fn of_foreign_table(statement: &ast::CreateForeignTable) -> Self {
        Clauses {
            name: statement.table_name(),
            is_foreign: true,
            is_unlogged: false,
            arguments: statement.table_arg_list(),
            inherits: statement.inherits(),
            partition_of: statement.partition_of(),
            partition_by: None,
            of_type: None,
        }
    }
}

/// Adds the table to `draft`; leaves `draft` as it was if the statement is refused.
pub(super) fn create(draft: &mut Draft, clauses: &Clauses, context: &Context) -> Result<(), Refusal> {
    let name =
        clauses.name.as_ref().and_then(|name| Name::of(name, &context.path)).ok_or(Refusal::Unreadable)?;
    let name = name.created();
    if draft.by_name.contains_key(&name) {
        return Err(Refusal::Twice);
    }
    let mut table = TableDraft {
        name,
        kind: match (clauses.is_foreign, &clauses.partition_by) {
            (true, _) => TableKind::Foreign,
            (false, Some(_)) => TableKind::Partitioned,
            (false, None) => TableKind::Ordinary,
        },
        unlogged: clauses.is_unlogged,
        partition_columns: partition_columns(clauses.partition_by.as_ref()),
        ..TableDraft::default()
    };
    take_inherited(draft, &mut table, clauses, context)?;
    let mut sequences = Vec::new();
    let arguments: Vec<_> = clauses.arguments.iter().flat_map(|list| list.args()).collect();
    for argument in &arguments {
        match argument {
            ast::TableArg::Column(column) => sequences.extend(add_column(&mut table, column, context)?),
            ast::TableArg::LikeClause(like) => take_like(draft, &mut table, like, context)?,
            ast::TableArg::TableConstraint(_) => {}
        }
    }
    // Constraints may stand before the columns they name.
    for argument in &arguments {
        if let ast::TableArg::TableConstraint(it) = argument {
            let it = ast::Constraint::cast(it.syntax().clone()).ok_or(Refusal::Unreadable)?;
            constraint::add(&mut table, &it, None, context)?;
        }
    }
    let owner = Name {
        schema: Some(table.name.schema.clone()),
        name: table.name.name.clone(),
        path: context.path.clone(),
    };
    draft.add(table);
    for (sequence, column) in sequences {
        draft.sequence(sequence).owned_by = Some((owner.clone(), column));
    }
    Ok(())
}

/// The columns and constraints that come from a parent, a partitioned table or a composite type.
fn take_inherited(
    draft: &Draft,
    table: &mut TableDraft,
    clauses: &Clauses,
    context: &Context,
) -> Result<(), Refusal> {
    for parent in clauses.inherits.iter().flat_map(|inherits| inherits.table_name_refs()) {
        let parent = table_of(draft, Some(parent), context)?;
        inherit(draft, table, parent);
        table.inherits.push(parent);
    }
    if let Some(partition_of) = &clauses.partition_of {
        let root = table_of(draft, partition_of.table_name_ref(), context)?;
        inherit(draft, table, root);
        table.partition_of = Some(root);
    }
    if let Some(of_type) = &clauses.of_type {
        let name = of_type.ty().and_then(|ty| Name::of(&ty, &context.path)).ok_or(Refusal::Unreadable)?;
        let fields = name.look_up(|name| match draft.types.get(name) {
            Some(TypeDraft::Composite(fields)) => Some(fields.clone()),
            _ => None,
        });
        table.columns = fields.ok_or_else(|| Refusal::missing(format!("the type `{}`", name.created())))?;
    }
    Ok(())
}

/// Merges the columns and checks of `parent` into `table`, as Postgres does: a name once, the first one's place.
fn inherit(draft: &Draft, table: &mut TableDraft, parent: TableIndex) {
    let parent = &draft.tables[parent];
    for column in &parent.columns {
        match table.column_mut(&column.name) {
            Some(merged) => merged.not_null |= column.not_null,
            // Identity is not inherited; a partition has it from its root, but its rows are no different for it.
            None => table.columns.push(ColumnDraft { identity: None, ..column.clone() }),
        }
    }
    table.checks.extend(parent.checks.iter().cloned());
}

/// Adds a column, or completes the one of that name that is inherited; returns the sequence it owns.
pub(super) fn add_column(
    table: &mut TableDraft,
    column: &ast::Column,
    context: &Context,
) -> Result<Option<(QualifiedName, String)>, Refusal> {
    let name = column.name().and_then(|name| identifier_of(&name)).ok_or(Refusal::Unreadable)?;
    let collation = column.clauses().find_map(|clause| match clause {
        ast::ColumnClause::Collate(collate) => Some(collate),
        _ => None,
    });
    let constraints = column.clauses().filter_map(|clause| match clause {
        ast::ColumnClause::ColumnConstraint(it) => ast::Constraint::cast(it.syntax().clone()),
        _ => None,
    });
    let parts = ColumnParts { name, ty: column.ty(), collation, constraints: constraints.collect() };
    add_column_parts(table, parts, context)
}

/// A column as `CREATE TABLE` or `ADD COLUMN` writes it.
pub(super) struct ColumnParts {
    pub(super) name: String,
    pub(super) ty: Option<ast::Type>,
    pub(super) collation: Option<ast::Collate>,
    pub(super) constraints: Vec<ast::Constraint>,
}

pub(super) fn add_column_parts(
    table: &mut TableDraft,
    parts: ColumnParts,
    context: &Context,
) -> Result<Option<(QualifiedName, String)>, Refusal> {
    let ColumnParts { name, ty, collation, constraints } = parts;
    let text = ty.map(|ty| ty.syntax().to_string());
    let serial = text.as_deref().is_some_and(is_serial);
    match (table.column_mut(&name), text) {
        (Some(_), None) => {}
        (None, None) => return Err(Refusal::missing(format!("the type of column `{name}`"))),
        (Some(merged), Some(text)) => merged.ty = WrittenType { text, path: context.path.clone() },
        (None, Some(text)) => {
            let ty = WrittenType { text, path: context.path.clone() };
            table.columns.push(ColumnDraft { name: name.clone(), ty, ..ColumnDraft::default() });
        }
    }
    let sequence = default_sequence(&table.name, &name);
    if let Some(column) = table.column_mut(&name) {
        if let Some(collation) = collation.and_then(|collate| collate.collation_ref()) {
            column.collation = collation_of(&collation);
        }
        if serial {
            column.not_null = true;
            column.default =
                Some(format!("nextval('{}'::regclass)", sequence.to_string().replace('\'', "''")));
        }
    }
    let mut owned = serial.then_some(sequence.clone());
    for it in &constraints {
        constraint::add(table, it, Some(&name), context)?;
        if let ast::Constraint::GeneratedConstraint(it) = it
            && let Some(ast::GeneratedAs::GeneratedIdentity(it)) = it.generated_as()
        {
            owned = sequence_name(it.sequence_option_list(), context).or(Some(sequence.clone()));
        }
    }
    Ok(owned.map(|sequence| (sequence, name)))
}

/// The `SEQUENCE NAME` among an identity's options.
pub(super) fn sequence_name(
    options: Option<ast::SequenceOptionList>,
    context: &Context,
) -> Option<QualifiedName> {
    options?
        .sequence_options()
        .find_map(|option| match option {
            ast::SequenceOption::OptionSequenceName(it) => Name::of(&it.sequence()?, &context.path),
            _ => None,
        })
        .map(|name| name.created())
}

/// The name that Postgres gives to the sequence of a serial or identity column.
pub(super) fn default_sequence(table: &QualifiedName, column: &str) -> QualifiedName {
    QualifiedName::new(&table.schema, constraint::default_name(table, &[column.to_string()], "seq"))
}

/// Copies the columns of the table that `LIKE` names, and what `INCLUDING` asks for.
fn take_like(
    draft: &Draft,
    table: &mut TableDraft,
    like: &ast::LikeClause,
    context: &Context,
) -> Result<(), Refusal> {
    let name = like
        .relation_name_ref()
        .and_then(|name| Name::of(&name, &context.path))
        .ok_or(Refusal::Unreadable)?;
    let model =
        draft.find(&name).ok_or_else(|| Refusal::missing(format!("the table `{}`", name.created())))?;
    let model = &draft.tables[model];
    let (mut defaults, mut generated, mut identity, mut indexes, mut checks) =
        (false, false, false, false, false);
    for option in like.like_options() {
        let (included, property) = match option {
            ast::LikeOption::IncludingProperty(it) => (true, it.table_property()),
            ast::LikeOption::ExcludingProperty(it) => (false, it.table_property()),
        };
        match property {
            Some(ast::TableProperty::PropertyAll(_)) => {
                (defaults, generated, identity, indexes, checks) =
                    (included, included, included, included, included);
            }
            Some(ast::TableProperty::PropertyDefaults(_)) => defaults = included,
            Some(ast::TableProperty::PropertyGenerated(_)) => generated = included,
            Some(ast::TableProperty::PropertyIdentity(_)) => identity = included,
            Some(ast::TableProperty::PropertyIndexes(_)) => indexes = included,
            Some(ast::TableProperty::PropertyConstraints(_)) => checks = included,
            _ => {}
        }
    }
    for column in &model.columns {
        let keeps_default = if column.generated.is_some() { generated } else { defaults };
        table.columns.push(ColumnDraft {
            default: column.default.clone().filter(|_| keeps_default),
            generated: column.generated.filter(|_| generated),
            identity: column.identity.filter(|_| identity),
            ..column.clone()
        });
    }
    if indexes {
        table.primary_key.clone_from(&model.primary_key);
        table.unique.extend(model.unique.iter().cloned());
    }
    if checks {
        table.checks.extend(model.checks.iter().cloned());
    }
    Ok(())
}

fn partition_columns(partition_by: Option<&ast::PartitionBy>) -> Vec<String> {
    let list = partition_by.and_then(|partition_by| partition_by.partition_item_list());
    list.into_iter()
        .flat_map(|list| list.partition_items())
        .filter_map(|item| constraint::plain_column(&item))
        .collect()
}

/// The table that `name` refers to.
pub(super) fn table_of(
    draft: &Draft,
    name: Option<ast::TableNameRef>,
    context: &Context,
) -> Result<TableIndex, Refusal> {
    let name = name.and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    draft.find(&name).ok_or_else(|| Refusal::missing(format!("the table `{}`", name.created())))
}
