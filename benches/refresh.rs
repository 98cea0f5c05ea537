//! A refresh of a live database from a live database, beside `pg_dump` and `pg_restore` of the same, unmasked.
//!
//! `cargo bench --bench refresh`. `MASK_BENCH_SCALE` is the size (default 0.1; 1 is 16.5 million rows, 2.3 GB),
//! `MASK_BENCH_RUNS` how often each is measured (default 3), `MASK_BENCH_FROM` what is read: `live` (default) or `dir`,
//! a directory dump, to see the target alone. PostgreSQL's programs are looked for in `PG_BIN`, in Debian's folders and on
//! `PATH`. Both servers are throwaway ones with PostgreSQL's default settings.

mod support;

use std::time::{Duration, Instant};

use support::postgres::Server;
use support::{Folder, from_env, measure, shop};

/// What is promised of the memory of a run, in bytes.
const PEAK_BYTES: u64 = 256 << 20;

fn main() {
    let scale: f64 = from_env("MASK_BENCH_SCALE").unwrap_or(0.1);
    let runs: usize = from_env("MASK_BENCH_RUNS").unwrap_or(3);
    let is_file = std::env::var("MASK_BENCH_FROM").is_ok_and(|from| from == "dir");
    let folder = Folder::new();
    let (source, target) = (Server::start(folder.path("source")), Server::start(folder.path("target")));
    shop::make(&source, &folder, scale);
    let (mut baseline, mut refresh, mut peak_bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..=runs {
        let (dump, restore) = dump_and_restore(&source, &target, &folder);
        let from = if is_file { "dump".to_string() } else { source.uri("shop") };
        [&source, &target].into_iter().for_each(|server| server.psql("postgres", &["-c", "CHECKPOINT"]));
        let measured = measure(&mut shop::mask(&folder, &source, &from, &target.uri("staging")));
        peak_bytes = peak_bytes.max(measured.peak_bytes);
        let (before, after) = ((dump + restore).as_secs_f64(), measured.elapsed.as_secs_f64());
        println!(
            "pg_dump {:>6.2} s + pg_restore {:>6.2} s = {before:>6.2} s   mask {after:>6.2} s   {:>5.3} x   {} MiB",
            dump.as_secs_f64(),
            restore.as_secs_f64(),
            after / before,
            measured.peak_bytes >> 20,
        );
        // The first of each finds cold caches.
        if run > 0 {
            baseline.push(before);
            refresh.push(after);
        }
    }
    let (before, after) = (median(&mut baseline), median(&mut refresh));
    println!(
        "median: pg_dump + pg_restore {before:.2} s, mask {after:.2} s: {:.3} x, peak {} MiB",
        after / before,
        peak_bytes >> 20
    );
    assert!(peak_bytes <= PEAK_BYTES, "more memory than is promised");
}

/// `pg_dump -Fd -j2 -Z0` and `pg_restore -j2`, into a database that is made for it and dropped after.
fn dump_and_restore(source: &Server, target: &Server, folder: &Folder) -> (Duration, Duration) {
    let dump = folder.path("dump");
    let _ = std::fs::remove_dir_all(&dump);
    let dump = dump.to_str().expect("temporary folders have plain names");
    let start = Instant::now();
    source.run("pg_dump", &["-Fd", "-j2", "-Z0", "-f", dump, "shop"]);
    let dumped = start.elapsed();
    target.psql("postgres", &["-c", "DROP DATABASE IF EXISTS restored"]);
    target.psql("postgres", &["-c", "CHECKPOINT"]);
    let start = Instant::now();
    target.psql("postgres", &["-c", "CREATE DATABASE restored TEMPLATE template0"]);
    target.run("pg_restore", &["-j2", "-d", "restored", dump]);
    let restored = start.elapsed();
    for database in ["restored", "staging"] {
        target.psql("postgres", &["-c", &format!("DROP DATABASE IF EXISTS {database}")]);
    }
    (dumped, restored)
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
