//! What is asked of a subset and refused, before a row is read; each with where it is written and what to write instead.

use crate::support::Run;
use crate::support::postgres::Server;

use super::cases::USERS_AND_ORDERS;
use super::facts::Facts;

#[test]
fn what_null_would_break_is_refused() {
    let facts = Facts::of(
        Server::newest(),
        "CREATE TABLE users (id int PRIMARY KEY);
         CREATE TABLE shops (id int PRIMARY KEY);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, shop_id int REFERENCES shops,
                              other_id int REFERENCES shops, seller_id int NOT NULL REFERENCES users,
                              CHECK (num_nonnulls(user_id, shop_id) = 1), UNIQUE NULLS NOT DISTINCT (other_id));
         CREATE DOMAIN known AS int CHECK (VALUE IS NOT NULL);
         CREATE TABLE visits (id int PRIMARY KEY, shop_id int UNIQUE REFERENCES shops, user_id known REFERENCES users,
                              twice_id int REFERENCES users,
                              twice int GENERATED ALWAYS AS (2 * twice_id) STORED NOT NULL);
         CREATE TABLE receipts (id int PRIMARY KEY, shop_id int REFERENCES visits (shop_id));
         CREATE TABLE parts (id int, user_id int REFERENCES users) PARTITION BY LIST (user_id);
         CREATE TABLE parts_0 PARTITION OF parts DEFAULT;",
        "",
        &["10%"],
    );
    for (edge, reason) in [
        ("orders(user_id)", "is under a CHECK that NULL may break"),
        ("orders(other_id)", "is UNIQUE NULLS NOT DISTINCT"),
        ("orders(seller_id)", "is NOT NULL"),
        ("visits(shop_id)", "is what other rows refer to"),
        ("visits(user_id)", "is NOT NULL"),
        ("visits(twice_id)", "is what a NOT NULL column is generated from"),
        ("parts(user_id)", "is of the partition key"),
    ] {
        let rules = format!("version = 1\n[[subset.edges]]\nedge = \"{edge}\"\nup = \"null\"\n");
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
    facts.run(&["110%"]).command("plan").run().ends_with(2).says("not a number from 0 to 100");
    let rules = "version = 1\n[[subset.edges]]\nedge = \"orders(total)\"\ndown = \"none\"\n";
    let run = facts.run(&["10%"]).rules_text(rules).command("plan").run();
    run.ends_with(2).says("its reference is `public.orders(user_id)`");
    let rules = "version = 1\n[subset]\ninclude = [\"orders(user_id): 1\"]\n";
    facts.run(&["10%"]).rules_text(rules).command("plan").run().ends_with(2).says("by their key");
}

#[test]
fn a_wrong_name_is_told_with_its_line_and_the_nearest_one() {
    let facts = Facts::of(
        Server::newest(),
        &format!(
            "{USERS_AND_ORDERS} CREATE TABLE events (id int PRIMARY KEY, kind text, ref text, doc jsonb);"
        ),
        "",
        &["10%"],
    );
    let live = |rules: &str| -> [Run; 2] {
        let rules = format!("version = 1\n{rules}\n");
        let run = facts.run(&["10%"]).rules_text(&rules).command("plan");
        [run.clone().run(), run.live(&facts.database).run()]
    };
    for (rules, line, hint) in [
        ("[subset.tables]\nusres = \"10%\"", 3, "did you mean `public.users`?"),
        ("[subset.tables]\nusers = \"ten\"", 3, "an amount is \"10%\""),
        ("[subset.tables]\nusers = \"110%\"", 3, "an amount is \"10%\""),
        ("[subset.tables]\nusers = { rows = \"10%\", entitty = \"person\" }", 3, "did you mean `entity`?"),
        ("[subset.tables]\nusers = \"where naem = 'x'\"", 3, "did you mean `name`?"),
        ("[subset]\npercent = 101", 3, "such as `percent = 10`"),
        ("[subset]\ninclude = [\"usres: 1\"]", 3, "did you mean `public.users`?"),
        ("[subset]\ninclude = [\"users\"]", 3, "such as `\"customers: 42, 43\"`"),
        ("[[subset.edges]]\nedge = \"orders(user_di)\"\ndown = \"none\"", 2, "did you mean `user_id`?"),
        ("[[subset.edges]]\nedge = \"ordres(user_id)\"\ndown = \"none\"", 2, "did you mean `public.orders`?"),
        ("[[subset.edges]]\nedge = \"orders(user_id)\"\ndown = \"owners\"", 4, "\"owner\""),
        ("[[foreign_keys]]\nfrom = \"events(reff)\"\nto = \"users(id)\"", 2, "did you mean `ref`?"),
        ("[[foreign_keys]]\nfrom = \"events(ref)\"\nto = \"user(id)\"", 2, "did you mean `public.users`?"),
        (
            "[[foreign_keys]]\nfrom = \"events(ref)\"\ntype = \"kinds\"\nto = { User = \"users(id)\" }",
            2,
            "did you mean `kind`?",
        ),
        ("[[foreign_keys]]\nfrom = \"events(doc)\"\npath = \"$..x\"\nto = \"users(id)\"", 2, "$."),
    ] {
        for run in live(rules) {
            run.ends_with(2).says(hint).says(&format!(".toml:{line}"));
        }
    }
}
