//! The rows of one part on their way into a table.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::session::Pool;
use crate::error::{Error, Place, Result};
use crate::pg::client::{Connection, CopyIn, Failure};
use crate::plan::Plan;
use crate::schema::{QualifiedName, TableKind, quoted_always};
use crate::target::{Encoded, PartWriter};

/// How many bytes of rows went into each table.
pub type Loaded = Mutex<HashMap<QualifiedName, u64>>;

/// Sends the rows of one part, and compares their number with what the server says it took.
pub struct Rows<'a> {
    pool: &'a Pool,
    loaded: &'a Loaded,
    table: QualifiedName,
    copy: CopyIn<Connection>,
    /// What ends the part when its rows are there.
    last: &'static str,
    sent_rows: u64,
    sent_bytes: u64,
}

/// How the rows of a part get into their table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Emptied and filled in one transaction, so that the rows need not be touched again to be seen by all (FREEZE),
    /// nor be logged where the server keeps no log for replicas.
    Frozen,
    /// Into a table that the transaction around it made or emptied: frozen as well.
    New,
    /// Added to those that are there.
    Added,
}

impl Way {
    /// For the part `part` of `plan`: a table that is loaded by several parts at once, that the dump does not make, or
    /// that hands its rows on cannot be emptied for one.
    pub fn of(plan: &Plan, part: usize) -> Way {
        let table = plan.parts[part].table;
        let is_alone = plan.parts.iter().filter(|other| other.table == table).count() == 1;
        match plan.catalog.table(table).kind == TableKind::Ordinary && is_alone {
            true => Way::Frozen,
            false => Way::Added,
        }
    }
}

impl<'a> Rows<'a> {
    /// Begins to send the rows of the part `part` of `plan` over a session of `pool`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the table does not take them.
    pub fn start(plan: &Plan, part: usize, way: Way, pool: &'a Pool, loaded: &'a Loaded) -> Result<Self> {
        let table = plan.catalog.table(plan.parts[part].table).name.clone();
        let mut connection = pool.take()?;
        let target = plan.copy_target(part);
        let (first, options, last) = match way {
            Way::Frozen => {
                let name = format!("{}.{}", quoted_always(&table.schema), quoted_always(&table.name));
                (format!("BEGIN; TRUNCATE TABLE ONLY {name}"), " WITH (FREEZE)", "COMMIT")
            }
            Way::New => (String::new(), " WITH (FREEZE)", ""),
            Way::Added => (String::new(), "", ""),
        };
        let started = match first.is_empty() {
            true => Ok(()),
            false => connection.execute(&first),
        };
        let copy =
            started.and_then(|()| CopyIn::start(connection, &format!("COPY {target} FROM STDIN{options}")));
        let copy = copy.map_err(|failure| failed(failure, &table))?;
        Ok(Rows { pool, loaded, table, copy, last, sent_rows: 0, sent_bytes: 0 })
    }
}

impl PartWriter for Rows<'_> {
    fn write(&mut self, encoded: Encoded) -> Result<()> {
        let Encoded::Bytes(bytes) = encoded else { unreachable!("this target's encoder gives bytes") };
        self.sent_rows += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.sent_bytes += bytes.len() as u64;
        self.copy.write(&bytes).map_err(|failure| failed(failure, &self.table))
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        let Rows { pool, loaded, table, copy, last, sent_rows, sent_bytes } = *self;
        let (taken, mut connection) = copy.finish().map_err(|failure| failed(failure, &table))?;
        if taken != sent_rows {
            return Err(Error::staging(format!("the target took {taken} rows of {sent_rows}"))
                .at(Place::table(&table))
                .hint("a trigger of the table leaves rows out"));
        }
        if !last.is_empty() {
            connection.execute(last).map_err(|failure| failed(failure, &table))?;
        }
        pool.give(connection);
        *loaded.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default() += sent_bytes;
        Ok(sent_bytes)
    }
}

fn failed(failure: Failure, table: &QualifiedName) -> Error {
    failure.staging("cannot load rows").at(Place::table(table))
}
