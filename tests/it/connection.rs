//! Connections to a live server: what goes through them, and what is told when they fail.

use pgmask::pg::client::{Connection, Conninfo, CopyIn, CopyOut, FailureKind};

use crate::support::postgres::{Database, Server};

fn connect(database: &Database) -> Connection {
    let conninfo = Conninfo::parse(&database.conninfo()).expect("it is well formed");
    Connection::connect(&conninfo, &[("statement_timeout", "0")]).expect("the server is there")
}

#[test]
fn rows_go_in_and_come_out_as_they_are() {
    let database = Server::newest().database();
    let mut connection = connect(&database);
    connection.execute("CREATE TABLE t (id int, v text)").unwrap();
    let rows: Vec<String> = (0..200_000).map(|id| format!("{id}\t{}\n", "x".repeat(id % 97))).collect();
    let text = rows.concat().into_bytes();
    let mut copy = connection.copy_in("COPY t FROM STDIN").unwrap();
    for piece in text.chunks(100_003) {
        copy.write(piece).unwrap();
    }
    assert_eq!(copy.finish().unwrap().0, rows.len() as u64);
    for limit_bytes in [1, 1000, 1 << 20] {
        let mut copy = connection.copy_out("COPY (SELECT * FROM t ORDER BY id) TO STDOUT").unwrap();
        let (mut all, mut block) = (Vec::new(), Vec::new());
        while copy.read(&mut block, limit_bytes).unwrap() {
            assert!(block.ends_with(b"\n") && (block.len() <= limit_bytes || limit_bytes == 1));
            all.append(&mut block);
        }
        assert_eq!(copy.rows(), rows.len() as u64);
        assert!(all == text);
    }
    let answer = connection.query("SELECT count(*), NULL, '' FROM t").unwrap();
    assert_eq!(answer, [[Some("200000".to_string()), None, Some(String::new())]]);
}

#[test]
fn a_refused_statement_leaves_the_connection_as_it_was() {
    let database = Server::newest().database();
    let mut connection = connect(&database);
    connection.execute("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
    let failure = connection.execute("SELECT secret FROM t").unwrap_err();
    assert_eq!(failure.sqlstate(), Some("42703"));
    assert!(!failure.snapshot("x").to_string().contains("secret"));
    assert_eq!(
        connection.copy_out("COPY nowhere TO STDOUT").map(drop).unwrap_err().sqlstate(),
        Some("42P01")
    );
    assert_eq!(
        connection.copy_in("COPY nowhere FROM STDIN").map(drop).unwrap_err().sqlstate(),
        Some("42P01")
    );

    let mut copy = connection.copy_in("COPY t FROM STDIN").unwrap();
    copy.write(b"1\n1\n").unwrap();
    let failure = copy.finish().map(drop).unwrap_err();
    assert_eq!((failure.sqlstate(), failure.names().constraint.as_deref()), (Some("23505"), Some("t_pkey")));

    let mut copy = connection.copy_in("COPY t FROM STDIN").unwrap();
    copy.write(b"7\n").unwrap();
    copy.abort().unwrap();
    let mut copy = connection.copy_in("COPY t FROM STDIN").unwrap();
    copy.write(b"8\n").unwrap();
    drop(copy);
    assert_eq!(connection.value("SELECT count(*) FROM t").unwrap().as_deref(), Some("0"));
}

#[test]
fn a_refusal_is_noticed_while_rows_are_still_sent() {
    let database = Server::newest().database();
    let mut connection = connect(&database);
    connection.execute("CREATE TABLE t (id int)").unwrap();
    let mut copy = CopyIn::start(connection, "COPY t FROM STDIN").unwrap();
    copy.write(b"x\n").unwrap();
    let block = b"1\n".repeat(1 << 20);
    let refused = (0..1000).find_map(|_| copy.write(&block).err()).expect("the server has said so long ago");
    assert_eq!(refused.sqlstate(), Some("22P02"));
}

#[test]
fn a_connection_that_is_ended_is_known_to_be_lost() {
    let database = Server::newest().database();
    let (mut one, mut other) = (connect(&database), connect(&database));
    let end = format!("SELECT pg_terminate_backend({})", one.process_id());
    other.execute(&end).unwrap();
    assert!(one.execute("SELECT 1").unwrap_err().is_connection_lost());
    assert!(one.execute("SELECT 1").unwrap_err().is_connection_lost());

    let two = connect(&database);
    let end = format!("SELECT pg_terminate_backend({})", two.process_id());
    let mut copy = CopyOut::start(two, "COPY (SELECT generate_series(1, 100000000)) TO STDOUT").unwrap();
    other.execute(&end).unwrap();
    let failure = loop {
        match copy.read(&mut Vec::new(), 1 << 20) {
            Ok(more) => assert!(more, "it cannot have come to its end"),
            Err(failure) => break failure,
        }
    };
    assert!(failure.is_connection_lost());
}

#[test]
fn a_statement_is_cancelled_from_elsewhere() {
    let database = Server::newest().database();
    let mut connection = connect(&database);
    let handle = connection.cancel_handle();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        handle.cancel().unwrap();
    });
    assert_eq!(connection.execute("SELECT pg_sleep(60)").unwrap_err().sqlstate(), Some("57014"));
    canceller.join().unwrap();
    assert_eq!(connection.value("SELECT 1").unwrap().as_deref(), Some("1"));
}

#[test]
fn what_a_server_is_can_be_asked() {
    for major in crate::support::postgres::installed().keys() {
        let Some(server) = Server::of(*major) else { continue };
        let database = server.database();
        let mut connection = connect(&database);
        assert_eq!(connection.server_version_num().unwrap() / 10_000, *major);
        assert!(!connection.is_in_recovery().unwrap());
        connection.execute("CREATE ROLE nobody_special; SET ROLE nobody_special").unwrap();
        assert!(connection.system_identifier().unwrap().is_some());
        connection.execute("RESET ROLE; DROP ROLE nobody_special").unwrap();
    }
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_told_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("host={} port=7777 user=u password=hunter2 dbname=d", folder.path().display());
    let failure = Connection::connect(&Conninfo::parse(&text).unwrap(), &[]).map(drop).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Connect);
    let message = failure.snapshot("cannot connect").to_string();
    assert!(
        message.contains("port 7777") && message.contains("no such file") && !message.contains("hunter2")
    );

    let database = Server::newest().database();
    let text = database.conninfo().replace(&database.name, "nowhere");
    let failure = Connection::connect(&Conninfo::parse(&text).unwrap(), &[]).map(drop).unwrap_err();
    assert_eq!((failure.kind(), failure.sqlstate()), (FailureKind::Connect, Some("3D000")));
}
