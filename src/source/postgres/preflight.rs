//! Before anything is read: whether the server can be read, the role may read all of it, and no table is changed away.

use std::collections::HashSet;

use super::snapshot::{Snapshot, unreadable};
use crate::error::{Error, Result};
use crate::pg::client::{Conninfo, Row};
use crate::pg::dump::Dump;
use crate::schema::quoted;
use crate::source::LiveIdentity;

/// The oldest version that reads a range of a table by itself.
const OLDEST: u32 = 140_000;

/// The newest major version that was tried.
const NEWEST: u32 = 18;

/// How often a snapshot is taken anew where tables change while it is taken.
const ATTEMPTS: usize = 4;

/// How many tables one statement locks.
const LOCKED_AT_ONCE: usize = 500;

/// The tables and sequences that a dump has: not those of the system or of extensions, and no temporary ones.
const OF_DUMP: &str = "
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e')";

/// Takes a snapshot, and locks its tables against changes of their definition and their removal; other sessions may
/// write to them.
///
/// # Errors
/// If there is no way to the database, its version is not read, the role lacks a right, or tables change all the time.
pub fn take(conninfo: &Conninfo) -> Result<Snapshot> {
    for _ in 0..ATTEMPTS {
        let snapshot = Snapshot::take(conninfo)?;
        if snapshot.version < OLDEST {
            return Err(Error::snapshot(format!(
                "live databases of PostgreSQL {} are not read",
                snapshot.version / 10_000
            ))
            .hint("14 and later are; of older ones, give a dump: `pg_dump -Fc`"));
        }
        refuse_without_rights(&snapshot)?;
        if lock_tables(&snapshot)? {
            return Ok(snapshot);
        }
    }
    Err(Error::snapshot("tables are changed, emptied or removed while the snapshot is taken")
        .hint("run `mask` when no migration runs"))
}

fn refuse_without_rights(snapshot: &Snapshot) -> Result<()> {
    let query = |condition: &str| {
        let sql = format!("SELECT n.nspname, c.relname, c.relkind {OF_DUMP} AND {condition} ORDER BY 1, 2");
        snapshot.query(&sql).map_err(|failure| unreadable(failure, "cannot read the catalog"))
    };
    let unreadable = query(
        "(c.relkind IN ('r', 'p', 'S')) AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') OR CASE c.relkind
        WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
        ELSE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') END)",
    )?;
    if !unreadable.is_empty() {
        return Err(Error::snapshot("the role may not read all tables and sequences")
            .at(names(&unreadable))
            .hint("grant it SELECT on them, or make it a member of pg_read_all_data"));
    }
    let with_policies =
        query("c.relkind = 'r' AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid)")?;
    if !with_policies.is_empty() {
        return Err(Error::snapshot("row security would hide rows from the role")
            .at(names(&with_policies))
            .hint("connect as a role that has BYPASSRLS"));
    }
    Ok(())
}

/// The names of tables and sequences for a message.
fn names(rows: &[Row]) -> String {
    const SHOWN: usize = 10;
    let text = |row: &Row, index: usize| row.get(index).cloned().flatten().unwrap_or_default();
    let name = |row: &Row| {
        let kind = if text(row, 2) == "S" { "sequence" } else { "table" };
        format!("{kind} `{}.{}`", quoted(&text(row, 0)), quoted(&text(row, 1)))
    };
    let shown: Vec<String> = rows.iter().take(SHOWN).map(name).collect();
    match rows.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Locks the tables as pg_dump does; whether they are still what the snapshot sees.
///
/// A table that was emptied or rewritten since the snapshot was taken would look empty in it: its file is another one.
fn lock_tables(snapshot: &Snapshot) -> Result<bool> {
    let failed = |failure| unreadable(failure, "cannot lock the tables against changes");
    let sql = format!(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) {OF_DUMP} AND c.relkind IN ('r', 'p') ORDER BY c.oid"
    );
    let tables: Vec<String> = snapshot.query(&sql).map_err(failed)?.into_iter().flatten().flatten().collect();
    for some in tables.chunks(LOCKED_AT_ONCE) {
        let list: Vec<String> = some.iter().map(|table| format!("ONLY {table}")).collect();
        match snapshot.query(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", list.join(", "))) {
            Ok(_) => {}
            // Removed or renamed.
            Err(failure) if matches!(failure.sqlstate(), Some("42P01" | "3F000")) => return Ok(false),
            Err(failure) => return Err(failed(failure)),
        }
    }
    let sql = format!(
        "SELECT 1 {OF_DUMP} AND c.relkind = 'r' AND c.relfilenode <> 0
        AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid) LIMIT 1"
    );
    Ok(snapshot.query(&sql).map_err(failed)?.is_empty())
}

/// What tells the server and its database from others, and notes on it.
///
/// # Errors
/// If the server does not answer.
pub fn describe(snapshot: &Snapshot) -> Result<(LiveIdentity, Vec<String>)> {
    let failed = |failure| unreadable(failure, "cannot read the catalog");
    let mut connection = snapshot.connection().map_err(failed)?;
    let system_identifier = connection.system_identifier().map_err(failed)?;
    match system_identifier {
        Some(_) => snapshot.give_back(connection),
        // A failed query has ended the transaction.
        None => drop(connection),
    }
    let mut notes = Vec::new();
    let major = snapshot.version / 10_000;
    if major > NEWEST {
        notes.push(format!("PostgreSQL {major} is newer than what this version was tried with"));
    }
    let database = snapshot.conninfo().database().to_string();
    Ok((LiveIdentity { system_identifier, database }, notes))
}

/// What of the database is not in its dump.
///
/// # Errors
/// If the server does not answer.
pub fn notes(snapshot: &Snapshot, dump: &Dump) -> Result<Vec<String>> {
    if !snapshot.is_standby {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT n.nspname, c.relname, c.relkind, c.oid {OF_DUMP} AND c.relkind = 'r' AND c.relpersistence = 'u'"
    );
    let rows = snapshot.query(&sql).map_err(|failure| unreadable(failure, "cannot read the catalog"))?;
    let with_rows: HashSet<&str> = dump
        .entries
        .iter()
        .filter(|entry| entry.kind == "TABLE DATA")
        .map(|entry| entry.oid.as_str())
        .collect();
    let is_missing = |row: &Row| row.get(3).cloned().flatten().is_some_and(|oid| !with_rows.contains(&*oid));
    let missing: Vec<Row> = rows.into_iter().filter(is_missing).collect();
    Ok(match missing.is_empty() {
        true => Vec::new(),
        false => vec![format!("a standby has no rows of unlogged tables: {}", names(&missing))],
    })
}
