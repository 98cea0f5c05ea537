//! Random schemas and rows: the engine selects what the definition says, however the rows are read.
//!
//! `MASK_TEST_SCHEMAS=200000 cargo test --release --test it subset::fuzz` tries as many schemas as it says; the seed of one
//! that fails is in the message.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pgmask::subset::spec::{Rows, Share};

use super::database::{Database, Fate, Reading};
use super::oracle;
use super::random::{Random, database, reading};

/// How many schemas are tried where the environment says nothing.
const SCHEMAS: u64 = 5_000;

/// Calls `check` with as many random databases as were asked for, on two threads.
fn for_each_schema(check: impl Fn(u64, &Database) + Sync) {
    let schemas = std::env::var("MASK_TEST_SCHEMAS").map_or(SCHEMAS, |count| count.parse().unwrap());
    std::thread::scope(|scope| {
        for half in 0..2 {
            let check = &check;
            scope.spawn(move || {
                for seed in (half..schemas).step_by(2) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| check(seed, &database(seed))));
                    assert!(outcome.is_ok(), "the database with the seed {seed}");
                }
            });
        }
    });
}

#[test]
fn any_schema_is_subsetted_as_defined_however_it_is_read() {
    for_each_schema(|seed, database| {
        let expected = oracle::fates(database);
        let (selection, fates) = database.select(&Reading::plain(database)).unwrap();
        assert_eq!(fates, expected);
        for (table, fates) in fates.iter().enumerate() {
            let (counts, kept) = (selection.tables[table], fates.iter().filter(|fate| fate.kept));
            assert_eq!(counts.rows_read, fates.len() as u64);
            assert_eq!(counts.rows_kept(), kept.clone().count() as u64);
            assert_eq!(counts.rows_owned, kept.filter(|fate| fate.owned).count() as u64);
        }
        let random = &mut Random(seed);
        let threads = if seed % 8 == 0 { 3 } else { 1 };
        let again = reading(random, database, true, threads);
        let (other, fates) = database.select(&again).unwrap();
        assert_eq!(database.sorted(&fates), database.sorted(&expected));
        assert_eq!((&other.tables, &other.edges), (&selection.tables, &selection.edges));
    });
}

#[test]
fn any_subset_is_closed_and_lies_within_a_greater_one() {
    for_each_schema(|seed, database| {
        let fates = database.fates();
        for (edge, child, parent) in oracle::references(database) {
            let spec = &database.spec.edges[edge];
            let child = &fates[spec.child][child];
            assert!(!child.kept || child.nulled.contains(&edge) || fates[spec.parent][parent].kept);
        }
        let random = &mut Random(seed);
        let mut greater = database.clone();
        for table in &mut greater.spec.tables {
            table.rows = match table.rows.clone() {
                Rows::Percent(_) if random.one_in(2) => Rows::Percent(Share::ALL),
                Rows::Count(count) => Rows::Count(count + random.below(4) as u64),
                Rows::Unsaid => Rows::Percent(Share::percent(20.0)),
                rows => rows,
            };
            table.unowned = table.unowned.map(|share| share.max(Share::percent(50.0)));
        }
        let is_within =
            |(less, more): (&Fate, &Fate)| (!less.kept || more.kept) && (!less.owned || more.owned);
        assert!(fates.iter().flatten().zip(greater.fates().iter().flatten()).all(is_within));
    });
}
