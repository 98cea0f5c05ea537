//! Snapshot to staging: MB/s and rows/s for pairs of formats, beside tools that a user knows.
//!
//! `cargo bench --bench end_to_end`; `MASK_BENCH_MIB` is the size of the plain dump (default 500). `pg_restore` is
//! looked for on PATH and in `PG_BIN`; without it its line is left out.

mod support;

use std::fs::File;
use std::process::Command;

use support::{Folder, Run, Written, median, size_from_env, write_dump};

const RUNS: usize = 3;

fn main() {
    let folder = Folder::new();
    let written =
        write_dump(&folder.path("shop.sql"), size_from_env("MASK_BENCH_MIB", 500)).expect("it is written");
    // An archive is compressed as what it is made from: gzip, as pg_dump does by default.
    for (from, to) in
        [("shop.sql", "shop.sql.gz"), ("shop.sql.gz", "shop.dump"), ("shop.sql.gz", "dir:shop.dir")]
    {
        support::measure(&mut folder.mask(from, to));
    }
    println!("{} MiB of plain dump, {} rows, median of {RUNS}", written.bytes >> 20, written.rows);
    let cat = line("cat shop.sql", written, None, &median(RUNS, || cat(&folder)));
    let restore = pg_restore().map(|tool| {
        let run = median(RUNS, || {
            let mut command = Command::new(&tool);
            command.current_dir(folder.path("")).args(["-f", "/dev/null", "shop.dump"]);
            command
        });
        line("pg_restore -f /dev/null shop.dump", written, None, &run)
    });
    for (from, base) in [("shop.sql", Some(cat)), ("shop.dump", restore), ("shop.dir", restore)] {
        for to in ["out.sql", "out.dump", "dir:out", "parquet:lake"] {
            let run = median(RUNS, || folder.mask(from, to));
            line(&format!("mask {from} -> {to}"), written, base, &run);
        }
    }
}

/// Prints a line and returns the seconds.
fn line(name: &str, written: Written, base: Option<f64>, run: &Run) -> f64 {
    let seconds = run.elapsed.as_secs_f64();
    let ratio = base.map_or(String::new(), |base| format!("{:>7.2} x", seconds / base));
    println!(
        "{name:<36} {seconds:>8.2} s {:>8.0} MB/s {:>8.2} M rows/s {:>6} MiB {ratio}",
        written.bytes as f64 / seconds / 1e6,
        written.rows as f64 / seconds / 1e6,
        run.peak_bytes >> 20,
    );
    seconds
}

fn cat(folder: &Folder) -> Command {
    let mut command = Command::new("cat");
    command.arg(folder.path("shop.sql"));
    command
}

fn pg_restore() -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PG_BIN").into_iter().chain(std::env::var_os("PATH"));
    let folders: Vec<_> =
        folders.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>()).collect();
    let tools = folders.into_iter().map(|folder| folder.join("pg_restore"));
    tools.into_iter().find(|tool| File::open(tool).is_ok())
}
