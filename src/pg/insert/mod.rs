//! INSERT statements, as `pg_dump --inserts` writes them, read as the rows of COPY text that they stand for.
//!
//! Only constants are rows: a call, a query or an operator in a value is an error, told by row and never repeated.

mod header;
mod literal;

use std::io::{self, Read};

use crate::error::{Error, Place, Result};
use crate::pg::dump::CopyTarget;
use crate::pg::script::lexer::{Delimiter, Lexeme};
use crate::pg::script::window::Window;
use crate::pg::stream;
use crate::source::{Block, BlockReader};
use header::without;
pub use header::{Header, insert_target};
use literal::{append_bits, append_undoubled, append_unescaped};

/// How the INSERT statements of one part are to be read.
#[derive(Clone, Debug)]
pub struct InsertOptions {
    /// Where the rows go, as [`insert_target`] gives it; every statement must agree.
    pub target: CopyTarget,
    /// Whether `standard_conforming_strings` is off.
    pub backslashes: bool,
    /// The size of a block in bytes; a larger row has a block of its own.
    pub block_bytes: usize,
    /// The file and the table, for messages.
    pub place: Place,
    /// The line of the file that the input starts at, from 1.
    pub line: u64,
}

/// Reads the INSERT statements in `input` as blocks of COPY text.
///
/// Values written `DEFAULT` are left out of the rows: pg_dump writes them for generated columns only, which COPY
/// leaves out too.
pub fn insert_reader<'a>(input: impl Read + Send + 'a, options: InsertOptions) -> Box<dyn BlockReader + 'a> {
    Box::new(InsertReader {
        window: Window::new(input, 0, options.line),
        options,
        header: Vec::new(),
        columns: None,
        shape: None,
        row: 0,
        rows: Vec::new(),
        last_row: 0,
        is_in_values: false,
    })
}

/// What all rows of a part have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    values: usize,
    defaults: Vec<usize>,
}

struct InsertReader<R> {
    window: Window<R>,
    options: InsertOptions,
    /// The header of the statement before, which the next one most often repeats byte by byte.
    header: Vec<u8>,
    /// The columns of a header that is new, until its first row tells which of them are `DEFAULT`.
    columns: Option<Option<Vec<String>>>,
    shape: Option<Shape>,
    row: u64,
    rows: Vec<u8>,
    /// Where the last row in `rows` starts.
    last_row: usize,
    is_in_values: bool,
}

impl<R: Read + Send> BlockReader for InsertReader<R> {
    fn next_block(&mut self) -> Result<Option<Block>> {
        let block_bytes = self.options.block_bytes;
        while self.rows.len() <= block_bytes {
            let start = self.rows.len();
            if !self.next_row()? {
                let bytes = std::mem::take(&mut self.rows);
                self.last_row = 0;
                return Ok(Some(Block { bytes }).filter(|block| !block.bytes.is_empty()));
            }
            self.last_row = start;
        }
        let cut = if self.last_row == 0 { self.rows.len() } else { self.last_row };
        let rest = self.rows.split_off(cut);
        self.last_row = 0;
        Ok(Some(Block { bytes: std::mem::replace(&mut self.rows, rest) }))
    }
}

impl<R: Read> InsertReader<R> {
    /// Appends the next row to `rows`; false if there is none.
    fn next_row(&mut self) -> Result<bool> {
        if !self.is_in_values {
            while self.eat(b';')? {}
            if self.peek()?.is_none() {
                return Ok(false);
            }
            self.row += 1;
            if self.header()? {
                self.end_of_statement()?;
                self.has_shape(Shape { values: 0, defaults: Vec::new() })?;
                self.rows.push(b'\n');
                return Ok(true);
            }
        } else {
            self.row += 1;
        }
        self.row()?;
        self.is_in_values = self.eat(b',')?;
        if !self.is_in_values {
            self.end_of_statement()?;
        }
        Ok(true)
    }

    /// Reads an INSERT up to its rows, and compares its table and columns; says whether it is `DEFAULT VALUES`.
    fn header(&mut self) -> Result<bool> {
        let mut header = Vec::new();
        let mut depth = 0_u32;
        loop {
            let Some((lexeme, length)) = self.lex()? else { return Err(self.cut_short()) };
            let bytes = &self.window.bytes()[..length];
            let is_end = depth == 0 && lexeme == Lexeme::Word && bytes.eq_ignore_ascii_case(b"values");
            match lexeme {
                Lexeme::Symbol(b'(') => depth += 1,
                Lexeme::Symbol(b')') => depth = depth.saturating_sub(1),
                Lexeme::Symbol(b';') => return Err(self.other_form()),
                _ => {}
            }
            header.extend_from_slice(bytes);
            self.window.consume(length);
            if let Lexeme::Open(delimiter) = lexeme {
                self.delimited(delimiter, &mut header)?;
            }
            if is_end {
                break;
            }
        }
        if header != self.header {
            let text = std::str::from_utf8(&header).map_err(|_| self.other_form())?;
            let parsed = Header::parse(text, self.options.backslashes).ok_or_else(|| self.other_form())?;
            let is_default_values = parsed.is_default_values;
            self.check(parsed)?;
            if is_default_values {
                return Ok(true);
            }
            self.header = header;
        }
        Ok(false)
    }

    /// Compares the table of a new header with that of the part; its columns are compared after the first row.
    fn check(&mut self, header: Header) -> Result<()> {
        let table = &self.options.target.table;
        let is_same =
            header.name == table.name && header.schema.as_ref().is_none_or(|schema| *schema == table.schema);
        if !is_same {
            return Err(self.error("an INSERT into another table than those before it"));
        }
        self.columns = Some(header.columns);
        Ok(())
    }

    /// Reads one row in parentheses.
    fn row(&mut self) -> Result<()> {
        if !self.eat(b'(')? {
            return Err(self.other_form());
        }
        let mut shape = Shape { values: 0, defaults: Vec::new() };
        let mut is_first = true;
        loop {
            if self.eat_word(b"default")? {
                shape.defaults.push(shape.values);
            } else {
                if !std::mem::take(&mut is_first) {
                    self.rows.push(b'\t');
                }
                self.value()?;
                self.cast()?;
            }
            shape.values += 1;
            if self.eat(b')')? {
                break;
            }
            if !self.eat(b',')? {
                return Err(self.not_constant());
            }
        }
        self.rows.push(b'\n');
        self.has_shape(shape)
    }

    /// Compares a row's shape with that of the rows before it, and with the columns.
    fn has_shape(&mut self, shape: Shape) -> Result<()> {
        if let Some(columns) = self.columns.take() {
            let kept = columns.map(|columns| without(&columns, &shape.defaults));
            if kept != self.options.target.columns {
                return Err(self.error("an INSERT into other columns than those of the part"));
            }
        }
        let Some(expected) = &self.shape else {
            let values = shape.values - shape.defaults.len();
            let columns = self.options.target.columns.as_ref().map_or(values, Vec::len);
            if columns != values {
                return Err(self.error(&format!("an INSERT row has {values} values for {columns} columns")));
            }
            self.shape = Some(shape);
            return Ok(());
        };
        if expected.values != shape.values {
            let what = format!(
                "an INSERT row has {} values, where the rows before it have {}",
                shape.values, expected.values
            );
            return Err(self.error(&what));
        }
        if *expected != shape {
            return Err(self.error("an INSERT row has DEFAULT in other places than the rows before it"));
        }
        Ok(())
    }

    /// Appends the constant that comes next.
    fn value(&mut self) -> Result<()> {
        let Some((lexeme, length)) = self.peek()? else { return Err(self.cut_short()) };
        let bytes = &self.window.bytes()[..length];
        match lexeme {
            Lexeme::Word => {
                let text: &[u8] = match bytes {
                    _ if bytes.eq_ignore_ascii_case(b"null") => b"\\N",
                    _ if bytes.eq_ignore_ascii_case(b"true") => b"t",
                    _ if bytes.eq_ignore_ascii_case(b"false") => b"f",
                    _ => return Err(self.not_constant()),
                };
                self.rows.extend_from_slice(text);
                self.window.consume(length);
                Ok(())
            }
            Lexeme::Symbol(sign @ (b'-' | b'+')) => {
                self.window.consume(length);
                if sign == b'-' {
                    self.rows.push(sign);
                }
                self.number()
            }
            Lexeme::Number => self.number(),
            Lexeme::Open(delimiter @ Delimiter::Quote { .. }) => self.literal(delimiter, length),
            _ => Err(self.not_constant()),
        }
    }

    fn number(&mut self) -> Result<()> {
        let Some((Lexeme::Number, length)) = self.lex()? else { return Err(self.not_constant()) };
        let bytes = &self.window.bytes()[..length];
        if !bytes.iter().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(byte)) {
            return Err(self.not_constant());
        }
        self.rows.extend_from_slice(bytes);
        self.window.consume(length);
        Ok(())
    }

    /// Appends a literal whose opening has `length` bytes.
    fn literal(&mut self, delimiter: Delimiter, length: usize) -> Result<()> {
        let letter = self.window.bytes()[0].to_ascii_lowercase();
        self.window.consume(length);
        match (letter, &delimiter) {
            (b'u', _) => Err(self.not_constant()),
            (b'b' | b'x', _) => {
                let mut digits = Vec::new();
                self.delimited(delimiter, &mut digits)?;
                digits.pop();
                append_bits(&digits, letter, &mut self.rows).ok_or_else(|| self.not_constant())
            }
            (_, Delimiter::Quote { backslashes: true }) => {
                let mut escaped = Vec::new();
                self.delimited(delimiter, &mut escaped)?;
                escaped.pop();
                append_unescaped(&escaped, &mut self.rows).ok_or_else(|| self.not_constant())
            }
            _ => self.plain_literal(delimiter),
        }
    }

    /// Appends a literal without escapes in pieces, so that a large one is not held twice.
    fn plain_literal(&mut self, delimiter: Delimiter) -> Result<()> {
        let is_closed = self.window.close(delimiter, |piece, is_last| {
            append_undoubled(&piece[..piece.len() - usize::from(is_last)], &mut self.rows);
        });
        self.closed(is_closed)
    }

    /// Passes over `::type`, of which the text does not depend.
    fn cast(&mut self) -> Result<()> {
        while self.eat(b':')? {
            if !self.eat(b':')? {
                return Err(self.not_constant());
            }
            let mut depth = 0_u32;
            loop {
                let Some((lexeme, length)) = self.peek()? else { return Err(self.cut_short()) };
                match lexeme {
                    Lexeme::Symbol(b',' | b')' | b':') if depth == 0 => break,
                    Lexeme::Symbol(b'(') => depth += 1,
                    Lexeme::Symbol(b')') => depth -= 1,
                    Lexeme::Word | Lexeme::Symbol(b'.' | b'[' | b']') => {}
                    Lexeme::Number | Lexeme::Symbol(b',') if depth > 0 => {}
                    Lexeme::Open(Delimiter::QuotedName) => {}
                    _ => return Err(self.not_constant()),
                }
                self.window.consume(length);
                if let Lexeme::Open(delimiter) = lexeme {
                    self.delimited(delimiter, &mut Vec::new())?;
                }
            }
        }
        Ok(())
    }

    /// Passes over `;`, or `ON CONFLICT DO NOTHING;`.
    fn end_of_statement(&mut self) -> Result<()> {
        for word in [&b"on"[..], b"conflict", b"do", b"nothing"] {
            if !self.eat_word(word)? {
                if word != b"on" {
                    return Err(self.other_form());
                }
                break;
            }
        }
        if self.eat(b';')? { Ok(()) } else { Err(self.other_form()) }
    }

    /// Takes the next lexeme if it is the symbol `symbol`.
    fn eat(&mut self, symbol: u8) -> Result<bool> {
        let found = matches!(self.peek()?, Some((Lexeme::Symbol(next), _)) if next == symbol);
        if found {
            self.window.consume(1);
        }
        Ok(found)
    }

    /// Takes the next lexeme if it is the word `word`, given in lower case.
    fn eat_word(&mut self, word: &[u8]) -> Result<bool> {
        match self.peek()? {
            Some((Lexeme::Word, length)) if self.window.bytes()[..length].eq_ignore_ascii_case(word) => {
                self.window.consume(length);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The next lexeme that is neither white space nor a comment, and the length of it or of its opening.
    fn peek(&mut self) -> Result<Option<(Lexeme, usize)>> {
        loop {
            match self.lex()? {
                Some((Lexeme::Space, length)) => self.window.consume(length),
                Some((
                    Lexeme::Open(delimiter @ (Delimiter::LineComment | Delimiter::BlockComment(_))),
                    length,
                )) => {
                    self.window.consume(length);
                    self.delimited(delimiter, &mut Vec::new())?;
                }
                other => return Ok(other),
            }
        }
    }

    fn lex(&mut self) -> Result<Option<(Lexeme, usize)>> {
        let backslashes = self.options.backslashes;
        self.window.lexeme(backslashes).map_err(|failure| self.read_failed(failure))
    }

    /// Appends the rest of a delimited lexeme, its closing delimiter included, to `text`.
    fn delimited(&mut self, delimiter: Delimiter, text: &mut Vec<u8>) -> Result<()> {
        let is_closed = self.window.close(delimiter, |piece, _| text.extend_from_slice(piece));
        self.closed(is_closed)
    }

    fn closed(&self, is_closed: io::Result<bool>) -> Result<()> {
        match is_closed {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.cut_short()),
            Err(failure) => Err(self.read_failed(failure)),
        }
    }

    fn read_failed(&self, failure: io::Error) -> Error {
        stream::error(failure).at(self.place())
    }

    fn place(&self) -> Place {
        self.options.place.clone().row(self.row).line(self.window.line())
    }

    fn error(&self, what: &str) -> Error {
        Error::snapshot(what).at(self.place())
    }

    fn cut_short(&self) -> Error {
        self.error("the data ends inside an INSERT").hint("the file is cut short; take the snapshot again")
    }

    fn other_form(&self) -> Error {
        self.error("an INSERT of another form than `INSERT INTO table (columns) VALUES (…), …;`")
            .hint("take the dump with pg_dump")
    }

    fn not_constant(&self) -> Error {
        self.error("an INSERT value is not a constant").hint("take the dump with pg_dump")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(sql: &str, block_bytes: usize) -> Result<Vec<String>> {
        let options = InsertOptions {
            target: insert_target(sql.as_bytes()).unwrap(),
            backslashes: false,
            block_bytes,
            place: Place::file("a.sql"),
            line: 1,
        };
        let mut reader = insert_reader(sql.as_bytes(), options);
        let mut blocks = Vec::new();
        while let Some(block) = reader.next_block()? {
            blocks.push(String::from_utf8(block.bytes).unwrap());
        }
        Ok(blocks)
    }

    fn rows(values: &str) -> Result<String> {
        Ok(blocks(&format!("INSERT INTO a.b VALUES {values};\n"), 1 << 20)?.concat())
    }

    #[test]
    fn every_literal_has_its_text() {
        for (value, text) in [
            ("-1.5e+20", "-1.5e+20"),
            ("NULL", "\\N"),
            ("true", "t"),
            ("FALSE", "f"),
            ("''", ""),
            ("'it''s \\N'", "it's \\\\N"),
            ("'a\tb\nc\r'", "a\\tb\\nc\\r"),
            (r"E'a\\b\'c\n\x41\u00e9'", "a\\\\b'c\\nAé"),
            ("B'0101'", "0101"),
            ("X'1F'", "00011111"),
            ("'{1}'::numeric(3,1)[]", "{1}"),
            ("'x'::\"S\".t::text", "x"),
        ] {
            assert_eq!(rows(&format!("({value}, 1)")).unwrap(), format!("{text}\t1\n"), "{value}");
        }
    }

    #[test]
    fn what_is_not_a_constant_is_refused_without_repeating_it() {
        for value in
            ["secret()", "(SELECT 'secret')", "'a' || 'secret'", "U&'secret'", "E'\\xe9secret'", "$$secret$$"]
        {
            let error = rows(&format!("(1), ({value})")).unwrap_err().to_string();
            assert!(error.contains("row 2") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn rows_of_different_shapes_are_refused() {
        assert!(rows("(1, 2), (3)").is_err());
        assert!(rows("(1, DEFAULT), (DEFAULT, 1)").is_err());
        assert!(
            blocks("INSERT INTO a (b, c) VALUES (1, 2); INSERT INTO a (c, b) VALUES (1, 2);", 99).is_err()
        );
        assert!(rows("(1, 2), (3, 4").is_err());
        assert!(rows("(1) ON CONFLICT DO UPDATE SET a = 1").is_err());
        assert!(blocks("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);", 99).is_err());
    }

    #[test]
    fn columns_with_default_are_left_out() {
        let sql = "INSERT INTO a.b (c, d, e) OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT, 2), (3, DEFAULT, 4)\n\
                   ON CONFLICT DO NOTHING;\nINSERT INTO a.b (c, d, e) VALUES (5, DEFAULT, 6);";
        let target = insert_target(sql.as_bytes()).unwrap();
        assert_eq!(target.columns, Some(vec!["c".to_string(), "e".to_string()]));
        assert_eq!(blocks(sql, 99).unwrap(), ["1\t2\n3\t4\n5\t6\n"]);
    }

    #[test]
    fn a_row_without_values_is_an_empty_line() {
        assert_eq!(
            blocks("INSERT INTO a DEFAULT VALUES;\nINSERT INTO a DEFAULT VALUES;\n", 9).unwrap(),
            ["\n\n"]
        );
        assert_eq!(rows("(DEFAULT)").unwrap(), "\n");
    }

    #[test]
    fn a_block_holds_as_many_whole_rows_as_fit() {
        let values = "(1), (22), (333), ('44444444444'), (5)";
        let blocks = blocks(&format!("INSERT INTO a VALUES {values};"), 9).unwrap();
        assert_eq!(blocks, ["1\n22\n333\n", "44444444444\n", "5\n"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was(text in "[a\\\\'é\t\n\r\u{8}\u{b}\u{c}N.]{0,20}") {
            let escaped = |letter: char| match letter {
                '\\' => "\\\\".to_string(),
                '\t' => "\\t".to_string(),
                '\n' => "\\n".to_string(),
                '\r' => "\\r".to_string(),
                '\u{8}' => "\\b".to_string(),
                '\u{b}' => "\\v".to_string(),
                '\u{c}' => "\\f".to_string(),
                other => other.to_string(),
            };
            let expected: String = text.chars().map(escaped).collect();
            let doubled = text.replace('\'', "''");
            prop_assert_eq!(rows(&format!("('{doubled}')")).unwrap(), format!("{expected}\n"));
            let escapes = doubled.replace('\\', "\\\\");
            prop_assert_eq!(rows(&format!("(E'{escapes}')")).unwrap(), format!("{expected}\n"));
        }

        #[test]
        fn any_bytes_give_rows_or_an_error(
            sql in r"(INSERT INTO a|VALUES|DEFAULT|NULL|ON CONFLICT|[('\\;,): E1-]|E'|X'|::|--|/\*|\*/|\\[xuU0n]){0,30}"
        ) {
            let _ = blocks(&format!("INSERT INTO a VALUES ({sql}"), 9);
        }
    }
}
