//! Databases change their names in one transaction: whoever looks one up finds the old one before it and the new one
//! after it, and never none.
//!
//! A database can be renamed only while nobody is connected to it. Sessions are ended just before; a superuser holds
//! back those who connect meanwhile by a lock on the list of databases, so that they wait for the new one. Others
//! cannot: who connects in that moment is told that the database has just been renamed, and connects again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::session;
use crate::error::{Error, Result};
use crate::pg::client::{Connection, Failure, literal};
use crate::schema::quoted_always;

/// How long it is tried to be alone with the databases.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the list of databases is locked in vain before it is tried without.
const LOCK_ATTEMPTS: u32 = 5;

/// How long a session may take to end, and a lock to be got, before the next attempt.
const ATTEMPT: Duration = Duration::from_millis(500);

/// How long the lock on the list of databases is waited for: everybody who connects meanwhile waits too. Who looks at the
/// list in a long transaction, such as a dump of another database, holds it off.
const LIST_ATTEMPT: Duration = Duration::from_millis(50);

/// What is renamed, and what is said of it.
#[derive(Clone, Debug, Default)]
pub struct Renaming {
    /// Names before and after, in the order in which they are changed.
    pub moves: Vec<(String, String)>,
    /// Comments, by the names after.
    pub comments: Vec<(String, String)>,
}

impl Renaming {
    /// Renames, all or nothing.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if a session stays connected, or the role lacks a right; nothing
    /// is renamed then.
    pub fn run(&self, server: &mut Connection) -> Result<()> {
        let start = Instant::now();
        let is_superuser = matches!(server.value("SHOW is_superuser"), Ok(Some(value)) if value == "on");
        for attempt in 0.. {
            let locks_list = is_superuser && attempt < LOCK_ATTEMPTS;
            let failure = match self.attempt(server, locks_list) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            if failure.is_connection_lost() {
                return Err(explained(failure));
            }
            server.execute("ROLLBACK").map_err(explained)?;
            // In use, a lock not got in time, a deadlock: somebody was faster.
            let is_passing = matches!(failure.sqlstate(), Some("55006" | "55P03" | "40P01"));
            if !is_passing || start.elapsed() > PATIENCE {
                return Err(explained(failure));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        unreachable!("the attempts end with an answer")
    }

    fn attempt(&self, server: &mut Connection, locks_list: bool) -> Result<(), Failure> {
        server.execute(&format!("BEGIN; SET LOCAL lock_timeout = {}", ATTEMPT.as_millis()))?;
        if !locks_list {
            let helper = Connection::connect(server.conninfo(), &[])?;
            return self.rename_while_sessions_are_ended(server, helper);
        }
        // In a deadlock with one who is just connecting it is we who give way.
        server.execute(&format!(
            "SET LOCAL deadlock_timeout = 20; SET LOCAL lock_timeout = {};
             LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE; SET LOCAL lock_timeout = {}",
            LIST_ATTEMPT.as_millis(),
            ATTEMPT.as_millis()
        ))?;
        for (name, _) in &self.moves {
            self.end_sessions(server, name)?;
        }
        server.execute(&self.statements())
    }

    /// Ends the sessions in a database and waits until they are gone.
    fn end_sessions(&self, server: &mut Connection, name: &str) -> Result<(), Failure> {
        let start = Instant::now();
        session::end_sessions(server, name)?;
        let left = format!(
            "SELECT count(*) FROM pg_catalog.pg_stat_get_activity(NULL) WHERE usesysid IS NOT NULL
             AND datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = {})",
            literal(name)
        );
        // In a transaction, the server shows who is there as it was when first asked.
        let look_again = "SELECT pg_catalog.pg_stat_clear_snapshot()";
        server.execute(look_again)?;
        while server.value(&left)?.as_deref() != Some("0") && start.elapsed() < ATTEMPT {
            std::thread::sleep(Duration::from_millis(2));
            server.execute(look_again)?;
        }
        Ok(())
    }

    /// Renames, while another session ends those that connect until the first rename holds them back.
    fn rename_while_sessions_are_ended(
        &self,
        server: &mut Connection,
        mut helper: Connection,
    ) -> Result<(), Failure> {
        // By oid: to look names up, the helper would wait for the renaming.
        let names: Vec<String> = self.moves.iter().map(|(name, _)| literal(name)).collect();
        let oids = helper.query(&format!(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname IN ({})",
            names.join(", ")
        ))?;
        let oids: Vec<String> = oids.into_iter().flatten().flatten().collect();
        let end = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_get_activity(NULL)
             WHERE usesysid IS NOT NULL AND datid IN ({})",
            oids.join(", ")
        );
        helper.execute(&end)?;
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) && helper.execute(&end).is_ok() {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let renamed = server.execute(&self.statements());
            is_over.store(true, Ordering::Relaxed);
            renamed
        })
    }

    fn statements(&self) -> String {
        let renames = self.moves.iter().map(|(old, new)| {
            format!("ALTER DATABASE {} RENAME TO {};\n", quoted_always(old), quoted_always(new))
        });
        let comments = self.comments.iter().map(|(name, comment)| {
            let comment = if comment.is_empty() { "NULL".to_string() } else { literal(comment) };
            format!("COMMENT ON DATABASE {} IS {comment};\n", quoted_always(name))
        });
        renames.chain(comments).collect::<String>() + "COMMIT;"
    }
}

fn explained(failure: Failure) -> Error {
    let hint = match failure.sqlstate() {
        Some("55006") => "somebody stays connected, or a prepared transaction is open in it",
        Some("42501") => {
            "the role must own the databases, and may end only sessions of roles that it is a member of; `pg_signal_backend` lets it end others"
        }
        _ => "the old database is in place as it was",
    };
    failure.staging("cannot put the new database in place").hint(hint)
}
