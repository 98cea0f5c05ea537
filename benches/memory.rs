//! Peak memory on a plain dump and on one ten times its size: flat.
//!
//! `cargo bench --bench memory`; `MASK_BENCH_MIB` is the size of the larger dump (default 2,000).

mod support;

use support::{Folder, measure, size_from_env, write_dump};

const TARGETS: [(&str, &str); 4] =
    [("plain", "out.sql"), ("custom", "out.dump"), ("directory", "dir:out"), ("parquet", "parquet:lake")];

fn main() {
    let folder = Folder::new();
    let large = size_from_env("MASK_BENCH_MIB", 2_000);
    let small = write_dump(&folder.path("small.sql"), large / 10).expect("the dump can be written");
    let large = write_dump(&folder.path("large.sql"), large).expect("the dump can be written");
    println!(
        "peak memory in MiB: a plain dump of {} MiB and one of {} MiB",
        small.bytes >> 20,
        large.bytes >> 20
    );
    println!("{:<12} {:>8} {:>8} {:>8}", "target", "small", "large", "ratio");
    for (name, to) in TARGETS {
        let peak = |from: &str| measure(&mut folder.mask(from, to)).peak_bytes as f64 / (1 << 20) as f64;
        let (small, large) = (peak("small.sql"), peak("large.sql"));
        println!("{name:<12} {small:>8.0} {large:>8.0} {:>8.2}", large / small);
    }
}
