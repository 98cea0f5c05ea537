//! Public sample databases, Pagila and Chinook: from every format of theirs to every target that a server loads.
//!
//! They are not part of this repository: `MASK_SAMPLE_DATA` names their folder, else it is sought beside the checkout.

use std::env;
use std::fs;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::postgres::{Database, Server};
use crate::support::{Action, Rows, Run, Snapshot, assert_same_rows, loaded};

const TARGETS: &[&str] = &["staging.sql", "staging.dump", "dir:staging.dir"];

/// Of the masked values of a column, at most one in so many may by chance be what it was: an invented city may well
/// have the name of a real one.
const CHANCE: usize = 50;

/// A sample database.
pub struct Sample {
    name: &'static str,
    folder: PathBuf,
    facts: Value,
}

impl Sample {
    /// The sample `name`; says so and gives `None` where it is not to be found.
    pub fn of(name: &'static str) -> Option<Sample> {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
        let folder = env::var_os("MASK_SAMPLE_DATA").map_or_else(beside, PathBuf::from).join(name);
        let Ok(facts) = fs::read(folder.join(format!("{name}.facts.json"))) else {
            let _ = writeln!(stderr(), "skipped: {} is not there; see MASK_SAMPLE_DATA", folder.display());
            return None;
        };
        Some(Sample { name, folder, facts: serde_json::from_slice(&facts).expect("the facts are JSON") })
    }

    /// Its dumps, in every format that there is of it.
    pub fn dumps(&self) -> Vec<PathBuf> {
        let names = ["dump", "sql.gz", "dir", "tar"].map(|format| format!("{}.{format}", self.name));
        names.iter().map(|name| self.folder.join(name)).filter(|dump| dump.exists()).collect()
    }

    /// The sample as it is, on `server`.
    fn source(&self, server: &'static Server) -> Database {
        loaded(&self.dumps()[0], server)
    }

    /// A run on `dump` by the rules for this sample.
    pub fn snapshot(&self, dump: &Path) -> Snapshot {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/samples");
        Snapshot::shop().from(dump).rules(rules.join(format!("{}.toml", self.name)))
    }

    /// The masked sample.
    fn masked(&self, dump: &Path, target: &str) -> Run {
        let run = self.snapshot(dump).to(target).report().run();
        run.succeeds();
        run
    }

    #[track_caller]
    fn assert_all_rows_are_there(&self, rows: &Rows, what: &str) {
        for (table, facts) in self.facts["tables"].as_object().expect("facts have tables") {
            if facts["kind"] == "table" {
                assert_eq!(rows.0[table].len() as u64, facts["rows"], "{what}: rows of {table}");
            }
        }
    }
}

/// Checks row by row that what is kept is as it was, and that what is masked is not.
#[track_caller]
fn assert_masked_as_said(source: &Rows, staging: &Rows, actions: &[Action], what: &str) {
    for Action { table, column, is_masked, .. } in actions {
        let rows = || source.0[table].iter().zip(&staging.0[table]);
        let pairs = || rows().map(|(before, after)| (&before[column], &after[column]));
        if !is_masked {
            let changed = pairs().filter(|(before, after)| before != after).count();
            assert_eq!(changed, 0, "{what}: values of `{table}.{column}` that changed");
        } else {
            let has_text = |value: &Option<String>| value.as_ref().is_some_and(|text| !text.is_empty());
            let values = pairs().filter(|(before, _)| has_text(before)).count();
            let same = pairs().filter(|(before, after)| has_text(before) && before == after).count();
            assert!(
                same <= values / CHANCE,
                "{what}: {same} of {values} values of `{table}.{column}` are left"
            );
        }
    }
}

/// The DDL of a database, without the random word that each dump has.
fn schema(database: &Database) -> String {
    let text = String::from_utf8(database.pg_dump(&["--schema-only"])).expect("Postgres writes UTF-8");
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

fn every_dump_is_masked_into_every_target(name: &'static str) {
    let Some(sample) = Sample::of(name) else { return };
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let source = sample.source(server);
        let (rows, ddl) = (Rows::as_loaded(&source), schema(&source));
        for dump in sample.dumps() {
            for target in TARGETS {
                let what = format!("{} to {target} into {}", dump.display(), server.major);
                let run = sample.masked(&dump, target);
                let staging = loaded(&run.output(), server);
                let masked = Rows::as_loaded(&staging);
                sample.assert_all_rows_are_there(&masked, &what);
                assert_masked_as_said(&rows, &masked, &run.actions(), &what);
                assert_eq!(schema(&staging), ddl, "{what}");
                let not_valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
                assert_eq!(staging.psql(not_valid), "0\n", "{what}");
            }
        }
    }
}

#[test]
fn pagila_is_masked_from_every_dump_into_every_target() {
    every_dump_is_masked_into_every_target("pagila");
}

#[test]
fn chinook_is_masked_from_every_dump_into_every_target() {
    every_dump_is_masked_into_every_target("chinook");
}

#[test]
fn every_dump_of_a_sample_becomes_the_same_parquet() {
    for sample in ["pagila", "chinook"].into_iter().filter_map(Sample::of) {
        let parquet = |dump: &Path| sample.masked(dump, "parquet:staging").rows();
        let dumps = sample.dumps();
        let reference = parquet(&dumps[0]);
        sample.assert_all_rows_are_there(&reference, sample.name);
        for dump in &dumps[1..] {
            assert_same_rows(&reference, &parquet(dump), &dump.display().to_string());
        }
    }
}

#[test]
fn the_bytes_of_pagila_do_not_depend_on_the_number_of_threads() {
    let Some(sample) = Sample::of("pagila") else { return };
    for target in ["parquet:staging", "staging.sql", "staging.dump", "dir:staging.dir"] {
        let files = |jobs| {
            let run = sample.snapshot(&sample.dumps()[0]).to(target).jobs(jobs).run();
            run.succeeds();
            run.files()
        };
        let one = files(1);
        assert!(!one.is_empty(), "{target}");
        // Not assert_eq!, which would print them.
        assert!(one == files(2), "{target}, 2 jobs");
        assert!(one == files(8), "{target}, 8 jobs");
        assert!(one == files(8), "{target}, 8 jobs again");
    }
}

#[test]
fn the_rules_decide_on_every_personal_column_of_a_sample() {
    for sample in ["pagila", "chinook"].into_iter().filter_map(Sample::of) {
        let actions = sample.masked(&sample.dumps()[0], "staging.sql").actions();
        for personal in sample.facts["pii"].as_object().expect("facts say what is personal").keys() {
            let action = actions.iter().find(|of| *personal == format!("{}.{}", of.table, of.column));
            assert!(action.is_some_and(|of| of.action != "keep"), "`{personal}` of {}", sample.name);
        }
    }
}

#[test]
fn the_pack_of_personal_data_covers_a_sample_and_what_it_makes_loads() {
    for sample in ["pagila", "chinook"].into_iter().filter_map(Sample::of) {
        let snapshot = Snapshot::shop().from(&sample.dumps()[0]).keep_all();
        let run = snapshot.argument("--rules").argument("pack:pii").to("staging.dump").report().run();
        run.succeeds();
        let actions = run.actions();
        for personal in sample.facts["pii"].as_object().expect("facts say what is personal").keys() {
            let action = actions.iter().find(|of| *personal == format!("{}.{}", of.table, of.column));
            assert!(action.is_some_and(|of| of.action != "keep"), "`{personal}` of {}", sample.name);
        }
        for server in [15, 18].into_iter().filter_map(Server::of) {
            let staging = loaded(&run.output(), server);
            sample.assert_all_rows_are_there(&Rows::as_loaded(&staging), sample.name);
            let not_valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
            assert_eq!(staging.psql(not_valid), "0\n", "{}", sample.name);
            for (table, column) in named_after_people(sample.name) {
                let of_another = staging.psql(&format!(
                    "SELECT count(*) FROM {table} WHERE {column} NOT LIKE concat('%', left({FIRST}, 3), '%') \
                     AND {column} NOT LIKE concat(left({FIRST}, 1), '%')"
                ));
                assert_eq!(of_another, "0\n", "{table}.{column}");
            }
        }
    }
}

/// The letters of a first name that addresses and user names are made of.
const FIRST: &str = "regexp_replace(lower(first_name), '[^a-z]', '', 'g')";

/// Columns that hold the name of the person whose first name is in the same row.
fn named_after_people(sample: &str) -> &'static [(&'static str, &'static str)] {
    match sample {
        "pagila" => &[("customer", "email"), ("staff", "email"), ("staff", "username")],
        _ => &[("customer", "email"), ("employee", "email")],
    }
}
