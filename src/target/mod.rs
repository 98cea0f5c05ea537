//! Targets: what is written. A target turns masked batches into its form and puts them in place, whole or not at all.
//!
//! A target never sees an unmasked batch. Every format is a file here and an entry of [`FORMATS`].

pub mod archive;
mod occupied;
pub mod parquet;
pub mod postgres;
pub mod script;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::{Error, Result};
use crate::masked::MaskedBatch;
use crate::pg::archive::Format as ArchiveFormat;
use crate::pg::client::Conninfo;
use crate::pg::compression::Codec;
use crate::pg::restore::{self, Include};
use crate::pg::zlib::Deflated;
use crate::plan::{Fate, Plan};
use crate::report::Phases;
use crate::rules::LargeObjects;
use crate::source::LiveIdentity;
use crate::target::archive::ArchiveTarget;
use crate::target::occupied::refuse_occupied;
use crate::target::parquet::ParquetTarget;
use crate::target::postgres::Live;
use crate::target::script::ScriptTarget;

/// A target being written. Dropped without [`Target::finish`], it removes what it wrote.
pub trait Target: Send + Sync {
    /// The size of the blocks of COPY text that it wants, in bytes.
    fn block_bytes(&self) -> usize;

    /// Whether parts must be written one after another in their order; else each may be written by its own thread.
    fn is_sequential(&self) -> bool;

    /// What turns the masked batches of part `part` (of the plan's parts) into its form; runs on many threads.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the table has no form in this target.
    fn encoder(&self, part: usize) -> Result<Box<dyn Encoder>>;

    /// Opens the place for the rows of part `part`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>>;

    /// Writes the large object `oid` of the dump's entry `entry`; all parts are written by then.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written, or what reading `content` fails with.
    fn large_object(&self, entry: i32, oid: u32, content: &mut dyn Read) -> Result<()>;

    /// Makes what comes after the rows, and checks what there is: all parts and large objects are written by then.
    ///
    /// Tells `phases` how far it is, and ends early where `stop` is set.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be made or is not what it should be;
    /// [`Kind::Interrupted`](crate::error::Kind::Interrupted) if `stop` was set.
    fn complete(&self, phases: &Phases, stop: &AtomicBool) -> Result<()> {
        let _ = (phases, stop);
        Ok(())
    }

    /// Completes the target and puts it in place under its name. All parts and large objects are written by then.
    ///
    /// Returns what a person should know of what was written.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written; then nothing is left behind.
    fn finish(self: Box<Self>) -> Result<Vec<String>>;
}

/// Turns masked batches into a target's form. A pure function of the batch, so that threads do not matter.
pub trait Encoder: Send + Sync {
    /// The encoded batch; `first_row` is the number of its first row among those of the part that go out, from 0. For
    /// messages, [`MaskedBatch::snapshot_row`] has the numbers in the snapshot.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) with table, column and row if a value has no form in the target.
    fn encode(&self, batch: &MaskedBatch, first_row: u64) -> Result<Encoded>;
}

/// A batch in a target's form.
pub enum Encoded {
    /// Bytes to be appended as they are.
    Bytes(Vec<u8>),
    /// A block of a zlib stream.
    Deflated(Deflated),
    /// A Parquet row group.
    RowGroup(parquet::RowGroup),
}

/// Appends the encoded batches of one part, in the order of the rows.
pub trait PartWriter: Send {
    /// Appends a batch.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn write(&mut self, encoded: Encoded) -> Result<()>;

    /// Completes the part; returns how many bytes it takes.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written.
    fn finish(self: Box<Self>) -> Result<u64>;
}

/// Where a target goes, and how.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The target as it was named.
    pub to: &'a str,
    /// The snapshot as it was named; a target never replaces it.
    pub from: &'a str,
    /// Whether a target that is there may be replaced.
    pub overwrite: bool,
    /// What of ownership and privileges goes into SQL.
    pub include: Include,
    /// How a live target is written; of no meaning for files.
    pub live: Option<&'a Live>,
    /// The live database that is read, if the snapshot is one.
    pub source: Option<&'a LiveIdentity>,
}

/// Makes a target at a path.
pub type Create = fn(&Path, Place<'_>, Arc<Plan>) -> Result<Box<dyn Target>>;

/// A format of targets.
pub struct Format {
    /// How it is written on the command line, for messages and docs.
    pub written_as: &'static str,
    /// The path, where the name has this form.
    pub path: fn(&str) -> Option<&str>,
    /// Makes the target at the path.
    pub create: Create,
}

/// The formats, in the order in which a name is tried against them.
pub static FORMATS: &[Format] = &[
    Format {
        written_as: "postgres://…",
        path: |to| is_live(to).then_some(to),
        create: |_, place, plan| postgres::create(place, plan),
    },
    Format {
        written_as: "parquet:DIR",
        path: |to| to.strip_prefix("parquet:"),
        create: |path, place, plan| {
            if plan.large_objects == Some(LargeObjects::Keep) {
                return Err(Error::usage("large objects have no place in a Parquet target")
                    .hint("write `action = \"drop\"` under `[large_objects]` in the rules"));
            }
            let schema =
                restore::schema_sql(&plan.dump, |entry| plan.fates[entry] == Fate::Carry, place.include);
            Ok(Box::new(ParquetTarget::create(path, plan, schema)?))
        },
    },
    Format {
        written_as: "dir:DIR",
        path: |to| to.strip_prefix("dir:"),
        create: |path, _, plan| archive_target(path, ArchiveFormat::Directory, &plan),
    },
    Format {
        written_as: "FILE.dump",
        path: |to| to.ends_with(".dump").then_some(to),
        create: |path, _, plan| archive_target(path, ArchiveFormat::Custom, &plan),
    },
    Format {
        written_as: "FILE.sql[.gz|.zst|.lz4]",
        path: |to| Codec::of_name(to).map(|_| to),
        create: |path, place, plan| {
            let codec = Codec::of_name(place.to).unwrap_or(Codec::Plain);
            Ok(Box::new(ScriptTarget::create(Some(path), codec, plan, place.include)?))
        },
    },
    Format {
        written_as: "`-` for a script on stdout",
        path: |to| (to == "-").then_some(to),
        create: |_, place, plan| Ok(Box::new(ScriptTarget::create(None, Codec::Plain, plan, place.include)?)),
    },
];

fn archive_target(path: &Path, format: ArchiveFormat, plan: &Plan) -> Result<Box<dyn Target>> {
    let parts = plan.parts.iter().map(|part| part.entry).collect();
    Ok(Box::new(ArchiveTarget::create(path, format, plan.archive_dump(), parts)?))
}

/// Whether a target is a live database.
pub fn is_live(to: &str) -> bool {
    Conninfo::recognises(to)
}

/// Makes the target that `place` names.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) for a form that is not written, and for a target that is there already,
/// is the snapshot, or holds what a run does not write.
pub fn create(place: Place<'_>, plan: Arc<Plan>) -> Result<Box<dyn Target>> {
    let to = place.to;
    let found = FORMATS.iter().find_map(|format| (format.path)(to).map(|path| (format, Path::new(path))));
    let Some((format, path)) = found else {
        let forms: Vec<&str> = FORMATS.iter().map(|format| format.written_as).collect();
        return Err(Error::usage("the target has a form that this version does not write")
            .hint(format!("a target is {}", forms.join(", "))));
    };
    if to != "-" && !is_live(to) {
        let from = place.from.strip_prefix("parquet:").unwrap_or(place.from);
        refuse_occupied(path, from, place.overwrite)?;
    }
    (format.create)(path, place, plan)
}
