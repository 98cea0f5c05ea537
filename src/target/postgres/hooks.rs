//! `[hooks]`: SQL files that run in the target, and a command that runs when it is in place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result, io_reason};
use crate::pg::client::Connection;

/// What a person wants to be run around a load.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// SQL files for before the load: in a new database, before anything of the snapshot is in it.
    pub before_load: Vec<PathBuf>,
    /// SQL files for after the load, before the target is in place.
    pub after_load: Vec<PathBuf>,
    /// The command for when it is in place.
    pub after_swap: Option<AfterSwap>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterSwap {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
}

/// The SQL of some files, read before anything is written.
#[derive(Clone, Debug, Default)]
pub struct Sql(Vec<(PathBuf, String)>);

impl Sql {
    /// Reads `files`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if one cannot be read, or is not UTF-8.
    pub fn read(files: &[PathBuf]) -> Result<Sql> {
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| {
                Error::usage(format!("cannot read a hook: {}", io_reason(&error))).at(path.display())
            })?;
            Ok((path.clone(), text))
        };
        files.iter().map(read).collect::<Result<_>>().map(Sql)
    }

    /// Runs them all in one transaction, names found as in a session of `psql`; with `is_in_transaction`, in the one
    /// that there is.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) with the file that failed; nothing of them stays then.
    pub fn run(&self, connection: &mut Connection, is_in_transaction: bool) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut run = |sql: &str, path: &Path| {
            connection.execute(sql).map_err(|failure| failure.staging("a hook failed").at(path.display()))
        };
        let first = &self.0[0].0;
        if !is_in_transaction {
            run("BEGIN", first)?;
        }
        run("SET LOCAL search_path TO DEFAULT", first)?;
        for (path, sql) in &self.0 {
            run(sql, path)?;
        }
        match is_in_transaction {
            true => run("SET LOCAL search_path TO ''", first),
            false => run("COMMIT", first),
        }
    }
}

impl AfterSwap {
    /// Runs the command; its output goes where that of the run goes. `MASK_DATABASE` and `MASK_RUN` name the database
    /// and the run.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it does not start or fails; the target is in place all the
    /// same.
    pub fn run(&self, database: &str, run: &str) -> Result<()> {
        let mut command = match self {
            AfterSwap::Shell(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", line]);
                command
            }
            AfterSwap::Program(words) => {
                let (program, arguments) = words
                    .split_first()
                    .ok_or_else(|| Error::usage("the hook `after_swap` names no program"))?;
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        command
            .env("MASK_DATABASE", database)
            .env("MASK_RUN", run)
            .env_remove("MASK_KEY")
            .stdin(Stdio::null());
        let place = "hook `after_swap`";
        let hint = "the target is in place and the rows are loaded; only the command after it failed";
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                let how =
                    status.code().map_or("was ended by a signal".into(), |code| format!("ended with {code}"));
                Err(Error::staging(format!("a command {how}")).at(place).hint(hint))
            }
            Err(error) => Err(Error::staging(format!("a command does not start: {}", io_reason(&error)))
                .at(place)
                .hint(hint)),
        }
    }
}
