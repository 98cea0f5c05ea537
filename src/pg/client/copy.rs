//! COPY in both directions: whole rows out in blocks, bytes in.

use std::borrow::BorrowMut;

use super::failure::{Failure, Result};
use super::startup::{server_failure, unexpected};
use super::wire::{Fields, Message};
use super::{Connection, State};

/// After so many bytes it is asked whether the server has refused them already.
const CHECK_BYTES: usize = 8 << 20;

/// Reads the rows of `COPY … TO STDOUT`, over a connection that is borrowed or owned.
///
/// Dropped before the end, it leaves the connection of no use.
pub struct CopyOut<C: BorrowMut<Connection>> {
    connection: C,
    rows: u64,
}

impl<C: BorrowMut<Connection>> CopyOut<C> {
    /// Sends the statement `sql`, before which there may be others that give no rows.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost. An owned connection goes with it.
    pub fn start(mut connection: C, sql: &str) -> Result<Self> {
        start(connection.borrow_mut(), sql, b'H', State::CopyOut)?;
        Ok(CopyOut { connection, rows: 0 })
    }

    /// Appends whole rows to `out` while it is not longer than `limit_bytes` then; an `out` that is empty gets one row
    /// at least. Returns whether there were any; `false` is the end, at which the server has sent everything.
    ///
    /// In text form a row is a line with its newline; there is no end marker.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost; the rows so far are right then, but not all.
    pub fn read(&mut self, out: &mut Vec<u8>, limit_bytes: usize) -> Result<bool> {
        let before = self.rows;
        loop {
            let connection = self.connection.borrow_mut();
            if connection.state != State::CopyOut {
                return Ok(false);
            }
            let taken = out.len();
            let fits = |bytes: usize| taken == 0 || taken + bytes <= limit_bytes;
            match connection.guarded(|connection| connection.wire.take_into(b'd', out, fits))? {
                None => self.rows += 1,
                Some(b'd') => return Ok(true),
                Some(b'c') => {
                    connection.finish_answer()?;
                    return Ok(self.rows > before);
                }
                Some(_) => connection.take_other()?,
            }
        }
    }

    /// Reads `rows` rows and forgets them, or as many as there are.
    ///
    /// # Errors
    /// As for [`CopyOut::read`].
    pub fn skip(&mut self, rows: u64) -> Result<()> {
        let mut row = Vec::new();
        for _ in 0..rows {
            row.clear();
            // A limit of nothing is one row.
            if !self.read(&mut row, 0)? {
                break;
            }
        }
        Ok(())
    }

    /// How many rows were read so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The connection, of use again after the last row.
    pub fn into_connection(self) -> C {
        self.connection
    }
}

/// Sends rows to `COPY … FROM STDIN`, over a connection that is borrowed or owned.
///
/// Dropped before [`CopyIn::finish`], it takes back what was sent, as [`CopyIn::abort`] does.
pub struct CopyIn<C: BorrowMut<Connection>> {
    /// `None` when it is finished.
    connection: Option<C>,
    unchecked_bytes: usize,
}

impl<C: BorrowMut<Connection>> CopyIn<C> {
    /// Sends the statement `sql`.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost. An owned connection goes with it.
    pub fn start(mut connection: C, sql: &str) -> Result<Self> {
        start(connection.borrow_mut(), sql, b'G', State::CopyIn)?;
        Ok(CopyIn { connection: Some(connection), unchecked_bytes: 0 })
    }

    /// Sends `bytes`, which may begin and end inside a row. What the server refuses is told here or by
    /// [`CopyIn::finish`].
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let connection = connection(&mut self.connection);
        let sent = connection.wire.stream(b'd', bytes);
        sent.map_err(|failure| connection.said_before_it_was_lost(failure))?;
        self.unchecked_bytes += bytes.len();
        if self.unchecked_bytes >= CHECK_BYTES {
            self.unchecked_bytes = 0;
            if connection.wire.has_input()? {
                connection.finish_refused()?;
            }
        }
        Ok(())
    }

    /// Says that all rows are sent; returns how many the server has taken.
    ///
    /// # Errors
    /// What the server reports, or that the connection is lost; then none of the rows is there.
    pub fn finish(mut self) -> Result<(u64, C)> {
        let mut owner = self.connection.take().expect("it is taken only here and on drop");
        let connection = owner.borrow_mut();
        if connection.state != State::CopyIn {
            return Err(unexpected());
        }
        connection.wire.put(b'c', |_| ());
        let sent = connection.wire.flush();
        sent.map_err(|failure| connection.said_before_it_was_lost(failure))?;
        let rows = connection.finish_answer()?;
        rows.map(|rows| (rows, owner)).ok_or_else(unexpected)
    }

    /// Takes back what was sent; the statement has failed then, and so has a transaction around it.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn abort(mut self) -> Result<C> {
        let mut owner = self.connection.take().expect("it is taken only here and on drop");
        fail(owner.borrow_mut())?;
        Ok(owner)
    }
}

impl<C: BorrowMut<Connection>> Drop for CopyIn<C> {
    fn drop(&mut self) {
        if let Some(owner) = &mut self.connection {
            let _ = fail(owner.borrow_mut());
        }
    }
}

fn connection<C: BorrowMut<Connection>>(owner: &mut Option<C>) -> &mut Connection {
    owner.as_mut().expect("it is taken only at the end").borrow_mut()
}

/// Sends a COPY statement and reads the answer up to where rows come or go; `answer` is the kind of that message.
fn start(connection: &mut Connection, sql: &str, answer: u8, state: State) -> Result<()> {
    connection.send_statement(sql)?;
    loop {
        let Message { kind, content } = match connection.wire.receive() {
            Ok(message) => message,
            Err(failure) => {
                connection.state = State::Broken;
                return Err(failure.at(connection.place()));
            }
        };
        match kind {
            _ if kind == answer => {
                connection.state = state;
                return Ok(());
            }
            b'E' => {
                let failure = server_failure(content);
                match failure.is_connection_lost() {
                    true => connection.state = State::Broken,
                    false => drop(connection.finish_answer()?),
                }
                return Err(failure);
            }
            b'S' => connection.session.set_parameter(&mut Fields(content))?,
            // Settings may come before the COPY.
            b'N' | b'A' | b'C' => {}
            _ => {
                connection.state = State::Broken;
                return Err(unexpected());
            }
        }
    }
}

fn fail(connection: &mut Connection) -> Result<()> {
    if connection.state != State::CopyIn {
        return Ok(());
    }
    connection.guarded(|connection| {
        connection.wire.put(b'f', |out| out.extend_from_slice(b"aborted\0"));
        connection.wire.flush()
    })?;
    match connection.finish_answer() {
        Err(failure) if failure.is_connection_lost() => Err(failure),
        _ => Ok(()),
    }
}

impl Connection {
    /// Takes a message that is no row: one that says something beside, or a report.
    fn take_other(&mut self) -> Result<()> {
        let message = self.guarded(|connection| {
            let Message { kind, content } = connection.wire.receive()?;
            Ok(match kind {
                b'E' => Err(server_failure(content)),
                b'N' | b'A' => Ok(()),
                b'S' => connection.session.set_parameter(&mut Fields(content)),
                _ => Err(unexpected()),
            })
        })?;
        match message {
            Err(failure) if !failure.is_connection_lost() => {
                self.finish_answer()?;
                Err(failure)
            }
            Err(failure) => {
                self.state = State::Broken;
                Err(failure.at(self.place()))
            }
            Ok(()) => Ok(()),
        }
    }

    /// Reads what the server has said while rows were sent; a report ends the statement.
    fn finish_refused(&mut self) -> Result<()> {
        while self.wire.has_input()? {
            let refused = self.guarded(|connection| {
                let Message { kind, content } = connection.wire.receive()?;
                Ok(match kind {
                    b'E' => Some(server_failure(content)),
                    b'N' | b'A' | b'S' => None,
                    _ => return Err(unexpected()),
                })
            })?;
            if let Some(failure) = refused {
                // After its report the server is ready again, whatever is still sent.
                self.finish_answer()?;
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The report that the server sent before it ended the connection, or else `failure`.
    fn said_before_it_was_lost(&mut self, failure: Failure) -> Failure {
        self.state = State::Broken;
        let place = self.place();
        while let Ok(Message { kind, content }) = self.wire.receive() {
            if kind == b'E' {
                return server_failure(content).at(place);
            }
        }
        failure.at(place)
    }
}
