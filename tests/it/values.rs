//! Numbers, times and identifiers over a real server: what is made of them is of the column's type, and what Postgres
//! says it should be.

use tempfile::TempDir;

use crate::support::postgres::{Database, Server};
use crate::support::{Snapshot, loaded};

/// A database with the tables that `sql` makes, dumped, masked by `rules` and loaded into another.
fn masked(server: &'static Server, sql: &str, rules: &str) -> (Database, Database, TempDir) {
    let source = server.database();
    source.psql(sql);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("snapshot.dump");
    source.pg_dump(&["-Fc", "-f", dump.to_str().expect("temporary folders have plain names")]);
    let run =
        Snapshot::shop().from(&dump).rules_text(&format!("version = 1\n{rules}")).to("staging.sql").run();
    run.succeeds();
    let staging = loaded(&run.output(), server);
    (source, staging, folder)
}

/// The rows that `query` finds in either database.
fn both(query: [&str; 2], databases: [&Database; 2]) -> [Vec<String>; 2] {
    let rows = |(query, database): (&str, &Database)| -> Vec<String> {
        database.psql(query).lines().map(str::to_string).collect()
    };
    let [one, other] = [0, 1].map(|at| rows((query[at], databases[at])));
    [one, other]
}

const UNITS: &[&str] =
    &["century", "decade", "year", "quarter", "month", "week", "day", "hour", "minute", "second"];

#[test]
fn truncate_to_is_date_trunc() {
    let server = Server::newest();
    // Times around changes of the clock and of years, before Christ too, in a zone that has both.
    let mut sql = String::from(
        "SET timezone = 'America/New_York';
         CREATE TABLE moments (id int PRIMARY KEY, plain timestamp, zoned timestamptz, span interval, day date);
         INSERT INTO moments SELECT n,
             timestamp '2024-03-10 01:59:59.25' + n * interval '13 days 7:11:13.123456' - n * n * interval '1 month',
             timestamptz '2024-03-10 01:59:59.25' + n * interval '13 days 7:11:13.123456' - n * interval '3 months',
             (n - 100) * interval '1 year 3 months 5 days 07:08:09.5',
             date '2000-02-29' + n * 123 - n * n * 40
         FROM generate_series(1, 200) AS n;",
    );
    let mut rules = String::from("[tables.moments]\nid = \"keep\"\n");
    let (mut expected, mut columns) = (String::new(), String::new());
    for (ty, column) in
        [("timestamp", "plain"), ("timestamptz", "zoned"), ("interval", "span"), ("date", "day")]
    {
        for unit in UNITS {
            let is_finer_than_a_date = ty == "date" && ["day", "hour", "minute", "second"].contains(unit);
            // Postgres has no weeks of intervals.
            if is_finer_than_a_date || ty == "interval" && *unit == "week" {
                continue;
            }
            let name = format!("{column}_{unit}");
            sql += &format!("ALTER TABLE moments ADD {name} {ty}; UPDATE moments SET {name} = {column};");
            rules += &format!("{name} = {{ fn = \"truncate_to\", unit = \"{unit}\" }}\n");
            let truncated = match ty {
                "timestamptz" => {
                    format!("date_trunc('{unit}', {column} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'")
                }
                "date" => format!("date_trunc('{unit}', {column}::timestamp)::date"),
                _ => format!("date_trunc('{unit}', {column})"),
            };
            expected += &format!(", {truncated}");
            columns += &format!(", {name}");
        }
        rules += &format!("{column} = \"keep\"\n");
    }
    let (source, staging, _folder) = masked(server, &sql, &rules);
    let set = "SET timezone = 'UTC';";
    let queries = [expected, columns].map(|list| format!("{set} SELECT id{list} FROM moments ORDER BY id"));
    let [expected, found] = both([&queries[0], &queries[1]], [&source, &staging]);
    assert_eq!(expected.len(), 200);
    assert_eq!(found, expected);
}

#[test]
fn numbers_at_the_edges_of_their_types_fit_them_again() {
    for major in [15, 18] {
        let Some(server) = Server::of(major) else { continue };
        let sql = "CREATE TABLE amounts (
                 id int PRIMARY KEY, small smallint, medium integer, large bigint, fixed numeric(5,2), hundreds numeric(3,-2),
                 tiny numeric(2,4), free numeric, single real, double double precision);
             INSERT INTO amounts SELECT n,
                 CASE n % 3 WHEN 0 THEN 32767 WHEN 1 THEN -32768 ELSE n END,
                 CASE n % 3 WHEN 0 THEN 2147483647 WHEN 1 THEN -2147483648 ELSE n END,
                 CASE n % 3 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE n END,
                 CASE n % 4 WHEN 0 THEN 999.99 WHEN 1 THEN -999.99 WHEN 2 THEN 'NaN' ELSE n / 100.0 END,
                 CASE n % 3 WHEN 0 THEN 99900 WHEN 1 THEN -99900 ELSE n * 100 END,
                 CASE n % 2 WHEN 0 THEN 0.0099 ELSE -0.0001 END,
                 CASE n % 4 WHEN 0 THEN 'Infinity' WHEN 1 THEN 1e100 + n WHEN 2 THEN n * 1e-20 ELSE n END,
                 CASE n % 4 WHEN 0 THEN 3.4028235e38 WHEN 1 THEN 'NaN' WHEN 2 THEN 1e-45 ELSE n / 7.0 END,
                 CASE n % 4 WHEN 0 THEN 1.7976931348623157e308 WHEN 1 THEN '-Infinity' WHEN 2 THEN 5e-324 ELSE n / 7.0 END
             FROM generate_series(1, 100) AS n;";
        for rule in [
            "{ fn = \"noise\", ratio = 1 }",
            "{ fn = \"noise\", ratio = \"0.000001\" }",
            "{ fn = \"bucket\", width = 100 }",
            "{ fn = \"round\", to = 1000 }",
            "{ fn = \"clamp\", min = -50, max = 50 }",
        ] {
            let columns =
                ["small", "medium", "large", "fixed", "hundreds", "tiny", "free", "single", "double"];
            let rules: String = columns.iter().map(|column| format!("{column} = {rule}\n")).collect();
            let rules = format!("[tables.amounts]\nid = \"keep\"\n{rules}");
            let (source, staging, _folder) = masked(server, sql, &rules);
            // What is infinite or no number stays; all else is finite, and of the sign it had or zero.
            let kinds =
                "SELECT id, fixed = 'NaN', free::text LIKE '%Inf%', single = 'NaN', double::text LIKE '%Inf%'
                         FROM amounts ORDER BY id";
            let [before, after] = both([kinds, kinds], [&source, &staging]);
            assert_eq!(before, after, "{rule}");
        }
    }
}

#[test]
fn identifiers_stay_keys_and_networks_stay_networks() {
    let server = Server::newest();
    let sql = "CREATE TABLE hosts (
             id numeric(12,0) PRIMARY KEY, address inet UNIQUE, network cidr, card macaddr UNIQUE, wide macaddr8 UNIQUE,
             token uuid UNIQUE, seen timestamptz, at timetz);
         CREATE TABLE visits (host numeric(12,0) REFERENCES hosts, address inet);
         INSERT INTO hosts SELECT n,
             CASE n % 2 WHEN 0 THEN ('10.0.' || n / 256 || '.' || n % 256 || '/16')::inet
                        ELSE ('2001:db8::' || to_hex(n) || '/64')::inet END,
             CASE n % 2 WHEN 0 THEN ('10.' || n % 256 || '.0.0/16')::cidr ELSE ('2001:db8:' || to_hex(n) || '::/48')::cidr END,
             ('08:00:2b:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr,
             ('08:00:2b:00:00:00:' || lpad(to_hex(n / 256), 2, '0') || ':' || lpad(to_hex(n % 256), 2, '0'))::macaddr8,
             ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
             now() + n * interval '1 hour', '12:34:56.5+05:30'
         FROM generate_series(1, 2000) AS n;
         INSERT INTO visits SELECT id, address FROM hosts;";
    let rules = "[tables.hosts]\nid = \"integer_id\"\naddress = \"ip\"\nnetwork = \"ip\"\ncard = \"mac\"\nwide = \"mac\"
        token = \"uuid\"\nseen = { fn = \"date_shift\", by = \"id\", unit = \"second\" }
        at = { fn = \"time_of_day\", by = \"id\" }\n[tables.visits]\naddress = \"ip\"\n";
    let (source, staging, _folder) = masked(server, sql, rules);
    let query = "SELECT count(*), count(DISTINCT id), count(DISTINCT address), count(DISTINCT card), count(DISTINCT wide),
        count(DISTINCT token), count(DISTINCT masklen(network)), count(*) FILTER (WHERE id > 0) FROM hosts";
    let [before, after] = both([query, query], [&source, &staging]);
    assert_eq!(before, after);
    let joined = "SELECT count(*) FROM hosts JOIN visits ON host = id AND hosts.address = visits.address";
    assert_eq!(staging.psql(joined).trim(), "2000");
    // All addresses were of one network each for both families, and are again.
    let networks = "SELECT count(DISTINCT network(address)) FROM hosts WHERE family(address) = 4";
    assert_eq!(staging.psql(networks).trim(), "1");
}
