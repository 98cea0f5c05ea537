//! Damaged and hostile snapshots: an error with its place or the right rows, never a panic, a hang or a half target.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Run, Snapshot, fixture};

/// Inputs that are read as if they were whole, since nothing of the data is lost: as pg_restore does.
const ARE_READ: &[&str] = &["custom-padded.dump"];

/// Every broken input.
fn inputs() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("broken")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !["README.md", "make.py", "whole.sql"].contains(&name(path)));
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names of fixtures are UTF-8")
}

fn read(path: &Path) -> Run {
    Snapshot::shop().from(path).keep_all().to("staging.sql").run()
}

/// Checks that a run ended well, or with an error and without a target.
#[track_caller]
fn assert_orderly(run: &Run, what: &str) {
    assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
    match run.status.code() {
        Some(0) => assert!(run.output().exists(), "{what}: a success without a target"),
        Some(1 | 2) => {
            assert!(run.stderr.lines().any(|line| line.starts_with("error: ")), "{what}: {}", run.stderr);
            run.leaves_nothing();
        }
        code => panic!("{what}: exit code {code:?}\n{}", run.stderr),
    }
}

#[test]
fn every_broken_input_is_refused_with_its_place() {
    for path in inputs().iter().filter(|path| !ARE_READ.contains(&name(path))) {
        let run = read(path);
        assert_orderly(&run, name(path));
        assert_ne!(run.status.code(), Some(0), "{} is read", name(path));
        assert!(run.stderr.contains("\n  at: "), "{}: no place in\n{}", name(path), run.stderr);
    }
}

#[test]
fn an_input_with_a_harmless_fault_is_read_whole() {
    for path in inputs().iter().filter(|path| ARE_READ.contains(&name(path))) {
        let run = read(path);
        run.succeeds();
        let script = fs::read_to_string(run.output()).unwrap();
        assert_eq!(
            script.lines().filter(|line| line.contains("gadget number")).count(),
            12,
            "{}",
            name(path)
        );
    }
}

#[test]
fn a_psql_command_in_a_snapshot_is_never_run() {
    let run = read(&fixture("broken/sql-shell.sql"));
    assert!(!run.work().join("escaped").exists());
}

#[test]
fn a_length_that_is_huge_takes_no_memory() {
    for path in inputs().iter().filter(|path| name(path).contains("huge") || name(path).contains("toc-count"))
    {
        let run = Snapshot::shop().from(path).keep_all().to("staging.sql").within_kilobytes(600_000).run();
        assert_orderly(&run, name(path));
    }
}
