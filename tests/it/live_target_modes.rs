//! The ways in which a live target comes into place, what is kept of it, and what is run around it.

use std::fs;
use std::path::Path;

use crate::live_target::schema;
use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Run, Snapshot, assert_same_rows, fixture, loaded, mask};

const SHOP: &str = "shop/shop.dump";

fn load(staging: &Database, way: &str) -> Run {
    Snapshot::shop().keep_all().to(&staging.uri()).argument("--load").argument(way).run()
}

fn comment(database: &Database) -> String {
    database.psql(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
    )
}

#[test]
fn replace_makes_the_objects_anew_in_the_same_database() {
    for server in [14, 15, 16, 17, 18].into_iter().filter_map(Server::of) {
        let reference = loaded(&fixture(SHOP), server);
        let staging = server.database();
        staging.psql("CREATE SCHEMA ours; CREATE TABLE ours.kept AS SELECT 1 AS one");
        let oid = "SELECT oid FROM pg_database WHERE datname = current_database()";
        let before = staging.psql(oid);
        for overwrite in ["--overwrite", "--quiet"] {
            let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--load").argument("replace");
            run.argument(overwrite).run().succeeds();
        }
        assert_eq!(staging.psql(oid), before, "it is the same database");
        assert_eq!(staging.psql("SELECT one FROM ours.kept"), "1\n", "what the dump does not have stays");
        staging.psql("DROP SCHEMA ours CASCADE");
        assert_same_rows(&Rows::of_database(&reference), &Rows::of_database(&staging), "replace");
        // Before 15, pg_dump writes the usual rights out where `public` is not the one that initdb made.
        let usual = "--\n-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: postgres\n--\n\nGRANT ALL ON SCHEMA public TO PUBLIC;\n\n\n";
        let ddl = schema(&staging);
        let ddl = if server.major < 15 { ddl.replacen(usual, "", 1) } else { ddl };
        assert_eq!(ddl, schema(&reference), "version {}", server.major);
        assert_eq!(staging.psql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%mask_old'"), "0\n");
    }
}

#[test]
fn data_empties_and_fills_the_tables_that_are_there() {
    for server in [14, 15, 16, 17, 18].into_iter().filter_map(Server::of) {
        let reference = loaded(&fixture(SHOP), server);
        let staging = loaded(&fixture(SHOP), server);
        let ddl = schema(&staging);
        staging.psql("DELETE FROM returns; UPDATE customers SET first_name = 'old'; SELECT setval('customers_id_seq', 1)");
        let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--load").argument("data");
        run.argument("--overwrite").run().succeeds();
        assert_same_rows(&Rows::of_database(&reference), &Rows::of_database(&staging), "data");
        assert_eq!(schema(&staging), ddl, "constraints and triggers are as they were");
        let behind = "SELECT (SELECT max(id) FROM customers) > (SELECT last_value FROM customers_id_seq)";
        assert_eq!(staging.psql(behind), "f\n");
    }
}

#[test]
fn a_load_in_place_that_fails_leaves_the_old_contents() {
    let server = Server::newest();
    for way in ["replace", "data"] {
        let staging = loaded(&fixture(SHOP), server);
        staging.psql("UPDATE customers SET first_name = 'old'");
        let (rows, ddl) = (Rows::of_database(&staging), schema(&staging));
        let hooks = "[hooks]\nafter_load = 'fails.sql'\n";
        let run =
            with_settings(&staging, hooks, &[("fails.sql", "SELECT 1/0")], &["--load", way, "--overwrite"]);
        run.ends_with(1).says("a hook failed").says("fails.sql");
        assert_same_rows(&rows, &Rows::of_database(&staging), way);
        assert_eq!(schema(&staging), ddl, "{way}");
    }
}

#[test]
fn data_refuses_a_table_that_is_not_there() {
    let staging = loaded(&fixture(SHOP), Server::newest());
    staging.psql("DROP TABLE heartbeats");
    let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--load").argument("data");
    run.argument("--overwrite").run().ends_with(2).says("public.heartbeats");
}

#[test]
fn previous_databases_are_kept_in_their_order_and_the_oldest_goes() {
    let server = Server::newest();
    let staging = server.expected("kept");
    let previous = [server.expected("kept_previous"), server.expected("kept_previous_2")];
    for _ in 0..4 {
        let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--keep-previous").argument("2");
        run.run().succeeds();
        staging.psql("CREATE TABLE IF NOT EXISTS mark (id serial); INSERT INTO mark DEFAULT VALUES");
    }
    let names = "SELECT datname FROM pg_database WHERE datname LIKE 'kept%' ORDER BY 1";
    assert_eq!(staging.psql(names), "kept\nkept_previous\nkept_previous_2\n");
    assert_ne!(comment(&previous[0]), comment(&previous[1]));
    load(&staging, "swap").succeeds();
    assert_eq!(staging.psql(names), "kept\nkept_previous\n");
    let none = Snapshot::shop().keep_all().to(&staging.uri()).argument("--keep-previous").argument("0");
    none.run().succeeds();
    assert_eq!(staging.psql(names), "kept\n");
}

#[test]
fn rollback_swaps_back_and_forth() {
    let server = Server::newest();
    let (staging, _previous) = (server.database_named("rolled"), server.expected("rolled_previous"));
    staging.psql("CREATE TABLE old AS SELECT 1 AS one; COMMENT ON DATABASE rolled IS 'ours'");
    let roll_back = |code| {
        let status = mask().args(["rollback", "--to", &staging.uri()]).status().expect("it starts");
        assert_eq!(status.code(), Some(code));
    };
    roll_back(2);
    let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--overwrite").run();
    run.succeeds();
    assert_eq!(staging.psql("SELECT count(*) FROM customers"), "500\n");
    roll_back(0);
    assert_eq!(staging.psql("SELECT one FROM old"), "1\n");
    assert_eq!(comment(&staging), "ours\n", "it is not taken for one of `mask`");
    load(&staging, "swap").ends_with(2);
    roll_back(0);
    assert_eq!(staging.psql("SELECT count(*) FROM customers"), "500\n");
}

#[test]
fn what_the_old_database_has_as_a_database_goes_over_to_the_new_one() {
    let server = Server::newest();
    let (staging, _previous) = (server.database_named("passed_on"), server.expected("passed_on_previous"));
    staging.psql(
        "CREATE ROLE passed_owner; CREATE ROLE passed_reader; ALTER DATABASE passed_on OWNER TO passed_owner;
         REVOKE CONNECT ON DATABASE passed_on FROM PUBLIC; GRANT CONNECT ON DATABASE passed_on TO passed_reader;
         ALTER DATABASE passed_on SET search_path = \"$user\", public, \"Odd name\"; ALTER DATABASE passed_on SET work_mem = '7MB';
         ALTER ROLE passed_reader IN DATABASE passed_on SET statement_timeout = '5s';
         ALTER DATABASE passed_on CONNECTION LIMIT 17",
    );
    let traits = "SELECT pg_get_userbyid(datdba), datconnlimit, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), (SELECT array_agg(setconfig::text || setrole::regrole ORDER BY setrole)
                  FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = current_database()";
    let before = staging.psql(traits);
    load(&staging, "swap").succeeds();
    assert_eq!(staging.psql("SELECT count(*) FROM public.customers"), "500\n");
    assert_eq!(staging.psql(traits), before);
}

/// A run on the shop by a settings file beside which `files` lie.
fn with_settings(staging: &Database, settings: &str, files: &[(&str, &str)], arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("mask.toml");
    fs::write(&config, settings).expect("the folder is ours");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    let run = Snapshot::shop().keep_all().to(&staging.uri()).argument("--config").argument(path(&config));
    arguments.iter().fold(run, |run, argument| run.argument(argument)).run()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

#[test]
fn hooks_run_before_and_after_the_load_and_after_the_swap() {
    let server = Server::newest();
    let (staging, _previous) = (server.expected("hooked"), server.expected("hooked_previous"));
    let said = tempfile::NamedTempFile::new().expect("a temporary file");
    let settings = format!(
        "[hooks]\nbefore_load = 'before.sql'\nafter_load = ['after.sql', 'more.sql']\nafter_swap = 'echo $MASK_DATABASE > {}'\n",
        path(said.path())
    );
    let files = [
        (
            "before.sql",
            "CREATE TABLE public.before AS SELECT count(*) AS tables FROM pg_class WHERE relname = 'customers'",
        ),
        ("after.sql", "CREATE TABLE after AS SELECT count(*) FROM customers; INSERT INTO after VALUES (1)"),
        ("more.sql", "INSERT INTO after VALUES (2)"),
    ];
    with_settings(&staging, &settings, &files, &[]).succeeds();
    assert_eq!(staging.psql("SELECT tables FROM before"), "0\n");
    assert_eq!(staging.psql("SELECT * FROM after ORDER BY 1"), "1\n2\n500\n");
    assert_eq!(fs::read_to_string(said.path()).expect("it is there"), "hooked\n");
    let fails = with_settings(&staging, "[hooks]\nafter_swap = ['false']\n", &[], &[]);
    fails.ends_with(1).says("a command ended with 1").says("the target is in place");
    let missing = with_settings(&staging, "[hooks]\nbefore_load = 'gone.sql'\n", &[], &[]);
    missing.ends_with(2).says("cannot read a hook");
}
