//! A throwaway PostgreSQL with its default settings, on a socket in its own folder; stopped on drop.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The user that a server runs as where the bench runs as root, which it refuses: `nobody`.
const NOBODY: u32 = 65_534;

/// A running server.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
}

impl Server {
    /// Makes a cluster in `folder` and starts it.
    pub fn start(folder: PathBuf) -> Server {
        fs::create_dir(&folder).expect("the folder is ours");
        if fs::metadata(&folder).expect("it was just made").uid() == 0 {
            chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
            // The way to it must be open.
            use std::os::unix::fs::PermissionsExt;
            let parent = folder.parent().expect("it lies in a folder");
            fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        let server = Server { folder, programs: programs() };
        server.run("initdb", &["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]);
        let options = format!("-k {} -c listen_addresses=", server.folder.display());
        server.run("pg_ctl", &["start", "-w", "-o", &options]);
        server
    }

    /// A connection to one of its databases, as `--from` and `--to` take it.
    pub fn uri(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.folder.display())
    }

    /// Runs psql, which must not fail.
    pub fn psql(&self, database: &str, arguments: &[&str]) {
        self.run("psql", &[&["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database], arguments].concat());
    }

    /// Runs one of its programs, which must not fail.
    pub fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(&self.folder).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("PGHOST", &self.folder).env("PGUSER", "postgres").env("PGDATA", self.folder.join("data"));
        let owner = fs::metadata(&self.folder).expect("the folder is there").uid();
        if owner == NOBODY && matches!(program, "initdb" | "pg_ctl") {
            command.uid(NOBODY).gid(NOBODY);
        }
        let status = command.status().expect("the program is there");
        assert!(status.success(), "{program} failed");
    }

    /// `PATH` with the folder of its programs before all others.
    pub fn programs_first(&self) -> OsString {
        let others = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.programs.clone()).chain(env::split_paths(&others));
        env::join_paths(folders).expect("PATH is a list of folders")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "-m", "fast"]);
    }
}

/// The folder of PostgreSQL's programs.
fn programs() -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    let named = env::var_os("PG_BIN").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = named.into_iter().chain(debian.into_iter().rev()).chain(env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").is_file()).expect("PostgreSQL is installed; see PG_BIN")
}
