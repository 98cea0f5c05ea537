//! The values of a row within its running text: a person's names, as a whole and word by word, in any case.

use std::ops::Range;

use super::{Found, after, before, is_boundary};

/// A value of a row and what it became; or a word of it, and the word that it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// In lower case.
    lower: Vec<char>,
    /// What it became; `None` where that says nothing of it, such as NULL.
    pub masked: Option<String>,
    /// Whether it is a whole value.
    is_whole: bool,
}

/// The names of a row.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<Name>);

/// The fewest characters of a whole value, and of a word of it, that are looked for.
const MIN_CHARS: usize = 2;
const MIN_WORD_CHARS: usize = 3;

impl Names {
    /// Adds a value of the row that became `masked`, and each of its words.
    pub fn add(&mut self, value: &str, masked: Option<&str>) {
        self.push(value.trim(), masked, MIN_CHARS, true);
        let masked_words: Vec<&str> = masked.unwrap_or_default().split_whitespace().collect();
        let words: Vec<&str> = value.split_whitespace().collect();
        if words.len() < 2 {
            return;
        }
        for (at, word) in words.into_iter().enumerate() {
            let masked = masked_words.get(at).or(masked_words.last()).copied();
            self.push(word, masked, MIN_WORD_CHARS, false);
        }
    }

    fn push(&mut self, value: &str, masked: Option<&str>, least: usize, is_whole: bool) {
        let lower: Vec<char> = value.chars().flat_map(char::to_lowercase).collect();
        let is_known = self.0.iter().any(|name| name.lower == lower);
        if lower.len() >= least && lower.iter().any(|c| c.is_alphanumeric()) && !is_known {
            self.0.push(Name { lower, masked: masked.map(str::to_string), is_whole });
        }
    }

    /// The whole value that `text` is, in any case.
    pub fn whole(&self, text: &str) -> Option<&Name> {
        self.0.iter().find(|name| name.is_whole && name.end_in(text, 0) == Some(text.len()))
    }

    /// Adds those within `gap`, a part of `text`, to `found`, in their order: the leftmost, and of those the longest.
    pub fn find(&self, text: &str, gap: Range<usize>, found: &mut Vec<(Range<usize>, usize)>) {
        if self.0.is_empty() {
            return;
        }
        let start = found.len();
        for (index, name) in self.0.iter().enumerate() {
            name.find(text, &gap, |range| found.push((range, index)));
        }
        found[start..].sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = gap.start;
        let mut kept = start;
        for next in start..found.len() {
            if found[next].0.start >= end {
                end = found[next].0.end;
                found.swap(kept, next);
                kept += 1;
            }
        }
        found.truncate(kept);
    }

    /// The name at `index`, as [`Names::find`] gives it.
    pub fn get(&self, index: usize) -> &Name {
        &self.0[index]
    }
}

impl Name {
    /// The name in the case in which it was found: in capitals, or in small letters alone.
    pub fn in_case_of(&self, found: &str) -> Option<String> {
        let masked = self.masked.as_deref()?;
        let has = |is: fn(char) -> bool| found.chars().any(is);
        Some(match (has(char::is_uppercase), has(char::is_lowercase)) {
            (true, false) if found.chars().count() > 1 => masked.to_uppercase(),
            (false, true) => masked.to_lowercase(),
            _ => masked.to_string(),
        })
    }

    /// Calls `push` with each place in `gap` where the name stands as words.
    fn find(&self, text: &str, gap: &Range<usize>, mut push: impl FnMut(Range<usize>)) {
        let Some(&first) = self.lower.first() else { return };
        // A letter may have capitals that begin with another byte.
        let upper = first.to_uppercase().next().unwrap_or(first);
        let [one, other] = [first, upper].map(|c| {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer).as_bytes()[0]
        });
        let bytes = &text.as_bytes()[..gap.end];
        let mut at = gap.start;
        while let Some(offset) = memchr::memchr2(one, other, &bytes[at..]) {
            let start = at + offset;
            at = start + 1;
            if let Some(end) = self.end_in(&text[..gap.end], start)
                && self.stands_alone(text, start, end)
            {
                push(start..end);
                at = end;
            }
        }
    }

    /// Where it ends in `text` if it starts at the byte `start`, in any case.
    fn end_in(&self, text: &str, start: usize) -> Option<usize> {
        let mut expected = self.lower.iter();
        let mut end = start;
        for c in text.get(start..)?.chars() {
            if expected.len() == 0 {
                break;
            }
            for lower in c.to_lowercase() {
                if expected.next() != Some(&lower) {
                    return None;
                }
            }
            end += c.len_utf8();
        }
        (expected.len() == 0).then_some(end)
    }

    /// Whether words begin and end at both places; scripts without blanks between words need none.
    fn stands_alone(&self, text: &str, start: usize, end: usize) -> bool {
        let has_no_blanks = |c: Option<&char>| c.is_some_and(|c| ('\u{2e80}'..'\u{ac00}').contains(c));
        let begins =
            has_no_blanks(self.lower.first()) || is_boundary(before(text, start), after(text, start));
        let ends = has_no_blanks(self.lower.last()) || is_boundary(before(text, end), after(text, end));
        begins && ends
    }
}

/// What is between the pieces of `text` that were found.
pub fn gaps(text: &str, found: &[Found]) -> Vec<Range<usize>> {
    let mut gaps = Vec::with_capacity(found.len() + 1);
    let mut start = 0;
    for piece in found {
        gaps.push(start..piece.start);
        start = piece.end;
    }
    gaps.push(start..text.len());
    gaps
}
