//! The same key gives the same bytes: on any number of threads, in any run, from any format.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::support::postgres::Server;
use crate::support::{Action, Rows, Run, Snapshot, loaded};

const TARGETS: &[&str] = &["parquet:staging", "staging.sql", "staging.dump", "dir:staging.dir"];

fn bytes(target: &str, jobs: u32) -> BTreeMap<PathBuf, Vec<u8>> {
    let run = Snapshot::shop().to(target).jobs(jobs).run();
    run.succeeds();
    run.files()
}

fn assert_same_files(left: &BTreeMap<PathBuf, Vec<u8>>, right: &BTreeMap<PathBuf, Vec<u8>>, what: &str) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{what}");
    for (path, bytes) in left {
        assert!(*bytes == right[path], "{what}: {} differs", path.display());
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    for target in TARGETS {
        let one = bytes(target, 1);
        assert!(!one.is_empty(), "{target}");
        for jobs in [2, 8] {
            assert_same_files(&one, &bytes(target, jobs), &format!("{target}, {jobs} jobs"));
        }
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    for target in TARGETS {
        assert_same_files(&bytes(target, 3), &bytes(target, 3), target);
    }
}

#[test]
fn a_script_and_an_archive_of_one_database_give_the_same_parquet() {
    let rows = |format| Snapshot::shop().format(format).to_parquet().run().files();
    let parquet = |format| {
        let mut files: BTreeMap<PathBuf, Vec<u8>> = rows(format);
        files.retain(|path, _| path.extension().is_some_and(|extension| extension == "parquet"));
        files
    };
    let custom = parquet("custom");
    assert!(!custom.is_empty());
    assert_same_files(&custom, &parquet("dir"), "dir");
    assert_same_files(&custom, &parquet("sql"), "sql");
}

#[test]
fn another_key_gives_other_values_and_keeps_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let other_key = folder.path().join("other.key");
    fs::write(&other_key, "b3RoZXIga2V5IG9mIHRoZSBzaG9wOiBubyBzZWNyZXQ=").unwrap();
    let one = Snapshot::shop().to_parquet().run().rows();
    let other = Snapshot::shop().key_file(&other_key).to_parquet().run();
    let other = other.succeeds().rows();

    let by_id = |rows: &Rows, column: &str| -> BTreeMap<String, Option<String>> {
        let customers = rows.0["public.customers"].iter();
        customers.map(|row| (row["id"].clone().expect("a key"), row[column].clone())).collect()
    };
    for column in ["email", "tax_number", "bank_account", "card_number", "loyalty_number", "external_id"] {
        let (one, other) = (by_id(&one, column), by_id(&other, column));
        let masked = one.iter().filter(|(_, value)| value.is_some());
        for (id, value) in masked {
            assert_ne!(*value, other[id], "`{column}` of customer {id}");
        }
    }
    assert_eq!(by_id(&one, "balance"), by_id(&other, "balance"));
}

/// What masks without the key.
const KEYLESS: &[&str] = &["null", "fixed", "redact"];

/// Of the values that a function draws from a list, one in so many may be drawn under both keys.
const CHANCE: usize = 50;

#[test]
fn another_key_gives_other_values_in_every_masked_column() {
    let folder = tempfile::tempdir().unwrap();
    let other_key = folder.path().join("other.key");
    fs::write(&other_key, "b3RoZXIga2V5IG9mIHRoZSBzaG9wOiBubyBzZWNyZXQ=").unwrap();
    let run = Snapshot::shop().to("staging.dump").report().run();
    let other = Snapshot::shop().key_file(&other_key).to("staging.dump").run();
    let loaded = |run: &Run| Rows::as_loaded(&loaded(&run.output(), Server::newest()));
    let (one, other) = (loaded(run.succeeds()), loaded(other.succeeds()));

    let actions = run.actions();
    let depends_on_key = |of: &&Action| of.is_masked && !KEYLESS.contains(&of.action.as_str());
    let masked: Vec<_> = actions.iter().filter(depends_on_key).collect();
    assert!(masked.len() > 20);
    for Action { table, column, .. } in masked {
        let name = table.replace('"', "");
        let pairs =
            || one.0[&name].iter().zip(&other.0[&name]).map(|rows| (&rows.0[column], &rows.1[column]));
        let values = pairs().filter(|(value, _)| value.is_some()).count();
        let same = pairs().filter(|(value, other)| value.is_some() && value == other).count();
        assert!(same <= values / CHANCE, "{table}.{column}: {same} of {values}");
    }
}

#[test]
fn a_person_has_one_new_identity_in_every_column() {
    let rows = Snapshot::shop().to_parquet().run().rows();
    let new_names: BTreeMap<_, _> = rows.0["public.customers"]
        .iter()
        .map(|row| {
            let name = format!("{} {}", text(&row["first_name"]), text(&row["last_name"]));
            (row["id"].clone(), name)
        })
        .collect();
    for order in rows.0["public.orders"].iter().filter(|order| order["ship_to_name"].is_some()) {
        assert_eq!(text(&order["ship_to_name"]), new_names[&order["customer_id"]]);
    }
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().expect("not NULL")
}
