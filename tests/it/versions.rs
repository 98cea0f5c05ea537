//! Dumps of the shop that each installed version of pg_dump takes live, in every form that it has: the same rows come
//! of each, and what is written loads with the programs of the same version.
//!
//! Every form is read once, and two forms are written to every target; `MASK_TEST_FULL=1` makes it all of both.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Snapshot, assert_same_rows, fixture, loaded};

const TARGETS: &[&str] = &["parquet:staging", "staging.sql", "staging.dump", "dir:staging.dir"];

/// What every version can write: the arguments for pg_dump, and the name of the file.
const FORMS: &[(&str, &str)] = &[
    ("-Fc", "custom.dump"),
    ("-Fc -Z0", "none.dump"),
    ("-Fc -Z9", "gzip-9.dump"),
    ("-Fd", "directory.dir"),
    ("-Fd -Z0", "none.dir"),
    ("-Fd -j2", "parallel.dir"),
    ("-Ft", "tar.tar"),
    ("-Fp", "plain.sql"),
    ("-Fp -Z5", "plain.sql.gz"),
    ("--inserts", "inserts.sql"),
    ("--rows-per-insert=50", "rows-per-insert.sql"),
    ("--column-inserts", "column-inserts.sql"),
    ("--column-inserts --rows-per-insert=7 --on-conflict-do-nothing", "on-conflict.sql"),
    ("--create --clean --if-exists", "create-clean.sql"),
    ("-Fc --load-via-partition-root", "root.dump"),
    ("-Fc --disable-triggers --no-owner --no-privileges", "bare.dump"),
    ("--quote-all-identifiers --disable-dollar-quoting --no-comments", "quoted.sql"),
];

/// What versions from 16 on can write besides.
const FORMS_16: &[(&str, &str)] = &[
    ("-Fc -Z gzip:1", "gzip.dump"),
    ("-Fc -Z lz4", "lz4.dump"),
    ("-Fc -Z zstd:3", "zstd.dump"),
    ("-Fd -Z none", "none-16.dir"),
    ("-Fd -Z lz4", "lz4.dir"),
    ("-Fd -Z zstd", "zstd.dir"),
    ("-Fp -Z lz4", "plain.sql.lz4"),
    ("-Fp -Z zstd", "plain.sql.zst"),
];

/// What version 18 can write besides.
const FORMS_18: &[(&str, &str)] =
    &[("-Fc --statistics --sequence-data", "statistics.dump"), ("-Fp --statistics", "statistics.sql")];

/// The forms that are written to every target.
const WRITTEN: &[&str] = &["custom.dump", "plain.sql"];

/// Dumps of the shop in every form of one version.
struct Dumps {
    server: &'static Server,
    shop: Database,
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Dumps {
    /// Loads the shop into the server of `major`, and takes no dump as yet; `None` where it is not installed.
    fn of(major: u32) -> Option<Dumps> {
        let server = Server::of(major)?;
        let shop = server.database_named("shop");
        shop.pg_restore(&fixture("shop/shop.dump"), 1);
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Dumps { server, shop, folder, files: Vec::new() })
    }

    /// Takes the dumps.
    fn take(mut self) -> Dumps {
        let more_16 = if self.server.major >= 16 { FORMS_16 } else { &[] };
        let more_18 = if self.server.major >= 18 { FORMS_18 } else { &[] };
        for (arguments, name) in FORMS.iter().chain(more_16).chain(more_18) {
            let file = self.folder.path().join(name);
            let path = file.to_str().expect("temporary folders have plain names");
            let arguments: Vec<&str> = arguments.split(' ').chain(["-f", path]).collect();
            self.shop.pg_dump(&arguments);
            self.files.push(file);
        }
        // A pipe cannot be sought in, so that an archive has no offsets.
        let (pipe, all) = (self.shop.pg_dump(&["-Fc"]), self.shop.pg_dumpall());
        self.add("pipe.dump", &pipe);
        self.add("dumpall.sql", &all);
        self
    }

    fn add(&mut self, name: &str, content: &[u8]) {
        let file = self.folder.path().join(name);
        fs::write(&file, content).expect("the folder is ours");
        self.files.push(file);
    }
}

/// The rows, those of a table's partitions merged, since a dump may load them through their root.
fn merged(rows: Rows) -> Rows {
    rows.merged("public.payments")
}

/// What `dump` becomes in `target`; an archive or a script is loaded with the programs of `server`.
fn masked(dump: &Path, target: &str, server: &'static Server) -> Rows {
    let run = Snapshot::shop().from(dump).to(target).run();
    run.succeeds();
    let rows = match target.starts_with("parquet:") {
        true => Rows::of_parquet(&run.output()),
        false => Rows::of_database(&loaded(&run.output(), server)),
    };
    merged(rows)
}

fn every_form_gives_the_same_rows(major: u32) {
    let Some(dumps) = Dumps::of(major).map(Dumps::take) else { return };
    let reference = merged(Snapshot::shop().to_parquet().run().rows());
    let full = env::var_os("MASK_TEST_FULL").is_some();
    for dump in &dumps.files {
        let name = dump.file_name().and_then(|name| name.to_str()).expect("we named it");
        let targets = if full || WRITTEN.contains(&name) { TARGETS } else { &TARGETS[..1] };
        for target in targets {
            let what = format!("{name} of {major} to {target}");
            assert_same_rows(&reference, &masked(dump, target, dumps.server), &what);
        }
    }
}

#[test]
fn every_form_of_pg_dump_14_gives_the_same_rows() {
    every_form_gives_the_same_rows(14);
}

#[test]
fn every_form_of_pg_dump_15_gives_the_same_rows() {
    every_form_gives_the_same_rows(15);
}

#[test]
fn every_form_of_pg_dump_16_gives_the_same_rows() {
    every_form_gives_the_same_rows(16);
}

#[test]
fn every_form_of_pg_dump_17_gives_the_same_rows() {
    every_form_gives_the_same_rows(17);
}

#[test]
fn every_form_of_pg_dump_18_gives_the_same_rows() {
    every_form_gives_the_same_rows(18);
}
