//! Large objects that the rules keep are the same in staging, from every format and in every format.

use crate::support::postgres::{Database, Server};
use crate::support::{Snapshot, fixture, loaded};

const KEEP: &str = "version = 1\n[defaults]\nunlisted = \"keep\"\n[large_objects]\naction = \"keep\"\n";

const DUMPS: [&str; 4] = ["carriers-15.dump", "carriers-15.dir", "carriers-15.tar", "carriers-15.sql.gz"];

/// The oid and the content of each large object.
fn large_objects(database: &Database) -> String {
    database
        .psql("select oid, md5(lo_get(oid)), length(lo_get(oid)) from pg_largeobject_metadata order by oid")
}

#[test]
fn large_objects_that_are_kept_are_the_same() {
    let server = Server::newest();
    let expected = large_objects(&loaded(&fixture("carriers/carriers-15.dump"), server));
    assert_eq!(expected.lines().count(), 3);
    for dump in DUMPS {
        for target in ["staging.sql", "staging.dump", "dir:staging.dir"] {
            let run = Snapshot::of(format!("carriers/{dump}")).rules_text(KEEP).to(target).run();
            run.succeeds();
            assert_eq!(large_objects(&loaded(&run.output(), server)), expected, "{dump} to {target}");
        }
    }
}

#[test]
fn large_objects_have_no_place_in_parquet() {
    let run = Snapshot::of("carriers/carriers-15.dump").rules_text(KEEP).to_parquet().run();
    run.ends_with(2).says("no place in a Parquet target").leaves_nothing();
}
