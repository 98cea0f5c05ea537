//! What the tests share: [`Snapshot`], the one builder of a run, and the run it gives.

pub mod allocated;
pub mod postgres;
pub mod rows;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use postgres::{Database, Server};
pub use rows::{Rows, assert_same_rows};

/// No run of a test takes this long; one that does hangs.
const LIMIT_SECONDS: u64 = 120;

/// The report, in the run's own folder.
const REPORT: &str = "report.json";

/// Every dump of the shop that holds schema and rows, by the name of its format.
pub const SHOP_FORMATS: &[(&str, &str)] = &[
    ("custom", "shop.dump"),
    ("none", "shop-none.dump"),
    ("pipe", "shop-pipe.dump"),
    ("root", "shop-root.dump"),
    ("custom-14", "shop-14.dump"),
    ("lz4-16", "shop-16-lz4.dump"),
    ("custom-17", "shop-17.dump"),
    ("custom-18", "shop-18.dump"),
    ("zstd-18", "shop-18-zstd.dump"),
    ("dir", "shop.dir"),
    ("dir-lz4-18", "shop-18-lz4.dir"),
    ("dir-zstd-18", "shop-18-zstd.dir"),
    ("tar", "shop.tar"),
    ("sql", "shop.sql"),
    ("sql.gz", "shop.sql.gz"),
    ("sql.zst", "shop.sql.zst"),
    ("sql.lz4", "shop.sql.lz4"),
    ("crlf", "shop-crlf.sql.gz"),
    ("inserts", "shop-inserts.sql.gz"),
    ("column-inserts", "shop-column-inserts.sql.gz"),
    ("rows-per-insert", "shop-rows-per-insert.sql.gz"),
    ("create-clean", "shop-create-clean.sql.gz"),
    ("dumpall", "shop-dumpall.sql.gz"),
];

/// The file `path` of the folder `fixtures`.
pub fn fixture(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// A run of the program to be: what it reads, by which rules, and what it writes.
#[derive(Clone)]
pub struct Snapshot {
    command: Option<&'static str>,
    from: String,
    stdin: Option<PathBuf>,
    rules: Vec<Rules>,
    key_file: PathBuf,
    to: Option<String>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    limit_kilobytes: Option<u64>,
}

#[derive(Clone)]
enum Rules {
    File(PathBuf),
    Text(String),
}

impl Snapshot {
    /// A run on the fixture `path`, such as `types/types-15.dump`; without rules as yet.
    pub fn of(path: impl AsRef<Path>) -> Snapshot {
        Snapshot {
            command: None,
            from: fixture(path).display().to_string(),
            stdin: None,
            rules: Vec::new(),
            key_file: fixture("shop/demo.key"),
            to: None,
            arguments: Vec::new(),
            variables: Vec::new(),
            limit_kilobytes: None,
        }
    }

    /// A run on the shop, from its custom dump, by its own rules unless others are given.
    pub fn shop() -> Snapshot {
        Snapshot::of("shop/shop.dump")
    }

    /// Reads the shop in the format `name` of [`SHOP_FORMATS`].
    pub fn format(mut self, name: &str) -> Snapshot {
        let (_, file) =
            SHOP_FORMATS.iter().find(|(format, _)| *format == name).expect("a format of the shop");
        self.from = fixture("shop").join(file).display().to_string();
        self
    }

    /// Reads `path`, wherever it is.
    pub fn from(mut self, path: &Path) -> Snapshot {
        self.from = path.display().to_string();
        self
    }

    /// Reads `database`, live, with the pg_dump of its own version.
    pub fn live(self, database: &Database) -> Snapshot {
        self.live_as(&database.conninfo(), database.server())
    }

    /// Reads the live database that `connection` names, on `server`.
    pub fn live_as(mut self, connection: &str, server: &Server) -> Snapshot {
        self.from = connection.to_string();
        self.variable("MASK_PG_DUMP", &server.program("pg_dump").display().to_string())
    }

    /// Sets an environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Snapshot {
        self.variables.push((name.to_string(), value.to_string()));
        self
    }

    /// Reads the file `path` on standard input.
    pub fn stdin(mut self, path: &Path) -> Snapshot {
        self.from = "-".to_string();
        self.stdin = Some(path.to_path_buf());
        self
    }

    /// Adds the rules file `path` of the shop, or of anywhere if it is absolute.
    pub fn rules(mut self, path: impl AsRef<Path>) -> Snapshot {
        self.rules.push(Rules::File(fixture("shop").join(path)));
        self
    }

    /// Adds the rules that `text` says.
    pub fn rules_text(mut self, text: &str) -> Snapshot {
        self.rules.push(Rules::Text(text.to_string()));
        self
    }

    /// Keeps every column as it is.
    pub fn keep_all(self) -> Snapshot {
        self.rules_text("version = 1\n[defaults]\nunlisted = \"keep\"\n")
    }

    /// Takes the key from `path`.
    pub fn key_file(mut self, path: &Path) -> Snapshot {
        self.key_file = path.to_path_buf();
        self
    }

    /// Runs the subcommand `name` instead of `run`.
    pub fn command(mut self, name: &'static str) -> Snapshot {
        self.command = Some(name);
        self
    }

    /// Writes to `target`, as `--to` takes it; a path is relative to the run's own folder.
    pub fn to(mut self, target: &str) -> Snapshot {
        self.to = Some(target.to_string());
        self
    }

    /// Writes Parquet.
    #[expect(clippy::wrong_self_convention, reason = "it says where the run writes to, as `to` does")]
    pub fn to_parquet(self) -> Snapshot {
        self.to("parquet:staging")
    }

    /// Works with `jobs` threads.
    pub fn jobs(self, jobs: u32) -> Snapshot {
        self.argument("--jobs").argument(&jobs.to_string())
    }

    /// Adds an argument as it is.
    pub fn argument(mut self, argument: &str) -> Snapshot {
        self.arguments.push(argument.to_string());
        self
    }

    /// Lets the program have no more than `kilobytes` of address space.
    pub fn within_kilobytes(mut self, kilobytes: u64) -> Snapshot {
        self.limit_kilobytes = Some(kilobytes);
        self
    }

    /// Writes a report too, which [`Run::actions`] reads.
    pub fn report(self) -> Snapshot {
        self.argument("--report").argument(REPORT)
    }

    /// Runs the program in a folder of its own, and waits for its end.
    pub fn run(self) -> Run {
        let folder = tempfile::Builder::new().prefix("mask-it-").tempdir().expect("a temporary folder");
        for part in ["work", "temp"] {
            fs::create_dir(folder.path().join(part)).expect("the folder is ours");
        }
        let mut command = self.limit_kilobytes.map_or_else(mask, mask_within);
        command.args(self.command).args(["--from", &self.from]);
        for rules in self.rule_files(folder.path()) {
            command.arg("--rules").arg(rules);
        }
        command.arg("--key-file").arg(&self.key_file);
        if let Some(to) = &self.to {
            command.args(["--to", to]);
        }
        command.args(&self.arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let stdin = match &self.stdin {
            Some(path) => File::open(path).expect("the input is there").into(),
            None => Stdio::null(),
        };
        Run::of(folder, command.stdin(stdin), self.to.as_deref())
    }

    fn rule_files(&self, folder: &Path) -> Vec<PathBuf> {
        if self.rules.is_empty() {
            return vec![fixture("shop/rules.toml")];
        }
        let in_order = self.rules.iter().enumerate();
        let files = in_order.map(|(index, rules)| match rules {
            Rules::File(path) => path.clone(),
            Rules::Text(text) => {
                let path = folder.join(format!("rules-{index}.toml"));
                fs::write(&path, text).expect("the folder is ours");
                path
            }
        });
        files.collect()
    }
}

/// The program, without what the environment would say to it.
pub fn mask() -> Command {
    without_settings(Command::new(env!("CARGO_BIN_EXE_mask")))
}

/// The program in a shell that bounds its address space.
fn mask_within(kilobytes: u64) -> Command {
    let mut command = without_settings(Command::new("sh"));
    command.args(["-c", &format!("ulimit -v {kilobytes} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_mask")]);
    command
}

fn without_settings(mut command: Command) -> Command {
    let of_postgres = |name: &std::ffi::OsString| name.as_encoded_bytes().starts_with(b"PG");
    for (variable, _) in std::env::vars_os().filter(|(name, _)| of_postgres(name)) {
        command.env_remove(variable);
    }
    command.env_remove("MASK_KEY").env_remove("RUST_BACKTRACE").env("LC_ALL", "C");
    command
}

/// What became of a column.
pub struct Action {
    /// Its table, as messages name it.
    pub table: String,
    /// Its name.
    pub column: String,
    /// `keep`, the name of a function, or `follows TABLE.COLUMN`.
    pub action: String,
    /// Whether any value was masked; a column that follows a kept one is not.
    pub is_masked: bool,
}

/// A run that ended, and what it left behind.
pub struct Run {
    folder: TempDir,
    to: Option<String>,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Run {
    /// Runs `command` in `folder`, whose folder `work` is its current one; `to` is the target that it was given.
    fn of(folder: TempDir, command: &mut Command, to: Option<&str>) -> Run {
        let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
        command.current_dir(folder.path().join("work")).env("TMPDIR", folder.path().join("temp"));
        command.stdout(File::create(&stdout).expect("the folder is ours"));
        command.stderr(File::create(&stderr).expect("the folder is ours"));
        let status = wait(command.spawn().expect("the program starts"));
        Run {
            to: to.map(str::to_string),
            status,
            stdout: fs::read(stdout).expect("it was just written"),
            stderr: String::from_utf8_lossy(&fs::read(stderr).expect("it was just written")).into_owned(),
            folder,
        }
    }

    /// Checks that the run was a success.
    #[track_caller]
    pub fn succeeds(&self) -> &Run {
        self.ends_with(0)
    }

    /// Checks the exit code, and that there was no panic.
    #[track_caller]
    pub fn ends_with(&self, code: i32) -> &Run {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.status, self.stderr);
        self
    }

    /// Checks that `text` is a part of what the run says on standard error.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Run {
        assert!(self.stderr.contains(text), "not said: {text}\n{}", self.stderr);
        self
    }

    /// Checks that nothing is left behind: no target, no half of one, no temporary file.
    #[track_caller]
    pub fn leaves_nothing(&self) -> &Run {
        let left: Vec<PathBuf> = self.files().into_keys().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        self
    }

    /// The run's folder, where relative targets go.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The target that was written.
    pub fn output(&self) -> PathBuf {
        let to = self.to.as_deref().expect("the run has a target");
        let path =
            ["parquet:", "dir:", "csv:"].iter().find_map(|scheme| to.strip_prefix(scheme)).unwrap_or(to);
        self.work().join(path)
    }

    /// What became of each column, as the report says.
    pub fn actions(&self) -> Vec<Action> {
        let report = fs::read(self.work().join(REPORT)).expect("the run wrote a report");
        let report: Value = serde_json::from_slice(&report).expect("the report is JSON");
        let mut actions = Vec::new();
        for table in report["tables"].as_array().expect("the report has tables") {
            for column in table["columns"].as_array().expect("tables have columns") {
                let text = |value| Value::as_str(value).expect("it is a text").to_string();
                actions.push(Action {
                    table: text(&table["name"]),
                    column: text(&column["name"]),
                    action: text(&column["action"]),
                    is_masked: column["values_masked"] != 0,
                });
            }
        }
        actions
    }

    /// Every file that is left behind in the run's folder or in its folder for temporary files, with its bytes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for part in ["work", "temp"] {
            collect(&self.folder.path().join(part), self.folder.path(), &mut files);
        }
        files
    }

    /// The rows of the target; a script or an archive is loaded into a server first, and must load without an error.
    pub fn rows(&self) -> Rows {
        let output = self.output();
        match self.to.as_deref() {
            Some(to) if to.starts_with("parquet:") => Rows::of_parquet(&output),
            _ => Rows::of_database(&loaded(&output, Server::newest())),
        }
    }
}

/// A fresh database on `server` with the script or archive `path`, which must load without an error.
pub fn loaded(path: &Path, server: &'static Server) -> Database {
    let database = server.database();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("sql") => database.psql_file(path),
        _ => database.pg_restore(path, 1),
    };
    database
}

/// Sends the signal `name`, such as `INT`, to `child`, by the shell's own `kill`: not every system has the program.
pub fn send_signal(name: &str, child: &Child) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
    assert!(sent.expect("there is a shell").success(), "the signal {name} is not sent");
}

/// How `child` ends; one that does not end is killed, and the test fails.
pub fn wait(mut child: Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        if start.elapsed() > Duration::from_secs(LIMIT_SECONDS) {
            child.kill().expect("it is our child");
            panic!("the run hangs: no end after {LIMIT_SECONDS} seconds");
        }
        sleep(Duration::from_millis(5));
    }
}

/// Adds every file under `folder`, by its path from `root`.
fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("the folder is ours").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, root, files);
        } else {
            let name = path.strip_prefix(root).expect("it is under the root").to_path_buf();
            files.insert(name, fs::read(&path).expect("the file is ours"));
        }
    }
}
