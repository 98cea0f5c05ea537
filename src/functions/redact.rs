//! `redact`: a filler of like length, for all of a text or for what is found in it.

use super::find::{KINDS, KindName, Names, Scanner, gaps};
use super::row::{Form, Input, Row, RowScratch};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::nearest::did_you_mean;
use crate::schema::PgType;

pub static REDACT: Function = Function {
    name: "redact",
    summary: "Replace every character but white space by `x`, so that only the text's layout is left; with `find` or \
              `columns`, only in what is found",
    parameters: &[
        Parameter {
            name: "find",
            help: "a list of what to redact: \"email\", \"phone\", \"credit_card\", \"ssn\", \"national_id\", \"iban\", \
                   \"url\", \"ip\", as `free_text` finds them; default the whole text",
        },
        Parameter {
            name: "columns",
            help: "a list of other columns, such as `[\"first_name\"]`, whose values are redacted where they stand in the \
                   text as words, in any case, and so are the words of a value of several; default none",
        },
    ],
    example: Example {
        rule: r#""redact""#,
        ty: PgType::Text,
        input: "Call Ana at 9.",
        output: Some("xxxx xxx xx xx"),
    },
    domain: "redact",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// All of a text.
struct Redact;

impl TextMask for Redact {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        fill(value, out);
        Ok(())
    }
}

/// What is found in a text.
struct RedactFound {
    kinds: Vec<KindName>,
    /// How many columns of the row are looked for.
    columns: usize,
}

impl TextMask for RedactFound {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let mut names = Names::default();
        let mut scratch = RowScratch::default();
        for column in 0..self.columns {
            if let Some(name) = row.get(column, &mut scratch) {
                let name = std::str::from_utf8(name).map_err(|_| "needs a column that is not valid UTF-8")?;
                names.add(name, None);
            }
        }
        let found: Vec<_> =
            Scanner::new(value).filter(|found| self.kinds.contains(&found.kind.name())).collect();
        let mut named = Vec::new();
        for (index, gap) in gaps(value, &found).into_iter().enumerate() {
            named.clear();
            names.find(value, gap.clone(), &mut named);
            let mut done = gap.start;
            for (range, _) in named.drain(..) {
                out.push_str(&value[done..range.start]);
                done = range.end;
                fill(&value[range], out);
            }
            out.push_str(&value[done..gap.end]);
            if let Some(found) = found.get(index) {
                fill(&value[found.start..found.end], out);
            }
        }
        Ok(())
    }
}

/// Appends as many characters as `text` has: white space as it is, `x` for all else.
pub fn fill(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if c.is_whitespace() { c } else { 'x' }));
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let find = build.parameters.texts("find")?;
    let columns = build.parameters.texts("columns")?;
    let limit = build.ty.max_chars();
    if find.is_none() && columns.is_none() {
        return Ok(Built::text(Redact, Uniqueness::None, limit));
    }
    let kind = |name: &str| {
        KINDS.iter().copied().find(|kind| *kind == name).ok_or_else(|| Refusal {
            what: format!("`find` has no choice `{name}`"),
            hint: did_you_mean(name, KINDS.iter().copied()),
        })
    };
    let kinds: Vec<KindName> = find.unwrap_or_default().into_iter().map(kind).collect::<Result<_, _>>()?;
    let columns = columns.unwrap_or_default();
    let input =
        |column: &&str| Input { column: column.to_string(), form: Form::Original, parameter: "columns" };
    let mask = RedactFound { kinds, columns: columns.len() };
    Ok(Built { inputs: columns.iter().map(input).collect(), ..Built::text(mask, Uniqueness::None, limit) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn only_what_is_asked_for_is_redacted() {
        let text = "ana@corp.example or 212-736-5000 on 2024-01-31";
        let masked = |rule: &str| Tester::new(&REDACT, rule, PgType::Text).masked(text).unwrap();
        assert_eq!(masked("find = ['email']"), "xxxxxxxxxxxxxxxx or 212-736-5000 on 2024-01-31");
        assert_eq!(masked("find = ['email', 'phone']"), "xxxxxxxxxxxxxxxx or xxxxxxxxxxxx on 2024-01-31");
        assert_eq!(masked("find = []"), text);
        assert_eq!(
            Tester::refused(&REDACT, "find = ['emial']", PgType::Text),
            "`find` has no choice `emial`"
        );
        assert_eq!(
            Tester::refused(&REDACT, "find = 'email'", PgType::Text),
            "`find` is not a list of strings"
        );
    }
}
