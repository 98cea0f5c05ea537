//! How deep a statement is nested, and which part of an INSERT the lexemes are in.

use super::InsertShape;

/// How deep a statement is nested at some token, so that a semicolon there ends it or not.
#[derive(Default)]
pub struct Nesting {
    /// Open parentheses.
    pub parentheses: u32,
    blocks: u32,
    words: usize,
    /// The first letters of the first words, as far as they are those of CREATE OR REPLACE FUNCTION.
    leading: [u8; 4],
}

impl Nesting {
    pub fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'(' => self.parentheses = self.parentheses.saturating_add(1),
            b')' => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
    }

    /// Counts BEGIN, CASE and END in the body of a function, as psql does.
    pub fn word(&mut self, word: &[u8]) {
        const LEADING: [&[u8]; 5] = [b"create", b"or", b"replace", b"function", b"procedure"];
        if self.words < self.leading.len() && LEADING.iter().any(|lead| word.eq_ignore_ascii_case(lead)) {
            self.leading[self.words] = word[0].to_ascii_lowercase();
        }
        self.words += 1;
        let makes_function =
            matches!(&self.leading, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p']);
        if !makes_function || self.parentheses > 0 {
            return;
        }
        if word.eq_ignore_ascii_case(b"begin") || (self.blocks > 0 && word.eq_ignore_ascii_case(b"case")) {
            self.blocks += 1;
        } else if word.eq_ignore_ascii_case(b"end") {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }

    pub fn ends_statement(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }
}

/// Which part of an INSERT the tokens are in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum InsertPart {
    /// Not in an INSERT.
    No,
    /// Before `VALUES`: the text is kept.
    Header,
    /// In the first row, at the value of this number.
    FirstRow(usize),
    /// After it.
    Rest,
}

/// The part of an INSERT after the word `word`.
pub fn insert_part(part: InsertPart, word: &[u8], nesting: &Nesting, shape: &mut InsertShape) -> InsertPart {
    match part {
        InsertPart::No if nesting.words == 1 && word.eq_ignore_ascii_case(b"insert") => InsertPart::Header,
        InsertPart::Header if nesting.parentheses == 0 && word.eq_ignore_ascii_case(b"values") => {
            InsertPart::FirstRow(0)
        }
        InsertPart::FirstRow(value) if nesting.parentheses == 1 && word.eq_ignore_ascii_case(b"default") => {
            shape.defaults.push(value);
            part
        }
        _ => part,
    }
}
