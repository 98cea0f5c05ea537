//! What becomes of each entry of the dump: carried over, written as masked rows, or left out and why.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::pg::dump::{Dump, Entry};
use crate::plan::{PartPlan, neutralise};
use crate::rules::LargeObjects;

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes out as it came in.
    Carry,
    /// Its rows go out masked: the index of its part in the plan.
    Data(usize),
    /// It is left out, for this reason.
    Drop(&'static str),
}

/// Decides for every entry of `dump`; what would act on its own is left out where the copy `goes_live`.
pub fn decide(
    dump: &Dump,
    parts: &[PartPlan],
    large_objects: Option<LargeObjects>,
    goes_live: bool,
) -> Vec<Fate> {
    let part_of: HashMap<i32, usize> =
        parts.iter().enumerate().map(|(index, part)| (part.entry, index)).collect();
    let decide = |entry: &Entry| match part_of.get(&entry.id) {
        Some(&part) => Fate::Data(part),
        None if dump.archive_version.is_none() && is_of_cluster(entry) => Fate::Drop(OF_CLUSTER),
        None => match neutralise::reason(entry).filter(|_| goes_live) {
            Some(reason) => Fate::Drop(reason),
            None => without_rows(entry, large_objects),
        },
    };
    dump.entries.iter().map(decide).collect()
}

fn without_rows(entry: &Entry, large_objects: Option<LargeObjects>) -> Fate {
    if is_large_object(entry) {
        return match large_objects {
            Some(LargeObjects::Keep) => Fate::Carry,
            _ => Fate::Drop("`[large_objects] action = \"drop\"`"),
        };
    }
    match entry.kind.as_str() {
        "TABLE DATA" => Fate::Drop("its rows are not asked for"),
        "STATISTICS DATA" => Fate::Drop("statistics hold values of the source; `ANALYZE` makes new ones"),
        "USER MAPPING" => Fate::Drop("user mappings hold passwords"),
        "SUBSCRIPTION" | "SUBSCRIPTION TABLE" => Fate::Drop(OF_SUBSCRIPTION),
        "COMMENT" | "OWNER" if names_subscription(entry) => Fate::Drop(OF_SUBSCRIPTION),
        "SECURITY LABEL" if !is_all_of_selinux(&entry.definition) => {
            Fate::Drop("security labels of masking tools say what they would show")
        }
        _ => Fate::Carry,
    }
}

const OF_SUBSCRIPTION: &str = "a subscription holds a connection string";

/// Whether an entry says something of a subscription, which is not there any more.
fn names_subscription(entry: &Entry) -> bool {
    entry.tag.starts_with("SUBSCRIPTION ") || statement_names(&entry.definition, "SUBSCRIPTION")
}

/// Whether all labels of an entry are SELinux's: pg_dump puts those of a table and its columns, whoever gave them, into
/// one entry.
fn is_all_of_selinux(definition: &str) -> bool {
    let mut labels = definition.lines().filter(|line| line.starts_with("SECURITY LABEL")).peekable();
    labels.peek().is_some() && labels.all(|line| line.starts_with("SECURITY LABEL FOR selinux ON "))
}

const OF_CLUSTER: &str = "it is of the server, not of the database that the load goes into";

/// Whether a statement of a script is about roles, tablespaces or databases themselves. An archive has its database as
/// an entry that `pg_restore` makes only when it is asked to; a script would make it whenever it is loaded.
fn is_of_cluster(entry: &Entry) -> bool {
    let is_connect = entry.kind == "META" && !entry.tag.is_empty();
    let of_database = matches!(entry.kind.as_str(), "ACL" | "COMMENT" | "OWNER" | "DROP" | "SECURITY LABEL")
        && (entry.tag.starts_with("DATABASE ") || statement_names(&entry.definition, "DATABASE"));
    let of_role = entry.kind == "DROP" && statement_names(&entry.definition, "ROLE");
    is_connect
        || of_database
        || of_role
        || matches!(entry.kind.as_str(), "DATABASE" | "DATABASE PROPERTIES" | "ROLE" | "TABLESPACE")
}

/// Whether one of the first words of a statement, before any name, is `object`.
fn statement_names(definition: &str, object: &str) -> bool {
    let statement = definition.lines().filter(|line| !line.starts_with("--")).flat_map(str::split_whitespace);
    statement.take(4).any(|word| word == object)
}

/// Whether an entry makes, fills, describes or grants rights on large objects.
fn is_large_object(entry: &Entry) -> bool {
    let of_one = matches!(entry.kind.as_str(), "ACL" | "COMMENT" | "SECURITY LABEL")
        && entry.tag.starts_with("LARGE OBJECT");
    of_one || entry.kind.starts_with("BLOB")
}

/// What becomes of large objects: what the rules say where there are any.
///
/// # Errors
/// [`Kind::Rules`](crate::error::Kind::Rules) if there are some and the rules say nothing.
pub fn large_objects(dump: &Dump, decided: Option<LargeObjects>) -> Result<Option<LargeObjects>> {
    let present = dump.entries.iter().any(is_large_object);
    match (present, decided) {
        (false, _) => Ok(None),
        (true, Some(action)) => Ok(Some(action)),
        (true, None) => Err(Error::rules(
            "the snapshot has large objects, and no rule says what becomes of them",
        )
        .hint("write `action = \"drop\"` or `action = \"keep\"` under `[large_objects]` in the rules file")),
    }
}

/// What is left out, in words: a line for each reason.
pub fn notes(dump: &Dump, fates: &[Fate]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (entry, fate) in dump.entries.iter().zip(fates) {
        let Fate::Drop(reason) = fate else { continue };
        let name = format!("{} {}", entry.kind, entry.tag.replace(['\n', '\r'], " "));
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason, vec![name])),
        }
    }
    reasons.iter().map(|(reason, names)| format!("left out, as {reason}: {}", shortened(names))).collect()
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
