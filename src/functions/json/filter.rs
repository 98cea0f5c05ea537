//! Filters of JSONPath (RFC 9535, section 2.3.5): tests of a node by what is below it.
//!
//! A comparison is between a literal and one node below, such as `@.kind == 'home'`; a test by itself asks whether
//! that node is there.

use std::cmp::Ordering;

use super::path::{NoPath, Parser, Selector, Step};
use super::reader::{self, Scalar};

/// A test of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these hold.
    All(Vec<Filter>),
    /// One of these holds.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// There is such a node.
    Exists(Vec<Below>),
    /// The node compares so with the literal.
    Compare {
        /// The steps to the node.
        node: Vec<Below>,
        /// The orders for which it is true.
        orders: Orders,
        /// What it is compared with.
        literal: Literal,
    },
}

/// One step below a node, to at most one other.
#[derive(Clone, Debug, PartialEq)]
pub enum Below {
    /// To the member of that name.
    Name(String),
    /// To the element at that place.
    Index(i64),
}

/// The orders of a node and a literal for which a comparison is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    less: bool,
    equal: bool,
    greater: bool,
    /// Whether it is true where the two cannot be compared, or the node is not there: only `!=` is.
    other: bool,
}

/// What a node is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A string.
    String(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// The deepest nesting of parentheses.
const MAX_DEPTH: usize = 32;

impl Filter {
    /// Whether it holds for the value of the valid document `text` that starts at the byte `at`.
    pub fn holds(&self, text: &str, at: usize) -> bool {
        match self {
            Filter::All(filters) => filters.iter().all(|filter| filter.holds(text, at)),
            Filter::Any(filters) => filters.iter().any(|filter| filter.holds(text, at)),
            Filter::Not(filter) => !filter.holds(text, at),
            Filter::Exists(node) => reader::find(text, at, node).is_some(),
            Filter::Compare { node, orders, literal } => {
                let scalar = reader::find(text, at, node).and_then(|at| reader::scalar(text, at));
                match scalar.and_then(|scalar| literal.compare(&scalar)) {
                    Some(Ordering::Less) => orders.less,
                    Some(Ordering::Equal) => orders.equal,
                    Some(Ordering::Greater) => orders.greater,
                    None => orders.other,
                }
            }
        }
    }
}

impl Literal {
    /// How `scalar` compares with the literal; `None` where they are unequal without an order.
    fn compare(&self, scalar: &Scalar) -> Option<Ordering> {
        match (self, scalar) {
            (Literal::String(literal), Scalar::String(string)) => Some(string.as_str().cmp(literal)),
            (Literal::Number(literal), Scalar::Number(number)) => number.partial_cmp(literal),
            (Literal::Bool(literal), Scalar::Bool(value)) if literal == value => Some(Ordering::Equal),
            (Literal::Null, Scalar::Null) => Some(Ordering::Equal),
            _ => None,
        }
    }
}

impl Parser<'_> {
    /// A filter, after its `?`.
    pub fn filter(&mut self) -> Result<Filter, NoPath> {
        self.any(0)
    }

    fn any(&mut self, depth: usize) -> Result<Filter, NoPath> {
        let mut filters = vec![self.all(depth)?];
        while self.take_operator("||") {
            filters.push(self.all(depth)?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::Any(filters) })
    }

    fn all(&mut self, depth: usize) -> Result<Filter, NoPath> {
        let mut filters = vec![self.basic(depth)?];
        while self.take_operator("&&") {
            filters.push(self.basic(depth)?);
        }
        Ok(if filters.len() == 1 { filters.remove(0) } else { Filter::All(filters) })
    }

    fn basic(&mut self, depth: usize) -> Result<Filter, NoPath> {
        if depth > MAX_DEPTH {
            return Err(self.expected("fewer parentheses"));
        }
        let negated = self.take_operator("!");
        self.skip_space();
        let filter = if self.take("(") {
            let filter = self.any(depth + 1)?;
            if !self.take_operator(")") {
                return Err(self.expected("`)`"));
            }
            filter
        } else {
            self.test(negated)?
        };
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }

    /// A comparison, or a node that has to be there.
    fn test(&mut self, negated: bool) -> Result<Filter, NoPath> {
        if !self.rest().starts_with('@') {
            let literal = self.literal()?;
            let orders = self.orders()?.ok_or(self.expected("a comparison"))?;
            self.skip_space();
            let node = self.below()?;
            return Ok(Filter::Compare { node, orders: orders.turned(), literal });
        }
        let node = self.below()?;
        match self.orders()? {
            Some(_) if negated => Err(self.expected("`(` before a comparison that is negated")),
            Some(orders) => {
                self.skip_space();
                Ok(Filter::Compare { node, orders, literal: self.literal()? })
            }
            None => Ok(Filter::Exists(node)),
        }
    }

    /// `@` and steps that each select at most one node.
    fn below(&mut self) -> Result<Vec<Below>, NoPath> {
        if !self.take("@") {
            return Err(self.expected("`@`; a filter compares a node below with a literal"));
        }
        let mut steps = Vec::new();
        loop {
            let at = self.at;
            let Some(segment) = self.segment()? else { return Ok(steps) };
            match segment.selectors[..] {
                [Selector::Name(ref name)] if !segment.descendant => steps.push(Below::Name(name.clone())),
                [Selector::Step(Step::Index(index))] if !segment.descendant => {
                    steps.push(Below::Index(index))
                }
                _ => return Err(NoPath { at, expected: "one name or index: a filter asks for one node" }),
            }
        }
    }

    fn orders(&mut self) -> Result<Option<Orders>, NoPath> {
        self.skip_space();
        let orders = |less, equal, greater| Orders { less, equal, greater, other: less && greater };
        for (token, orders) in [
            ("==", orders(false, true, false)),
            ("!=", orders(true, false, true)),
            ("<=", orders(true, true, false)),
            (">=", orders(false, true, true)),
            ("<", orders(true, false, false)),
            (">", orders(false, false, true)),
        ] {
            if self.take(token) {
                return Ok(Some(orders));
            }
        }
        Ok(None)
    }

    fn literal(&mut self) -> Result<Literal, NoPath> {
        if self.rest().starts_with(['\'', '"']) {
            return Ok(Literal::String(self.string()?));
        }
        for (word, literal) in
            [("true", Literal::Bool(true)), ("false", Literal::Bool(false)), ("null", Literal::Null)]
        {
            if self.take(word) {
                return Ok(literal);
            }
        }
        let length = self.rest().find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c));
        let number = &self.rest()[..length.unwrap_or(self.rest().len())];
        let literal = number.parse().ok().filter(|_| reader::is_number(number.as_bytes()));
        let literal = literal.ok_or(self.expected("a literal: a string, a number, true, false or null"))?;
        self.at += number.len();
        Ok(Literal::Number(literal))
    }

    fn take_operator(&mut self, token: &str) -> bool {
        self.skip_space();
        self.take(token)
    }
}

impl Orders {
    /// The same with the sides of the comparison changed.
    fn turned(self) -> Self {
        Orders { less: self.greater, greater: self.less, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::path::Path;
    use super::*;

    fn holds(filter: &str, node: &str) -> bool {
        let path = Path::parse(&format!("$[?{filter}]")).unwrap();
        let Selector::Filter(filter) = &path.segments[0].selectors[0] else { panic!("no filter") };
        filter.holds(node, 0)
    }

    #[test]
    fn nodes_are_compared_with_literals() {
        let node = r#"{"kind": "home", "n": [1, 2.5], "on": true, "off": null}"#;
        for filter in [
            "@.kind == 'home'",
            "'home'==@.kind",
            "@.kind != \"work\"",
            "@['kind'] < 'hz' && @.n[0] >= 1",
            "@.n[-1] > 2.4e0",
            "2 < @.n[1]",
            "@.on == true && @.off == null",
            "@.on != false",
            "@.off",
            "!@.none && !(@.n[0] == 2 || @.n[5])",
            "@.none != 'x'",
            "@",
        ] {
            assert!(holds(filter, node), "{filter}");
        }
        for filter in [
            "@.kind == 'Home'",
            "@.none == null",
            "@.none < 3",
            "@.kind < 3",
            "@.n == 1",
            "@.kind.x",
            "@.n[2]",
        ] {
            assert!(!holds(filter, node), "{filter}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for filter in [
            "",
            "@.*",
            "@..a",
            "$.a == 1",
            "@.a == @.b",
            "length(@.a) > 1",
            "!@.a == 1",
            "(@.a",
            "@.a ==",
            "1",
        ] {
            assert!(Path::parse(&format!("$[?{filter}]")).is_err(), "{filter}");
        }
        assert!(Path::parse(&format!("$[?{}@.a]", "(".repeat(1000))).is_err());
    }
}
