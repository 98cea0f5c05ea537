//! Types, domains and sequences, made and changed.

use squawk_syntax::ast::{self, AstNode};

use super::constraint::text_of;
use super::draft::{ColumnDraft, Draft, TypeDraft, WrittenType};
use super::identifier::{name_parts, string_constant};
use super::name::{Name, collation_of, identifier_of};
use super::{Context, Refusal};

/// Reads a statement about a type, a domain or a sequence into `draft`; other statements say nothing here.
pub(super) fn read(draft: &mut Draft, statement: &ast::Stmt, context: &Context) -> Result<(), Refusal> {
    match statement {
        ast::Stmt::CreateType(it) => create_type(draft, it, context),
        ast::Stmt::AlterType(it) => alter_type(draft, it, context),
        ast::Stmt::CreateDomain(it) => create_domain(draft, it, context),
        ast::Stmt::AlterDomain(it) => alter_domain(draft, it, context),
        ast::Stmt::CreateSequence(it) => {
            let name =
                it.sequence().and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
            sequence(draft, &name, it.sequence_options(), context);
            Ok(())
        }
        ast::Stmt::AlterSequence(it) => {
            let name = it
                .sequence_ref()
                .and_then(|name| Name::of(&name, &context.path))
                .ok_or(Refusal::Unreadable)?;
            let options = it.actions().filter_map(|action| match action {
                ast::AlterSequenceAction::SequenceOption(option) => Some(option),
                _ => None,
            });
            sequence(draft, &name, options, context);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn create_type(draft: &mut Draft, statement: &ast::CreateType, context: &Context) -> Result<(), Refusal> {
    let name =
        statement.type_name().and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    let ty = match statement.kind() {
        Some(ast::CreateTypeKind::EnumType(it)) => TypeDraft::Enum(
            it.variant_list()
                .into_iter()
                .flat_map(|list| list.variants())
                .map(|variant| string_of(variant.literal()))
                .collect::<Result<_, _>>()?,
        ),
        Some(ast::CreateTypeKind::CompositeType(it)) => TypeDraft::Composite(
            it.composite_field_list()
                .into_iter()
                .flat_map(|list| list.composite_field_defs())
                .map(|field| composite_field(&field, context))
                .collect::<Result<_, _>>()?,
        ),
        // A shell type is declared first and completed later.
        Some(_) | None => TypeDraft::Other,
    };
    draft.types.insert(name.created(), ty);
    Ok(())
}

fn composite_field(field: &ast::CompositeFieldDef, context: &Context) -> Result<ColumnDraft, Refusal> {
    let collation = field.collate().and_then(|collate| collate.collation_ref());
    Ok(ColumnDraft {
        name: field.name().and_then(|name| identifier_of(&name)).ok_or(Refusal::Unreadable)?,
        ty: written(field.ty(), context)?,
        collation: collation.and_then(|name| collation_of(&name)),
        ..ColumnDraft::default()
    })
}

/// New and renamed enum labels; anything else that is done to a type is pg_dump's never.
fn alter_type(draft: &mut Draft, statement: &ast::AlterType, context: &Context) -> Result<(), Refusal> {
    let name = statement
        .type_name_ref()
        .and_then(|name| Name::of(&name, &context.path))
        .ok_or(Refusal::Unreadable)?;
    let action = match statement.action() {
        Some(action @ (ast::AlterTypeAction::AddValue(_) | ast::AlterTypeAction::RenameValue(_))) => action,
        Some(
            ast::AlterTypeAction::AlterTypeAttributeActionList(_) | ast::AlterTypeAction::RenameAttribute(_),
        ) => {
            return Err(Refusal::Unreadable);
        }
        _ => return Ok(()),
    };
    let declared = name.look_up(|name| draft.types.contains_key(name).then(|| name.clone()));
    let Some(TypeDraft::Enum(labels)) = declared.and_then(|name| draft.types.get_mut(&name)) else {
        return Err(Refusal::missing(format!("the type `{}`", name.created())));
    };
    match action {
        ast::AlterTypeAction::AddValue(it) => {
            let label = string_of(it.literal())?;
            let neighbour = match it.value_position() {
                Some(ast::ValuePosition::BeforeValue(it)) => Some((string_of(it.literal())?, 0)),
                Some(ast::ValuePosition::AfterValue(it)) => Some((string_of(it.literal())?, 1)),
                None => None,
            };
            let position = neighbour.and_then(|(neighbour, offset)| {
                labels.iter().position(|label| *label == neighbour).map(|position| position + offset)
            });
            if !labels.contains(&label) {
                labels.insert(position.unwrap_or(labels.len()), label);
            }
        }
        ast::AlterTypeAction::RenameValue(it) => {
            let (from, to) = (string_of(it.from())?, string_of(it.to())?);
            labels.iter_mut().filter(|label| **label == from).for_each(|label| label.clone_from(&to));
        }
        _ => {}
    }
    Ok(())
}

fn create_domain(draft: &mut Draft, statement: &ast::CreateDomain, context: &Context) -> Result<(), Refusal> {
    let name =
        statement.domain().and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    let (mut not_null, mut checks) = (false, Vec::new());
    for qualifier in statement.domain_qualifiers() {
        match qualifier {
            ast::DomainQualifier::Constraint(ast::Constraint::NotNullConstraint(_)) => not_null = true,
            ast::DomainQualifier::Constraint(ast::Constraint::CheckConstraint(it)) => {
                checks.extend(text_of(it.expr()))
            }
            _ => {}
        }
    }
    let base = written(statement.ty(), context)?;
    draft.types.insert(name.created(), TypeDraft::Domain { base, not_null, checks });
    Ok(())
}

fn alter_domain(draft: &mut Draft, statement: &ast::AlterDomain, context: &Context) -> Result<(), Refusal> {
    let name =
        statement.domain_ref().and_then(|name| Name::of(&name, &context.path)).ok_or(Refusal::Unreadable)?;
    let declared = name.look_up(|name| draft.types.contains_key(name).then(|| name.clone()));
    let Some(TypeDraft::Domain { not_null, checks, .. }) =
        declared.and_then(|name| draft.types.get_mut(&name))
    else {
        return Err(Refusal::missing(format!("the domain `{}`", name.created())));
    };
    match statement.action() {
        Some(ast::AlterDomainAction::SetNotNull(_)) => *not_null = true,
        Some(ast::AlterDomainAction::DropNotNull(_)) => *not_null = false,
        Some(ast::AlterDomainAction::AddConstraint(it)) => match it.constraint() {
            Some(ast::Constraint::CheckConstraint(it)) => checks.extend(text_of(it.expr())),
            Some(ast::Constraint::NotNullConstraint(_)) => *not_null = true,
            _ => {}
        },
        _ => {}
    }
    Ok(())
}

fn sequence(
    draft: &mut Draft,
    name: &Name,
    options: impl Iterator<Item = ast::SequenceOption>,
    context: &Context,
) {
    let sequence = draft.sequence(name.created());
    for option in options {
        let ast::SequenceOption::OptionOwnedBy(it) = option else { continue };
        sequence.owned_by = it.owned_by_target().and_then(|target| match target {
            ast::OwnedByTarget::OwnedByNone(_) => None,
            ast::OwnedByTarget::QualifiedColumnNameRef(it) => column_of(&it.syntax().to_string(), context),
        });
    }
}

/// A column as `schema.table.column`, or `table.column`.
fn column_of(text: &str, context: &Context) -> Option<(Name, String)> {
    let (mut parts, _) = name_parts(text)?;
    let column = parts.pop()?;
    let name = parts.pop()?;
    Some((Name { schema: parts.pop(), name, path: context.path.clone() }, column))
}

fn written(ty: Option<ast::Type>, context: &Context) -> Result<WrittenType, Refusal> {
    let ty = ty.ok_or(Refusal::Unreadable)?;
    Ok(WrittenType { text: ty.syntax().to_string(), path: context.path.clone() })
}

fn string_of(literal: Option<ast::Literal>) -> Result<String, Refusal> {
    let text = literal.ok_or(Refusal::Unreadable)?.syntax().to_string();
    string_constant(&text).map(|(value, _)| value).ok_or(Refusal::Unreadable)
}
