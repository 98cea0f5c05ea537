//! The cases: small schemas, each with one thing that a subset can get wrong.

mod amounts;
mod declared;
mod graph;
mod keys;
mod partitions;
mod values;

use super::Case;

/// Users and what they ordered; a few orders are nobody's.
pub const USERS_AND_ORDERS: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, total numeric(10,2));
    INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 2000) i;
    INSERT INTO orders SELECT i, 1 + (i * 7919) % 2000, i / 100.0 FROM generate_series(1, 6000) i;";

/// A case that needs no server of a certain version and has no rules.
const PLAIN: Case = Case { name: "", server: None, sql: "", rules: "", subset: &["10%"], check: |_| {} };

/// All cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    [graph::CASES, keys::CASES, amounts::CASES, declared::CASES, partitions::CASES, values::CASES]
        .into_iter()
        .flatten()
}
