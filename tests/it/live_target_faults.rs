//! What a live target is after a run that fails: the old database answers with its old contents, and the next run
//! succeeds.
//!
//! `MASK_TEST_KILLS` says how often a run is killed at a random time (5 by default). Where a small file system can be
//! mounted, as root, it is filled.

use std::env;
use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Snapshot, assert_same_rows, fixture, loaded, mask, send_signal, wait};

/// A snapshot large enough that a run on it takes a while, and its rules.
struct Large {
    folder: TempDir,
}

impl Large {
    fn new(server: &'static Server, rows: u32) -> Large {
        let large = Large { folder: tempfile::tempdir().expect("a temporary folder") };
        let source = server.database();
        source.psql(&format!(
            "CREATE TABLE parents (id integer PRIMARY KEY, name text NOT NULL);
             CREATE TABLE children (id bigserial PRIMARY KEY, parent integer NOT NULL REFERENCES parents, note text);
             CREATE INDEX ON children (parent); CREATE INDEX ON children (note);
             INSERT INTO parents SELECT i, 'parent ' || i FROM generate_series(1, {rows} / 10) i;
             INSERT INTO children (parent, note) SELECT 1 + i % ({rows} / 10), md5(i::text) FROM generate_series(1, {rows}) i;
             CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM children"
        ));
        source.pg_dump(&[
            "-Fc",
            "-Z0",
            "-f",
            large.dump().to_str().expect("temporary folders have plain names"),
        ]);
        fs::write(large.file("rules.toml"), "version = 1\n[defaults]\nunlisted = 'keep'\n")
            .expect("it is ours");
        large
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dump(&self) -> PathBuf {
        self.file("large.dump")
    }

    fn command(&self, to: &str) -> Command {
        self.command_from(self.dump().to_str().expect("temporary folders have plain names"), to)
    }

    fn command_from(&self, from: &str, to: &str) -> Command {
        let mut command = mask();
        command.args(["--from", from]).arg("--rules").arg(self.file("rules.toml"));
        command.arg("--key-file").arg(fixture("shop/demo.key")).args(["--to", to, "--jobs", "2"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn start(&self, to: &str) -> Child {
        self.command(to).spawn().expect("the program starts")
    }

    #[track_caller]
    fn succeeds(&self, to: &str) {
        let output = self.command(to).stderr(Stdio::piped()).output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The old contents of a target, told from the new ones.
fn old_staging(server: &'static Server, name: &str) -> Database {
    let staging = server.database_named(name);
    staging.psql(&format!(
        "CREATE TABLE old AS SELECT 'old' AS contents;
         COMMENT ON DATABASE {name} IS 'mask: run 0123456789abcdef made this database at 2026-01-01T00:00:00Z'"
    ));
    staging
}

/// Whether the target has its old contents, else the new ones: whole in either case.
#[track_caller]
fn has_old_contents(staging: &Database, rows: u32) -> bool {
    if staging.psql("SELECT to_regclass('public.old') IS NOT NULL") == "t\n" {
        assert_eq!(staging.psql("SELECT contents FROM public.old"), "old\n");
        return true;
    }
    let whole = "SELECT (SELECT count(*) FROM children), (SELECT count FROM counted), (SELECT count(*) FROM pg_index
                 WHERE indrelid = 'children'::regclass), (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated)";
    assert_eq!(staging.psql(whole), format!("{rows}|{rows}|3|1\n"), "half of the new contents");
    false
}

fn databases_beside(staging: &Database) -> String {
    let sql = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}_mask')", staging.name);
    staging.psql(&sql)
}

/// Numbers that look random, the same in each run.
fn random(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 11
}

#[test]
fn a_run_that_is_killed_leaves_the_old_contents_and_the_next_one_starts_clean() {
    const ROWS: u32 = 60_000;
    let server = Server::newest();
    let large = Large::new(server, ROWS);
    let staging = old_staging(server, "killed");
    let _previous = server.expected("killed_previous");
    let start = Instant::now();
    large.succeeds(&server.uri("killed_first"));
    let _first = server.expected("killed_first");
    let whole = start.elapsed();
    let kills: u64 = env::var("MASK_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5);
    let mut is_old = true;
    for seed in 0..kills {
        let mut run = large.start(&staging.uri());
        sleep(whole.mul_f64((random(seed) % 1000) as f64 / 1000.0));
        // A run that was faster than its killer is as good.
        let _ = run.kill();
        run.wait().expect("it is our child");
        is_old = is_old && has_old_contents(&staging, ROWS);
        assert_eq!(has_old_contents(&staging, ROWS), is_old, "after kill {seed}");
    }
    large.succeeds(&staging.uri());
    assert!(!has_old_contents(&staging, ROWS));
    assert_eq!(databases_beside(&staging), "", "the next run removes what was left");
}

#[test]
fn a_run_that_is_interrupted_removes_the_new_database() {
    let server = Server::newest();
    let large = Large::new(server, 300_000);
    let staging = old_staging(server, "interrupted");
    let run = large.start(&staging.uri());
    while databases_beside(&staging).is_empty() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(300));
    send_signal("INT", &run);
    assert_eq!(wait(run).code(), Some(130));
    assert!(has_old_contents(&staging, 0));
    assert_eq!(databases_beside(&staging), "");
}

#[test]
fn a_violated_constraint_leaves_the_old_contents() {
    let server = Server::newest();
    let source = server.database();
    // As a key that was declared NOT VALID, and is told as valid by a careless hand.
    source.psql(
        "CREATE TABLE parents (id integer PRIMARY KEY); CREATE TABLE children (parent integer);
         INSERT INTO children VALUES (4711);
         ALTER TABLE children ADD CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents NOT VALID",
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("violated.sql");
    let text = String::from_utf8(source.pg_dump(&[])).expect("Postgres writes UTF-8");
    fs::write(&dump, &text).expect("the folder is ours");
    let staging = old_staging(server, "violated");
    let _previous = server.expected("violated_previous");
    let run = |dump: &Path| Snapshot::shop().from(dump).keep_all().to(&staging.uri()).run();
    fs::write(&dump, text.replace(" NOT VALID", "")).expect("the folder is ours");
    let failed = run(&dump);
    failed.ends_with(1).says("a foreign key is violated").says("of_parent");
    assert!(!failed.stderr.contains("4711"), "a value is told: {}", failed.stderr);
    assert!(has_old_contents(&staging, 0));
    assert_eq!(databases_beside(&staging), "");
    fs::write(&dump, text).expect("the folder is ours");
    run(&dump).succeeds();
    assert_eq!(staging.psql("SELECT convalidated FROM pg_constraint WHERE conname = 'of_parent'"), "f\n");
}

#[test]
fn a_server_that_is_stopped_leaves_the_old_contents() {
    const ROWS: u32 = 200_000;
    let server = Server::start_own(Server::newest().major);
    let large = Large::new(server, ROWS);
    let staging = old_staging(server, "stopped");
    for delay in [300, 900] {
        let run = large.start(&staging.uri());
        sleep(Duration::from_millis(delay));
        server.stop_immediately();
        let status = wait(run);
        server.start_again();
        if !status.success() {
            assert_eq!(status.code(), Some(1));
            assert!(has_old_contents(&staging, ROWS));
        }
    }
    large.succeeds(&staging.uri());
    assert!(!has_old_contents(&staging, ROWS));
    assert_eq!(databases_beside(&staging), "");
}

#[test]
fn a_source_that_is_stopped_leaves_the_old_contents() {
    const ROWS: u32 = 300_000;
    let (source, server) = (Server::start_own(Server::newest().major), Server::newest());
    let large = Large::new(source, ROWS);
    let restored = source.database();
    restored.pg_restore(&large.dump(), 1);
    let staging = old_staging(server, "unsourced");
    let _previous = server.expected("unsourced_previous");
    let refresh = || {
        let mut command = large.command_from(&restored.uri(), &staging.uri());
        command.env("MASK_PG_DUMP", source.program("pg_dump"));
        command
    };
    let run = refresh().spawn().expect("the program starts");
    while databases_beside(&staging).is_empty() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(100));
    source.stop_immediately();
    let status = wait(run);
    source.start_again();
    if !status.success() {
        assert_eq!(status.code(), Some(1));
        assert!(has_old_contents(&staging, ROWS));
        assert_eq!(databases_beside(&staging), "");
    }
    assert!(refresh().status().expect("the program starts").success());
    assert!(!has_old_contents(&staging, ROWS));
}

#[test]
fn a_full_disk_leaves_the_old_contents() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mount = |arguments: &[&str]| {
        Command::new("mount")
            .args(arguments)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let place = folder.path().to_str().expect("temporary folders have plain names");
    if !mount(&["-t", "tmpfs", "-o", "size=40m,mode=777", "tmpfs", place]) {
        let _ = writeln!(stderr(), "skipped: no file system can be mounted, so that none can be filled");
        return;
    }
    let unmount = || Command::new("umount").arg("-l").arg(place).status();
    let result = std::panic::catch_unwind(|| {
        const ROWS: u32 = 400_000;
        // One of its own: pages that the full disk does not take stay in the buffers, and fail whoever needs these.
        let server = Server::start_own(Server::newest().major);
        let large = Large::new(server, ROWS);
        let staging = old_staging(server, "filled");
        let _previous = server.expected("filled_previous");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("it is ours");
        server.give_away(&data);
        staging.psql(&format!("CREATE TABLESPACE small LOCATION '{}'", data.display()));
        // A new database goes where the old one is.
        let other = server.database();
        other.psql("ALTER DATABASE filled SET TABLESPACE small");
        let output = large.command(&staging.uri()).stderr(Stdio::piped()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the disk is full"), "{said}");
        assert!(has_old_contents(&staging, ROWS));
        assert_eq!(databases_beside(&staging), "");
        other.psql("ALTER DATABASE filled SET TABLESPACE pg_default");
        large.succeeds(&staging.uri());
        assert!(!has_old_contents(&staging, ROWS));
        other.psql("DROP TABLESPACE small");
    });
    unmount().expect("umount starts");
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn readers_see_the_old_contents_or_the_new_ones_and_reconnect_once() {
    const ROWS: u32 = 20_000;
    let server = Server::start_own(Server::newest().major);
    let large = Large::new(server, ROWS);
    let staging = server.database_named("read");
    let _previous = server.expected("read_previous");
    staging.psql(
        "CREATE TABLE parents (id integer); CREATE TABLE children (id integer);
         INSERT INTO children SELECT generate_series(1, 7); INSERT INTO parents SELECT 1;
         COMMENT ON DATABASE read IS 'mask: run 0123456789abcdef made this database at 2026-01-01T00:00:00Z'",
    );
    let is_over = AtomicBool::new(false);
    let (sessions_ended, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let read = || {
            // A session reads again and again; when it is ended, the next one must connect at once.
            while !is_over.load(Ordering::Relaxed) {
                let query = "SELECT (SELECT count(*) FROM children) || ' of ' || (SELECT count(*) FROM parents) \\watch 0.01";
                let mut psql = staging.tool("psql");
                psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
                let child = psql.stderr(Stdio::piped()).spawn().expect("psql starts");
                writeln!(child.stdin.as_ref().expect("it is piped"), "{query}").expect("psql reads");
                let output = child.wait_with_output().expect("psql ends");
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(
                    !said.contains("does not exist") && !said.contains("not currently accepting"),
                    "{said}"
                );
                for line in
                    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.contains(" of "))
                {
                    assert!(line == "7 of 1" || line == "20000 of 2000", "a mixture: {line}");
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                sessions_ended.fetch_add(1, Ordering::Relaxed);
            }
        };
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(read)).collect();
        sleep(Duration::from_millis(300));
        let output = large.command(&staging.uri()).stderr(Stdio::piped()).output().expect("it starts");
        sleep(Duration::from_millis(300));
        is_over.store(true, Ordering::Relaxed);
        while readers.iter().any(|reader| !reader.is_finished()) {
            staging.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'read' AND pid <> pg_backend_pid()");
            sleep(Duration::from_millis(20));
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    assert!(reads.into_inner() > 30, "the readers read");
    // Each reader is ended by the swap once, and by us.
    assert!(sessions_ended.into_inner() <= 9);
    assert_eq!(staging.psql("SELECT count(*) FROM children"), "20000\n");
}

#[test]
fn a_masked_key_is_never_ahead_of_its_sequence() {
    let server = Server::newest();
    let staging = server.expected("sequenced");
    let run = Snapshot::shop().to(&staging.uri()).run();
    run.succeeds();
    let ahead = "SELECT (SELECT max(id) FROM customers) > last_value FROM customers_id_seq";
    assert_eq!(staging.psql(ahead), "f\n");
    let masked = Snapshot::shop().to("staging.sql").run();
    masked.succeeds();
    assert_same_rows(
        &Rows::of_database(&loaded(&masked.output(), server)),
        &Rows::of_database(&staging),
        "masked as a script is",
    );
}
