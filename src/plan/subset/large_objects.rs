//! Large objects follow a subset: those are kept that a kept row refers to, in a column of type `oid` or `lo`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, AsArray};

use crate::error::Result;
use crate::plan::{Fate, Plan};
use crate::schema::PgType;
use crate::subset::Selection;
use crate::subset::key_read::KeyRead;

/// The reason that the plan gives for those that are left out.
const NOT_REFERRED_TO: &str = "no row of the subset refers to it";

/// Whether the values of a column of this type may name large objects: `oid`, a domain over it, or `lo` of the extension.
pub fn may_refer(ty: &PgType) -> bool {
    match ty.base() {
        PgType::Oid => true,
        PgType::Other(name) => name.name == "lo",
        _ => false,
    }
}

/// The oids in the columns `columns` of the kept rows of a part.
///
/// # Errors
/// What reading the columns again fails with.
pub fn oids_of(
    rows: &KeyRead<'_>,
    part: usize,
    columns: &[usize],
    selection: &Selection,
) -> Result<HashSet<u32>> {
    let oids = Mutex::new(HashSet::new());
    let filter = selection.filter(part);
    rows.scan_texts(part, columns, &|first_row, batch| {
        let kept = filter.kept(first_row, batch.num_rows());
        let mut oids = oids.lock().unwrap_or_else(PoisonError::into_inner);
        for column in batch.columns() {
            let values = column.as_binary_view();
            let texts = kept.set_indices().filter(|&row| values.is_valid(row)).map(|row| values.value(row));
            oids.extend(texts.filter_map(|text| std::str::from_utf8(text).ok()?.parse::<u32>().ok()));
        }
        Ok(())
    })?;
    Ok(oids.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Leaves out of the plan what makes, describes or fills large objects other than `kept`.
pub fn leave_out_others(plan: &mut Plan, kept: &HashSet<u32>) {
    let mut dropped = HashSet::new();
    let mut is_any_kept = false;
    for (entry, fate) in plan.dump.entries.iter_mut().zip(&mut plan.fates) {
        if entry.kind == "BLOB METADATA" {
            let is_kept = |oid: &&str| oid.parse().is_ok_and(|oid: u32| kept.contains(&oid));
            let lines: Vec<&str> = entry.definition.split_whitespace().filter(is_kept).collect();
            let definition = lines.iter().map(|oid| format!("{oid}\n")).collect::<String>();
            is_any_kept |= !lines.is_empty();
            if lines.is_empty() {
                dropped.insert(entry.id);
                *fate = Fate::Drop(NOT_REFERRED_TO);
            }
            entry.definition = definition;
            continue;
        }
        let oid = match entry.kind.as_str() {
            "BLOB" => entry.tag.parse().ok().or_else(|| oid_in(&entry.definition)),
            "ACL" | "COMMENT" | "SECURITY LABEL" => {
                entry.tag.strip_prefix("LARGE OBJECT ").and_then(|oid| oid.parse().ok())
            }
            _ => None,
        };
        match oid {
            Some(oid) if kept.contains(&oid) => is_any_kept |= entry.kind == "BLOB",
            Some(_) => *fate = Fate::Drop(NOT_REFERRED_TO),
            None => {}
        }
    }
    for (entry, fate) in plan.dump.entries.iter().zip(&mut plan.fates) {
        let is_of_dropped = entry.dependencies.iter().any(|id| dropped.contains(id));
        let is_of_objects = entry.kind == "BLOBS" || entry.tag.starts_with("LARGE OBJECT");
        if is_of_objects && (is_of_dropped || !is_any_kept) {
            *fate = Fate::Drop(NOT_REFERRED_TO);
        }
    }
}

/// The oid in a statement on one large object: `SELECT pg_catalog.lo_create('1');`, `ALTER LARGE OBJECT 1 OWNER TO …`.
fn oid_in(statement: &str) -> Option<u32> {
    let after = statement.split_once("LARGE OBJECT ").or_else(|| statement.split_once("('"))?.1;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::dump::{Dump, Entry};

    fn plan(entries: &[(i32, &str, &str, &str, &[i32])]) -> Plan {
        let entry = |(id, kind, tag, definition, dependencies): &(i32, &str, &str, &str, &[i32])| Entry {
            id: *id,
            kind: kind.to_string(),
            tag: tag.to_string(),
            definition: definition.to_string(),
            dependencies: dependencies.to_vec(),
            ..Entry::default()
        };
        let entries: Vec<Entry> = entries.iter().map(entry).collect();
        let fates = vec![Fate::Carry; entries.len()];
        Plan { dump: Dump { entries, ..Dump::default() }, fates, ..Plan::default() }
    }

    fn carried(plan: &Plan) -> Vec<i32> {
        let carried = plan.dump.entries.iter().zip(&plan.fates).filter(|(_, fate)| **fate == Fate::Carry);
        carried.map(|(entry, _)| entry.id).collect()
    }

    #[test]
    fn an_object_that_nothing_refers_to_is_not_made() {
        let entries: &[(i32, &str, &str, &str, &[i32])] = &[
            (1, "BLOB", "7", "SELECT pg_catalog.lo_create('7');", &[]),
            (2, "BLOB", "", "SELECT pg_catalog.lo_create('8');", &[]),
            (3, "COMMENT", "LARGE OBJECT 8", "", &[2]),
            (4, "BLOB", "", "ALTER LARGE OBJECT 8 OWNER TO ana;", &[]),
            (5, "BLOBS", "BLOBS", "", &[]),
            (6, "TABLE", "8", "", &[]),
        ];
        let mut some = plan(entries);
        leave_out_others(&mut some, &HashSet::from([7]));
        assert_eq!(carried(&some), [1, 5, 6]);
        let mut none = plan(entries);
        leave_out_others(&mut none, &HashSet::new());
        assert_eq!(carried(&none), [6]);
    }

    #[test]
    fn a_group_keeps_those_that_rows_refer_to() {
        let mut plan = plan(&[
            (1, "BLOB METADATA", "7..9", "7\n8\n9\n", &[]),
            (2, "BLOBS", "7..9", "", &[1]),
            (3, "BLOB METADATA", "10", "10\n", &[]),
            (4, "BLOBS", "10", "", &[3]),
        ]);
        leave_out_others(&mut plan, &HashSet::from([8, 9]));
        assert_eq!(carried(&plan), [1, 2]);
        assert_eq!(plan.dump.entries[0].definition, "8\n9\n");
    }
}
