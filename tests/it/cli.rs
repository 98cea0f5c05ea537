//! Help, exit codes, streams, and targets that are there already.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Output, Stdio};

use crate::support::{Snapshot, fixture, mask, send_signal, wait};

fn ran(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    mask().args(arguments).current_dir(folder.path()).output().unwrap()
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [&["--help"][..], &["run", "--help"], &["plan", "--help"], &["--version"]] {
        let output = ran(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_mistake_on_the_command_line_is_exit_code_2() {
    for arguments in
        [&[][..], &["--no-such-flag"], &["run"], &["--from", "no-such-file.dump", "--to", "x.sql"]]
    {
        let output = ran(arguments);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_run_without_a_key_names_the_command_that_makes_one() {
    let shop = fixture("shop/shop.dump").display().to_string();
    let rules = fixture("shop/rules.toml").display().to_string();
    let output = ran(&["--from", &shop, "--rules", &rules, "--to", "staging.sql"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("mask keygen"));
}

#[test]
fn keygen_writes_a_key_that_a_run_takes() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("new.key");
    let output = mask().args(["keygen", "--out"]).arg(&key).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.starts_with(&fs::read(&key).unwrap()), "the key is shown");
    Snapshot::shop().key_file(&key).to("staging.sql").run().succeeds();
}

#[test]
fn a_column_without_a_rule_stops_the_run_before_anything_is_written() {
    let run =
        Snapshot::shop().rules_text("version = 1\n[tables.products]\n\"*\" = \"keep\"\n").to_parquet().run();
    run.ends_with(2).says("has no rule").says("hint: ").leaves_nothing();
}

#[test]
fn a_rule_for_a_column_that_is_not_there_names_the_nearest() {
    let rules =
        "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.customers]\nfist_name = \"first_name\"\n";
    let run = Snapshot::shop().rules_text(rules).to_parquet().run();
    run.ends_with(2).says("fist_name").says("`first_name`").says(":5").leaves_nothing();
}

#[test]
fn a_later_rules_file_wins_over_an_earlier_one() {
    let later = "version = 1\n[tables.customers]\nphone = \"null\"\n";
    let run = Snapshot::shop().rules("rules.toml").rules_text(later).to_parquet().run();
    run.succeeds();
    assert!(run.rows().column("public.customers", "phone").iter().all(Option::is_none));
}

#[test]
fn a_target_that_is_there_is_not_overwritten_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("staging.sql");
    fs::write(&target, "precious").unwrap();
    let to = target.to_str().unwrap();

    Snapshot::shop().to(to).run().ends_with(2).says("--overwrite");
    assert_eq!(fs::read(&target).unwrap(), b"precious");

    Snapshot::shop().to(to).argument("--overwrite").run().succeeds();
    assert!(fs::read(&target).unwrap().starts_with(b"--"));
}

#[test]
fn standard_output_takes_the_script_and_nothing_else() {
    let to_file = Snapshot::shop().to("staging.sql").run();
    let to_stdout = Snapshot::shop().to("-").run();
    to_stdout.succeeds().leaves_nothing();
    assert!(to_stdout.stdout == fs::read(to_file.output()).unwrap());
}

#[test]
fn a_plan_shows_every_decision_and_moves_no_row() {
    let run = Snapshot::shop().command("plan").run();
    run.succeeds().leaves_nothing();
    let plan = String::from_utf8(run.stdout.clone()).unwrap();
    for part in ["customers", "email", "date_shift", "\"OrderLines\"", "keep"] {
        assert!(plan.contains(part), "{part} is missing in\n{plan}");
    }
}

#[test]
fn a_plan_in_json_is_json() {
    let run = Snapshot::shop().command("plan").argument("--format").argument("json").run();
    run.succeeds();
    serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap();
}

#[test]
fn the_report_counts_rows_and_names_no_key() {
    let run = Snapshot::shop().to_parquet().argument("--report").argument("report.json").run();
    run.succeeds();
    let report = fs::read(run.work().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let tables = report["tables"].as_array().unwrap();
    let rows: u64 = tables.iter().map(|table| table["rows_written"].as_u64().unwrap()).sum();
    assert_eq!(rows, run.rows().counts().values().map(|count| *count as u64).sum::<u64>());
    for key in ["mask_version", "key_id", "rules_sha256", "started_at", "finished_at"] {
        assert!(report[key].is_string(), "{key}");
    }
}

#[test]
fn the_settings_file_is_a_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "from = {0:?}\nto = \"parquet:staging\"\nrules = [{1:?}]\nkey_file = {2:?}\n",
        fixture("shop/shop.dump"),
        fixture("shop/rules.toml"),
        fixture("shop/demo.key")
    );
    fs::write(folder.path().join("mask.toml"), settings).unwrap();
    let output = mask().current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("staging").is_dir());
}

#[test]
fn the_demo_of_the_shop_runs_from_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = mask()
        .current_dir(folder.path())
        .arg("--config")
        .arg(fixture("shop/mask.toml"))
        .args(["--to", "parquet:staging"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("staging").is_dir());
}

/// A run that reads the shop's script from a pipe, has got half of it, and waits for the rest in `folder`.
fn half_way(folder: &Path) -> (Child, ChildStdin) {
    let mut command = mask();
    command.current_dir(folder).args(["--from", "-", "--to", "staging.sql", "--rules"]);
    command.arg(fixture("shop/rules.toml")).arg("--key-file").arg(fixture("shop/demo.key"));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let script = fs::read(fixture("shop/shop.sql")).unwrap();
    input.write_all(&script[..script.len() / 2]).unwrap();
    (child, input)
}

#[test]
fn a_value_that_cannot_be_masked_ends_a_run_of_many_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.sql");
    let mut script = String::from("CREATE TABLE public.t (id text);\nCOPY public.t (id) FROM stdin;\n");
    // The blocks after the first are masked by the time that this fails, and nobody takes them any more.
    script += "this is no identifier\n";
    script += &"11111111-2222-4333-8444-555555555555\n".repeat(1 << 18);
    script += "\\.\n";
    fs::write(&path, script).unwrap();
    let rules = "version = 1\n[tables.t]\nid = \"uuid\"\n";
    for (target, jobs) in [("staging.sql", 1), ("staging.sql", 2), ("dir:staging", 1)] {
        let run = Snapshot::of(&path).rules_text(rules).to(target).jobs(jobs).run();
        run.ends_with(1).says("table `public.t`, column `id`, row 1").leaves_nothing();
    }
}

#[test]
fn an_interrupted_run_says_so_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (child, input) = half_way(folder.path());
    send_signal("INT", &child);
    // It may notice only when its input goes on or ends.
    drop(input);
    assert_eq!(wait(child).code(), Some(130));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_killed_run_leaves_no_target_that_looks_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, _input) = half_way(folder.path());
    child.kill().unwrap();
    wait(child);
    assert!(!folder.path().join("staging.sql").exists());
}

#[test]
fn a_reader_that_goes_away_ends_the_run_without_a_panic() {
    let mut command = mask();
    command.arg("--from").arg(fixture("shop/shop.dump")).args(["--to", "-", "--rules"]);
    command.arg(fixture("shop/rules.toml")).arg("--key-file").arg(fixture("shop/demo.key"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_ne!(wait(child).code(), Some(0));
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn every_masking_function_is_listed() {
    let output = ran(&["functions"]);
    assert_eq!(output.status.code(), Some(0));
    let list = String::from_utf8(output.stdout).unwrap();
    for function in pgmask::functions::FUNCTIONS {
        assert!(list.contains(function.name), "{}", function.name);
    }
}
