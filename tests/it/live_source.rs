//! A live database as the snapshot: what comes out is, byte for byte, what comes out of a dump of it, whatever the
//! version, the number of connections, and what else happens to the database meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use pgmask::pg::client::{Connection, Conninfo};
use tempfile::TempDir;

use crate::support::postgres::{Database, Server, installed};
use crate::support::{Run, Snapshot, fixture, mask, wait};

/// Rules that keep everything, large objects too.
const KEEP: &str = "version = 1\n[defaults]\nunlisted = \"keep\"\n[large_objects]\naction = \"keep\"\n";

/// A table that is read in several chunks, its longest values apart from it, and a few of other kinds.
const LARGE: &str = "
    CREATE TABLE large (id bigint PRIMARY KEY, name text, document text);
    ALTER TABLE large ALTER document SET STORAGE EXTERNAL;
    INSERT INTO large SELECT id, 'name ' || md5(id::text),
        CASE WHEN id % 50 = 0 THEN repeat(md5(id::text), 200) END FROM generate_series(1, 250000) id;
    DELETE FROM large WHERE id % 7 = 0 OR id BETWEEN 20000 AND 90000;
    CREATE TABLE without_columns ();
    INSERT INTO without_columns DEFAULT VALUES;
    INSERT INTO without_columns DEFAULT VALUES;
    CREATE UNLOGGED TABLE unlogged (id int GENERATED ALWAYS AS IDENTITY, computed int GENERATED ALWAYS AS (7) STORED, v text);
    INSERT INTO unlogged (v) VALUES ('a'), (NULL);
    CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);";

/// What `run` wrote; of an archive, what it restores, since its header has the time of the dump.
fn written(run: &Run, server: &Server) -> BTreeMap<PathBuf, Vec<u8>> {
    run.succeeds();
    let mut files = run.files();
    for archive in ["work/staging.dump", "work/staging.dir"] {
        let path = run.work().join(Path::new(archive).file_name().expect("it has a name"));
        if path.exists() {
            let output = server.tool("pg_restore").arg("-f-").arg(&path).output().expect("pg_restore starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = text.lines().filter(|line| !line.contains("restrict ")).collect();
            files.retain(|file, _| !file.starts_with(archive));
            files.insert(archive.into(), lines.join("\n").into_bytes());
        }
    }
    files
}

/// A dump of `database` in custom form.
fn dump(database: &Database, folder: &Path) -> PathBuf {
    let file = folder.join("custom.dump");
    let encoding = database.psql("SHOW server_encoding");
    let path = file.to_str().expect("temporary folders have plain names");
    database.pg_dump(&["-Fc", "-E", encoding.trim(), "-f", path]);
    file
}

/// Checks that `snapshot` writes of `database` what it writes of its dump.
#[track_caller]
fn is_as_from_a_dump(database: &Database, snapshot: &Snapshot, targets: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = dump(database, folder.path());
    for target in targets {
        let live = snapshot.clone().live(database).to(target).run();
        let dumped = snapshot.clone().from(&dump).to(target).run();
        let server = database.server();
        let (live, dumped) = (written(&live, server), written(&dumped, server));
        assert!(live.keys().eq(dumped.keys()), "{target} of {}", server.major);
        for (file, bytes) in &live {
            // Not assert_eq!, which would print them.
            assert!(*bytes == dumped[file], "{} of {} to {target}", file.display(), server.major);
        }
    }
}

const TARGETS: &[&str] = &["staging.sql", "staging.dump", "dir:staging.dir", "parquet:staging"];

fn servers() -> impl Iterator<Item = &'static Server> {
    installed().keys().filter_map(|major| Server::of(*major))
}

#[test]
fn the_shop_comes_out_as_from_a_dump() {
    for server in servers() {
        let shop = server.database();
        shop.pg_restore(&fixture("shop/shop.dump"), 1);
        is_as_from_a_dump(&shop, &Snapshot::shop(), TARGETS);
    }
}

#[test]
fn a_nasty_database_comes_out_as_from_a_dump() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let nasty = server.database();
        nasty.psql_file(&fixture("nasty/schema.sql"));
        if server.major >= 18 {
            nasty.psql_file(&fixture("nasty/schema-18.sql"));
        }
        is_as_from_a_dump(&nasty, &Snapshot::shop().rules_text(KEEP), &TARGETS[..3]);
    }
}

#[test]
fn every_type_comes_out_as_from_a_dump() {
    for major in [15, 18] {
        let Some(server) = Server::of(major) else { continue };
        let types = server.database();
        types.pg_restore(&fixture(format!("types/types-{major}.dump")), 1);
        is_as_from_a_dump(&types, &Snapshot::shop().rules_text(KEEP), &["staging.sql", "parquet:staging"]);
    }
}

#[test]
fn databases_of_other_encodings_come_out_as_from_a_dump() {
    let server = Server::newest();
    for (encoding, value) in [("LATIN1", "chr(233)"), ("SQL_ASCII", "convert_from('\\xe9ff', 'SQL_ASCII')")] {
        let database = server.database();
        let name = format!("{}_{}", database.name, encoding.to_lowercase());
        database.psql(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'"));
        let other = server.expected(&name);
        other.psql(&format!("CREATE TABLE t (v text); INSERT INTO t VALUES ({value}), ('plain')"));
        is_as_from_a_dump(&other, &Snapshot::shop().rules_text(KEEP), &["staging.sql"]);
    }
}

#[test]
fn a_large_table_comes_out_the_same_for_any_number_of_connections() {
    let database = Server::newest().database();
    database.psql(LARGE);
    let snapshot = Snapshot::shop().rules_text(KEEP);
    is_as_from_a_dump(&database, &snapshot, TARGETS);
    for target in ["staging.sql", "parquet:staging"] {
        let files = |jobs| {
            let run = snapshot.clone().live(&database).to(target).jobs(jobs).run();
            run.succeeds();
            run.files()
        };
        let one = files(1);
        for jobs in [2, 8] {
            assert!(one == files(jobs), "{target}, {jobs} jobs");
        }
    }
}

#[test]
fn a_subset_of_a_live_database_is_that_of_its_dump() {
    let database = Server::newest().database();
    database.psql(LARGE);
    database.psql(
        "CREATE TABLE owned (large_id bigint REFERENCES large, v text);
         INSERT INTO owned SELECT id, 'of ' || id FROM large",
    );
    let snapshot = Snapshot::shop().rules_text(KEEP).argument("--subset").argument("large=10%");
    is_as_from_a_dump(&database, &snapshot, &["staging.sql", "parquet:staging"]);
    let shop = Server::newest().database();
    shop.pg_restore(&fixture("shop/shop.dump"), 1);
    let snapshot = Snapshot::shop().argument("--subset").argument("10%");
    is_as_from_a_dump(&shop, &snapshot, &["staging.sql", "parquet:staging"]);
}

#[test]
fn the_samples_come_out_as_from_a_dump() {
    let folder = std::env::var_os("MASK_SAMPLE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    for name in ["pagila", "chinook"] {
        let file = folder.join(name).join(format!("{name}.dump"));
        if !file.exists() {
            let _ =
                writeln!(std::io::stderr(), "skipped: {} is not there; see MASK_SAMPLE_DATA", file.display());
            continue;
        }
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/samples/{name}.toml"));
        for server in [15, 18].into_iter().filter_map(Server::of) {
            let sample = server.database();
            sample.pg_restore(&file, 1);
            is_as_from_a_dump(&sample, &Snapshot::shop().rules(&rules), &["staging.sql", "parquet:staging"]);
        }
    }
}

#[test]
fn a_standby_is_read_as_the_server_that_it_follows() {
    let server = Server::alone(&[]);
    let shop = server.database_named("shop");
    shop.pg_restore(&fixture("shop/shop.dump"), 1);
    shop.psql("CREATE UNLOGGED TABLE fleeting (id int); INSERT INTO fleeting VALUES (1)");
    let fleeting = "version = 1\n[tables.fleeting]\nid = \"keep\"\n";
    let snapshot = Snapshot::shop().rules("rules.toml").rules_text(fleeting).to("staging.sql");
    let standby = server.standby().expected("shop");
    let run = snapshot.clone().live(&standby).run();
    run.succeeds().says("a standby has no rows of unlogged tables: table `public.fleeting`");
    let of_server = snapshot.live(&shop).argument("--exclude-tables").argument("fleeting").run();
    of_server.succeeds();
    assert!(run.files() == of_server.files());
}

#[test]
fn nothing_is_written_to_the_source() {
    let server = Server::alone(&["autovacuum=off"]);
    let shop = server.database();
    shop.pg_restore(&fixture("shop/shop.dump"), 1);
    shop.psql("CREATE TABLE journal (id serial PRIMARY KEY)");
    let state = || {
        shop.psql(
            "SELECT pg_snapshot_xmax(pg_current_snapshot()), tup_inserted, tup_updated, tup_deleted, temp_files
             FROM pg_stat_database WHERE datname = current_database();
             SELECT last_value, is_called FROM journal_id_seq; SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessShareLock' AND pid <> pg_backend_pid()",
        )
    };
    shop.psql("CHECKPOINT");
    let before = state();
    Snapshot::shop()
        .rules("rules.toml")
        .rules_text("version = 1\n[tables.journal]\nid = \"keep\"\n")
        .live(&shop)
        .to("staging.sql")
        .run()
        .succeeds();
    assert_eq!(before, state());
}

#[test]
fn writers_do_not_get_into_the_snapshot() {
    let database = Server::newest().database();
    database.psql(
        "CREATE TABLE accounts (id int PRIMARY KEY, amount bigint NOT NULL, filler text);
         INSERT INTO accounts SELECT id, 100, repeat('x', 150) FROM generate_series(1, 150000) id;
         CREATE TABLE transfers (from_id int NOT NULL, to_id int NOT NULL, amount bigint NOT NULL)",
    );
    let is_over = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let conninfo = Conninfo::parse(&database.conninfo()).expect("it is well formed");
            let mut connection = Connection::connect(&conninfo, &[]).expect("the server is there");
            let mut transfers = 0;
            while !is_over.load(Ordering::Relaxed) {
                let (from, to) = (transfers * 7919 % 150_000 + 1, transfers * 104_729 % 150_000 + 1);
                let transfer = format!(
                    "BEGIN; UPDATE accounts SET amount = amount - 5 WHERE id = {from};
                     UPDATE accounts SET amount = amount + 5 WHERE id = {to};
                     INSERT INTO transfers VALUES ({from}, {to}, 5); COMMIT"
                );
                connection.execute(&transfer).expect("a reader is in nobody's way");
                transfers += 1;
            }
            transfers
        });
        std::thread::sleep(std::time::Duration::from_millis(200));
        let run = Snapshot::shop().rules_text(KEEP).live(&database).jobs(2).to("staging.sql").run();
        is_over.store(true, Ordering::Relaxed);
        assert!(writer.join().expect("it writes to the end") > 0);
        run
    });
    run.succeeds();
    let staging = crate::support::loaded(&run.output(), Server::newest());
    let wrong = "WITH moved AS (
            SELECT id, sum(amount) AS amount FROM (SELECT from_id, -amount FROM transfers
                UNION ALL SELECT to_id, amount FROM transfers) AS t (id, amount) GROUP BY id)
        SELECT count(*) FROM accounts LEFT JOIN moved USING (id)
        WHERE accounts.amount <> 100 + coalesce(moved.amount, 0)";
    assert_eq!(staging.psql(wrong), "0\n");
    assert_eq!(staging.psql("SELECT count(*) FROM accounts"), "150000\n");
    assert_ne!(staging.psql("SELECT count(*) FROM transfers"), "0\n");
}

/// A run on `database` to standard output, of which the first `bytes` are taken so far; and the folder that it needs.
fn begun(database: &Database, bytes: usize) -> (Child, ChildStdout, Vec<u8>, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = folder.path().join("rules.toml");
    fs::write(&rules, KEEP).expect("the folder is ours");
    let mut command = mask();
    command.env("MASK_PG_DUMP", database.server().program("pg_dump"));
    command.args(["--from", &database.conninfo(), "--to", "-", "-q", "--jobs", "2", "--key-file"]);
    command.arg(fixture("shop/demo.key")).arg("--rules").arg(&rules);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut output = vec![0; bytes];
    stdout.read_exact(&mut output).expect("there is more than that");
    (child, stdout, output, folder)
}

/// Runs on `database` to standard output, ends the sessions of `mask` that `which` says, if anything, when the first
/// bytes are there, and reads the rest.
fn with_sessions_ended(database: &Database, which: Option<&str>) -> (Option<i32>, Vec<u8>, String) {
    let (mut child, mut stdout, mut output, _folder) = begun(database, 5 << 20);
    if let Some(which) = which {
        let ended = database.psql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'mask' AND ({which})"
        ));
        assert_ne!(ended, "0\n");
    }
    stdout.read_to_end(&mut output).expect("it is read to its end");
    let mut stderr = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut stderr).expect("it says UTF-8");
    (wait(child).code(), output, stderr)
}

#[test]
fn connections_that_are_lost_are_made_again_and_nothing_is_missing() {
    let database = Server::newest().database();
    database.psql(LARGE);
    database
        .psql("CREATE TABLE small AS SELECT id, repeat('x', 100) AS v FROM generate_series(1, 100000) id");
    let (code, whole, _) = with_sessions_ended(&database, None);
    assert_eq!(code, Some(0));
    for which in ["query LIKE 'COPY%'", "query NOT LIKE 'COPY%'"] {
        let (code, output, stderr) = with_sessions_ended(&database, Some(which));
        assert_eq!(code, Some(0), "{which}: {stderr}");
        assert!(output == whole, "{which}");
    }
}

/// How much memory the process `id` has, in MiB.
fn resident_mebibytes(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[test]
fn a_large_table_is_not_read_into_memory() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let database = Server::newest().database();
    database.psql(
        "CREATE UNLOGGED TABLE large (v text); ALTER TABLE large ALTER v SET STORAGE EXTERNAL;
         INSERT INTO large SELECT repeat('x', 100000) FROM generate_series(1, 4000)",
    );
    let (child, mut stdout, _, _folder) = begun(&database, 30 << 20);
    // Nobody takes the rest as yet.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let resident = resident_mebibytes(child.id());
    std::io::copy(&mut stdout, &mut std::io::sink()).expect("it is read to its end");
    assert_eq!(wait(child).code(), Some(0));
    assert!(resident < 160, "{resident} MiB");
}

#[test]
fn a_snapshot_that_nobody_holds_any_more_is_an_error() {
    let database = Server::newest().database();
    database.psql(LARGE);
    let (code, _, stderr) = with_sessions_ended(&database, Some("true"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the snapshot is gone"), "{stderr}");
}
