//! What the benches share: a dump of any size with a fixed seed, its rules, and runs of the built binary.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod postgres;
pub mod shop;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub const MASK: &str = env!("CARGO_BIN_EXE_mask");

const SCHEMA: &str = "--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE TABLE public.customers (
    id integer NOT NULL,
    first_name text,
    last_name text,
    email text,
    phone text,
    street text,
    city text,
    born date,
    created_at timestamp with time zone NOT NULL,
    notes text
);

CREATE TABLE public.orders (
    id bigint NOT NULL,
    customer_id integer NOT NULL,
    status text NOT NULL,
    amount numeric(10,2) NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    payload jsonb
);

";

const CONSTRAINTS: &str = "
ALTER TABLE ONLY public.customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers(id);

--
-- PostgreSQL database dump complete
--

";

/// Rules for the dump: ten of its sixteen columns are masked.
pub const RULES: &str = "version = 1

[tables.customers]
id = 'integer_id'
first_name = 'first_name'
last_name = 'last_name'
email = 'email'
phone = 'phone'
street = 'street_address'
city = 'city'
born = 'date_shift'
created_at = 'keep'
notes = 'redact'

[tables.orders]
'*' = 'keep'
";

/// A pseudo-random sequence with a fixed seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A dump that was written.
#[derive(Clone, Copy)]
pub struct Written {
    pub bytes: u64,
    pub rows: u64,
}

/// Writes a plain dump of about `bytes` bytes: a customer to five orders.
pub fn write_dump(path: &Path, bytes: u64) -> std::io::Result<Written> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(42);
    // A customer and its orders take about 700 bytes.
    let customers = bytes / 700;
    out.write_all(SCHEMA.as_bytes())?;
    out.write_all(b"COPY public.customers (id, first_name, last_name, email, phone, street, city, born, created_at, notes) FROM stdin;\n")?;
    for id in 1..=customers {
        write_customer(&mut out, id, &mut random)?;
    }
    out.write_all(
        b"\\.\n\n\nCOPY public.orders (id, customer_id, status, amount, placed_at, payload) FROM stdin;\n",
    )?;
    for id in 1..=customers * 5 {
        write_order(&mut out, id, customers, &mut random)?;
    }
    out.write_all(b"\\.\n\n")?;
    out.write_all(CONSTRAINTS.as_bytes())?;
    out.flush()?;
    Ok(Written { bytes: std::fs::metadata(path)?.len(), rows: customers * 6 })
}

fn write_customer(out: &mut impl Write, id: u64, random: &mut Random) -> std::io::Result<()> {
    let (day, month, year) = (random.below(28) + 1, random.below(12) + 1, random.below(60) + 1945);
    let (first, last) = (word(random), word(random));
    writeln!(
        out,
        "{id}\t{first}\t{last}\t{first}.{last}{id}@corp.example\t+1 212 555 {:04}\t{} {} Street\t{}\t{year}-{month:02}-{day:02}\t2024-{month:02}-{day:02} 08:15:30.123456+00\tcalled {} about {}\\nand {} again",
        random.below(10_000),
        random.below(900) + 1,
        word(random),
        word(random),
        word(random),
        word(random),
        word(random),
    )
}

fn write_order(out: &mut impl Write, id: u64, customers: u64, random: &mut Random) -> std::io::Result<()> {
    let customer = random.below(customers) + 1;
    let (cents, day) = (random.below(1_000_000), random.below(28) + 1);
    writeln!(
        out,
        "{id}\t{customer}\tshipped\t{}.{:02}\t2025-03-{day:02} 12:00:00+00\t{{\"sku\": \"{}-{}\", \"count\": {}, \"gift\": false}}",
        cents / 100,
        cents % 100,
        word(random),
        random.below(100_000),
        random.below(9) + 1,
    )
}

fn word(random: &mut Random) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "lo", "mi", "ren", "sol", "ta", "vi", "dor", "el", "fa", "gu", "hin", "jo", "ne", "pu", "zar"];
    (0..2 + random.below(2)).map(|_| SYLLABLES[random.below(16) as usize]).collect()
}

/// A run of a command: how long it took, and the most memory that it held.
pub struct Run {
    pub elapsed: Duration,
    pub peak_bytes: u64,
}

/// Runs `command` to its end and measures it; its peak memory is what Linux counts as `VmHWM`.
pub fn measure(command: &mut Command) -> Run {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_bytes = 0;
    loop {
        peak_bytes = peak_bytes.max(high_water_bytes(&status_file));
        if let Some(status) = child.try_wait().expect("the child is ours") {
            assert!(status.success(), "the command failed: {command:?}");
            return Run { elapsed: start.elapsed(), peak_bytes };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn high_water_bytes(status_file: &str) -> u64 {
    let status = std::fs::read_to_string(status_file).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

/// The median of several runs of what `command` makes, and the largest peak.
pub fn median(runs: usize, mut command: impl FnMut() -> Command) -> Run {
    let mut measured: Vec<Run> = (0..runs).map(|_| measure(&mut command())).collect();
    let peak_bytes = measured.iter().map(|run| run.peak_bytes).max().unwrap_or(0);
    measured.sort_by_key(|run| run.elapsed);
    Run { elapsed: measured[runs / 2].elapsed, peak_bytes }
}

/// A folder for the bench, its key and its rules in it; removed on drop.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Folder(tempfile::tempdir().expect("a temporary folder can be made"));
        std::fs::write(folder.path("rules.toml"), RULES).expect("the folder is ours");
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        std::fs::write(folder.path("demo.key"), key).expect("the folder is ours");
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `mask` from one file of the folder to another.
    pub fn mask(&self, from: &str, to: &str) -> Command {
        let mut command = Command::new(MASK);
        command.current_dir(self.0.path()).arg("--overwrite").arg("--quiet");
        command.args(["--rules", "rules.toml", "--key-file", "demo.key", "--from", from, "--to", to]);
        command
    }
}

/// A size of the environment in MiB, or the default.
pub fn size_from_env(name: &str, default_mib: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default_mib) << 20
}

/// What the environment says of `name`, if it can be read as such.
pub fn from_env<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
