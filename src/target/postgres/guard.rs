//! What is asked before anything is written: whether the target may be written to at all, and whether it can be.

use std::collections::{HashMap, HashSet};

use super::database::{self, Database};
use super::fit::Facts;
use super::marker::Marker;
use super::{Live, Load, hosts, name, session};
use crate::error::{Error, Result};
use crate::pg::client::{Connection, Conninfo, Failure, Row, literal};
use crate::source::LiveIdentity;

/// The databases that a session may look at others from, in the order in which they are tried.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// A target that may be written to, and what is known of it. Locked against other runs as long as it is there.
pub struct Found {
    /// A session in another database of the server; it holds the lock.
    pub server: Connection,
    /// How to connect to the target, on that very server.
    pub conninfo: Conninfo,
    /// The target, where it is there.
    pub database: Option<Database>,
    /// What the server has.
    pub facts: Facts,
    /// Its version, such as 150008.
    pub version: u32,
    /// The previous databases that there are, the youngest first.
    pub previous: Vec<Database>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What the guards ask for.
pub struct Asked<'a> {
    /// The target as it was named.
    pub to: &'a str,
    /// The live database that is read, if it is one.
    pub source: Option<&'a LiveIdentity>,
    /// Whether a database that is not of `mask` may be replaced.
    pub overwrite: bool,
    /// How it is loaded, and what is never written to.
    pub live: &'a Live,
}

/// Connects to the target's server, and asks.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if the target may not be written to, or cannot be with this role;
/// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be reached or another run writes it.
pub fn find(asked: &Asked<'_>) -> Result<Found> {
    let (mut server, conninfo) = connect(asked.to, &asked.live.never_write)?;
    let name = conninfo.database().to_string();
    refuse_replica(&mut server)?;
    refuse_source(&mut server, &name, asked.source)?;
    let database = database::find(&mut server, &name)?;
    if let Some(database) = &database {
        refuse_foreign(database, &conninfo, asked.overwrite)?;
    }
    let version = server.server_version_num().map_err(unreadable)?;
    let facts = facts(&mut server, version).map_err(unreadable)?;
    let mut found =
        Found { server, conninfo, database, facts, version, previous: Vec::new(), notes: Vec::new() };
    match asked.live.load {
        Load::Swap => found.prepare_swap()?,
        Load::Replace | Load::Data if found.database.is_none() => {
            return Err(Error::usage("the target does not exist")
                .at(format!("database `{name}`"))
                .hint("make it, or say `--load swap`, which does"));
        }
        Load::Replace | Load::Data => lock(&mut found.server, &name)?,
    }
    Ok(found)
}

/// Connects to a database beside the target that `to` names; returns the session, and how to connect to the target on
/// that very server.
///
/// # Errors
/// As [`find`] for a host that is never written to, and if no connection can be made.
pub fn connect(to: &str, never_write: &[String]) -> Result<(Connection, Conninfo)> {
    let conninfo = Conninfo::parse(to)?;
    hosts::refuse(conninfo.hosts(), never_write)?;
    let target = conninfo.database().to_string();
    if matches!(target.as_str(), "template0" | "template1") {
        return Err(
            Error::usage("the target is a template of other databases").at(format!("database `{target}`"))
        );
    }
    let mut last = None;
    for database in MAINTENANCE.into_iter().filter(|name| *name != target) {
        match Connection::connect(&conninfo.with_database(database), &[]) {
            Ok(mut server) => {
                let version = server.server_version_num().map_err(unreadable)?;
                let settings = session::settings(true, version) + "SET synchronous_commit = on;";
                server.execute(&settings).map_err(unreadable)?;
                let conninfo = server.conninfo().with_database(&target);
                return Ok((server, conninfo));
            }
            Err(failure) => {
                let may_try_other = matches!(failure.sqlstate(), Some("3D000" | "42501" | "28000"));
                last = Some(failure);
                if !may_try_other {
                    break;
                }
            }
        }
    }
    Err(last.expect("one of the two was tried").staging("cannot connect to the target's server"))
}

/// Takes the lock that keeps two runs on one target apart; it goes with the session.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if another run has it.
pub fn lock(server: &mut Connection, name: &str) -> Result<()> {
    let sql = format!(
        "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended({}, 4711))",
        literal(&format!("mask:{name}"))
    );
    match server.value(&sql).map_err(unreadable)?.as_deref() {
        Some("t") => Ok(()),
        _ => Err(Error::staging("another run of `mask` is writing this target")
            .at(format!("database `{name}`"))
            .hint("wait for its end; nothing was written")),
    }
}

fn unreadable(failure: Failure) -> Error {
    failure.staging("cannot look at the target's server")
}

fn refuse_replica(server: &mut Connection) -> Result<()> {
    match server.is_in_recovery().map_err(unreadable)? {
        true => Err(Error::usage("the target's server is a replica, which takes no writes")
            .hint("name its primary, or another server")),
        false => Ok(()),
    }
}

fn refuse_source(server: &mut Connection, name: &str, source: Option<&LiveIdentity>) -> Result<()> {
    let Some(source) = source else { return Ok(()) };
    let system = server.system_identifier().map_err(unreadable)?;
    // Where either cannot be told, the same name is reason enough.
    let is_same_system = match (&system, &source.system_identifier) {
        (Some(target), Some(source)) => target == source,
        _ => true,
    };
    match is_same_system && source.database == name {
        true => Err(Error::usage("the target is the database that is read")
            .at(format!("database `{name}`"))
            .hint("servers that were cloned from one another count as one: name the copy otherwise")),
        false => Ok(()),
    }
}

/// Refuses a database that somebody else filled.
fn refuse_foreign(database: &Database, conninfo: &Conninfo, overwrite: bool) -> Result<()> {
    if overwrite || matches!(database.marker(), Some(Marker::Made { .. } | Marker::Kept { .. })) {
        return Ok(());
    }
    let mut inside = Connection::connect(conninfo, &[])
        .map_err(|failure| failure.staging("cannot connect to the target"))?;
    if database::is_empty(&mut inside)? {
        return Ok(());
    }
    Err(Error::usage("the target is not empty, and was not made by `mask`")
        .at(format!("database `{}`", database.name))
        .hint("say `--overwrite` to replace it, or name another target"))
}

fn facts(server: &mut Connection, version: u32) -> Result<Facts, Failure> {
    // Since 16 a member of a role may be barred from becoming it.
    let right = if version >= 160_000 { "SET" } else { "MEMBER" };
    let roles = server
        .query(&format!("SELECT rolname, pg_catalog.pg_has_role(oid, '{right}') FROM pg_catalog.pg_roles"))?;
    let role = |row: Row| {
        let [name, is_own] = <[Option<String>; 2]>::try_from(row).unwrap_or_default();
        (name.unwrap_or_default(), is_own.as_deref() == Some("t"))
    };
    let mut names = |sql: &str| -> Result<HashSet<String>, Failure> {
        Ok(server.query(sql)?.into_iter().flatten().flatten().collect())
    };
    let tablespaces = names("SELECT spcname FROM pg_catalog.pg_tablespace")?;
    let extensions = names("SELECT name FROM pg_catalog.pg_available_extensions")?;
    let is_superuser = server.value("SHOW is_superuser")?.as_deref() == Some("on");
    Ok(Facts {
        roles: roles.into_iter().map(role).collect::<HashMap<_, _>>(),
        tablespaces,
        extensions,
        is_superuser,
    })
}

impl Found {
    /// Asks what a swap needs, takes the lock, and removes what a run that was killed has left behind.
    fn prepare_swap(&mut self) -> Result<()> {
        let target = self.conninfo.database().to_string();
        self.refuse_without_rights()?;
        for number in 1.. {
            let name = name::previous(&target, number);
            let Some(previous) = database::find(&mut self.server, &name)? else { break };
            if previous.marker().is_none() {
                return Err(database::in_the_way(&name));
            }
            self.previous.push(previous);
        }
        lock(&mut self.server, &target)?;
        for name in [name::loading(&target), name::discarded(&target)] {
            self.remove_leftover(&name)?;
        }
        Ok(())
    }

    fn refuse_without_rights(&mut self) -> Result<()> {
        let right = "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user";
        if self.server.value(right).map_err(unreadable)?.as_deref() != Some("t") {
            return Err(Error::usage("the role may not create databases, which a swap takes")
                .hint("give it CREATEDB, or say `--load replace`"));
        }
        match &self.database {
            Some(database) if !database.is_own => {
                Err(Error::usage("the role does not own the target, which a swap takes")
                    .at(format!("database `{}`", database.name))
                    .hint("let its owner give it to the role, or say `--load replace`"))
            }
            _ => Ok(()),
        }
    }

    /// Removes a database that a run has left behind; one that was killed early has not even marked it.
    fn remove_leftover(&mut self, name: &str) -> Result<()> {
        let Some(leftover) = database::find(&mut self.server, name)? else { return Ok(()) };
        match leftover.marker() {
            Some(Marker::Loading(run) | Marker::Discarded(run)) => {
                self.notes.push(format!("removed `{name}`, which run {} had left behind", run.as_str()));
            }
            Some(_) => return Err(database::in_the_way(name)),
            None => {
                let inside = Connection::connect(&self.conninfo.with_database(name), &[]);
                let is_empty =
                    inside.is_ok_and(|mut inside| database::is_empty(&mut inside).unwrap_or(false));
                if !is_empty || !leftover.comment.is_empty() {
                    return Err(database::in_the_way(name));
                }
                self.notes.push(format!("removed `{name}`, which a run had left behind"));
            }
        }
        database::remove(&mut self.server, name)
    }
}
