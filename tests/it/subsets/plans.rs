//! What `mask plan` says of a subset, and what is refused.

use serde_json::Value;

use crate::support::postgres::Server;

use super::cases::USERS_AND_ORDERS;
use super::facts::Facts;

fn plan(facts: &Facts, subset: &[&str]) -> Value {
    let run = facts.run(subset).command("plan").argument("--format").argument("json").run();
    run.succeeds();
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn a_plan_says_what_becomes_of_each_table() {
    let facts = Facts::of(
        Server::newest(),
        &format!(
            "{USERS_AND_ORDERS}
             CREATE TABLE statuses (id int PRIMARY KEY, name text);
             INSERT INTO statuses SELECT i, 's' FROM generate_series(1, 5) i;
             ALTER TABLE orders ADD status_id int NOT NULL DEFAULT 1 REFERENCES statuses;
             CREATE TABLE metrics (id int PRIMARY KEY);
             INSERT INTO metrics SELECT i FROM generate_series(1, 2000) i;"
        ),
        "",
        &["10%"],
    );
    let plan = plan(&facts, &["10%"]);
    let table = |name: &str| {
        let tables = plan["subset"]["tables"].as_array().unwrap();
        tables.iter().find(|table| table["name"] == format!("public.{name}")).unwrap().clone()
    };
    for (name, policy) in
        [("users", "anchor"), ("orders", "follows"), ("statuses", "lookup"), ("metrics", "untied")]
    {
        assert_eq!(table(name)["policy"], policy, "{name}");
        assert_eq!(table(name)["rows"], facts.count(name) as u64, "{name}");
    }
    let run = facts.run(&["10%"]).command("plan").run();
    let text = String::from_utf8(run.stdout).unwrap();
    for said in ["sampled: it is tied to nothing", "follows public.orders(user_id)", "whole: it is small"] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn the_size_of_a_hub_is_foretold() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE products (id int PRIMARY KEY, name text);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                              product_id int NOT NULL REFERENCES products);
         INSERT INTO users SELECT i FROM generate_series(1, 3000) i;
         INSERT INTO products SELECT i, repeat('product ', 40) FROM generate_series(1, 5000) i;
         INSERT INTO orders SELECT i, 1 + i % 3000, 1 + (power(random(), 2) * 4999)::int FROM generate_series(1, 30000) i;",
        "",
        &["10%"],
    );
    let plan = plan(&facts, &["10%"]);
    let edges = plan["subset"]["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| edge["edge"] == "public.orders(product_id)").unwrap();
    assert!(edge["rows_required"].as_u64().unwrap() > 500, "{edge}");
    assert!(edge["change"].as_str().unwrap().contains("up"), "{edge}");
    let tables = plan["subset"]["tables"].as_array().unwrap();
    let products = tables.iter().find(|table| table["name"] == "public.products").unwrap();
    let (foretold, achieved) = (products["rows"].as_f64().unwrap(), facts.count("products") as f64);
    assert!((foretold - achieved).abs() <= 0.1 * achieved, "{foretold} and {achieved}");
}

#[test]
fn a_row_is_explained_by_its_path() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE products (id int PRIMARY KEY, name text);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users,
                              product_id int NOT NULL REFERENCES products);
         INSERT INTO users SELECT i FROM generate_series(1, 1000) i;
         INSERT INTO products SELECT i, repeat('product ', 60) FROM generate_series(1, 5000) i;
         INSERT INTO orders SELECT i, 1 + i % 1000, i FROM generate_series(1, 5000) i;",
        "",
        &["10%", "products=0%"],
    );
    let why = |row: &str| {
        let run = facts.run(&["10%", "products=0%"]).command("plan").argument("--why").argument(row).run();
        run.succeeds();
        String::from_utf8(run.stdout).unwrap()
    };
    let order = facts.kept("orders", "id").into_iter().next().unwrap();
    let text = why(&format!("products({order})"));
    let said = format!("row {order} of public.products is referred to by row {order} of public.orders");
    assert!(text.contains(&said) && text.contains("kept for its own sake: its table is sampled"), "{text}");
    let gone = facts.all("orders", "id").difference(&facts.kept("orders", "id")).next().unwrap().clone();
    let text = why(&format!("orders({gone})"));
    assert!(text.contains("is not kept") && text.contains("it would follow row"), "{text}");
    for (row, said) in
        [("orders", "this names no row"), ("orders(0)", "has no such row"), ("odrers(1)", "no table")]
    {
        let run = facts.run(&["10%"]).command("plan").argument("--why").argument(row).run();
        run.ends_with(2).says(said);
    }
}

#[test]
fn a_path_is_found_through_many_rows_and_partitions() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE statuses (id int PRIMARY KEY);
         CREATE TABLE steps (id int PRIMARY KEY, before int REFERENCES steps);
         CREATE TABLE orders (id int, user_id int NOT NULL REFERENCES users, step_id int REFERENCES steps,
                              status_id int NOT NULL REFERENCES statuses, PRIMARY KEY (id, user_id))
             PARTITION BY RANGE (user_id);
         CREATE TABLE orders_low PARTITION OF orders FOR VALUES FROM (0) TO (700);
         CREATE TABLE orders_high PARTITION OF orders FOR VALUES FROM (700) TO (2000);
         CREATE TABLE lines (order_id int, user_id int, line int, PRIMARY KEY (order_id, line),
                             FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id));
         INSERT INTO users SELECT i FROM generate_series(1, 1500) i;
         INSERT INTO statuses SELECT i FROM generate_series(1, 5) i;
         INSERT INTO steps SELECT i, NULLIF(i - 1, 0) FROM generate_series(1, 2000) i;
         INSERT INTO orders SELECT i, 1 + i % 1500, CASE i WHEN 40 THEN 60 WHEN 3000 THEN 1990 END, 1 + i % 5
         FROM generate_series(1, 6000) i;
         INSERT INTO lines SELECT i, 1 + i % 1500, 1 FROM generate_series(1, 6000) i;",
        "[subset]\ninclude = [\"users: 41, 1\"]\n[subset.tables]\nsteps = \"0%\"\nstatuses = \"all\"\n",
        &["5%"],
    );
    let why = |row: &str| {
        let run = facts.run(&["5%"]).command("plan").argument("--why").argument(row).run();
        run.succeeds();
        String::from_utf8(run.stdout).unwrap()
    };
    let text = why("lines(40, 1)");
    assert!(text.contains("follows row") && text.contains("of public.orders_low by public.lines"), "{text}");
    assert!(text.contains("follows row 41 of public.users by public.orders(user_id)"), "{text}");
    let text = why("steps(20)");
    assert_eq!(text.matches("is referred to by").count(), 41, "{text}");
    assert!(text.contains("row 60 of public.steps is referred to by row"), "{text}");
    // Step 1990 is led to by order 3000 alone, and 1989 others lie between it and the first.
    let text = why("steps(200)");
    assert!(text.contains("by more than 100 others"), "{text}");
    assert!(why("statuses(3)").contains("is kept with its whole table"));
    let text = why("steps(1999)");
    assert!(text.contains("is not kept") && text.contains("no kept row refers to it"), "{text}");
    let gone = facts.all("users", "id").difference(&facts.kept("users", "id")).next().unwrap().clone();
    let text = why(&format!("users({gone})"));
    assert!(text.contains("its table is sampled"), "{text}");
}

#[test]
fn the_sizes_of_a_large_live_database_are_estimated_from_its_statistics() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY, name text);
         CREATE TABLE products (id int PRIMARY KEY, name text);
         CREATE TABLE statuses (id int PRIMARY KEY);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE,
             product_id int NOT NULL REFERENCES products, status_id int NOT NULL REFERENCES statuses, note text);
         SELECT setseed(0.25);
         INSERT INTO users SELECT i, repeat('u', 300) FROM generate_series(1, 60000) i;
         INSERT INTO products SELECT i, repeat('p', 300) FROM generate_series(1, 5000) i;
         INSERT INTO statuses SELECT i FROM generate_series(1, 5) i;
         INSERT INTO orders SELECT i, CASE WHEN i % 20 > 0 THEN 1 + (power(random(), 2) * 59999)::int END,
             1 + (power(random(), 3) * 4999)::int, 1 + i % 5, repeat('o', 150) FROM generate_series(1, 130000) i;",
        "",
        &["3%", "products=0%"],
    );
    let plan = |sizes: &str| {
        let run = facts.live().command("plan").argument("--sizes").argument(sizes);
        let text = run.clone().run();
        text.succeeds();
        let json = run.argument("--format").argument("json").run();
        let json: Value = serde_json::from_slice(&json.stdout).unwrap();
        (String::from_utf8(text.stdout).unwrap(), json["subset"].clone())
    };
    facts.database.psql("ANALYZE");
    let (text, estimated) = plan("estimated");
    assert!(
        text.contains("estimated from the server's statistics (`--sizes exact` reads the keys)"),
        "{text}"
    );
    let (exact_text, exact) = plan("exact");
    assert!(!exact_text.contains("estimated"), "{exact_text}");
    assert_eq!((&estimated["estimated"], &exact["estimated"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(plan("auto").1, exact);
    let tables = |plan: &Value| plan["tables"].as_array().unwrap().clone();
    for (foretold, known) in tables(&estimated).iter().zip(&tables(&exact)) {
        for key in ["name", "policy", "change"] {
            assert_eq!(foretold[key], known[key], "{known}");
        }
        let table = known["name"].as_str().unwrap().strip_prefix("public.").unwrap();
        let (foretold, achieved) = (foretold["rows"].as_f64().unwrap(), facts.count(table) as f64);
        assert_eq!(known["rows"].as_f64().unwrap(), achieved, "{table}");
        assert!((foretold - achieved).abs() <= 0.1 * achieved, "{table}: {foretold} and {achieved}");
    }
    let condition = ["users=where id < 100"];
    let run =
        facts.run(&condition).live(&facts.database).command("plan").argument("--sizes").argument("estimated");
    let run = run.run();
    run.succeeds();
    assert!(!String::from_utf8_lossy(&run.stdout).contains("estimated"));
}
