//! The one error type: what failed, where, and how to mend it.
//!
//! A message never holds a value of the snapshot, a key or a password. Libraries quote data in theirs, so from a
//! foreign error only its kind is taken, here; no other module formats one.

use std::fmt;
use std::io;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who has to act on an error; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line or `mask.toml`: exit 2.
    Usage,
    /// A rule, or a plan that refuses: exit 2.
    Rules,
    /// The snapshot could not be read: exit 1.
    Snapshot,
    /// The target could not be written: exit 1.
    Staging,
    /// The person pressed Ctrl-C: exit 130.
    Interrupted,
}

impl Kind {
    /// The exit code of a process that ends with an error of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Usage | Kind::Rules => 2,
            Kind::Snapshot | Kind::Staging => 1,
            Kind::Interrupted => 130,
        }
    }
}

/// What failed, where, and how to mend it.
#[derive(Clone, Debug)]
pub struct Error(Box<Report>);

#[derive(Clone, Debug)]
struct Report {
    kind: Kind,
    what: String,
    at: Option<String>,
    hint: Option<String>,
}

impl Error {
    fn new(kind: Kind, what: impl Into<String>) -> Self {
        Error(Box::new(Report { kind, what: what.into(), at: None, hint: None }))
    }

    /// An error in the command line or in `mask.toml`.
    pub fn usage(what: impl Into<String>) -> Self {
        Error::new(Kind::Usage, what)
    }

    /// An error in a rule, or a reason for which a plan is refused.
    pub fn rules(what: impl Into<String>) -> Self {
        Error::new(Kind::Rules, what)
    }

    /// The snapshot is damaged, cut short, or of a kind that is not read.
    pub fn snapshot(what: impl Into<String>) -> Self {
        Error::new(Kind::Snapshot, what)
    }

    /// The target cannot be written.
    pub fn staging(what: impl Into<String>) -> Self {
        Error::new(Kind::Staging, what)
    }

    /// The run was interrupted by a signal.
    pub fn interrupted() -> Self {
        Error::new(Kind::Interrupted, "interrupted")
    }

    /// A failure to read the snapshot; of `error` only its kind is told.
    pub fn read(error: &io::Error) -> Self {
        Error::snapshot(format!("cannot read the snapshot: {}", io_reason(error)))
    }

    /// A failure to write the target; of `error` only its kind is told.
    pub fn write(error: &io::Error) -> Self {
        let report = Error::staging(format!("cannot write the target: {}", io_reason(error)));
        match error.kind() {
            io::ErrorKind::StorageFull => report.hint("free some space, or write to another disk"),
            _ => report,
        }
    }

    /// Says where it failed; the outermost place comes first, so a caller can add what it knows.
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.at = Some(match self.0.at.take() {
            Some(inner) => format!("{place}, {inner}"),
            None => place.to_string(),
        });
        self
    }

    /// Says how to mend it; the first hint given stays.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Who has to act.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What failed, without place and hint.
    pub fn what(&self) -> &str {
        &self.0.what
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { what, at, hint, .. } = &*self.0;
        write!(out, "{what}")?;
        if let Some(at) = at {
            write!(out, "\n  at: {at}")?;
        }
        if let Some(hint) = hint {
            write!(out, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// What an I/O error was about, in words that hold nothing of what was read or written.
pub fn io_reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => {
            let text = io::Error::from_raw_os_error(code).to_string();
            let end = text.find(" (os error").unwrap_or(text.len());
            let mut text = text[..end].to_string();
            if text.is_char_boundary(1) {
                text[..1].make_ascii_lowercase();
            }
            text
        }
        None => error.kind().to_string(),
    }
}

/// A place inside a snapshot: file, table, column, row and byte, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Place(Vec<String>);

impl Place {
    /// A place in `file`.
    pub fn file(file: impl fmt::Display) -> Self {
        Place(vec![file.to_string()])
    }

    /// A place in the table `table`, a quoted name such as `"public"."users"`.
    pub fn table(table: impl fmt::Display) -> Self {
        Place(vec![format!("table `{table}`")])
    }

    /// …in its column `column`.
    pub fn column(mut self, column: impl fmt::Display) -> Self {
        self.0.push(format!("column `{column}`"));
        self
    }

    /// …in its row `row`, counted from 1.
    pub fn row(mut self, row: u64) -> Self {
        self.0.push(format!("row {row}"));
        self
    }

    /// …in line `line`, counted from 1.
    pub fn line(mut self, line: u64) -> Self {
        self.0.push(format!("line {line}"));
        self
    }

    /// …at byte `byte`, counted from 0.
    pub fn byte(mut self, byte: u64) -> Self {
        self.0.push(format!("byte {byte}"));
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_and_how() {
        let error = Error::rules("column `a` has no rule").at("r.toml:3").hint("write `keep`");
        assert_eq!(error.to_string(), "column `a` has no rule\n  at: r.toml:3\nhint: write `keep`");
        assert_eq!(error.kind().exit_code(), 2);
    }

    #[test]
    fn an_outer_place_comes_before_the_inner_one() {
        let error = Error::snapshot("cut short").at(Place::table("t").row(3)).at("shop.dump");
        assert_eq!(error.to_string(), "cut short\n  at: shop.dump, table `t`, row 3");
    }
}
