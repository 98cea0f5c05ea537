//! Shapes of references: chains, tables that refer to themselves, cycles, several references to one table.

use super::{Case, PLAIN, USERS_AND_ORDERS};

const PEOPLE: &str = "
    CREATE TABLE people (id int PRIMARY KEY, boss int REFERENCES people, mentor int REFERENCES people);
    INSERT INTO people SELECT i, NULLIF(i / 5, 0), NULLIF(i / 3, 0) FROM generate_series(1, 1500) i;
    UPDATE people SET boss = id WHERE id % 100 = 0;";

const MESSAGES: &str = "
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE messages (id int PRIMARY KEY, sender_id int NOT NULL REFERENCES users,
                           receiver_id int NOT NULL REFERENCES users);
    INSERT INTO users SELECT i FROM generate_series(1, 2000) i;
    INSERT INTO messages SELECT i, 1 + (i * 7919) % 2000, 1 + (i * 104729) % 2000
    FROM generate_series(1, 10000) i;";

pub static CASES: &[Case] = &[
    Case {
        name: "owned: orders of users",
        sql: USERS_AND_ORDERS,
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("orders", "user_id", "users", "id");
            assert_eq!(facts.reported("orders", "rows_owned"), facts.count("orders") as u64);
            assert_eq!(facts.reported("users", "rows_read"), 2000);
            assert_eq!(facts.reported("users", "rows_stub"), 0);
        },
        ..PLAIN
    },
    Case {
        name: "owned: down a chain, and up to what is shared",
        sql: "
            CREATE TABLE regions (id int PRIMARY KEY, name text);
            CREATE TABLE stores (id int PRIMARY KEY, region_id int NOT NULL REFERENCES regions, name text);
            CREATE TABLE customers (id int PRIMARY KEY, region_id int NOT NULL REFERENCES regions, name text);
            CREATE TABLE sales (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
                                store_id int NOT NULL REFERENCES stores);
            CREATE TABLE sale_lines (sale_id int REFERENCES sales ON DELETE CASCADE, line int, note text,
                                     PRIMARY KEY (sale_id, line));
            INSERT INTO regions SELECT i, 'r' || i FROM generate_series(1, 30) i;
            INSERT INTO stores SELECT i, 1 + i % 30, repeat('store ', 20) FROM generate_series(1, 9000) i;
            INSERT INTO customers SELECT i, 1 + i % 30, 'c' || i FROM generate_series(1, 2000) i;
            INSERT INTO sales SELECT i, 1 + i % 2000, 1 + (i * 7) % 9000 FROM generate_series(1, 6000) i;
            INSERT INTO sale_lines SELECT 1 + i % 6000, i / 6000, repeat('line ', 40)
            FROM generate_series(0, 17999) i;",
        check: |facts| {
            facts.assert_share("customers", 10.0);
            facts.assert_follows("sales", "customer_id", "customers", "id");
            facts.assert_follows("sale_lines", "sale_id", "sales", "id");
            facts.assert_closed("sales", "store_id", "stores", "id");
            assert_eq!(facts.count("regions"), 30);
        },
        ..PLAIN
    },
    Case {
        name: "self: ancestors come along, descendants do not",
        sql: PEOPLE,
        check: |facts| {
            facts.assert_closed("people", "boss", "people", "id");
            facts.assert_closed("people", "mentor", "people", "id");
            let (owned, stubs) = (facts.reported("people", "rows_owned"), facts.reported("people", "rows_stub"));
            assert!((115..=185).contains(&owned), "{owned}");
            assert!(stubs > 0 && stubs < 600, "{stubs}");
        },
        ..PLAIN
    },
    Case {
        name: "self: followed down on request",
        sql: PEOPLE,
        rules: "[subset.tables]\npeople = \"where id = 2\"\n[[subset.edges]]\nedge = \"people(boss)\"\ndown = \"any\"\n\
                [[subset.edges]]\nedge = \"people(mentor)\"\nup = \"null\"\n",
        subset: &[],
        check: |facts| {
            assert!(facts.kept("people", "id").contains("10") && facts.kept("people", "id").contains("54"));
            facts.assert_closed("people", "boss", "people", "id");
            facts.assert_closed("people", "mentor", "people", "id");
        },
        ..PLAIN
    },
    Case {
        name: "self: a long chain",
        sql: "
            CREATE TABLE versions (id int PRIMARY KEY, previous int REFERENCES versions);
            INSERT INTO versions SELECT i, NULLIF(i - 1, 0) FROM generate_series(1, 30000) i;",
        subset: &["versions=where id = 30000"],
        check: |facts| assert_eq!(facts.count("versions"), 30_000),
        ..PLAIN
    },
    Case {
        name: "cycle: one side may be NULL",
        sql: "
            CREATE TABLE accounts (id int PRIMARY KEY, main_card int);
            CREATE TABLE cards (id int PRIMARY KEY, account_id int NOT NULL REFERENCES accounts);
            INSERT INTO accounts SELECT i, NULL FROM generate_series(1, 1500) i;
            INSERT INTO cards SELECT i, 1 + i % 1500 FROM generate_series(1, 4000) i;
            UPDATE accounts SET main_card = (SELECT min(id) FROM cards WHERE account_id = accounts.id);
            ALTER TABLE accounts ADD FOREIGN KEY (main_card) REFERENCES cards;",
        check: |facts| {
            facts.assert_share("accounts", 10.0);
            facts.assert_follows("cards", "account_id", "accounts", "id");
            facts.assert_closed("accounts", "main_card", "cards", "id");
        },
        ..PLAIN
    },
    Case {
        name: "cycle: neither side may be NULL",
        sql: "
            CREATE TABLE teams (id int PRIMARY KEY, lead_id int NOT NULL);
            CREATE TABLE members (id int PRIMARY KEY,
                                  team_id int NOT NULL REFERENCES teams DEFERRABLE INITIALLY DEFERRED);
            ALTER TABLE teams ADD FOREIGN KEY (lead_id) REFERENCES members DEFERRABLE INITIALLY DEFERRED;
            BEGIN;
            INSERT INTO teams SELECT i, i FROM generate_series(1, 1200) i;
            INSERT INTO members SELECT i, 1 + (i - 1) % 1200 FROM generate_series(1, 4800) i;
            COMMIT;",
        check: |facts| {
            facts.assert_closed("members", "team_id", "teams", "id");
            facts.assert_closed("teams", "lead_id", "members", "id");
            let count = facts.count("teams");
            assert!(count > 60 && count < 1100, "{count}");
        },
        ..PLAIN
    },
    Case {
        name: "cycle: two that overlap",
        sql: "
            CREATE TABLE a (id int PRIMARY KEY, b_id int, c_id int);
            CREATE TABLE b (id int PRIMARY KEY, a_id int);
            CREATE TABLE c (id int PRIMARY KEY, b_id int, a_id int);
            INSERT INTO a SELECT i, 1 + (i * 3) % 1000, 1 + (i * 7) % 1000 FROM generate_series(1, 1000) i;
            INSERT INTO b SELECT i, CASE WHEN i % 5 = 0 THEN 1 + (i * 11) % 1000 END FROM generate_series(1, 1000) i;
            INSERT INTO c SELECT i, CASE WHEN i % 7 = 0 THEN 1 + (i * 13) % 1000 END,
                                 CASE WHEN i % 9 = 0 THEN 1 + (i * 17) % 1000 END FROM generate_series(1, 1000) i;
            ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b, ADD FOREIGN KEY (c_id) REFERENCES c;
            ALTER TABLE b ADD FOREIGN KEY (a_id) REFERENCES a;
            ALTER TABLE c ADD FOREIGN KEY (b_id) REFERENCES b, ADD FOREIGN KEY (a_id) REFERENCES a;",
        subset: &["a=2%"],
        check: |facts| {
            for (child, column, parent) in
                [("a", "b_id", "b"), ("a", "c_id", "c"), ("b", "a_id", "a"), ("c", "b_id", "b"), ("c", "a_id", "a")]
            {
                facts.assert_closed(child, column, parent, "id");
            }
        },
        ..PLAIN
    },
    Case {
        name: "several: one of them owns by default",
        sql: MESSAGES,
        check: |facts| {
            facts.assert_closed("messages", "receiver_id", "users", "id");
            let users = facts.count("users");
            assert!((300..=1300).contains(&users), "{users} of 2000 users");
            let messages = facts.count("messages");
            assert!((800..=1200).contains(&messages), "{messages} of 10000 messages");
        },
        ..PLAIN
    },
    Case {
        name: "several: any of them",
        sql: MESSAGES,
        rules: "[[subset.edges]]\nedge = \"messages(sender_id)\"\ndown = \"any\"\n\
                [[subset.edges]]\nedge = \"messages(receiver_id)\"\ndown = \"any\"\n",
        check: |facts| {
            let messages = facts.count("messages");
            assert!((1500..=2300).contains(&messages), "{messages} of 10000 messages");
            facts.assert_closed("messages", "receiver_id", "users", "id");
            facts.assert_closed("messages", "sender_id", "users", "id");
        },
        ..PLAIN
    },
    Case {
        name: "several: all of them",
        sql: MESSAGES,
        rules: "[[subset.edges]]\nedge = \"messages(sender_id)\"\ndown = \"all\"\n\
                [[subset.edges]]\nedge = \"messages(receiver_id)\"\ndown = \"all\"\n",
        check: |facts| {
            facts.assert_share("users", 10.0);
            let messages = facts.count("messages");
            assert!((40..=180).contains(&messages), "{messages} of 10000 messages");
        },
        ..PLAIN
    },
    Case {
        name: "several: two keys on one column, one column in two keys",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY, tenant int NOT NULL, UNIQUE (tenant, id));
            CREATE TABLE notes (id int PRIMARY KEY, tenant int NOT NULL, user_id int NOT NULL,
                CONSTRAINT once FOREIGN KEY (user_id) REFERENCES users,
                CONSTRAINT twice FOREIGN KEY (user_id) REFERENCES users,
                CONSTRAINT with_tenant FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id));
            INSERT INTO users SELECT i, i % 7 FROM generate_series(1, 1500) i;
            INSERT INTO notes SELECT i, (1 + i % 1500) % 7, 1 + i % 1500 FROM generate_series(1, 3000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("notes", "user_id", "users", "id");
        },
        ..PLAIN
    },
    Case {
        name: "owned: what is left out in the middle takes what needs it along",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE visits (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            CREATE TABLE order_lines (order_id int REFERENCES orders ON DELETE CASCADE, line int,
                                      PRIMARY KEY (order_id, line));
            CREATE TABLE parcels (id int PRIMARY KEY, order_id int NOT NULL, line int NOT NULL,
                                  FOREIGN KEY (order_id, line) REFERENCES order_lines);
            CREATE TABLE feedback (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                                   parcel_id int REFERENCES parcels);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO visits SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO orders SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO order_lines SELECT i, 1 FROM generate_series(1, 3000) i;
            INSERT INTO parcels SELECT i, i, 1 FROM generate_series(1, 3000) i;
            INSERT INTO feedback SELECT i, 1 + i % 1500, i FROM generate_series(1, 3000) i;",
        subset: &["10%", "orders=none"],
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("visits", "user_id", "users", "id");
            for table in ["orders", "order_lines", "parcels"] {
                assert_eq!(facts.count(table), 0, "{table}");
            }
            assert_eq!(facts.count("feedback"), 2 * facts.count("users"));
            assert!(facts.kept("feedback", "parcel_id").is_empty());
        },
        ..PLAIN
    },
    Case {
        name: "owned: several anchors add up",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE groups (id int PRIMARY KEY);
            CREATE TABLE members (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                                  group_id int NOT NULL REFERENCES groups);
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO groups SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO members SELECT i, 1 + i % 1500, 1 + (i * 7) % 1500 FROM generate_series(1, 4500) i;",
        rules: "[subset]\ninclude = [\"users: 11\", \"groups: 22, 23\", \"members: 4500\"]\n\
                [[subset.edges]]\nedge = \"members(user_id)\"\ndown = \"any\"\n\
                [[subset.edges]]\nedge = \"members(group_id)\"\ndown = \"any\"\n",
        subset: &["0%"],
        check: |facts| {
            // 10, 1510 and 3010 are user 11's, 3 members each are of groups 22 and 23, and one is asked for.
            assert_eq!(facts.reported("users", "rows_owned"), 1);
            assert_eq!(facts.reported("groups", "rows_owned"), 2);
            assert_eq!(facts.reported("members", "rows_owned"), 3 + 3 + 3 + 1);
            for member in ["10", "1510", "3010", "4500"] {
                assert!(facts.kept("members", "id").contains(member), "{member}");
            }
            facts.assert_closed("members", "user_id", "users", "id");
            facts.assert_closed("members", "group_id", "groups", "id");
        },
        ..PLAIN
    },
];
