//! No value of the snapshot is in an output, a message, a report or a temporary file, also when a run fails.

use std::fs;
use std::path::PathBuf;

use crate::support::postgres::Server;
use crate::support::{Rows, Run, Snapshot, loaded};

/// A value in every column, in words or digits that occur nowhere else.
const CANARIES: &[&str] = &[
    "Oxbowcanary",
    "canary.mail",
    "1907-03-19",
    "c0ffee00",
    "jsoncanary",
    "tagcanary",
    "ca9a47ca9a47",
    "203.0.113.77",
    "7391846",
    "4000007391846290",
    "canarynote",
];

const SCHEMA: &str = "
SET client_encoding = 'UTF8';
CREATE TABLE public.people (
    id integer NOT NULL,
    name text,
    email text,
    born date,
    token uuid,
    note jsonb,
    tags text[],
    photo bytea,
    ip inet,
    amount numeric(12,2),
    card character varying(19),
    remarks text
);
";

const COPY: &str = "COPY public.people (id, name, email, born, token, note, tags, photo, ip, amount, card, remarks) FROM stdin;\n";

const ROW: &str = concat!(
    "1\tOxbowcanary Seven\tcanary.mail@corp.example\t1907-03-19\tc0ffee00-dead-4bee-8bad-feedfacecafe\t",
    "{\"jsoncanary\": \"jsoncanary\"}\t{tagcanary}\t\\\\xca9a47ca9a47\t203.0.113.77\t7391846.29\t",
    "4000007391846290\tcanarynote\\tcanarynote\n"
);

const RULES: &str = r#"
version = 1
[tables.people]
id = "keep"
name = "full_name"
email = "email"
born = "date_shift"
token = "uuid"
note = { fn = "fixed", value = "{}" }
tags = "null"
photo = "null"
ip = "null"
amount = { fn = "fixed", value = "1.00" }
card = "digits"
remarks = "redact"
"#;

fn script(data: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canary.sql");
    fs::write(&path, format!("{SCHEMA}{data}")).unwrap();
    (folder, path)
}

fn run(data: &str, to: &str) -> Run {
    let (_folder, path) = script(data);
    let report = Snapshot::shop().from(&path).rules_text(RULES).to(to).argument("--report");
    report.argument("report.json").argument("-v").argument("--progress").argument("plain").run()
}

#[track_caller]
fn assert_no_canary(bytes: &[u8], what: &str) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for canary in CANARIES {
        assert!(!text.contains(&canary.to_lowercase()), "`{canary}` is in {what}");
    }
}

#[track_caller]
fn assert_no_canary_in(run: &Run) {
    assert_no_canary(&run.stdout, "standard output");
    assert_no_canary(run.stderr.as_bytes(), "standard error");
    for (path, bytes) in run.files() {
        assert_no_canary(path.as_os_str().as_encoded_bytes(), "the name of a file");
        assert_no_canary(&bytes, &path.display().to_string());
    }
}

#[track_caller]
fn assert_no_canary_in_rows(rows: &Rows) {
    for (table, rows) in &rows.0 {
        assert_eq!(rows.len(), 1, "{table}");
        for value in rows.iter().flat_map(|row| row.values()).flatten() {
            assert_no_canary(value.as_bytes(), table);
        }
    }
}

#[test]
fn no_canary_passes_in_a_run_that_succeeds() {
    for to in ["parquet:staging", "staging.sql", "staging.dump", "dir:staging.dir", "-"] {
        let run = run(&format!("{COPY}{ROW}\\.\n"), to);
        run.succeeds();
        assert_no_canary_in(&run);
        if to != "-" {
            assert_no_canary_in_rows(&run.rows());
        }
    }
}

#[test]
fn no_canary_passes_in_the_form_of_inserts() {
    let row = ROW.trim_end().replace("\\\\x", "\\x").replace("\\t", " ");
    let values: Vec<String> = row.split('\t').map(|value| format!("'{value}'")).collect();
    let run = run(&format!("INSERT INTO public.people VALUES ({});\n", values.join(", ")), "staging.sql");
    run.succeeds();
    assert_no_canary_in(&run);
    assert_no_canary_in_rows(&Rows::of_database(&loaded(&run.output(), Server::newest())));
}

#[test]
fn no_canary_is_in_the_message_of_a_run_that_fails() {
    let cut = &ROW[..ROW.len() - 30];
    let escape_at_the_end = ROW.replace("canarynote\n", "canarynote\\");
    let bad_date = ROW.replace("1907-03-19", "canarynote");
    let bad_uuid = ROW.replace("c0ffee00-dead", "c0ffee00-canarynote");
    let bad_number = ROW.replace("1\tOxbow", "canarynote\tOxbow");
    for (what, data) in [
        ("cut in a row", format!("{COPY}{ROW}{cut}")),
        ("no end of the data", format!("{COPY}{ROW}")),
        ("an escape at the end", format!("{COPY}{escape_at_the_end}\n\\.\n")),
        ("too few columns", format!("{COPY}Oxbowcanary\tcanarynote\n\\.\n")),
        ("too many columns", format!("{COPY}{}\tcanarynote\n\\.\n", ROW.trim_end())),
        ("a date that is none", format!("{COPY}{bad_date}\\.\n")),
        ("a UUID that is none", format!("{COPY}{bad_uuid}\\.\n")),
        ("a number that is none", format!("{COPY}{bad_number}\\.\n")),
        ("an unknown table", format!("{}{ROW}\\.\n", COPY.replace("people", "others"))),
        ("an unknown column", format!("{}{ROW}\\.\n", COPY.replace("remarks", "nothing"))),
        ("an INSERT that is cut", "INSERT INTO public.people VALUES (1, 'Oxbowcanary".to_string()),
        (
            "an INSERT of an expression",
            "INSERT INTO public.people VALUES (1, upper('Oxbowcanary'));\n".to_string(),
        ),
        ("rows without a statement", ROW.to_string()),
        ("a zero byte", format!("{COPY}{}\\.\n", ROW.replace("canarynote\n", "canarynote\u{0}\n"))),
    ] {
        let run = run(&data, "parquet:staging");
        assert_ne!(run.status.code(), Some(0), "{what}");
        assert!(run.status.code().is_some() && !run.stderr.contains("panicked"), "{what}: {}", run.stderr);
        assert_no_canary_in(&run);
        assert!(!run.output().exists(), "{what}: the target looks whole");
    }
}

#[test]
fn no_canary_is_in_a_plan() {
    let (_folder, path) = script(&format!("{COPY}{ROW}\\.\n"));
    for format in ["text", "json"] {
        let plan = Snapshot::shop().from(&path).rules_text(RULES).command("plan");
        let run = plan.argument("--format").argument(format).run();
        run.succeeds();
        assert_no_canary_in(&run);
    }
}

#[test]
fn what_carries_values_past_the_columns_is_dropped_and_named() {
    for dump in ["carriers-15.dump", "carriers-15.dir", "carriers-15.tar", "carriers-15.sql.gz"] {
        let rules = "version = 1\n[defaults]\nunlisted = \"keep\"\n[large_objects]\naction = \"drop\"\n";
        let snapshot = Snapshot::of(format!("carriers/{dump}")).rules_text(rules);
        let run = snapshot.clone().to("staging.sql").run();
        run.succeeds();
        let script = fs::read_to_string(run.output()).unwrap();
        assert!(!script.contains("carried") && !run.stderr.contains("carried"), "{dump}");

        let plan = snapshot.command("plan").run();
        plan.succeeds();
        let plan = String::from_utf8(plan.stdout.clone()).unwrap();
        assert!(!plan.contains("carried"), "{dump}: {plan}");
        for object in ["USER MAPPING", "SUBSCRIPTION"] {
            assert!(plan.contains(object), "{dump}: {object} is not named in\n{plan}");
        }
    }
}

#[test]
fn large_objects_need_a_decision() {
    for dump in ["carriers-15.dump", "carriers-15.sql.gz", "carriers-18.dump", "carriers-18.dir"] {
        let run = Snapshot::of(format!("carriers/{dump}")).keep_all().to("staging.sql").run();
        run.ends_with(2).says("large objects").says("[large_objects]").leaves_nothing();
    }
}

#[test]
fn a_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("short.key");
    fs::write(&key, "c2VjcmV0Y2FuYXJ5").unwrap();
    let run = Snapshot::shop().key_file(&key).to("staging.sql").run();
    run.ends_with(2).leaves_nothing();
    assert!(!run.stderr.contains("c2VjcmV0") && !run.stderr.contains("secretcanary"), "{}", run.stderr);
}
