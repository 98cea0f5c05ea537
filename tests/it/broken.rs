//! Damaged and hostile snapshots: an error with its place or the right rows, never a panic, a hang or a half target.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Run, Snapshot, fixture};

/// Inputs that may be read as if they were whole, since nothing of the data is lost.
const MAY_BE_READ: &[&str] = &[
    "sql-table-twice.sql",
    "custom-count-negative.dump",
    "custom-padded.dump",
    "custom-unknown-table.dump",
    "gz-followed.sql.gz",
    "inserts-unknown-table.sql",
    "lz4-checksum.sql.lz4",
    "sql-shell.sql",
    "sql-two-ends.sql",
    "sql-unknown-table.sql",
    "tar-checksum.tar",
];

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
    for path in inputs().iter().filter(|path| !MAY_BE_READ.contains(&name(path))) {
        let run = read(path);
        assert_orderly(&run, name(path));
        assert_ne!(run.status.code(), Some(0), "{} is read", name(path));
        assert!(run.stderr.contains("\n  at: "), "{}: no place in\n{}", name(path), run.stderr);
    }
}

#[test]
fn an_input_with_a_harmless_fault_is_read_or_refused() {
    for path in inputs().iter().filter(|path| MAY_BE_READ.contains(&name(path))) {
        assert_orderly(&read(path), name(path));
    }
}

#[test]
fn a_psql_command_in_a_snapshot_is_never_run() {
    let run = read(&fixture("broken/sql-shell.sql"));
    assert!(!run.work().join("escaped").exists());
}

#[test]
fn cut_and_flipped_inputs_are_refused_or_read_without_a_panic() {
    // `MASK_TEST_DAMAGES=200` for a long run.
    let damages = env::var("MASK_TEST_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(3);
    let mut random = Random(0x5eed);
    let folder = tempfile::tempdir().unwrap();
    for path in inputs().iter().filter(|path| path.is_file() && path.metadata().unwrap().len() > 0) {
        let whole = fs::read(path).unwrap();
        let damaged = folder.path().join(name(path));
        for number in 0..damages {
            fs::write(&damaged, &whole[..random.below(whole.len())]).unwrap();
            assert_orderly(&read(&damaged), &format!("{}, cut {number}", name(path)));

            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
            fs::write(&damaged, bytes).unwrap();
            assert_orderly(&read(&damaged), &format!("{}, flip {number}", name(path)));
        }
    }
}

/// SplitMix64: the same places on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound as u64) as usize
    }
}
