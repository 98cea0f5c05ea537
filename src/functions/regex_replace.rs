//! `regex_replace`: what a regular expression finds in a value, replaced.

use regex::{Captures, Regex, RegexBuilder};

use super::nested::{Nested, Part};
use super::row::Row;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static REGEX_REPLACE: Function = Function {
    name: "regex_replace",
    summary: "Replace what a regular expression finds in a value, by a text or by what another function makes of it, and \
              leave the rest as it is; a value in which it finds nothing is invalid",
    parameters: &[
        Parameter {
            name: "pattern",
            help: "the regular expression, of the syntax of the crate `regex` (Perl's, without references and look-around; \
                   time grows with the value's length alone); required",
        },
        Parameter {
            name: "replacement",
            help: "the text instead of what is found: `$1` or `${name}` is what that group found, `$$` a dollar; this or \
                   `rule` is required",
        },
        Parameter {
            name: "rule",
            help: "the rule, a function's name or a table, for what the first group found, or all that was found where the \
                   expression has no group",
        },
        Parameter {
            name: "unmatched",
            help: "\"error\", or \"keep\" to leave a value as it is in which nothing is found; default \"error\"",
        },
    ],
    example: Example {
        rule: r#"{ fn = "regex_replace", pattern = '^(\w+)/\d+$', replacement = "$1/0" }"#,
        ty: PgType::Text,
        input: "ward/4711",
        output: Some("ward/0"),
    },
    domain: "regex_replace",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The most memory that an expression made ready may take.
const MAX_REGEX_BYTES: usize = 4 << 20;

struct RegexReplace {
    regex: Regex,
    instead: Instead,
    keep_unmatched: bool,
    /// The most characters of a result.
    limit: usize,
}

enum Instead {
    Text(String),
    Rule(Box<Nested>),
}

impl TextMask for RegexReplace {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let start = out.len();
        let mut done = 0;
        let mut found_any = false;
        for captures in self.regex.captures_iter(value) {
            found_any = true;
            let all = captures.get_match();
            out.push_str(&value[done..all.start()]);
            done = all.end();
            match &self.instead {
                Instead::Text(text) => captures.expand(text, out),
                Instead::Rule(nested) => push_masked(nested, &captures, value, row, out)?,
            }
        }
        if !found_any && !self.keep_unmatched {
            return Err("has nothing in it that the `pattern` finds");
        }
        out.push_str(&value[done..]);
        let is_short = out.len() - start <= self.limit || out[start..].chars().count() <= self.limit;
        if is_short { Ok(()) } else { Err("has a result that is longer than its column") }
    }
}

/// Appends what was found with its first group, or all of it, masked.
fn push_masked(
    nested: &Nested,
    captures: &Captures<'_>,
    value: &str,
    row: &Row<'_>,
    out: &mut String,
) -> Result<(), &'static str> {
    let all = captures.get_match();
    let part = if captures.len() > 1 { captures.get(1) } else { Some(all) };
    let Some(part) = part else {
        return Err("has nothing in it that the `pattern`'s first group finds");
    };
    out.push_str(&value[all.start()..part.start()]);
    if nested.mask(part.as_str(), row, out)? == Part::Kept {
        out.push_str(part.as_str());
    }
    out.push_str(&value[part.end()..all.end()]);
    Ok(())
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(pattern) = build.parameters.text("pattern")? else {
        return Err(
            Refusal::new("`regex_replace` has no `pattern`").hint("add one, such as `pattern = '\\d+'`")
        );
    };
    let regex =
        RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).dfa_size_limit(MAX_REGEX_BYTES).build();
    let regex = regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Refusal::new("`pattern` is too large when it is made ready")
            .hint("use smaller counts, such as `{1,100}`"),
        _ => Refusal::new("`pattern` is not a regular expression")
            .hint("it is of the syntax of the crate `regex`: without references and look-around"),
    })?;
    let mut inputs = Vec::new();
    let replacement = build.parameters.text("replacement")?;
    let instead = match (replacement, build.parameters.0.get("rule")) {
        (Some(text), None) => {
            check_groups(text, &regex)?;
            Instead::Text(text.to_string())
        }
        (None, Some(rule)) => Instead::Rule(Box::new(build.nest(rule, &PgType::Text, &mut inputs)?)),
        (Some(_), Some(_)) => {
            let refusal = Refusal::new("`regex_replace` has both a `replacement` and a `rule`");
            return Err(refusal.hint("leave one of them out"));
        }
        (None, None) => {
            let refusal = Refusal::new("`regex_replace` has neither a `replacement` nor a `rule`");
            return Err(refusal.hint("add `replacement = \"…\"`, empty to leave out what is found"));
        }
    };
    let mask = RegexReplace {
        regex,
        instead,
        keep_unmatched: build
            .parameters
            .choice("unmatched", &[("error", false), ("keep", true)])?
            .unwrap_or(false),
        limit: build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize),
    };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, build.ty.max_chars()) })
}

/// Refuses a replacement that names a group that the expression does not have: it would stand for nothing.
fn check_groups(replacement: &str, regex: &Regex) -> Result<(), Refusal> {
    if replacement.contains('\0') {
        return Err(
            Refusal::new("`replacement` holds a NUL character").hint("Postgres stores none; leave it out")
        );
    }
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}').map_or("", |(name, _)| name),
            None => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                &rest[..length.unwrap_or(rest.len())]
            }
        };
        let has = match name.parse::<usize>() {
            Ok(group) => group < regex.captures_len(),
            Err(_) => name.is_empty() || regex.capture_names().flatten().any(|group| group == name),
        };
        if !has {
            return Err(Refusal::new(format!(
                "`replacement` names the group `{name}`, which the `pattern` does not have"
            ))
            .hint("a letter after a group is separated by braces, as in `${1}a`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::functions::test_support::Tester;
    use crate::functions::{Context, FUNCTIONS, Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(rule: &str, value: &str) -> Result<String, &'static str> {
        Tester::new(&REGEX_REPLACE, rule, PgType::Varchar(Some(9))).masked(value)
    }

    #[test]
    fn groups_are_filled_in() {
        assert_eq!(
            masked("pattern = '(?<a>\\d)(\\d)'\nreplacement = '$2${a}x$$'", "12-34").unwrap(),
            "21x$-43x$"
        );
        assert_eq!(masked("pattern = 'é*'\nreplacement = '.'", "aéb").unwrap(), ".a.b.");
    }

    #[test]
    fn a_value_that_does_not_match_is_invalid() {
        assert!(masked("pattern = 'x'\nreplacement = ''", "abc").is_err());
        assert_eq!(masked("pattern = 'x'\nreplacement = ''\nunmatched = 'keep'", "abc").unwrap(), "abc");
        assert!(masked("pattern = 'b'\nreplacement = '0123456789'", "abc").unwrap_err().contains("longer"));
    }

    #[test]
    fn a_rule_masks_what_is_found() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let context = Context {
            key: &key,
            functions: FUNCTIONS,
            locale: None,
            folder: Path::new(""),
            lists: &crate::functions::lists::Lists::default(),
        };
        let masked = |rule: &str, value: &str| {
            let parameters = Parameters(toml::from_str(rule).unwrap());
            let domain = key.domain("regex_replace");
            let build_from = Build::new(&parameters, &PgType::Text, &domain, false).within(&context);
            let Masking::Text(mask) = build(&build_from).unwrap().masking else { unreachable!() };
            let mut out = String::new();
            mask.mask(value, value.as_bytes(), &mut out).map(|()| out)
        };
        assert_eq!(
            masked("pattern = 'id=(\\w+);'\nrule = 'redact'", "x id=abc; id=d; y").unwrap(),
            "x id=xxx; id=x; y"
        );
        assert_eq!(masked("pattern = '\\d+'\nrule = 'redact'", "a 12").unwrap(), "a xx");
        assert!(masked("pattern = 'a|(b)'\nrule = 'redact'", "a").is_err());
    }

    #[test]
    fn a_wrong_rule_is_refused() {
        for rule in [
            "",
            "pattern = '('\nreplacement = ''",
            "pattern = '(\\w{1000}){1000}'\nreplacement = ''",
            "pattern = 'a'",
            "pattern = 'a'\nreplacement = '$1'",
            "pattern = '(a)'\nreplacement = '$1a'",
            "pattern = 'a'\nreplacement = ''\nrule = 'redact'",
        ] {
            Tester::refused(&REGEX_REPLACE, rule, PgType::Text);
        }
    }
}
