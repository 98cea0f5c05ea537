//! `truncate`: the first or the last characters of a value.

use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static TRUNCATE: Function = Function {
    name: "truncate",
    summary: "Keep the first characters of a value, or the last, as they are; a value that has no more is kept as a whole",
    parameters: &[
        Parameter { name: "length", help: "how many characters stay, 0 to 10485760; required" },
        Parameter { name: "keep", help: "\"start\" or \"end\": which stay; default \"start\"" },
        Parameter {
            name: "fill",
            help: "one character that stands for each that is cut off, so that the length stays; default none",
        },
    ],
    example: Example {
        rule: r#"{ fn = "truncate", length = 3, fill = "0" }"#,
        ty: PgType::Text,
        input: "94110-2714",
        output: Some("9410000000"),
    },
    domain: "truncate",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Truncate {
    length: usize,
    keep_end: bool,
    fill: Option<char>,
}

impl TextMask for Truncate {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let chars = value.chars().count();
        let cut = chars.saturating_sub(self.length);
        let kept = if self.keep_end { cut } else { chars - cut };
        let at = value.char_indices().nth(kept).map_or(value.len(), |(at, _)| at);
        let (start, end) = value.split_at(at);
        let fill = self.fill.into_iter().flat_map(|fill| std::iter::repeat_n(fill, cut));
        if self.keep_end {
            out.extend(fill);
            out.push_str(end);
        } else {
            out.push_str(start);
            out.extend(fill);
        }
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(length) = build.parameters.integer("length", 0..=10_485_760)? else {
        return Err(Refusal::new("`truncate` has no `length`").hint("add one, such as `length = 3`"));
    };
    let keep_end = build.parameters.choice("keep", &[("start", false), ("end", true)])?.unwrap_or(false);
    let fill = build.parameters.text("fill")?.map(|fill| {
        let mut characters = fill.chars();
        match (characters.next(), characters.next()) {
            (Some(c), None) if c != '\0' => Ok(c),
            _ => Err(Refusal::new("`fill` is not one character").hint("write one, such as `fill = \"0\"`")),
        }
    });
    let fill = fill.transpose()?;
    let max_chars = if fill.is_some() { build.ty.max_chars() } else { Some(length as u32) };
    let max_chars = match (max_chars, build.ty.max_chars()) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    Ok(Built::text(Truncate { length: length as usize, keep_end, fill }, Uniqueness::None, max_chars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn either_end_stays() {
        let masked =
            |rule: &str, value: &str| Tester::new(&TRUNCATE, rule, PgType::Text).masked(value).unwrap();
        assert_eq!(masked("length = 2", "äöü"), "äö");
        assert_eq!(masked("length = 2\nkeep = 'end'", "äöü"), "öü");
        assert_eq!(masked("length = 1\nkeep = 'end'\nfill = '*'", "äöü"), "**ü");
        assert_eq!(masked("length = 0\nfill = 'é'", "abc"), "ééé");
        assert_eq!(masked("length = 9\nfill = '0'", "abc"), "abc");
    }

    #[test]
    fn a_wrong_rule_is_refused() {
        for rule in [
            "",
            "length = -1",
            "length = 1\nfill = 'ab'",
            "length = 1\nfill = ''",
            "length = 1\nkeep = 'mid'",
        ] {
            Tester::refused(&TRUNCATE, rule, PgType::Text);
        }
    }
}
