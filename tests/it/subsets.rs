//! Subsets: closed, stable, nested, the same from every format; a database for each case, and a server as the judge.

mod cases;
mod distributions;
mod facts;
mod formats;
mod large;
mod live;
mod looked_up;
mod plans;
mod refusals;
mod samples;

use std::collections::BTreeSet;

use facts::Facts;

use crate::support::postgres::Server;
use crate::support::{Rows, assert_same_rows};

/// A schema with rows, what is asked of it, and what must hold of the answer.
struct Case {
    name: &'static str,
    /// The server's major version; `None` for any.
    server: Option<u32>,
    sql: &'static str,
    rules: &'static str,
    subset: &'static [&'static str],
    check: fn(&Facts),
}

/// Runs a case: its own check, that a server takes the subset with all constraints, that every format gives the same rows,
/// and that less is within more.
fn run(case: &Case) {
    let server = match case.server {
        Some(major) => Server::of(major),
        None => Some(Server::newest()),
    };
    let Some(server) = server else { return };
    let facts = Facts::of(server, case.sql, case.rules, case.subset);
    (case.check)(&facts);
    facts.assert_it_loads();
    facts.assert_every_format_gives_the_same(case.name);
    facts.assert_less_is_within_more(case.name);
}

/// Every case whose name begins with `prefix`: a test each, so that they run side by side.
fn run_all(prefix: &str) {
    let cases: Vec<&Case> = cases::all().filter(|case| case.name.starts_with(prefix)).collect();
    assert!(!cases.is_empty(), "no case `{prefix}`");
    cases.into_iter().for_each(run);
}

macro_rules! cases {
    ($($test:ident: $prefix:literal,)*) => {
        $(#[test]
        fn $test() { run_all($prefix) })*

        const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

cases! {
    what_belongs_to_a_kept_row_is_kept: "owned",
    a_table_may_refer_to_itself: "self",
    cycles_are_closed: "cycle",
    several_keys_may_refer_to_one_table: "several",
    keys_may_be_composite: "composite",
    keys_may_refer_to_what_is_unique: "unique",
    nothing_is_owed_by_null: "null",
    a_table_may_be_whole_or_left_out: "whole",
    children_may_be_capped: "cap",
    references_may_be_declared_in_the_rules: "rules",
    partitions_are_one_table: "partition",
    keys_are_equal_as_postgres_says: "equal",
    rows_need_no_key: "keyless",
    what_is_tied_to_nothing_is_sampled: "untied",
    temporal_keys_are_followed: "temporal",
}

#[test]
fn the_names_of_the_cases_are_all_run() {
    let names: BTreeSet<&str> = cases::all().map(|case| case.name).collect();
    assert_eq!(names.len(), cases::all().count(), "two cases have one name");
    assert!(names.len() >= 30, "{}", names.len());
    let is_run = |name: &&str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    assert!(names.iter().all(is_run), "{names:?}");
}

#[test]
fn other_rows_and_their_order_change_nothing() {
    let server = Server::newest();
    let facts = Facts::of(server, cases::USERS_AND_ORDERS, "", &["10%"]);
    facts.database.psql(
        "INSERT INTO users SELECT i, 'new' FROM generate_series(100000, 100500) i;
         UPDATE users SET name = name WHERE id % 3 = 0;
         DELETE FROM users u WHERE id < 100000 AND NOT EXISTS (SELECT FROM orders o WHERE o.user_id = u.id);
         VACUUM FULL;
         CREATE INDEX by_name ON users (name DESC, id DESC);
         CLUSTER users USING by_name;
         DROP INDEX by_name;",
    );
    let after = facts.again(&["10%"]);
    let there: BTreeSet<String> = after.all("users", "id");
    let old = |ids: BTreeSet<String>| -> BTreeSet<String> {
        ids.into_iter().filter(|id| there.contains(id) && id.parse::<u32>().unwrap() < 100_000).collect()
    };
    assert_eq!(old(facts.kept("users", "id")), old(after.kept("users", "id")));
    assert_eq!(facts.kept("orders", "id"), after.kept("orders", "id"));
}

#[test]
fn little_memory_gives_the_same_bytes() {
    let facts = Facts::of(Server::newest(), cases::USERS_AND_ORDERS, "", &["10%"]);
    let files = |memory: &str, jobs: u32| {
        let run =
            facts.run(&["10%"]).argument("--memory").argument(memory).jobs(jobs).to("staging.sql").run();
        run.succeeds();
        run.files()
    };
    let much = files("1GiB", 1);
    assert!(much == files("64MiB", 1), "64 MiB");
    assert!(much == files("1MiB", 2), "1 MiB, 2 jobs");
    assert!(much == files("64MiB", 8), "8 jobs");
}

#[test]
fn all_of_it_is_what_a_run_without_a_subset_writes() {
    let facts = Facts::of(Server::newest(), cases::USERS_AND_ORDERS, "", &["100%"]);
    let whole: Rows = facts.whole().to_parquet().run().rows();
    assert_same_rows(&whole, facts.rows(), "100%");
    let files = |run: crate::support::Snapshot| run.to("staging.sql").run().files();
    assert!(files(facts.whole()) == files(facts.run(&["100%"])), "the bytes differ");
}
