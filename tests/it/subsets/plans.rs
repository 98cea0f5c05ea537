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
fn what_null_would_break_is_refused() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE shops (id int PRIMARY KEY);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, shop_id int REFERENCES shops,
                              other_id int REFERENCES shops, seller_id int NOT NULL REFERENCES users,
                              CHECK (num_nonnulls(user_id, shop_id) = 1), UNIQUE NULLS NOT DISTINCT (other_id));",
        "",
        &["10%"],
    );
    for (column, reason) in [
        ("user_id", "is under a CHECK that NULL may break"),
        ("other_id", "is UNIQUE NULLS NOT DISTINCT"),
        ("seller_id", "is NOT NULL"),
    ] {
        let rules = format!("version = 1\n[[subset.edges]]\nedge = \"orders({column})\"\nup = \"null\"\n");
        let run = facts.run(&["10%"]).rules_text(&rules).command("plan").run();
        run.ends_with(2).says(reason).says("hint: write `up = \"drop\"` or `\"require\"`");
    }
}

#[test]
fn a_condition_and_an_edge_that_do_not_exist_are_refused() {
    let facts = Facts::of(Server::newest(), USERS_AND_ORDERS, "", &["10%"]);
    facts.run(&["users=where nme = 'x'"]).command("plan").run().ends_with(2).says("did you mean `name`?");
    facts.run(&["usres=10%"]).command("plan").run().ends_with(2).says("did you mean `public.users`?");
    facts.run(&["10"]).command("plan").run().ends_with(2).says("at: --subset");
    let rules = "version = 1\n[[subset.edges]]\nedge = \"orders(total)\"\ndown = \"none\"\n";
    let run = facts.run(&["10%"]).rules_text(rules).command("plan").run();
    run.ends_with(2).says("its reference is `public.orders(user_id)`");
    let rules = "version = 1\n[subset]\ninclude = [\"orders(user_id): 1\"]\n";
    facts.run(&["10%"]).rules_text(rules).command("plan").run().ends_with(2).says("by their key");
}
