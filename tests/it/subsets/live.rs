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
