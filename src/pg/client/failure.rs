//! What can go wrong with a connection, without a word of what was sent or received.
//!
//! A server's message, detail, hint and context quote data, so of its reports only the SQLSTATE and the names of
//! table, column and constraint are taken. A name is left out as well where a function of the database made it up.

use std::fmt;
use std::io;

use crate::error::{Error, io_reason};

/// The result of what is done with a connection.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A failure of a connection, or one that a server reported.
#[derive(Clone, Debug)]
pub struct Failure(Box<Report>);

#[derive(Clone, Debug)]
struct Report {
    kind: FailureKind,
    what: String,
    /// Where it happened, outermost first.
    at: Vec<String>,
    hint: Option<String>,
    sqlstate: Option<Sqlstate>,
    names: Names,
}

/// Sorts of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection could be made: address, TLS, password, database.
    Connect,
    /// A connection that there was is gone.
    Lost,
    /// The server refused a statement; the connection goes on.
    Server,
    /// The server said something that is not of the protocol.
    Protocol,
}

/// The names that a server's report gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The schema of the table.
    pub schema: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

/// The five characters by which SQL tells conditions apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sqlstate([u8; 5]);

impl Sqlstate {
    /// The code that `text` is; `None` if it is none.
    pub fn of(text: &[u8]) -> Option<Sqlstate> {
        let is_code = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        <[u8; 5]>::try_from(text).ok().filter(|code| code.iter().all(is_code)).map(Sqlstate)
    }

    /// The code, such as `42P01`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What it means, in words; `None` for the rarer ones.
    pub fn meaning(&self) -> Option<&'static str> {
        let is_this = |(code, _): &&(&str, &str)| *code == self.code();
        let is_class = |(code, _): &&(&str, &str)| *code == &self.code()[..2];
        MEANINGS.iter().find(is_this).or_else(|| MEANINGS.iter().find(is_class)).map(|(_, meaning)| *meaning)
    }
}

impl fmt::Debug for Sqlstate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// Codes, and classes of them, that a person is likely to meet.
const MEANINGS: &[(&str, &str)] = &[
    ("08", "the connection failed"),
    ("22", "a value is not of its type"),
    ("23502", "a column must not be NULL"),
    ("23503", "a foreign key is violated"),
    ("23505", "a unique constraint is violated"),
    ("23514", "a check constraint is violated"),
    ("23P01", "an exclusion constraint is violated"),
    ("23", "a constraint is violated"),
    ("25006", "the transaction is read-only"),
    ("28000", "the role may not connect like this"),
    ("28P01", "the password is wrong"),
    ("3D000", "the database does not exist"),
    ("3F000", "the schema does not exist"),
    ("40001", "the transaction cannot be serialized"),
    ("40P01", "a deadlock"),
    ("42501", "the role lacks a privilege"),
    ("42601", "a syntax error"),
    ("42703", "the column does not exist"),
    ("42704", "an object does not exist"),
    ("42710", "an object exists already"),
    ("42883", "the function does not exist"),
    ("42P01", "the table does not exist"),
    ("42P04", "the database exists already"),
    ("42P07", "the table exists already"),
    ("53100", "the disk is full"),
    ("53200", "the server is out of memory"),
    ("53300", "the server has too many connections"),
    ("53", "the server lacks a resource"),
    ("55006", "the object is in use"),
    ("55P03", "a lock is held by another session"),
    ("57014", "the statement was cancelled"),
    ("57P01", "an administrator ended the connection"),
    ("57P02", "the server crashed"),
    ("57P03", "the server takes no connections now"),
    ("57P04", "the database was dropped"),
    ("57P05", "the session was idle for too long"),
    ("58030", "the server cannot read or write a file"),
    ("58P01", "the server misses a file"),
    ("P0001", "a function raised an error"),
    ("XX001", "the server's data is corrupted"),
    ("XX002", "an index of the server is corrupted"),
];

/// Codes with which a server ends a connection that it had taken.
const ENDINGS: [&str; 5] = ["57P01", "57P02", "57P03", "57P04", "57P05"];

impl Failure {
    fn new(kind: FailureKind, what: impl Into<String>) -> Failure {
        Failure(Box::new(Report {
            kind,
            what: what.into(),
            at: Vec::new(),
            hint: None,
            sqlstate: None,
            names: Names::default(),
        }))
    }

    /// No connection can be made.
    pub(super) fn connect(what: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Connect, what)
    }

    /// What was there is not any more, or what must be there is not; there is no use in trying again.
    pub fn gone(what: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Server, what)
    }

    /// The server said what the protocol does not allow here.
    pub(super) fn protocol(what: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Protocol, what)
    }

    /// The connection failed; of `error` only its kind is told.
    pub(super) fn lost(error: &io::Error) -> Failure {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".to_string(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "the server does not answer".to_string(),
            _ => format!("the connection is lost: {}", io_reason(error)),
        };
        Failure::new(FailureKind::Lost, what)
    }

    /// Says where, such as the server; the outermost place comes first.
    pub fn at(mut self, place: impl fmt::Display) -> Failure {
        self.0.at.insert(0, place.to_string());
        self
    }

    /// Says how to mend it; the first hint given stays.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// As one of an attempt to connect.
    pub(super) fn while_connecting(mut self) -> Failure {
        if self.0.kind == FailureKind::Lost {
            self.0.kind = FailureKind::Connect;
        }
        self
    }

    /// Its sort.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// Whether the connection is gone, so that another one may do what this one could not.
    pub fn is_connection_lost(&self) -> bool {
        self.0.kind == FailureKind::Lost
    }

    /// The SQLSTATE, such as `42P01`, where the server reported one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.0.sqlstate.as_ref().map(Sqlstate::code)
    }

    /// The names that the server's report gives.
    pub fn names(&self) -> &Names {
        &self.0.names
    }

    /// A failure to read the snapshot; `doing` says what was tried, such as `cannot read the rows`.
    pub fn snapshot(self, doing: &str) -> Error {
        self.report(doing, Error::snapshot)
    }

    /// A failure to write the target; `doing` says what was tried, such as `cannot make the database`.
    pub fn staging(self, doing: &str) -> Error {
        self.report(doing, Error::staging)
    }

    fn report(self, doing: &str, kind: fn(String) -> Error) -> Error {
        let Report { what, at, hint, names, .. } = *self.0;
        let mut error = kind(format!("{doing}: {what}"));
        let table = match (&names.schema, &names.table) {
            (Some(schema), Some(table)) => Some(format!("table `{schema}.{table}`")),
            (_, table) => table.as_ref().map(|table| format!("table `{table}`")),
        };
        let column = names.column.map(|column| format!("column `{column}`"));
        let constraint = names.constraint.map(|constraint| format!("constraint `{constraint}`"));
        let places: Vec<String> = at.into_iter().chain(table).chain(column).chain(constraint).collect();
        if !places.is_empty() {
            error = error.at(places.join(", "));
        }
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// What a server's ErrorResponse says, `fields` being its fields with the bytes that tell their kinds.
    ///
    /// PostgreSQL's documentation, "Error and Notice Message Fields".
    pub(super) fn of_server<'a>(fields: impl Iterator<Item = (u8, &'a [u8])>) -> Failure {
        let mut failure = Failure::new(FailureKind::Server, "");
        let (mut is_fatal, mut is_raised) = (false, false);
        let Report { sqlstate, names, .. } = &mut *failure.0;
        for (kind, value) in fields {
            let name = || Some(String::from_utf8_lossy(value).replace(['\n', '\r'], " "));
            match kind {
                b'V' => is_fatal = matches!(value, b"FATAL" | b"PANIC"),
                b'C' => *sqlstate = Sqlstate::of(value),
                b's' => names.schema = name(),
                b't' => names.table = name(),
                b'c' => names.column = name(),
                b'n' => names.constraint = name(),
                b'R' => is_raised = value == b"exec_stmt_raise",
                _ => {}
            }
        }
        if is_raised || sqlstate.is_some_and(|state| state.code().starts_with("P0")) {
            *names = Names::default();
        }
        failure.0.what = match failure.0.sqlstate {
            Some(state) => match state.meaning() {
                Some(meaning) => format!("{meaning} (SQLSTATE {})", state.code()),
                None => format!("the server reports SQLSTATE {}", state.code()),
            },
            None => "the server reports an error without a code".to_string(),
        };
        let is_ending = failure.sqlstate().is_some_and(|code| ENDINGS.contains(&code));
        if is_fatal || is_ending {
            failure.0.kind = FailureKind::Lost;
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &[(u8, &str)]) -> Failure {
        Failure::of_server(fields.iter().map(|(kind, value)| (*kind, value.as_bytes())))
    }

    #[test]
    fn of_a_report_only_code_and_names_are_told() {
        let failure = report(&[
            (b'S', "FEHLER"),
            (b'V', "ERROR"),
            (b'C', "23505"),
            (b'M', "secret"),
            (b'D', "Key (email)=(ana@corp.example) already exists."),
            (b's', "public"),
            (b't', "users"),
            (b'n', "users_email_key"),
        ]);
        assert!(!failure.is_connection_lost());
        let message = failure.staging("cannot load").to_string();
        assert_eq!(
            message,
            "cannot load: a unique constraint is violated (SQLSTATE 23505)\n  at: table `public.users`, \
             constraint `users_email_key`"
        );
    }

    #[test]
    fn names_that_a_function_made_up_are_not_told() {
        let made_up = [(b'C', "23514"), (b'n', "ana@corp.example"), (b'R', "exec_stmt_raise")];
        assert_eq!(report(&made_up).names(), &Names::default());
    }

    #[test]
    fn a_connection_that_the_server_ends_is_lost() {
        assert!(report(&[(b'V', "FATAL"), (b'C', "57P01")]).is_connection_lost());
        assert!(!report(&[(b'V', "ERROR"), (b'C', "57014")]).is_connection_lost());
    }
}
