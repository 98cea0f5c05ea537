//! Large tables of a live database, of which rows are looked up: the subset is that of the dump.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::postgres::Server;

use super::facts::Facts;

/// Tables of more than 16 MiB, as a row of each fills half a page or more. Among them are a partitioned one, keys that are
/// numbers near to and far from one another and UUIDs, owners that are NULL, a table that is only referred to and one that refers
/// to itself.
const LARGE: &str = r#"
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE accounts (id uuid PRIMARY KEY, user_id int NOT NULL REFERENCES users, filler text NOT NULL);
CREATE TABLE "the parts" (id int PRIMARY KEY, maker_id int REFERENCES users, filler text NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY, account_id uuid NOT NULL REFERENCES accounts, filler text NOT NULL,
    "Part" int REFERENCES "the parts"
);
CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders, line smallint NOT NULL, filler text NOT NULL, PRIMARY KEY (order_id, line)
) PARTITION BY HASH (order_id);
CREATE TABLE order_items_0 PARTITION OF order_items FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE order_items_1 PARTITION OF order_items FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE events (
    user_id int REFERENCES users, order_id bigint REFERENCES orders, kind text NOT NULL, filler text NOT NULL
);
CREATE TABLE employees (id int PRIMARY KEY, boss_id int REFERENCES employees, user_id int REFERENCES users, filler text);
CREATE TABLE pins (id int PRIMARY KEY, part_id int NOT NULL REFERENCES "the parts");
DO $$ DECLARE t text; BEGIN
    FOREACH t IN ARRAY ARRAY['accounts', '"the parts"', 'orders', 'order_items', 'events', 'employees'] LOOP
        EXECUTE 'ALTER TABLE ' || t || ' ALTER filler SET STORAGE PLAIN';
    END LOOP;
END $$;
ALTER TABLE order_items_0 ALTER filler SET STORAGE PLAIN;
ALTER TABLE order_items_1 ALTER filler SET STORAGE PLAIN;
INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 3000) i;
INSERT INTO accounts SELECT md5(i::text)::uuid, 1 + i * 7 % 3000, repeat(E'\t\\a', 1300) FROM generate_series(1, 4500) i;
INSERT INTO "the parts" SELECT i * 5003, CASE WHEN i % 3 = 0 THEN 1 + abs(i) % 3000 END, repeat('p', 3900)
    FROM generate_series(-100, 4400) i;
INSERT INTO orders SELECT i, md5((1 + i * 13 % 4500)::text)::uuid, repeat('o', 3900), CASE WHEN i % 7 > 0 THEN (i * 11 % 4400) * 5003 END
    FROM generate_series(1, 6000) i;
INSERT INTO order_items SELECT 1 + i * 17 % 6000, i / 6000, repeat('i', 1900) FROM generate_series(1, 12000) i;
INSERT INTO events SELECT CASE WHEN i % 40 > 0 THEN 1 + i * 19 % 3000 END, CASE WHEN i % 3 > 0 THEN 1 + i * 23 % 6000 END, 'k' || i % 5,
    repeat('e', 1900) FROM generate_series(1, 12000) i;
INSERT INTO events SELECT * FROM events WHERE kind = 'k3';
INSERT INTO employees SELECT i, nullif(i / 3, 0), 1 + i % 3000, repeat('b', 3900) FROM generate_series(1, 4500) i;
INSERT INTO pins SELECT i, (i * 44) * 5003 FROM generate_series(1, 90) i;
UPDATE orders SET filler = repeat('x', 3900) WHERE id % 11 = 0;
DELETE FROM events WHERE kind = 'k4';
VACUUM ANALYZE;
"#;

/// The tables of which not all rows are read.
fn looked_up(facts: &Facts, subset: &[&str]) -> BTreeSet<String> {
    let plan = facts.run(subset).live(&facts.database).command("plan").argument("--format").argument("json");
    let run = plan.run();
    run.succeeds();
    let plan: Value = serde_json::from_slice(&run.stdout).unwrap();
    let tables = plan["subset"]["tables"].as_array().unwrap().iter();
    let is_estimate = |table: &&Value| table["rows_read_is_estimate"] == true;
    let name = |table: &Value| table["name"].as_str().unwrap().replace("public.", "").replace('"', "");
    tables.filter(is_estimate).map(name).collect()
}

#[track_caller]
fn assert_same(facts: &Facts, subset: &[&str], expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(looked_up(facts, subset), expected, "{subset:?}");
    let file = facts.run(subset).to("staging.sql").run();
    file.succeeds();
    for jobs in ["1", "2"] {
        let live = facts.run(subset).live(&facts.database).argument("--jobs").argument(jobs);
        let live = live.to("staging.sql").run();
        live.succeeds();
        assert!(
            rows_of_script(&std::fs::read(live.output()).unwrap())
                == rows_of_script(&std::fs::read(file.output()).unwrap()),
            "{subset:?} with {jobs} jobs: other rows, or in another order"
        );
    }
}

/// The lines of a script, without those that say what wrote the dump.
fn rows_of_script(script: &[u8]) -> Vec<&[u8]> {
    script.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"-- Dumped")).collect()
}

#[test]
fn rows_that_follow_or_are_referred_to_are_looked_up() {
    let facts = Facts::of(Server::newest(), LARGE, "", &["5%"]);
    // The parts are sampled, as others belong to them.
    assert_same(&facts, &["5%"], &["accounts", "orders", "order_items", "events"]);
    assert_same(&facts, &["20%"], &["accounts", "orders", "order_items", "events"]);
    // Most rows of some are better read with all others.
    assert_same(&facts, &["60%"], &[]);
    for users in ["users=5%", "users=40 rows"] {
        assert_same(&facts, &[users], &["accounts", "orders", "order_items", "events", "the parts"]);
    }
    // Nobody knows for how many rows a condition holds.
    assert_same(&facts, &["users=where id % 50 = 7"], &["events"]);
}

#[test]
fn what_becomes_of_references_is_the_same() {
    let rules = r#"
[subset.tables]
users = "10%"
"the parts" = "none"
events = { rows = "all" }
[[subset.edges]]
edge = "order_items(order_id)"
down = "owner"
cap = 1
[[subset.edges]]
edge = "orders(account_id)"
down = "any"
[[subset.edges]]
edge = 'orders("Part")'
up = "null"
down = "none"
"#;
    let facts = Facts::of(Server::newest(), LARGE, rules, &[]);
    assert_same(&facts, &[], &["order_items"]);
    let rules = rules.replace("events = { rows = \"all\" }\n", "");
    let facts = Facts::of(Server::newest(), LARGE, &rules, &[]);
    assert_same(&facts, &[], &["accounts", "orders", "order_items", "events", "the parts"]);
}

#[test]
fn a_table_with_keys_of_two_columns_is_read_whole() {
    let sql = format!(
        "{LARGE}
         CREATE TABLE reviews (
             id int PRIMARY KEY, order_id bigint NOT NULL, line smallint NOT NULL, filler text NOT NULL,
             FOREIGN KEY (order_id, line) REFERENCES order_items
         );
         INSERT INTO reviews SELECT i, 1 + i * 17 % 6000, i / 6000, '' FROM generate_series(1, 2000) i;
         ALTER TABLE accounts ADD parent uuid REFERENCES accounts;
         VACUUM ANALYZE;"
    );
    let facts = Facts::of(Server::newest(), &sql, "", &["5%"]);
    assert_same(&facts, &["5%"], &["events"]);
}
