//! A connection to a live server: blocking, of one thread at a time, by the simple protocol and COPY.
//!
//! Everything is text. What is read is the snapshot's, so failures say only what [`failure`] takes from a report. It
//! is the protocol itself, version 3.0, rather than a library over it: rows of COPY go from the socket's buffer into
//! blocks with one copy and no allocation a row.

pub mod conninfo;
mod copy;
pub mod failure;
mod startup;
mod tls;
mod transport;
mod wire;

pub use conninfo::{Conninfo, Host};
pub use copy::{CopyIn, CopyOut};
pub use failure::{Failure, FailureKind, Result};

use conninfo::SessionAttributes;
use startup::{Encryption, Session, server_failure, unexpected};
use wire::{Fields, Message, Wire};

/// What sessions are called in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "mask";

/// A row of a query's answer: each value in its text form.
pub type Row = Vec<Option<String>>;

/// An open session.
pub struct Connection {
    wire: Wire,
    session: Session,
    encryption: Encryption,
    /// How to get to this server again.
    conninfo: Conninfo,
    state: State,
}

/// What the server expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A statement.
    Ready,
    /// Rows, or their end.
    CopyIn,
    /// That its rows are read.
    CopyOut,
    /// Nothing more.
    Broken,
}

/// Cancels what a session does; from any thread.
#[derive(Clone)]
pub struct CancelHandle {
    conninfo: Conninfo,
    encryption: Encryption,
    session: Session,
}

impl CancelHandle {
    /// Asks the server to cancel the session's statement; whether it was still running is not told.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn cancel(&self) -> Result<()> {
        let host = &self.conninfo.hosts()[0];
        startup::cancel(&self.conninfo, host, self.encryption, &self.session)
    }
}

impl Connection {
    /// Connects to the first of the hosts of `conninfo` that answers and is as `target_session_attrs` says, and sets
    /// `settings` for the session.
    ///
    /// # Errors
    /// [`FailureKind::Connect`] with the place and, mostly, a hint; of several hosts, that of the last.
    pub fn connect(conninfo: &Conninfo, settings: &[(&str, &str)]) -> Result<Connection> {
        let mut connection = match conninfo.session_attributes() {
            SessionAttributes::PreferStandby => Connection::first(conninfo, SessionAttributes::Standby)
                .or_else(|_| Connection::first(conninfo, SessionAttributes::Any))?,
            attributes => Connection::first(conninfo, attributes)?,
        };
        if !settings.is_empty() {
            let set = |(name, value): &(&str, &str)| format!("SET {name} TO {}", literal(value));
            let statements: Vec<String> = settings.iter().map(set).collect();
            connection.execute(&statements.join("; "))?;
        }
        Ok(connection)
    }

    fn first(conninfo: &Conninfo, attributes: SessionAttributes) -> Result<Connection> {
        let mut hosts = conninfo.hosts().to_vec();
        if conninfo.is_load_balanced() {
            shuffle(&mut hosts);
        }
        let mut last = None;
        for host in &hosts {
            let place = server_place(host);
            match Connection::to_host(conninfo, host, attributes) {
                Ok(connection) => return Ok(connection),
                // As libpq: a server that refuses us ends the search, one that is not there does not.
                Err(failure) if failure.sqlstate().is_some_and(|code| code != "57P03") => {
                    return Err(failure.at(place));
                }
                Err(failure) => last = Some(failure.at(place)),
            }
        }
        Err(last.expect("a connection has a host"))
    }

    fn to_host(conninfo: &Conninfo, host: &Host, attributes: SessionAttributes) -> Result<Connection> {
        let (wire, session, encryption) = startup::connect(conninfo, host)?;
        // A name may stand for several servers; from here on, it is the one that answered.
        let address = wire.transport().socket().peer().or_else(|| host.address.clone());
        let conninfo = conninfo.with_host(&Host { address, ..host.clone() });
        let mut connection = Connection { wire, session, encryption, conninfo, state: State::Ready };
        match connection.has_attributes(attributes)? {
            true => Ok(connection),
            false => Err(Failure::connect("no server is as `target_session_attrs` says")),
        }
    }

    fn has_attributes(&mut self, attributes: SessionAttributes) -> Result<bool> {
        Ok(match attributes {
            SessionAttributes::Any | SessionAttributes::PreferStandby => true,
            SessionAttributes::Primary => !self.is_in_recovery()?,
            SessionAttributes::Standby => self.is_in_recovery()?,
            SessionAttributes::ReadWrite => !self.is_read_only()?,
            SessionAttributes::ReadOnly => self.is_read_only()?,
        })
    }

    fn is_read_only(&mut self) -> Result<bool> {
        Ok(self.is_in_recovery()?
            || self.value("SHOW default_transaction_read_only")?.as_deref() == Some("on"))
    }

    /// How to connect to this very server again: its one host.
    pub fn conninfo(&self) -> &Conninfo {
        &self.conninfo
    }

    /// Where the server is, for messages: its host and port.
    pub fn place(&self) -> String {
        server_place(&self.conninfo.hosts()[0])
    }

    /// Whether the session has TLS.
    pub fn is_encrypted(&self) -> bool {
        self.encryption == Encryption::Always
    }

    /// The number of the server's process for this session.
    pub fn process_id(&self) -> i32 {
        self.session.process
    }

    /// What cancels this session's statements from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            conninfo: self.conninfo.clone(),
            encryption: self.encryption,
            session: self.session.clone(),
        }
    }

    /// A setting that the server reports by itself, such as `server_encoding`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.session.parameter(name)
    }

    /// Runs statements, whatever they return.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost.
    pub fn execute(&mut self, sql: &str) -> Result<()> {
        self.run(sql, &mut |_| Ok(()))
    }

    /// Runs statements, and returns the rows of all of them.
    ///
    /// # Errors
    /// As for [`Connection::execute`], and if a value is not UTF-8.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.run(sql, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        let text = |value: Option<Vec<u8>>| value.map(String::from_utf8).transpose();
        rows.into_iter()
            .map(|row| row.into_iter().map(text).collect::<Result<Row, _>>())
            .collect::<Result<_, _>>()
            .map_err(|_| Failure::protocol("the server sends text that is not UTF-8"))
    }

    /// The first value of the first row of a query; `None` for NULL, and where there is no row.
    ///
    /// # Errors
    /// As for [`Connection::query`].
    pub fn value(&mut self, sql: &str) -> Result<Option<String>> {
        Ok(self.query(sql)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// The server's version as a number, such as 150008 for 15.8.
    ///
    /// # Errors
    /// As for [`Connection::query`].
    pub fn server_version_num(&mut self) -> Result<u32> {
        let number = self.value("SHOW server_version_num")?;
        number.and_then(|number| number.parse().ok()).ok_or_else(unexpected)
    }

    /// Whether the server is a standby.
    ///
    /// # Errors
    /// As for [`Connection::query`].
    pub fn is_in_recovery(&mut self) -> Result<bool> {
        Ok(self.value("SELECT pg_catalog.pg_is_in_recovery()")?.as_deref() == Some("t"))
    }

    /// What tells the server's cluster from all others, the same on its standbys; `None` where the role may not read
    /// it, which it may by default.
    ///
    /// # Errors
    /// As for [`Connection::query`].
    pub fn system_identifier(&mut self) -> Result<Option<String>> {
        match self.value("SELECT system_identifier FROM pg_catalog.pg_control_system()") {
            Err(failure) if failure.kind() == FailureKind::Server => Ok(None),
            result => result,
        }
    }

    /// Begins to read the rows that the statement `COPY … TO STDOUT` gives.
    ///
    /// # Errors
    /// As for [`Connection::execute`].
    pub fn copy_out(&mut self, sql: &str) -> Result<CopyOut<&mut Connection>> {
        CopyOut::start(self, sql)
    }

    /// Begins to send rows to the statement `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// As for [`Connection::execute`].
    pub fn copy_in(&mut self, sql: &str) -> Result<CopyIn<&mut Connection>> {
        CopyIn::start(self, sql)
    }

    /// Sends statements, gives each row to `visit`, and reads up to the end of the answer.
    fn run(&mut self, sql: &str, visit: &mut dyn FnMut(Vec<Option<Vec<u8>>>) -> Result<()>) -> Result<()> {
        self.send_statement(sql)?;
        self.guarded(|connection| {
            let mut failure = None;
            loop {
                let Message { kind, content } = connection.wire.receive()?;
                match kind {
                    b'D' => visit(data_row(content)?)?,
                    b'E' => keep_first(&mut failure, server_failure(content))?,
                    b'Z' => return Ok(failure.map_or(Ok(()), Err)),
                    b'S' => connection.session.set_parameter(&mut Fields(content))?,
                    b'T' | b'C' | b'I' | b'N' | b'A' => {}
                    _ => return Err(unexpected()),
                }
            }
        })?
    }

    fn send_statement(&mut self, sql: &str) -> Result<()> {
        if self.state != State::Ready {
            return Err(Failure::lost(&std::io::ErrorKind::NotConnected.into()));
        }
        if sql.as_bytes().contains(&0) {
            return Err(Failure::protocol("a statement has a zero byte"));
        }
        self.guarded(|connection| {
            connection.wire.put(b'Q', |out| {
                out.extend_from_slice(sql.as_bytes());
                out.push(0);
            });
            connection.wire.flush()
        })
    }

    /// Does something that leaves the connection of no use where it fails.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        act(self).map_err(|failure| {
            self.state = State::Broken;
            failure.at(self.place())
        })
    }

    /// Reads up to the end of an answer whose rows were all taken, or of which none are wanted.
    fn finish_answer(&mut self) -> Result<Option<u64>> {
        self.guarded(|connection| {
            let (mut failure, mut rows) = (None, None);
            loop {
                let Message { kind, content } = connection.wire.receive()?;
                match kind {
                    b'E' => keep_first(&mut failure, server_failure(content))?,
                    b'C' => rows = command_rows(content),
                    b'Z' => {
                        connection.state = State::Ready;
                        return Ok(failure.map_or(Ok(rows), Err));
                    }
                    b'S' => connection.session.set_parameter(&mut Fields(content))?,
                    b'c' | b'd' | b'N' | b'A' => {}
                    _ => return Err(unexpected()),
                }
            }
        })?
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.state == State::Ready {
            self.wire.put(b'X', |_| ());
            let _ = self.wire.flush();
        }
    }
}

/// The server's report if it goes on after it; a failure of the connection where it ends.
fn keep_first(first: &mut Option<Failure>, failure: Failure) -> Result<()> {
    if failure.is_connection_lost() {
        return Err(failure);
    }
    first.get_or_insert(failure);
    Ok(())
}

fn server_place(host: &Host) -> String {
    format!("server `{}`, port {}", host.name, host.port)
}

fn data_row(content: &[u8]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut fields = Fields(content);
    let count = fields.int16()?;
    let value = |_| match fields.int32()? {
        length @ 0.. => fields.bytes(length as usize).map(|bytes| Some(bytes.to_vec())),
        _ => Ok(None),
    };
    (0..count).map(value).collect()
}

/// The number of rows that a command tag such as `COPY 3` tells.
fn command_rows(content: &[u8]) -> Option<u64> {
    let tag = content.strip_suffix(&[0]).unwrap_or(content);
    std::str::from_utf8(tag).ok()?.rsplit(' ').next()?.parse().ok()
}

/// `text` as a string constant, whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    match quoted.contains('\\') {
        true => format!(" E'{}'", quoted.replace('\\', "\\\\")),
        false => format!("'{quoted}'"),
    }
}

fn shuffle(hosts: &mut [Host]) {
    for last in (1..hosts.len()).rev() {
        let mut random = [0; 8];
        if getrandom::fill(&mut random).is_ok() {
            hosts.swap(last, (u64::from_le_bytes(random) % (last as u64 + 1)) as usize);
        }
    }
}
