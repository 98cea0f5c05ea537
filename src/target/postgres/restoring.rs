//! Restores entries, and passes over what a role without all rights may not do and nobody will miss.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::fit;
use super::session::Session;
use crate::error::{Error, Result};
use crate::pg::client::Failure;
use crate::pg::dump::Entry;

/// The code for a right that is lacking.
const LACKS_PRIVILEGE: &str = "42501";

/// How often a statement that was in a deadlock is tried again.
const ATTEMPTS: u32 = 5;

/// Restores entries with the rights that a role has.
pub struct Restoring {
    is_superuser: bool,
    /// Whether all is one transaction, so that what fails has to be taken back by itself.
    is_in_transaction: bool,
    passed_over: Mutex<BTreeMap<&'static str, usize>>,
}

impl Restoring {
    /// For a role that is a superuser or not, in one transaction or a transaction an entry.
    pub fn new(is_superuser: bool, is_in_transaction: bool) -> Self {
        Restoring { is_superuser, is_in_transaction, passed_over: Mutex::default() }
    }

    /// Restores `entry`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) with the entry if the server refuses it.
    pub fn entry(&self, session: &mut Session, entry: &Entry) -> Result<()> {
        let failed = |failure: Failure| failed(failure, entry);
        if self.is_superuser {
            let sql = session.statements(entry);
            return match may_be_refused(entry) {
                None => self.execute(session, &sql).map_err(failed),
                Some(what) => self.try_out(session, &sql, what).map_err(failed),
            };
        }
        let (definition, owner) = session.statements_apart(entry);
        match (may_be_refused(entry), entry.kind.as_str()) {
            // Each by itself: one that is refused takes none of the others with it.
            (Some(what), "ACL" | "DEFAULT ACL") => {
                for statement in fit::statements(&definition) {
                    self.try_out(session, statement, what).map_err(failed)?;
                }
            }
            (Some(what), _) => self.try_out(session, &definition, what).map_err(failed)?,
            (None, _) => self.execute(session, &definition).map_err(failed)?,
        }
        if owner.is_empty() { Ok(()) } else { self.try_out(session, &owner, "owners").map_err(failed) }
    }

    /// Runs a statement of `entry`.
    ///
    /// # Errors
    /// As for [`Restoring::entry`].
    pub fn statement(&self, session: &mut Session, entry: &Entry, sql: &str) -> Result<()> {
        self.execute(session, sql).map_err(|failure| failed(failure, entry))
    }

    /// What was passed over, in words.
    pub fn notes(&self) -> Vec<String> {
        let passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let note =
            |(what, count): (&&str, &usize)| format!("{what}: {count} left out, as the role lacks the right");
        passed_over.iter().map(note).collect()
    }

    /// Runs statements, again where they were in a deadlock: an index of many partitions may be with another.
    fn execute(&self, session: &mut Session, sql: &str) -> Result<(), Failure> {
        for _ in 1..ATTEMPTS {
            match session.execute(sql) {
                Err(failure) if failure.sqlstate() == Some("40P01") && !self.is_in_transaction => {}
                result => return result,
            }
        }
        session.execute(sql)
    }

    fn try_out(&self, session: &mut Session, sql: &str, what: &'static str) -> Result<(), Failure> {
        if self.is_in_transaction {
            session.execute("SAVEPOINT mask")?;
        }
        match session.execute(sql) {
            Err(failure) if is_forgiven(&failure, what) => {
                if self.is_in_transaction {
                    session.execute("ROLLBACK TO SAVEPOINT mask")?;
                }
                if what != SCHEMA_PUBLIC {
                    let mut passed_over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
                    *passed_over.entry(what).or_default() += 1;
                }
                Ok(())
            }
            Ok(()) if self.is_in_transaction => session.execute("RELEASE SAVEPOINT mask"),
            result => result,
        }
    }
}

const SCHEMA_PUBLIC: &str = "the schema `public`";
const LABELS: &str = "security labels";

/// What an entry is called that may be refused without harm; `None` for all others.
fn may_be_refused(entry: &Entry) -> Option<&'static str> {
    match entry.kind.as_str() {
        // Old dumps make it, new databases have it.
        "SCHEMA" if entry.tag == "public" => Some(SCHEMA_PUBLIC),
        "ACL" | "DEFAULT ACL" => Some("privileges"),
        "COMMENT" if entry.tag.starts_with("EXTENSION ") => Some("comments on extensions"),
        "SECURITY LABEL" => Some(LABELS),
        _ => None,
    }
}

fn is_forgiven(failure: &Failure, what: &str) -> bool {
    match failure.sqlstate() {
        Some("42P06") => what == SCHEMA_PUBLIC,
        // The provider of the label is not loaded.
        Some("22023") => what == LABELS,
        code => code == Some(LACKS_PRIVILEGE),
    }
}

fn failed(failure: Failure, entry: &Entry) -> Error {
    let name = entry.tag.replace(['\n', '\r'], " ");
    failure.staging("cannot make an object in the target").at(format!("{} `{name}`", entry.kind))
}
