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
        is_the_same_live(&source, "live_nasty", server, &left_out);
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

/// Refreshes a new database from the live database `source` as it is; all but `left_out` of it arrives.
fn is_the_same_live(source: &Database, name: &str, server: &'static Server, left_out: &str) {
    let staging = server.expected(name);
    let rules = "version = 1\n[large_objects]\naction = \"keep\"\n";
    let run = Snapshot::shop().live(source).rules_text(rules).keep_all().to(&staging.uri());
    run.run().succeeds();
    let reference = server.database();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = folder.path().join("reference.dump");
    source.pg_dump(&["-Fc", "-f", dump.to_str().expect("temporary folders have plain names")]);
    reference.pg_restore(&dump, 1);
    reference.psql(left_out);
    assert_same_rows(&Rows::of_database(source), &Rows::of_database(&staging), name);
    assert_eq!(schema(&staging), schema(&reference), "{name} into {}", server.major);
}

#[test]
fn a_live_database_is_refreshed_from_a_live_database() {
    for server in [14, 15, 16, 17, 18].into_iter().filter_map(Server::of) {
        let shop =
            loaded(&fixture(if server.major < 15 { "shop/shop-14.dump" } else { "shop/shop.dump" }), server);
        is_the_same_live(&shop, "live_from_live", server, "");
        let staging = server.expected("live_from_live");
        let refused = Snapshot::shop().live(&shop).keep_all().to(&shop.uri()).argument("--overwrite");
        refused.run().ends_with(2).says("the target is the database that is read");
        drop(staging);
    }
}

#[test]
fn public_samples_are_refreshed_live() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("MASK_SAMPLE_DATA").map_or_else(beside, std::path::PathBuf::from);
    for sample in ["pagila", "chinook"] {
        let dump = folder.join(sample).join(format!("{sample}.dump"));
        if !dump.exists() {
            use std::io::Write;
            let _ =
                writeln!(std::io::stderr(), "skipped: {} is not there; see MASK_SAMPLE_DATA", dump.display());
            continue;
        }
        for server in [15, 18].into_iter().filter_map(Server::of) {
            is_the_same_live(&loaded(&dump, server), &format!("live_{sample}"), server, "");
        }
    }
}
