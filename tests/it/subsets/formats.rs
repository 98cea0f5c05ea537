//! Subsets from snapshots that are read in another way, and what follows a subset besides rows.

use std::collections::BTreeSet;
use std::fs;

use crate::support::postgres::Server;
use crate::support::{Snapshot, assert_same_rows};

use super::cases::USERS_AND_ORDERS;
use super::facts::Facts;

#[test]
fn rows_without_a_schema_take_it_from_a_file() {
    let facts = Facts::of(Server::newest(), USERS_AND_ORDERS, "", &["10%"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        fs::write(&path, facts.database.pg_dump(arguments)).unwrap();
        path
    };
    let (data, schema) = (file("data.sql", &["--data-only"]), file("schema.sql", &["--schema-only"]));
    let run = facts.run(&["10%"]).from(&data).argument("--schema").argument(schema.to_str().unwrap());
    let run = run.to_parquet().run();
    run.succeeds();
    let whole = facts.run(&["10%"]).to_parquet().run();
    assert_same_rows(&whole.rows(), &run.rows(), "data and schema apart");
}

#[test]
fn a_subset_of_all_tables_is_written_for_those_that_are_asked_for() {
    let facts = Facts::of(Server::newest(), USERS_AND_ORDERS, "", &["10%"]);
    let run = facts.run(&["10%"]).argument("--tables").argument("orders").to_parquet().run();
    run.succeeds();
    let whole = facts.run(&["10%"]).to_parquet().run();
    assert_eq!(run.rows().0["public.orders"], whole.rows().0["public.orders"]);
    assert!(!run.rows().0.contains_key("public.users"));
}

#[test]
fn only_the_large_objects_of_kept_rows_are_kept() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY, photo oid);
         INSERT INTO users SELECT i, CASE WHEN i % 10 = 0 THEN lo_from_bytea(0, ('photo ' || i)::bytea) END
         FROM generate_series(1, 1500) i;
         SELECT lo_from_bytea(0, 'nobody refers to it');",
        "",
        &["20%"],
    );
    let run = facts.run(&["20%"]).to("staging.dump").run();
    run.succeeds();
    let staging = crate::support::loaded(&run.output(), Server::newest());
    let oids = |sql: &str| -> BTreeSet<String> { staging.psql(sql).lines().map(str::to_string).collect() };
    let referred = oids("SELECT photo FROM users WHERE photo IS NOT NULL");
    assert!(referred.len() > 10 && referred.len() < 60, "{}", referred.len());
    assert_eq!(oids("SELECT oid FROM pg_largeobject_metadata"), referred);
    let wrong = "SELECT count(*) FROM users WHERE convert_from(lo_get(photo), 'UTF8') <> 'photo ' || id";
    assert_eq!(staging.psql(wrong), "0\n");
}

#[test]
fn dropped_columns_and_row_security_do_not_matter() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (gone text, id int PRIMARY KEY, name text);
         ALTER TABLE users DROP COLUMN gone;
         ALTER TABLE users ENABLE ROW LEVEL SECURITY;
         CREATE TABLE orders (id serial PRIMARY KEY, was int, user_id int NOT NULL REFERENCES users);
         ALTER TABLE orders DROP COLUMN was;
         INSERT INTO users SELECT i, 'n' FROM generate_series(1, 1500) i;
         INSERT INTO orders (user_id) SELECT 1 + i % 1500 FROM generate_series(1, 3000) i;
         CREATE MATERIALIZED VIEW busy AS SELECT user_id, count(*) AS orders FROM orders GROUP BY 1;",
        "",
        &["10%"],
    );
    facts.assert_follows("orders", "user_id", "users", "id");
    let run = facts.run(&["10%"]).to("staging.sql").run();
    let staging = crate::support::loaded(&run.output(), Server::newest());
    assert_eq!(staging.psql("SELECT count(*) FROM busy"), format!("{}\n", facts.count("users")));
    assert_eq!(staging.psql("SELECT nextval('orders_id_seq')"), "3001\n");
}

#[test]
fn the_shop_runs_with_nothing_but_a_percentage() {
    let run = Snapshot::shop().argument("--subset").argument("10%").report().to("staging.sql").run();
    run.succeeds().says("public.customers");
    let staging = crate::support::loaded(&run.output(), Server::newest());
    let customers: usize = staging.psql("SELECT count(*) FROM customers").trim().parse().unwrap();
    assert!((25..=120).contains(&customers), "{customers}");
    let parquet = |format: &str| {
        let run = Snapshot::shop().format(format).argument("--subset").argument("10%").to_parquet().run();
        run.succeeds();
        run.rows()
    };
    let custom = parquet("custom");
    for format in ["pipe", "dir", "tar", "sql.gz", "crlf", "inserts", "rows-per-insert", "custom-18"] {
        assert_same_rows(&custom, &parquet(format), format);
    }
    assert_same_rows(&custom.merged("public.payments"), &parquet("root").merged("public.payments"), "root");
}

#[test]
fn rows_of_foreign_tables_are_sampled_where_a_dump_has_them() {
    let server = Server::newest();
    let facts = Facts::of(
        server,
        "CREATE EXTENSION file_fdw;
         CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE far_metrics (id int, user_id int, value float8);
         INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
         INSERT INTO far_metrics SELECT i, 1 + i % 1500, i FROM generate_series(1, 3000) i;",
        "",
        &["10%"],
    );
    let file = server.folder().join("metrics.csv").display().to_string();
    facts.database.psql(&format!(
        "COPY far_metrics TO '{file}' CSV;
         CREATE SERVER far FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE metrics (id int, user_id int, value float8) SERVER far OPTIONS (filename '{file}', format 'csv');"
    ));
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("foreign.dump");
    fs::write(&dump, facts.database.pg_dump(&["-Fc", "--include-foreign-data=far"])).unwrap();
    let run = facts.run(&["10%"]).from(&dump).to_parquet().run();
    run.succeeds();
    let metrics = run.rows().0["public.metrics"].len();
    assert!((230..=370).contains(&metrics), "{metrics} of 3000");
    let rules = "version = 1\n[[foreign_keys]]\nfrom = \"metrics(user_id)\"\nto = \"users(id)\"\n";
    let run = facts.run(&["10%"]).from(&dump).rules_text(rules).to_parquet().run();
    run.succeeds();
    let rows = run.rows();
    assert_eq!(rows.0["public.metrics"].len(), 2 * rows.0["public.users"].len());
    // Where the dump has none of them, there is nothing to sample.
    let run = facts.run(&["10%"]).live(&facts.database).to_parquet().run();
    run.succeeds();
    assert_eq!(run.rows().0.get("public.metrics"), None);
}
