use std::fs;
use std::path::Path;

use super::*;

fn parsed(text: &str, variables: &[(&str, &str)], home: &Path) -> Result<Conninfo> {
    let variables: Vec<_> = variables.iter().copied().chain([("USER", "me")]).collect();
    Conninfo::parse_in(text, Surroundings::of(&variables, home))
}

fn alone(text: &str) -> Conninfo {
    parsed(text, &[], Path::new("/nowhere")).unwrap()
}

fn refused(text: &str) -> String {
    parsed(text, &[], Path::new("/nowhere")).unwrap_err().to_string()
}

fn password(conninfo: &Conninfo) -> Option<String> {
    match conninfo.password(&conninfo.hosts()[0]) {
        PasswordFile::Password(password) => Some(password.to_string()),
        _ => None,
    }
}

/// A private file in `folder`.
fn private_file(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn uris_and_keyword_strings_say_the_same() {
    let uri =
        alone("postgresql://us%40er:p%3Aw@db1:6000,[::1],db3/my%20base?sslmode=require&options=-c%20a%3Db");
    let keywords = alone(
        r"host=db1,::1,db3 port = 6000,,  user='us@er' password=p:w dbname='my base' sslmode=require options='-c a=b'",
    );
    for conninfo in [uri, keywords] {
        let hosts: Vec<_> = conninfo.hosts().iter().map(|host| (host.name.as_str(), host.port)).collect();
        assert_eq!(hosts, [("db1", 6000), ("::1", 5432), ("db3", 5432)]);
        assert_eq!((conninfo.user(), conninfo.database()), ("us@er", "my base"));
        assert_eq!(conninfo.ssl_mode(), SslMode::Require);
        assert_eq!(conninfo.setting("options"), Some("-c a=b"));
        assert_eq!(password(&conninfo).as_deref(), Some("p:w"));
    }
}

#[test]
fn a_password_is_in_no_text() {
    let conninfo = alone("postgres://u:hunter2@h:1/d?sslmode=require");
    for text in [conninfo.to_string(), format!("{conninfo:?}")] {
        assert_eq!(text, "postgres://u@h:1/d");
    }
    assert_eq!(conninfo.setting("password"), None);
    for text in
        ["host=h password='hunter2", "postgres://u:hunter2%zz@h", "host=h hunter2", "host=h hunter2=x"]
    {
        assert!(!refused(text).contains("hunter2"), "{text}");
    }
}

#[test]
fn sockets_are_named_by_their_folder() {
    for text in
        ["postgres://%2Ftmp%2Fx:6543/d", "postgres:///d?host=/tmp/x&port=6543", "host=/tmp/x port=6543"]
    {
        assert_eq!(alone(text).hosts()[0].socket().unwrap(), Path::new("/tmp/x/.s.PGSQL.6543"));
    }
}

#[test]
fn values_are_quoted_as_libpq_does() {
    let conninfo = alone(r"user='a\'b\\c' dbname=x\ y options=''");
    assert_eq!((conninfo.user(), conninfo.database()), (r"a'b\c", "x y"));
    assert_eq!(conninfo.setting("options"), None);
}

#[test]
fn what_is_written_wins_over_the_service_and_that_over_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let services =
        "# all\n[other]\nhost=wrong\n[shop]\nhost=of.service\nport=7000\ndbname=of_service\n[more]\nuser=x\n";
    private_file(home.path(), ".pg_service.conf", services);
    let variables =
        [("PGSERVICE", "shop"), ("PGPORT", "8000"), ("PGUSER", "of_environment"), ("PGDATABASE", "wrong")];
    let conninfo = parsed("postgres://of.uri", &variables, home.path()).unwrap();
    assert_eq!(conninfo.to_string(), "postgres://of_environment@of.uri:7000/of_service");
    let missing = parsed("service=nowhere", &[], home.path()).unwrap_err();
    assert_eq!(missing.what(), "the service of the connection is in no service file");
}

#[test]
fn everything_missing_has_its_default() {
    let conninfo = alone("host=h");
    assert_eq!(conninfo.user(), conninfo.database());
    assert!(!conninfo.user().is_empty());
    assert_eq!((conninfo.hosts()[0].port, conninfo.ssl_mode()), (5432, SslMode::Prefer));
}

#[test]
fn the_password_file_is_read_as_libpq_does() {
    let home = tempfile::tempdir().unwrap();
    let lines = "# h:5432:d:u:no\nh:5433:*:u:no\nh:*:d\\:x:u:a\\:b\\\\c\n*:*:*:*:other\n";
    private_file(home.path(), ".pgpass", lines);
    let of = |text: &str, variables: &[_]| password(&parsed(text, variables, home.path()).unwrap());
    assert_eq!(of("host=h dbname=d:x user=u", &[]).as_deref(), Some("a:b\\c"));
    assert_eq!(of("host=i dbname=d user=u", &[]).as_deref(), Some("other"));
    assert_eq!(of("host=i", &[("PGPASSWORD", "p")]).as_deref(), Some("p"));
    assert_eq!(of("host=i password=q", &[("PGPASSWORD", "p")]).as_deref(), Some("q"));
    assert_eq!(of("host=i", &[("PGPASSFILE", "/nowhere/file")]), None);
}

#[test]
fn a_password_file_that_others_may_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    private_file(home.path(), ".pgpass", "*:*:*:*:p\n");
    fs::set_permissions(home.path().join(".pgpass"), fs::Permissions::from_mode(0o644)).unwrap();
    let conninfo = parsed("host=h", &[], home.path()).unwrap();
    assert!(matches!(conninfo.password(&conninfo.hosts()[0]), PasswordFile::Unsafe));
}

#[test]
fn mistakes_are_told_before_anything_is_connected_to() {
    assert!(refused("hots=h dbname=d").contains("did you mean `host`?"));
    assert!(refused("host=h sslmode=verify").contains("verify-full"));
    assert!(refused("host=h port=70000").contains("1 to 65535"));
    assert!(refused("host=a,b port=1,2,3").contains("not as many"));
    assert!(refused("host=h sslcrl=x").contains("`sslcrl`"));
    assert!(refused("host=h sslmode=require sslrootcert=system").contains("verify-full"));
    assert!(refused("postgres://[::1/d").contains("without `]`"));
}

#[test]
fn connections_are_told_from_files() {
    for text in ["postgres://", "host=/tmp dbname=x", " dbname = x", "hots=x", "postgresql:///d"] {
        assert!(Conninfo::recognises(text), "{text}");
    }
    for text in ["a.dump", "dir:x", "postgres.sql", "/tmp/a=b.sql", "2024=x.dump", "-", ""] {
        assert!(!Conninfo::recognises(text), "{text}");
    }
}

#[test]
fn programs_of_postgres_find_the_same_server_by_their_environment() {
    let conninfo = alone("postgres://u:p@a:1,b:2/d?sslmode=disable&client_encoding=latin1");
    let conninfo = conninfo.with_host(&conninfo.hosts()[1]);
    let mut variables: Vec<_> =
        conninfo.environment().into_iter().map(|(name, value)| format!("{name}={}", *value)).collect();
    variables.sort();
    assert_eq!(
        variables,
        ["PGDATABASE=d", "PGHOST=b", "PGPASSWORD=p", "PGPORT=2", "PGSSLMODE=disable", "PGUSER=u"]
    );
}

proptest::proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = parsed(&text, &[], Path::new("/nowhere"));
        let _ = parsed(&format!("postgres://{text}"), &[], Path::new("/nowhere"));
        let _ = Conninfo::recognises(&text);
    }

    #[test]
    fn a_keyword_string_carries_any_value(value in "\\PC{1,20}") {
        let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
        let conninfo = alone(&format!("user='{quoted}' host=h"));
        proptest::prop_assert_eq!(conninfo.user(), &value);
        let read = alone(&conninfo.to_string());
        proptest::prop_assert_eq!(read.user(), &value);
    }
}
