//! Plain scripts of pg_dump: cut into statements, psql's meta-commands and COPY data, as psql would.
//!
//! Rows are passed over, not read: a [`Splitter`] says where they are. What a statement is, [`statement`] says; the
//! comments that pg_dump puts before it are read by [`header`].

pub mod header;
pub mod lexer;
mod nesting;
mod splitter;
pub mod statement;
pub mod tokens;
pub mod window;

pub use splitter::Splitter;

/// A part of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A statement that is not followed by data.
    Statement(Statement),
    /// `COPY … FROM stdin;` and the extent of its data, the line `\.` included.
    Copy(Statement, Extent),
    /// An INSERT, its text up to `VALUES`.
    Insert(Statement, InsertShape),
    /// A meta-command of psql.
    Meta(Meta),
    /// The end of the script; holds the comments before it.
    End(String),
}

/// A statement of a script.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Statement {
    /// The comments before it and the statement, up to its semicolon.
    pub text: String,
    /// Where in `text` the statement itself begins.
    pub body: usize,
    /// Where the statement itself is in the script.
    pub extent: Extent,
    /// Its first line, from 1.
    pub line: u64,
}

impl Statement {
    /// The comments before it.
    pub fn comments(&self) -> &str {
        &self.text[..self.body]
    }

    /// The statement without them.
    pub fn sql(&self) -> &str {
        &self.text[self.body..]
    }
}

/// A range of bytes of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Extent {
    /// Its first byte, from 0.
    pub start: u64,
    /// The byte after its last one.
    pub end: u64,
    /// The line of its first byte, from 1.
    pub line: u64,
}

/// What the first row of an INSERT looks like.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InsertShape {
    /// The places of the values written `DEFAULT`, from 0.
    pub defaults: Vec<usize>,
}

/// A meta-command, such as `\connect shop`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Meta {
    /// The comments before it.
    pub comments: String,
    /// Its word, one of [`META_COMMANDS`].
    pub command: &'static str,
    /// What follows the word on the line.
    pub argument: String,
    /// Its line, from 1.
    pub line: u64,
}

/// The meta-commands that pg_dump and pg_dumpall write; others are refused.
pub const META_COMMANDS: [&str; 5] = ["connect", "c", "restrict", "unrestrict", "encoding"];
