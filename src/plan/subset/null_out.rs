//! Which columns become NULL where a reference is to be one no more, and what of the schema that would break.

use std::collections::BTreeSet;

use super::graph::{Edge, Graph};
use crate::schema::{Catalog, PgType, Table, TableId};

/// Words of a CHECK that is false, not NULL, of a NULL.
const NULL_AWARE: [&str; 12] = [
    "is",
    "num_nonnulls",
    "num_nulls",
    "coalesce",
    "nullif",
    "case",
    "concat",
    "concat_ws",
    "array",
    "row",
    "distinct",
    "jsonb_build_object",
];

/// The columns of the child that become NULL; or, as an error, what NULL would break.
///
/// Under MATCH FULL these are all columns of the reference. Else one is enough, and none is taken that another
/// reference shares or that cannot be NULL.
pub fn null_columns(catalog: &Catalog, graph: &Graph, edge: &Edge) -> Result<Vec<usize>, String> {
    let table = graph.tables[edge.child];
    let columns = &catalog.table(table).columns;
    if !edge.is_plain() {
        return Err("the reference is within a value".into());
    }
    let objection = |column: usize| objection(catalog, graph, edge, table, column);
    let mut taken = Vec::new();
    let mut reasons = Vec::new();
    for &column in &edge.child_columns {
        match objection(column) {
            None => taken.push(column),
            Some(reason) => reasons.push(format!("`{}` {reason}", columns[column].name)),
        }
    }
    let enough = if edge.match_full { reasons.is_empty() } else { !taken.is_empty() };
    if enough { Ok(taken) } else { Err(reasons.join(", ")) }
}

/// Why the column cannot be NULL in a row of `table` or of its partitions.
fn objection(
    catalog: &Catalog,
    graph: &Graph,
    edge: &Edge,
    table: TableId,
    column: usize,
) -> Option<&'static str> {
    let shares = |other: &&Edge| {
        other.child == edge.child
            && other.child_columns.contains(&column)
            && (other.child_columns != edge.child_columns || other.parent != edge.parent)
            // The labels of a polymorphic reference are one reference.
            && !(other.label.is_some() && edge.label.is_some() && other.child_columns == edge.child_columns)
    };
    if graph.edges.iter().any(|other| shares(&other)) {
        return Some("is a part of another reference");
    }
    if graph.edges.iter().any(|other| other.parent == edge.child && other.parent_columns.contains(&column)) {
        return Some("is what other rows refer to");
    }
    let name = &catalog.table(table).columns[column].name;
    parts_of(catalog, table).into_iter().find_map(|part| {
        let part = catalog.table(part);
        table_objection(part, part.column_index(name)?)
    })
}

/// Why the column cannot be NULL in `table` itself.
fn table_objection(table: &Table, column: usize) -> Option<&'static str> {
    let of = &table.columns[column];
    let in_primary_key = table.primary_key.as_ref().is_some_and(|key| key.columns.contains(&column));
    if of.not_null || in_primary_key || !type_takes_null(&of.ty) {
        return Some("is NOT NULL");
    }
    if table.partition_columns.contains(&column) {
        return Some("is of the partition key");
    }
    if table.unique.iter().any(|key| key.nulls_not_distinct && key.columns.contains(&column)) {
        return Some("is UNIQUE NULLS NOT DISTINCT");
    }
    let checked = |check: &String| mentions(check, &of.name) && may_be_false_of_null(check);
    if table.checks.iter().any(checked) {
        return Some("is under a CHECK that NULL may break");
    }
    let computes = |other: &crate::schema::Column| {
        other.generated.is_some()
            && other.not_null
            && other.default.as_ref().is_some_and(|expression| mentions(expression, &of.name))
    };
    table.columns.iter().any(computes).then_some("is what a NOT NULL column is generated from")
}

fn type_takes_null(ty: &PgType) -> bool {
    match ty {
        PgType::Domain(domain) => {
            !domain.not_null
                && !domain.checks.iter().any(|check| may_be_false_of_null(check))
                && type_takes_null(&domain.base)
        }
        _ => true,
    }
}

/// The table, and its partitions and theirs.
fn parts_of(catalog: &Catalog, table: TableId) -> BTreeSet<TableId> {
    let mut found = BTreeSet::from([table]);
    let mut open = vec![table];
    while let Some(above) = open.pop() {
        let direct = catalog.iter().filter(|(_, table)| table.partition_of == Some(above)).map(|(id, _)| id);
        open.extend(direct.filter(|id| found.insert(*id)).collect::<Vec<_>>());
    }
    found
}

/// Whether an SQL expression names the column.
fn mentions(expression: &str, column: &str) -> bool {
    words(expression).any(|word| word == column) || expression.contains(&crate::schema::quoted_always(column))
}

/// Whether an SQL condition may be false where one of its columns is NULL. Comparisons and arithmetic are NULL then,
/// which a CHECK lets pass.
fn may_be_false_of_null(condition: &str) -> bool {
    words(condition).any(|word| NULL_AWARE.contains(&word.to_ascii_lowercase().as_str()))
}

/// The words of an SQL text, what is in single quotes left out.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    sql.split('\'')
        .step_by(2)
        .flat_map(move |text| text.split(move |c| !is_word(c)))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_only_compares_lets_null_pass() {
        assert!(!may_be_false_of_null("((a > 0) AND (a < b))"));
        assert!(!may_be_false_of_null("((kind = 'is'::text))"));
        for check in ["(num_nonnulls(a, b) = 1)", "((a IS NOT NULL) OR (b > 0))", "(COALESCE(a, 0) > 0)"] {
            assert!(may_be_false_of_null(check), "{check}");
        }
        assert!(mentions("(num_nonnulls(a, \"B c\") = 1)", "B c") && !mentions("(ab > 1)", "a"));
    }
}
