//! One snapshot of the database, and the connections that are in it.
//!
//! A transaction exports it (`pg_export_snapshot`), others take it over; it lives as long as any of them. Where the one
//! that exported it is lost, another one exports it anew.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::pg::client::failure::{Failure, FailureKind};
use crate::pg::client::{self, Connection, Conninfo, literal};

/// How long a lock on a table, which a change of its definition may hold, is waited for.
pub const LOCK_TIMEOUT: &str = "60s";

/// Settings of every session: no limit ends a long read, values have the form that they have in a dump, rows come in
/// the order in which they lie, and a policy on rows gives an error rather than fewer of them.
const SETTINGS: &[(&str, &str)] = &[
    ("statement_timeout", "0"),
    ("lock_timeout", LOCK_TIMEOUT),
    ("idle_in_transaction_session_timeout", "0"),
    ("row_security", "off"),
    ("search_path", ""),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("standard_conforming_strings", "on"),
    ("synchronize_seqscans", "off"),
    // An index has the values of some columns, but not in the order of the table.
    ("enable_indexonlyscan", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
    ("client_min_messages", "error"),
];

/// Further settings of sessions that read rows: rows that are asked for by their places are fetched from there, whatever
/// the statistics say, and an index does not change the order of others.
const READER_SETTINGS: &[(&str, &str)] = &[("enable_seqscan", "off"), ("enable_indexscan", "off")];

/// The version that brought a limit on whole transactions.
const TRANSACTION_TIMEOUT: u32 = 170_000;

/// How long to wait before each new attempt to connect.
const DELAYS: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// A snapshot.
pub struct Snapshot {
    conninfo: Conninfo,
    /// The server's version, such as 150008.
    pub version: u32,
    /// Whether the server is a standby.
    pub is_standby: bool,
    /// Whether the database says nothing of the encoding of its text.
    pub is_ascii: bool,
    /// Whether its text is UTF-8 on the server too.
    pub is_utf8: bool,
    state: Mutex<State>,
}

struct State {
    /// What the snapshot was exported as.
    id: String,
    /// The connection that exported it.
    holder: Connection,
    /// Connections in the snapshot that nobody uses.
    idle: Vec<Connection>,
}

impl Snapshot {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// If there is no way to the database.
    pub fn take(conninfo: &Conninfo) -> Result<Snapshot> {
        let connect = || -> client::Result<Snapshot> {
            let mut holder = Connection::connect(conninfo, SETTINGS)?;
            let version = holder.server_version_num()?;
            let is_standby = holder.is_in_recovery()?;
            let is_ascii = holder.parameter("server_encoding") == Some("SQL_ASCII");
            let is_utf8 = holder.parameter("server_encoding") == Some("UTF8");
            // From here on, the very server that answered.
            let conninfo = holder.conninfo().clone();
            begin(&mut holder, version, is_ascii)?;
            let id = export(&mut holder)?;
            let state = Mutex::new(State { id, holder, idle: Vec::new() });
            Ok(Snapshot { conninfo, version, is_standby, is_ascii, is_utf8, state })
        };
        connect().map_err(|failure| failure.snapshot("cannot connect to the snapshot's database"))
    }

    /// How to connect to the server that holds the snapshot.
    pub fn conninfo(&self) -> &Conninfo {
        &self.conninfo
    }

    /// What the snapshot was exported as.
    pub fn id(&self) -> String {
        self.lock().id.clone()
    }

    /// Runs a query in the snapshot.
    ///
    /// # Errors
    /// What the server reports; the transaction is of no use any more then.
    pub fn query(&self, sql: &str) -> client::Result<Vec<client::Row>> {
        self.lock().holder.query(sql)
    }

    /// A connection in the snapshot, to be given back by [`Snapshot::give_back`].
    ///
    /// # Errors
    /// If none can be made, or the snapshot is gone.
    pub fn connection(&self) -> client::Result<Connection> {
        if let Some(connection) = self.lock().idle.pop() {
            return Ok(connection);
        }
        let mut connection = Connection::connect(&self.conninfo, &[SETTINGS, READER_SETTINGS].concat())?;
        begin(&mut connection, self.version, self.is_ascii)?;
        match self.join(&mut connection) {
            Err(failure) if failure.kind() == FailureKind::Server => {
                self.export_anew()?;
                connection.execute("ROLLBACK")?;
                begin(&mut connection, self.version, self.is_ascii)?;
                self.join(&mut connection)?;
            }
            joined => joined?,
        }
        Ok(connection)
    }

    /// As [`Snapshot::connection`], trying again where the server does not answer for a while.
    ///
    /// # Errors
    /// As for [`Snapshot::connection`].
    pub fn connection_at_last(&self) -> client::Result<Connection> {
        for delay in DELAYS {
            match self.connection() {
                Err(failure) if failure.kind() != FailureKind::Server => std::thread::sleep(delay),
                result => return result,
            }
        }
        self.connection()
    }

    /// Takes a connection back that is ready for another statement.
    pub fn give_back(&self, connection: Connection) {
        self.lock().idle.push(connection);
    }

    /// Lets go of unused connections that are lost.
    pub fn discard_lost(&self) {
        self.lock().idle.retain_mut(|connection| connection.execute("SELECT 1").is_ok());
    }

    /// Ends the snapshot, so that the server need not keep for it what others change, nor locks on what it read.
    pub fn release(&self) {
        let mut state = self.lock();
        state.idle.clear();
        // A connection that is lost holds nothing any more.
        let _ = state.holder.execute("ROLLBACK");
    }

    fn join(&self, connection: &mut Connection) -> client::Result<()> {
        connection.execute(&format!("SET TRANSACTION SNAPSHOT {}", literal(&self.id())))
    }

    /// Exports the snapshot from another connection that is in it, if the one that did is lost.
    fn export_anew(&self) -> client::Result<()> {
        let mut state = self.lock();
        if state.holder.execute("SELECT 1").is_ok() {
            return Ok(());
        }
        while let Some(mut connection) = state.idle.pop() {
            if let Ok(id) = export(&mut connection) {
                (state.id, state.holder) = (id, connection);
                return Ok(());
            }
        }
        Err(Failure::gone("the snapshot is gone: no connection holds it any more")
            .hint("run `mask` again; the database was restarted, or its sessions were ended"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a transaction that reads only, and sees what is there when it first looks.
fn begin(connection: &mut Connection, version: u32, is_ascii: bool) -> client::Result<()> {
    if version >= TRANSACTION_TIMEOUT {
        connection.execute("SET transaction_timeout TO 0")?;
    }
    if is_ascii {
        // Bytes as they are, since nobody knows what they mean.
        connection.execute("SET client_encoding TO 'SQL_ASCII'")?;
    }
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

fn export(connection: &mut Connection) -> client::Result<String> {
    let id = connection.value("SELECT pg_catalog.pg_export_snapshot()")?;
    id.ok_or_else(|| Failure::gone("the server exports no snapshot"))
}

/// The failure `failure` to read `what`, with what helps against it.
pub fn unreadable(failure: Failure, what: &str) -> Error {
    let hint = match failure.sqlstate() {
        Some("40001") => Some(
            "the standby had to apply changes that the read was in the way of; turn hot_standby_feedback on, or raise \
             max_standby_streaming_delay",
        ),
        Some("42501") => Some(
            "the role needs SELECT on every table and sequence, as members of pg_read_all_data have it, and BYPASSRLS \
             where tables have policies",
        ),
        Some("55P03") => Some("another session changes the table; run `mask` when it is done"),
        Some("22021" | "22P05") => {
            Some("the database holds text that is not in its encoding, or has no form in UTF-8")
        }
        _ => None,
    };
    let error = failure.snapshot(what);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
