//! Packs: what they mask by themselves, what they ask of a person's own rules, and who wins.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::postgres::Server;
use crate::support::{Action, Rows, Run, Snapshot, fixture, loaded};

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

/// Columns that `pack:pii` masks in a database made from `schema` on a server, with all that it has loaded and validated.
#[track_caller]
fn masked_and_validated(server: &'static Server, fixture_path: &str, own: &str) -> (Vec<Action>, Rows) {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture(fixture_path);
    let (source, dump) = match path.extension().and_then(|extension| extension.to_str()) {
        Some("sql") => {
            let source = server.database();
            source.psql_file(&path);
            let dump = folder.path().join("snapshot.dump");
            source.pg_dump(&["-Fc", "-f", dump.to_str().unwrap()]);
            (source, dump)
        }
        _ => (loaded(&path, server), path),
    };
    let rules = format!("version = 1\n[defaults]\nunlisted = \"keep\"\n{own}");
    let snapshot = Snapshot::shop().from(&dump).rules_text(&rules).to("staging.dump").report();
    let run = snapshot.argument("--rules").argument("pack:pii").run();
    run.succeeds();
    let staging = loaded(&run.output(), server);
    let not_valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
    assert_eq!(staging.psql(not_valid), source.psql(not_valid), "{fixture_path} on {}", server.major);
    // Every constraint holds of the rows as they are now, foreign keys too: they are checked again from nothing.
    let constraints = staging.psql(
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s', conrelid::regclass, conname, \
         pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype IN ('c', 'f') AND conparentid = 0 AND conislocal \
         AND conrelid <> 0 AND convalidated",
    );
    for constraint in constraints.lines() {
        staging.psql(constraint);
    }
    let (before, after) = (Rows::as_loaded(&source), Rows::as_loaded(&staging));
    assert_eq!(before.counts(), after.counts());
    let actions = run.actions();
    for Action { table, column, action, is_masked } in &actions {
        let [table, column] = [table, column].map(|name| unquoted(name));
        // Where Postgres puts a row depends on its length, so only the values themselves are compared.
        let values = |rows: &Rows| -> Option<Vec<Option<String>>> {
            let values = rows.0.get(&table)?.iter().map(|row| row.get(&column).cloned());
            let mut values: Vec<_> = values.collect::<Option<_>>()?;
            values.sort_unstable();
            Some(values)
        };
        // Partitions and generated columns are told of under other names.
        let (Some(before), Some(after)) = (values(&before), values(&after)) else { continue };
        if !is_masked {
            assert!(before == after, "{table}.{column}, {action}, of {fixture_path} on {}", server.major);
        } else if before.iter().flatten().collect::<HashSet<_>>().len() > 20
            && !FOUND_ONLY.iter().any(|finder| action.starts_with(finder))
        {
            assert!(before != after, "{table}.{column}, {action}, of {fixture_path} on {}", server.major);
        }
    }
    (actions, after)
}

/// What masks only what it finds in a text, and what does as another column does.
const FOUND_ONLY: [&str; 3] = ["follows ", "free_text", "redact"];

/// A name as it is, without the quotes of SQL.
fn unquoted(name: &str) -> String {
    let doubled = name.replace("\"\"", "\u{0}");
    doubled.replace('"', "").replace('\u{0}', "\"")
}

#[test]
fn the_fixtures_masked_by_a_pack_load_and_validate() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        for (path, own, least) in [
            ("shop/shop.dump", "", 12),
            ("types/types-15.dump", "", 0),
            (
                "nasty/schema.sql",
                "[large_objects]\naction = \"keep\"\n[tables.typed]\nstreet = \"hash\"\n",
                0,
            ),
        ] {
            let (actions, _) = masked_and_validated(server, path, own);
            let masked = actions.iter().filter(|action| action.is_masked).count();
            assert!(masked >= least, "{path}: {masked}");
        }
    }
}

#[test]
fn a_person_has_the_same_name_and_address_in_every_column() {
    let (_, rows) = masked_and_validated(Server::newest(), "shop/shop.dump", "");
    let letters =
        |name: &str| -> String { name.to_lowercase().chars().filter(char::is_ascii_lowercase).collect() };
    let table = "public.customers";
    let [first, last, email] = ["first_name", "last_name", "email"].map(|column| rows.column(table, column));
    for ((first, last), email) in first.into_iter().zip(last).zip(email) {
        let (first, last, email) = (letters(first.unwrap()), letters(last.unwrap()), email.unwrap());
        assert!(email.starts_with(&format!("{first}.{last}.")), "{first} {last} {email}");
    }
}
