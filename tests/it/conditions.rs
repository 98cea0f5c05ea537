//! Conditions decide as a real server does, and `when` masks the rows that it is true of.

use arrow::array::BinaryViewArray;
use pgmask::condition::Condition;
use pgmask::pg::ddl;
use pgmask::schema::{QualifiedName, Table};

use crate::support::Snapshot;
use crate::support::postgres::{Database, Server};

const SCHEMA: &str = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE people (id bigint, small smallint, name text, code character(6), amount numeric(12,3),
  open numeric, rate double precision, ratio real, active boolean, born date, at timestamp without time zone,
  seen timestamp with time zone, clock time without time zone, feels mood, token uuid, prefs jsonb, \"Odd \"\"Name\" varchar(40));";

const ROWS: &str = r#"INSERT INTO people VALUES
 (1, 1, 'Ana', 'ab', 10.5, 1.000, 0.1, 0.1, true, '1990-02-28', '2024-02-29 23:59:59.999999', '2024-03-01 12:00:00+02', '08:30', 'sad', '0a0b0c0d-0000-4000-8000-000000000001', '{"a": 1}', 'x'),
 (2, -2, E'Bob\t%_\\', 'AB', -3, 12345678901234567890.5, 'NaN', 'Infinity', false, 'infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '24:00', 'happy', NULL, '[]', 'O''Hara'),
 (9223372036854700000, 32767, 'ÄRGER ß', 'ab  x', 0, 0, '-0', 0.2, true, '2024-12-31', '1999-12-31 00:00:00', '2023-12-31 23:30:00-01', '00:00', 'ok', '0A0B0C0D-0000-4000-8000-000000000002', NULL, ''),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (-5, 0, '', '', 999999999.999, -0.1, 1e300, 1e30, false, '0001-01-01 BC', '2024-01-31 10:00', '1970-01-01 00:00:00+00', '12:00:00.5', 'sad', NULL, '1', 'y\z');"#;

const CONDITIONS: &[&str] = &[
    "id = 1",
    "id <> 1",
    "id >= -5 AND small < 100",
    "small + id > 0",
    "id % 2 = 1 OR small / 2 = -1",
    "-small > 1",
    "name = 'Ana'",
    "name < 'B'",
    "name >= 'Ana' AND name <= 'Bob'",
    "name LIKE 'B%\\%\\_\\\\'",
    "name ILIKE 'ana' OR name NOT ILIKE '%b%'",
    "name LIKE '___'",
    "lower(name) = 'ana'",
    "upper(name) = 'ANA'",
    "code = 'ab'",
    "code = 'ab   '",
    "code IN ('AB', 'ab  x')",
    "code < 'b'",
    "amount = 10.50",
    "amount * 2 - 1 = 20",
    "amount / 4 = 2.625",
    "amount > small",
    "amount > rate",
    "open = 1",
    "open > 12345678901234567890",
    "rate = 0.1",
    "rate > 1",
    "rate = 0",
    "ratio = 0.1",
    "ratio > 0.1 AND ratio < 1",
    "active",
    "NOT active",
    "active IS NOT TRUE",
    "active = false OR active IS UNKNOWN",
    "born < '1990-03-01'",
    "born = 'infinity'",
    "seen::date - date '2024-01-01' = 60",
    "born + 1 = '1990-03-01'",
    "born + interval '1 year' = '1991-02-28'",
    "born BETWEEN '1990-01-01' AND '2024-12-31'",
    "born NOT BETWEEN '1990-01-01' AND '2024-12-31'",
    "at = '2024-02-29 23:59:59.999999'",
    "at + interval '1 month' = '2024-02-29 10:00'",
    "at - interval '1 year 2 days 03:00' < '2023-03-01'",
    "at::date = '2024-01-31'",
    "at < born",
    "seen = '2024-03-01 10:00:00+00'",
    "seen < '2024-01-01 00:00:00Z'",
    "seen < '2024-01-01'",
    "seen < '0001-01-01'",
    "clock > '08:29:59' AND clock <= '24:00'",
    "feels = 'ok'",
    "feels > 'sad'",
    "feels IN ('sad', 'happy')",
    "feels::text LIKE 's%'",
    "token = '0A0B0C0D-0000-4000-8000-000000000001'",
    "token IS NOT DISTINCT FROM NULL",
    "prefs IS NULL",
    "prefs::text = '[]'",
    "prefs::text LIKE '%a%'",
    "\"Odd \"\"Name\" = 'O''Hara'",
    "\"Odd \"\"Name\" = 'y\\z'",
    "coalesce(name, 'none') = 'none'",
    "coalesce(amount, id, 0) > 0",
    "id IS DISTINCT FROM 1 AND name IS NOT NULL",
    "id IN (1, NULL)",
    "id NOT IN (1, 2)",
    "id NOT IN (1, NULL)",
    "(id = 1 OR NULL) AND active IS NOT NULL",
    "id::text = '9223372036854700000'",
    "amount::integer = 10",
    "amount::text = '-3.000'",
    "'17' = id::text OR small::text = '0'",
    "NULL",
    "true",
    "1 = 1 AND 'a' < 'b'",
];

#[test]
fn a_condition_holds_of_the_rows_that_postgres_says() {
    for server in [Server::of(15), Server::of(18)].into_iter().flatten() {
        let database = server.database();
        database.psql(&format!("{SCHEMA}\n{ROWS}"));
        let table = table_of(&database);
        let differences: Vec<String> =
            CONDITIONS.iter().flat_map(|text| differences(text, &table, &database)).collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

/// Where the condition, or its SQL for a server, answers otherwise than the server does.
fn differences(text: &str, table: &Table, database: &Database) -> Vec<String> {
    let condition = Condition::parse(text, table).unwrap_or_else(|error| panic!("{text}: {error}"));
    let ask = |sql: &str| {
        let order = "SET timezone = 'UTC'; SET standard_conforming_strings = on;";
        database.psql(&format!(
            "{order} SELECT string_agg(CASE WHEN ({sql}) THEN 't' ELSE 'f' END, '' ORDER BY ctid) FROM people"
        ))
    };
    let server = ask(text).trim().to_string();
    let ours = answers(&condition, table, database);
    let ours_there = ask(&condition.to_sql(table)).trim().to_string();
    let certain = condition.to_certain_sql(table).map_or(server.clone(), |sql| ask(&sql).trim().to_string());
    // Text is ordered by code point here, and by the database's collation there: C, in the tests.
    [("here", ours), ("as SQL", ours_there), ("as SQL that is certain", certain)]
        .into_iter()
        .filter(|(_, answers)| *answers != server)
        .map(|(how, answers)| format!("{text} {how}: {answers}, Postgres: {server}"))
        .collect()
}

fn answers(condition: &Condition, table: &Table, database: &Database) -> String {
    let column = |&index: &usize| {
        let name = table.columns[index].name.replace('"', "\"\"");
        let copied = database.psql(&format!("COPY (SELECT \"{name}\" FROM people ORDER BY ctid) TO STDOUT"));
        let values: Vec<Option<&[u8]>> =
            copied.lines().map(|line| (line != "\\N").then_some(line.as_bytes())).collect();
        BinaryViewArray::from_iter(values)
    };
    let inputs: Vec<BinaryViewArray> = condition.columns().iter().map(column).collect();
    let inputs: Vec<&BinaryViewArray> = inputs.iter().collect();
    let holds = condition.holds(&inputs, 5).unwrap_or_else(|undecided| panic!("{}", undecided.reason));
    holds.iter().map(|answer| if answer == Some(true) { 't' } else { 'f' }).collect()
}

fn table_of(database: &Database) -> Table {
    let schema = String::from_utf8(database.pg_dump(&["--schema-only"])).unwrap();
    let statements = schema.split(";\n").filter(|sql| sql.contains("CREATE T")).map(|sql| ddl::Statement {
        sql,
        kind: "",
        namespace: None,
        place: String::new(),
    });
    let reading = ddl::catalog(statements).unwrap();
    let id = reading.catalog.find(&QualifiedName::new("public", "people")).unwrap();
    reading.catalog.table(id).clone()
}

#[test]
fn a_server_is_asked_only_what_it_answers_alike() {
    let database = Server::newest().database();
    database.psql(SCHEMA);
    let table = table_of(&database);
    let is_certain = |text: &str| Condition::parse(text, &table).unwrap().to_certain_sql(&table).is_some();
    for certain in [
        "id = 1 AND small IN (1, 2) OR NOT active",
        "name = 'Ana' OR name LIKE 'B%' OR code < 'b' OR \"Odd \"\"Name\" IS NULL",
        "amount > 10.5 AND rate <= 0.5 AND ratio <> 1",
        "born >= '2024-01-01' AND at < '2024-01-01 10:00' AND seen BETWEEN '2024-01-01' AND '2024-02-01 00:00+02'",
        "feels > 'sad' AND token = '0a0b0c0d-0000-4000-8000-000000000001' AND clock < '12:00'",
        "prefs IS NOT NULL AND prefs::text = '{}' AND coalesce(active, false) AND id::text = '7'",
    ] {
        assert!(is_certain(certain), "{certain}");
    }
    for uncertain in [
        "name ILIKE 'ana'",
        "lower(name) = 'ana'",
        "name LIKE 'a\\_%'",
        "id + 1 = 2",
        "open = 1",
        "-small > 1",
        "born + 1 = '2024-01-01'",
        "at - interval '1 day' < '2024-01-01'",
        "born = 'infinity'",
        "at < born",
        "rate > 1e-320",
        "id = 1 AND upper(name) = 'ANA'",
    ] {
        assert!(!is_certain(uncertain), "{uncertain}");
    }
}

#[test]
fn a_rule_with_a_condition_masks_the_rows_it_is_true_of() {
    let rules = "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.customers]\n\
                 first_name = { fn = \"fixed\", value = \"masked\", when = \"id % 2 = 0\" }\n\
                 last_name = { fn = \"fixed\", value = \"masked\", when = \"id % 2 = 0 OR id < 10\" }\n";
    let columns = |run: &crate::support::Run| {
        let path = run.output();
        crate::support::loaded(&path, Server::newest()).psql(
            "SELECT id, first_name = 'masked', last_name = 'masked' FROM customers ORDER BY id LIMIT 20",
        )
    };
    let run = Snapshot::shop().rules_text(rules).report().to("staging.sql").run();
    run.succeeds();
    for line in columns(&run).lines() {
        let cells: Vec<&str> = line.split('|').collect();
        let id: u32 = cells[0].parse().unwrap();
        let truth = |holds: bool| if holds { "t" } else { "f" };
        assert_eq!(
            cells[1..],
            [truth(id.is_multiple_of(2)), truth(id.is_multiple_of(2) || id < 10)],
            "{line}"
        );
    }
}

#[test]
fn a_condition_without_an_answer_stops_the_run_and_tells_no_value() {
    let rules = "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.customers]\n\
                 first_name = { fn = \"redact\", when = \"100 / (id - 7) > 0\" }\n";
    let run = Snapshot::shop().rules_text(rules).to("staging.sql").run();
    run.ends_with(1)
        .says("`when` has no answer: the condition divides by zero")
        .says("`first_name`")
        .leaves_nothing();
}
