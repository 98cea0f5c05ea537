//! `json`: a document whose leaves are masked each by the rule of the path that names it; all else stays as it is.

mod automaton;
mod filter;
mod leaf;
mod path;
mod reader;
mod walk;

use automaton::{Automaton, StateId, TooMany};
use leaf::LeafRule;
use path::Path;
use walk::Walk;

use super::row::{Input, Row};
use super::text::check_length;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static JSON: Function = Function {
    name: "json",
    summary: "Mask the leaves of a document (strings, numbers, `true`, `false`, `null`), each by the rule of the closest \
              path that selects it or what it is in; the order and the names of members, white space and all else stay",
    parameters: &[
        Parameter {
            name: "paths",
            help: "a table from JSONPath (RFC 9535) to rules, such as `{ \"$.email\" = \"email\", \"$..tags[*]\" = \"keep\" }`: \
                   names, indexes, slices, `*`, `..`, lists of them, and filters that compare a node below with a literal \
                   (`$[?@.kind == 'home'].phone`); of the paths that select a leaf the one with the most names and indexes \
                   counts; required",
        },
        Parameter {
            name: "unlisted",
            help: "what becomes of a leaf that no path selects: \"error\" stops the run as an invalid value does, any other \
                   is the name of a function or a rule, such as \"keep\", \"null\" or \"redact\"; default \"error\"",
        },
        Parameter {
            name: "missing",
            help: "\"ignore\", or \"error\" where a document in which some path selects nothing is invalid; default \"ignore\"",
        },
    ],
    example: Example {
        rule: r#"{ fn = "json", paths = { "$.email" = "email", "$.tags[*]" = "keep" } }"#,
        ty: PgType::Jsonb,
        input: r#"{"email": "ana.silva@corp.example", "tags": ["new", 7]}"#,
        output: Some(r#"{"email": "6pvd67yp9v@mail.test", "tags": ["new", 7]}"#),
    },
    domain: "json",
    domain_by: None,
    takes: |ty| matches!(ty.base(), PgType::Json | PgType::Jsonb) || ty.is_text(),
    takes_text: "`json`, `jsonb`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Documents under paths; the rule of each path, those of closer paths later.
struct Json {
    automaton: Automaton,
    rules: Vec<LeafRule>,
    /// How close each path is; equal for paths that name nodes as closely.
    ranks: Vec<usize>,
    /// What becomes of a leaf that no path selects; `None` where it is refused.
    unlisted: Option<LeafRule>,
    /// Whether each path has to select something.
    all_paths_required: bool,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for Json {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let start = out.len();
        Walk::mask(self, value, row, out)?;
        check_length(out, start, self.limit)
    }
}

impl Json {
    /// The rule of a node in `state` within something under the rule `inherited`: the closer one, or its own.
    #[inline]
    fn closest(&self, state: StateId, inherited: Option<usize>) -> Option<usize> {
        let own = self.automaton.selected(state).last().copied();
        match (own, inherited) {
            (Some(own), Some(inherited)) if self.ranks[own] < self.ranks[inherited] => Some(inherited),
            (own, inherited) => own.or(inherited),
        }
    }

    /// Whether all that is under `rule` becomes `null`, objects and arrays as a whole.
    fn makes_null(&self, rule: Option<usize>) -> bool {
        rule.is_some_and(|path| self.rules[path].is_null())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let mut inputs = Vec::new();
    let paths = paths(build)?;
    let mut rules = Vec::with_capacity(paths.len());
    for (text, _, rule) in &paths {
        let of_path = |refusal: Refusal| Refusal { what: format!("`{text}`: {}", refusal.what), ..refusal };
        rules.push(LeafRule::new(build, rule, &mut inputs).map_err(of_path)?);
    }
    let parsed: Vec<Path> = paths.iter().map(|(_, path, _)| path.clone()).collect();
    let automaton = Automaton::new(&parsed).map_err(|TooMany| {
        Refusal::new("the `paths` are too many, or too much alike, to be followed at once")
            .hint("name fewer nodes by slices, filters and `..`")
    })?;
    check_ties(&paths, &automaton)?;
    let closeness: Vec<_> = parsed.iter().map(Path::closeness).collect();
    let mask = Json {
        automaton,
        rules,
        ranks: closeness.iter().map(|one| closeness.partition_point(|other| other < one)).collect(),
        unlisted: unlisted(build, &mut inputs)?,
        all_paths_required: build
            .parameters
            .choice("missing", &[("ignore", false), ("error", true)])?
            .unwrap_or(false),
        limit: build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize),
    };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, build.ty.max_chars()) })
}

/// The paths as they are written and read, with their rules; closer ones later.
fn paths<'a>(build: &Build<'a>) -> Result<Vec<(&'a str, Path, &'a toml::Value)>, Refusal> {
    let hint = "add `paths = { \"$.email\" = \"email\" }`";
    let table = build.rule_table("json", "paths", hint)?;
    let mut paths = Vec::with_capacity(table.len());
    for (text, rule) in table {
        let path = Path::parse(text).map_err(|error| {
            Refusal::new(format!("`{text}` is not a path: {error}"))
                .hint("paths are those of RFC 9535, such as `$.users[*].email`")
        })?;
        paths.push((text.as_str(), path, rule));
    }
    paths.sort_by_key(|(_, path, _)| path.closeness());
    Ok(paths)
}

/// Refuses paths that select a node as closely as each other and have different rules.
fn check_ties(paths: &[(&str, Path, &toml::Value)], automaton: &Automaton) -> Result<(), Refusal> {
    for selected in automaton.selections() {
        let Some((&closest, others)) = selected.split_last() else { continue };
        let (one, path, rule) = &paths[closest];
        let tied = others.iter().map(|other| &paths[*other]);
        let mut tied =
            tied.filter(|(_, other, other_rule)| other.closeness() == path.closeness() && other_rule != rule);
        if let Some((other, ..)) = tied.next() {
            let what =
                format!("`{other}` and `{one}` may select the same node, and none is closer than the other");
            return Err(Refusal::new(what).hint("give both the same rule, or name nodes more closely"));
        }
    }
    Ok(())
}

/// What becomes of leaves that no path selects.
fn unlisted(build: &Build<'_>, inputs: &mut Vec<Input>) -> Result<Option<LeafRule>, Refusal> {
    let Some(rule) = build.unlisted() else { return Ok(None) };
    let rule = LeafRule::new(build, rule, inputs);
    rule.map(Some).map_err(|refusal| refusal.of_part("unlisted"))
}

#[cfg(test)]
mod tests;
