//! One pass over a document: every byte goes out as it came in but the leaves that rules mask.
//!
//! The text is checked as it is read. Nesting costs memory, a frame a level, and no recursion.

use super::Json;
use super::automaton::StateId;
use super::leaf::Leaf;
use super::reader::{array_lengths, container_end, number_end, skip_space, string_end, unescaped, word_end};
use crate::functions::row::Row;

const NOT_JSON: &str = "is not JSON";

/// An object or an array that is open.
struct Frame {
    state: StateId,
    /// The rule of its leaves, unless a path is closer.
    rule: Option<usize>,
    /// Whether nothing of it has been read yet.
    is_fresh: bool,
    kind: Container,
}

enum Container {
    Object,
    Array {
        /// How many elements came before.
        index: i64,
        len: i64,
    },
}

/// A document being masked.
pub struct Walk<'a> {
    json: &'a Json,
    text: &'a str,
    row: &'a Row<'a>,
    out: &'a mut String,
    at: usize,
    /// How much of the text has gone out.
    done: usize,
    open: Vec<Frame>,
    lengths: std::vec::IntoIter<i64>,
    /// For each path, whether it selected a node; empty where nobody asks.
    seen: Vec<bool>,
    unescaped: String,
    masked: String,
}

impl<'a> Walk<'a> {
    /// Masks the document `text` and appends it to `out`.
    ///
    /// # Errors
    /// It is not JSON, or a leaf is refused.
    pub fn mask(
        json: &'a Json,
        text: &'a str,
        row: &'a Row<'a>,
        out: &'a mut String,
    ) -> Result<(), &'static str> {
        let needs_lengths = json.automaton.needs_lengths;
        let lengths = if needs_lengths { array_lengths(text.as_bytes()) } else { Vec::new() };
        let mut walk = Walk {
            json,
            text,
            row,
            out,
            at: 0,
            done: 0,
            open: Vec::new(),
            lengths: lengths.into_iter(),
            seen: if json.all_paths_required { vec![false; json.rules.len()] } else { Vec::new() },
            unescaped: String::new(),
            masked: String::new(),
        };
        walk.out.reserve(text.len());
        walk.document()?;
        match walk.seen.iter().all(|seen| *seen) {
            true => Ok(()),
            false => Err("lacks a node that a path names"),
        }
    }

    fn document(&mut self) -> Result<(), &'static str> {
        let bytes = self.text.as_bytes();
        self.at = skip_space(bytes, 0);
        self.value(self.json.automaton.start(), None)?;
        while let Some(frame) = self.open.last_mut() {
            self.at = skip_space(bytes, self.at);
            let is_fresh = std::mem::take(&mut frame.is_fresh);
            match (bytes.get(self.at), &mut frame.kind) {
                (Some(b'}'), Container::Object) | (Some(b']'), Container::Array { .. }) => {
                    self.at += 1;
                    self.open.pop();
                    continue;
                }
                (Some(b','), kind) if !is_fresh => {
                    if let Container::Array { index, .. } = kind {
                        *index += 1;
                    }
                    self.at = skip_space(bytes, self.at + 1);
                }
                (Some(_), _) if is_fresh => {}
                _ => return Err(NOT_JSON),
            }
            let (rule, state) = (frame.rule, self.child()?);
            self.value(state, rule)?;
        }
        if skip_space(bytes, self.at) != bytes.len() {
            return Err(NOT_JSON);
        }
        self.out.push_str(&self.text[self.done..]);
        Ok(())
    }

    /// The state of the next member or element; goes to where its value starts.
    fn child(&mut self) -> Result<StateId, &'static str> {
        let bytes = self.text.as_bytes();
        let Frame { state, kind, .. } = self.open.last().ok_or(NOT_JSON)?;
        if let Container::Array { index, len } = kind {
            return Ok(self.json.automaton.element(*state, *index, *len, self.text, self.at));
        }
        let start = self.at;
        if bytes.get(start) != Some(&b'"') {
            return Err(NOT_JSON);
        }
        let (end, has_escapes) = string_end(bytes, start).ok_or(NOT_JSON)?;
        let colon = skip_space(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return Err(NOT_JSON);
        }
        self.at = skip_space(bytes, colon + 1);
        let name = unescaped(&self.text[start + 1..end - 1], has_escapes, &mut self.unescaped);
        Ok(self.json.automaton.member(*state, name, self.text, self.at))
    }

    fn open(&mut self, state: StateId, rule: Option<usize>, kind: Container) {
        self.at += 1;
        self.open.push(Frame { state, rule, is_fresh: true, kind });
    }

    /// Reads the value here, to its end if it is a leaf, else into the object or array.
    fn value(&mut self, state: StateId, inherited: Option<usize>) -> Result<(), &'static str> {
        let rule = self.json.closest(state, inherited);
        if !self.seen.is_empty() {
            self.json.automaton.selected(state).iter().for_each(|path| self.seen[*path] = true);
        }
        let bytes = self.text.as_bytes();
        let start = self.at;
        match bytes.get(start) {
            Some(b'{' | b'[') if self.json.makes_null(rule) => {
                let end = container_end(bytes, start).ok_or(NOT_JSON)?;
                self.lengths_skipped(start, end);
                self.out.push_str(&self.text[self.done..start]);
                self.out.push_str("null");
                (self.at, self.done) = (end, end);
                Ok(())
            }
            Some(b'{') => {
                self.open(state, rule, Container::Object);
                Ok(())
            }
            Some(b'[') => {
                let len = self.lengths.next().unwrap_or(i64::MAX);
                self.open(state, rule, Container::Array { index: 0, len });
                Ok(())
            }
            Some(b'"') => {
                let (end, has_escapes) = string_end(bytes, start).ok_or(NOT_JSON)?;
                let mut scratch = std::mem::take(&mut self.unescaped);
                let value = unescaped(&self.text[start + 1..end - 1], has_escapes, &mut scratch);
                let result = self.leaf(Leaf::String(value), end, rule);
                self.unescaped = scratch;
                result
            }
            Some(b't' | b'f' | b'n') => {
                let (end, word) = word_end(bytes, start).ok_or(NOT_JSON)?;
                self.leaf(if word == "null" { Leaf::Null } else { Leaf::Bool(word) }, end, rule)
            }
            Some(_) => {
                let end = number_end(bytes, start).ok_or(NOT_JSON)?;
                self.leaf(Leaf::Number(&self.text[start..end]), end, rule)
            }
            None => Err(NOT_JSON),
        }
    }

    fn leaf(&mut self, leaf: Leaf<'_>, end: usize, rule: Option<usize>) -> Result<(), &'static str> {
        let rule = match rule {
            Some(path) => &self.json.rules[path],
            None => self.json.unlisted.as_ref().ok_or("has a leaf that no path names")?,
        };
        let start = self.at;
        self.at = end;
        if rule.keeps() {
            return Ok(());
        }
        self.out.push_str(&self.text[self.done..start]);
        self.done = end;
        rule.mask(leaf, &self.text[start..end], self.row, &mut self.masked, self.out)
    }

    /// Passes over the lengths of the arrays between two places.
    fn lengths_skipped(&mut self, start: usize, end: usize) {
        if self.json.automaton.needs_lengths {
            let skipped = array_lengths(&self.text.as_bytes()[start..end]).len();
            self.lengths.by_ref().take(skipped).for_each(drop);
        }
    }
}
