//! The tables of the snapshot that have rows: their columns, and how each is read.

use std::collections::HashMap;

use super::binary::Form;
use super::rows::{Layout, Rows};
use super::snapshot::{Snapshot, unreadable};
use crate::error::{Error, Place, Result};
use crate::pg::client::Row;
use crate::pg::dump::{CopyTarget, Dump, Entry};
use crate::schema::QualifiedName;
use crate::source::DataPart;

/// What is known of a table.
struct Known {
    layout: Layout,
    condition: String,
    columns: Vec<String>,
    forms: Vec<Option<Form>>,
}

/// The parts of the data, one for each entry of rows, in the order of the entries.
///
/// # Errors
/// If the catalog cannot be read, or does not have a table of the dump.
pub fn read(snapshot: &Snapshot, dump: &Dump) -> Result<Vec<(DataPart, Rows)>> {
    let entries: Vec<&Entry> =
        dump.entries.iter().filter(|entry| entry.kind == "TABLE DATA" && entry.has_data).collect();
    let known = known(snapshot, &entries)?;
    let part = |entry: &&Entry| {
        let table = QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
        let Some(Known { layout, condition, columns, forms }) = known.get(&entry.oid) else {
            return Err(Error::snapshot("the catalog does not have the table").at(Place::table(&table)));
        };
        let rows = Rows::new(table.clone(), columns.clone(), forms.clone(), condition.clone(), *layout);
        let columns = (!columns.is_empty()).then(|| columns.clone());
        let stored_bytes = Some(layout.bytes());
        Ok((DataPart { entry: entry.id, target: CopyTarget { table, columns }, stored_bytes }, rows))
    };
    entries.iter().map(part).collect()
}

/// Tables by their oid.
fn known(snapshot: &Snapshot, entries: &[&Entry]) -> Result<HashMap<String, Known>> {
    let oids: Vec<&str> = entries.iter().map(|entry| entry.oid.as_str()).collect();
    if oids.iter().any(|oid| oid.is_empty() || !oid.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Error::snapshot("pg_dump names a table without its oid"));
    }
    let list = format!("'{{{}}}'::pg_catalog.oid[]", oids.join(","));
    let query = |sql: String| {
        snapshot.query(&sql).map_err(|failure| unreadable(failure, "cannot read the tables' definitions"))
    };
    // Rows of an extension's table are dumped as far as its condition says.
    let tables = query(format!(
        "SELECT c.oid, coalesce(am.amname, ''), pg_catalog.pg_relation_size(c.oid),
            coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0),
            coalesce((SELECT e.extcondition[i] FROM pg_catalog.pg_extension e,
                pg_catalog.generate_subscripts(e.extconfig, 1) i WHERE e.extconfig[i] = c.oid LIMIT 1), ''),
            pg_catalog.current_setting('block_size')
        FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
        WHERE c.oid = ANY ({list})"
    ))?;
    let columns = query(format!(
        "SELECT attrelid, attname, coalesce(t.typsend::pg_catalog.text, '')
        FROM pg_catalog.pg_attribute LEFT JOIN pg_catalog.pg_type t ON t.oid = atttypid
        WHERE attrelid = ANY ({list}) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attrelid, attnum"
    ))?;
    let text = |row: &Row, index: usize| row.get(index).cloned().flatten().unwrap_or_default();
    let number = |row: &Row, index: usize| text(row, index).parse::<u64>().unwrap_or(0);
    let mut known: HashMap<String, Known> = HashMap::with_capacity(tables.len());
    for row in &tables {
        let layout = Layout {
            is_heap: text(row, 1) == "heap",
            heap_bytes: number(row, 2),
            toast_bytes: number(row, 3),
            block_bytes: number(row, 5).max(1),
        };
        let known_table = Known { layout, condition: text(row, 4), columns: Vec::new(), forms: Vec::new() };
        known.insert(text(row, 0), known_table);
    }
    for row in &columns {
        if let Some(table) = known.get_mut(&text(row, 0)) {
            table.columns.push(text(row, 1));
            table.forms.push(Form::of(&text(row, 2)));
        }
    }
    Ok(known)
}
