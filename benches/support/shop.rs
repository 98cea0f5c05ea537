//! The database of `refresh.sql`, its rules, and `mask` over it.

use std::path::PathBuf;
use std::process::Command;

use super::postgres::Server;
use super::{Folder, MASK};

/// The rules: ten columns are masked.
const RULES: &str = "version = 1
[tables.customers]
first_name = 'first_name'
last_name = 'last_name'
email = 'email'
phone = 'phone'
born = 'date_shift'
'*' = 'keep'
[tables.addresses]
street = 'street_address'
city = 'city'
postal_code = 'postal_code'
'*' = 'keep'
[tables.orders]
note = 'redact'
'*' = 'keep'
[tables.order_items]
'*' = 'keep'
[tables.events]
actor = 'username'
'*' = 'keep'
";

/// Makes the database `shop` on `source`, and its rules in `folder`.
pub fn make(source: &Server, folder: &Folder, scale: f64) {
    std::fs::write(folder.path("rules.toml"), RULES).expect("the folder is ours");
    source.psql("postgres", &["-c", "CREATE DATABASE shop"]);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/refresh.sql");
    let script = script.to_str().expect("the checkout has a plain name");
    source.psql("shop", &["-v", &format!("scale={scale}"), "-f", script]);
}

/// `mask` with two jobs and 128 MiB.
pub fn mask(folder: &Folder, source: &Server, from: &str, to: &str) -> Command {
    let mut command = Command::new(MASK);
    command.current_dir(folder.path("")).args([
        "--quiet",
        "--jobs",
        "2",
        "--memory",
        "128MiB",
        "--keep-previous",
        "0",
    ]);
    command.args(["--rules", "rules.toml", "--key-file", "demo.key", "--from", from, "--to", to]);
    // Where `pg_dump` of this version is.
    command.env("PATH", source.programs_first());
    command
}
