//! Sessions of the target: their settings, and a pool of them that load into one database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::pg::client::{Connection, Conninfo, Failure, literal};
use crate::pg::dump::Entry;
use crate::pg::restore::Restorer;

/// How much memory an index is sorted in at least, in KiB, unless the connection or the role says otherwise.
const MAINTENANCE_WORK_MEM_KIB: u64 = 256 << 10;

/// A session that loads, and what it has set so far for the entries that it restores.
pub struct Session {
    /// The connection.
    pub connection: Connection,
    restorer: Restorer,
    /// How many processes may make one index, where it was set.
    index_workers: Option<usize>,
}

impl Session {
    /// A session over `connection`, whose settings are made.
    pub fn new(connection: Connection, restorer: Restorer) -> Self {
        Session { connection, restorer, index_workers: None }
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost.
    pub fn execute(&mut self, sql: &str) -> Result<(), Failure> {
        self.connection.execute(sql)
    }

    /// The statements that restore `entry`, with the settings of the session before them.
    pub fn statements(&mut self, entry: &Entry) -> String {
        self.restorer.entry(entry)
    }

    /// The same in two: those that make it, and the one that gives it to its owner.
    pub fn statements_apart(&mut self, entry: &Entry) -> (String, String) {
        let owner = self.restorer.owner(entry);
        (self.restorer.entry(&Entry { owner: String::new(), ..entry.clone() }), owner)
    }

    /// Lets `workers` processes help to make an index.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost.
    pub fn set_index_workers(&mut self, workers: usize) -> Result<(), Failure> {
        if self.index_workers != Some(workers) {
            self.execute(&format!("SET max_parallel_maintenance_workers = {workers}"))?;
            self.index_workers = Some(workers);
        }
        Ok(())
    }
}

/// What a session that loads must have said: nothing times out, nothing is searched for by a bare name, and what is
/// written need not be on the disk before the swap, whose commit writes out all that was before it.
pub fn settings(is_utf8: bool, server_version: u32) -> String {
    let encoding = if is_utf8 { "UTF8" } else { "SQL_ASCII" };
    let mut sql = format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
         SET client_encoding = '{encoding}'; SET standard_conforming_strings = on;
         SET check_function_bodies = false; SET xmloption = content; SET client_min_messages = warning;
         SET row_security = off; SET default_transaction_read_only = off; SET synchronous_commit = off;
         SET DateStyle = ISO; SET IntervalStyle = postgres; SET jit = off;
         SET default_transaction_isolation = 'read committed';
         SELECT pg_catalog.set_config('search_path', '', false);"
    );
    if server_version >= 140_000 {
        sql += "SET idle_session_timeout = 0;";
    }
    if server_version >= 170_000 {
        sql += "SET transaction_timeout = 0;";
    }
    // What the person, the role or the database has set stays.
    sql + &format!(
        "SELECT pg_catalog.set_config('maintenance_work_mem', '{MAINTENANCE_WORK_MEM_KIB}kB', false)
         FROM pg_catalog.pg_settings WHERE name = 'maintenance_work_mem'
         AND source IN ('default', 'configuration file') AND setting::int8 < {MAINTENANCE_WORK_MEM_KIB};"
    )
}

/// Sessions that load into one database; what is given back is used again.
pub struct Pool {
    free: Mutex<Vec<Connection>>,
    /// `None` where there is only the one that was given.
    opening: Option<Opening>,
}

/// How a session of a pool is opened.
#[derive(Clone)]
pub struct Opening {
    /// The database.
    pub conninfo: Conninfo,
    /// What is said first.
    pub settings: String,
}

impl Opening {
    /// Opens a connection.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be opened.
    pub fn open(&self) -> Result<Connection> {
        let opened = Connection::connect(&self.conninfo, &[]).and_then(|mut connection| {
            connection.execute(&self.settings)?;
            Ok(connection)
        });
        opened.map_err(|failure| failure.staging("cannot connect to the target"))
    }
}

impl Pool {
    /// A pool without sessions as yet.
    pub fn new(opening: Opening) -> Self {
        Pool { free: Mutex::default(), opening: Some(opening) }
    }

    /// A pool of this one session, whose transaction no other could go on with.
    pub fn of_one(connection: Connection) -> Self {
        Pool { free: Mutex::new(vec![connection]), opening: None }
    }

    /// A session that is free, or a new one.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if none can be opened.
    pub fn take(&self) -> Result<Connection> {
        let free = self.lock().pop();
        match (free, &self.opening) {
            (Some(connection), _) => Ok(connection),
            (None, Some(opening)) => opening.open(),
            (None, None) => Err(Error::staging("the session that loads the target is lost")),
        }
    }

    /// Gives a session back.
    pub fn give(&self, connection: Connection) {
        self.lock().push(connection);
    }

    /// Ends the sessions that are free.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the sessions of the database `name`, but for one's own.
///
/// # Errors
/// What the server reports; a role may end only sessions of its own roles.
pub fn end_sessions(server: &mut Connection, name: &str) -> Result<(), Failure> {
    server.execute(&format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_get_activity(NULL)
         WHERE pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL
         AND datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = {})",
        literal(name)
    ))
}
