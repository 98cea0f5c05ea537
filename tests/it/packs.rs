//! Packs: what they mask by themselves, what they ask of a person's own rules, and who wins.

use serde_json::Value;

use crate::support::{Run, Snapshot};

/// A run on a script of one statement, by a pack and by rules of one's own.
fn run(folder: &tempfile::TempDir, ddl: &str, pack: &str, rules: &str, command: &'static str) -> Run {
    let script = folder.path().join("snapshot.sql");
    let tables: Vec<&str> = ddl.split("CREATE TABLE ").skip(1).collect();
    let copies: Vec<String> = tables
        .iter()
        .map(|table| format!("COPY {} FROM stdin;\n\\.\n", table.split(' ').next().unwrap_or_default()))
        .collect();
    let text = format!(
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n{ddl}\n{}\n--\n-- PostgreSQL database dump \
         complete\n--\n\n",
        copies.concat()
    );
    std::fs::write(&script, text).unwrap();
    let rules = format!("version = 1\n[defaults]\nunlisted = \"keep\"\n{rules}");
    let snapshot = Snapshot::shop().command(command).from(&script).rules_text(&rules);
    snapshot.argument("--rules").argument(&format!("pack:{pack}")).argument("--format").argument("json").run()
}

/// What becomes of each column, as `table.column: action`, but for those that are kept.
fn decisions(ddl: &str, pack: &str, rules: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&folder, ddl, pack, rules, "plan");
    run.succeeds();
    let plan: Value = serde_json::from_slice(&run.stdout).expect("a plan is JSON");
    let mut decisions = Vec::new();
    for table in plan["tables"].as_array().expect("a plan has tables") {
        for column in table["columns"].as_array().expect("a table has columns") {
            let action = column["action"].as_str().unwrap_or_default();
            if action != "keep" {
                decisions.push(format!("{}: {action}", column["name"].as_str().unwrap_or_default()));
            }
        }
    }
    decisions
}

#[track_caller]
fn refused(ddl: &str, pack: &str, rules: &str, what: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&folder, ddl, pack, rules, "plan");
    run.ends_with(2);
    for what in what {
        run.says(what);
    }
}

#[test]
fn columns_are_known_by_their_names_however_they_are_written() {
    let ddl = "CREATE TABLE public.users (id integer PRIMARY KEY, \"FirstName\" text, last_name varchar(20), \
               \"emailAddress\" varchar(60) UNIQUE, \"Phone Number\" text, email_verified boolean, name text, state text, \
               last_login timestamp);\n\
               CREATE TABLE public.products (id integer, name text, state text);\n";
    let decisions = decisions(ddl, "pii", "");
    assert_eq!(
        decisions,
        [
            "FirstName: first_name",
            "last_name: last_name",
            "emailAddress: email",
            "Phone Number: phone",
            "name: full_name",
            "state: region"
        ]
    );
}

#[test]
fn rules_of_ones_own_win_over_a_pack() {
    let ddl = "CREATE TABLE public.users (id integer PRIMARY KEY, first_name text, last_name text);\n";
    let rules = "[tables.users]\nfirst_name = \"hash\"\n\"last_*\" = \"keep\"\n";
    assert_eq!(decisions(ddl, "pii", rules), ["first_name: hash"]);
}

#[test]
fn safe_harbor_leaves_the_year_of_a_date_and_three_digits_of_a_zip_code() {
    let ddl = "CREATE TABLE public.patients (id integer PRIMARY KEY, patient_name text, zip text, state text, city text, \
               age integer, admitted date, discharged timestamp with time zone, birth_date date, mrn text, ward time);\n";
    assert_eq!(
        decisions(ddl, "hipaa-safe-harbor", ""),
        [
            "patient_name: full_name",
            "zip: zip3",
            "city: redact",
            "age: clamp",
            "admitted: truncate_to",
            "discharged: truncate_to",
            "birth_date: birth_date",
            "mrn: scramble"
        ]
    );
}

#[test]
fn special_categories_of_the_gdpr_are_redacted() {
    let ddl = "CREATE TABLE public.staff (id integer PRIMARY KEY, surname text, religion text, union_member boolean, \
               diagnosis text, iris_scan bytea);\n";
    let decisions = decisions(ddl, "gdpr", "");
    assert_eq!(decisions, ["surname: last_name", "religion: redact", "diagnosis: redact", "iris_scan: null"]);
}

#[test]
fn a_card_number_cannot_be_kept_and_a_hash_not_stand_beside_a_part_of_it() {
    let ddl =
        "CREATE TABLE public.cards (id integer PRIMARY KEY, card_number text, cvv text, masked_pan text);\n";
    assert_eq!(
        decisions(ddl, "pci-dss", ""),
        ["card_number: credit_card", "cvv: null", "masked_pan: scramble"]
    );
    let rules = "[tables.cards]\ncard_number = \"keep\"\n";
    refused(
        ddl,
        "pci-dss",
        rules,
        &["column `public.cards.card_number` is kept, which the pack does not allow"],
    );
    let rules = "[tables.cards]\ncard_number = \"hash\"\n";
    refused(
        ddl,
        "pci-dss",
        rules,
        &["`public.cards.card_number` is masked by `hash`", "together they tell the number"],
    );
}

#[test]
fn what_would_act_from_staging_needs_a_decision_of_its_own() {
    let ddl = "CREATE TABLE public.shops (id integer PRIMARY KEY, webhook_url text, api_key text, stripe_account text);\n";
    refused(ddl, "neutralise", "", &["`public.shops.webhook_url` looks like", "api_key", "stripe_account"]);
    refused(ddl, "neutralise", "[tables.\"*\"]\n\"*\" = \"keep\"\n", &["webhook_url"]);
    let rules = "[tables.shops]\nwebhook_url = \"null\"\napi_key = \"hash\"\nstripe_account = \"keep\"\n";
    assert_eq!(decisions(ddl, "neutralise", rules), ["webhook_url: null", "api_key: hash"]);
}
