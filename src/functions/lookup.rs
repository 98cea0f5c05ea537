//! `lookup`: a value from a list that the user brings.

mod csv;

use super::draws::place;
use super::feistel::Permutation;
use super::literal::check_all;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::error::io_reason;
use crate::key::DomainKey;
use crate::schema::PgType;

pub static LOOKUP: Function = Function {
    name: "lookup",
    summary: "Replace a value by one from a list; equal values get equal ones",
    parameters: &[
        Parameter {
            name: "file",
            help: "a CSV file (RFC 4180, UTF-8) with a value a line, relative to the folder of the rules file; this or \
                   `values` is required",
        },
        Parameter {
            name: "column",
            help: "which field of a line: its name, where the first line has names, or its place, where it has none; \
                   default 1",
        },
        Parameter { name: "values", help: "the list itself, instead of a file" },
        Parameter {
            name: "unique",
            help: "`true` to exchange the values of the list for each other, one to one: a value that is not in it is \
                   invalid; default `false`",
        },
    ],
    example: Example {
        rule: r#"{ fn = "lookup", values = ["oak", "ash", "elm", "yew"] }"#,
        ty: PgType::Text,
        input: "rosewood",
        output: Some("elm"),
    },
    domain: "lookup",
    domain_by: Some("lookup"),
    takes: |_| true,
    takes_text: "any type",
    build,
};

/// Any value of the list.
struct Lookup {
    key: DomainKey,
    values: Vec<String>,
    by: bool,
}

impl TextMask for Lookup {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let drawn = place(&self.key.prf(subject), 0, self.values.len());
        let next = (drawn + 1) % self.values.len();
        let is_same = !self.by && self.values[drawn] == value;
        out.push_str(&self.values[if is_same { next } else { drawn }]);
        Ok(())
    }
}

/// The values of the list for each other.
struct Exchange {
    permutation: Permutation,
    /// In their order as text.
    values: Vec<String>,
}

impl TextMask for Exchange {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let at = self.values.binary_search_by(|other| other.as_str().cmp(value));
        let at = at.map_err(|_| "is not in the list")?;
        let mut place = [at as u128];
        self.permutation.apply(&mut place);
        out.push_str(&self.values[place[0] as usize]);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let mut values = values(build)?;
    let mut seen = std::collections::HashSet::new();
    values.retain(|value| !value.is_empty() && seen.insert(value.clone()));
    if values.is_empty() {
        return Err(Refusal::new("the list of `lookup` has no values").hint("add some, one a line"));
    }
    if values.iter().any(|value| value.contains('\0')) {
        return Err(Refusal::new("the list of `lookup` holds a NUL character").hint("Postgres stores none"));
    }
    check_all(build, values.iter().map(String::as_str))?;
    let longest = values.iter().map(|value| value.chars().count()).max().unwrap_or(0) as u32;
    if !build.parameters.flag("unique")? {
        let mask = Lookup { key: build.key.clone(), values, by: build.by };
        return Ok(Built::text(mask, Uniqueness::None, Some(longest)));
    }
    if build.by {
        return Err(Refusal::new("`unique` and `by` exclude each other").hint("leave one of them out"));
    }
    values.sort_unstable();
    let mask = Exchange { permutation: Permutation::new(build.key, values.len() as u128), values };
    Ok(Built::text(mask, Uniqueness::Injective, Some(longest)))
}

fn values(build: &Build<'_>) -> Result<Vec<String>, Refusal> {
    let values = build.parameters.texts("values")?;
    match (build.parameters.text("file")?, values) {
        (Some(file), None) => read(build, file),
        (None, Some(values)) => Ok(values.into_iter().map(str::to_string).collect()),
        (Some(_), Some(_)) => {
            Err(Refusal::new("`lookup` has both a `file` and `values`").hint("leave one of them out"))
        }
        (None, None) => {
            Err(Refusal::new("`lookup` has no list").hint("add `file = \"….csv\"` or `values = [\"…\"]`"))
        }
    }
}

fn read(build: &Build<'_>, file: &str) -> Result<Vec<String>, Refusal> {
    let context = build.context.ok_or_else(|| Refusal::new("a list cannot be read from a file here"))?;
    let bytes = context.lists.read(&context.folder.join(file)).map_err(|error| {
        Refusal::new(format!("cannot read the list `{file}`: {}", io_reason(&error)))
            .hint("a relative path starts from the folder of the rules file")
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Refusal::new(format!("the list `{file}` is not UTF-8")).hint("save it as UTF-8"))?;
    let lines = csv::lines(&text).map_err(|line| {
        Refusal::new(format!("the list `{file}` has a quote that nothing closes, in line {line}"))
            .hint("write a quote twice within quotes")
    })?;
    let (column, skipped) = column(build, file, &lines)?;
    let fields = lines.into_iter().skip(skipped).map(|line| line.into_iter().nth(column).unwrap_or_default());
    Ok(fields.collect())
}

/// Which field counts, and how many lines at the start hold none.
fn column(build: &Build<'_>, file: &str, lines: &[Vec<String>]) -> Result<(usize, usize), Refusal> {
    let Some(toml::Value::String(name)) = build.parameters.0.get("column") else {
        let place = build.parameters.integer("column", 1..=10_000)?.unwrap_or(1);
        return Ok((place as usize - 1, 0));
    };
    let header = lines.first().map_or(&[][..], |line| line);
    let column = header.iter().position(|field| field == name).ok_or_else(|| Refusal {
        what: format!("the first line of the list `{file}` names no column `{name}`"),
        hint: crate::nearest::did_you_mean(name, header.iter().map(String::as_str)),
    })?;
    Ok((column, 1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;

    use super::*;
    use crate::functions::test_support::Tester;
    use crate::functions::{Context, FUNCTIONS, Masking, Parameters};
    use crate::key::MasterKey;

    fn of_file(content: &[u8], rule: &str) -> Result<String, Refusal> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("list.csv"), content).unwrap();
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let context = Context {
            key: &key,
            functions: FUNCTIONS,
            locale: None,
            folder: folder.path(),
            lists: &crate::functions::lists::Lists::default(),
        };
        let parameters = Parameters(toml::from_str(&format!("file = 'list.csv'\n{rule}")).unwrap());
        let domain = key.domain("lookup");
        let built = build(&Build::new(&parameters, &PgType::Text, &domain, false).within(&context))?;
        let Masking::Text(mask) = built.masking else { unreachable!() };
        let mut out = String::new();
        mask.mask("x", b"x", &mut out).unwrap();
        Ok(out)
    }

    #[test]
    fn a_list_may_be_a_file() {
        assert_eq!(of_file(b"\xef\xbb\xbfoak\n", "").unwrap(), "oak");
        assert_eq!(of_file(b"id,name\r\n1,\"a, \"\"b\"\"\"\r\n\r\n", "column = 'name'").unwrap(), "a, \"b\"");
        assert_eq!(of_file(b"1,oak", "column = 2").unwrap(), "oak");
        for (content, rule, what) in [
            (&b"oak"[..], "column = 'name'", "names no column"),
            (b"", "", "no values"),
            (b"a\n\"b", "", "in line 2"),
            (b"\xff", "", "not UTF-8"),
            (b"a", "values = ['b']", "both"),
            (b"a", "column = 0", "out of bounds"),
        ] {
            let refusal = of_file(content, rule).unwrap_err();
            assert!(refusal.what.contains(what), "{}", refusal.what);
        }
        assert!(Tester::refused(&LOOKUP, "file = '/nowhere/x'", PgType::Text).contains("no such file"));
    }

    #[test]
    fn a_value_never_stays_where_there_is_another() {
        let tester = Tester::new(&LOOKUP, "values = ['a', 'b']", PgType::Text);
        assert_eq!((tester.masked("a").unwrap(), tester.masked("b").unwrap()), ("b".into(), "a".into()));
    }

    #[test]
    fn unique_values_are_exchanged() {
        let values: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
        let tester = Tester::new(&LOOKUP, &format!("unique = true\nvalues = {values:?}"), PgType::Text);
        let results: HashSet<String> = values.iter().map(|value| tester.masked(value).unwrap()).collect();
        assert_eq!(results.len(), 100);
        assert_eq!(tester.masked("w"), Err("is not in the list"));
        assert_eq!(tester.uniqueness, Uniqueness::Injective);
    }
}
