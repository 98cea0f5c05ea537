//! What references are made of: several columns, unique columns, NULL, keys that do not hold, periods.

use super::{Case, PLAIN};

pub static CASES: &[Case] = &[
    Case {
        name: "composite: columns in another order",
        sql: "
            CREATE TABLE users (region text, number int, PRIMARY KEY (region, number));
            CREATE TABLE visits (id int PRIMARY KEY, n int NOT NULL, r text NOT NULL,
                                 FOREIGN KEY (n, r) REFERENCES users (number, region));
            INSERT INTO users SELECT 'r' || i % 3, i FROM generate_series(1, 1500) i;
            INSERT INTO visits SELECT i, 1 + i % 1500, 'r' || (1 + i % 1500) % 3 FROM generate_series(1, 4000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("visits", "n", "users", "number");
        },
        ..PLAIN
    },
    Case {
        name: "composite: some of it NULL, and MATCH FULL",
        sql: "
            CREATE TABLE users (a int, b int, PRIMARY KEY (a, b));
            CREATE TABLE simple (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES users);
            CREATE TABLE whole (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES users MATCH FULL);
            INSERT INTO users SELECT i % 5, i FROM generate_series(1, 1500) i;
            INSERT INTO simple SELECT i, (1 + i % 1500) % 5, CASE WHEN i % 4 > 0 THEN 1 + i % 1500 END
            FROM generate_series(1, 3000) i;
            INSERT INTO whole SELECT i, CASE WHEN i % 4 > 0 THEN (1 + i % 1500) % 5 END,
                                     CASE WHEN i % 4 > 0 THEN 1 + i % 1500 END FROM generate_series(1, 3000) i;",
        rules: "[subset.tables]\nusers = \"none\"\n",
        check: |facts| {
            assert_eq!(facts.count("users"), 0);
            assert!(facts.count("simple") > 0 && facts.count("whole") > 0);
            assert!(facts.kept("whole", "a").is_empty() && facts.kept("whole", "b").is_empty());
        },
        ..PLAIN
    },
    Case {
        name: "composite: a column that two share stays",
        sql: "
            CREATE TABLE tenants (id int PRIMARY KEY);
            CREATE TABLE agents (tenant_id int NOT NULL REFERENCES tenants, id int, PRIMARY KEY (tenant_id, id));
            CREATE TABLE tickets (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, agent_id int,
                                  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents);
            INSERT INTO tenants SELECT i FROM generate_series(1, 400) i;
            INSERT INTO agents SELECT 1 + i % 400, i FROM generate_series(1, 2000) i;
            INSERT INTO tickets SELECT i, 1 + (1 + i % 2000) % 400, 1 + i % 2000 FROM generate_series(1, 5000) i;",
        rules: "[[subset.edges]]\nedge = \"tickets(tenant_id, agent_id)\"\ndown = \"none\"\nup = \"null\"\n\
                [subset.tables]\nagents = \"none\"\ntickets = \"20%\"\n",
        check: |facts| {
            facts.assert_share("tickets", 20.0);
            assert!(facts.kept("tickets", "agent_id").is_empty());
            facts.assert_closed("tickets", "tenant_id", "tenants", "id");
            assert!(facts.kept("tickets", "tenant_id").len() > 100);
        },
        ..PLAIN
    },
    Case {
        name: "unique: by id, by uuid, by a bare unique index",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY, uuid uuid NOT NULL UNIQUE, handle text);
            CREATE UNIQUE INDEX ON users (handle);
            CREATE TABLE by_uuid (id int PRIMARY KEY, user_uuid uuid NOT NULL REFERENCES users (uuid));
            CREATE TABLE by_id (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            CREATE TABLE by_handle (id int PRIMARY KEY, handle text REFERENCES users (handle) ON DELETE CASCADE);
            INSERT INTO users SELECT i, md5(i::text)::uuid, NULLIF('h' || i, 'h5') FROM generate_series(1, 1500) i;
            INSERT INTO by_uuid SELECT i, md5((1 + i % 1500)::text)::uuid FROM generate_series(1, 3000) i;
            INSERT INTO by_id SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO by_handle SELECT i, NULLIF('h' || 1 + i % 1500, 'h5') FROM generate_series(1, 3000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("by_uuid", "user_uuid", "users", "uuid");
            facts.assert_follows("by_id", "user_id", "users", "id");
            facts.assert_closed("by_handle", "handle", "users", "handle");
        },
        ..PLAIN
    },
    Case {
        name: "null: a row without an owner is sampled itself",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO notes SELECT i, CASE WHEN i % 2 = 0 THEN 1 + i % 1500 END FROM generate_series(1, 6000) i;",
        check: |facts| {
            facts.assert_closed("notes", "user_id", "users", "id");
            let all = facts.count("notes");
            assert!((450..=750).contains(&all), "{all} of 6000 notes");
        },
        ..PLAIN
    },
    Case {
        name: "null: a key that does not hold is copied as found",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE notes (id int PRIMARY KEY, user_id int NOT NULL);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO notes SELECT i, 1 + i % 1600 FROM generate_series(1, 4000) i;
            ALTER TABLE notes ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID;",
        subset: &["100%"],
        check: |facts| {
            assert_eq!(facts.count("notes"), 4000);
            assert_eq!(facts.count("users"), 1500);
        },
        ..PLAIN
    },
    Case {
        name: "temporal: ranges that cover a reference",
        server: Some(18),
        sql: "
            CREATE EXTENSION btree_gist;
            CREATE TABLE prices (product int, valid daterange, PRIMARY KEY (product, valid WITHOUT OVERLAPS));
            CREATE TABLE sales (id int PRIMARY KEY, product int, span daterange,
                                FOREIGN KEY (product, PERIOD span) REFERENCES prices (product, PERIOD valid));
            INSERT INTO prices SELECT i, daterange(d::date, (d + interval '1 month')::date)
            FROM generate_series(1, 400) i, generate_series(timestamp '2024-01-01', '2024-04-01', '1 month') d;
            INSERT INTO sales SELECT i, 1 + i % 400, daterange('2024-01-20', '2024-02-10')
            FROM generate_series(1, 2000) i;",
        subset: &["sales=10%", "prices=0%"],
        check: |facts| {
            facts.assert_share("sales", 10.0);
            assert_eq!(facts.count("prices"), 2 * facts.kept("sales", "product").len());
        },
        ..PLAIN
    },
    Case {
        name: "null: rows of which the key does not hold are sampled themselves",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE notes (id int PRIMARY KEY, user_id int NOT NULL);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO notes SELECT i, 1 + i % 3000 FROM generate_series(1, 6000) i;
            ALTER TABLE notes ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            let users = facts.all("users", "id");
            let dangle = |row: &&std::collections::BTreeMap<String, Option<String>>| {
                !users.contains(row["user_id"].as_ref().unwrap())
            };
            let dangling = facts.rows().0["public.notes"].iter().filter(dangle).count();
            assert!((220..=380).contains(&dangling), "{dangling} of 3000");
            assert_eq!(facts.count("notes") - dangling, 2 * facts.count("users"));
        },
        ..PLAIN
    },
    Case {
        name: "null: what is generated from a reference that becomes NULL",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE coupons (id int PRIMARY KEY);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                coupon_id int REFERENCES coupons CHECK (coupon_id > 0), UNIQUE (user_id, coupon_id),
                has_coupon boolean GENERATED ALWAYS AS (coupon_id IS NOT NULL) STORED);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO coupons SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO orders SELECT i, 1 + i % 1500, NULLIF(1 + i % 1500, 7) FROM generate_series(1, 1500) i;",
        rules: "[[subset.edges]]\nedge = \"orders(coupon_id)\"\nup = \"null\"\n",
        subset: &["10%", "coupons=10%"],
        check: |facts| {
            facts.assert_follows_but("orders", "user_id", "users", "id", &["coupon_id"]);
            facts.assert_closed("orders", "coupon_id", "coupons", "id");
            let nulled = facts.rows().column("public.orders", "coupon_id");
            assert!(nulled.iter().filter(|value| value.is_none()).count() > 100);
        },
        ..PLAIN
    },
];
