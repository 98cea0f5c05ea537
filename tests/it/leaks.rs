//! No value of the snapshot is in an output, a message, a report or a temporary file, also when a run fails.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use memchr::memmem;
use pgmask::pg::archive::Archive;
use pgmask::pg::compression::Codec;
use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Run, Snapshot, fixture, loaded, mask, send_signal, wait};

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

/// Checks that no canary is in `bytes`.
#[track_caller]
fn assert_no_canary(bytes: &[u8], what: &str) {
    if let Some(canary) = canary_in(bytes) {
        panic!("`{canary}` is in {what}");
    }
}

/// A canary in `bytes`: as it is, in hex, in base64, or in what they decompress to.
fn canary_in(bytes: &[u8]) -> Option<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let is_there = |forms: &[Vec<u8>]| forms.iter().any(|form| memmem::find(&lower, form).is_some());
    let found = FORMS.iter().find(|(_, forms)| is_there(forms)).map(|(canary, _)| *canary);
    let codec = Codec::of_file(bytes);
    if found.is_some() || codec == Codec::Plain {
        return found;
    }
    let mut unpacked = Vec::new();
    // What a failed run leaves may be cut: then as much as there is.
    let _ = codec.decoder(bytes).and_then(|mut decoder| decoder.read_to_end(&mut unpacked));
    canary_in(&unpacked)
}

#[test]
fn a_canary_is_found_in_every_form() {
    for shift in 0..3 {
        let text = format!("{}Oxbowcanary Seven", &"xyz"[..shift]);
        assert!(canary_in(BASE64_STANDARD_NO_PAD.encode(&text).as_bytes()).is_some(), "{shift} bytes before");
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        assert!(canary_in(hex.as_bytes()).is_some());
        assert!(canary_in(&Codec::Gzip.compress(text.as_bytes().to_vec()).unwrap()).is_some());
    }
    assert_eq!(canary_in(b"Oxbow Canary"), None);
}

type Forms = Vec<Vec<u8>>;

/// Each canary and the forms it could have, in lower case.
static FORMS: LazyLock<Vec<(&'static str, Forms)>> = LazyLock::new(|| {
    let forms = |canary: &str| {
        let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut forms = vec![canary.to_lowercase(), hex];
        forms.extend((0..3).map(|shift| base64(canary.as_bytes(), shift).to_lowercase()));
        forms.into_iter().map(String::into_bytes).collect()
    };
    CANARIES.iter().map(|canary| (*canary, forms(canary))).collect()
});

/// What of the base64 of a text depends on `bytes` alone where they begin `shift` bytes after a group of three.
fn base64(bytes: &[u8], shift: usize) -> String {
    let encoded = BASE64_STANDARD_NO_PAD.encode([&vec![0; shift][..], bytes].concat());
    let of_others = [0, 2, 3][shift];
    let whole = (shift + bytes.len()) / 3 * 4;
    encoded[of_others..whole].to_string()
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

/// Checks the files in `folder`, whatever a run has left there.
#[track_caller]
fn assert_no_canary_below(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        assert_no_canary(entry.file_name().as_encoded_bytes(), "the name of a file");
        match entry.path().is_dir() {
            true => assert_no_canary_below(&entry.path()),
            false => assert_no_canary(&fs::read(entry.path()).unwrap(), &entry.path().display().to_string()),
        }
    }
}

/// Checks what an archive holds, its data decompressed.
#[track_caller]
fn assert_no_canary_in_archive(path: &Path) {
    let archive = Archive::open(path).unwrap();
    for (index, entry) in archive.dump().entries.iter().enumerate() {
        for text in [&entry.tag, &entry.definition, &entry.drop_statement, &entry.copy_statement] {
            assert_no_canary(text.as_bytes(), "an entry of the archive");
        }
        if entry.kind == "TABLE DATA" {
            let mut rows = Vec::new();
            archive.data(index).unwrap().0.read_to_end(&mut rows).unwrap();
            assert_no_canary(&rows, "the rows of the archive");
        }
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
    for to in ["parquet:staging", "staging.sql", "staging.sql.gz", "staging.dump", "dir:staging.dir", "-"] {
        let run = run(&format!("{COPY}{ROW}\\.\n"), to);
        run.succeeds();
        assert_no_canary_in(&run);
        if to.contains("dump") || to.starts_with("dir:") {
            assert_no_canary_in_archive(&run.output());
        }
        if to.ends_with(".gz") {
            continue;
        }
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
fn no_canary_passes_in_progress_of_any_style() {
    let (_folder, path) = script(&format!("{COPY}{ROW}\\.\n"));
    for style in ["bar", "json", "auto"] {
        let run = Snapshot::shop().from(&path).rules_text(RULES).to_parquet();
        let run = run.argument("--progress").argument(style).run();
        run.succeeds();
        assert_no_canary_in(&run);
    }
}

/// Rows of several blocks of a mebibyte, the row `damaged` of them with a column too few.
fn many_rows(damaged: Option<usize>) -> String {
    let mut data = COPY.to_string();
    for number in 0..MANY {
        match damaged {
            Some(damaged) if damaged == number => data += "Oxbowcanary\tcanarynote\n",
            _ => data += &format!("{number}{}", &ROW[1..]),
        }
    }
    data + "\\.\n"
}

const MANY: usize = 10_000;

#[test]
fn no_canary_is_left_by_a_run_that_fails_in_any_block() {
    for damaged in [0, MANY / 2, MANY - 1] {
        for to in ["parquet:staging", "staging.sql", "staging.dump"] {
            let run = run(&many_rows(Some(damaged)), to);
            run.ends_with(1).says(&format!("row {}", damaged + 1)).leaves_nothing();
            assert_no_canary_in(&run);
        }
    }
}

#[test]
fn no_canary_is_in_the_message_of_a_refused_plan() {
    let (_folder, path) = script(&format!("{COPY}{ROW}\\.\n"));
    for rules in [
        RULES.replace("remarks = \"redact\"", ""),
        RULES.replace("\"date_shift\"", "\"email\""),
        RULES.replace("remarks =", "remark ="),
        RULES.replace("[tables.people]", "[tables.people"),
    ] {
        let run = Snapshot::shop().from(&path).rules_text(&rules).to_parquet().argument("-v").run();
        run.ends_with(2).leaves_nothing();
        assert_no_canary_in(&run);
    }
}

#[test]
fn no_canary_is_left_where_the_target_cannot_be_written() {
    let (folder, path) = script(&many_rows(None));
    fs::write(folder.path().join("file"), "").unwrap();
    for to in ["parquet:file/staging", "file/staging.sql", "missing/staging.dump", "dir:missing/staging"] {
        let output = command(folder.path(), &path, to).output().unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{to}: {:?}", output.status);
        assert_no_canary(&output.stderr, to);
    }
}

/// The program at work in `folder`, on the snapshot `from`, by the rules of the canaries.
fn command(folder: &Path, from: &Path, to: &str) -> Command {
    let rules = folder.join("rules.toml");
    fs::write(&rules, RULES).unwrap();
    let mut command = mask();
    command.current_dir(folder).env("TMPDIR", folder).arg("--from").arg(from).args(["--to", to, "-v"]);
    command.arg("--rules").arg(rules).arg("--key-file").arg(fixture("shop/demo.key"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What `child` said on standard error, and its exit code, once it has ended.
fn ended(mut child: Child) -> (Option<i32>, Vec<u8>) {
    let mut said = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
    (wait(child).code(), said)
}

#[test]
#[cfg(target_os = "linux")]
fn no_canary_is_left_where_the_disk_is_full() {
    let (folder, path) = script(&many_rows(None));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (code, said) = ended(command(folder.path(), &path, "-").stdout(full).spawn().unwrap());
    assert_eq!(code, Some(1));
    assert_no_canary(&said, "standard error");

    let Some(disk) = SmallDisk::mount() else { return };
    for to in ["parquet:staging", "staging.sql", "staging.dump", "dir:staging"] {
        let (code, said) = ended(command(disk.folder.path(), &path, to).spawn().unwrap());
        assert_eq!(code, Some(1), "{to}");
        let text = String::from_utf8_lossy(&said);
        assert!(text.contains("free some space") && text.contains("\n  at: "), "{to}: {text}");
        assert_no_canary(&said, "standard error");
        assert_no_canary_below(disk.folder.path());
        assert!(!disk.folder.path().join("staging").exists());
        let left = fs::read_dir(disk.folder.path()).unwrap().count();
        assert_eq!(left, 1, "{to}: something is left beside the rules");
    }
}

/// A disk of 32 KiB in memory; only root may mount one.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let disk = SmallDisk { folder: tempfile::tempdir().unwrap() };
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(disk.folder.path());
        let is_mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        is_mounted.then_some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).stderr(Stdio::null()).status();
    }
}

/// A run that reads `rows` from a pipe, all but the last few, and waits for these.
fn waiting(folder: &Path, rows: &str) -> (Child, ChildStdin) {
    let mut command = command(folder, Path::new("-"), "staging.sql");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(SCHEMA.as_bytes()).unwrap();
    input.write_all(&rows.as_bytes()[..rows.len() - 10]).unwrap();
    (child, input)
}

#[test]
#[cfg(target_os = "linux")]
fn no_canary_is_on_the_disk_while_a_stream_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _input) = waiting(folder.path(), &many_rows(None));
    let spooled: Vec<u8> = open_files(child.id(), folder.path()).concat();
    assert!(spooled.len() > 1000, "the stream is spooled");
    assert_no_canary(&spooled, "the spooled stream");
    assert_no_canary_below(folder.path());
    child.kill().unwrap();
    let (_, said) = ended(child);
    assert_no_canary(&said, "standard error");
    assert_no_canary_below(folder.path());
}

/// What is in the files below `folder` that the process has open, those without a name too.
#[cfg(target_os = "linux")]
fn open_files(process: u32, folder: &Path) -> Vec<Vec<u8>> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let files =
        descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|file| file.starts_with(folder)));
    files.map(|entry| fs::read(entry.path()).unwrap()).collect()
}

#[test]
fn no_canary_is_left_by_a_run_that_is_interrupted_or_killed() {
    let data = many_rows(None);
    let (_folder, path) = script(&data.replace("\\.\n", &format!("{}\\.\n", ROW.repeat(5 * MANY))));
    for (signal, to) in
        [("INT", "staging.sql"), ("INT", "parquet:staging"), ("KILL", "staging.sql"), ("KILL", "dir:staging")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(folder.path(), &path, to).spawn().unwrap();
        wait_for_output(folder.path());
        assert!(child.try_wait().unwrap().is_none(), "{signal} {to}: it had ended");
        send_signal(signal, &child);
        let (code, said) = ended(child);
        assert_eq!(
            code,
            if signal == "INT" { Some(130) } else { None },
            "{}",
            String::from_utf8_lossy(&said)
        );
        assert_no_canary(&said, "standard error");
        assert_no_canary_below(folder.path());
        assert!(!folder.path().join("staging").exists() && !folder.path().join("staging.sql").exists());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert!(signal == "KILL" || left == 1, "something is left beside the rules");
    }
}

/// Waits until a run has begun to write below `folder`.
fn wait_for_output(folder: &Path) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        let is_output = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".staging");
        if fs::read_dir(folder).unwrap().flatten().any(|entry| is_output(&entry)) {
            return sleep(Duration::from_millis(50));
        }
        sleep(Duration::from_millis(1));
    }
    panic!("the run writes nothing");
}

#[test]
fn no_canary_is_said_when_the_reader_goes_away() {
    let (folder, path) = script(&many_rows(None));
    let mut child = command(folder.path(), &path, "-").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let (code, said) = ended(child);
    assert_ne!(code, Some(0));
    assert_no_canary(&said, "standard error");
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

/// What a script can carry past the columns: passwords, labels, statistics, large objects.
const CARRIERS: &str = "
CREATE ROLE canaryless;
ALTER ROLE canaryless WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:canarynote';
CREATE ROLE another WITH LOGIN ENCRYPTED PASSWORD 'md5canarynote' VALID UNTIL '2030-01-01';
CREATE USER MAPPING FOR canaryless SERVER elsewhere OPTIONS (\"user\" 'Oxbowcanary', password 'canarynote');
CREATE SUBSCRIPTION incoming CONNECTION 'host=db.example password=canarynote' PUBLICATION outgoing WITH (connect = false);
SECURITY LABEL FOR anon ON COLUMN public.people.name IS 'MASKED WITH VALUE $$Oxbowcanary$$';
SECURITY LABEL FOR anon ON COLUMN public.people.remarks IS 'canarynote for selinux';
SELECT pg_catalog.lo_create('70001');
SELECT pg_catalog.lo_open('70001', 131072);
SELECT pg_catalog.lowrite(0, '\\x63616e6172796e6f7465');
SELECT pg_catalog.lo_close(0);
SELECT * FROM pg_catalog.pg_restore_attribute_stats('version', '180000'::integer, 'schemaname', 'public', 'relname',
    'people', 'attname', 'name', 'inherited', 'f'::boolean, 'most_common_vals', '{Oxbowcanary}'::text);
";

#[test]
fn no_canary_passes_beside_the_columns_of_a_script() {
    let rules = format!("{RULES}\n[large_objects]\naction = \"drop\"\n");
    let (_folder, path) = script(&format!("{COPY}{ROW}\\.\n{CARRIERS}"));
    for to in ["staging.sql", "staging.dump", "parquet:staging"] {
        let run = Snapshot::shop().from(&path).rules_text(&rules).to(to).argument("-v");
        let run = run.argument("--report").argument("report.json").run();
        run.succeeds();
        assert_no_canary_in(&run);
        if to == "staging.dump" {
            assert_no_canary_in_archive(&run.output());
        }
    }
}

/// A database with canaries in rows, statistics, a user mapping, a subscription and a large object.
fn database_with_canaries(server: &'static Server) -> Database {
    let database = server.database();
    database.psql(&format!("{SCHEMA}{COPY}{ROW}\\.\n"));
    database.psql(
        "CREATE FOREIGN DATA WRAPPER nowhere;
         CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
         CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (password 'canarynote');
         CREATE SUBSCRIPTION incoming CONNECTION 'host=db.example password=canarynote' PUBLICATION outgoing
             WITH (connect = false, enabled = false, slot_name = NONE);
         COMMENT ON SUBSCRIPTION incoming IS 'not there any more';
         SELECT lo_from_bytea(70001, 'canarynote');
         CREATE INDEX ON public.people (upper(name));
         INSERT INTO public.people (id, name) SELECT n, 'Oxbowcanary' FROM generate_series(2, 300) n;
         ANALYZE public.people;",
    );
    database
}

#[test]
fn no_canary_passes_beside_the_columns_of_a_dump() {
    let Some(server) = Server::of(18) else { return };
    let rules = format!("{RULES}\n[large_objects]\naction = \"drop\"\n");
    let database = database_with_canaries(server);
    for (format, name) in [("-Fc", "canary.dump"), ("-Ft", "canary.tar"), ("-Fp", "canary.sql")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, database.pg_dump(&[format, "--statistics"])).unwrap();
        for to in ["staging.sql", "staging.dump"] {
            let run = Snapshot::shop().from(&path).rules_text(&rules).to(to).argument("-v").run();
            run.succeeds();
            assert_no_canary_in(&run);
            let staging = loaded(&run.output(), server);
            assert_eq!(staging.psql("SELECT count(*) FROM people").trim(), "300", "{name} to {to}");
            if to == "staging.dump" {
                assert_no_canary_in_archive(&run.output());
            }
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
