//! Snapshots cut at random places or with random bytes changed: an error with its place or the right rows.
//!
//! The runs are inside of this process, so that there can be many: `MASK_TEST_DAMAGES=200` for a long run. What the
//! right rows are depends on what a format can tell. A cut must lose no row in any. A changed byte must change none
//! where all of the file, or all of its rows, are under a checksum (gzip, zlib, frames of the LZ4 and Zstandard tools);
//! elsewhere it may well be in a value, which then is another one, but no row may be missing.

use std::env;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use pgmask::error::{Error, Kind};
use pgmask::key::MasterKey;
use pgmask::pg::restore::Include;
use pgmask::pipeline::{self, Settings};
use pgmask::plan::{Plan, Request, TableFilter};
use pgmask::report::Meter;
use pgmask::rules::RuleSet;
use pgmask::{source, target};
use rayon::prelude::*;
use tempfile::TempDir;

use crate::support::fixture;

/// A run on a damaged input, which is small, that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run gives: the rows as COPY text in the order of their text, whatever table they are of.
type Outcome = Result<Vec<String>, Vec<Error>>;

#[test]
fn a_damaged_input_gives_an_error_or_the_right_rows() {
    let damages = env::var("MASK_TEST_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    let faults: Vec<String> =
        inputs().par_iter().flat_map_iter(|input| Damaged::new(input).faults(damages)).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Every input of a size that allows to read it often: files and folders.
fn inputs() -> Vec<PathBuf> {
    let folders = ["broken", "archives", "carriers", "types"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(fixture(folder)).unwrap());
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let is_dump = |path: &PathBuf| {
        let name = name(path);
        let is_source = ["README.md", "make.py", "whole.sql", "carriers.sql", "rows.sql"].contains(&name);
        !is_source && !name.starts_with("schema")
    };
    paths.retain(is_dump);
    paths.sort();
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names of fixtures are UTF-8")
}

/// An input and a copy of it that is damaged again and again.
struct Damaged {
    input: PathBuf,
    folder: TempDir,
    /// The rows of the input as it is; `None` where it is refused.
    rows: Option<Vec<String>>,
    random: Random,
}

impl Damaged {
    fn new(input: &Path) -> Damaged {
        let seed = input
            .to_string_lossy()
            .bytes()
            .fold(0x5eed, |seed, byte| seed * 31 % 1_000_003 + u64::from(byte));
        Damaged {
            input: input.to_path_buf(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            rows: run_in_time(input, "out.sql").ok().and_then(Result::ok),
            random: Random(seed),
        }
    }

    /// Damages the input `damages` times in each way; what is wrong with the outcomes, a line each.
    fn faults(&mut self, damages: usize) -> Vec<String> {
        let files = files(&self.input);
        if files.is_empty() {
            return Vec::new();
        }
        let copy = self.folder.path().join(name(&self.input));
        let mut faults = Vec::new();
        for number in 0..damages {
            let file = &files[self.random.below(files.len())];
            let mut bytes = fs::read(file).expect("the fixture is there");
            let cut = self.random.below(bytes.len());
            self.write(&copy, file, &bytes[..cut]);
            let what = |fault| {
                format!("{}, {} cut at byte {cut} ({number}): {fault}", name(&self.input), name(file))
            };
            faults.extend(self.fault(&copy, true).map(what));

            let mut places = Vec::new();
            for _ in 0..=self.random.below(4) {
                let at = self.random.below(bytes.len());
                let byte = self.random.below(256) as u8;
                places.push(format!("{at} = {byte:#04x}"));
                bytes[at] = byte;
            }
            self.write(&copy, file, &bytes);
            let places = places.join(", ");
            let what =
                |fault| format!("{}, {} with {places} ({number}): {fault}", name(&self.input), name(file));
            faults.extend(self.fault(&copy, false).map(what));
        }
        faults
    }

    /// Makes `copy` the input with `bytes` in the place of its file `file`.
    fn write(&self, copy: &Path, file: &Path, bytes: &[u8]) {
        if !self.input.is_dir() {
            fs::write(copy, bytes).expect("the folder is ours");
            return;
        }
        fs::create_dir_all(copy).expect("the folder is ours");
        for other in files_of(&self.input) {
            fs::copy(&other, copy.join(name(&other))).expect("the folder is ours");
        }
        fs::write(copy.join(name(file)), bytes).expect("the folder is ours");
    }

    /// What is wrong with the outcome of the damaged input `copy`.
    fn fault(&self, copy: &Path, is_cut: bool) -> Option<String> {
        for to in ["out.sql", "parquet:out"] {
            match run_in_time(copy, to) {
                Err(fault) => return Some(format!("to {to}: {fault}")),
                Ok(Err(errors)) => {
                    let text = errors[0].to_string();
                    if text.contains("defect of `mask`") || text.contains("authors of mask") {
                        return Some(format!("to {to}: a thread panicked"));
                    }
                    if errors[0].kind() == Kind::Snapshot && !text.contains("\n  at: ") {
                        return Some(format!("to {to}: no place in: {text}"));
                    }
                }
                Ok(Ok(rows)) if to == "out.sql" => {
                    if let Some(fault) = self.wrong_rows(&rows, is_cut) {
                        return Some(fault);
                    }
                }
                Ok(Ok(_)) => {}
            }
        }
        None
    }

    fn wrong_rows(&self, rows: &[String], is_cut: bool) -> Option<String> {
        let right = self.rows.as_deref()?;
        if rows.len() != right.len() {
            return Some(format!("{} rows instead of {}", rows.len(), right.len()));
        }
        let must_be_same = is_cut || has_checksums(name(&self.input));
        (must_be_same && rows != right).then(|| "other rows".to_string())
    }
}

/// Whether all rows of the input are under a checksum; its name says how it is compressed.
fn has_checksums(name: &str) -> bool {
    let compressed =
        [".gz", ".lz4", ".zst", ".dump", ".dir", ".tar"].iter().any(|ending| name.ends_with(ending));
    // What pg_dump itself compresses in LZ4 or Zstandard has no checksum, nor has what it does not compress.
    let without = ["none-", "16-lz4", "18-zstd", "15.tar", "carriers-15.tar", "tar-"];
    compressed && !without.iter().any(|start| name.starts_with(start))
}

/// The files of an input that are not empty: itself, or those in its folder.
fn files(input: &Path) -> Vec<PathBuf> {
    let mut files = if input.is_dir() { files_of(input) } else { vec![input.to_path_buf()] };
    files.retain(|file| file.metadata().is_ok_and(|metadata| metadata.len() > 0));
    files
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the fixture is there").flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The outcome of a run; an error where it panics, hangs, or leaves something behind.
fn run_in_time(from: &Path, to: &'static str) -> Result<Outcome, String> {
    let from = from.to_path_buf();
    let (answer, outcome) = mpsc::channel();
    thread::spawn(move || {
        let _ = answer.send(catch_unwind(|| run(&from, to)));
    });
    match outcome.recv_timeout(LIMIT) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("panics".to_string()),
        Err(_) => Err(format!("no end after {LIMIT:?}")),
    }
}

fn run(from: &Path, to: &str) -> Result<Outcome, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scheme = if to.starts_with("parquet:") { "parquet:" } else { "" };
    let path = folder.path().join(&to[scheme.len()..]);
    let outcome = moved(&from.display().to_string(), &format!("{scheme}{}", path.display()));
    let left = fs::read_dir(folder.path()).expect("the folder is ours").count();
    match outcome {
        Err(_) if left > 0 => Err("fails and leaves something behind".to_string()),
        Err(errors) => Ok(Err(errors)),
        Ok(()) if left != 1 => Err("succeeds and leaves something else than a target".to_string()),
        Ok(()) if path.is_dir() => Ok(Ok(Vec::new())),
        Ok(()) => Ok(Ok(rows_of_script(&fs::read(path).expect("it was just written")))),
    }
}

/// Keeps every value; large objects too, so that their data is read.
static RULES: LazyLock<(TempDir, RuleSet)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rules.toml");
    let text = "version = 1\n[defaults]\nunlisted = \"keep\"\n[large_objects]\naction = \"keep\"\n";
    fs::write(&path, text).expect("the folder is ours");
    let rules = RuleSet::read(&[path]).expect("the rules are good");
    (folder, rules)
});

fn moved(from: &str, to: &str) -> Result<(), Vec<Error>> {
    let one = |error| vec![error];
    let key = MasterKey::from_bytes(vec![7; 32]).map_err(one)?;
    let source = source::open(from, &env::temp_dir()).map_err(one)?;
    let request = Request {
        dump: source.dump().clone(),
        data: source.data(),
        notes: source.notes(),
        rules: &RULES.1,
        key: &key,
        filter: TableFilter::default(),
        goes_live: false,
    };
    let plan = Arc::new(Plan::build(request)?);
    let place =
        target::Place { to, from, overwrite: false, include: Include::default(), live: None, source: None };
    let target = target::create(place, plan.clone()).map_err(one)?;
    let meter = Meter::new(&plan);
    pipeline::run(
        &plan,
        &*source,
        target,
        Settings { jobs: 2, memory_bytes: 64 << 20 },
        &meter,
        &AtomicBool::new(false),
    )
    .map(drop)
    .map_err(one)
}

/// The lines between each `COPY … FROM stdin;` and its `\.`, sorted.
fn rows_of_script(script: &[u8]) -> Vec<String> {
    let mut rows = Vec::new();
    let mut is_in_rows = false;
    for line in script.split(|byte| *byte == b'\n') {
        match is_in_rows {
            true if line == b"\\." => is_in_rows = false,
            true => rows.push(String::from_utf8_lossy(line).into_owned()),
            false => is_in_rows = line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;"),
        }
    }
    rows.sort();
    rows
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
