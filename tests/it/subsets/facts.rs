//! A database and a subset of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::rows::Row;
use crate::support::{Rows, Run, Snapshot, assert_same_rows, loaded};

/// A database with the rows of a case, dumps of it, and what a subset of it holds.
pub struct Facts {
    pub database: Database,
    pub report: Value,
    server: &'static Server,
    folder: TempDir,
    rules: String,
    subset: Vec<String>,
    all: Rows,
    kept: Rows,
}

/// What every case keeps of its columns.
const KEEP: &str = "version = 1\n[defaults]\nunlisted = \"keep\"\n[large_objects]\naction = \"keep\"\n";

/// Writes the rows of every table anew, in another order.
const SHUFFLE: &str = r#"
SET session_replication_role = replica;
DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT format('%I.%I', nspname, relname) AS name, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS list
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid
        WHERE relkind = 'r' AND nspname !~ '^(pg_|information_schema)' AND attnum > 0 AND NOT attisdropped
            AND attgenerated = '' GROUP BY 1
    LOOP
        EXECUTE format('CREATE TEMP TABLE shuffled AS SELECT %s FROM ONLY %s ORDER BY md5(ROW(%1$s)::text)', t.list, t.name);
        EXECUTE format('DELETE FROM ONLY %s', t.name);
        EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM shuffled', t.name, t.list);
        DROP TABLE shuffled;
    END LOOP;
END $$;"#;

impl Facts {
    /// Loads `sql` and takes the subset that `rules` and `subset` ask for.
    pub fn of(server: &'static Server, sql: &str, rules: &str, subset: &[&str]) -> Facts {
        let database = server.database();
        database.psql(sql);
        Facts::from_database(server, database, rules.to_string(), subset)
    }

    /// The same database as it is now, and another subset of it.
    pub fn again(&self, subset: &[&str]) -> Facts {
        let copy = self.server.database();
        let dump = self.folder.path().join("again.dump");
        fs::write(&dump, self.database.pg_dump(&["-Fc"])).unwrap();
        copy.pg_restore(&dump, 1);
        Facts::from_database(self.server, copy, self.rules.clone(), subset)
    }

    fn from_database(server: &'static Server, database: Database, rules: String, subset: &[&str]) -> Facts {
        let folder = tempfile::tempdir().unwrap();
        let dump = folder.path().join("source.dump");
        fs::write(&dump, database.pg_dump(&["-Fc"])).unwrap();
        let subset: Vec<String> = subset.iter().map(ToString::to_string).collect();
        let mut facts = Facts {
            all: Rows::of_database(&database),
            kept: Rows::default(),
            report: Value::Null,
            database,
            server,
            folder,
            rules,
            subset,
        };
        let run = facts.run_as_asked().report().to("staging.dump").run();
        run.succeeds();
        let report = fs::read(run.work().join("report.json")).unwrap();
        facts.report = serde_json::from_slice(&report).unwrap();
        facts.kept = rows_of(&run, server);
        facts
    }

    /// A run on the dump, without a subset but for what the rules ask.
    pub fn whole(&self) -> Snapshot {
        let dump = self.folder.path().join("source.dump");
        Snapshot::shop().from(&dump).rules_text(&format!("{KEEP}{}", self.rules))
    }

    /// A run on the dump for the subset `subset`.
    pub fn run(&self, subset: &[&str]) -> Snapshot {
        subset.iter().fold(self.whole(), |run, spec| run.argument("--subset").argument(spec))
    }

    /// A run on the dump for the subset of the case.
    pub fn run_as_asked(&self) -> Snapshot {
        self.run(&self.subset.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The rows of the subset.
    pub fn rows(&self) -> &Rows {
        &self.kept
    }

    /// All rows.
    pub fn all_rows(&self) -> &Rows {
        &self.all
    }

    /// The values of `column` of the kept rows of `table`, NULL left out.
    #[track_caller]
    pub fn kept(&self, table: &str, column: &str) -> BTreeSet<String> {
        values(&self.kept, table, column)
    }

    /// The values of `column` of all rows of `table`, NULL left out.
    #[track_caller]
    pub fn all(&self, table: &str, column: &str) -> BTreeSet<String> {
        values(&self.all, table, column)
    }

    /// The number of kept rows.
    #[track_caller]
    pub fn count(&self, table: &str) -> usize {
        rows(&self.kept, table).len()
    }

    /// The number of all rows.
    #[track_caller]
    pub fn count_all(&self, table: &str) -> usize {
        rows(&self.all, table).len()
    }

    /// What the report says of a table.
    #[track_caller]
    pub fn reported(&self, table: &str, key: &str) -> u64 {
        let tables = self.report["tables"].as_array().unwrap();
        let name = format!("public.{table}");
        let table = tables.iter().find(|entry| entry["name"] == name.as_str()).expect("the report has it");
        table[key].as_u64().unwrap()
    }

    /// Checks that so many of `all` rows are `percent` of them, within three standard deviations.
    #[track_caller]
    pub fn assert_share(&self, table: &str, percent: f64) {
        let (all, kept) = (self.count_all(table) as f64, self.count(table) as f64);
        let p = percent / 100.0;
        let deviation = (all * p * (1.0 - p)).sqrt();
        assert!((kept - all * p).abs() <= 3.0 * deviation, "{table}: {kept} of {all} rows, {percent}%");
    }

    /// Checks that the kept rows of `child` are those whose `column` is the `key` of a kept row of `parent`.
    #[track_caller]
    pub fn assert_follows(&self, child: &str, column: &str, parent: &str, key: &str) {
        let parents = self.kept(parent, key);
        let expected = rows(&self.all, child)
            .iter()
            .filter(|row| row[column].as_ref().is_some_and(|value| parents.contains(value)));
        let expected: Vec<&Row> = expected.collect();
        let kept: Vec<&Row> = rows(&self.kept, child).iter().collect();
        assert_eq!(kept.len(), expected.len(), "{child} of {parent}");
        assert!(kept == expected, "{child} of {parent}: other rows");
    }

    /// As [`Facts::assert_follows`], of rows that are else as they were but for `nulled`, which may be NULL now.
    #[track_caller]
    pub fn assert_follows_but(&self, child: &str, column: &str, parent: &str, key: &str, nulled: &[&str]) {
        let parents = self.kept(parent, key);
        let without = |row: &Row| -> Row {
            let is_same = |(column, _): &(&String, _)| !nulled.contains(&column.as_str());
            row.iter().filter(is_same).map(|(column, value)| (column.clone(), value.clone())).collect()
        };
        let follows = |row: &&Row| row[column].as_ref().is_some_and(|value| parents.contains(value));
        let expected: BTreeSet<Row> = rows(&self.all, child).iter().filter(follows).map(without).collect();
        let kept: BTreeSet<Row> = rows(&self.kept, child).iter().map(without).collect();
        assert!(kept == expected, "{child} of {parent}: other rows");
    }

    /// Checks that every `column` of the kept rows of `child` is the `key` of a kept row of `parent`.
    #[track_caller]
    pub fn assert_closed(&self, child: &str, column: &str, parent: &str, key: &str) {
        let missing: Vec<String> =
            self.kept(child, column).difference(&self.kept(parent, key)).cloned().collect();
        assert!(missing.is_empty(), "{child}.{column}: {missing:?} are not in {parent}");
    }

    /// Loads the subset as a script, which adds and checks every constraint after the rows.
    pub fn assert_it_loads(&self) {
        let run = self.run_as_asked().to("staging.sql").run();
        run.succeeds();
        let database = loaded(&run.output(), self.server);
        assert_same_rows(&self.kept, &Rows::of_database(&database), "as a script");
    }

    /// Takes the same subset from every other format, by other numbers of threads, and from rows in another order.
    pub fn assert_every_format_gives_the_same(&self, what: &str) {
        let path = |name: &str| self.folder.path().join(name);
        let write = |name: &str, arguments: &[&str]| -> PathBuf {
            let file = path(name);
            fs::write(&file, self.database.pg_dump(arguments)).unwrap();
            file
        };
        let directory = path("source.dir");
        self.database.pg_dump(&["-Fd", "-f", directory.to_str().unwrap()]);
        let subset: Vec<&str> = self.subset.iter().map(String::as_str).collect();
        // Parquet is read without a server.
        let custom = self.run(&subset).to_parquet().run().rows();
        let has_rows = |(_, rows): &(&String, &usize)| **rows > 0;
        assert_eq!(
            custom.counts().iter().filter(has_rows).collect::<Vec<_>>(),
            self.kept.counts().iter().filter(has_rows).collect::<Vec<_>>(),
            "{what}, Parquet"
        );
        let parquet = Snapshot::shop().from(&path("source.dump")).rules_text(KEEP).to_parquet().run();
        parquet.succeeds();
        let schema = write("schema.sql", &["--schema-only"]);
        let of_parquet = self.run(&subset).from(&parquet.output());
        let snapshots = [
            ("directory", self.run(&subset).from(&directory)),
            ("tar", self.run(&subset).from(&write("source.tar", &["-Ft"]))),
            ("plain", self.run(&subset).from(&write("source.sql", &[]))),
            ("inserts", self.run(&subset).from(&write("inserts.sql", &["--column-inserts"]))),
            ("stdin", self.run(&subset).stdin(&write("stdin.sql", &[]))),
            ("a snapshot of Parquet", of_parquet.argument("--schema").argument(schema.to_str().unwrap())),
            ("one thread", self.run(&subset).jobs(1)),
            ("many threads", self.run(&subset).jobs(7)),
            ("live", self.live()),
        ];
        for (name, snapshot) in snapshots {
            let run = snapshot.to_parquet().run();
            run.succeeds();
            assert_same_rows(&custom, &run.rows(), &format!("{what}, {name}"));
        }
        self.database.psql(SHUFFLE);
        for (name, snapshot) in [
            ("in another order", self.run(&subset).from(&write("shuffled.dump", &["-Fc"]))),
            ("live in another order", self.live()),
        ] {
            let run = snapshot.to_parquet().run();
            run.succeeds();
            assert_same_rows(&custom, &run.rows(), &format!("{what}, {name}"));
        }
    }

    /// A run on the database itself, for the subset of the case.
    pub fn live(&self) -> Snapshot {
        self.run_as_asked().live(&self.database)
    }

    /// Where one percentage is asked for, checks that half of it is within it and it within its double.
    pub fn assert_less_is_within_more(&self, what: &str) {
        let Some(percent) = self.subset.first().and_then(|spec| spec.strip_suffix('%')?.parse::<f64>().ok())
        else {
            return;
        };
        let rest: Vec<&str> = self.subset[1..].iter().map(String::as_str).collect();
        let of = |percent: f64| {
            let spec = format!("{percent}%");
            let run = self.run(&[&[spec.as_str()], &rest[..]].concat()).to("staging.dump").run();
            run.succeeds();
            rows_of(&run, self.server)
        };
        let (less, more) = (of(percent / 2.0), of((percent * 2.0).min(100.0)));
        assert_within(&less, &self.kept, what);
        assert_within(&self.kept, &more, what);
    }
}

/// Checks that every row of `less` is in `more`, as often.
#[track_caller]
pub fn assert_within(less: &Rows, more: &Rows, what: &str) {
    for (table, rows) in &less.0 {
        let mut others = more.0[table].iter();
        // Both are sorted. A reference that is NULL in less may be whole in more.
        for row in rows {
            let is_same =
                |other: &&Row| row.iter().all(|(column, value)| value.is_none() || other[column] == *value);
            if row.values().all(Option::is_some) {
                assert!(others.any(|other| other == row), "{what}: a row of {table} is not within more");
            } else {
                assert!(more.0[table].iter().any(|other| is_same(&other)), "{what}: a row of {table}");
            }
        }
    }
}

fn rows_of(run: &Run, server: &'static Server) -> Rows {
    archive_rows(&run.output(), server)
}

/// The rows of an archive, loaded without its constraints: what is asked here is only which they are.
fn archive_rows(archive: &Path, server: &'static Server) -> Rows {
    let database = server.database();
    let mut pg_restore = database.tool("pg_restore");
    pg_restore.args(["--exit-on-error", "--section=pre-data", "--section=data", "-d", &database.name]);
    let output = pg_restore.arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Rows::of_database(&database)
}

#[track_caller]
fn rows<'r>(rows: &'r Rows, table: &str) -> &'r [Row] {
    rows.0.get(&format!("public.{table}")).unwrap_or_else(|| panic!("no table `{table}`"))
}

#[track_caller]
fn values(of: &Rows, table: &str, column: &str) -> BTreeSet<String> {
    rows(of, table).iter().filter_map(|row| row[column].clone()).collect()
}
