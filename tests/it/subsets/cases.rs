//! The cases: small schemas, each with one thing that a subset can get wrong.

use super::Case;

/// Users and what they ordered; a few orders are nobody's.
pub const USERS_AND_ORDERS: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, total numeric(10,2));
    INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 2000) i;
    INSERT INTO orders SELECT i, 1 + (i * 7919) % 2000, i / 100.0 FROM generate_series(1, 6000) i;";

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

const EXCLUDED: &str = "
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE campaigns (id int PRIMARY KEY);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                         campaign_id int REFERENCES campaigns);
    CREATE TABLE clicks (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                         campaign_id int NOT NULL REFERENCES campaigns);
    CREATE TABLE click_details (id int PRIMARY KEY, click_id int NOT NULL REFERENCES clicks ON DELETE CASCADE);
    INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
    INSERT INTO campaigns SELECT i FROM generate_series(1, 40) i;
    INSERT INTO orders SELECT i, 1 + i % 1500, NULLIF(i % 41, 0) FROM generate_series(1, 4000) i;
    INSERT INTO clicks SELECT i, 1 + i % 1500, 1 + i % 40 FROM generate_series(1, 4000) i;
    INSERT INTO click_details SELECT i, i FROM generate_series(1, 4000) i;";

const DECLARED: &str = "
    CREATE TABLE users (id int PRIMARY KEY);
    CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE);
    CREATE TABLE videos (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE);
    CREATE TABLE comments (id int PRIMARY KEY, subject_type text, subject_id text);
    CREATE TABLE tags (id int PRIMARY KEY, label text);
    CREATE TABLE taggings (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, tag_ids int[]);
    CREATE TABLE events (id int PRIMARY KEY, user_ref text, payload jsonb);
    INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
    INSERT INTO posts SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
    INSERT INTO videos SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
    INSERT INTO comments SELECT i, (ARRAY['Post', 'Video', 'Song', NULL])[1 + i % 4], (1 + i % 3100)::text
    FROM generate_series(1, 6000) i;
    INSERT INTO tags SELECT i, repeat('tag ', 200) FROM generate_series(1, 8000) i;
    INSERT INTO taggings SELECT i, 1 + i % 1500, ARRAY[1 + i % 8000, NULL, 1 + (i * 31) % 8000]
    FROM generate_series(1, 3000) i;
    INSERT INTO events SELECT i, (1 + i % 1500)::text,
        jsonb_build_object('items', jsonb_build_array(jsonb_build_object('tag', 1 + i % 8000), 'x'), 'n', NULL)
    FROM generate_series(1, 3000) i;";

const DECLARED_RULES: &str = "
    [[foreign_keys]]
    from = \"comments(subject_id)\"
    type = \"subject_type\"
    to = { Post = \"posts(id)\", Video = \"videos(id)\" }
    [[foreign_keys]]
    from = \"events(user_ref)\"
    to = \"users(id)\"
    [[foreign_keys]]
    from = \"events(payload)\"
    path = \"$.items[*].tag\"
    to = \"tags(id)\"
    [[foreign_keys]]
    from = \"taggings(tag_ids)\"
    each = true
    to = \"tags(id)\"";

/// A case that needs no server of a certain version and has no rules.
const PLAIN: Case = Case { name: "", server: None, sql: "", rules: "", subset: &["10%"], check: |_| {} };

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
        name: "whole: a lookup with a reference of its own",
        sql: "
            CREATE TABLE continents (id int PRIMARY KEY, name text);
            CREATE TABLE countries (id int PRIMARY KEY, continent_id int NOT NULL REFERENCES continents);
            CREATE TABLE users (id int PRIMARY KEY, country_id int NOT NULL REFERENCES countries, name text);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            INSERT INTO continents SELECT i, 'c' FROM generate_series(1, 9) i;
            INSERT INTO countries SELECT i, 1 + i % 7 FROM generate_series(1, 60) i;
            INSERT INTO users SELECT i, 1 + i % 50, 'u' FROM generate_series(1, 2000) i;
            INSERT INTO orders SELECT i, 1 + i % 2000 FROM generate_series(1, 4000) i;",
        check: |facts| {
            assert_eq!((facts.count("continents"), facts.count("countries")), (9, 60));
            facts.assert_share("users", 10.0);
        },
        ..PLAIN
    },
    Case {
        name: "whole: nothing but the lookups at 0%",
        sql: USERS_AND_ORDERS,
        subset: &["0%"],
        check: |facts| assert_eq!((facts.count("users"), facts.count("orders")), (0, 0)),
        ..PLAIN
    },
    Case {
        name: "whole: left out, and what becomes of those that refer to it",
        sql: EXCLUDED,
        subset: &["10%", "campaigns=none"],
        check: |facts| {
            assert_eq!(facts.count("campaigns"), 0);
            facts.assert_share("users", 10.0);
            assert!(facts.count("orders") > 250 && facts.kept("orders", "campaign_id").is_empty());
            assert_eq!((facts.count("clicks"), facts.count("click_details")), (0, 0));
        },
        ..PLAIN
    },
    Case {
        name: "whole: several tables are sampled, by share, count and condition",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY, country text);
            CREATE TABLE shops (id int PRIMARY KEY);
            CREATE TABLE pages (id int PRIMARY KEY);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                                 shop_id int NOT NULL REFERENCES shops);
            INSERT INTO users SELECT i, (ARRAY['NL', 'DE', 'IT'])[1 + i % 3] FROM generate_series(1, 1500) i;
            INSERT INTO shops SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO pages SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO orders SELECT i, 1 + i % 1500, 1 + (i * 7) % 1500 FROM generate_series(1, 4000) i;",
        subset: &["shops=100 rows", "pages=20%", "users=where country = 'NL' AND id <= 300"],
        check: |facts| {
            assert_eq!(facts.reported("shops", "rows_owned"), 100);
            facts.assert_share("pages", 20.0);
            assert_eq!(facts.reported("users", "rows_owned"), 100);
            facts.assert_closed("orders", "shop_id", "shops", "id");
        },
        ..PLAIN
    },
    Case {
        name: "cap: three orders each, and their lines",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
            CREATE TABLE order_lines (order_id int REFERENCES orders ON DELETE CASCADE, line int,
                                      PRIMARY KEY (order_id, line));
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO orders SELECT i, 1 + i % 1500 FROM generate_series(1, 15000) i;
            INSERT INTO order_lines SELECT 1 + i % 15000, i / 15000 FROM generate_series(0, 29999) i;",
        rules: "[[subset.edges]]\nedge = \"orders(user_id)\"\ncap = 3\n",
        check: |facts| {
            facts.assert_share("users", 10.0);
            assert_eq!(facts.count("orders"), 3 * facts.count("users"));
            facts.assert_follows("order_lines", "order_id", "orders", "id");
        },
        ..PLAIN
    },
    Case {
        name: "rules: polymorphic, in JSON, in arrays and as text",
        sql: DECLARED,
        rules: DECLARED_RULES,
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_follows("events", "user_ref", "users", "id");
            let tags = facts.kept("tags", "id");
            for list in facts.kept("taggings", "tag_ids") {
                let ids = list.trim_matches(['{', '}']).split(',').filter(|id| *id != "NULL");
                ids.for_each(|id| assert!(tags.contains(id), "{id}"));
            }
            for row in &facts.rows().0["public.comments"] {
                let id = row["subject_id"].clone().unwrap();
                let parent = match row["subject_type"].as_deref() {
                    Some("Post") => "posts",
                    Some("Video") => "videos",
                    _ => continue,
                };
                if facts.all(parent, "id").contains(&id) {
                    assert!(facts.kept(parent, "id").contains(&id), "{parent} {id}");
                }
            }
            let comments = facts.count("comments");
            assert!((400..=900).contains(&comments), "{comments} of 6000 comments");
        },
        ..PLAIN
    },
    Case {
        name: "rules: some rows are always there",
        sql: USERS_AND_ORDERS,
        rules: "[subset]\ninclude = [\"users: 1, 2, 3, 4, 5, 6, 7, 8, 9\"]\n",
        check: |facts| {
            (1..10).for_each(|id| assert!(facts.kept("users", "id").contains(&id.to_string()), "{id}"));
            facts.assert_follows("orders", "user_id", "users", "id");
        },
        ..PLAIN
    },
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
        name: "equal: other types of one number, blanks, scales",
        sql: "
            CREATE DOMAIN code AS char(8);
            CREATE TABLE users (id int PRIMARY KEY, amount numeric UNIQUE, code code UNIQUE,
                                at timestamptz UNIQUE, ratio float8 UNIQUE);
            CREATE TABLE a (id int PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id));
            CREATE TABLE b (id int PRIMARY KEY, amount numeric NOT NULL REFERENCES users (amount));
            CREATE TABLE c (id int PRIMARY KEY, code char(12) NOT NULL REFERENCES users (code));
            CREATE TABLE d (id int PRIMARY KEY, at timestamptz NOT NULL REFERENCES users (at));
            INSERT INTO users SELECT i, (i || '.50')::numeric, 'c' || i, timestamptz '2024-01-01 00:00+02' + i * interval '1 s',
                i / 7.0 FROM generate_series(1, 1500) i;
            INSERT INTO a SELECT i, 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO b SELECT i, ((1 + i % 1500) || '.500')::numeric FROM generate_series(1, 3000) i;
            INSERT INTO c SELECT i, 'c' || 1 + i % 1500 FROM generate_series(1, 3000) i;
            INSERT INTO d SELECT i, timestamptz '2024-01-01 00:00+02' + (1 + i % 1500) * interval '1 s'
            FROM generate_series(1, 3000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            for table in ["a", "b", "c", "d"] {
                assert_eq!(facts.count(table), 2 * facts.count("users"), "{table}");
            }
        },
        ..PLAIN
    },
    Case {
        name: "equal: texts that COPY escapes",
        sql: r"
            CREATE TABLE users (name text PRIMARY KEY);
            CREATE TABLE notes (id int PRIMARY KEY, user_name text NOT NULL REFERENCES users);
            INSERT INTO users SELECT (ARRAY[E'a\tb', E'a\\b', E'\\N', E'a\nb', E'a\rb', 'q''q', '😀é', 'x y', E'\\.'])
                [1 + i % 9] || i FROM generate_series(1, 1500) i;
            INSERT INTO users VALUES (''), (E'\\N'), (E'\\.');
            INSERT INTO notes SELECT row_number() OVER (), name FROM users, generate_series(1, 3);",
        check: |facts| {
            assert_eq!(facts.count("notes"), 3 * facts.count("users"));
            facts.assert_share("users", 10.0);
        },
        ..PLAIN
    },
    Case {
        name: "keyless: equal rows, and columns without equality",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY, at point, doc json, page xml);
            CREATE TABLE hits (user_id int NOT NULL REFERENCES users, path text, doc json);
            CREATE TABLE pings (host text, at point);
            INSERT INTO users SELECT i, point(i, i), json_build_object('a', i), '<a/>'::xml
            FROM generate_series(1, 1500) i;
            INSERT INTO hits SELECT 1 + i % 1500, '/', '{}' FROM generate_series(0, 5999) i;
            INSERT INTO pings SELECT 'h' || i % 1000, point(1, 2) FROM generate_series(0, 3999) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            assert_eq!(facts.count("hits"), 4 * facts.count("users"));
            let pings = facts.count("pings");
            assert!((300..=500).contains(&pings), "{pings} of 4000 pings");
        },
        ..PLAIN
    },
    Case {
        name: "untied: sampled by themselves, empty, and all NULL",
        sql: "
            CREATE TABLE users (id int PRIMARY KEY);
            CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
            CREATE TABLE metrics (id int PRIMARY KEY, value float8);
            CREATE TABLE nothing (id int PRIMARY KEY, user_id int REFERENCES users);
            CREATE TABLE heartbeats ();
            INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
            INSERT INTO orders SELECT i, NULL FROM generate_series(1, 3000) i;
            INSERT INTO metrics SELECT i, i FROM generate_series(1, 3000) i;",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_share("metrics", 10.0);
            facts.assert_share("orders", 10.0);
            assert_eq!(facts.count("nothing"), 0);
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
];
