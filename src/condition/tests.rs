//! What conditions mean, against what Postgres answers. tests/it/conditions.rs asks a real server the same.

use std::sync::Arc;

use super::*;
use crate::schema::types::EnumType;
use crate::schema::{Column, PgType, QualifiedName};

fn table() -> Table {
    let mood = EnumType {
        name: QualifiedName::new("public", "mood"),
        labels: ["sad", "ok", "happy"].map(String::from).to_vec(),
    };
    let columns = [
        ("id", PgType::Int4),
        ("name", PgType::Text),
        ("balance", PgType::Numeric(Some((10, 2)))),
        ("rate", PgType::Float8),
        ("active", PgType::Bool),
        ("born", PgType::Date),
        ("seen", PgType::TimestampTz(None)),
        ("mood", PgType::Enum(Arc::new(mood))),
        ("code", PgType::Bpchar(Some(4))),
        ("Nick", PgType::Citext),
        ("prefs", PgType::Jsonb),
        ("token", PgType::Uuid),
    ];
    Table {
        name: QualifiedName::new("public", "people"),
        columns: columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect(),
        ..Table::default()
    }
}

const ROWS: [&str; 3] = [
    "1\tAna \\t Silva\t10.50\t0.5\tt\t1990-02-28\t2024-03-01 12:00:00+02\tsad\tab  \tAnA\t{\"a\": 1}\t0a0b0c0d-0000-4000-8000-000000000001",
    "2\tBob\t-3.00\tNaN\tf\tinfinity\t2023-01-01 00:00:00+00\thappy\tAB  \tbob\t\\N\t0a0b0c0d-0000-4000-8000-000000000002",
    "3\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
];

fn holds(text: &str) -> Result<Vec<bool>, String> {
    let table = table();
    let condition = Condition::parse(text, &table).map_err(|error| error.to_string())?;
    let cell = |row: &'static str, column: usize| {
        row.split('\t').nth(column).filter(|cell| *cell != "\\N").map(str::as_bytes)
    };
    let inputs: Vec<BinaryViewArray> = condition
        .columns()
        .iter()
        .map(|&column| ROWS.iter().map(|row| cell(row, column)).collect())
        .collect();
    let inputs: Vec<&BinaryViewArray> = inputs.iter().collect();
    let truth = condition.holds(&inputs, ROWS.len()).map_err(|undecided| undecided.reason.to_string())?;
    assert_eq!(truth.nulls(), None);
    Ok(truth.iter().map(|value| value == Some(true)).collect())
}

#[track_caller]
fn rows(text: &str, expected: &[usize]) {
    let found: Vec<usize> = holds(text)
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(_, holds)| **holds)
        .map(|(row, _)| row + 1)
        .collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn comparisons_follow_their_types() {
    rows("id > 1", &[2, 3]);
    rows("balance = 10.5", &[1]);
    rows("balance < 0 AND id <= 2", &[2]);
    rows("rate > 1", &[2]);
    rows("active", &[1]);
    rows("born < '1990-03-01'", &[1]);
    rows("born > '9999-12-31'", &[2]);
    rows("seen = '2024-03-01 10:00:00+00'", &[1]);
    rows("seen >= '2024-03-01'", &[1]);
    rows("mood > 'sad'", &[2]);
    rows("code = 'ab'", &[1]);
    rows("\"Nick\" = 'ana'", &[1]);
    rows("token = '0A0B0C0D-0000-4000-8000-000000000002'", &[2]);
    rows("name = E'Ana \\t Silva'", &[1]);
}

#[test]
fn null_is_neither_true_nor_false() {
    rows("name IS NULL", &[3]);
    rows("NOT active", &[2]);
    rows("active OR id = 3", &[1, 3]);
    rows("active IS NOT TRUE", &[2, 3]);
    rows("active IS UNKNOWN", &[3]);
    rows("name IN ('Bob', NULL)", &[2]);
    rows("name NOT IN ('Bob')", &[1]);
    rows("name NOT IN ('Bob', NULL)", &[]);
    rows("name IS DISTINCT FROM 'Bob'", &[1, 3]);
    rows("coalesce(balance, 0) = 0", &[3]);
    rows("prefs IS NOT NULL", &[1]);
    rows("NULL", &[]);
}

#[test]
fn texts_match_patterns() {
    rows("name LIKE 'B%'", &[2]);
    rows("name ILIKE 'b_b'", &[2]);
    rows("name NOT LIKE 'B%'", &[1]);
    rows("lower(name) = 'bob' OR upper(code) = 'AB'", &[1, 2]);
    rows("prefs::text LIKE '%\"a\"%'", &[1]);
}

#[test]
fn numbers_and_dates_are_calculated_with() {
    rows("id % 2 = 1", &[1, 3]);
    rows("balance * 2 = 21", &[1]);
    rows("balance / 4 = 2.625", &[1]);
    rows("id / 2 = 1", &[2, 3]);
    rows("-id < -1", &[2, 3]);
    rows("born + interval '1 year' = '1991-02-28'", &[1]);
    rows("born + 1 = date '1990-03-01'", &[1]);
    rows("born BETWEEN '1990-01-01' AND '1990-12-31'", &[1]);
    rows("seen < timestamptz '2024-03-01 10:00:01Z' - interval '1 second' + interval '1 sec'", &[1, 2]);
    rows("id::text = '1' OR (balance::text = '-3.00')", &[1, 2]);
    rows("(balance + id)::integer = 12", &[1]);
}

#[test]
fn what_is_outside_the_language_is_refused() {
    for (text, what) in [
        ("id = ", "not an SQL expression"),
        ("id = 1; DROP TABLE x", "not an SQL expression"),
        ("idd = 1", "did you mean `id`?"),
        ("Nick = 'a'", "names `nick`"),
        ("born < now()", "changes from run to run"),
        ("born < current_date", "changes from run to run"),
        ("id IN (SELECT 1)", "conditions do not have"),
        ("length(name) > 1", "conditions do not have"),
        ("id = 'x'", "no value of `bigint`"),
        ("mood = 'angry'", "no value of `public.mood`"),
        ("id = name", "`bigint` and `text`"),
        ("prefs = '{}'", "only as text"),
        ("id", "`bigint` and `boolean`"),
        ("name LIKE 'a' ESCAPE '!'", "ESCAPE"),
        ("name ~ 'a'", "conditions do not have"),
    ] {
        let error = holds(text).expect_err(text);
        assert!(error.contains(what), "{text}: {error}");
    }
    let deep = "(".repeat(300) + "id" + &")".repeat(300) + " = 1";
    assert!(holds(&deep).is_err());
    let long = vec!["id = 1"; 3000].join(" OR ");
    assert_eq!(holds(&long).unwrap(), [true, false, false]);
    assert!(holds(&vec!["id = 1"; 9000].join(" OR ")).is_err());
}

#[test]
fn an_operation_that_fails_is_told_without_the_value() {
    assert_eq!(holds("10 / (id - 1) > 0").unwrap_err(), "the condition divides by zero");
    assert_eq!(
        holds("id + 9223372036854775807 > 0").unwrap_err(),
        "a calculation of the condition is out of bounds"
    );
}

#[test]
fn a_reference_is_asked_for_its_own_column() {
    let table = table();
    let condition = Condition::parse_for_reference("key > 1", &table, "key", 0).unwrap();
    assert_eq!(condition.columns(), [0]);
    assert!(Condition::parse_for_reference("key > 1 AND id > 2", &table, "key", 0).is_err());
}

#[test]
fn sql_for_a_server_quotes_names_and_types_literals() {
    let sql = |text: &str| Condition::parse(text, &table()).unwrap().to_sql(&table());
    assert_eq!(
        sql("name < 'O''Hara'"),
        "(\"name\" COLLATE pg_catalog.\"C\" < 'O''Hara' COLLATE pg_catalog.\"C\")"
    );
    assert_eq!(sql("mood = 'ok'"), "(\"mood\" = 'ok'::\"public\".\"mood\")");
    assert_eq!(sql("seen > '2024-01-01'"), "(\"seen\" > '2024-01-01 00:00+00'::timestamptz)");
    assert_eq!(sql("\"Nick\" ILIKE 'a\\%'"), "(\"Nick\" ILIKE E'a\\\\%')");
}
