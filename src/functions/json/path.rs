//! JSONPath as RFC 9535 writes it: parsed into segments of selectors. What they select is left to `automaton`.
//!
//! Everything of section 2 but queries within filters that start at the root or select more than one node, and
//! function extensions.

use std::fmt;

use super::filter::Filter;

/// A path from the root to nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// What each step from a node to others selects.
    pub segments: Vec<Segment>,
}

/// A step from nodes to their children, or to all nodes below them.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Whether it starts at the node and at all nodes below it.
    pub descendant: bool,
    /// The children that it selects, each of them.
    pub selectors: Vec<Selector>,
}

/// Children of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// The member of that name.
    Name(String),
    /// All members and elements.
    Wildcard,
    /// Elements by their places.
    Step(Step),
    /// Members and elements for which the filter is true.
    Filter(Filter),
}

/// Elements of an array by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One, from the end if it is negative.
    Index(i64),
    /// `start:end:step`.
    Slice {
        /// Where it starts.
        start: Option<i64>,
        /// Where it ends, itself left out.
        end: Option<i64>,
        /// How far it goes at a time; backward if it is negative.
        step: i64,
    },
}

/// Where and why a path is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPath {
    /// The byte at which it goes wrong.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for NoPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {} at byte {}", self.expected, self.at)
    }
}

impl Step {
    /// Whether the length of the array decides which elements these are.
    pub fn needs_length(self) -> bool {
        match self {
            Step::Index(index) => index < 0,
            Step::Slice { start, end, step } => {
                step < 0 || start.is_some_and(|start| start < 0) || end.is_some_and(|end| end < 0)
            }
        }
    }

    /// Whether the element at `index` of an array of `len` is among them (RFC 9535, sections 2.3.3.2 and 2.3.4.2).
    ///
    /// `len` may be anything above `index` where the length does not decide.
    pub fn takes(self, index: i64, len: i64) -> bool {
        let from_start = |place: i64| if place >= 0 { place } else { len + place };
        match self {
            Step::Index(place) => from_start(place) == index,
            Step::Slice { step: 0, .. } => false,
            Step::Slice { start, end, step: step @ 1.. } => {
                let lower = start.map_or(0, |start| from_start(start).max(0));
                let upper = end.map_or(i64::MAX, |end| from_start(end).max(0));
                (lower..upper).contains(&index) && (index - lower) % step == 0
            }
            Step::Slice { start, end, step } => {
                let upper = start.map_or(len - 1, |start| from_start(start).min(len - 1));
                let lower = end.map_or(-1, |end| from_start(end).max(-1));
                lower < index && index <= upper && (upper - index) % step.saturating_neg() == 0
            }
        }
    }
}

impl Path {
    /// Reads a path such as `$.users[*]['e-mail']`.
    ///
    /// # Errors
    /// Where it is not a path, or one with what is not supported.
    pub fn parse(text: &str) -> Result<Path, NoPath> {
        let mut parser = Parser { text, at: 0 };
        if !parser.take("$") {
            return Err(parser.expected("`$`"));
        }
        let mut segments = Vec::new();
        while let Some(segment) = parser.segment()? {
            segments.push(segment);
        }
        match parser.at == text.len() {
            true => Ok(Path { segments }),
            false => Err(parser.expected("`.` or `[`")),
        }
    }

    /// How closely it names nodes; the greater wins: more names and indexes, then fewer `..`, then more segments.
    pub fn closeness(&self) -> (usize, usize, usize) {
        let names_one = |segment: &&Segment| {
            matches!(segment.selectors[..], [Selector::Name(_) | Selector::Step(Step::Index(_))])
        };
        let descendants = self.segments.iter().filter(|segment| segment.descendant).count();
        let exact = self.segments.iter().filter(names_one).count();
        (exact, usize::MAX - descendants, self.segments.len())
    }
}

/// The greatest integer that a path may have (RFC 9535, section 2.1: I-JSON's range).
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Reads the parts of a path, for this module and `filter`.
pub struct Parser<'a> {
    /// All of it.
    pub text: &'a str,
    /// The byte to be read next.
    pub at: usize,
}

impl Parser<'_> {
    /// The rest of the text.
    pub fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Skips `token` if it comes next.
    pub fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Skips white space.
    pub fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// That something else was expected here.
    pub fn expected(&self, expected: &'static str) -> NoPath {
        NoPath { at: self.at, expected }
    }

    /// The next segment, if there is one.
    pub fn segment(&mut self) -> Result<Option<Segment>, NoPath> {
        let before = self.at;
        self.skip_space();
        let descendant = self.take("..");
        if self.take("[") {
            return Ok(Some(Segment { descendant, selectors: self.selectors()? }));
        }
        if !descendant && !self.take(".") {
            self.at = before;
            return Ok(None);
        }
        let selector = if self.take("*") { Selector::Wildcard } else { Selector::Name(self.member()?) };
        Ok(Some(Segment { descendant, selectors: vec![selector] }))
    }

    /// A name after a dot.
    pub fn member(&mut self) -> Result<String, NoPath> {
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        let length = self.rest().find(|c: char| !is_first(c) && !c.is_ascii_digit());
        let name = self.rest()[..length.unwrap_or(self.rest().len())].to_string();
        if !name.starts_with(is_first) {
            return Err(self.expected("a name; one with other characters is written `['name']`"));
        }
        self.at += name.len();
        Ok(name)
    }

    fn selectors(&mut self) -> Result<Vec<Selector>, NoPath> {
        let mut selectors = Vec::new();
        loop {
            self.skip_space();
            selectors.push(self.selector()?);
            self.skip_space();
            if self.take("]") {
                return Ok(selectors);
            }
            if !self.take(",") {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, NoPath> {
        if self.take("*") {
            return Ok(Selector::Wildcard);
        }
        if self.take("?") {
            return Ok(Selector::Filter(self.filter()?));
        }
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Selector::Name(self.string()?));
        }
        let start = self.integer()?;
        self.skip_space();
        if !self.take(":") {
            return match start {
                Some(index) => Ok(Selector::Step(Step::Index(index))),
                None => Err(self.expected("a name in quotes, `*`, an index, a slice or `?`")),
            };
        }
        self.skip_space();
        let end = self.integer()?;
        self.skip_space();
        let step = if self.take(":") {
            self.skip_space();
            self.integer()?
        } else {
            None
        };
        Ok(Selector::Step(Step::Slice { start, end, step: step.unwrap_or(1) }))
    }

    /// An integer, if one comes next.
    pub fn integer(&mut self) -> Result<Option<i64>, NoPath> {
        let sign = usize::from(self.rest().starts_with('-'));
        let digits = self.rest()[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return if sign == 0 { Ok(None) } else { Err(self.expected("an integer")) };
        }
        let number = &self.rest()[..sign + digits];
        let leading_zero = digits > 1 && number[sign..].starts_with('0') || number == "-0";
        let integer = number.parse().ok().filter(|n: &i64| n.abs() <= MAX_INTEGER && !leading_zero);
        let integer =
            integer.ok_or(self.expected("an integer of at most 2^53 - 1 without zeros before it"))?;
        self.at += sign + digits;
        Ok(Some(integer))
    }

    /// A string in quotes of either kind.
    pub fn string(&mut self) -> Result<String, NoPath> {
        let quote = self.rest().chars().next().unwrap_or('"');
        self.at += 1;
        let mut string = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else { return Err(self.expected("a quote")) };
            self.at += c.len_utf8();
            match c {
                c if c == quote => return Ok(string),
                '\\' => string.push(self.escape(quote)?),
                '\0'..='\u{1f}' => return Err(self.expected("no control character")),
                c => string.push(c),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<char, NoPath> {
        let Some(c) = self.rest().chars().next() else { return Err(self.expected("an escape")) };
        self.at += c.len_utf8();
        Ok(match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' | '\\' => c,
            'u' => self.unicode()?,
            c if c == quote => c,
            _ => return Err(self.expected("an escape")),
        })
    }

    fn unicode(&mut self) -> Result<char, NoPath> {
        let high = self.hex()?;
        let code = match high {
            0xd800..=0xdbff if self.take("\\u") => match self.hex()? {
                low @ 0xdc00..=0xdfff => 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00),
                _ => 0xd800,
            },
            high => high,
        };
        char::from_u32(code).ok_or(self.expected("a character"))
    }

    fn hex(&mut self) -> Result<u32, NoPath> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or(self.expected("four hex digits"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(text: &str) -> Vec<Vec<Selector>> {
        Path::parse(text).unwrap().segments.into_iter().map(|segment| segment.selectors).collect()
    }

    fn name(text: &str) -> Selector {
        Selector::Name(text.into())
    }

    #[test]
    fn names_are_read_in_every_notation() {
        assert_eq!(selectors("$"), Vec::<Vec<Selector>>::new());
        assert_eq!(selectors("$.a.ñ_1"), [[name("a")], [name("ñ_1")]]);
        assert_eq!(
            selectors(r#"$['e-mail'] ["a\"b"] ['\u00e9\ud83d\ude00\'']"#),
            [[name("e-mail")], [name("a\"b")], [name("é😀'")]]
        );
        assert_eq!(
            selectors("$[ 'a' , 0, 1:2:3, :-1, * ]"),
            [[
                name("a"),
                Selector::Step(Step::Index(0)),
                Selector::Step(Step::Slice { start: Some(1), end: Some(2), step: 3 }),
                Selector::Step(Step::Slice { start: None, end: Some(-1), step: 1 }),
                Selector::Wildcard,
            ]]
        );
        let path = Path::parse("$..a..[*]").unwrap();
        assert!(path.segments.iter().all(|segment| segment.descendant));
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("a", 0),
            ("$a", 1),
            ("$.", 2),
            ("$.1", 2),
            ("$. a", 2),
            ("$[", 2),
            ("$[]", 2),
            ("$['a'", 5),
            ("$['a", 4),
            ("$[01]", 2),
            ("$[-0]", 2),
            ("$[-]", 2),
            ("$[9007199254740992]", 2),
            (r"$['\x']", 5),
            (r"$['\ud800']", 9),
            ("$ ", 1),
            ("$...a", 3),
        ] {
            assert_eq!(Path::parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }

    #[test]
    fn steps_take_what_the_standard_says() {
        // The examples of RFC 9535, tables 9 and 10, over an array of seven, and more.
        let taken = |path: &str| {
            let selectors = selectors(path);
            let [Selector::Step(step)] = selectors[0][..] else { panic!("no step") };
            (0..7).filter(|&index| step.takes(index, 7)).collect::<Vec<i64>>()
        };
        assert_eq!(taken("$[1]"), [1]);
        assert_eq!(taken("$[-2]"), [5]);
        assert!(taken("$[-8]").is_empty());
        assert_eq!(taken("$[1:3]"), [1, 2]);
        assert_eq!(taken("$[5:]"), [5, 6]);
        assert_eq!(taken("$[1:5:2]"), [1, 3]);
        assert_eq!(taken("$[5:1:-2]"), [3, 5]);
        assert_eq!(taken("$[::-1]"), [0, 1, 2, 3, 4, 5, 6]);
        assert!(taken("$[::0]").is_empty());
        assert_eq!(taken("$[-3:-1]"), [4, 5]);
        assert_eq!(taken("$[-99:99:3]"), [0, 3, 6]);
        assert_eq!(taken("$[99:-99:-4]"), [2, 6]);
    }

    #[test]
    fn a_path_that_names_more_is_closer() {
        let ordered = ["$..*", "$.*", "$..a", "$.a", "$.a.*", "$.a[0]", "$.a.b"];
        let closeness: Vec<_> = ordered.iter().map(|text| Path::parse(text).unwrap().closeness()).collect();
        assert!(closeness.is_sorted(), "{closeness:?}");
    }
}
