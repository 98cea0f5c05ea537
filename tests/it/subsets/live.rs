//! Subsets of live databases: what the server is asked for, while others write, and together with other databases.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, assert_same_rows, loaded};

use super::facts::Facts;

/// How many rows of a table were read by scans since it was made.
fn rows_scanned(database: &Database, table: &str) -> u64 {
    // Sessions report what they did as they end.
    std::thread::sleep(Duration::from_millis(1_500));
    let sql = format!("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = '{table}'");
    database.psql(&sql).trim().parse().unwrap()
}

#[test]
fn few_rows_of_a_large_live_table_are_fetched_from_where_they_lie() {
    // Tables of more than 16 MiB, whose pages have holes and moved rows; keys of several types.
    let facts = Facts::of(
        Server::newest(),
        r"CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL);
         CREATE TABLE orders (
             code text PRIMARY KEY, user_id uuid REFERENCES users, total numeric NOT NULL, note text NOT NULL
         );
         INSERT INTO users SELECT md5(i::text)::uuid, E'user\t\\' || i || repeat('x', 300)
         FROM generate_series(1, 60000) i;
         INSERT INTO orders SELECT E'o\t\\' || i, md5((i % 60000 + 1)::text)::uuid, i, repeat('y', 150)
         FROM generate_series(1, 130000) i;
         UPDATE orders SET total = total + 1 WHERE total % 7 = 0;
         UPDATE orders SET user_id = NULL WHERE total % 13 = 0;
         DELETE FROM orders WHERE total % 5 = 0;
         UPDATE users SET name = name || 'z' WHERE name LIKE '%3x%';",
        "",
        &["3%"],
    );
    let file = facts.run(&["3%"]).to_parquet().run();
    file.succeeds();
    let before = ["users", "orders"].map(|table| rows_scanned(&facts.database, table));
    let live = facts.live().to_parquet().run();
    live.succeeds();
    assert_same_rows(&file.rows(), &live.rows(), "live");
    for (table, before) in ["users", "orders"].into_iter().zip(before) {
        let (all, scanned) = (facts.count_all(table) as u64, rows_scanned(&facts.database, table) - before);
        // The first read scans all of it, and the second nothing.
        assert!(
            scanned > 0 && scanned <= all * 11 / 10,
            "{table}: {scanned} rows of {all} are read by scans"
        );
    }
}

#[test]
fn the_same_people_are_kept_in_two_databases() {
    let server = Server::newest();
    let rules =
        |table: &str| format!("[subset.tables]\n{table} = {{ rows = \"20%\", entity = \"person\" }}\n");
    let shop = Facts::of(
        server,
        "CREATE TABLE customers (id int PRIMARY KEY, name text);
         INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 1500) i;",
        &rules("customers"),
        &[],
    );
    let crm = Facts::of(
        server,
        "CREATE TABLE contacts (ref text PRIMARY KEY, mail text);
         INSERT INTO contacts SELECT i, 'm' || i FROM generate_series(1000, 3000) i;",
        &rules("contacts"),
        &[],
    );
    let both = |ids: BTreeSet<String>| -> BTreeSet<String> {
        ids.into_iter().filter(|id| (1000..=1500).contains(&id.parse::<u32>().unwrap())).collect()
    };
    let live = |facts: &Facts, table: &str, column: &str| -> BTreeSet<String> {
        let run = facts.live().to_parquet().run();
        run.succeeds();
        let rows = run.rows();
        rows.column(table, column).into_iter().flatten().map(str::to_string).collect()
    };
    let left = both(shop.kept("customers", "id"));
    assert!(left.len() > 50, "{}", left.len());
    assert_eq!(left, both(crm.kept("contacts", "ref")));
    assert_eq!(left, both(live(&shop, "public.customers", "id")));
    assert_eq!(left, both(live(&crm, "public.contacts", "ref")));
}

#[test]
fn writers_do_not_get_into_a_subset() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY, orders int NOT NULL, filler text);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, filler text);
         CREATE TABLE items (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders);
         INSERT INTO users SELECT i, 3, repeat('x', 400) FROM generate_series(1, 50000) i;
         INSERT INTO orders SELECT i, 1 + i % 50000, repeat('y', 150) FROM generate_series(1, 150000) i;
         INSERT INTO items SELECT i, i FROM generate_series(1, 150000) i;",
        "",
        &["10%"],
    );
    /// Ends the writer, also where the run fails.
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        let end = End(&is_over);
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) {
                let at = 200_000 + written * 100;
                let id = 1 + written * 7919 % 50_000;
                let other = 1 + (id + 17) % 50_000;
                // An order moves to another user, users come with theirs, and nothing is ever half done.
                facts.database.psql(&format!(
                    "BEGIN;
                     UPDATE users SET orders = orders - 1 WHERE id = (SELECT user_id FROM orders WHERE id = {id});
                     UPDATE orders SET user_id = {other} WHERE id = {id};
                     UPDATE users SET orders = orders + 1 WHERE id = {other};
                     INSERT INTO users SELECT i, 1, 'new' FROM generate_series({at}, {at} + 50) i;
                     INSERT INTO orders SELECT i, i, 'new' FROM generate_series({at}, {at} + 50) i;
                     INSERT INTO items SELECT i, i FROM generate_series({at}, {at} + 50) i;
                     COMMIT"
                ));
                written += 1;
            }
            written
        });
        std::thread::sleep(Duration::from_millis(300));
        let run = facts.live().jobs(2).to("staging.sql").run();
        drop(end);
        assert!(writer.join().expect("it writes to the end") > 2);
        run
    });
    run.succeeds();
    let staging = loaded(&run.output(), Server::newest());
    let wrong =
        "SELECT count(*) FROM users LEFT JOIN (SELECT user_id, count(*) AS found FROM orders GROUP BY 1) AS o
                     ON user_id = id WHERE orders <> coalesce(found, 0);
                 SELECT count(*) FROM orders LEFT JOIN items ON order_id = orders.id WHERE items.id IS NULL";
    assert_eq!(facts.database.psql(wrong), "0\n0\n", "in the source");
    assert_eq!(staging.psql(wrong), "0\n0\n");
    let rows = Rows::of_database(&staging);
    let users: BTreeSet<String> =
        rows.column("public.users", "id").into_iter().flatten().map(str::to_string).collect();
    let old: BTreeSet<String> = users.into_iter().filter(|id| id.parse::<u32>().unwrap() <= 50_000).collect();
    assert_eq!(old, facts.kept("users", "id"));
}

/// A table with what a server may answer otherwise, and another one that belongs to it.
const PLACES: &str = "
    CREATE EXTENSION citext;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TYPE pair AS (a int, b int);
    CREATE TABLE places (id int PRIMARY KEY, name text, code char(6), email citext, amount numeric(10,2),
        open numeric, rate float8, born date, seen timestamptz, mood mood, net inet, pair pair, notes text);
    CREATE TABLE visits (id int PRIMARY KEY, place_id int NOT NULL REFERENCES places);
    INSERT INTO places SELECT i, (ARRAY['Ana', 'ana', 'ÄRGER', 'äb', 'Zoë', '', NULL])[1 + i % 7] || i % 5,
        (ARRAY['ab', 'AB', 'ab  x', NULL])[1 + i % 4], 'User' || i % 50 || '@X.org', i / 7.0, i / 3.0,
        CASE WHEN i % 10 = 0 THEN 'NaN' WHEN i % 11 = 0 THEN '-0' ELSE i / 9.0 END,
        date '2024-01-01' + i % 300, timestamptz '2024-01-01 00:00+02' + i * interval '1 hour',
        (enum_range(NULL::mood))[1 + i % 3], '10.0.0.1', CASE WHEN i % 3 > 0 THEN ROW(NULL, NULL)::pair END, repeat('n', 20)
    FROM generate_series(1, 3000) i;
    INSERT INTO visits SELECT i, 1 + i % 3000 FROM generate_series(1, 6000) i;";

#[test]
fn a_condition_is_decided_by_the_server_where_that_is_the_same() {
    let server = Server::alone(&["log_statement=all"]);
    let facts = Facts::of(server, PLACES, "", &["places=where id <= 3"]);
    let log = || std::fs::read_to_string(server.folder().join("log")).unwrap();
    for (condition, asked) in [
        ("name = 'Ana1' OR name >= 'b' AND name < 'Ä'", Some(r#"("name" COLLATE pg_catalog."C" = 'Ana1'"#)),
        ("name LIKE 'A%' AND code IN ('ab   ', 'x')", Some(r#"("name" COLLATE pg_catalog."C" LIKE 'A%'"#)),
        ("amount > 100.50 AND rate > 10", Some(r#"THEN NULL ELSE"#)),
        (
            "seen < '2024-01-05' AND mood > 'sad' AND born <> '2024-01-03'",
            Some(r#""seen" < '2024-01-05 00:00+00'"#),
        ),
        ("rate = 0 OR rate = 'NaN'", None),
        ("email = 'USER7@x.ORG'", None),
        ("lower(name) = 'ärger3'", None),
        ("open > 900 OR -id > -9", None),
        ("net::text = '10.0.0.1' AND id < 100", None),
        ("pair IS NULL", None),
    ] {
        let spec = format!("places=where {condition}");
        let before = log().len();
        let live = facts.run(&[&spec]).live(&facts.database).to_parquet().run();
        live.succeeds();
        let said = log()[before..].to_string();
        let of_table =
            |line: &str| line.contains(r#"FROM ONLY "public"."places""#) && line.contains(" IS TRUE");
        let is_asked = said.lines().any(of_table);
        assert_eq!(is_asked, asked.is_some(), "{condition}");
        assert!(asked.is_none_or(|sql| said.contains(sql)), "{condition}");
        let file = facts.run(&[&spec]).to_parquet().run();
        file.succeeds();
        assert_ne!(file.rows().counts()["public.places"], 0, "{condition}");
        assert_same_rows(&file.rows(), &live.rows(), condition);
    }
    let spec = ["places=where amount > 3"];
    facts.database.psql("UPDATE places SET amount = 'NaN' WHERE id = 77");
    let live = facts.run(&spec).live(&facts.database).to_parquet().run();
    live.ends_with(1).says("the condition of the subset has no answer").leaves_nothing();
}

#[test]
fn the_columns_of_a_condition_on_a_large_table_stay_on_the_server() {
    // More than 16 MiB, in partitions with their columns in another order, and a key that the server writes as text.
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE events (id numeric, kind text, filler text, flag boolean, PRIMARY KEY (id, kind))
             PARTITION BY LIST (kind);
         CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
         CREATE TABLE events_b (filler text, flag boolean, kind text NOT NULL, id numeric NOT NULL);
         ALTER TABLE events ATTACH PARTITION events_b DEFAULT;
         CREATE TABLE details (id int PRIMARY KEY, event_id numeric, kind text, FOREIGN KEY (event_id, kind) REFERENCES events);
         INSERT INTO events SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' || i % 3 END, i || repeat('x', 400), i % 5 = 0
         FROM generate_series(1, 90000) i;
         INSERT INTO details SELECT i, id, kind FROM generate_series(1, 20000) i JOIN events ON id = i * 4;",
        "",
        &["events=where filler LIKE '%7_xxx%' AND flag IS NOT TRUE AND kind <> 'b2'"],
    );
    assert!(facts.count("events_a") > 2_000 && facts.count("events_b") > 1_000);
    let live = facts.live().to_parquet().run();
    live.succeeds();
    assert_same_rows(&facts.run_as_asked().to_parquet().run().rows(), &live.rows(), "live");
}
