//! A throwaway PostgreSQL: one server a test process and version, a fresh database for each test that asks.
//!
//! A server listens on a socket in its own temporary folder and nowhere else. It is started by a small shell that
//! waits for its standard input to end, which it does when the test process ends, however it ends; then the shell
//! stops the server and removes the folder.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{Write, stderr};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The user and group that a server runs as where the tests run as root, which it refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// How long a server may take to start on a busy machine.
const START_SECONDS: u64 = 60;

/// What the tests run; a folder that lacks one of them is passed over.
const PROGRAMS: &[&str] =
    &["initdb", "pg_basebackup", "pg_dump", "pg_isready", "pg_restore", "postgres", "psql"];

/// Starts the server, waits for the end of standard input, stops it and cleans up.
const WATCHDOG: &str = r#"
programs=$1 folder=$2
shift 2
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c full_page_writes=off \
    -c synchronous_commit=off -c max_connections=40 -c shared_buffers=32MB "$@" >"$folder/log" 2>&1 &
server=$!
cat >/dev/null
kill -QUIT $server $(head -n 1 "$folder/data/postmaster.pid")
wait $server
rm -rf "$folder"
"#;

/// The folders of PostgreSQL's programs that were found, by major version.
///
/// Looks at the folders of `MASK_TEST_PG_BIN` (separated by colons), at `PATH`, at Debian's folders and at those that
/// `tests/run.sh` fills; the first of a version wins.
pub fn installed() -> &'static BTreeMap<u32, PathBuf> {
    static INSTALLED: OnceLock<BTreeMap<u32, PathBuf>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let mut found = BTreeMap::new();
        for folder in candidates() {
            if let Some(major) = major_version(&folder) {
                found.entry(major).or_insert(folder);
            }
        }
        found
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for variable in ["MASK_TEST_PG_BIN", "PATH"] {
        folders.extend(env::var_os(variable).iter().flat_map(env::split_paths));
    }
    for parent in [Path::new("/usr/lib/postgresql"), &Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pg")]
    {
        let versions = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
    }
    folders
}

/// The major version of the server in `folder`, if there is one and the programs that go with it are there too.
fn major_version(folder: &Path) -> Option<u32> {
    if !PROGRAMS.iter().all(|program| folder.join(program).is_file()) {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.strip_prefix("postgres (PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A running server.
pub struct Server {
    /// Its major version, such as 15.
    pub major: u32,
    programs: PathBuf,
    /// Holds its data and its socket.
    folder: PathBuf,
    /// The port that its socket, and its address if it has one, is for.
    port: u16,
    /// Stops the server when its standard input closes; held for that alone.
    _watchdog: Child,
}

impl Server {
    /// The server of the major version `major`; says so and gives `None` where that version is not installed.
    pub fn of(major: u32) -> Option<&'static Server> {
        static SERVERS: Mutex<BTreeMap<u32, &'static Server>> = Mutex::new(BTreeMap::new());
        let Some(programs) = installed().get(&major) else {
            // Not eprintln!, whose output is not shown for a test that passes.
            let _ = writeln!(stderr(), "skipped: PostgreSQL {major} is not installed; see tests/run.sh");
            return None;
        };
        let mut servers = SERVERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Some(servers.entry(major).or_insert_with(|| Box::leak(Box::new(Server::start(major, programs, &[])))))
    }

    /// A server of the newest version for one test alone, with these settings besides its usual ones.
    pub fn alone(settings: &[&str]) -> &'static Server {
        let newest = Server::newest();
        Box::leak(Box::new(Server::start(newest.major, &newest.programs, settings)))
    }

    /// A standby of this server, as far as it has come by now.
    pub fn standby(&self) -> &'static Server {
        let folder = new_home();
        let mut copy = as_server(&folder, self.programs.join("pg_basebackup").as_os_str());
        copy.arg("-D").arg(folder.join("data")).args(["-R", "-X", "stream", "-c", "fast", "--no-sync"]);
        copy.arg("-h").arg(&self.folder).args(["-U", "postgres"]);
        check(&mut copy);
        let standby: &Server = Box::leak(Box::new(Server::start_in(folder, self.major, &self.programs, &[])));
        let written = self.value("SELECT pg_current_wal_lsn()");
        let start = Instant::now();
        while standby.value(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")) != "t" {
            assert!(start.elapsed() < Duration::from_secs(START_SECONDS), "the standby does not catch up");
            sleep(Duration::from_millis(20));
        }
        standby
    }

    /// The one value that `sql` gives.
    fn value(&self, sql: &str) -> String {
        let output = check(self.tool("psql").args(["-XqAtc", sql]));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }

    /// The folder of its socket and, in `data`, of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its program `name`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The server of the newest version that is installed.
    pub fn newest() -> &'static Server {
        let newest = installed().keys().next_back();
        let major = newest.expect("PostgreSQL is not installed; run the tests with `tests/run.sh`");
        Server::of(*major).expect("it was just found")
    }

    fn start(major: u32, programs: &Path, settings: &[&str]) -> Server {
        let folder = new_home();
        let mut initdb = as_server(&folder, programs.join("initdb").as_os_str());
        initdb.arg("-D").arg(folder.join("data"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]);
        check(&mut initdb);
        Server::start_in(folder, major, programs, settings)
    }

    /// Starts the server whose data is in `folder`.
    fn start_in(folder: PathBuf, major: u32, programs: &Path, settings: &[&str]) -> Server {
        let mut watchdog = as_server(&folder, OsStr::new("sh"));
        watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(programs).arg(&folder);
        watchdog.args(settings.iter().flat_map(|setting| ["-c", setting]));
        watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Its own process group: an interrupt of the tests must reach it only as the end of its input.
        let watchdog = watchdog.process_group(0).spawn().expect("sh starts");
        let port = settings.iter().find_map(|setting| setting.strip_prefix("port=")?.parse().ok());
        let port = port.unwrap_or(5432);
        let server = Server { major, programs: programs.to_path_buf(), folder, port, _watchdog: watchdog };
        server.wait_until_ready();
        server
    }

    /// A server of its own for a test that does not treat it well.
    pub fn start_own(major: u32) -> &'static Server {
        let programs = installed().get(&major).expect("the version was just found");
        Box::leak(Box::new(Server::start(major, programs, &[])))
    }

    /// Stops it as a crash would.
    pub fn stop_immediately(&self) {
        check(&mut self.pg_ctl(&["stop", "-m", "immediate"]));
    }

    /// Starts it again, and waits until it is ready.
    pub fn start_again(&self) {
        let options =
            format!("-k {} -c listen_addresses= -c fsync=off -c max_connections=40", self.folder.display());
        let log = self.folder.join("log");
        let log = log.to_str().expect("temporary folders have plain names");
        check(&mut self.pg_ctl(&["start", "-w", "-l", log, "-o", &options]));
        self.wait_until_ready();
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Command {
        let mut pg_ctl = as_server(&self.folder, self.programs.join("pg_ctl").as_os_str());
        pg_ctl
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        pg_ctl
    }

    /// Lets the server have `folder`.
    pub fn give_away(&self, folder: &Path) {
        let owner = fs::metadata(&self.folder).expect("the server is there");
        chown(folder, Some(owner.uid()), Some(owner.gid())).expect("root may give a folder away");
    }

    fn wait_until_ready(&self) {
        let start = Instant::now();
        while !run(self.tool("pg_isready").arg("-q")).status.success() {
            if start.elapsed() > Duration::from_secs(START_SECONDS) {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("PostgreSQL {} does not start:\n{log}", self.major);
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// A command for the program `name` of this version, which finds this server by itself.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        for (variable, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(variable);
        }
        command.env("PGHOST", &self.folder).env("PGUSER", "postgres").env("PGDATABASE", "postgres");
        command.env("PGPORT", self.port.to_string());
        command.env("PGTZ", "UTC").env("PGCLIENTENCODING", "UTF8").env("LC_ALL", "C");
        command
    }

    /// A connection to the database `name` of this server, as `--from` and `--to` take it.
    pub fn uri(&self, name: &str) -> String {
        let encoded = |text: &str| -> String {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric();
            text.bytes()
                .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
                .collect()
        };
        let folder = self.folder.to_str().expect("temporary folders have plain names");
        format!("postgresql://postgres@/{}?host={}", encoded(name), encoded(folder))
    }

    /// The database `name`, whoever makes it; dropped with what is returned.
    pub fn expected(&'static self, name: &str) -> Database {
        Database { server: self, name: name.to_string() }
    }

    /// A fresh, empty database.
    pub fn database(&'static self) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        self.database_named(&format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// A fresh, empty database of this name, which no other test may use.
    pub fn database_named(&'static self, name: &str) -> Database {
        check(self.tool("psql").args(["-Xqc", &format!("CREATE DATABASE \"{name}\" TEMPLATE template0")]));
        Database { server: self, name: name.to_string() }
    }
}

/// A new folder for a server, which belongs to the user that it runs as.
fn new_home() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("mask-pg-").tempdir().expect("a temporary folder").keep();
    if fs::metadata(&folder).expect("the folder was just made").uid() == 0 {
        chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
    }
    folder
}

/// A command for `program` as the user that the server with this folder runs as.
fn as_server(folder: &Path, program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C").env("TZ", "UTC");
    if fs::metadata(folder).expect("the folder is there").uid() == NOBODY {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A database of one test; dropped with it.
pub struct Database {
    server: &'static Server,
    /// Its name.
    pub name: String,
}

impl Database {
    /// This database as `--from` and `--to` take it.
    pub fn uri(&self) -> String {
        self.server.uri(&self.name)
    }

    /// A command for PostgreSQL's program `name`, which finds this database by itself.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = self.server.tool(name);
        command.env("PGDATABASE", &self.name);
        command
    }

    /// The server that it is on.
    pub fn server(&self) -> &'static Server {
        self.server
    }

    /// How to connect to it, as a keyword string.
    pub fn conninfo(&self) -> String {
        format!("host={} user=postgres dbname={}", self.server.folder.display(), self.name)
    }

    /// Runs `sql`, which must not fail; returns what psql prints: a line a row, columns separated by `|`.
    pub fn psql(&self, sql: &str) -> String {
        let mut psql = self.tool("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = psql.spawn().expect("psql starts");
        let mut input = child.stdin.take().expect("it is piped");
        let sql = sql.to_owned();
        // Its own thread, so that psql can print while it still reads.
        let writer = std::thread::spawn(move || input.write_all(sql.as_bytes()));
        let output = child.wait_with_output().expect("psql ends");
        writer.join().expect("the writer ends").expect("psql reads its input");
        succeeded(&output, "psql");
        String::from_utf8(output.stdout).expect("psql prints UTF-8")
    }

    /// Loads the script `path`, which must give no error; returns what psql says on stderr.
    pub fn psql_file(&self, path: &Path) -> String {
        let output = check(self.tool("psql").args(["-Xq", "-v", "ON_ERROR_STOP=1", "-f"]).arg(path));
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Restores the archive `path` with `jobs` connections, which must give no error; returns what is said on stderr.
    pub fn pg_restore(&self, path: &Path, jobs: u32) -> String {
        let mut pg_restore = self.tool("pg_restore");
        pg_restore.args(["--exit-on-error", "-j", &jobs.to_string(), "-d", &self.name]).arg(path);
        String::from_utf8_lossy(&check(&mut pg_restore).stderr).into_owned()
    }

    /// Dumps this database with `arguments`; returns what pg_dump prints.
    pub fn pg_dump(&self, arguments: &[&str]) -> Vec<u8> {
        check(self.tool("pg_dump").args(arguments)).stdout
    }

    /// Dumps the server as one that has this database and no others of tests; returns what pg_dumpall prints.
    pub fn pg_dumpall(&self) -> Vec<u8> {
        check(self.tool("pg_dumpall").args(["-l", "postgres", "--exclude-database=test_*"])).stdout
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name.replace('"', "\"\""));
        // A database that stays behind goes with the server, so a failure here is no failure of the test.
        run(self.server.tool("psql").args(["-Xqc", &drop]));
    }
}

fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

fn check(command: &mut Command) -> Output {
    let output = run(command);
    succeeded(&output, &format!("{command:?}"));
    output
}

#[track_caller]
fn succeeded(output: &Output, what: &str) {
    assert!(
        output.status.success(),
        "{what}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
