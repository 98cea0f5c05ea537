//! Subsets of a million rows that hang together, in little memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::support::{Run, Snapshot};

const ROWS: usize = 1_000_000;

/// The address space that the program may take, in KiB; its threads, their stacks and its code take some 200 MiB of it.
const KILOBYTES: u64 = 400 << 10;

/// A script of two tables, and what links them.
fn write_script(path: &Path, rows: impl Fn(&mut BufWriter<File>)) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    rows(&mut file);
    file.flush().unwrap();
}

fn subset(from: &Path, spec: &str) -> Run {
    let run = Snapshot::shop().from(from).keep_all().argument("--subset").argument(spec);
    let run = run.argument("--memory").argument("64MiB").jobs(2).report().to("staging.sql");
    let run = run.within_kilobytes(KILOBYTES).run();
    run.succeeds();
    run
}

/// How many rows of a table the report says were written.
fn written(run: &Run, table: &str) -> u64 {
    let report = std::fs::read(run.work().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let tables = report["tables"].as_array().unwrap();
    tables.iter().find(|entry| entry["name"] == table).unwrap()["rows_written"].as_u64().unwrap()
}

#[test]
fn one_user_may_have_a_million_orders() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("orders.sql");
    write_script(&script, |file| {
        file.write_all(b"CREATE TABLE public.users (id integer NOT NULL);\n").unwrap();
        file.write_all(b"CREATE TABLE public.orders (id bigint NOT NULL, user_id integer NOT NULL);\n")
            .unwrap();
        file.write_all(b"COPY public.orders (id, user_id) FROM stdin;\n").unwrap();
        (0..ROWS).for_each(|id| writeln!(file, "{id}\t{}", if id % 1_000 == 1 { id } else { 7 }).unwrap());
        file.write_all(b"\\.\nCOPY public.users (id) FROM stdin;\n").unwrap();
        (0..ROWS).for_each(|id| writeln!(file, "{id}").unwrap());
        file.write_all(b"\\.\nALTER TABLE ONLY public.users ADD CONSTRAINT u PRIMARY KEY (id);\n").unwrap();
        file.write_all(b"ALTER TABLE ONLY public.orders ADD CONSTRAINT o PRIMARY KEY (id);\n").unwrap();
        let key = b"ALTER TABLE ONLY public.orders ADD CONSTRAINT f FOREIGN KEY (user_id) REFERENCES public.users(id);\n";
        file.write_all(key).unwrap();
    });
    let run = subset(&script, "users=where id = 7 OR id = 1001");
    assert_eq!((written(&run, "public.users"), written(&run, "public.orders")), (2, 999_001));
    let run = subset(&script, "users=where id = 1001");
    assert_eq!((written(&run, "public.users"), written(&run, "public.orders")), (1, 1));
}

#[test]
fn a_million_rows_may_be_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("chain.sql");
    write_script(&script, |file| {
        file.write_all(b"CREATE TABLE public.versions (id integer NOT NULL, previous integer);\n").unwrap();
        file.write_all(b"COPY public.versions (id, previous) FROM stdin;\n").unwrap();
        // In an order that is neither that of the chain nor its opposite: 786433 is odd, and ROWS is not a multiple.
        for id in (0..ROWS).map(|index| index * 786_433 % ROWS) {
            match id {
                0 => writeln!(file, "0\t\\N").unwrap(),
                id => writeln!(file, "{id}\t{}", id - 1).unwrap(),
            }
        }
        file.write_all(b"\\.\nALTER TABLE ONLY public.versions ADD CONSTRAINT v PRIMARY KEY (id);\n")
            .unwrap();
        let key = b"ALTER TABLE ONLY public.versions ADD CONSTRAINT f FOREIGN KEY (previous) REFERENCES public.versions(id);\n";
        file.write_all(key).unwrap();
    });
    let last = format!("versions=where id = {}", ROWS - 1);
    assert_eq!(written(&subset(&script, &last), "public.versions"), ROWS as u64);
    assert_eq!(written(&subset(&script, "versions=where id = 499999"), "public.versions"), 500_000);
}
