//! What is owned is a fair sample: columns and numbers of children are spread as in the whole.

use std::collections::BTreeMap;

use crate::samples::Sample;
use crate::support::Rows;
use crate::support::postgres::Server;

use super::facts::Facts;

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
    let (all, kept) = (facts.all_rows(), facts.rows());
    assert_same_shares(all, kept, "users", "country");
    assert_same_spread("ages", &numbers(all, "users", "age"), &numbers(kept, "users", "age"));
    assert_same_spread("totals", &numbers(all, "orders", "total"), &numbers(kept, "orders", "total"));
    let orders = |rows: &Rows| fan_out(rows, "users", "id", "orders", "user_id");
    assert_same_spread("orders of a user", &orders(all), &orders(kept));
}

#[test]
fn the_customers_of_pagila_are_like_the_others() {
    let Some(sample) = Sample::of("pagila") else { return };
    let of = |percent: &str| {
        let run =
            sample.snapshot(&sample.dumps()[0]).argument("--subset").argument(percent).to_parquet().run();
        run.succeeds();
        run.rows().merged("public.payment")
    };
    let all = of("100%");
    for percent in ["10%", "50%"] {
        let kept = of(percent);
        for column in ["store_id", "activebool"] {
            assert_same_shares(&all, &kept, "customer", column);
        }
        for child in ["rental", "payment"] {
            let of_customers = |rows: &Rows| fan_out(rows, "customer", "customer_id", child, "customer_id");
            let what = format!("{percent}, {child}s of a customer");
            assert_same_spread(&what, &of_customers(&all), &of_customers(&kept));
        }
        let amounts = |rows: &Rows| numbers(rows, "payment", "amount");
        assert_same_spread(&format!("{percent}, amounts"), &amounts(&all), &amounts(&kept));
    }
}

/// How often each value is there.
fn counts(rows: &Rows, table: &str, column: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for value in rows.column(&format!("public.{table}"), column).into_iter().flatten() {
        *counts.entry(value.to_string()).or_default() += 1.0;
    }
    counts
}

fn numbers(rows: &Rows, table: &str, column: &str) -> Vec<f64> {
    let values = rows.column(&format!("public.{table}"), column);
    values.into_iter().flatten().map(|value| value.parse().unwrap()).collect()
}

/// How many children each parent has.
fn fan_out(rows: &Rows, parent: &str, key: &str, child: &str, column: &str) -> Vec<f64> {
    let children = counts(rows, child, column);
    let parents = rows.column(&format!("public.{parent}"), key).into_iter().flatten();
    parents.map(|key| children.get(key).copied().unwrap_or(0.0)).collect()
}

/// Checks by χ² that a column's values are as frequent as in all rows. For so few degrees of freedom, χ² is above their
/// number and 4.5 times the root of twice that once in a thousand draws at most.
#[track_caller]
fn assert_same_shares(all: &Rows, kept: &Rows, table: &str, column: &str) {
    let (all, kept) = (counts(all, table, column), counts(kept, table, column));
    let share = kept.values().sum::<f64>() / all.values().sum::<f64>();
    let of = |key: &String| kept.get(key).copied().unwrap_or(0.0);
    let chi: f64 = all.iter().map(|(key, all)| (of(key) - all * share).powi(2) / (all * share)).sum();
    let freedom = (all.len() - 1) as f64;
    assert!(chi <= freedom + 4.5 * (2.0 * freedom).sqrt(), "{table}.{column}: {chi}");
}

/// Checks after Kolmogorov and Smirnov that numbers are spread as all are: √n·D is above 1.95 once in a thousand draws.
#[track_caller]
fn assert_same_spread(what: &str, all: &[f64], kept: &[f64]) {
    let distance = kolmogorov_smirnov(all.to_vec(), kept) * (kept.len() as f64).sqrt();
    assert!(distance < 1.95, "{what}: {distance}");
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
