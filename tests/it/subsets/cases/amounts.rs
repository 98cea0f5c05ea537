//! How much is kept of a table: all, none, some by each way to say so, at most so many; with and without a key.

use super::{Case, PLAIN, USERS_AND_ORDERS};

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

pub static CASES: &[Case] = &[
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
];
