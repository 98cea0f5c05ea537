//! A live database as the target: what is loaded into one is the same as what a script or an archive loads, and it
//! comes into place all at once.

use std::path::Path;

use crate::support::postgres::{Database, Server};
use crate::support::{Rows, Run, Snapshot, assert_same_rows, fixture, loaded};

/// The DDL of a database with its large objects, without the random word that each dump has.
pub fn schema(database: &Database) -> String {
    let text = String::from_utf8(database.pg_dump(&["--schema-only", "-b"])).expect("Postgres writes UTF-8");
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

/// Loads `dump` as it is into the database `name` of `server`.
fn refreshed(dump: &Path, name: &str, server: &'static Server) -> (Database, Run) {
    let staging = server.expected(name);
    let rules = "version = 1\n[large_objects]\naction = \"keep\"\n";
    let run = Snapshot::shop().from(dump).rules_text(rules).keep_all().to(&staging.uri()).run();
    run.succeeds();
    (staging, run)
}

/// Checks that `dump` makes of a new database what pg_restore or psql makes of it, but for `left_out`, statements that
/// take away from it what a live copy does not have.
fn is_what_a_restore_gives(dump: &Path, name: &str, server: &'static Server, left_out: &str) {
    let reference = loaded(dump, server);
    reference.psql(left_out);
    let (staging, _) = refreshed(dump, name, server);
    let what = format!("{} into {}", dump.display(), server.major);
    assert_same_rows(&Rows::of_database(&reference), &Rows::of_database(&staging), &what);
    assert_eq!(schema(&staging), schema(&reference), "{what}");
}

#[test]
fn the_shop_is_loaded_from_every_form_of_dump() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        for dump in ["shop.dump", "shop.dir", "shop.sql", "shop-18-zstd.dump"] {
            let is_newer = dump.contains("18") && server.major < 18;
            if !is_newer {
                is_what_a_restore_gives(&fixture("shop").join(dump), "live_shop", server, "");
            }
        }
    }
}

#[test]
fn every_type_is_loaded() {
    for major in [15, 18] {
        let Some(server) = Server::of(major) else { continue };
        let dump = fixture(format!("types/types-{major}.dump"));
        is_what_a_restore_gives(&dump, "live_types", server, "");
    }
}

#[test]
fn a_nasty_database_is_loaded() {
    for server in [15, 18].into_iter().filter_map(Server::of) {
        let source = server.database();
        source.psql_file(&fixture("nasty/schema.sql"));
        if server.major >= 18 {
            source.psql_file(&fixture("nasty/schema-18.sql"));
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let publication = if server.major >= 18 { "DROP PUBLICATION with_computed;" } else { "" };
        let left_out = format!(
            "DROP USER MAPPING FOR PUBLIC SERVER \"odd server\"; ALTER SERVER \"odd server\" OPTIONS (DROP host);
             ALTER FOREIGN DATA WRAPPER nowhere OPTIONS (DROP debug); DROP EVENT TRIGGER \"odd event\";
             DROP PUBLICATION \"all tables\"; DROP PUBLICATION some_rows; DROP PUBLICATION of_schema; {publication}"
        );
        for (form, name) in [("-Fc", "nasty.dump"), ("-Fp", "nasty.sql")] {
            let dump = folder.path().join(name);
            source.pg_dump(&[form, "-f", dump.to_str().expect("temporary folders have plain names")]);
            is_what_a_restore_gives(&dump, "Odd \"name', 100%", server, &left_out);
        }
    }
}

#[test]
fn what_acts_on_its_own_is_named_in_the_plan_and_stays_behind() {
    let server = Server::newest();
    let source = server.database();
    source.psql_file(&fixture("nasty/schema.sql"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("nasty.dump");
    source.pg_dump(&["-Fc", "-f", dump.to_str().expect("temporary folders have plain names")]);
    let (staging, run) = refreshed(&dump, "live_neutral", server);
    for name in
        ["`EVENT TRIGGER odd event`", "`PUBLICATION some_rows`", "`SERVER odd server`", "USER MAPPING"]
    {
        run.says(name);
    }
    let left = "SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_publication)
                + (SELECT count(*) FROM pg_user_mappings) + (SELECT count(*) FROM pg_foreign_server WHERE srvoptions IS NOT NULL)";
    assert_eq!(staging.psql(left), "0\n");
}
