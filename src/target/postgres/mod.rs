//! A live database: loaded by COPY on several connections, and in place all at once or not at all.
//!
//! `guard` asks whether it may be written to, `fit` makes the dump's entries those that it can take, `stages`
//! orders them and `schedule` runs what can run at once. How it comes into place is `--load`: `swap` loads a new
//! database, and `renaming` puts it in the place of the old one; `in_place` changes the one that is there.

mod data;
mod database;
mod fit;
mod guard;
pub mod hooks;
mod hosts;
mod in_place;
mod large_object;
mod marker;
mod name;
mod renaming;
mod replace;
mod restoring;
mod rows;
mod schedule;
mod sequences;
mod session;
mod stages;
mod statistics;
mod swap;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;

pub use marker::RunId;
pub use swap::roll_back;

use crate::error::{Error, Result};
use crate::pg::datetime;
use crate::pg::dump::Dump;
use crate::plan::Plan;
use crate::target::{Place, Target};
use guard::Asked;
use hooks::Hooks;
use in_place::InPlaceTarget;
use swap::SwapTarget;

/// How a live target is written.
#[derive(Clone, Debug)]
pub struct Live {
    /// The way in which it comes into place.
    pub load: Load,
    /// How many previous databases a swap keeps.
    pub keep_previous: usize,
    /// Hosts that are never written to: names or patterns.
    pub never_write: Vec<String>,
    /// What is run around the load.
    pub hooks: Hooks,
    /// How many sessions make indexes at once.
    pub jobs: usize,
    /// The run.
    pub run: RunId,
}

/// The way in which a live target comes into place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Load {
    /// A new database is loaded and takes the place of the old one
    #[default]
    Swap,
    /// The objects of the database are replaced in one transaction
    Replace,
    /// The tables that are there are emptied and filled in one transaction
    Data,
}

/// Asks whether the target may be written to, and begins to write it.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if it may not be, and nothing was written;
/// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be.
pub fn create(place: Place<'_>, plan: Arc<Plan>) -> Result<Box<dyn Target>> {
    let Place { to, overwrite, include, live, source, .. } = place;
    let live = live.ok_or_else(|| Error::usage("a live target is only written with its settings"))?;
    let found = guard::find(&Asked { to, source, overwrite, live })?;
    let dump = restorable(&plan);
    Ok(match live.load {
        Load::Swap => Box::new(SwapTarget::create(found, dump, live, plan, include)?),
        Load::Replace | Load::Data => Box::new(InPlaceTarget::create(found, dump, live, plan, include)?),
    })
}

/// The entries of a plan in the form of an archive, whose entries know what must come before them.
fn restorable(plan: &Plan) -> Dump {
    let mut dump = plan.archive_dump();
    if dump.archive_version.is_none() {
        dump.archive_version = Some((1, 14, 0));
    }
    dump
}

/// The time, RFC 3339, UTC.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    datetime::format_rfc3339(since.map_or(0, |duration| duration.as_secs() as i64))
}
