//! Whole runs with a subset: a live database into a live one beside a refresh of all of it, and a custom archive into a
//! script beside `pg_restore -f /dev/null`.

use std::time::{Duration, Instant};

use crate::support::postgres::Server;
use crate::support::{Folder, from_env, measure, shop};

/// The shares that are taken of the live database, and what is promised of each: so much of the time of all of it.
const SHARES: [(&str, f64); 2] = [("10%", 0.3), ("1%", 0.1)];

/// What is promised of a tenth of an archive, in times of `pg_restore`.
const OF_PG_RESTORE: f64 = 2.2;

/// Measures the runs on the shop of `scale`, and tells them beside what is promised.
pub fn run(scale: f64) {
    let runs: usize = from_env("MASK_BENCH_RUNS").unwrap_or(3);
    let folder = Folder::new();
    let (source, target) = (Server::start(folder.path("source")), Server::start(folder.path("target")));
    shop::make(&source, &folder, scale);
    let live = |subset: &[&str]| {
        target.psql("postgres", &["-c", "DROP DATABASE IF EXISTS staging"]);
        [&source, &target].into_iter().for_each(|server| server.psql("postgres", &["-c", "CHECKPOINT"]));
        let mut command = shop::mask(&folder, &source, &source.uri("shop"), &target.uri("staging"));
        measure(command.args(subset)).elapsed
    };
    let mut times: [Vec<Duration>; 1 + SHARES.len()] = Default::default();
    for run in 0..=runs {
        let all = std::iter::once(live(&[]));
        let shares = SHARES.map(|(share, _)| live(&["--subset", share]));
        // The first of each finds cold caches.
        if run > 0 {
            all.chain(shares).zip(&mut times).for_each(|(time, times)| times.push(time));
        }
    }
    let [whole, shares @ ..] = times.map(median);
    println!("live to live, all of it {:>31.2} s", whole.as_secs_f64());
    for ((share, promised), time) in SHARES.into_iter().zip(shares) {
        println!(
            "live to live, {share:>4} {:>36.2} s   {:.3} x, promised {promised}",
            time.as_secs_f64(),
            time.as_secs_f64() / whole.as_secs_f64()
        );
    }
    let archive = folder.path("shop.dump");
    let archive = archive.to_str().expect("temporary folders have plain names");
    source.run("pg_dump", &["-Fc", "-f", archive, "shop"]);
    let restore = || {
        let start = Instant::now();
        source.run("pg_restore", &["-f", "/dev/null", archive]);
        start.elapsed()
    };
    let restored = median((0..runs).map(|_| restore()).collect());
    let command = || {
        let mut command = shop::mask(&folder, &source, archive, "-");
        command.args(["--subset", "10%"]);
        measure(&mut command).elapsed
    };
    let time = median((0..runs).map(|_| command()).collect());
    println!("pg_restore -f /dev/null {:>31.2} s", restored.as_secs_f64());
    println!(
        "archive to script, 10% {:>32.2} s   {:.3} x, promised {OF_PG_RESTORE}",
        time.as_secs_f64(),
        time.as_secs_f64() / restored.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
