//! A database that is hard to carry over: what is written of it is, restored, the same database.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Run, Snapshot, assert_same_rows, fixture};

/// The forms of a dump: arguments for pg_dump, the name of the file, and the targets that it is written to.
const FORMS: &[(&str, &str, &[&str])] = &[
    ("-Fc", "custom.dump", &["staging.sql", "staging.dump", "dir:staging.dir"]),
    ("-Fd", "directory.dir", &["staging.sql"]),
    ("-Ft", "tar.tar", &["staging.dump"]),
    ("-Fp", "plain.sql", &["staging.sql", "staging.dump", "dir:staging.dir"]),
    ("-Fp --inserts", "inserts.sql", &["dir:staging.dir"]),
    ("-Fp --create --clean --if-exists --quote-all-identifiers", "quoted.sql", &["staging.dump"]),
];

/// As many as find an entry that does not say what must come before it.
const JOBS: u32 = 3;

/// The database on `server`, and a folder for its dumps.
fn nasty(server: &'static Server) -> (Database, TempDir) {
    let database = server.database();
    database.psql_file(&fixture("nasty/schema.sql"));
    if server.major >= 18 {
        database.psql_file(&fixture("nasty/schema-18.sql"));
    }
    (database, tempfile::tempdir().expect("a temporary folder"))
}

fn dump(database: &Database, arguments: &str, file: &Path) -> PathBuf {
    let path = file.to_str().expect("temporary folders have plain names");
    database.pg_dump(&arguments.split(' ').chain(["-f", path]).collect::<Vec<_>>());
    file.to_path_buf()
}

fn masked(dump: &Path, large_objects: &str, target: &str) -> Run {
    let rules = format!("version = 1\n[large_objects]\naction = \"{large_objects}\"\n");
    let run = Snapshot::shop().from(dump).rules_text(&rules).keep_all().to(target).run();
    run.succeeds();
    run
}

fn restored(path: &Path, server: &'static Server) -> Database {
    let database = server.database();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("sql") => database.psql_file(path),
        _ => database.pg_restore(path, JOBS),
    };
    database
}

/// The DDL of a database with its large objects, without the random word that each dump has.
fn schema(database: &Database) -> String {
    let text = String::from_utf8(database.pg_dump(&["--schema-only", "-b"]));
    let text = text.expect("Postgres writes UTF-8");
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

fn is_restored_as_it_was(major: u32) {
    let Some(server) = Server::of(major) else { return };
    let (source, folder) = nasty(server);
    // Restored once, so that it is written as restored databases are; without what may not be carried over.
    let reference = restored(&dump(&source, "-Fc", &folder.path().join("reference.dump")), server);
    reference.psql("DROP USER MAPPING FOR PUBLIC SERVER \"odd server\"");
    let (rows, ddl) = (Rows::of_database(&reference), schema(&reference));
    for (arguments, name, targets) in FORMS {
        let dump = dump(&source, arguments, &folder.path().join(name));
        for target in *targets {
            let what = format!("{name} of {major} to {target}");
            let staging = restored(&masked(&dump, "keep", target).output(), server);
            assert_same_rows(&rows, &Rows::of_database(&staging), &what);
            assert_eq!(schema(&staging), ddl, "{what}");
        }
    }
}

#[test]
fn a_nasty_database_of_15_is_restored_as_it_was() {
    is_restored_as_it_was(15);
}

#[test]
fn a_nasty_database_of_18_is_restored_as_it_was() {
    is_restored_as_it_was(18);
}

#[test]
fn a_nasty_database_becomes_parquet() {
    let server = Server::newest();
    let (source, folder) = nasty(server);
    let dump = dump(&source, "-Fc", &folder.path().join("custom.dump"));
    let run = masked(&dump, "drop", "parquet:staging");
    assert_eq!(run.rows().counts(), Rows::of_database(&source).counts());
    let ddl = fs::read_to_string(run.output().join("schema.sql")).expect("it is beside the tables");
    let empty = server.database();
    empty.psql(&ddl);
}
