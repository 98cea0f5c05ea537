//! Tables of parts, and tables that inherit.

use super::{Case, PLAIN};

pub static CASES: &[Case] = &[
    Case {
        name: "partition: keys from and to them, columns in another order",
        sql: "
            CREATE TABLE users (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
            CREATE TABLE users_a PARTITION OF users FOR VALUES IN ('a');
            CREATE TABLE users_b (region text NOT NULL, id int NOT NULL);
            ALTER TABLE users ATTACH PARTITION users_b FOR VALUES IN ('b');
            CREATE TABLE orders (id int NOT NULL, user_id int NOT NULL, region text NOT NULL, placed date NOT NULL,
                PRIMARY KEY (id, placed), FOREIGN KEY (user_id, region) REFERENCES users)
                PARTITION BY RANGE (placed);
            CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-06-01')
                PARTITION BY HASH (id);
            CREATE TABLE orders_1_0 PARTITION OF orders_1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE orders_1_1 PARTITION OF orders_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            CREATE TABLE orders_2 PARTITION OF orders DEFAULT;
            CREATE TABLE refunds (id int PRIMARY KEY, order_id int NOT NULL, placed date NOT NULL,
                                  FOREIGN KEY (order_id, placed) REFERENCES orders (id, placed));
            INSERT INTO users SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 2000) i;
            INSERT INTO orders SELECT i, 1 + i % 2000, CASE WHEN (1 + i % 2000) % 2 = 0 THEN 'a' ELSE 'b' END,
                date '2024-01-01' + i % 300 FROM generate_series(1, 6000) i;
            INSERT INTO refunds SELECT i, i, date '2024-01-01' + i % 300 FROM generate_series(1, 3000) i;",
        check: |facts| {
            let users = facts.count("users_a") + facts.count("users_b");
            assert!((160..=240).contains(&users), "{users}");
            let owners = &facts.kept("users_a", "id") | &facts.kept("users_b", "id");
            let leaves = ["orders_1_0", "orders_1_1", "orders_2"];
            let placed = leaves.iter().flat_map(|leaf| facts.kept(leaf, "user_id"));
            assert!(placed.into_iter().all(|user| owners.contains(&user)));
            assert_eq!(leaves.iter().map(|leaf| facts.count(leaf)).sum::<usize>(), 3 * users);
        },
        ..PLAIN
    },
    Case {
        name: "partition: a table that inherits refers as its parent does",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE notes (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            CREATE TABLE long_notes (body text) INHERITS (notes);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO notes SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO long_notes SELECT i, 1 + i % 1500, 'x' FROM generate_series(3001, 6000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("notes", "user_id", "users", "id");
            facts.assert_follows("long_notes", "user_id", "users", "id");
        },
        ..PLAIN
    },
    Case {
        name: "partition: at most so many children, and a parent that is left out",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE audits (id int, kind text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
            CREATE TABLE audits_a PARTITION OF audits FOR VALUES IN ('a');
            CREATE TABLE audits_rest PARTITION OF audits DEFAULT;
            CREATE TABLE orders (id int, user_id int NOT NULL REFERENCES users, audit_id int, audit_kind text,
                PRIMARY KEY (id, user_id), FOREIGN KEY (audit_id, audit_kind) REFERENCES audits)
                PARTITION BY HASH (id, user_id);
            CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER 0);
            CREATE TABLE orders_1 (audit_kind text, audit_id int, user_id int NOT NULL, id int NOT NULL);
            ALTER TABLE orders ATTACH PARTITION orders_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
            CREATE TABLE orders_2 PARTITION OF orders FOR VALUES WITH (MODULUS 3, REMAINDER 2);
            CREATE TABLE checks (id int PRIMARY KEY, audit_id int NOT NULL, audit_kind text NOT NULL,
                                 FOREIGN KEY (audit_id, audit_kind) REFERENCES audits);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO audits SELECT i, CASE WHEN i % 3 = 0 THEN 'a' ELSE 'b' || i % 2 END FROM generate_series(1, 2000) i;
            INSERT INTO orders SELECT i, 1 + i % 1500, id, kind FROM generate_series(1, 15000) i
                LEFT JOIN audits ON id = NULLIF(1 + i % 2000, 7);
            INSERT INTO checks SELECT id, id, kind FROM audits;",
        rules: "[[subset.edges]]\nedge = \"orders(user_id)\"\ncap = 3\n",
        subset: &["10%", "audits=none"],
        check: |facts| {
            facts.assert_share("users", 10.0);
            let leaves = ["orders_0", "orders_1", "orders_2"];
            let orders: usize = leaves.iter().map(|leaf| facts.count(leaf)).sum();
            assert_eq!(orders, 3 * facts.count("users"));
            for leaf in leaves {
                assert!(facts.count(leaf) > 0, "{leaf}");
                assert!(facts.kept(leaf, "audit_id").is_empty(), "{leaf}");
                facts.assert_closed(leaf, "user_id", "users", "id");
            }
            assert_eq!(facts.count("audits_a") + facts.count("audits_rest") + facts.count("checks"), 0);
        },
        ..PLAIN
    },
];
