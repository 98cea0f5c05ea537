//! `ANALYZE` of everything that was loaded, table by table, the largest first.

use super::schedule::Task;
use crate::error::{Error, Result};
use crate::pg::client::{Connection, Failure};

/// Partitions come with their roots.
const TABLES: &str = "
    SELECT pg_catalog.format('ANALYZE %I.%I', nspname, relname), pg_catalog.pg_total_relation_size(c.oid)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'm') AND NOT relispartition AND relpersistence <> 't'
    AND nspname !~ '^pg_' AND nspname <> 'information_schema'";

/// A statement for each table.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server cannot be asked.
pub fn tasks(connection: &mut Connection) -> Result<Vec<Task<String>>> {
    let rows = connection.query(TABLES).map_err(failed)?;
    let task = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().flatten();
        let work = values.next()?;
        let cost = values.next().and_then(|size| size.parse().ok()).unwrap_or(0);
        Some(Task { work, needs: Vec::new(), locks: Vec::new(), cost })
    };
    Ok(rows.into_iter().filter_map(task).collect())
}

/// Runs one of them.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it.
pub fn run(connection: &mut Connection, sql: &str) -> Result<()> {
    connection.execute(sql).map_err(failed)
}

fn failed(failure: Failure) -> Error {
    failure.staging("cannot gather statistics of the new tables")
}
