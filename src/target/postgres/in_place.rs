//! Loads that change an existing database, all in one transaction: others see the old contents up to its commit, and
//! for good if it never comes.
//!
//! [`replace`](super::replace) makes the objects anew, [`data`](super::data) keeps them and changes their rows.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::data::Reload;
use super::fit;
use super::guard::Found;
use super::hooks::Sql;
use super::marker::Marker;
use super::replace::Replacement;
use super::restoring::Restoring;
use super::rows::{Loaded, Rows, Way};
use super::schedule;
use super::session::{self, Opening, Pool, Session};
use super::stages::{Planner, Stages, Work};
use super::{Live, Load, large_object, now, sequences, statistics};
use crate::error::{Error, Result};
use crate::pg::client::{CancelHandle, Connection, literal};
use crate::pg::compression::Codec;
use crate::pg::dump::Dump;
use crate::pg::restore::{Include, Restorer};
use crate::plan::Plan;
use crate::report::Phases;
use crate::schema::{TableKind, quoted_always};
use crate::target::script::CopyText;
use crate::target::{Encoder, PartWriter, Target};

/// The size of a block, in bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// How often it is looked whether the run is to stop.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// An existing database being changed. Dropped without a commit, it is as it was.
pub struct InPlaceTarget {
    plan: Arc<Plan>,
    dump: Dump,
    include: Include,
    live: Live,
    name: String,
    /// Whether the role may mark the database.
    is_own: bool,
    change: Change,
    /// The one session of the transaction.
    pool: Pool,
    cancel: CancelHandle,
    restoring: Restoring,
    after_load: Sql,
    loaded: Loaded,
    notes: Mutex<Vec<String>>,
    /// Holds the lock.
    _server: Connection,
}

/// What is changed.
enum Change {
    /// Schemas with all that is in them.
    Replace(Replacement),
    /// The rows of tables.
    Data(Reload),
}

impl InPlaceTarget {
    /// Begins the transaction and does in it what comes before the rows.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if the database cannot take the load, and nothing was written;
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it refuses it.
    pub fn create(found: Found, dump: Dump, live: &Live, plan: Arc<Plan>, include: Include) -> Result<Self> {
        let Found { server, conninfo, database, facts, version, mut notes, .. } = found;
        let (before_load, after_load) =
            (Sql::read(&live.hooks.before_load)?, Sql::read(&live.hooks.after_load)?);
        let is_utf8 = plan.dump.is_utf8();
        let settings = session::settings(is_utf8, version) + "SET synchronous_commit = on;";
        let mut connection = Opening { conninfo: conninfo.clone(), settings }.open()?;
        let (dump, change) = match live.load {
            Load::Data => (dump, Change::Data(Reload::plan(&mut connection, &plan)?)),
            _ => {
                let fitted = fit::fit(dump, &facts, include)?;
                notes.extend(fitted.notes);
                let mut dump = fitted.dump;
                let replacement = Replacement::plan(&mut connection, &mut dump, live, &mut notes)?;
                (dump, Change::Replace(replacement))
            }
        };
        let cancel = connection.cancel_handle();
        begin(&mut connection)?;
        match &change {
            Change::Replace(replacement) => replacement.make_room(&mut connection)?,
            Change::Data(_) => {}
        }
        before_load.run(&mut connection, true)?;
        let restoring = Restoring::new(facts.is_superuser, true);
        let mut session = Session::new(connection, Restorer::new(&dump, include));
        match &change {
            Change::Replace(_) => {
                for &index in &Stages::of(&dump).before {
                    restoring.entry(&mut session, &dump.entries[index])?;
                }
            }
            Change::Data(reload) => reload.empty(&mut session.connection)?,
        }
        Ok(InPlaceTarget {
            name: conninfo.database().to_string(),
            is_own: database.is_some_and(|database| database.is_own),
            plan,
            dump,
            include,
            live: live.clone(),
            change,
            pool: Pool::of_one(session.connection),
            cancel,
            restoring,
            after_load,
            loaded: Loaded::default(),
            notes: Mutex::new(notes),
            _server: server,
        })
    }

    fn note(&self, notes: Vec<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).extend(notes);
    }

    fn after_rows(&self, session: &mut Session, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        match &self.change {
            Change::Replace(_) => self.restore_after_rows(session, phases, stop)?,
            Change::Data(reload) => {
                phases.start("constraints and sequences", 1);
                reload.complete(&mut session.connection)?;
                self.note(sequences::raise(&mut session.connection)?);
                phases.advance();
                phases.end();
            }
        }
        self.after_load.run(&mut session.connection, true)?;
        let stages = Stages::of(&self.dump);
        match &self.change {
            Change::Replace(_) => self.run("materialized views", &stages.last, session, phases, stop),
            Change::Data(reload) => reload.refresh(&mut session.connection),
        }
    }

    fn restore_after_rows(&self, session: &mut Session, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        let stages = Stages::of(&self.dump);
        self.run("indexes and constraints", &stages.after, session, phases, stop)?;
        self.run("sequences", &stages.sequences, session, phases, stop)?;
        self.note(sequences::raise(&mut session.connection)?);
        self.run("privileges", &stages.privileges, session, phases, stop)
    }

    fn run(
        &self,
        name: &'static str,
        indexes: &[usize],
        session: &mut Session,
        phases: &Phases,
        stop: &AtomicBool,
    ) -> Result<()> {
        if indexes.is_empty() {
            return Ok(());
        }
        let table = |&table: &crate::schema::TableId| self.plan.catalog.table(table).name.clone();
        let planner = Planner {
            dump: &self.dump,
            catalog: &self.plan.catalog,
            bytes: self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            excluded: self.plan.excluded.iter().map(table).collect(),
        };
        let tasks = planner.tasks(indexes);
        phases.start(name, tasks.len());
        let work = |session: &mut &mut Session, work: &Work, _| {
            let entry = &self.dump.entries[work.entry()];
            match work {
                Work::Entry(_) => self.restoring.entry(session, entry),
                Work::Statement(_, sql) => self.restoring.statement(session, entry, sql),
            }
        };
        schedule::run(&tasks, &mut [session], stop, work, || phases.advance())?;
        phases.end();
        Ok(())
    }

    /// Does `work`; when `stop` is set meanwhile, cancels its statement.
    fn until_stopped(&self, stop: &AtomicBool, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let is_over = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    if stop.load(Ordering::Relaxed) {
                        // If it cannot be cancelled, the run stops when the statement has ended.
                        let _ = self.cancel.cancel();
                    }
                    std::thread::park_timeout(STOP_LATENCY);
                }
            });
            let result = work();
            is_over.store(true, Ordering::Relaxed);
            watcher.thread().unpark();
            result
        });
        if stop.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { result }
    }

    /// Marks the database as made by this run, where the role may.
    fn mark(&self, connection: &mut Connection) -> Result<()> {
        if !self.is_own {
            self.note(vec![format!(
                "the role does not own `{}`, so that it is not marked: the next run needs `--overwrite` too",
                self.name
            )]);
            return Ok(());
        }
        let made = Marker::Made { run: self.live.run.clone(), at: now() };
        let sql =
            format!("COMMENT ON DATABASE {} IS {}", quoted_always(&self.name), literal(&made.comment()));
        connection.execute(&sql).map_err(|failure| failure.staging("cannot mark the database"))
    }
}

fn begin(connection: &mut Connection) -> Result<()> {
    connection.execute("BEGIN").map_err(|failure| failure.staging("cannot begin the load"))
}

impl Target for InPlaceTarget {
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn encoder(&self, _part: usize) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(CopyText(Codec::Plain)))
    }

    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>> {
        // Every table is made or emptied by this transaction, but for those of extensions.
        let way = match self.plan.catalog.table(self.plan.parts[part].table).kind {
            TableKind::Ordinary => Way::New,
            _ => Way::Added,
        };
        Ok(Box::new(Rows::start(&self.plan, part, way, &self.pool, &self.loaded)?))
    }

    fn large_object(&self, _entry: i32, oid: u32, content: &mut dyn Read) -> Result<()> {
        if let Change::Data(_) = self.change {
            return Err(Error::usage("`--load data` does not write large objects").hint(
                "write `action = \"drop\"` under `[large_objects]` in the rules, or load in another way",
            ));
        }
        let mut connection = self.pool.take()?;
        large_object::write(&mut connection, oid, content)?;
        self.pool.give(connection);
        Ok(())
    }

    fn complete(&self, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        self.until_stopped(stop, || {
            let mut session = Session::new(self.pool.take()?, Restorer::new(&self.dump, self.include));
            self.after_rows(&mut session, phases, stop)?;
            self.mark(&mut session.connection)?;
            self.pool.give(session.connection);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>> {
        let mut connection = self.pool.take()?;
        let committed = connection.execute("COMMIT");
        committed.map_err(|failure| {
            failure.staging("cannot commit the load").hint("the old contents are in place")
        })?;
        self.note(self.restoring.notes());
        if let Change::Replace(replacement) = &self.change {
            self.note(replacement.remove_old(&mut connection));
        }
        // The new contents are in place; without statistics they are only slower.
        let analyzed = statistics::tasks(&mut connection)
            .and_then(|tasks| tasks.iter().try_for_each(|task| statistics::run(&mut connection, &task.work)));
        if analyzed.is_err() {
            self.note(vec!["the statistics of some tables could not be gathered; say `ANALYZE`".into()]);
        }
        Ok(std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
