//! Values that are equal though their types or texts are not, and texts that are hard to read.

use super::{Case, PLAIN};

pub static CASES: &[Case] = &[
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
        name: "equal: in any case, by label, and zeros of either sign",
        sql: "
            CREATE EXTENSION citext;
            CREATE TYPE kind AS ENUM ('person', 'company', 'Ärger''s \"club\"');
            CREATE DOMAIN number AS bigint CHECK (VALUE >= 0);
            CREATE TABLE users (email citext PRIMARY KEY);
            CREATE TABLE logins (id int PRIMARY KEY, email citext NOT NULL REFERENCES users);
            CREATE TABLE parties (kind kind, id number, PRIMARY KEY (kind, id));
            CREATE TABLE deals (id int PRIMARY KEY, party_kind kind NOT NULL, party_id int NOT NULL,
                                FOREIGN KEY (party_kind, party_id) REFERENCES parties);
            CREATE TABLE kinds (kind kind PRIMARY KEY, title text);
            CREATE TABLE ratios (ratio float8 PRIMARY KEY);
            CREATE TABLE readings (id int PRIMARY KEY, ratio float8 NOT NULL REFERENCES ratios);
            ALTER TABLE parties ADD FOREIGN KEY (kind) REFERENCES kinds;
            INSERT INTO kinds SELECT unnest(enum_range(NULL::kind)), 'k';
            INSERT INTO users SELECT 'User' || i || '@Éxample.org' FROM generate_series(1, 1500) i;
            INSERT INTO logins SELECT i, CASE i % 3 WHEN 0 THEN upper(e) WHEN 1 THEN lower(e) ELSE e END
            FROM generate_series(1, 4500) i, LATERAL (SELECT 'User' || 1 + i % 1500 || '@Éxample.org') AS u (e);
            INSERT INTO parties SELECT (enum_range(NULL::kind))[1 + i % 3], i FROM generate_series(1, 1500) i;
            INSERT INTO deals SELECT i, kind, id FROM generate_series(1, 4500) i JOIN parties ON id = 1 + i % 1500;
            INSERT INTO ratios SELECT i / 3.0 FROM generate_series(0, 1499) i;
            INSERT INTO readings SELECT i, CASE WHEN i % 1500 = 0 THEN float8 '-0' ELSE (i % 1500) / 3.0 END
            FROM generate_series(1, 4500) i;",
        check: |facts| {
            for (parent, child) in [("users", "logins"), ("parties", "deals"), ("ratios", "readings")] {
                facts.assert_share(parent, 10.0);
                assert_eq!(facts.count(child), 3 * facts.count(parent), "{child}");
            }
            assert_eq!(facts.count("kinds"), 3);
        },
        ..PLAIN
    },
    Case {
        name: "equal: the zero that has the other sign is always there",
        sql: "
            CREATE TABLE ratios (ratio float8 PRIMARY KEY);
            CREATE TABLE readings (id int PRIMARY KEY, ratio float8 NOT NULL REFERENCES ratios);
            INSERT INTO ratios SELECT i / 3.0 FROM generate_series(0, 1499) i;
            INSERT INTO readings SELECT i, CASE WHEN i % 1500 = 0 THEN float8 '-0' ELSE (i % 1500) / 3.0 END
            FROM generate_series(1, 4500) i;",
        rules: "[subset]\ninclude = [\"ratios: 0\"]\n",
        check: |facts| assert!(facts.kept("readings", "ratio").contains("-0")),
        ..PLAIN
    },
];
