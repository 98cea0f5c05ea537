//! What a live target refuses: exit code 2, and nothing is written.

use std::fs;

use crate::support::postgres::{Database, Server};
use crate::support::{Run, Snapshot, fixture};

/// A database and those whose names begin with its name, with all that is written of them in the server's catalog.
fn databases(database: &Database) -> String {
    database.psql(&format!(
        "SELECT datname, oid, datdba, datacl, shobj_description(oid, 'pg_database') FROM pg_database
         WHERE datname = '{0}' OR starts_with(datname, '{0}_') ORDER BY 1",
        database.name
    ))
}

fn run(to: &str, arguments: &[&str]) -> Run {
    let run = Snapshot::shop().keep_all().to(to);
    arguments.iter().fold(run, |run, argument| run.argument(argument)).run()
}

/// Checks that a run is refused for the reason `says`, and leaves the server as it was.
fn is_refused(staging: &Database, to: &str, arguments: &[&str], says: &str) {
    let before = databases(staging);
    run(to, arguments).ends_with(2).says(says);
    assert_eq!(databases(staging), before, "{says}");
}

#[test]
fn a_database_that_somebody_filled_is_refused() {
    let staging = Server::newest().database();
    staging.psql("CREATE TYPE ours AS ENUM ('a')");
    is_refused(&staging, &staging.uri(), &[], "the target is not empty, and was not made by `mask`");
    for way in ["replace", "data"] {
        is_refused(&staging, &staging.uri(), &["--load", way], "the target is not empty");
    }
}

#[test]
fn a_host_that_is_never_written_to_is_refused() {
    let staging = Server::newest().database();
    let config = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(config.path(), "[guards]\nnever_write = ['db.example', '*mask-pg*']\n").expect("it is ours");
    let config = config.path().to_str().expect("temporary files have plain names");
    is_refused(&staging, &staging.uri(), &["--config", config, "--overwrite"], "never written to");
}

#[test]
fn a_replica_is_refused() {
    let server = Server::alone(&[]);
    let staging = server.database_named("staging");
    let replica = server.standby().expected("staging");
    for way in ["swap", "replace", "data"] {
        let load = ["--load", way, "--overwrite"];
        is_refused(
            &replica,
            &replica.uri(),
            &load,
            "the target's server is a replica, which takes no writes",
        );
    }
    run(&staging.uri(), &[]).succeeds();
}

#[test]
fn a_name_that_the_swap_needs_and_somebody_has_is_refused() {
    let server = Server::newest();
    let staging = server.database_named("needed");
    let taken = server.database_named("needed_previous");
    is_refused(&staging, &staging.uri(), &["--overwrite"], "database `needed_previous`");
    drop(taken);
    let taken = server.database_named("needed_mask_new");
    taken.psql("CREATE TABLE ours ()");
    is_refused(&staging, &staging.uri(), &["--overwrite"], "database `needed_mask_new`");
}

#[test]
fn a_role_that_may_not_make_databases_is_refused() {
    let server = Server::newest();
    let staging = server.database();
    staging.psql("CREATE ROLE loader LOGIN");
    let as_loader = staging.uri().replace("postgres@", "loader@");
    is_refused(&staging, &as_loader, &[], "the role may not create databases");
    staging.psql("ALTER ROLE loader CREATEDB");
    is_refused(&staging, &as_loader, &[], "the role does not own the target");
    let role = server.expected("nothing");
    staging.psql(&format!("ALTER DATABASE {} OWNER TO loader", staging.name));
    run(&as_loader, &["--no-owner"]).succeeds();
    drop(role);
}

#[test]
fn extensions_that_the_server_lacks_are_refused_by_name() {
    let staging = Server::newest().database();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("with.sql");
    let shop = fs::read_to_string(fixture("shop/shop.sql")).expect("the fixture is there");
    let (before, after) = shop.split_once("CREATE SCHEMA").expect("the shop has a schema");
    let text = format!(
        "{before}CREATE EXTENSION IF NOT EXISTS not_there WITH SCHEMA public;\n\nCREATE SCHEMA{after}"
    );
    fs::write(&dump, text).expect("the folder is ours");
    let before = databases(&staging);
    let run = Snapshot::shop().from(&dump).keep_all().to(&staging.uri()).run();
    run.ends_with(2).says("`not_there`");
    assert_eq!(databases(&staging), before);
}

#[test]
fn two_runs_on_one_target_are_kept_apart() {
    let server = Server::newest();
    let staging = server.database_named("locked");
    let sql = "SELECT pg_advisory_lock(hashtextextended('mask:locked', 4711)); SELECT pg_sleep(20)";
    let mut other =
        staging.tool("psql").env("PGDATABASE", "postgres").args(["-Xqc", sql]).spawn().expect("it starts");
    let is_held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%mask:locked%' AND pid <> pg_backend_pid())";
    while staging.psql(is_held) == "0\n" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let before = databases(&staging);
    run(&staging.uri(), &[]).ends_with(1).says("another run of `mask` is writing this target");
    assert_eq!(databases(&staging), before);
    other.kill().expect("it is ours");
    other.wait().expect("it is ours");
}

#[test]
fn owners_and_privileges_that_the_server_lacks_are_named() {
    let server = Server::newest();
    let staging = server.expected("owned");
    let source = server.database();
    source.psql(
        "CREATE ROLE gone_owner; CREATE ROLE gone_reader; CREATE TABLE t (id integer); ALTER TABLE t OWNER TO gone_owner;
         GRANT SELECT ON t TO gone_reader, PUBLIC; CREATE POLICY p ON t TO gone_reader USING (true)",
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("owned.dump");
    source.pg_dump(&["-Fc", "-f", dump.to_str().expect("temporary folders have plain names")]);
    source.psql("DROP TABLE t; DROP ROLE gone_owner, gone_reader");
    let run = Snapshot::shop().from(&dump).keep_all().to(&staging.uri()).run();
    run.succeeds().says("`gone_owner`").says("`gone_reader`");
    assert_eq!(staging.psql("SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "postgres\n");
    assert_eq!(staging.psql("SELECT has_table_privilege('public', 't', 'SELECT')"), "t\n");
}
