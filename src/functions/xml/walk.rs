//! One pass over a document: tags go out as they came in but the values of attributes, and text, that rules mask.
//!
//! Comments and processing instructions are left out, but the declaration at the start; a document type, which may
//! define what text means, is refused. That tags match is checked, and no more of what XML 1.0 asks.

use super::Xml;
use super::path::{End, Predicate};
use crate::functions::nested::{Nested, Part};
use crate::functions::row::Row;

const NO_XML: &str = "is not XML of the kind that is read: well formed, without a document type";

/// An element that is open.
struct Frame<'a> {
    name: &'a str,
    /// For each path, how many of its steps may have matched here: path and steps.
    matched: Vec<(usize, usize)>,
    /// How many children each step has named so far.
    places: Vec<((usize, usize), usize)>,
    /// The rule of all that is in it, unless a path is closer.
    inherited: Option<usize>,
}

/// A document being masked.
pub struct Walk<'a> {
    xml: &'a Xml,
    row: &'a Row<'a>,
    open: Vec<Frame<'a>>,
    masked: String,
}

impl<'a> Walk<'a> {
    /// Masks the document, or the content, `text` and appends it to `out`.
    ///
    /// # Errors
    /// It is not XML, or a value is refused.
    pub fn mask(xml: &'a Xml, text: &'a str, row: &'a Row<'a>, out: &mut String) -> Result<(), &'static str> {
        let matched = (0..xml.paths.len()).map(|path| (path, 0)).collect();
        let root = Frame { name: "", matched, places: Vec::new(), inherited: None };
        let mut walk = Walk { xml, row, open: vec![root], masked: String::new() };
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
            walk.text(&rest[..at], out)?;
            rest = walk.markup(&rest[at..], rest.len() == text.len() && at == 0, out)?;
        }
        walk.text(rest, out)?;
        if walk.open.len() == 1 { Ok(()) } else { Err(NO_XML) }
    }

    /// Reads what begins with `<` at the start of `text`, and gives what follows.
    fn markup(&mut self, text: &'a str, is_first: bool, out: &mut String) -> Result<&'a str, &'static str> {
        if let Some(comment) = text.strip_prefix("<!--") {
            return comment.split_once("-->").map(|(_, rest)| rest).ok_or(NO_XML);
        }
        if let Some(data) = text.strip_prefix("<![CDATA[") {
            let (data, rest) = data.split_once("]]>").ok_or(NO_XML)?;
            if self.value(&Value::Data, data, out)? {
                out.push_str(&text[..text.len() - rest.len()]);
            }
            return Ok(rest);
        }
        if let Some(instruction) = text.strip_prefix("<?") {
            let (instruction, rest) = instruction.split_once("?>").ok_or(NO_XML)?;
            if is_first && instruction.starts_with("xml ") {
                out.push_str(&text[..text.len() - rest.len()]);
            }
            return Ok(rest);
        }
        if let Some(name) = text.strip_prefix("</") {
            let (name, rest) = name.split_once('>').ok_or(NO_XML)?;
            let closes = self.open.pop().is_some_and(|frame| frame.name == name.trim_end());
            if !closes || self.open.is_empty() {
                return Err(NO_XML);
            }
            out.push_str(&text[..text.len() - rest.len()]);
            return Ok(rest);
        }
        self.tag(text, out)
    }

    /// Reads a tag that opens an element.
    fn tag(&mut self, text: &'a str, out: &mut String) -> Result<&'a str, &'static str> {
        let inner = &text[1..];
        let name_end = inner.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).ok_or(NO_XML)?;
        let name = &inner[..name_end];
        if !name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | ':'))
            || name.contains(['<', '"', '\'', '&'])
        {
            return Err(NO_XML);
        }
        let (attributes, rest) = attributes(&inner[name_end..])?;
        self.open(name, &attributes)?;
        out.push('<');
        out.push_str(name);
        for attribute in &attributes {
            out.push_str(attribute.before);
            if attribute.name.is_empty() {
                continue;
            }
            let mut masked = String::new();
            let is_kept = self.value(&Value::Attribute(attribute.name), attribute.value, &mut masked)?;
            out.push_str(if is_kept { attribute.value } else { &masked });
        }
        let is_empty = inner[..inner.len() - rest.len()].ends_with("/>");
        out.push_str(if is_empty { "/>" } else { ">" });
        if is_empty {
            self.open.pop();
        }
        Ok(rest)
    }

    /// Opens an element below the one that is open.
    fn open(&mut self, name: &'a str, attributes: &[Attribute<'_>]) -> Result<(), &'static str> {
        let paths = &self.xml.paths;
        let parent = self.open.last_mut().ok_or(NO_XML)?;
        let mut matched: Vec<(usize, usize)> = Vec::new();
        for &(path, at) in &parent.matched {
            let Some(step) = paths[path].steps.get(at) else { continue };
            if step.descendant {
                matched.push((path, at));
            }
            if step.name.as_deref().is_some_and(|expected| expected != name) {
                continue;
            }
            let place = match parent.places.iter_mut().find(|(key, _)| *key == (path, at)) {
                Some((_, place)) => {
                    *place += 1;
                    *place
                }
                None => {
                    parent.places.push(((path, at), 1));
                    1
                }
            };
            let holds = |predicate: &Predicate| match predicate {
                Predicate::Place(expected) => *expected == place,
                Predicate::Attribute(name, value) => attributes.iter().any(|attribute| {
                    attribute.name == name && unescaped(attribute.value).is_some_and(|held| held == *value)
                }),
            };
            if step.predicates.iter().all(holds) {
                matched.push((path, at + 1));
            }
        }
        let is_whole =
            |&&(path, at): &&(usize, usize)| at == paths[path].steps.len() && paths[path].end == End::Element;
        let own = matched.iter().filter(is_whole).map(|(path, _)| *path).max();
        let inherited = self.xml.closer(own, parent.inherited);
        self.open.push(Frame { name, matched, places: Vec::new(), inherited });
        Ok(())
    }

    /// Masks the text between two tags; white space alone is none.
    fn text(&mut self, text: &str, out: &mut String) -> Result<(), &'static str> {
        if text.trim().is_empty() || self.value(&Value::Text, text, out)? {
            out.push_str(text);
        }
        Ok(())
    }

    /// Appends what a value becomes; or says that it stays as it is.
    fn value(&mut self, value: &Value<'_>, raw: &str, out: &mut String) -> Result<bool, &'static str> {
        let frame = self.open.last().ok_or(NO_XML)?;
        let selects = |&&(path, at): &&(usize, usize)| {
            let path = &self.xml.paths[path];
            at == path.steps.len()
                && match (&path.end, value) {
                    (End::Text, Value::Text | Value::Data) => true,
                    (End::Attribute(name), Value::Attribute(given)) => {
                        name.as_deref().is_none_or(|name| name == *given)
                    }
                    _ => false,
                }
        };
        let own = frame.matched.iter().filter(selects).map(|(path, _)| *path).max();
        let is_namespace =
            matches!(value, Value::Attribute(name) if *name == "xmlns" || name.starts_with("xmlns:"));
        let rule: &Nested = match self.xml.closer(own, frame.inherited) {
            Some(path) => &self.xml.rules[path],
            None if is_namespace => return Ok(true),
            None => self.xml.unlisted.as_ref().ok_or("has text or an attribute that no path names")?,
        };
        if rule.keeps() {
            return Ok(true);
        }
        self.masked.clear();
        let text = match value {
            Value::Data => Some(raw.to_string()),
            Value::Text | Value::Attribute(_) => unescaped(raw),
        };
        if rule.mask(&text.ok_or(NO_XML)?, self.row, &mut self.masked)? == Part::Masked {
            push_escaped(&self.masked, out);
        }
        Ok(false)
    }
}

/// What a value is of its element.
enum Value<'a> {
    Text,
    /// Text of a CDATA section, which means itself; where it is masked, it goes out without the section.
    Data,
    Attribute(&'a str),
}

struct Attribute<'a> {
    /// What stands before the value, its quote included; for the end of the last value, its quote.
    before: &'a str,
    name: &'a str,
    value: &'a str,
}

/// The attributes at the start of `text`, which follows a tag's name, and what follows the tag.
fn attributes(text: &str) -> Result<(Vec<Attribute<'_>>, &str), &'static str> {
    let mut attributes: Vec<Attribute<'_>> = Vec::new();
    let mut at = 0;
    let mut start = 0;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        let space = rest.len() - trimmed.len();
        if let Some(after) = trimmed.strip_prefix("/>").or(trimmed.strip_prefix('>')) {
            let end = text.len() - after.len() - if trimmed.starts_with('/') { 2 } else { 1 };
            // The last value's quote and white space go out as an attribute without one.
            attributes.push(Attribute { before: &text[start..end], name: "", value: "" });
            return Ok((attributes, after));
        }
        let equals = trimmed.find('=').filter(|_| space > 0).ok_or(NO_XML)?;
        let name = trimmed[..equals].trim_end();
        let after = trimmed[equals + 1..].trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(NO_XML)?;
        let value_at = text.len() - after.len() + 1;
        let length = text[value_at..].find(quote).ok_or(NO_XML)?;
        let value = &text[value_at..value_at + length];
        let is_name =
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "<>\"'/&".contains(c));
        if !is_name || value.contains('<') {
            return Err(NO_XML);
        }
        attributes.push(Attribute { before: &text[start..value_at], name, value });
        start = value_at + length;
        at = start + 1;
    }
}

/// What text with entities means; `None` for an entity that XML does not define.
fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..].split_once(';')?;
        let number = entity.strip_prefix('#').map(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
        text.push(match (entity, number) {
            (_, Some(number)) => char::from_u32(number.ok()?)?,
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("amp", _) => '&',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            _ => return None,
        });
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// Appends text that may stand between tags and in quotes of either kind; a character that XML has not becomes U+FFFD.
fn push_escaped(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                out.push('\u{fffd}')
            }
            c => out.push(c),
        }
    }
}
