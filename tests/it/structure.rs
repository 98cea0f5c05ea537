//! Values within values: parts of documents, texts, arrays and rows become what they become in columns of their own, and
//! Postgres takes what they are put together to.

use std::fs;

use crate::support::Snapshot;
use crate::support::rows::Row;

const SCRIPT: &str = r#"SET client_encoding = 'UTF8';
CREATE TYPE public.address AS (
    street text,
    zip integer,
    note text
);
CREATE TABLE public.people (
    id integer NOT NULL,
    first_name text,
    email text,
    note text,
    doc json,
    profile jsonb,
    tags text[],
    grid integer[],
    home public.address,
    stay daterange,
    stays datemultirange,
    photo bytea,
    label character varying(40)
);
COPY public.people (label, id, note, first_name, email, doc, profile, tags, grid, home, stay, stays, photo) FROM stdin;
old	1	Ana (ana@corp.example) called:\n+1 212 736 5000	Ana	ana@corp.example	{"b": 1.50, "email": "ana@corp.example",\t"a\\u00e9": ["\\"x\\\\ny\\""], "b": null}	{"id": 1, "on": "2024-01-31T10:00:00Z", "geo": [1.0, 2]}	{Ana,"S, \\"x\\\\y\\"",NULL}	[0:1][2:2]={{1},{2}}	("Main ""St"", 1",94110,)	[2024-01-31,2024-03-01)	{[2024-01-31,2024-03-01),[2024-05-01,)}	\\x89504e470d0a1a0a0000000d
\N	2	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
x	3		Bo		[]	{}	{}	{}	(,,)	empty	{}	\\x
\.
"#;

const RULES: &str = r#"
version = 1
[tables.people]
id         = "keep"
first_name = { fn = "first_name", by = "id" }
email      = { fn = "email", by = "id", domain = "person" }
note       = { fn = "free_text", columns = ["first_name", "email"] }
doc        = { fn = "json", unlisted = "scramble", paths = { "$.email" = { fn = "email", by = "id" }, "$.b" = "keep" } }
profile    = { fn = "json", paths = { "$.id" = "keep", "$.on" = { fn = "date_shift", by = "id" }, "$.geo" = "null" } }
tags       = { fn = "array", element = "scramble" }
grid       = { fn = "array", element = "integer_id" }
home       = { fn = "composite", fields = ["scramble", { fn = "integer_id", type = "integer" }, "null"] }
stay       = { fn = "range", bound = { fn = "date_shift", by = "id" } }
stays      = { fn = "range", bound = { fn = "date_shift", by = "id" } }
photo      = "placeholder"
label      = { fn = "template", template = "{first_name}, {id}" }
"#;

/// The rows of the table after the rules, by their ids, as a server has them that took them.
fn rows() -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("people.sql");
    fs::write(&script, SCRIPT).unwrap();
    let run = Snapshot::shop().from(&script).rules_text(RULES).to("staging.sql").run();
    run.succeeds();
    let mut rows = run.rows().0.remove("public.people").unwrap();
    rows.sort_by_key(|row| row["id"].clone());
    rows
}

#[test]
fn parts_become_what_they_become_in_columns() {
    let rows = rows();
    let of = |column: &str| rows[0][column].clone().unwrap();
    let (name, email) = (of("first_name"), of("email"));
    assert_ne!((name.as_str(), email.as_str()), ("Ana", "ana@corp.example"));
    assert!(of("note").starts_with(&format!("{name} ({email}) called:\n+1 ")), "{}", of("note"));
    assert!(!of("note").contains("736 5000"));
    assert_eq!(of("label"), format!("{name}, 1"));

    let doc = of("doc");
    assert!(
        doc.starts_with(&format!("{{\"b\": 1.50, \"email\": \"{email}\",\t\"a\\u00e9\": [\"\\\"")),
        "{doc}"
    );
    assert!(doc.ends_with("\"], \"b\": null}") && !doc.contains("x\\ny"), "{doc}");

    let profile: serde_json::Value = serde_json::from_str(&of("profile")).unwrap();
    assert_eq!((&profile["id"], &profile["geo"]), (&1.into(), &serde_json::Value::Null));
    let on = profile["on"].as_str().unwrap();
    let stay = of("stay");
    assert_eq!(on[..10], stay[1..11], "one owner's dates are shifted alike");
    assert!(on.ends_with("T10:00:00Z") && !on.starts_with("2024-01-31"));
    assert!(of("stays").starts_with(&format!("{{{stay},[")) && of("stays").ends_with(",)}"));

    assert!(of("tags").ends_with(",NULL}") && !of("tags").contains("Ana"));
    assert!(of("grid").starts_with("[0:1][2:2]={{") && of("grid") != "[0:1][2:2]={{1},{2}}");
    assert!(of("home").starts_with("(\"") && of("home").ends_with(",)") && !of("home").contains("Main"));
    assert!(of("photo").len() > 100);
}

#[test]
fn what_is_null_or_empty_stays_so() {
    let rows = rows();
    for (column, value) in &rows[1] {
        match column.as_str() {
            "id" => assert_eq!(value.as_deref(), Some("2")),
            _ => assert_eq!(value, &None, "{column}"),
        }
    }
    let empty = [("doc", "[]"), ("profile", "{}"), ("tags", "{}"), ("grid", "{}"), ("home", "(,,)")];
    let also = [("stay", "empty"), ("stays", "{}"), ("photo", "\\x"), ("note", "")];
    for (column, value) in empty.into_iter().chain(also) {
        assert_eq!(rows[2][column].as_deref(), Some(value), "{column}");
    }
}

#[test]
fn a_document_with_an_unlisted_leaf_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("doc.sql");
    let text =
        "CREATE TABLE public.t (\n    d json\n);\nCOPY public.t (d) FROM stdin;\n{\"a\": \"s3cr3t\"}\n\\.\n";
    fs::write(&script, text).unwrap();
    let rules = "version = 1\n[tables.t]\nd = { fn = \"json\", paths = { \"$.b\" = \"keep\" } }\n";
    let run = Snapshot::shop().from(&script).rules_text(rules).to("staging.sql").run();
    run.ends_with(1).says("has a leaf that no path names").leaves_nothing();
    assert!(!run.stderr.contains("s3cr3t"));
}
