//! The splitter: finds where each item of a script begins and ends.

use std::io::{self, Read};

use memchr::memmem::Finder;

use super::lexer::{Delimiter, Lexeme};
use super::nesting::{InsertPart, Nesting, insert_part};
use super::tokens::Tokens;
use super::window::Window;
use super::{Extent, InsertShape, Item, META_COMMANDS, Meta, Statement};
use crate::error::{Error, Place, Result};
use crate::pg::stream;

/// Other meta-commands of psql that people put into scripts, so that a message can name them.
///
/// Only words of this list are named: what follows a stray backslash may be a value.
const KNOWN_COMMANDS: [&str; 16] = [
    "i",
    "ir",
    "include",
    "include_relative",
    "copy",
    "g",
    "gset",
    "gexec",
    "set",
    "unset",
    "echo",
    "timing",
    "pset",
    "if",
    "endif",
    "!",
];

/// Cuts a script into its items.
pub struct Splitter<R> {
    window: Window<R>,
    backslashes: bool,
    end_of_copy: Finder<'static>,
}

impl<R: Read> Splitter<R> {
    /// A splitter at the start of `input`, which must be UTF-8, or of an encoding whose further bytes are above 127.
    pub fn new(input: R) -> Self {
        Splitter {
            window: Window::new(input, 0, 1),
            backslashes: false,
            end_of_copy: Finder::new(b"\n\\.\n"),
        }
    }

    /// Whether `standard_conforming_strings` is off where the splitter is.
    pub fn backslashes(&self) -> bool {
        self.backslashes
    }

    /// Says what `SET standard_conforming_strings` says, for what follows.
    pub fn set_backslashes(&mut self, backslashes: bool) {
        self.backslashes = backslashes;
    }

    /// The next item; after [`Item::End`], that again.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with line and byte if the script ends inside an item, holds a
    /// meta-command that pg_dump does not write, or cannot be read.
    pub fn next_item(&mut self) -> Result<Item> {
        let mut text = Vec::new();
        if let Some(end) = self.skip_to_statement(&mut text)? {
            return Ok(end);
        }
        if self.window.bytes().first() == Some(&b'\\') {
            return self.meta(text);
        }
        let body = text.len();
        let (start, line) = (self.window.offset(), self.window.line());
        let (insert, shape) = self.statement(&mut text)?;
        let extent = Extent { start, end: self.window.offset(), line };
        let text = self.utf8(text, line)?;
        let statement = Statement { text, body, extent, line };
        if insert != InsertPart::No {
            return Ok(Item::Insert(statement, shape));
        }
        if !is_copy_from_stdin(statement.sql(), self.backslashes) {
            return Ok(Item::Statement(statement));
        }
        let data = self.copy_data()?;
        Ok(Item::Copy(statement, data))
    }

    /// Moves to the first byte of a statement, the comments on the way appended to `text`; at the end gives that.
    fn skip_to_statement(&mut self, text: &mut Vec<u8>) -> Result<Option<Item>> {
        loop {
            match self.lex()? {
                None => {
                    let comments = self.utf8(std::mem::take(text), self.window.line())?;
                    return Ok(Some(Item::End(comments)));
                }
                Some((Lexeme::Space, length)) => {
                    if !text.is_empty() {
                        text.extend_from_slice(&self.window.bytes()[..length]);
                    }
                    self.window.consume(length);
                }
                Some((Lexeme::Symbol(b';'), length)) => self.window.consume(length),
                Some((Lexeme::Open(delimiter), length)) if is_comment(&delimiter) => {
                    self.delimited(delimiter, length, Some(text))?;
                }
                Some(_) => return Ok(None),
            }
        }
    }

    /// Reads up to the semicolon of a statement; of an INSERT only the text up to `VALUES` is kept.
    fn statement(&mut self, text: &mut Vec<u8>) -> Result<(InsertPart, InsertShape)> {
        let (start, line) = (self.window.offset(), self.window.line());
        let mut nesting = Nesting::default();
        let mut part = InsertPart::No;
        let mut shape = InsertShape::default();
        // Whether an E'' literal came last, and then whether white space with a line's end: a literal after that
        // goes on with it, escapes and all.
        let mut escape_goes_on = None;
        while let Some((lexeme, length)) = self.lex()? {
            let keeps = matches!(part, InsertPart::No | InsertPart::Header);
            let bytes = &self.window.bytes()[..length];
            match &lexeme {
                Lexeme::Symbol(b'\\') => return Err(self.meta_error(self.word_after_backslash())),
                Lexeme::Symbol(symbol) => {
                    nesting.symbol(*symbol);
                    part = match (part, *symbol, nesting.parentheses) {
                        (InsertPart::FirstRow(value), b',', 1) => InsertPart::FirstRow(value + 1),
                        (InsertPart::FirstRow(_), b')', 0) => InsertPart::Rest,
                        _ => part,
                    };
                }
                Lexeme::Word => {
                    nesting.word(bytes);
                    part = insert_part(part, bytes, &nesting, &mut shape);
                }
                _ => {}
            }
            if escape_goes_on == Some(true)
                && let Lexeme::Open(Delimiter::Quote { .. }) = &lexeme
                && bytes == b"'"
            {
                let delimiter = Delimiter::Quote { backslashes: true };
                self.delimited(delimiter, length, keeps.then_some(&mut *text))?;
                escape_goes_on = Some(false);
                continue;
            }
            escape_goes_on = match &lexeme {
                Lexeme::Open(Delimiter::Quote { backslashes: true }) => Some(false),
                Lexeme::Space => escape_goes_on.map(|newline| newline || bytes.contains(&b'\n')),
                Lexeme::Open(Delimiter::LineComment) => escape_goes_on,
                _ => None,
            };
            if let Lexeme::Open(delimiter) = lexeme {
                self.delimited(delimiter, length, keeps.then_some(&mut *text))?;
                continue;
            }
            if keeps {
                text.extend_from_slice(bytes);
            }
            let is_end = lexeme == Lexeme::Symbol(b';') && nesting.ends_statement();
            self.window.consume(length);
            if is_end {
                return Ok((part, shape));
            }
        }
        Err(cut_short("the script ends inside a statement").at(Place::default().line(line).byte(start)))
    }

    /// Passes over a delimited lexeme whose opening has `length` bytes; appends it to `text` if that is given.
    fn delimited(
        &mut self,
        delimiter: Delimiter,
        length: usize,
        mut text: Option<&mut Vec<u8>>,
    ) -> Result<()> {
        let (line, start) = (self.window.line(), self.window.offset());
        if let Some(text) = &mut text {
            text.extend_from_slice(&self.window.bytes()[..length]);
        }
        self.window.consume(length);
        let what = match delimiter {
            Delimiter::QuotedName => "the script ends inside a quoted name",
            Delimiter::LineComment | Delimiter::BlockComment(_) => "the script ends inside a comment",
            Delimiter::Dollar(_) => "the script ends inside a dollar-quoted literal",
            Delimiter::Quote { .. } => "the script ends inside a literal",
        };
        let is_closed = self.window.close(delimiter, |piece, _| {
            if let Some(text) = &mut text {
                text.extend_from_slice(piece);
            }
        });
        match is_closed {
            Ok(true) => Ok(()),
            Ok(false) => Err(cut_short(what).at(Place::default().line(line).byte(start))),
            Err(failure) => Err(self.read_failed(failure)),
        }
    }

    /// Passes over the data of a COPY and gives its extent.
    fn copy_data(&mut self) -> Result<Extent> {
        let place = Place::default().line(self.window.line()).byte(self.window.offset());
        while self.window.bytes().first() != Some(&b'\n') {
            match self.window.bytes().first() {
                Some(b' ' | b'\t' | b'\r') => self.window.consume(1),
                Some(_) => return Err(Error::snapshot("something follows COPY on its line").at(place)),
                None if self.window.at_end() => {
                    return Err(cut_short("COPY data is missing").at(place));
                }
                None => self.fill()?,
            }
        }
        self.window.consume(1);
        let (start, line) = (self.window.offset(), self.window.line());
        self.skip_past_end_of_copy().map_err(|error| error.at(place))?;
        Ok(Extent { start, end: self.window.offset(), line })
    }

    /// Passes over rows and the line `\.` after them; a row's own backslashes are doubled, so no row looks like it.
    fn skip_past_end_of_copy(&mut self) -> Result<()> {
        const LINE: &[u8] = b"\\.\n";
        while self.window.bytes().len() < LINE.len() && !self.window.at_end() {
            self.fill()?;
        }
        let bytes = self.window.bytes();
        if bytes.starts_with(LINE) || (self.window.at_end() && bytes == &LINE[..2]) {
            self.window.consume(bytes.len().min(LINE.len()));
            return Ok(());
        }
        loop {
            let bytes = self.window.bytes();
            if let Some(at) = self.end_of_copy.find(bytes) {
                self.window.consume(at + 1 + LINE.len());
                return Ok(());
            }
            if self.window.at_end() {
                if !bytes.ends_with(b"\n\\.") {
                    return Err(cut_short("COPY data has no end"));
                }
                self.window.consume(bytes.len());
                return Ok(());
            }
            self.window.consume(bytes.len().saturating_sub(LINE.len()));
            self.fill()?;
        }
    }

    /// Reads the line of a meta-command.
    fn meta(&mut self, comments: Vec<u8>) -> Result<Item> {
        let line = self.window.line();
        let length = loop {
            match memchr::memchr(b'\n', self.window.bytes()) {
                Some(length) => break length,
                None if self.window.at_end() => break self.window.bytes().len(),
                None => self.fill()?,
            }
        };
        let word = self.word_after_backslash();
        let Some(command) = META_COMMANDS.into_iter().find(|command| command.as_bytes() == word) else {
            return Err(self.meta_error(word));
        };
        let argument = self.window.bytes()[1 + word.len()..length].trim_ascii().to_vec();
        let argument = self.utf8(argument, line)?;
        let comments = self.utf8(comments, line)?;
        self.window.consume(length);
        Ok(Item::Meta(Meta { comments, command, argument, line }))
    }

    /// The word after the backslash that the window starts with, as far as it is read.
    fn word_after_backslash(&self) -> &[u8] {
        let rest = &self.window.bytes()[1..];
        let length = rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
        &rest[..length]
    }

    fn meta_error(&self, word: &[u8]) -> Error {
        let known = KNOWN_COMMANDS.iter().chain(&META_COMMANDS).find(|known| known.as_bytes() == word);
        let what = match known {
            Some(command) => format!("meta-command `\\{command}` is not supported here"),
            None => "a backslash where a statement is expected: not a meta-command that pg_dump writes"
                .to_string(),
        };
        Error::snapshot(what)
            .at(Place::default().line(self.window.line()).byte(self.window.offset()))
            .hint("give a script as pg_dump wrote it; if it is one, the file is damaged")
    }

    fn lex(&mut self) -> Result<Option<(Lexeme, usize)>> {
        self.window.lexeme(self.backslashes).map_err(|failure| self.read_failed(failure))
    }

    fn fill(&mut self) -> Result<()> {
        self.window.fill().map_err(|failure| self.read_failed(failure))
    }

    fn read_failed(&self, failure: io::Error) -> Error {
        let end = self.window.offset() + self.window.bytes().len() as u64;
        stream::error(failure).at(Place::default().line(self.window.line()).byte(end))
    }

    fn utf8(&self, text: Vec<u8>, line: u64) -> Result<String> {
        String::from_utf8(text).map_err(|_| {
            Error::snapshot("a statement is not valid UTF-8")
                .at(Place::default().line(line))
                .hint("take the dump with `--encoding=UTF8`")
        })
    }
}

fn cut_short(what: &str) -> Error {
    Error::snapshot(what).hint("the file is cut short; take the snapshot again")
}

fn is_comment(delimiter: &Delimiter) -> bool {
    matches!(delimiter, Delimiter::LineComment | Delimiter::BlockComment(_))
}

fn is_copy_from_stdin(sql: &str, backslashes: bool) -> bool {
    let mut tokens = Tokens::new(sql, backslashes);
    tokens.eat("COPY") && tokens.has(&["FROM", "STDIN"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(script: &[u8]) -> Result<Vec<Item>> {
        let mut splitter = Splitter::new(script);
        let mut items = Vec::new();
        loop {
            match splitter.next_item()? {
                end @ Item::End(_) => {
                    items.push(end);
                    return Ok(items);
                }
                item => items.push(item),
            }
        }
    }

    /// The statements of `script`, without what is before each of them.
    fn statements(script: &str) -> Vec<String> {
        let sql = |item: &Item| match item {
            Item::Statement(statement) | Item::Copy(statement, _) | Item::Insert(statement, _) => {
                Some(statement.sql().to_string())
            }
            Item::Meta(_) | Item::End(_) => None,
        };
        items(script.as_bytes()).unwrap().iter().filter_map(sql).collect()
    }

    #[test]
    fn a_semicolon_inside_something_does_not_end_a_statement() {
        for statement in [
            "SELECT ';';",
            "SELECT 'it''s;';",
            "SELECT 'a\\';",
            "SELECT E'a\\';';",
            "SELECT E'a' \n 'b\\';';",
            "SELECT U&';\\';",
            "SELECT \";\"\";\";",
            "SELECT $$;$$;",
            "SELECT $a$;$$;$b$;$a$;",
            "SELECT a$b$, ';', c$b$;",
            "SELECT $1, ';';",
            "SELECT /* ; /* ; */ ; */ 1 -- ;\n;",
            "CREATE RULE a AS ON INSERT TO b DO (SELECT 1; SELECT 2);",
            "CREATE FUNCTION a() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END;",
            "CREATE OR REPLACE PROCEDURE a(b int) BEGIN ATOMIC SELECT 1; END;",
            "CREATE FUNCTION a() RETURNS int LANGUAGE sql AS $_$\nCOPY a FROM stdin;\n\\.\n\\connect x\n$_$;",
            "SELECT 1 /* \\connect */;",
        ] {
            let script = format!("{statement}\nSELECT 2;\n");
            assert_eq!(statements(&script), [statement, "SELECT 2;"], "{statement}");
        }
    }

    #[test]
    fn begin_is_a_statement_where_no_function_is_made() {
        assert_eq!(statements("BEGIN;\nSELECT 1;\nCOMMIT;"), ["BEGIN;", "SELECT 1;", "COMMIT;"]);
        assert_eq!(
            statements("CREATE TABLE a (\"begin\" int);\nEND;"),
            ["CREATE TABLE a (\"begin\" int);", "END;"]
        );
    }

    #[test]
    fn backslashes_escape_when_strings_do_not_conform() {
        let mut splitter = Splitter::new(&b"SELECT 'a\\';';"[..]);
        splitter.set_backslashes(true);
        assert!(matches!(splitter.next_item(), Ok(Item::Statement(_))));
        assert!(matches!(splitter.next_item(), Ok(Item::End(_))));
    }

    #[test]
    fn the_extent_of_copy_data_is_told() {
        let script = "-- one\nCOPY a (b) FROM stdin;\n1\n\\N\n\\\\.\n\\.\n\nCOPY c FROM stdin;\n\\.\n";
        let items = items(script.as_bytes()).unwrap();
        let [Item::Copy(first, rows), Item::Copy(_, none), Item::End(_)] = &items[..] else {
            panic!("two COPY statements expected")
        };
        assert_eq!((first.comments(), first.line), ("-- one\n", 2));
        assert_eq!(&script[rows.start as usize..rows.end as usize], "1\n\\N\n\\\\.\n\\.\n");
        assert_eq!(&script[none.start as usize..none.end as usize], "\\.\n");
        assert_eq!((rows.line, none.line), (3, 9));
    }

    #[test]
    fn the_end_of_copy_data_is_found_across_windows() {
        for rows in 262_120..262_160_usize {
            let script = format!("COPY a FROM stdin;\n{}\n\\.\nSELECT 1;\n", "x".repeat(rows));
            assert_eq!(items(script.as_bytes()).unwrap().len(), 3, "{rows}");
        }
    }

    #[test]
    fn an_insert_is_cut_before_its_rows_and_tells_its_defaults() {
        let script = "INSERT INTO a (\"values\", b) VALUES (1, DEFAULT), ('DEFAULT', 2);";
        let items = items(script.as_bytes()).unwrap();
        let [Item::Insert(statement, shape), _] = &items[..] else { panic!("an INSERT expected") };
        assert_eq!(statement.sql(), "INSERT INTO a (\"values\", b) VALUES");
        assert_eq!(statement.extent.end, script.len() as u64);
        assert_eq!(shape.defaults, [1]);
    }

    #[test]
    fn meta_commands_are_told_and_others_are_refused_without_repeating_them() {
        let items = items(b"\\restrict abc\n\\connect \"A b\"\nSELECT 1;").unwrap();
        let [Item::Meta(first), Item::Meta(second), ..] = &items[..] else { panic!("two expected") };
        assert_eq!((first.command, first.argument.as_str()), ("restrict", "abc"));
        assert_eq!((second.command, second.argument.as_str()), ("connect", "\"A b\""));
        for (script, told) in [
            ("\\i secret.sql\n", "`\\i`"),
            ("\\secret\n", "a backslash"),
            ("SELECT \\secret;", "a backslash"),
        ] {
            let error = self::items(script.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_is_not_complete_is_refused_with_its_line() {
        for script in [
            "\nSELECT 1",
            "\nSELECT 'a",
            "\nSELECT $a$ $$",
            "\n/* a",
            "\nCOPY a FROM stdin;\n1\n",
            "\nSELECT \"a",
        ] {
            let error = items(script.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("line 2") || error.contains("line 3"), "{error}");
            assert!(error.contains("cut short"), "{error}");
        }
    }

    /// Gives one byte at a time, so that every lexeme crosses a window's end.
    struct Slowly<'a>(&'a [u8]);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(buffer.len()).min(1);
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_items_or_an_error(script in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = items(&script);
        }

        #[test]
        fn where_reads_end_does_not_matter(script in r#"([';$"(\\\-/*\n a1]|\$a\$|E'|--|/\*|COPY a FROM stdin;\n|\n\\\.\n|INSERT INTO a VALUES|BEGIN|CREATE FUNCTION|END){0,40}"#) {
            let mut splitter = Splitter::new(Slowly(script.as_bytes()));
            let mut slowly = Vec::new();
            let result = loop {
                match splitter.next_item() {
                    Ok(end @ Item::End(_)) => {
                        slowly.push(end);
                        break Ok(slowly);
                    }
                    Ok(item) => slowly.push(item),
                    Err(error) => break Err(error.to_string()),
                }
            };
            prop_assert_eq!(result, items(script.as_bytes()).map_err(|error| error.to_string()));
        }
    }
}
