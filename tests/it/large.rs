//! A single value of 500 MB passes from every form to every other one. Slow, so only with `MASK_TEST_LARGE=1`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::support::{Run, Snapshot};

/// What is repeated in the value: with an escape, so that it is not only passed on.
const PIECE: &str = "a large value, in lines of this length\\n";

const VALUE_BYTES: usize = (500 << 20) / PIECE.len() * PIECE.len();

/// The address space that the program may take, in KiB. A block is in memory twice as text, three times while it grows;
/// Parquet needs the value without its escapes, its pages, and what they compress to.
const SCRIPT_KILOBYTES: u64 = 3 << 20;
const PARQUET_KILOBYTES: u64 = 6 << 20;

#[test]
fn a_value_of_500_megabytes_passes() {
    if std::env::var_os("MASK_TEST_LARGE").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("large.sql");
    write_script(&script);
    let gzipped = Command::new("gzip").args(["-1", "-k"]).arg(&script).status().unwrap();
    assert!(gzipped.success());
    let archive = folder.path().join("large.dump");
    let run = passed(&script, "staging.dump", SCRIPT_KILOBYTES);
    fs::rename(run.output(), &archive).unwrap();

    for from in [script, folder.path().join("large.sql.gz"), archive] {
        assert_eq!(value_bytes(&passed(&from, "staging.sql", SCRIPT_KILOBYTES).output()), VALUE_BYTES);
        let rows = passed(&from, "parquet:staging", PARQUET_KILOBYTES).rows();
        let values = rows.column("public.large", "body");
        let unescaped = VALUE_BYTES / PIECE.len() * (PIECE.len() - 1);
        assert_eq!(values.iter().flatten().map(|value| value.len()).max(), Some(unescaped));
        passed(&from, "staging.dump", SCRIPT_KILOBYTES);
    }
}

fn passed(from: &Path, to: &str, kilobytes: u64) -> Run {
    let run = Snapshot::shop().from(from).keep_all().to(to).within_kilobytes(kilobytes).run();
    run.succeeds();
    run
}

fn write_script(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(
        b"SET client_encoding = 'UTF8';\nCREATE TABLE public.large (\n    id integer,\n    body text\n);\n",
    )
    .unwrap();
    file.write_all(b"COPY public.large (id, body) FROM stdin;\n1\tsmall\n2\t").unwrap();
    for _ in 0..VALUE_BYTES / PIECE.len() {
        file.write_all(PIECE.as_bytes()).unwrap();
    }
    file.write_all(b"\n3\t\\N\n\\.\n").unwrap();
    file.flush().unwrap();
}

/// The length of the largest value in the script, as it is written.
fn value_bytes(script: &Path) -> usize {
    let lines = BufReader::new(File::open(script).unwrap()).split(b'\n');
    let longest = lines.map(|line| line.unwrap().len()).max().unwrap();
    longest - "2\t".len()
}
