//! Sequences that stand behind the keys of their tables, as masked keys may be higher than those they stand for.

use crate::error::{Error, Result};
use crate::pg::client::{Connection, Failure, Row, literal};

/// The sequences of integer columns, owned by them or in their defaults: sequence, column, table, whether it goes up,
/// and its last value. Names are quoted.
const OF_COLUMNS: &str = "
    SELECT DISTINCT pg_catalog.format('%I.%I', sn.nspname, s.relname), pg_catalog.quote_ident(attname),
        pg_catalog.format('%I.%I', tn.nspname, t.relname), seqincrement > 0,
        CASE WHEN seqincrement > 0 THEN seqmax ELSE seqmin END
    FROM pg_catalog.pg_sequence q
    JOIN pg_catalog.pg_class s ON s.oid = seqrelid JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
    JOIN (SELECT objid AS sequence, refobjid AS of_table, refobjsubid AS of_column FROM pg_catalog.pg_depend
          WHERE classid = 'pg_catalog.pg_class'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass
          AND deptype IN ('a', 'i') AND refobjsubid > 0
          UNION SELECT refobjid, adrelid, adnum FROM pg_catalog.pg_depend JOIN pg_catalog.pg_attrdef a ON a.oid = objid
          WHERE classid = 'pg_catalog.pg_attrdef'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass
          AND deptype = 'n') d ON d.sequence = s.oid
    JOIN pg_catalog.pg_class t ON t.oid = of_table JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute a ON attrelid = t.oid AND attnum = of_column
    WHERE t.relkind IN ('r', 'p') AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    AND sn.nspname !~ '^pg_' AND tn.nspname !~ '^pg_' ORDER BY 1";

/// Moves every sequence past the furthest key of its columns, where it is not; returns what cannot be.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it.
pub fn raise(connection: &mut Connection) -> Result<Vec<String>> {
    let failed = |failure: Failure| failure.staging("cannot set the sequences");
    let mut notes = Vec::new();
    for row in connection.query(OF_COLUMNS).map_err(failed)? {
        let [sequence, column, table, goes_up, end] = texts(row)?;
        let (furthest, beyond, within) = if goes_up == "t" { ("max", ">", "<=") } else { ("min", "<", ">=") };
        let behind = format!(
            "SELECT m {within} {end} FROM {sequence}, (SELECT {furthest}({column}) AS m FROM {table}) k
             WHERE m {beyond} last_value OR m = last_value AND NOT is_called"
        );
        match connection.value(&behind).map_err(failed)?.as_deref() {
            Some("t") => {
                let set = format!(
                    "SELECT pg_catalog.setval({}, {furthest}({column}), true) FROM {table}",
                    literal(&sequence)
                );
                connection.execute(&set).map_err(failed)?;
            }
            Some(_) => notes.push(format!("the sequence {sequence} ends before the furthest key of {table}")),
            None => {}
        }
    }
    Ok(notes)
}

/// The values of a row without NULLs.
fn texts<const COLUMNS: usize>(row: Row) -> Result<[String; COLUMNS]> {
    let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    texts.try_into().map_err(|_| Error::staging("the target's server gives an answer of another form"))
}
