//! Paths into XML: a part of XPath 1.0, from the root, by elements, attributes and text.
//!
//! `/a/b`, `//b`, `*`, a last step `@name`, `@*` or `text()`, and after an element `[n]` or `[@name='value']`. A name
//! with a prefix is compared as it is written.

/// A path to attributes or to text.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The elements on the way.
    pub steps: Vec<Step>,
    /// What of the last element.
    pub end: End,
}

/// An element.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Whether it may be any depth below the one before.
    pub descendant: bool,
    /// Its name; `None` for any.
    pub name: Option<String>,
    /// What else has to hold of it.
    pub predicates: Vec<Predicate>,
}

/// What has to hold of an element.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// It is the one at that place, from 1, among its siblings that the step names.
    Place(usize),
    /// It has an attribute of that value.
    Attribute(String, String),
}

/// What of an element a path selects.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All text and attributes in it.
    Element,
    /// Its own text.
    Text,
    /// The attribute of that name; `None` for any.
    Attribute(Option<String>),
}

impl Path {
    /// Reads a path; `None` if it is none, or has what is not supported.
    pub fn parse(text: &str) -> Option<Path> {
        let mut path = Path { steps: Vec::new(), end: End::Element };
        let mut rest = text;
        while !rest.is_empty() {
            let descendant = rest.starts_with("//");
            rest = rest.strip_prefix("//").or(rest.strip_prefix('/'))?;
            if path.end != End::Element {
                return None;
            }
            if let Some(after) = rest.strip_prefix("text()") {
                let step = Step { descendant, name: None, predicates: Vec::new() };
                path.steps.extend(descendant.then_some(step));
                (path.end, rest) = (End::Text, after);
            } else if let Some(after) = rest.strip_prefix('@') {
                let step = Step { descendant, name: None, predicates: Vec::new() };
                path.steps.extend(descendant.then_some(step));
                let (name, after) = name(after)?;
                (path.end, rest) = (End::Attribute(name), after);
            } else {
                let (name, after) = name(rest)?;
                let (predicates, after) = predicates(after)?;
                path.steps.push(Step { descendant, name, predicates });
                rest = after;
            }
        }
        (!path.steps.is_empty()).then_some(path)
    }

    /// How closely it names nodes; the greater wins: more names and places, then fewer `//`, then more steps.
    pub fn closeness(&self) -> (usize, usize, usize) {
        let of_step = |step: &Step| usize::from(step.name.is_some()) + step.predicates.len();
        let of_end = usize::from(matches!(self.end, End::Attribute(Some(_)) | End::Text));
        let descendants = self.steps.iter().filter(|step| step.descendant).count();
        let exact = self.steps.iter().map(of_step).sum::<usize>() + of_end;
        (exact, usize::MAX - descendants, self.steps.len())
    }
}

/// The name at the start of `text`, `None` for `*`, and what follows.
fn name(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_prefix('*') {
        return Some((None, rest));
    }
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let length = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
    let name = &text[..length];
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    (begins && !name.contains("::")).then(|| (Some(name.to_string()), &text[length..]))
}

fn predicates(text: &str) -> Option<(Vec<Predicate>, &str)> {
    let mut predicates = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        if let Some(attribute) = inner.strip_prefix('@') {
            let (name, after) = name(attribute)?;
            let quoted = after.strip_prefix('=')?;
            let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (value, after) = quoted[1..].split_once(quote)?;
            predicates.push(Predicate::Attribute(name?, value.to_string()));
            rest = after.strip_prefix(']')?;
        } else {
            let (place, after) = inner.split_once(']')?;
            predicates.push(Predicate::Place(place.parse().ok().filter(|place| *place > 0)?));
            rest = after;
        }
    }
    Some((predicates, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let path = Path::parse("/a//b[2][@k='v']/@id").unwrap();
        assert_eq!(path.steps.len(), 2);
        assert!(!path.steps[0].descendant && path.steps[1].descendant);
        assert_eq!(
            path.steps[1].predicates,
            [Predicate::Place(2), Predicate::Attribute("k".into(), "v".into())]
        );
        assert_eq!(path.end, End::Attribute(Some("id".into())));
        assert_eq!(Path::parse("//text()").unwrap().end, End::Text);
        for text in [
            "",
            "/",
            "a",
            "/a[",
            "/a[0]",
            "/a[x]",
            "/a/@b/c",
            "/a/text()/b",
            "/a/..",
            "/child::a",
            "/a[@b]",
            "//",
        ] {
            assert_eq!(Path::parse(text), None, "{text}");
        }
    }
}
