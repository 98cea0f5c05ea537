//! Ways to a live database: roles and their rights, passwords, TLS, libpq's files and variables; and what is said where
//! there is none.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::support::postgres::{Database, Server};
use crate::support::{Snapshot, fixture};

const KEEP: &str = "version = 1\n[defaults]\nunlisted = \"keep\"\n";

/// A connection to `database` as `role`.
fn as_role(database: &Database, role: &str) -> String {
    database.conninfo().replace("user=postgres", &format!("user={role}"))
}

/// A role of this name on the server of `database`, which no other test may use.
fn role(database: &Database, name: &str, attributes: &str) -> String {
    let role = format!("{name}_{}", database.name);
    database.psql(&format!("CREATE ROLE {role} LOGIN {attributes}"));
    role
}

fn drop_role(database: &Database, role: &str) {
    database.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn an_ordinary_role_reads_what_it_may() {
    let database = Server::newest().database();
    database.psql("CREATE TABLE a (id serial, v text); INSERT INTO a (v) VALUES ('x')");
    let reader = role(&database, "reader", "IN ROLE pg_read_all_data");
    let from = as_role(&database, &reader);
    let run = Snapshot::shop().rules_text(KEEP).live_as(&from, database.server()).to("staging.sql").run();
    run.succeeds();
    let script = fs::read_to_string(run.output()).unwrap();
    assert!(script.contains("SELECT pg_catalog.setval('public.a_id_seq', 1, true);"), "{script}");
    drop_role(&database, &reader);
}

#[test]
fn tables_and_sequences_that_a_role_may_not_read_are_named() {
    let database = Server::newest().database();
    database.psql(
        "CREATE TABLE a (id serial); CREATE TABLE \"B.b\" (id int); CREATE SCHEMA s; CREATE TABLE s.c ()",
    );
    let poor = role(&database, "poor", "");
    database.psql(&format!("GRANT SELECT ON a TO {poor}"));
    let from = as_role(&database, &poor);
    let run = Snapshot::shop().rules_text(KEEP).live_as(&from, database.server()).to("staging.sql").run();
    run.ends_with(1).leaves_nothing();
    run.says("sequence `public.a_id_seq`").says("table `public.\"B.b\"`").says("table `s.c`");
    run.says("pg_read_all_data");
    drop_role(&database, &poor);
}

#[test]
fn policies_on_rows_are_an_error_and_not_fewer_rows() {
    let database = Server::newest().database();
    database.psql(
        "CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2); ALTER TABLE a ENABLE ROW LEVEL SECURITY;
         CREATE POLICY odd ON a USING (id = 1)",
    );
    let reader = role(&database, "limited", "IN ROLE pg_read_all_data");
    let from = as_role(&database, &reader);
    let snapshot = Snapshot::shop().rules_text(KEEP).live_as(&from, database.server()).to("staging.sql");
    let run = snapshot.clone().run();
    run.ends_with(1).says("row security would hide rows").says("table `public.a`").leaves_nothing();
    database.psql(&format!("ALTER ROLE {reader} BYPASSRLS"));
    snapshot.run().succeeds();
    drop_role(&database, &reader);
}

#[test]
fn a_schema_that_the_rules_do_not_know_stops_the_run_before_any_row() {
    let database = Server::newest().database();
    database.pg_restore(&fixture("shop/shop.dump"), 1);
    database.psql("ALTER TABLE customers ADD COLUMN shoe_size int");
    let run = Snapshot::shop().live(&database).to("staging.sql").run();
    run.ends_with(2).says("column `public.customers.shoe_size`").leaves_nothing();
}

#[test]
fn a_database_that_is_not_there_is_told_without_the_password() {
    let server = Server::newest();
    let database = server.database();
    let secret = "hunter2";
    let missing = database.conninfo().replace(&database.name, "nowhere") + " password=" + secret;
    let dead = format!("host={} port=1 password={secret}", server.folder().display());
    for (from, says) in [(missing, "the database does not exist"), (dead, "no such file")] {
        let run = Snapshot::shop().live_as(&from, server).to("staging.sql").report().run();
        run.ends_with(1).says(says).leaves_nothing();
        assert!(!run.stderr.contains(secret), "{}", run.stderr);
    }
    let run = Snapshot::shop().live_as("hots=x dbname=y", server).to("staging.sql").run();
    run.ends_with(2).says("did you mean `host`?");
}

#[test]
fn a_pg_dump_that_is_too_old_is_named() {
    let (Some(old), newest) = (Server::of(15), Server::newest()) else { return };
    if old.major == newest.major {
        return;
    }
    let database = newest.database();
    let run = Snapshot::shop().live_as(&database.conninfo(), old).to("staging.sql").run();
    run.ends_with(1).says(&format!("a pg_dump of version {} or later is needed", newest.major));
}

/// Makes an authority and a certificate of a server `localhost`, of it, in `folder`.
fn certificates(folder: &Path) {
    let script = "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
        printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' >extensions
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.crt
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout other.key -out other.crt";
    let output =
        Command::new("sh").args(["-c", script]).current_dir(folder).output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server that takes TLS and passwords on a port of this machine, with a small database; and the port.
fn server_with_tls(files: &Path) -> (Database, u16) {
    certificates(files);
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
    let server = Server::alone(&["listen_addresses=127.0.0.1", &format!("port={port}")]);
    let data = server.folder().join("data");
    let owner = fs::metadata(&data).unwrap();
    for name in ["server.crt", "server.key"] {
        use std::os::unix::fs::MetadataExt;
        fs::copy(files.join(name), data.join(name)).unwrap();
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        chown(data.join(name), Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all all scram-sha-256\n").unwrap();
    let database = server.database_named("behind_tls");
    database.psql("CREATE ROLE reader LOGIN PASSWORD 'pass:w\\rd' IN ROLE pg_read_all_data");
    database.psql("CREATE TABLE a (id int); INSERT INTO a VALUES (1)");
    database.psql("ALTER SYSTEM SET ssl = on");
    database.psql("SELECT pg_reload_conf()");
    (database, port)
}

#[test]
fn a_server_is_reached_by_tls_and_libpqs_files_and_variables() {
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (database, port) = server_with_tls(home.path());
    let authority = home.path().join("ca.crt").display().to_string();
    let snapshot = |from: &str| {
        let snapshot = Snapshot::shop().rules_text(KEEP).live_as(from, database.server()).to("staging.sql");
        snapshot.variable("HOME", home.path().to_str().unwrap())
    };
    let uri = format!("postgres://reader:pass%3Aw%5Crd@localhost:{port}/behind_tls");

    let full = format!("{uri}?sslmode=verify-full&sslrootcert={authority}&channel_binding=require");
    let run = snapshot(&full).report().run();
    run.succeeds();
    let report = fs::read_to_string(run.work().join("report.json")).unwrap();
    assert!(
        report.contains(&format!("postgres://reader@localhost:{port}/behind_tls")) && !report.contains("w\\")
    );
    // Without a word on TLS it is used where it is offered, and here it must be.
    snapshot(&uri).run().succeeds();
    snapshot(&format!("{uri}?sslmode=allow")).run().succeeds();
    snapshot(&format!("{uri}?sslmode=disable")).run().ends_with(1).says("pg_hba.conf");

    let by_address = full.replace("@localhost", "@127.0.0.1");
    snapshot(&by_address).run().ends_with(1).says("it is not for this host");
    snapshot(&by_address.replace("verify-full", "verify-ca")).run().succeeds();
    let other = home.path().join("other.crt").display().to_string();
    snapshot(&format!("{uri}?sslmode=verify-ca&sslrootcert={other}"))
        .run()
        .ends_with(1)
        .says("no known authority");
    snapshot(&uri.replace("pass", "PASS")).run().ends_with(1).says("the password is wrong");

    let bare = format!("host=localhost port={port} user=reader dbname=behind_tls");
    snapshot(&bare).run().ends_with(1).says("there is none");
    snapshot(&bare).variable("PGPASSWORD", "pass:w\\rd").run().succeeds();
    let pgpass = home.path().join(".pgpass");
    fs::write(&pgpass, format!("localhost:{port}:*:reader:pass\\:w\\\\rd\n")).unwrap();
    fs::set_permissions(&pgpass, fs::Permissions::from_mode(0o600)).unwrap();
    snapshot(&bare).run().succeeds();
    let service = format!("[staging]\nhost=localhost\nport={port}\ndbname=behind_tls\nuser=reader\n");
    fs::write(home.path().join(".pg_service.conf"), service).unwrap();
    snapshot("service=staging")
        .variable("PGSSLMODE", "verify-full")
        .variable("PGSSLROOTCERT", &authority)
        .run()
        .succeeds();
    snapshot("postgres://").variable("PGSERVICE", "staging").run().succeeds();
    fs::set_permissions(&pgpass, fs::Permissions::from_mode(0o644)).unwrap();
    snapshot(&bare).run().ends_with(1).says("others than its owner may read it");
}
