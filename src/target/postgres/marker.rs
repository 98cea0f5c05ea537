//! The mark on a database of a run: its comment, by which a later run knows what it may replace and what it must
//! remove.
//!
//! `COMMENT ON DATABASE` is seen from every database of the server, changes in a transaction, and goes with the
//! database when it is renamed.

use crate::error::{Error, Result};

/// What every mark begins with.
const BEGINNING: &str = "mask: run ";

/// What a run says of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// It is being loaded; after a run that was killed it is a leftover.
    Loading(RunId),
    /// It was moved out of the way by a swap, and is to be dropped.
    Discarded(RunId),
    /// It was made whole.
    Made {
        /// The run that made it.
        run: RunId,
        /// When it was whole, RFC 3339.
        at: String,
    },
    /// It was not made by `mask`, and is kept as the previous one.
    Kept {
        /// The run that replaced it.
        run: RunId,
        /// The comment that it had.
        comment: String,
    },
}

/// What tells a run from others: 16 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new one, at random.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if the system gives no random numbers.
    pub fn new() -> Result<RunId> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| Error::usage("the system gives no random numbers"))?;
        Ok(RunId(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Marker {
    /// The mark that a database's comment holds.
    pub fn parse(comment: &str) -> Option<Marker> {
        let (id, rest) = comment.strip_prefix(BEGINNING)?.split_once(' ')?;
        if id.len() != 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let run = RunId(id.to_string());
        let (what, after) = rest.split_once('\n').unwrap_or((rest, ""));
        match what.strip_prefix("made this database at ") {
            Some(at) => Some(Marker::Made { run, at: at.to_string() }),
            None if what.starts_with("is loading") => Some(Marker::Loading(run)),
            None if what.starts_with("discards") => Some(Marker::Discarded(run)),
            None if what.starts_with("replaced") => Some(Marker::Kept { run, comment: after.to_string() }),
            None => None,
        }
    }

    /// The comment.
    pub fn comment(&self) -> String {
        match self {
            Marker::Loading(RunId(run)) => {
                format!(
                    "{BEGINNING}{run} is loading this database; if it was killed, the next run removes it"
                )
            }
            Marker::Discarded(RunId(run)) => {
                format!("{BEGINNING}{run} discards this database; if it was killed, the next run removes it")
            }
            Marker::Made { run, at } => format!("{BEGINNING}{} made this database at {at}", run.0),
            Marker::Kept { run, comment } => {
                format!("{BEGINNING}{} replaced this database and keeps it\n{comment}", run.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let run = RunId::new().unwrap();
        for marker in [
            Marker::Loading(run.clone()),
            Marker::Discarded(run.clone()),
            Marker::Made { run: run.clone(), at: "2026-01-02T03:04:05Z".into() },
            Marker::Kept { run: run.clone(), comment: "ours\nsince 2019".into() },
            Marker::Kept { run, comment: String::new() },
        ] {
            assert_eq!(Marker::parse(&marker.comment()), Some(marker));
        }
    }

    #[test]
    fn other_comments_are_no_marks() {
        for comment in
            ["", "staging", "mask: run x made this database at y", "mask: run 0123456789abcdef is odd"]
        {
            assert_eq!(Marker::parse(comment), None);
        }
    }
}
