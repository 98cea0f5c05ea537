//! COPY and archive round trips, with a real server as the judge.

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Snapshot, assert_same_rows, fixture, loaded};

#[test]
fn a_throwaway_server_answers_and_forgets() {
    let server = Server::newest();
    let name = {
        let database = server.database();
        assert_eq!(
            database.psql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (NULL); TABLE t;"),
            "1\n\n"
        );
        assert_eq!(Rows::of_database(&database).counts()["public.t"], 2);
        database.name.clone()
    };
    let names = server.database().psql("SELECT datname FROM pg_database");
    assert!(!names.lines().any(|line| line == name), "{name} is still there");
}

/// The fixture `dump`, restored as it is on a server of the version `major`.
fn restored(dump: &str, major: u32) -> Option<Database> {
    let database = Server::of(major)?.database();
    database.pg_restore(&fixture(dump), 1);
    Some(database)
}

fn nothing_changes_where_every_column_is_kept(dump: &str, major: u32) {
    let Some(source) = restored(dump, major) else { return };
    let expected = Rows::of_database(&source);
    for target in ["staging.sql", "staging.dump", "dir:staging.dir"] {
        let run = Snapshot::of(dump).keep_all().to(target).run();
        run.succeeds();
        let staging = loaded(&run.output(), Server::of(major).expect("it is running"));
        assert_same_rows(&expected, &Rows::of_database(&staging), &format!("{dump} to {target}"));
    }
}

#[test]
fn every_type_of_postgres_15_survives_at_its_edges() {
    nothing_changes_where_every_column_is_kept("types/types-15.dump", 15);
}

#[test]
fn every_type_of_postgres_18_survives_at_its_edges() {
    nothing_changes_where_every_column_is_kept("types/types-18.dump", 18);
}

#[test]
fn the_shop_survives_where_every_column_is_kept() {
    nothing_changes_where_every_column_is_kept("shop/shop.dump", 15);
}

#[test]
fn a_directory_restores_with_several_connections() {
    let run = Snapshot::shop().to("dir:staging.dir").run();
    run.succeeds();
    let database = Server::newest().database();
    database.pg_restore(&run.output(), 4);
    assert_eq!(database.psql("SELECT count(*) FROM payments"), "759\n");
}

#[test]
fn a_single_table_restores_from_a_custom_archive() {
    let run = Snapshot::shop().to("staging.dump").run();
    run.succeeds();
    let database = Server::newest().database();
    let mut pg_restore = database.tool("pg_restore");
    pg_restore.args(["--exit-on-error", "-t", "products", "-d", &database.name]).arg(run.output());
    assert!(pg_restore.status().unwrap().success());
    assert_eq!(database.psql("SELECT count(*) FROM products"), "110\n");
}
