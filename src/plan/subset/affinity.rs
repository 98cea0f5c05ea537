//! What names say of a reference: whose record a row is, who only touched it.

use crate::schema::{Catalog, Table, TableId};

/// Last words of the names of tables whose rows own records: those that a share is meant of.
const SUBJECTS: [&str; 27] = [
    "account",
    "buyer",
    "citizen",
    "client",
    "company",
    "contact",
    "customer",
    "donor",
    "guest",
    "household",
    "member",
    "merchant",
    "organisation",
    "organization",
    "passenger",
    "patient",
    "person",
    "people",
    "player",
    "resident",
    "seller",
    "student",
    "subscriber",
    "tenant",
    "user",
    "visitor",
    "applicant",
];

/// Words of the names of columns that say who did something to a row, not whose it is.
const DOERS: [&str; 12] = [
    "by", "approver", "assignee", "assigned", "creator", "editor", "modifier", "reviewer", "updater", "rep",
    "verifier", "auditor",
];

/// How much the names of a reference speak for its child being the parent's: 0 to 7.
pub fn affinity(catalog: &Catalog, child: TableId, column: usize, parent: TableId) -> u8 {
    let (child, parent) = (catalog.table(child), catalog.table(parent));
    let extends = words(&child.name.name).starts_with(&words(&parent.name.name)) && child.name != parent.name;
    4 * u8::from(extends) + 2 * u8::from(is_subject(parent)) + u8::from(is_named_after(child, column, parent))
}

/// Whether the rows of a table are people or what acts as one.
pub fn is_subject(table: &Table) -> bool {
    words(&table.name.name).last().is_some_and(|word| SUBJECTS.contains(&word.as_str()))
}

/// Whether a column is named after the table that it refers to, as `customer_id` is after `customers`.
pub fn is_named_after(child: &Table, column: usize, parent: &Table) -> bool {
    let mut column = words(&child.columns[column].name);
    while column
        .last()
        .is_some_and(|word| matches!(word.as_str(), "id" | "uuid" | "key" | "code" | "number" | "no"))
    {
        column.pop();
    }
    let parent = words(&parent.name.name);
    !column.is_empty() && (column == parent || parent.ends_with(&column))
}

/// Whether a column says who did something to a row, as `created_by` does.
pub fn is_of_doer(child: &Table, column: usize) -> bool {
    words(&child.columns[column].name).iter().any(|word| DOERS.contains(&word.as_str()))
}

/// The words of a name, in lower case and the singular: `OrderLines` and `order_line` are alike.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_lower = false;
    let mut open = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            (open, after_lower) = (false, false);
            continue;
        }
        if !open || (c.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        open = true;
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words.into_iter().map(singular).collect()
}

fn singular(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    let sibilant = ["ses", "xes", "zes", "ches", "shes"].iter().any(|end| word.ends_with(end));
    if sibilant && word.len() > 4 {
        return word[..word.len() - 2].to_string();
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 1 && !stem.ends_with(['s', 'u', 'i']) => stem.to_string(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, PgType, QualifiedName};

    fn table(name: &str, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|name| Column::new(*name, PgType::Int8)).collect();
        Table { name: QualifiedName::new("public", name), columns, ..Table::default() }
    }

    #[test]
    fn names_are_words_in_the_singular() {
        for (name, expected) in [
            ("OrderLines", vec!["order", "line"]),
            ("user_addresses", vec!["user", "address"]),
            ("categories", vec!["category"]),
            ("status", vec!["status"]),
            ("SupportRepId", vec!["support", "rep", "id"]),
            ("\"odd.name\"", vec!["odd", "name"]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn names_tell_whose_a_row_is() {
        let mut catalog = Catalog::default();
        let lines = catalog.add_table(table("order_lines", &["order_id", "product_id", "packed_by"]));
        let orders = catalog.add_table(table("orders", &["id", "customer_id"]));
        let customers = catalog.add_table(table("customers", &["id"]));
        assert_eq!(affinity(&catalog, lines, 0, orders), 5);
        assert_eq!(affinity(&catalog, orders, 1, customers), 3);
        assert_eq!(affinity(&catalog, lines, 2, customers), 2);
        assert!(is_of_doer(catalog.table(lines), 2) && !is_of_doer(catalog.table(lines), 0));
    }
}
