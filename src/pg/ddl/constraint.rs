//! Constraints and unique indexes: keys, references, checks, and what a column says of itself.

use squawk_syntax::ast::{self, AstNode};

use super::draft::{ForeignKeyDraft, KeyDraft, TableDraft};
use super::name::{Name, identifier_of};
use super::{Context, Refusal};
use crate::schema::{Generated, Identity, QualifiedName, ReferentialAction};

/// Adds `constraint` to `table`; `column` is the column it is written at, if it is a column's.
pub(super) fn add(
    table: &mut TableDraft,
    constraint: &ast::Constraint,
    column: Option<&str>,
    context: &Context,
) -> Result<(), Refusal> {
    let name = constraint.constraint_name().and_then(|name| identifier_of(&name));
    let options = Options::of(constraint);
    match constraint {
        ast::Constraint::PrimaryKeyConstraint(it) => {
            let parts = KeyParts { column, parameters: it.index_parameters(), index: it.using_index() };
            let key = key(table, name, parts, "pkey", &options, context)?;
            table.primary_key = Some(key);
        }
        ast::Constraint::UniqueConstraint(it) => {
            let parts = KeyParts { column, parameters: it.index_parameters(), index: it.using_index() };
            let key = key(table, name, parts, "key", &options, context)?;
            table.unique.push(key);
        }
        ast::Constraint::ForeignKeyConstraint(it) => {
            let (columns, period) = it.from_columns().map(|list| referring(&list)).unwrap_or_default();
            let parent_columns = it.to_columns().map(|list| referring(&list).0).unwrap_or_default();
            let reference = Reference {
                columns,
                parent: it.table_name_ref(),
                parent_columns,
                match_type: it.match_type(),
                actions: it.referential_actions().collect(),
                period,
            };
            table.foreign_keys.push(foreign_key(table, name, reference, &options, context)?);
        }
        ast::Constraint::ReferencesConstraint(it) => {
            let reference = Reference {
                columns: column.map(str::to_string).into_iter().collect(),
                parent: it.table(),
                parent_columns: it.column().and_then(|column| identifier_of(&column)).into_iter().collect(),
                match_type: it.match_type(),
                actions: it.referential_actions().collect(),
                period: false,
            };
            table.foreign_keys.push(foreign_key(table, name, reference, &options, context)?);
        }
        // Rows may break a check that is not enforced, so masked ones may too.
        ast::Constraint::CheckConstraint(it) if !options.not_enforced => {
            // A child's check of the same name is merged with its parent's.
            let check = text_of(it.expr()).filter(|check| !table.checks.contains(check));
            table.checks.extend(check);
        }
        ast::Constraint::NotNullConstraint(it) => {
            let named = it.column_name_ref().and_then(|column| identifier_of(&column));
            let column = named.as_deref().or(column).ok_or(Refusal::Unreadable)?;
            existing(table, column)?.not_null = true;
        }
        ast::Constraint::DefaultConstraint(it) => {
            let column = column.ok_or(Refusal::Unreadable)?;
            // Postgres keeps no default of NULL; pg_dump writes one where a child drops its parent's.
            let default = text_of(it.expr()).filter(|default| !default.eq_ignore_ascii_case("null"));
            existing(table, column)?.default = default;
        }
        ast::Constraint::GeneratedConstraint(it) => generated(table, it, column.ok_or(Refusal::Unreadable)?)?,
        ast::Constraint::CheckConstraint(_)
        | ast::Constraint::ExcludeConstraint(_)
        | ast::Constraint::NullConstraint(_) => {}
    }
    Ok(())
}

/// The key that `CREATE UNIQUE INDEX` makes of `table`'s columns.
pub(super) fn unique_index(index: &ast::CreateIndex, context: &Context) -> KeyDraft {
    let mut key = KeyDraft {
        name: index
            .index()
            .and_then(|name| Name::of(&name, &context.path))
            .map(|name| name.name)
            .unwrap_or_default(),
        predicate: index.where_clause().and_then(|clause| text_of(clause.expr())),
        nulls_not_distinct: matches!(
            index.nulls_distinct_option(),
            Some(ast::NullsDistinctOption::NullsNotDistinct(_))
        ),
        place: context.place.clone(),
        ..KeyDraft::default()
    };
    for item in index.partition_item_list().into_iter().flat_map(|list| list.partition_items()) {
        match plain_column(&item) {
            Some(column) => key.columns.push(column),
            None => key.has_expression = true,
        }
    }
    key
}

/// The column that a part of an index or a partition key is; `None` if it is an expression.
pub(super) fn plain_column(item: &ast::PartitionItem) -> Option<String> {
    let column = |expression| match expression {
        ast::Expr::NameRef(name) => identifier_of(&name),
        _ => None,
    };
    match item.expr()? {
        // `a COLLATE "C"` is parsed as an expression.
        ast::Expr::Collate(collate) => column(collate.expr()?),
        expression => column(expression),
    }
}

/// Marks the column as one whose values the database makes.
fn generated(
    table: &mut TableDraft,
    constraint: &ast::GeneratedConstraint,
    column: &str,
) -> Result<(), Refusal> {
    let column = existing(table, column)?;
    match constraint.generated_as() {
        Some(ast::GeneratedAs::GeneratedIdentity(it)) => {
            column.identity = Some(identity(it.generated_when()));
            column.not_null = true;
        }
        Some(ast::GeneratedAs::GeneratedStored(it)) => {
            column.default = text_of(it.expr());
            // PostgreSQL 18 leaves VIRTUAL out, since it became the default.
            let stored = matches!(it.generated_kind(), Some(ast::GeneratedKind::Stored(_)));
            column.generated = Some(if stored { Generated::Stored } else { Generated::Virtual });
        }
        None => return Err(Refusal::Unreadable),
    }
    Ok(())
}

/// The kind of identity that `GENERATED ALWAYS` or `BY DEFAULT` makes.
pub(super) fn identity(when: Option<ast::GeneratedWhen>) -> Identity {
    match when {
        Some(ast::GeneratedWhen::GeneratedByDefault(_)) => Identity::ByDefault,
        _ => Identity::Always,
    }
}

/// The text of an expression as written.
pub(super) fn text_of(expression: Option<ast::Expr>) -> Option<String> {
    expression.map(|expression| expression.syntax().to_string())
}

/// What the words after a constraint say.
#[derive(Default)]
struct Options {
    deferrable: bool,
    initially_deferred: bool,
    not_valid: bool,
    not_enforced: bool,
}

impl Options {
    fn of(constraint: &ast::Constraint) -> Self {
        let mut options = Options::default();
        for option in constraint.constraint_options() {
            match option {
                ast::ConstraintOption::DeferrableConstraintOption(_) => options.deferrable = true,
                ast::ConstraintOption::InitiallyDeferredConstraintOption(_) => {
                    (options.deferrable, options.initially_deferred) = (true, true);
                }
                ast::ConstraintOption::NotValid(_) => options.not_valid = true,
                ast::ConstraintOption::NotEnforced(_) => options.not_enforced = true,
                _ => {}
            }
        }
        options
    }
}

/// Where a key's columns come from: the column it is written at, its own list, or an index.
struct KeyParts<'a> {
    column: Option<&'a str>,
    parameters: Option<ast::IndexParameters>,
    index: Option<ast::UsingIndexName>,
}

fn key(
    table: &mut TableDraft,
    name: Option<String>,
    parts: KeyParts<'_>,
    suffix: &str,
    options: &Options,
    context: &Context,
) -> Result<KeyDraft, Refusal> {
    if let Some(index) = parts.index.and_then(|using| using.index_ref()) {
        let index = Name::of(&index, &context.path).ok_or(Refusal::Unreadable)?.name;
        let position = table.unique.iter().position(|key| key.name == index);
        // The index becomes the constraint's and takes its name.
        let key =
            table.unique.remove(position.ok_or_else(|| Refusal::missing(format!("the index `{index}`")))?);
        return Ok(KeyDraft { name: name.unwrap_or(index), deferrable: options.deferrable, ..key });
    }
    let list = parts.parameters.as_ref().and_then(|parameters| parameters.column_list());
    let columns: Vec<String> = match (&list, parts.column) {
        (Some(list), _) => list.column_name_refs().filter_map(|column| identifier_of(&column)).collect(),
        (None, Some(column)) => vec![column.to_string()],
        (None, None) => return Err(Refusal::Unreadable),
    };
    let nulls = parts.parameters.and_then(|parameters| parameters.nulls_distinct_option());
    // A primary key's own name has no columns in it.
    let named_columns = if suffix == "pkey" { &[][..] } else { &columns[..] };
    Ok(KeyDraft {
        name: name.unwrap_or_else(|| default_name(&table.name, named_columns, suffix)),
        nulls_not_distinct: matches!(nulls, Some(ast::NullsDistinctOption::NullsNotDistinct(_))),
        without_overlaps: list.is_some_and(|list| list.without_overlaps().is_some()),
        deferrable: options.deferrable,
        place: context.place.clone(),
        columns,
        ..KeyDraft::default()
    })
}

/// The parts of a foreign key, whichever way it is written.
struct Reference {
    columns: Vec<String>,
    parent: Option<ast::TableNameRef>,
    parent_columns: Vec<String>,
    match_type: Option<ast::MatchType>,
    actions: Vec<ast::ReferentialAction>,
    period: bool,
}

fn foreign_key(
    table: &TableDraft,
    name: Option<String>,
    reference: Reference,
    options: &Options,
    context: &Context,
) -> Result<ForeignKeyDraft, Refusal> {
    let parent =
        reference.parent.and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    let (mut on_delete, mut on_update) = <(ReferentialAction, ReferentialAction)>::default();
    for action in &reference.actions {
        match action {
            ast::ReferentialAction::OnDeleteAction(it) => on_delete = referential_action(it.ref_action()),
            ast::ReferentialAction::OnUpdateAction(it) => on_update = referential_action(it.ref_action()),
        }
    }
    Ok(ForeignKeyDraft {
        name: name.unwrap_or_else(|| default_name(&table.name, &reference.columns, "fkey")),
        columns: reference.columns,
        parent,
        parent_columns: reference.parent_columns,
        match_full: matches!(reference.match_type, Some(ast::MatchType::MatchFull(_))),
        on_delete,
        on_update,
        deferrable: options.deferrable,
        initially_deferred: options.initially_deferred,
        // What is not enforced has never been validated.
        not_valid: options.not_valid || options.not_enforced,
        not_enforced: options.not_enforced,
        period: reference.period,
        place: context.place.clone(),
    })
}

/// The columns of a side of a foreign key, and whether the last is a `PERIOD`.
fn referring(list: &ast::ForeignKeyColumnList) -> (Vec<String>, bool) {
    let period = list.period_column().and_then(|period| period.name());
    let is_period = period.is_some();
    let columns = list.column_name_refs().chain(period).filter_map(|column| identifier_of(&column));
    (columns.collect(), is_period)
}

fn referential_action(action: Option<ast::RefAction>) -> ReferentialAction {
    match action {
        Some(ast::RefAction::Cascade(_)) => ReferentialAction::Cascade,
        Some(ast::RefAction::Restrict(_)) => ReferentialAction::Restrict,
        Some(ast::RefAction::SetNullColumns(_)) => ReferentialAction::SetNull,
        Some(ast::RefAction::SetDefaultColumns(_)) => ReferentialAction::SetDefault,
        Some(ast::RefAction::NoAction(_)) | None => ReferentialAction::NoAction,
    }
}

/// The name that Postgres gives to what has none: table, columns and a word for its kind.
pub(super) fn default_name(table: &QualifiedName, columns: &[String], suffix: &str) -> String {
    let mut parts = vec![table.name.as_str()];
    parts.extend(columns.iter().map(String::as_str));
    parts.push(suffix);
    parts.join("_")
}

fn existing<'a>(
    table: &'a mut TableDraft,
    column: &str,
) -> Result<&'a mut super::draft::ColumnDraft, Refusal> {
    table.column_mut(column).ok_or_else(|| Refusal::missing(format!("the column `{column}`")))
}
