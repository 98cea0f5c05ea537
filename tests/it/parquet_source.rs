//! Parquet as a snapshot: what comes out of it is what comes out of the dump that it was written from.

use std::env;
use std::fs::{self, File};
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Int16Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use crate::support::postgres::Server;
use crate::support::{Rows, Run, Snapshot, assert_same_rows, fixture, loaded};

/// The snapshot as it is, in Parquet.
fn as_parquet(snapshot: Snapshot) -> Run {
    let run = snapshot.keep_all().to_parquet().run();
    run.succeeds();
    run
}

/// The Parquet files at `path`, with every column kept, in a database.
fn kept_rows(path: &Path, target: &str) -> Rows {
    let run = Snapshot::shop().from(path).keep_all().to(target).run();
    run.succeeds();
    Rows::of_database(&loaded(&run.output(), Server::newest()))
}

#[test]
fn every_value_comes_back_from_parquet() {
    for dump in ["types/types-15.dump", "shop/shop.dump"] {
        let parquet = as_parquet(Snapshot::of(dump));
        let reference = Rows::of_database(&loaded(&fixture(dump), Server::newest()));
        for target in ["staging.sql", "staging.dump", "dir:staging.dir"] {
            assert_same_rows(
                &reference,
                &kept_rows(&parquet.output(), target),
                &format!("{dump} to {target}"),
            );
        }
    }
}

#[test]
fn a_database_with_hostile_names_comes_back_from_parquet() {
    let server = Server::newest();
    let database = server.database();
    database.psql_file(&fixture("nasty/schema.sql"));
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("nasty.dump");
    database.pg_dump(&["-Fc", "-f", dump.to_str().unwrap()]);
    let rules = "version = 1\n[large_objects]\naction = \"drop\"\n";
    let parquet = as_parquet(Snapshot::shop().from(&dump).rules_text(rules));
    let rows = kept_rows(&parquet.output(), "staging.sql");
    assert_same_rows(&Rows::of_database(&database), &rows, "nasty");
}

#[test]
fn a_value_masks_as_it_does_from_the_dump() {
    let reference = Snapshot::shop().to_parquet().run();
    let parquet = as_parquet(Snapshot::shop());
    let run = Snapshot::shop().from(&parquet.output()).to_parquet().run();
    run.succeeds();
    assert_same_rows(&reference.succeeds().rows(), &run.rows(), "masked");
    let script = Snapshot::shop().from(&parquet.output()).to("staging.sql").run();
    script.succeeds();
    let expected = Snapshot::shop().to("staging.sql").run();
    assert_same_rows(&expected.succeeds().rows(), &script.rows(), "masked as a script");
}

#[test]
fn a_subset_has_the_rows_of_the_subset_of_the_dump() {
    let parquet = as_parquet(Snapshot::shop());
    let subset = |snapshot: Snapshot| {
        let run = snapshot.argument("--subset").argument("20%").to_parquet().run();
        run.succeeds();
        run.rows()
    };
    let expected = subset(Snapshot::shop());
    assert_same_rows(&expected, &subset(Snapshot::shop().from(&parquet.output())), "20%");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let parquet = as_parquet(Snapshot::shop());
    for target in ["staging.sql", "parquet:staging"] {
        let files = |jobs| {
            let run = Snapshot::shop().from(&parquet.output()).jobs(jobs).to(target).run();
            run.succeeds();
            run.files()
        };
        let one = files(1);
        assert!(one == files(2) && one == files(8), "{target}");
    }
}

const SCHEMA: &str = "
    CREATE TABLE public.people (
        id integer PRIMARY KEY, name text, born date, balance numeric(10,2), tags text[], seen timestamptz,
        raw bytea, is_active boolean, score real, rank smallint, twice integer GENERATED ALWAYS AS (id * 2) STORED
    );
    CREATE TABLE public.\"odd name\" (id integer);
";

/// A folder with files as an export of RDS has them, and the schema beside it.
struct Export {
    folder: TempDir,
}

impl Export {
    fn new() -> Export {
        let export = Export { folder: tempfile::tempdir().unwrap() };
        fs::write(export.schema(), SCHEMA).unwrap();
        export.put("export_info_shop.json", b"{}");
        export.put("export_tables_info_shop_from_1_to_2.json", b"{}");
        for (batch, first, codec) in [
            ("1", 1, Compression::GZIP(Default::default())),
            ("2", 3, Compression::SNAPPY),
            ("10", 5, Compression::UNCOMPRESSED),
        ] {
            let name = format!("shop/public.people/{batch}/part-00000-0b1c.gz.parquet");
            export.put(&format!("shop/public.people/{batch}/_SUCCESS"), b"");
            export.write(&name, &people(first), codec);
        }
        let odd =
            RecordBatch::try_from_iter([("id", Arc::new(Int32Array::from(vec![7])) as ArrayRef)]).unwrap();
        export.write("shop/public.odd_name/1/part-00000-0b1c.gz.parquet", &odd, Compression::LZ4_RAW);
        export
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    fn schema(&self) -> PathBuf {
        self.folder.path().join("schema.sql")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn write(&self, name: &str, batch: &RecordBatch, codec: Compression) {
        self.put(name, b"");
        let file = File::create(self.root().join(name)).unwrap();
        let properties = WriterProperties::builder().set_compression(codec).build();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
    }

    fn snapshot(&self) -> Snapshot {
        let schema = self.schema().display().to_string();
        Snapshot::shop().from(&self.root()).keep_all().argument("--schema").argument(&schema)
    }
}

/// Two people, most of them in text, as RDS has most types.
fn people(first: i32) -> RecordBatch {
    let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int32Array::from(vec![first, first + 1])) as ArrayRef, true),
        ("name", text([Some("Ana\tB\\"), None]), true),
        ("born", text([Some("1999-12-31"), Some("infinity")]), true),
        ("balance", text([Some("12.50"), Some("NaN")]), true),
        ("tags", text([Some("{a,\"b c\"}"), None]), true),
        ("seen", text([Some("2024-02-29 12:00:00+00"), None]), true),
        ("raw", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None])), true),
        ("is_active", Arc::new(BooleanArray::from(vec![Some(true), None])), true),
        ("score", Arc::new(Float32Array::from(vec![Some(1e20), Some(0.1)])), true),
        ("rank", Arc::new(Int16Array::from(vec![Some(-7), None])), true),
        ("twice", Arc::new(Int32Array::from(vec![first * 2, first * 2 + 2])), true),
    ])
    .unwrap()
}

#[test]
fn an_export_of_rds_is_read_with_a_schema_beside_it() {
    let run = Export::new().snapshot().to("staging.sql").run();
    run.succeeds();
    let database = loaded(&run.output(), Server::newest());
    let rows = database.psql(
        "SET timezone = 'UTC'; SET extra_float_digits = 1;
         SELECT id, name, born, balance, tags, seen, raw, is_active, score, rank, twice FROM people WHERE id < 3 ORDER BY id;
         SELECT string_agg(id::text, ',') FROM people; SELECT id FROM \"odd name\"",
    );
    assert!(
        rows.contains("1|Ana\tB\\|1999-12-31|12.50|{a,\"b c\"}|2024-02-29 12:00:00+00|\\x00ff|t|1e+20|-7|2"),
        "{rows}"
    );
    assert!(rows.contains("2||infinity|NaN|||||0.1||4\n1,2,3,4,5,6\n7\n"), "{rows}");
}

#[test]
fn without_a_schema_the_message_says_how_to_make_one() {
    let run = Snapshot::shop().from(&Export::new().root()).keep_all().to("staging.sql").run();
    run.ends_with(2)
        .says("a schema is missing")
        .says("pg_dump --schema-only")
        .says("--schema")
        .leaves_nothing();
}

#[test]
fn files_of_another_schema_are_refused_before_any_row() {
    let column = |name: &str, array: ArrayRef| {
        let people = people(1);
        let columns = people.schema_ref().fields().iter().zip(people.columns());
        let mut columns: Vec<(String, ArrayRef, bool)> = columns
            .filter(|(field, _)| field.name() != name)
            .map(|(field, array)| (field.name().clone(), array.clone(), true))
            .collect();
        columns.push((name.to_string(), array, true));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    };
    let integers = || Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
    let lacking = people(1).project(&[0, 1, 2]).unwrap();
    for (batch, what, place) in [
        (column("extra", integers()), "has a column that the table does not have", "column `extra`"),
        (lacking, "lacks a column of the table", "column `balance`"),
        (column("name", integers()), "has integers in a column of `text`", "column `name`"),
        (
            column("seen", Arc::new(TimestampMicrosecondArray::from(vec![1, 2]))),
            "has timestamps without time zone in a column of `timestamp with time zone`",
            "column `seen`",
        ),
    ] {
        let export = Export::new();
        export.write("shop/public.people/2/part-00001-0b1c.gz.parquet", &batch, Compression::SNAPPY);
        let run = export.snapshot().to("staging.sql").run();
        run.ends_with(1).says(what).says("table `public.people`").says(place).leaves_nothing();
    }
    let export = Export::new();
    export.write("shop/public.nobody/1/part-00000.gz.parquet", &people(1), Compression::SNAPPY);
    export.snapshot().to("staging.sql").run().ends_with(1).says("the schema has no table of the name");
}

#[test]
fn a_value_that_its_column_cannot_hold_is_named_by_its_place() {
    let export = Export::new();
    let bytes = Arc::new(BinaryArray::from(vec![Some(&b"s3cret\xff"[..]), None])) as ArrayRef;
    let people = people(1);
    let columns = people.schema_ref().fields().iter().zip(people.columns()).map(|(field, array)| {
        (field.name().as_str(), if field.name() == "name" { bytes.clone() } else { array.clone() }, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    export.write("shop/public.people/2/part-00001-0b1c.gz.parquet", &batch, Compression::SNAPPY);
    let run = export.snapshot().to("staging.sql").run();
    run.ends_with(1).says("text is not valid UTF-8").says("column `name`, row 1").leaves_nothing();
    assert!(!run.stderr.contains("s3cret"));
}

#[test]
fn damaged_files_give_an_error_or_rows_and_no_panic() {
    let damages = env::var("MASK_TEST_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    let export = Export::new();
    let mut random = 0x5eed_u64;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    for number in 0..damages * 8 {
        let name =
            ["1", "2", "10"].map(|batch| format!("shop/public.people/{batch}/part-00000-0b1c.gz.parquet"));
        let name = &name[number % 3];
        let whole = fs::read(export.root().join(name)).unwrap();
        let mut bytes = whole.clone();
        let what = if number % 2 == 0 {
            bytes.truncate(below(whole.len()));
            format!("{name} cut at {}", bytes.len())
        } else {
            // Most of a small file is its footer, where a byte does most harm.
            let (at, byte) = (below(whole.len()), below(256) as u8);
            bytes[at] = byte;
            format!("{name} with {at} = {byte:#04x}")
        };
        export.put(name, &bytes);
        let run = export.snapshot().to("staging.sql").run();
        export.put(name, &whole);
        let code = run.status.code();
        assert!(
            code == Some(1) || code == Some(0) && number % 2 == 1,
            "{what}: {}\n{}",
            run.status,
            run.stderr
        );
        assert!(!run.stderr.contains("panicked") && !run.stderr.contains("Ana"), "{what}: {}", run.stderr);
        if code == Some(1) {
            run.says("at: ").leaves_nothing();
        }
    }
}

#[test]
fn floating_point_numbers_are_written_as_postgres_writes_them() {
    let database = Server::newest().database();
    database.psql(
        "CREATE TABLE floats (id serial PRIMARY KEY, long float8, short float4);
         INSERT INTO floats (long, short)
         SELECT v, v::float4 FROM (
             SELECT (1.7 * sin(i)) * 10.0::float8 ^ (i % 75 - 37) FROM generate_series(1, 3000) i
             UNION ALL SELECT 2.0::float8 ^ i FROM generate_series(-120, 120) i
             UNION ALL SELECT unnest(ARRAY[1e22, 1e23, -1e23, 5e22, 8.5e22, 9007199254740993, '-0', 'NaN', 'Infinity']::float8[])
         ) of_values(v)",
    );
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("floats.dump");
    database.pg_dump(&["-Fc", "-f", dump.to_str().unwrap()]);
    let parquet = as_parquet(Snapshot::shop().from(&dump));
    let run = |from: &Path| {
        let run = Snapshot::shop().from(from).keep_all().to("staging.sql").run();
        run.succeeds();
        let script = fs::read_to_string(run.output()).unwrap();
        let rows = script.split_once("FROM stdin;\n").unwrap().1.split_once("\\.\n").unwrap().0;
        rows.lines().map(str::to_string).collect::<Vec<_>>()
    };
    let (expected, written) = (run(&dump), run(&parquet.output()));
    assert_eq!(expected.len(), 3250);
    for (expected, written) in expected.iter().zip(&written) {
        assert_eq!(expected, written);
    }
}

/// Writes the folder `sys.argv[1]` as other programs do: other encodings, codecs, versions and page sizes.
const WRITER: &str = r#"
import datetime, decimal, pathlib, sys, pyarrow as pa, pyarrow.parquet as pq
root = pathlib.Path(sys.argv[1])
utc = datetime.timezone.utc
table = pa.table({
    "id": pa.array(range(1, 2001), pa.int64()),
    "name": pa.array(["a%d" % (i % 7) for i in range(2000)], pa.large_string()),
    "kind": pa.array(["x", "y"] * 1000).dictionary_encode(),
    "price": pa.array([decimal.Decimal("1.50")] * 2000, pa.decimal128(10, 2)),
    "seen": pa.array([datetime.datetime(2024, 2, 29, 12, 0, 0, 5, utc)] * 2000, pa.timestamp("ns", "UTC")),
    "tags": pa.array([["p", None, "q r"], []] * 1000, pa.list_(pa.string())),
    "old": pa.array([datetime.datetime(1066, 10, 14, 9)] * 2000, pa.timestamp("us")),
})
forms = [
    dict(compression="snappy", version="1.0", use_deprecated_int96_timestamps=False),
    dict(compression="gzip", data_page_version="2.0", data_page_size=512, row_group_size=300),
    dict(compression="zstd", use_dictionary=False, column_encoding={"id": "DELTA_BINARY_PACKED", "name": "DELTA_BYTE_ARRAY"}),
    dict(compression="lz4", use_dictionary=False, column_encoding={"name": "DELTA_LENGTH_BYTE_ARRAY"}),
    dict(compression="none", row_group_size=7),
]
for number, form in enumerate(forms):
    folder = root / ("public.form%d" % number)
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "data.parquet", coerce_timestamps=None if form.get("version") != "1.0" else "us", **form)
"#;

#[test]
fn what_pyarrow_writes_in_any_form_is_read_alike() {
    let Some(python) = env::var_os("MASK_TEST_PYTHON") else {
        let _ = writeln!(stderr(), "skipped: MASK_TEST_PYTHON is not set; see tests/run.sh");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("written");
    let written = Command::new(python).args(["-c", WRITER]).arg(&root).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let table = |number| {
        format!(
            "CREATE TABLE public.form{number} (id bigint PRIMARY KEY, name text, kind text, price numeric(10,2), \
             seen timestamptz, tags text[], old timestamp);\n"
        )
    };
    fs::write(root.join("schema.sql"), (0..5).map(table).collect::<String>()).unwrap();
    let run = Snapshot::shop().from(&root).keep_all().to("staging.sql").run();
    run.succeeds();
    let database = loaded(&run.output(), Server::newest());
    let first = database.psql("SET timezone = 'UTC'; SELECT * FROM form0 WHERE id < 3 ORDER BY id");
    assert!(
        first.contains("1|a0|x|1.50|2024-02-29 12:00:00.000005+00|{p,NULL,\"q r\"}|1066-10-14 09:00:00\n"),
        "{first}"
    );
    for number in 1..5 {
        let other = database
            .psql(&format!("SELECT count(*) FROM (TABLE form0 INTERSECT TABLE form{number}) AS alike"));
        assert_eq!(other, "2000\n", "form {number}");
    }
}
