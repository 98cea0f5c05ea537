//! Every function on every type that it takes, with a real server as the judge: what it makes is of the type.

use std::fs;
use std::sync::Arc;

use pgmask::functions::{FUNCTIONS, Function, Masking};
use pgmask::schema::types::{CompositeType, DomainType, EnumType};
use pgmask::schema::{PgType, QualifiedName};

use super::try_prepare;
use crate::support::postgres::Server;
use crate::support::{Snapshot, loaded};

/// A type as SQL names it, as the program knows it, and some of its values.
struct Type {
    sql: &'static str,
    ty: PgType,
    values: &'static [&'static str],
}

const SETUP: &str = "CREATE EXTENSION citext; CREATE EXTENSION hstore;
    CREATE TYPE mood AS ENUM ('calm', 'O''Neil', 'wild, \"very\"');
    CREATE DOMAIN code AS varchar(60) CHECK (VALUE <> 'never');
    CREATE TYPE place AS (street text, \"zip, code\" text, floor text);";

fn other(schema: &str, name: &str) -> PgType {
    PgType::Other(QualifiedName { schema: schema.into(), name: name.into() })
}

fn types() -> Vec<Type> {
    let array = |of: PgType| PgType::Array(Box::new(of));
    let public = |name: &str| QualifiedName { schema: "public".into(), name: name.into() };
    let labels = ["calm", "O'Neil", "wild, \"very\""].map(String::from).to_vec();
    let mood = PgType::Enum(Arc::new(EnumType { name: public("mood"), labels }));
    let base = PgType::Varchar(Some(60));
    let code = DomainType { name: public("code"), base, not_null: false, checks: vec![] };
    let fields = ["street", "zip, code", "floor"].map(|name| (name.to_string(), PgType::Text)).to_vec();
    let place = PgType::Composite(Arc::new(CompositeType { name: public("place"), fields }));
    let numbers = &["0", "1", "-77", "94110"];
    let fractions = &["0", "1234.57", "-0.03"];
    let texts = &["Ana Silva", "x", "Zürich, \\ 山田 'é'"];
    let moments = &["2024-02-29 23:59:59.75", "1931-01-01", "infinity"];
    let mut types = vec![
        Type { sql: "smallint", ty: PgType::Int2, values: &["0", "1", "-77", "32000"] },
        Type { sql: "integer", ty: PgType::Int4, values: numbers },
        Type { sql: "bigint", ty: PgType::Int8, values: &["0", "-9223372036854775808", "94110"] },
        Type { sql: "numeric", ty: PgType::Numeric(None), values: &["0", "1e30", "-12.500", "NaN"] },
        Type { sql: "numeric(7,2)", ty: PgType::Numeric(Some((7, 2))), values: fractions },
        Type { sql: "numeric(12,0)", ty: PgType::Numeric(Some((12, 0))), values: numbers },
        Type { sql: "real", ty: PgType::Float4, values: fractions },
        Type { sql: "double precision", ty: PgType::Float8, values: &["0", "38.7223", "-1e300", "Infinity"] },
        Type { sql: "money", ty: PgType::Money, values: &["$0.00", "$1,234.57", "-$0.03"] },
        Type { sql: "boolean", ty: PgType::Bool, values: &["t", "f"] },
        Type {
            sql: "date",
            ty: PgType::Date,
            values: &["2024-02-29", "0044-03-15 BC", "1931-01-01", "infinity"],
        },
        Type { sql: "timestamp", ty: PgType::Timestamp(None), values: moments },
        Type { sql: "timestamp(0)", ty: PgType::Timestamp(Some(0)), values: moments },
        Type { sql: "timestamptz", ty: PgType::TimestampTz(None), values: moments },
        Type { sql: "time", ty: PgType::Time(None), values: &["00:00", "23:59:59.999999", "24:00:00"] },
        Type { sql: "timetz", ty: PgType::TimeTz(None), values: &["00:00+02", "23:59:59.9-11:30"] },
        Type { sql: "interval", ty: PgType::Interval, values: &["1 year 3 days 04:05:06.7", "-2 mons", "0"] },
        Type { sql: "uuid", ty: PgType::Uuid, values: &["0190a6b2-7c3e-7d51-9f0a-3b6c1e88d2f4"] },
        Type { sql: "inet", ty: PgType::Inet, values: &["192.168.4.17/24", "::1", "2001:db8::/32"] },
        Type { sql: "cidr", ty: PgType::Cidr, values: &["192.168.4.0/24", "2001:db8::/32"] },
        Type { sql: "macaddr", ty: PgType::Macaddr, values: &["08:00:2b:01:02:03"] },
        Type { sql: "macaddr8", ty: PgType::Macaddr8, values: &["08:00:2b:01:02:03:04:05"] },
        Type { sql: "bytea", ty: PgType::Bytea, values: &["\\x", "\\x416e61", "\\x89504e470d0a1a0a"] },
        Type {
            sql: "json",
            ty: PgType::Json,
            values: &[r#"{"email": "a@b.example", "tags": [1e3, null]}"#, "7"],
        },
        Type {
            sql: "jsonb",
            ty: PgType::Jsonb,
            values: &[r#"{"email": "a@b.example", "n": 1.50}"#, "\"é\""],
        },
        Type { sql: "bit(4)", ty: PgType::Bit(Some(4)), values: &["0101"] },
        Type { sql: "varbit(9)", ty: PgType::Varbit(Some(9)), values: &["01011", ""] },
        Type { sql: "oid", ty: PgType::Oid, values: &["7"] },
        Type { sql: "text", ty: PgType::Text, values: texts },
        Type { sql: "varchar(60)", ty: PgType::Varchar(Some(60)), values: texts },
        Type { sql: "varchar(3)", ty: PgType::Varchar(Some(3)), values: &["Ana", "é山x", ""] },
        Type { sql: "char(60)", ty: PgType::Bpchar(Some(60)), values: texts },
        Type { sql: "name", ty: PgType::Name, values: texts },
        Type { sql: "citext", ty: PgType::Citext, values: texts },
        Type { sql: "code", ty: PgType::Domain(Arc::new(code)), values: texts },
        Type { sql: "mood", ty: mood, values: &["calm", "O'Neil"] },
        Type {
            sql: "text[]",
            ty: array(PgType::Text),
            values: &["{a,\"b \\\" c\",NULL}", "{}", "[0:1]={x,y}"],
        },
        Type { sql: "integer[]", ty: array(PgType::Int4), values: &["{{1,2},{3,4}}"] },
        Type {
            sql: "daterange",
            ty: other("pg_catalog", "daterange"),
            values: &["[2024-01-31,2024-03-15)", "empty"],
        },
        Type {
            sql: "tstzrange",
            ty: other("pg_catalog", "tstzrange"),
            values: &["(,\"2024-03-15 10:00:00+00\"]"],
        },
        Type {
            sql: "datemultirange",
            ty: other("pg_catalog", "datemultirange"),
            values: &["{[2024-01-31,2024-03-15)}"],
        },
        Type { sql: "int4range", ty: other("pg_catalog", "int4range"), values: &["[5,70)"] },
        Type { sql: "hstore", ty: other("public", "hstore"), values: &[r#""name"=>"Ana \"x\"", "b"=>NULL"#] },
        Type { sql: "place", ty: place, values: &[r#"("12, Main St",94110,)"#, "(,,\"\")"] },
        Type { sql: "tsvector", ty: other("pg_catalog", "tsvector"), values: &["'ana':1 'silva':2"] },
        Type { sql: "point", ty: other("pg_catalog", "point"), values: &["(1,2)"] },
    ];
    types.push(Type {
        sql: "xml",
        ty: PgType::Xml,
        values: &["<a id='7'><name>Ana &amp; é</name></a>", "text only"],
    });
    types
}

/// The rule of the function's example, for a table with values that it may not take: those become NULL.
fn rule(function: &Function, has_policy: bool) -> String {
    let table: toml::Table = format!("rule = {}", function.example.rule).parse().unwrap();
    let mut rule = match &table["rule"] {
        toml::Value::String(name) => toml::Table::from_iter([("fn".to_string(), name.clone().into())]),
        rule => rule.as_table().unwrap().clone(),
    };
    if has_policy {
        rule.insert("invalid".into(), "null".into());
    }
    toml::Value::Table(rule).to_string()
}

#[test]
fn what_every_function_makes_of_every_type_it_takes_is_of_the_type() {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let (mut sql, mut rules) = (SETUP.to_string(), String::from("version = 1\n"));
        let mut columns = Vec::new();
        for (index, Type { sql: name, ty, values }) in types().iter().enumerate() {
            sql += &format!("CREATE TABLE t{index} (id int PRIMARY KEY, first_name text, last_name text);\n");
            sql += &format!(
                "INSERT INTO t{index} VALUES (1, 'Ines', 'Moreau'), (2, 'Ana', 'O''Neil'), (3, 'Lu', NULL), (4, NULL, NULL);\n"
            );
            rules +=
                &format!("[tables.t{index}]\nid = \"keep\"\nfirst_name = \"keep\"\nlast_name = \"keep\"\n");
            for function in FUNCTIONS {
                // A plan cannot tell whether a person's own values are of those types.
                if matches!(ty, PgType::Other(_) | PgType::Composite(_))
                    && ["choice", "fixed", "lookup"].contains(&function.name)
                {
                    continue;
                }
                let Some(built) = try_prepare(function, 0, ty, &function.example.parameters(), false) else {
                    continue;
                };
                if built.max_chars.zip(ty.max_chars()).is_some_and(|(longest, limit)| longest > limit) {
                    continue;
                }
                let column = format!("by_{}", function.name);
                sql += &format!("ALTER TABLE t{index} ADD \"{column}\" {name};\n");
                let fits =
                    |input: &&str| ty.max_chars().is_none_or(|limit| input.chars().count() <= limit as usize);
                let example = Some(function.example.input).filter(|_| ty.is_text()).filter(fits);
                for (row, value) in example.iter().chain(*values).enumerate().take(4) {
                    sql += &format!(
                        "UPDATE t{index} SET \"{column}\" = {} WHERE id = {};\n",
                        quoted(value),
                        row + 1
                    );
                }
                rules +=
                    &format!("{column} = {}\n", rule(function, matches!(built.masking, Masking::Text(_))));
                columns.push((index, function.name));
            }
        }
        let source = server.database();
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("source.sql");
        fs::write(&script, &sql).unwrap();
        source.psql_file(&script);
        let dump = folder.path().join("snapshot.dump");
        source.pg_dump(&["-Fc", "-f", dump.to_str().unwrap()]);
        let run = Snapshot::shop().from(&dump).rules_text(&rules).to("staging.sql").run();
        run.succeeds();
        let staging = loaded(&run.output(), server);
        let without_results = FUNCTIONS.iter().filter(|function| {
            let of_function = columns.iter().filter(|(_, name)| *name == function.name);
            let count = |(index, name): &(usize, &str)| {
                staging.psql(&format!("SELECT count(by_{name}) FROM t{index}"))
            };
            of_function.map(count).all(|count| count == "0\n")
        });
        let without_results: Vec<&str> = without_results.map(|function| function.name).collect();
        assert_eq!(without_results, ["default", "null"]);
        assert!(columns.len() > 350, "{}", columns.len());
    }
}

#[test]
fn the_fields_of_a_composite_column_are_masked_by_their_names() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let source = server.database();
        source.psql(
            "CREATE TYPE \"Place\" AS (street text, \"No, x\" int, since date);
             CREATE TABLE homes (id int PRIMARY KEY, at \"Place\", \"all\" \"Place\"[]);
             INSERT INTO homes VALUES (1, ROW('Rua \"Augusta\", 7', 7, '2024-02-29'), NULL), (2, ROW(NULL, NULL, NULL), '{}'),
                 (3, NULL, ARRAY[ROW('a', 1, NULL), NULL]::\"Place\"[]);",
        );
        let folder = tempfile::tempdir().unwrap();
        let dump = folder.path().join("snapshot.dump");
        source.pg_dump(&["-Fc", "-f", dump.to_str().unwrap()]);
        let fields = "fields = { street = \"redact\", \"No, x\" = \"integer_id\" }, unlisted = \"keep\"";
        let rules = format!(
            "version = 1\n[tables.homes]\nid = \"keep\"\nat = {{ fn = \"composite\", {fields} }}\n\
             all = {{ fn = \"array\", element = {{ fn = \"composite\", {fields} }} }}\n"
        );
        let run = Snapshot::shop().from(&dump).rules_text(&rules).to("staging.sql").run();
        run.succeeds();
        let staging = loaded(&run.output(), server);
        let query = "SELECT id, (at).street, (at).since, \"all\"[1].street, array_length(\"all\", 1) FROM homes ORDER BY 1";
        assert_eq!(staging.psql(query), "1|xxx xxxxxxxxxx x|2024-02-29||\n2||||\n3|||x|2\n");
        let changed = "SELECT (at).\"No, x\" > 0 AND (at).\"No, x\" <> 7 FROM homes WHERE id = 1";
        assert_eq!(staging.psql(changed), "t\n");
    }
}
