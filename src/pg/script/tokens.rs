//! Reads a whole statement token by token: keywords, names and literals, comments left out.

use super::lexer::{Close, Delimiter, Lexeme, lex};

/// A token of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A keyword or an identifier without quotes, as written.
    Word(&'a str),
    /// A quoted identifier, its quotes undone.
    Name(String),
    /// A literal as written, with its quotes.
    Literal(&'a str),
    /// A number.
    Number,
    /// Any other character.
    Symbol(u8),
}

/// A place in a statement, from which tokens are read.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
    backslashes: bool,
}

impl<'a> Tokens<'a> {
    /// At the start of `text`; `backslashes` says that `standard_conforming_strings` is off.
    pub fn new(text: &'a str, backslashes: bool) -> Self {
        Tokens { text, at: 0, backslashes }
    }

    /// How many bytes of the text lie before the next token, or before white space that precedes it.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next token, without taking it.
    pub fn peek(&self) -> Option<Token<'a>> {
        self.clone().next()
    }

    /// Takes the next token if it is the keyword `keyword`, given in upper case.
    pub fn eat(&mut self, keyword: &str) -> bool {
        let mut ahead = self.clone();
        let found = matches!(ahead.next(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the next tokens if they are the keywords `keywords`: all of them or none.
    pub fn eat_all(&mut self, keywords: &[&str]) -> bool {
        let mut ahead = self.clone();
        let found = keywords.iter().all(|keyword| ahead.eat(keyword));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the next token if it is the symbol `symbol`.
    pub fn eat_symbol(&mut self, symbol: u8) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next() == Some(Token::Symbol(symbol));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes an identifier, as Postgres holds it: without quotes folded to lower case.
    pub fn identifier(&mut self) -> Option<String> {
        let mut ahead = self.clone();
        let name = match ahead.next()? {
            Token::Word(word) => word.to_ascii_lowercase(),
            Token::Name(name) => name,
            _ => return None,
        };
        *self = ahead;
        Some(name)
    }

    /// Takes a name with or without schema; gives the schema and the name.
    pub fn qualified_name(&mut self) -> Option<(Option<String>, String)> {
        let mut last = self.identifier()?;
        let mut schema = None;
        while self.eat_symbol(b'.') {
            schema = Some(std::mem::replace(&mut last, self.identifier()?));
        }
        Some((schema, last))
    }

    /// Takes a list of identifiers in parentheses.
    pub fn identifiers(&mut self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        if !self.eat_symbol(b'(') {
            return None;
        }
        if self.eat_symbol(b')') {
            return Some(names);
        }
        loop {
            names.push(self.identifier()?);
            if self.eat_symbol(b')') {
                return Some(names);
            }
            if !self.eat_symbol(b',') {
                return None;
            }
        }
    }

    /// Whether nothing but a semicolon follows.
    pub fn is_done(&self) -> bool {
        let mut ahead = self.clone();
        ahead.eat_symbol(b';');
        ahead.next().is_none()
    }

    /// Whether the keyword sequence `keywords` follows somewhere outside parentheses.
    pub fn has(&self, keywords: &[&str]) -> bool {
        let mut ahead = self.clone();
        let mut depth = 0_u32;
        loop {
            if depth == 0 && ahead.clone().eat_all(keywords) {
                return true;
            }
            match ahead.next() {
                Some(Token::Symbol(b'(')) => depth += 1,
                Some(Token::Symbol(b')')) => depth = depth.saturating_sub(1),
                Some(_) => {}
                None => return false,
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = &self.text[self.at..];
            let (lexeme, opening) = lex(rest.as_bytes(), true, self.backslashes)?;
            let mut length = opening;
            if let Lexeme::Open(delimiter) = &lexeme {
                length += match delimiter.clone().close(&rest.as_bytes()[opening..], true) {
                    Close::Closed(length) | Close::Open(length) => length,
                };
            }
            self.at += length;
            let text = &rest[..length];
            return Some(match lexeme {
                Lexeme::Space | Lexeme::Open(Delimiter::LineComment | Delimiter::BlockComment(_)) => continue,
                Lexeme::Word => Token::Word(text),
                Lexeme::Number => Token::Number,
                Lexeme::Symbol(symbol) => Token::Symbol(symbol),
                Lexeme::Open(Delimiter::QuotedName) => {
                    let inside = &text[opening..];
                    Token::Name(inside.strip_suffix('"').unwrap_or(inside).replace("\"\"", "\""))
                }
                Lexeme::Open(_) => Token::Literal(text),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_or_unquoted() {
        let mut tokens = Tokens::new("Sch.\"A.\"\"b\" /* x */ (Id, \"select\") ;", false);
        assert_eq!(tokens.qualified_name(), Some((Some("sch".into()), "A.\"b".into())));
        assert_eq!(tokens.identifiers(), Some(vec!["id".into(), "select".into()]));
        assert!(tokens.is_done());
    }

    #[test]
    fn a_keyword_in_parentheses_or_in_a_literal_does_not_count() {
        assert!(Tokens::new("a (b as c) 'as' -- as", false).has(&["A"]));
        assert!(!Tokens::new("a (b as c) 'as' -- as", false).has(&["AS"]));
    }
}
