//! What only the rules say: references that the database does not declare, and rows that are always there.

use super::{Case, PLAIN, USERS_AND_ORDERS};

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

const HOSTILE: &str = r#"
    CREATE SCHEMA "S.1";
    CREATE TABLE "S.1"."Us.er""s" ("I d" int PRIMARY KEY, "né
w" text);
    CREATE TABLE "order(s)" (id int PRIMARY KEY, "us.er" int NOT NULL REFERENCES "S.1"."Us.er""s",
                             "ref [1]" text, "%" int);
    CREATE TABLE "select" (id int PRIMARY KEY, "from" int NOT NULL REFERENCES "order(s)");
    INSERT INTO "S.1"."Us.er""s" SELECT i, 'n' || i FROM generate_series(1, 1500) i;
    INSERT INTO "order(s)" SELECT i, 1 + i % 1500, NULLIF((1 + i % 1500)::text, '7'), 1
    FROM generate_series(1, 4500) i;
    INSERT INTO "select" SELECT i, 1 + i % 4500 FROM generate_series(1, 4500) i;"#;

const HOSTILE_RULES: &str = r#"
    [[foreign_keys]]
    from = "\"order(s)\"(\"ref [1]\")"
    to = "\"S.1\".\"Us.er\"\"s\"(\"I d\")"
    [[subset.edges]]
    edge = "\"order(s)\"(\"us.er\")"
    cap = 2
    [subset]
    include = ["\"S.1\".\"Us.er\"\"s\": 1, 2"]
"#;

pub static CASES: &[Case] = &[
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
        name: "rules: names that need quotes",
        sql: HOSTILE,
        rules: HOSTILE_RULES,
        subset: &["10%", "\"S.1\".\"Us.er\"\"s\"=where \"né\nw\" = 'n3' OR \"I d\" <= 100"],
        check: |facts| {
            let users = facts.rows().0["S.1.Us.er\"s"].len();
            assert_eq!(users, 100);
            let orders = facts.count("order(s)");
            assert_eq!(orders, 200);
            facts.assert_follows("select", "from", "order(s)", "id");
        },
        ..PLAIN
    },
    Case {
        name: "rules: references of two columns, cast and held together",
        sql: "
            CREATE TABLE users (tenant int, id bigint, PRIMARY KEY (tenant, id));
            CREATE TABLE visits (id int PRIMARY KEY, tenant text, user_id text);
            CREATE TABLE views (id int PRIMARY KEY, tenant_id smallint, user_id numeric);
            INSERT INTO users SELECT i % 9, i FROM generate_series(1, 1500) i;
            INSERT INTO visits SELECT i, ((1 + i % 1500) % 9)::text, NULLIF((1 + i % 1500)::text, '7')
            FROM generate_series(1, 4500) i;
            INSERT INTO views SELECT i, (1 + i % 1500) % 9, ((1 + i % 1500) || '.0')::numeric
            FROM generate_series(1, 4500) i;",
        rules: "[[foreign_keys]]\nfrom = \"visits(tenant, user_id)\"\nto = \"users(tenant, id)\"\n\
                [[foreign_keys]]\nfrom = \"views(user_id, tenant_id)\"\nto = \"users(id, tenant)\"\n",
        check: |facts| {
            facts.assert_share("users", 10.0);
            facts.assert_closed("visits", "user_id", "users", "id");
            assert_eq!(facts.count("views"), 3 * facts.count("users"));
            let unknown = facts.rows().column("public.visits", "user_id");
            assert!(
                unknown.iter().all(|user| user.is_none_or(|user| facts.kept("users", "id").contains(user)))
            );
        },
        ..PLAIN
    },
];
