//! Subsets: closed, stable, nested, the same from every format; a database for each case, and a server as the judge.

mod cases;
mod facts;
mod formats;
mod plans;
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
    let cases: Vec<&Case> = cases::CASES.iter().filter(|case| case.name.starts_with(prefix)).collect();
    assert!(!cases.is_empty(), "no case `{prefix}`");
    cases.into_iter().for_each(run);
}

macro_rules! cases {
    ($($test:ident: $prefix:literal,)*) => { $(
        #[test]
        fn $test() { run_all($prefix) }
    )* };
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
    let names: BTreeSet<&str> = cases::CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases::CASES.len(), "two cases have one name");
    assert!(names.len() >= 30, "{}", names.len());
}

#[test]
fn the_same_people_are_kept_in_two_databases() {
    let server = Server::newest();
    let rules =
        |table: &str| format!("[subset.tables]\n{table} = {{ rows = \"20%\", entity = \"person\" }}\n");
    let shop = Facts::of(
        server,
        "CREATE TABLE customers (id int PRIMARY KEY, name text);
         INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 1500) i;",
        &rules("customers"),
        &[],
    );
    let crm = Facts::of(
        server,
        "CREATE TABLE contacts (ref bigint PRIMARY KEY, mail text);
         INSERT INTO contacts SELECT i, 'm' || i FROM generate_series(1000, 3000) i;",
        &rules("contacts"),
        &[],
    );
    let both = |ids: BTreeSet<String>| -> BTreeSet<String> {
        ids.into_iter().filter(|id| (1000..=1500).contains(&id.parse::<u32>().unwrap())).collect()
    };
    let (left, right) = (both(shop.kept("customers", "id")), both(crm.kept("contacts", "ref")));
    assert!(left.len() > 50, "{}", left.len());
    assert_eq!(left, right);
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

#[test]
fn the_rows_that_are_owned_are_like_the_others() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY, country text, age int);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, total int);
         SELECT setseed(0.5);
         INSERT INTO users SELECT i, (ARRAY['NL', 'DE', 'IT', 'FR', 'FR', 'FR'])[1 + (random() * 5)::int],
             18 + (random() * random() * 70)::int FROM generate_series(1, 6000) i;
         INSERT INTO orders SELECT i, 1 + (power(random(), 2) * 5999)::int, (random() * 1000)::int
         FROM generate_series(1, 20000) i;",
        "",
        &["20%"],
    );
    facts.assert_share("users", 20.0);
    let counts = |rows: &Rows, table: &str, column: &str| {
        let mut counts = std::collections::BTreeMap::<String, f64>::new();
        for value in rows.column(&format!("public.{table}"), column).into_iter().flatten() {
            *counts.entry(value.to_string()).or_default() += 1.0;
        }
        counts
    };
    // χ² with 3 degrees of freedom is above 16.3 once in a thousand draws.
    let (all, kept) =
        (counts(facts.all_rows(), "users", "country"), counts(facts.rows(), "users", "country"));
    let share = kept.values().sum::<f64>() / all.values().sum::<f64>();
    let chi: f64 = all.iter().map(|(key, all)| (kept[key] - all * share).powi(2) / (all * share)).sum();
    assert!(chi < 16.3, "countries: {chi}");
    // Kolmogorov and Smirnov: √n·D is above 1.95 once in a thousand draws. The fan-out is drawn user by user.
    let fan_out = |rows: &Rows| -> Vec<f64> {
        let orders = counts(rows, "orders", "user_id");
        let users = rows.column("public.users", "id").into_iter().flatten();
        users.map(|id| orders.get(id).copied().unwrap_or(0.0)).collect()
    };
    let numbers = |rows: &Rows, table: &str, column: &str| -> Vec<f64> {
        let values = rows.column(&format!("public.{table}"), column);
        values.into_iter().flatten().map(|value| value.parse().unwrap()).collect()
    };
    for (what, all, kept) in [
        ("ages", numbers(facts.all_rows(), "users", "age"), numbers(facts.rows(), "users", "age")),
        ("totals", numbers(facts.all_rows(), "orders", "total"), numbers(facts.rows(), "orders", "total")),
        ("orders of a user", fan_out(facts.all_rows()), fan_out(facts.rows())),
    ] {
        let distance = kolmogorov_smirnov(all, &kept) * (kept.len() as f64).sqrt();
        assert!(distance < 1.95, "{what}: {distance}");
    }
}

/// The greatest distance between the distributions of two samples.
fn kolmogorov_smirnov(mut all: Vec<f64>, kept: &[f64]) -> f64 {
    let mut kept = kept.to_vec();
    [&mut all, &mut kept].into_iter().for_each(|values| values.sort_by(f64::total_cmp));
    let below = |values: &[f64], bound: f64| {
        values.partition_point(|value| *value <= bound) as f64 / values.len() as f64
    };
    all.iter().map(|&bound| (below(&all, bound) - below(&kept, bound)).abs()).fold(0.0, f64::max)
}
