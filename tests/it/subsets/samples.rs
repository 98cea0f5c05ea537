//! Subsets of Pagila and Chinook, into the oldest and the newest server at hand, every key checked by it.

use std::collections::BTreeSet;
use std::fs;

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
fn every_form_of_a_sample_gives_the_same_subset() {
    let server = Server::newest();
    for sample in ["pagila", "chinook"].into_iter().filter_map(Sample::of) {
        let dumps = sample.dumps();
        let database = loaded(&dumps[0], server);
        let folder = tempfile::tempdir().unwrap();
        let schema = folder.path().join("schema.sql");
        fs::write(&schema, database.pg_dump(&["--schema-only"])).unwrap();
        let directory = folder.path().join("source.dir");
        database.pg_dump(&["-Fd", "-f", directory.to_str().unwrap()]);
        let parquet = Snapshot::shop().from(&dumps[0]).keep_all().to_parquet().run();
        parquet.succeeds();
        for percent in PERCENTS {
            let of = |snapshot: Snapshot| {
                let run = snapshot.argument("--subset").argument(percent).to_parquet().run();
                run.succeeds();
                run.rows()
            };
            let snapshot = || sample.snapshot(&dumps[0]);
            let first = of(snapshot());
            let from_parquet =
                snapshot().from(&parquet.output()).argument("--schema").argument(schema.to_str().unwrap());
            let mut others = vec![
                ("live".to_string(), snapshot().live(&database)),
                ("directory".to_string(), snapshot().from(&directory)),
                ("Parquet".to_string(), from_parquet),
            ];
            others.extend(dumps[1..].iter().map(|dump| (dump.display().to_string(), sample.snapshot(dump))));
            for (form, snapshot) in others {
                assert_same_rows(&first, &of(snapshot), &format!("{percent}, {form}"));
            }
        }
    }
}

/// Customers that nobody has heard of, each with the addresses and the staff of one who is there.
const NEWCOMERS: &[(&str, &str)] = &[
    (
        "pagila",
        "INSERT INTO customer (customer_id, store_id, first_name, last_name, email, address_id, activebool, create_date)
         SELECT 20000 + customer_id, store_id, 'New', 'Comer', 'new@corp.example', address_id, true, create_date FROM customer
         WHERE customer_id % 6 = 0;
         INSERT INTO rental (rental_id, inventory_id, customer_id, staff_id, rental_period)
         SELECT 1000000 + rental_id, inventory_id, 20000 + customer_id, staff_id, tsrange('2030-01-01', '2030-01-02')
         FROM (SELECT DISTINCT ON (inventory_id) * FROM rental WHERE customer_id % 6 = 0 ORDER BY inventory_id, rental_id) AS first;",
    ),
    (
        "chinook",
        "INSERT INTO customer (customer_id, first_name, last_name, email, support_rep_id)
         SELECT 20000 + customer_id, 'New', 'Comer', 'new@corp.example', support_rep_id FROM customer
         WHERE customer_id % 6 = 0;
         INSERT INTO invoice (invoice_id, customer_id, invoice_date, total)
         SELECT 100000 + invoice_id, 20000 + customer_id, invoice_date, total FROM invoice
         WHERE customer_id % 6 = 0;",
    ),
];

#[test]
fn newcomers_and_another_order_change_nothing_of_a_sample() {
    for &(name, newcomers) in NEWCOMERS {
        let Some(sample) = Sample::of(name) else { continue };
        let database = loaded(&sample.dumps()[0], Server::newest());
        let live = || {
            let run = Snapshot::shop().live(&database).keep_all().argument("--subset").argument("20%");
            let run = run.to_parquet().run();
            run.succeeds();
            run.rows()
        };
        let before = live();
        database.psql(newcomers);
        database.psql("VACUUM FULL; CLUSTER customer USING customer_pkey; ANALYZE;");
        let after = live();
        assert_within(&before, &after, name);
        // Of those who were there before, no other one is kept, nor anything that is theirs.
        let of = |rows: &Rows, table: &str| -> BTreeSet<u32> {
            let ids = rows.column(&format!("public.{table}"), "customer_id").into_iter().flatten();
            ids.map(|id| id.parse().unwrap()).filter(|id| *id < 20_000).collect()
        };
        assert_eq!(of(&before, "customer"), of(&after, "customer"), "{name}");
        let new = after.column("public.customer", "customer_id").len() - of(&after, "customer").len();
        assert!(new > 0, "{name}");
    }
}

#[test]
fn the_customers_of_a_sample_are_the_share_that_was_asked_for() {
    for (name, all) in [("pagila", 599.0_f64), ("chinook", 59.0)] {
        let Some(sample) = Sample::of(name) else { continue };
        for (percent, share) in [("1%", 0.01_f64), ("5%", 0.05), ("10%", 0.1), ("50%", 0.5)] {
            let rows = subset(&sample, 0, percent).to_parquet().run().rows();
            let customers = rows.counts()["public.customer"] as f64;
            let deviation = (all * share * (1.0 - share)).sqrt();
            assert!(
                (customers - all * share).abs() <= 3.0 * deviation,
                "{name}, {percent}: {customers} of {all}"
            );
        }
    }
}
