//! `--load swap`: everything goes into a new database beside the target, which takes its place when it is whole.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::database::{self, Creation, Database};
use super::fit;
use super::guard::Found;
use super::hooks::Sql;
use super::marker::Marker;
use super::renaming::Renaming;
use super::restoring::Restoring;
use super::rows::{Loaded, Rows, Way};
use super::schedule::{self, Company, Task};
use super::session::{self, Opening, Pool, Session};
use super::stages::{Planner, Stages, Work};
use super::{Live, large_object, name, now, sequences, statistics};
use crate::error::{Error, Result};
use crate::pg::client::Connection;
use crate::pg::compression::Codec;
use crate::pg::dump::Dump;
use crate::pg::restore::{Include, Restorer};
use crate::pg::script::tokens::Tokens;
use crate::plan::Plan;
use crate::report::Phases;
use crate::target::script::CopyText;
use crate::target::{Encoder, PartWriter, Target};

/// The size of a block, in bytes: large enough that its bookkeeping does not count, small enough for a core's cache.
const BLOCK_BYTES: usize = 1 << 20;

/// How often it is looked whether the run is to stop.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// A new database being loaded. Dropped without having taken the target's place, it is removed.
pub struct SwapTarget {
    plan: Arc<Plan>,
    /// The dump as the target takes it.
    dump: Dump,
    stages: Stages,
    include: Include,
    live: Live,
    /// The target's name, and that of the new database.
    name: String,
    new: String,
    old: Option<Database>,
    previous: Vec<Database>,
    /// The session beside the databases; it holds the lock.
    server: Mutex<Connection>,
    /// Sessions in the new database.
    pool: Pool,
    restoring: Restoring,
    after_load: Sql,
    loaded: Loaded,
    notes: Mutex<Vec<String>>,
    is_in_place: bool,
}

impl SwapTarget {
    /// Makes the new database, and in it all that comes before the rows.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if the target lacks an extension, or a hook cannot be read: nothing
    /// was written then; [`Kind::Staging`](crate::error::Kind::Staging) if the target cannot be written.
    pub fn create(found: Found, dump: Dump, live: &Live, plan: Arc<Plan>, include: Include) -> Result<Self> {
        let Found { mut server, conninfo, database: old, facts, version, previous, mut notes } = found;
        let fitted = fit::fit(dump, &facts, include)?;
        let (before_load, after_load) =
            (Sql::read(&live.hooks.before_load)?, Sql::read(&live.hooks.after_load)?);
        notes.extend(fitted.notes);
        let name = conninfo.database().to_string();
        let new = name::loading(&name);
        let is_utf8 = plan.dump.is_utf8();
        let creation = Creation {
            name: &new,
            marker: Marker::Loading(live.run.clone()),
            locale: database::locale_of(&plan.dump),
            old: old.as_ref(),
            is_utf8,
        };
        let created = database::create(&mut server, &creation);
        let opening =
            Opening { conninfo: conninfo.with_database(&new), settings: session::settings(is_utf8, version) };
        let target = SwapTarget {
            stages: Stages::of(&fitted.dump),
            plan,
            dump: fitted.dump,
            include,
            live: live.clone(),
            name,
            new,
            old,
            previous,
            server: Mutex::new(server),
            pool: Pool::new(opening),
            restoring: Restoring::new(facts.is_superuser, false),
            after_load,
            loaded: Loaded::default(),
            notes: Mutex::new(notes),
            is_in_place: false,
        };
        // From here on what was made is removed when the target is dropped.
        target.note(created?);
        target.restore_before_rows(&before_load)?;
        Ok(target)
    }

    fn restore_before_rows(&self, before_load: &Sql) -> Result<()> {
        let mut session = self.session()?;
        before_load.run(&mut session.connection, false)?;
        for &index in &self.stages.before {
            self.restoring.entry(&mut session, &self.dump.entries[index])?;
        }
        self.pool.give(session.connection);
        Ok(())
    }

    fn session(&self) -> Result<Session> {
        Ok(Session::new(self.pool.take()?, Restorer::new(&self.dump, self.include)))
    }

    fn note(&self, notes: Vec<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).extend(notes);
    }

    fn server(&self) -> MutexGuard<'_, Connection> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`; when `stop` is set meanwhile, ends the sessions that do it, since a statement may take hours.
    fn until_stopped(&self, stop: &AtomicBool, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let is_over = AtomicBool::new(false);
        let result = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    if stop.load(Ordering::Relaxed) {
                        // If they cannot be ended, the run stops when their statements have.
                        let _ = session::end_sessions(&mut self.server(), &self.new);
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

    fn after_rows(&self, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        let planner = Planner {
            dump: &self.dump,
            catalog: &self.plan.catalog,
            bytes: self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            excluded: self.excluded(),
        };
        self.run_tasks("indexes and constraints", &planner.tasks(&self.stages.after), phases, stop)?;
        let mut session = self.session()?;
        self.run_in_order("sequences", &self.stages.sequences, &mut session, phases, stop)?;
        self.note(sequences::raise(&mut session.connection)?);
        self.run_in_order("privileges", &self.stages.privileges, &mut session, phases, stop)?;
        self.after_load.run(&mut session.connection, false)?;
        self.pool.give(session.connection);
        self.run_tasks("materialized views", &planner.tasks(&self.stages.last), phases, stop)?;
        self.analyze(phases, stop)?;
        self.check()
    }

    fn excluded(&self) -> HashSet<crate::schema::QualifiedName> {
        self.plan.excluded.iter().map(|&table| self.plan.catalog.table(table).name.clone()).collect()
    }

    fn run_in_order(
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
        phases.start(name, indexes.len());
        for &index in indexes {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::interrupted());
            }
            self.restoring.entry(session, &self.dump.entries[index])?;
            phases.advance();
        }
        phases.end();
        Ok(())
    }

    /// Runs `tasks` on as many sessions as there are jobs.
    fn run_tasks(
        &self,
        name: &'static str,
        tasks: &[Task<Work>],
        phases: &Phases,
        stop: &AtomicBool,
    ) -> Result<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        phases.start(name, tasks.len());
        let workers = self.live.jobs.clamp(1, tasks.len());
        let mut sessions = (0..workers).map(|_| self.session()).collect::<Result<Vec<_>>>()?;
        let work = |session: &mut Session, work: &Work, company: Company| {
            let entry = &self.dump.entries[work.entry()];
            // A session that is alone may use the processes that the others do not need.
            let index_workers = session.set_index_workers(company.idle);
            index_workers.map_err(|failure| failure.staging("cannot set up a session of the target"))?;
            match work {
                Work::Entry(_) => self.restoring.entry(session, entry),
                Work::Statement(_, sql) => self.restoring.statement(session, entry, sql),
            }
        };
        schedule::run(tasks, &mut sessions, stop, work, || phases.advance())?;
        sessions.into_iter().for_each(|session| self.pool.give(session.connection));
        phases.end();
        Ok(())
    }

    fn analyze(&self, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        let mut first = self.pool.take()?;
        let tasks = statistics::tasks(&mut first)?;
        self.pool.give(first);
        if tasks.is_empty() {
            return Ok(());
        }
        phases.start("statistics", tasks.len());
        let workers = self.live.jobs.clamp(1, tasks.len());
        let mut sessions = (0..workers).map(|_| self.pool.take()).collect::<Result<Vec<_>>>()?;
        let run = |session: &mut Connection, sql: &String, _| statistics::run(session, sql);
        schedule::run(&tasks, &mut sessions, stop, run, || phases.advance())?;
        sessions.into_iter().for_each(|session| self.pool.give(session));
        phases.end();
        Ok(())
    }

    /// Checks that every constraint holds but for those that the snapshot says do not. The number of rows of each part
    /// was compared when it was sent.
    fn check(&self) -> Result<()> {
        let says = |words: &[&str]| {
            let says = |entry: &&crate::pg::dump::Entry| Tokens::new(&entry.definition, false).has(words);
            self.dump.entries.iter().filter(says).count() as u64
        };
        let references_out = self.planned_dangling();
        let expected = says(&["NOT", "VALID"]) + says(&["NOT", "ENFORCED"]) + references_out;
        let mut connection = self.pool.take()?;
        let unvalidated = connection.value(
            "SELECT count(*) FROM pg_catalog.pg_constraint WHERE NOT convalidated AND conparentid = 0 AND coninhcount = 0",
        );
        let unvalidated = unvalidated.map_err(|failure| failure.staging("cannot check the new database"))?;
        self.pool.give(connection);
        match unvalidated.and_then(|count| count.parse::<u64>().ok()) {
            Some(count) if count <= expected => Ok(()),
            _ => Err(Error::staging("a constraint of the new database is not validated")),
        }
    }

    /// How many foreign keys refer to rows that are left out.
    fn planned_dangling(&self) -> u64 {
        let excluded = &self.plan.excluded;
        let dangles = |key: &&crate::schema::ForeignKey| {
            excluded.contains(&key.parent) && !excluded.contains(&key.child)
        };
        self.plan.catalog.foreign_keys.iter().filter(dangles).count() as u64
    }

    /// Puts the new database in the target's place; returns the databases that are left over.
    fn swap(&self) -> Result<Vec<String>> {
        let mut server = self.server();
        if let Some(old) = &self.old {
            let notes = database::pass_on(&mut server, old, &self.new)?;
            self.note(notes);
        }
        let made = Marker::Made { run: self.live.run.clone(), at: now() };
        let mut renaming = Renaming::default();
        let mut discarded = Vec::new();
        if let Some(old) = &self.old {
            self.make_room(old, &mut renaming, &mut discarded);
        }
        renaming.moves.push((self.new.clone(), self.name.clone()));
        renaming.comments.push((self.name.clone(), made.comment()));
        renaming.run(&mut server)?;
        Ok(discarded)
    }

    /// Moves the old database, and the previous ones before it, by one; those that are more than are kept get a mark.
    fn make_room(&self, old: &Database, renaming: &mut Renaming, discarded: &mut Vec<String>) {
        let discard = Marker::Discarded(self.live.run.clone()).comment();
        let chain: Vec<&Database> = std::iter::once(old).chain(&self.previous).collect();
        for (number, database) in chain.iter().enumerate().rev() {
            let number = number + 1;
            let is_needed =
                number <= self.live.keep_previous || number == 1 || number - 1 <= self.live.keep_previous;
            let new_name = match number <= self.live.keep_previous {
                true => name::previous(&self.name, number),
                false if is_needed => name::discarded(&self.name),
                false => database.name.clone(),
            };
            if new_name != database.name {
                renaming.moves.push((database.name.clone(), new_name.clone()));
            }
            if number > self.live.keep_previous {
                renaming.comments.push((new_name.clone(), discard.clone()));
                discarded.push(new_name);
            } else if database.marker().is_none() {
                let kept = Marker::Kept { run: self.live.run.clone(), comment: database.comment.clone() };
                renaming.comments.push((new_name, kept.comment()));
            }
        }
    }

    fn remove_new(&self) {
        self.pool.close();
        let mut server = self.server();
        if database::remove(&mut server, &self.new).is_err() {
            // The server may have been restarted; what stays is removed by the next run.
            let again = Connection::connect(server.conninfo(), &[]);
            drop(again.map(|mut again| database::remove(&mut again, &self.new)));
        }
    }
}

impl Target for SwapTarget {
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn is_sequential(&self) -> bool {
        false
    }

    fn encoder(&self, _part: usize) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(CopyText(Codec::Plain)))
    }

    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>> {
        let way = Way::of(&self.plan, part);
        Ok(Box::new(Rows::start(&self.plan, part, way, &self.pool, &self.loaded)?))
    }

    fn large_object(&self, _entry: i32, oid: u32, content: &mut dyn Read) -> Result<()> {
        let mut connection = self.pool.take()?;
        large_object::write(&mut connection, oid, content)?;
        self.pool.give(connection);
        Ok(())
    }

    fn complete(&self, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        self.until_stopped(stop, || self.after_rows(phases, stop))
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<String>> {
        self.pool.close();
        let discarded = self.swap()?;
        self.is_in_place = true;
        self.note(self.restoring.notes());
        let mut server = self.server();
        for name in discarded {
            if database::remove(&mut server, &name).is_err() {
                self.note(vec![format!("`{name}` could not be dropped; the next run does it")]);
            }
        }
        if self.old.is_some() && self.live.keep_previous > 0 {
            let previous = name::previous(&self.name, 1);
            self.note(vec![format!(
                "the database that was there is kept as `{previous}`; `mask rollback` swaps it back"
            )]);
        }
        drop(server);
        let notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(notes)
    }
}

impl Drop for SwapTarget {
    fn drop(&mut self) {
        if !self.is_in_place {
            self.remove_new();
        }
    }
}

/// Swaps the target that `to` names and the previous database; returns what that one is called.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if there is no previous database;
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it.
pub fn roll_back(to: &str, live: &Live) -> Result<(String, String)> {
    let (mut server, conninfo) = super::guard::connect(to, &live.never_write)?;
    let name = conninfo.database().to_string();
    super::guard::lock(&mut server, &name)?;
    let (previous, aside) = (name::previous(&name, 1), name::discarded(&name));
    let Some(old) = database::find(&mut server, &previous)? else {
        return Err(Error::usage("there is no previous database to swap back")
            .at(format!("database `{previous}`"))
            .hint("`--keep-previous` says how many a swap keeps"));
    };
    if database::find(&mut server, &aside)?.is_some() {
        return Err(database::in_the_way(&aside));
    }
    let mut renaming = Renaming::default();
    let current = database::find(&mut server, &name)?;
    if current.is_some() {
        renaming.moves.push((name.clone(), aside.clone()));
    }
    renaming.moves.push((previous.clone(), name.clone()));
    if let Some(current) = current {
        renaming.moves.push((aside, previous.clone()));
        if current.marker().is_none() {
            let kept = Marker::Kept { run: live.run.clone(), comment: current.comment };
            renaming.comments.push((previous.clone(), kept.comment()));
        }
    }
    if let Some(Marker::Kept { comment, .. }) = old.marker() {
        renaming.comments.push((name.clone(), comment));
    }
    renaming.run(&mut server)?;
    Ok((name, previous))
}
