//! Every source × every target gives the same rows, and what a target holds is what the rules say.

use std::collections::BTreeMap;
use std::io::{Write, stderr};
use std::process::Command;

use crate::support::postgres::{Database, Server, installed};
use crate::support::{Rows, SHOP_FORMATS, Snapshot, assert_same_rows, fixture, loaded};

/// The tables that are partitions, merged, since a dump may load them through their root.
fn shop_rows(rows: Rows) -> Rows {
    rows.merged("public.payments")
}

fn every_format_gives_the_same_rows_as(target: &str) {
    let reference = shop_rows(Snapshot::shop().to_parquet().run().rows());
    for (format, _) in
        SHOP_FORMATS.iter().filter(|(format, _)| target.starts_with("parquet") || loads(format))
    {
        let run = Snapshot::shop().format(format).to(target).run();
        run.succeeds();
        assert_same_rows(&reference, &shop_rows(run.rows()), &format!("{format} to {target}"));
    }
}

/// Whether some server is new enough for what comes of a dump of that version.
fn loads(format: &str) -> bool {
    let newest = *installed().keys().next_back().expect("PostgreSQL is not installed; see tests/run.sh");
    let version = format.rsplit('-').next().and_then(|version| version.parse().ok());
    version.is_none_or(|version: u32| version <= newest)
}

#[test]
fn what_is_written_can_be_read_again() {
    let reference = shop_rows(Snapshot::shop().keep_all().to_parquet().run().rows());
    for target in ["staging.sql", "staging.sql.gz", "staging.dump", "dir:staging.dir"] {
        let first = Snapshot::shop().keep_all().to(target).run();
        first.succeeds();
        let second = Snapshot::shop().from(&first.output()).keep_all().to_parquet().run();
        second.succeeds();
        assert_same_rows(&reference, &shop_rows(second.rows()), target);
    }
}

#[test]
fn every_format_becomes_the_same_parquet() {
    every_format_gives_the_same_rows_as("parquet:staging");
}

#[test]
fn every_format_becomes_the_same_script() {
    every_format_gives_the_same_rows_as("staging.sql");
}

#[test]
fn every_format_becomes_the_same_custom_archive() {
    every_format_gives_the_same_rows_as("staging.dump");
}

#[test]
fn every_format_becomes_the_same_directory_archive() {
    every_format_gives_the_same_rows_as("dir:staging.dir");
}

#[test]
fn a_script_is_read_from_standard_input() {
    let reference = Snapshot::shop().to_parquet().run().rows();
    let run = Snapshot::shop().stdin(&fixture("shop/shop.sql")).to_parquet().run();
    run.succeeds();
    assert_same_rows(&reference, &run.rows(), "standard input");
}

#[test]
fn rows_without_a_schema_take_it_from_a_file_beside_them() {
    let reference = Snapshot::shop().to_parquet().run().rows();
    let schema = fixture("shop/shop-schema.sql").display().to_string();
    let run =
        Snapshot::of("shop/shop-data-only.sql.gz").argument("--schema").argument(&schema).to_parquet().run();
    run.succeeds();
    assert_same_rows(&reference, &run.rows(), "--schema");
}

#[test]
fn an_encoding_other_than_utf8_is_transcoded() {
    for dump in ["latin1/latin1.dump", "latin1/latin1-plain.sql.gz"] {
        let run = Snapshot::of(dump).keep_all().to_parquet().run();
        run.succeeds();
        let rows = run.rows();
        let names = rows.column("public.guests", "prénom");
        assert_eq!(names, [Some("Élanoré"), Some("Ünsgar"), Some("Plain"), Some("Ærønd")], "{dump}");
    }
}

/// The shop as it is, on `server`.
fn source(server: &'static Server) -> Database {
    let database = server.database();
    database.pg_restore(&fixture("shop/shop.dump"), 1);
    database
}

#[test]
fn what_is_written_loads_into_old_and_new_servers_with_valid_constraints() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        for target in ["staging.sql", "staging.dump", "dir:staging.dir"] {
            let run = Snapshot::shop().to(target).run();
            run.succeeds();
            let database = loaded(&run.output(), server);
            assert_eq!(
                database.psql("SELECT count(*) FROM pg_constraint WHERE NOT convalidated"),
                "0\n",
                "{target}"
            );
            assert_eq!(database.psql("SELECT count(*) FROM mailing_list"), "500\n", "{target}");
        }
    }
}

#[test]
fn the_schema_of_staging_is_that_of_the_source() {
    let server = Server::newest();
    let schema = |database: &Database| {
        let text = String::from_utf8(database.pg_dump(&["--schema-only"])).unwrap();
        // A random word of each dump.
        text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
    };
    let expected = schema(&source(server));
    for target in ["staging.sql", "staging.dump", "dir:staging.dir"] {
        let run = Snapshot::shop().to(target).run();
        run.succeeds();
        assert_eq!(schema(&loaded(&run.output(), server)), expected, "{target}");
    }
}

#[test]
fn a_sequence_goes_on_where_the_source_stands() {
    let server = Server::newest();
    let staging = loaded(&Snapshot::shop().to("staging.sql").run().output(), server);
    let last = "SELECT last_value FROM customers_id_seq; SELECT last_value, is_called FROM invoice_numbers;";
    assert_eq!(staging.psql(last), source(server).psql(last));
}

/// The values of a column of the source and of staging, each sorted.
fn before_and_after(table: &str, column: &str) -> (Vec<Option<String>>, Vec<Option<String>>) {
    let sorted = |rows: &Rows| {
        let mut values: Vec<_> =
            rows.column(table, column).into_iter().map(|value| value.map(str::to_string)).collect();
        values.sort();
        values
    };
    let before = Rows::of_database(&source(Server::newest()));
    (sorted(&before), sorted(&Snapshot::shop().to_parquet().run().rows()))
}

#[test]
fn a_kept_column_is_equal_to_its_source_value_for_value() {
    for (table, column) in [
        ("public.text_samples", "sample"),
        ("public.customers", "tags"),
        ("public.customers", "balance"),
        ("public.customers", "joined_at"),
        ("public.products", "attributes"),
        ("public.products", "weight_kg"),
        ("public.OrderLines", "unitPrice"),
        ("public.payments_2024", "method"),
        ("Back Office.price.list", "valid.from"),
    ] {
        let (before, after) = before_and_after(table, column);
        assert_eq!(before, after, "{table}.{column}");
    }
}

#[test]
fn no_value_of_a_masked_column_is_left() {
    for (table, column) in [
        ("public.customers", "email"),
        ("public.customers", "tax_number"),
        ("public.customers", "card_number"),
        ("public.customers", "external_id"),
        ("public.customers", "street"),
        ("public.orders", "ship_to_name"),
        ("public.payments_2024", "payer"),
        ("Back Office.price.list", "contact's \"e-mail\""),
    ] {
        let (before, after) = before_and_after(table, column);
        let left = after.iter().filter(|value| value.is_some() && before.contains(value)).count();
        assert_eq!(left, 0, "{table}.{column}");
        let nulls = |values: &[Option<String>]| values.iter().filter(|value| value.is_none()).count();
        assert_eq!(nulls(&before), nulls(&after), "{table}.{column}");
    }
}

/// Prints, as JSON, the number of rows of each table of the folder `staging` as pyarrow and as DuckDB read them.
const READERS: &str = r#"
import json, pathlib, sys, duckdb, pyarrow.parquet
counts = {}
for table in pathlib.Path(sys.argv[1]).iterdir():
    if table.is_dir():
        files = sorted(table.glob("*.parquet"))
        tables = [pyarrow.parquet.read_table(file) for file in files]
        metadata = pyarrow.parquet.read_metadata(files[0]).metadata
        name = (metadata[b"pg.schema"] + b"." + metadata[b"pg.table"]).decode()
        # DuckDB has no tables without a column.
        of_duckdb = [len(duckdb.read_parquet(str(file)).fetchall()) for file in files if tables[0].column_names]
        counts[name] = [sum(table.num_rows for table in tables), sum(of_duckdb)]
print(json.dumps(counts))
"#;

#[test]
fn the_parquet_readers_that_people_use_read_it() {
    let Some(python) = std::env::var_os("MASK_TEST_PYTHON") else {
        let _ = writeln!(stderr(), "skipped: MASK_TEST_PYTHON is not set; see tests/run.sh");
        return;
    };
    let run = Snapshot::shop().to_parquet().run();
    run.succeeds();
    let output = Command::new(python).args(["-c", READERS]).arg(run.output()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: BTreeMap<String, [usize; 2]> = serde_json::from_slice(&output.stdout).unwrap();
    for (table, rows) in run.rows().counts() {
        // Parquet counts no rows without columns; their number is in the file's metadata.
        let rows = if table == "public.heartbeats" { 0 } else { rows };
        assert_eq!(counts[&table], [rows, rows], "{table}");
    }
}
