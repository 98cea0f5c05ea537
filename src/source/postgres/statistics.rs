//! What the server knows of a table's rows from its own samples (`ANALYZE`), for what need not be exact.

use std::collections::HashMap;

use super::rows::Rows;
use super::snapshot::{Snapshot, unreadable};
use crate::error::{Place, Result};
use crate::pg::client::literal;
use crate::source::{ColumnStatistics, TableStatistics};

/// What is known of the rows of a table; `None` where it was never analysed.
///
/// # Errors
/// If the catalog cannot be read.
pub fn read(snapshot: &Snapshot, rows: &Rows) -> Result<Option<TableStatistics>> {
    let query = |sql: String| {
        let failed =
            |failure| unreadable(failure, "cannot read the statistics").at(Place::table(&rows.table));
        snapshot.query(&sql).map_err(failed)
    };
    let (schema, name) = (literal(&rows.table.schema), literal(&rows.table.name));
    let counted = query(format!(
        "SELECT reltuples::pg_catalog.float8 * pg_catalog.pg_relation_size(c.oid)
            / nullif(relpages, 0) / pg_catalog.current_setting('block_size')::pg_catalog.int4
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
        WHERE nspname = {schema} AND relname = {name} AND reltuples >= 0"
    ))?;
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<f64>().ok());
    let Some(count) = counted.first().and_then(|row| number(row.first()?)) else { return Ok(None) };
    let known = query(format!(
        "SELECT attname, null_frac, n_distinct, coalesce(most_common_freqs, '{{}}')::pg_catalog.text
        FROM pg_catalog.pg_stats WHERE schemaname = {schema} AND tablename = {name} AND NOT inherited"
    ))?;
    let mut columns = HashMap::new();
    for row in &known {
        let [Some(column), nulls, distinct, Some(common)] = &row[..] else { continue };
        let Some(place) = rows.columns().iter().position(|name| name == column) else { continue };
        let (Some(nulls), Some(distinct)) = (number(nulls), number(distinct)) else { continue };
        let common = common.trim_matches(['{', '}']).split(',').filter_map(|share| share.parse().ok());
        let column = ColumnStatistics {
            nulls,
            // A number below 0 is a share of the rows.
            distinct: if distinct < 0.0 { -distinct * count } else { distinct },
            common: common.collect(),
        };
        columns.insert(place, column);
    }
    Ok(Some(TableStatistics { rows: count, columns }))
}
