//! The table of contents, as pg_dump of the same snapshot makes it.
//!
//! An archive in custom form begins with its table of contents, written when the schema is known and before the first
//! row. So pg_dump runs into a pipe of which only that much is read: entries, dependencies, order and values of
//! sequences are those of a whole dump, and nothing touches a disk.

use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::pg_dump;
use super::snapshot::Snapshot;
use crate::error::{Error, Result, io_reason};
use crate::pg::archive;
use crate::pg::client::APPLICATION_NAME;
use crate::pg::dump::{Compression, Dump};

/// How long a lock is waited for, in milliseconds; as for our own sessions.
const LOCK_TIMEOUT: &str = "--lock-wait-timeout=60000";

/// How long pg_dump may take to say goodbye to the server when nobody listens to it any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of what pg_dump says is kept, to see what failed.
const COMPLAINT_BYTES: u64 = 64 << 10;

/// Reads the table of contents of `snapshot`.
///
/// # Errors
/// If there is no pg_dump for the server, or it fails.
pub fn read(snapshot: &Snapshot) -> Result<Dump> {
    let program = pg_dump::find(snapshot.version / 10_000)?;
    let mut child = Running::start(command(&program, snapshot), &program)?;
    let contents = child.contents();
    let (status, complaints) = child.end();
    match contents {
        // Its own data is not compressed, as it is not wanted; what is written from it is compressed as dumps are.
        Ok(dump) => Ok(Dump { compression: Compression::Gzip, ..dump }),
        Err(_) => Err(failure(status, &complaints).at(program.display())),
    }
}

fn command(program: &Path, snapshot: &Snapshot) -> Command {
    let mut command = if cfg!(unix) {
        // With the signal for a pipe without a reader ignored, pg_dump ends its session instead of dying in it.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' PIPE; exec \"$0\" \"$@\""]).arg(program);
        shell
    } else {
        Command::new(program)
    };
    // Rows in the form of INSERT are asked for a few at a time, not all at once as by COPY: none are wanted.
    command.args(["--format=custom", "--compress=0", "--inserts", "--no-password", LOCK_TIMEOUT]);
    command.arg(format!("--snapshot={}", snapshot.id()));
    command.arg(if snapshot.is_ascii { "--encoding=SQL_ASCII" } else { "--encoding=UTF8" });
    // The connection, with its password, goes by the environment, which others cannot see as they can the arguments.
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(variable);
    }
    for (variable, value) in snapshot.conninfo().environment() {
        command.env(variable, value.as_str());
    }
    command.env("PGAPPNAME", APPLICATION_NAME).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A pg_dump; ended when dropped.
struct Running {
    child: Child,
    complaints: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    fn start(mut command: Command, program: &Path) -> Result<Running> {
        let mut child = command.spawn().map_err(|error| {
            Error::snapshot(format!("pg_dump cannot be started: {}", io_reason(&error))).at(program.display())
        })?;
        let complaints = child.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                // What it says quotes what it reads: it is looked at, never shown.
                let _ = stderr.take(COMPLAINT_BYTES).read_to_end(&mut text);
                text
            })
        });
        Ok(Running { child, complaints })
    }

    fn contents(&mut self) -> Result<Dump> {
        let output = self.child.stdout.take().ok_or_else(|| Error::snapshot("pg_dump has no output"))?;
        archive::read_contents("pg_dump", BufReader::new(output))
    }

    /// Waits for its end, and brings it about where that takes long.
    fn end(&mut self) -> (Option<ExitStatus>, Vec<u8>) {
        let start = Instant::now();
        let mut status = self.child.try_wait().ok().flatten();
        while status.is_none() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
            status = self.child.try_wait().ok().flatten();
        }
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok());
        (status, complaints.unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What pg_dump complains of, by words of its messages in English, and what helps.
const COMPLAINTS: &[(&str, &str, &str)] = &[
    (
        "permission denied",
        "the role may not read all of it",
        "make the role a member of pg_read_all_data; `pg_dump --schema-only` by hand says what it may not read",
    ),
    ("user may lack", "the role may not read all sequences", "make the role a member of pg_read_all_data"),
    ("lock timeout", "a table is locked by another session", "run `mask` when no migration runs"),
    (
        "server version mismatch",
        "it is of another version than the server",
        "name another one by `MASK_PG_DUMP`",
    ),
    (
        "invalid snapshot identifier",
        "it reaches another server than `mask` does",
        "connect to the server itself, not to one of several behind a name or a pooler",
    ),
    (
        "connection to server",
        "it cannot connect",
        "try `pg_dump --schema-only` by hand, with the same connection",
    ),
    ("out of shared memory", "the server has no room for as many locks", "raise max_locks_per_transaction"),
];

fn failure(status: Option<ExitStatus>, complaints: &[u8]) -> Error {
    let text = String::from_utf8_lossy(complaints);
    if let Some((_, what, hint)) = COMPLAINTS.iter().find(|(words, ..)| text.contains(words)) {
        return Error::snapshot(format!("pg_dump cannot read the schema: {what}")).hint(*hint);
    }
    let code = status.and_then(|status| status.code());
    let code = code.map_or("no exit code".to_string(), |code| format!("exit code {code}"));
    Error::snapshot(format!("pg_dump cannot read the schema: it ends with {code}"))
        .hint("try `pg_dump --schema-only` by hand, with the same connection, to see what it says")
}
