//! Subsets of Pagila and Chinook, into the oldest and the newest server at hand, every key checked by it.

use crate::samples::Sample;
use crate::support::postgres::Server;
use crate::support::{Rows, Snapshot, assert_same_rows, loaded};

use super::facts::assert_within;

const PERCENTS: &[&str] = &["1%", "5%", "10%", "50%", "100%"];

fn subset(sample: &Sample, dump: usize, percent: &str) -> Snapshot {
    let snapshot = sample.snapshot(&sample.dumps()[dump]);
    snapshot.argument("--subset").argument(percent).report()
}

fn is_closed_and_nested(name: &'static str) {
    let Some(sample) = Sample::of(name) else { return };
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let mut before: Option<Rows> = None;
        for percent in PERCENTS {
            let run = subset(&sample, 0, percent).to("staging.sql").run();
            run.succeeds();
            let database = loaded(&run.output(), server);
            let not_valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
            assert_eq!(database.psql(not_valid), "0\n", "{name}, {percent}");
            let rows = Rows::of_database(&database);
            if let Some(before) = &before {
                assert_within(before, &rows, &format!("{name}, {percent}"));
            }
            before = Some(rows);
        }
        let all = sample.snapshot(&sample.dumps()[0]).to("staging.sql").run();
        let all = Rows::of_database(&loaded(&all.output(), server));
        assert_same_rows(&all, &before.unwrap(), "all of it");
    }
}

#[test]
fn subsets_of_pagila_are_closed_and_nested() {
    is_closed_and_nested("pagila");
}

#[test]
fn subsets_of_chinook_are_closed_and_nested() {
    is_closed_and_nested("chinook");
}

#[test]
fn every_dump_of_a_sample_gives_the_same_subset() {
    for sample in ["pagila", "chinook"].into_iter().filter_map(Sample::of) {
        let of = |dump| subset(&sample, dump, "10%").to_parquet().run().rows();
        let first = of(0);
        for dump in 1..sample.dumps().len() {
            assert_same_rows(&first, &of(dump), &sample.dumps()[dump].display().to_string());
        }
    }
}

#[test]
fn the_customers_of_pagila_are_the_share_that_was_asked_for() {
    let Some(sample) = Sample::of("pagila") else { return };
    for (percent, share) in [("5%", 0.05_f64), ("10%", 0.1), ("50%", 0.5)] {
        let rows = subset(&sample, 0, percent).to_parquet().run().rows();
        let customers = rows.counts()["public.customer"] as f64;
        let deviation = (599.0 * share * (1.0 - share)).sqrt();
        assert!((customers - 599.0 * share).abs() <= 3.0 * deviation, "{percent}: {customers} of 599");
    }
}
