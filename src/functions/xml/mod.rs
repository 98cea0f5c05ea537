//! `xml`: a document whose text and attributes are masked each by the rule of the path that names it.

mod path;
mod walk;

use path::Path;
use walk::Walk;

use super::nested::Nested;
use super::row::Row;
use super::text::check_length;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static XML: Function = Function {
    name: "xml",
    summary: "Mask the text and the attributes of a document, each by the rule of the closest path that selects it or an \
              element it is in; tags, white space and all else stay, comments and processing instructions are left out",
    parameters: &[
        Parameter {
            name: "paths",
            help: "a table from paths to rules, such as `{ \"//person/@email\" = \"email\", \"/order/note/text()\" = \
                   \"redact\" }`: of XPath, `/` and `//` before names and `*`, `[n]` and `[@name='value']` after them, and at \
                   the end `@name`, `@*` or `text()`; a path to an element names all that is in it; of paths as close the last in the order of their text counts; required",
        },
        Parameter {
            name: "unlisted",
            help: "what becomes of text and attributes that no path selects: \"error\" makes the document invalid, any other \
                   is the name of a function or a rule, such as \"keep\", \"null\" or \"redact\"; default \"error\"",
        },
    ],
    example: Example {
        rule: r#"{ fn = "xml", paths = { "//name" = "redact", "//@id" = "keep" } }"#,
        ty: PgType::Xml,
        input: r#"<person id="7"><name>Ana Silva</name></person>"#,
        output: Some(r#"<person id="7"><name>xxx xxxxx</name></person>"#),
    },
    domain: "xml",
    domain_by: None,
    takes: |ty| *ty.base() == PgType::Xml || ty.is_text(),
    takes_text: "`xml`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Documents under paths; the rule of each path, those of closer paths later.
struct Xml {
    paths: Vec<Path>,
    rules: Vec<Nested>,
    /// How close each path is; equal for paths that name nodes as closely.
    ranks: Vec<usize>,
    /// What becomes of what no path selects; `None` where it is refused.
    unlisted: Option<Nested>,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for Xml {
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

impl Xml {
    /// The closer one of a node's own rule and that of an element it is in; its own if they are as close.
    fn closer(&self, own: Option<usize>, inherited: Option<usize>) -> Option<usize> {
        match (own, inherited) {
            (Some(own), Some(inherited)) if self.ranks[own] < self.ranks[inherited] => Some(inherited),
            (own, inherited) => own.or(inherited),
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hint = "add `paths = { \"//name\" = \"redact\" }`";
    let table = build.rule_table("xml", "paths", hint)?;
    let mut inputs = Vec::new();
    let mut nested = |name: &str, rule| build.nest_part(name, rule, &mut inputs);
    let mut listed = Vec::with_capacity(table.len());
    for (text, rule) in table {
        let path = Path::parse(text).ok_or_else(|| {
            Refusal::new(format!("`{text}` is not a path that is supported"))
                .hint("paths are such as `/order/item[1]/@sku`, `//person[@kind='vip']` or `//note/text()`")
        })?;
        listed.push((path, nested(text, rule)?));
    }
    let unlisted = build.unlisted().map(|rule| nested("unlisted", rule)).transpose()?;
    listed.sort_by_key(|(path, _)| path.closeness());
    let closeness: Vec<_> = listed.iter().map(|(path, _)| path.closeness()).collect();
    let ranks = closeness.iter().map(|one| closeness.partition_point(|other| other < one)).collect();
    let (paths, rules) = listed.into_iter().unzip();
    let limit = build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize);
    let mask = Xml { paths, rules, ranks, unlisted, limit };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, build.ty.max_chars()) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(rule: &str, document: &str) -> Result<String, &'static str> {
        Tester::new(&XML, rule, PgType::Xml).masked(document)
    }

    #[test]
    fn text_and_attributes_are_masked_where_they_stand() {
        let rule = r#"
            unlisted = "keep"
            [paths]
            "//name" = "redact"
            "/a/b[2]/@k" = { fn = "fixed", value = "<'&\">" }
            "//b[@k='1']/text()" = "redact"
        "#;
        let document = "<?xml version='1.0'?>\n<a x = \"1\" >\n <b k='1'>p&amp;q</b><b k='2' ><name z=\"é\">R<i>S</i></name></b ><!-- hid --><c/><?p q?></a>";
        let expected = "<?xml version='1.0'?>\n<a x = \"1\" >\n <b k='1'>xxx</b><b k='&lt;&apos;&amp;&quot;&gt;' ><name z=\"x\">x<i>x</i></name></b ><c/></a>";
        assert_eq!(masked(rule, document).unwrap(), expected);
    }

    #[test]
    fn the_closest_path_decides() {
        let rule = "[paths]\n'//*' = 'redact'\n'//a/b' = 'keep'\n'//a/b/c/text()' = 'redact'";
        assert_eq!(masked(rule, "<a>x1<b>y2<c>z3</c></b></a>").unwrap(), "<a>xx<b>y2<c>xx</c></b></a>");
        assert_eq!(masked("paths = { '//a' = 'redact' }", "<a><![CDATA[<b&>]]></a>").unwrap(), "<a>xxxx</a>");
        assert_eq!(
            masked("paths = { '//a' = 'keep' }", "<a><![CDATA[<b&>]]></a>").unwrap(),
            "<a><![CDATA[<b&>]]></a>"
        );
    }

    #[test]
    fn what_no_path_selects_is_refused() {
        let rule = "paths = { '//a/@k' = 'redact' }";
        assert!(masked(rule, "<a k='1'/>").is_ok());
        assert!(masked(rule, "<a xmlns='u' k='1'/>").is_ok());
        assert!(masked(rule, "<a k='1'>t</a>").unwrap_err().contains("no path names"));
        assert!(masked(rule, "<a j='1'/>").unwrap_err().contains("no path names"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let rule = "unlisted = 'redact'\npaths = {}";
        for document in [
            "<a>",
            "</a>",
            "<a></b>",
            "<a",
            "<a b>",
            "<a b=1>",
            "<a b='1>",
            "<a b='<'/>",
            "<a>&nope;</a>",
            "<a>&#xd800;</a>",
            "<!DOCTYPE a><a/>",
            "<a><!-- </a>",
            "<a><![CDATA[</a>",
            "<1/>",
            "< a/>",
            "<a b='1'c='2'/>",
        ] {
            assert!(masked(rule, document).is_err(), "{document}");
        }
        for rule in ["", "paths = 1", "paths = { 'a' = 'keep' }", "paths = { '/a' = 'emial' }"] {
            Tester::refused(&XML, rule, PgType::Xml);
        }
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let deep = format!("{}{}", "<a>".repeat(50_000), "</a>".repeat(50_000));
        assert_eq!(masked("paths = { '/a' = 'redact' }", &deep).unwrap(), deep);
    }

    proptest! {
        #[test]
        fn any_text_is_masked_or_refused(text in "(<|/?>|</|<!--|-->|<!\\[CDATA\\[|\\]\\]>|<\\?|\\?>|[ab='\"&;#é ]){0,30}") {
            let _ = masked("unlisted = 'redact'\n[paths]\n'//a' = 'redact'\n'//@b' = 'keep'", &text);
        }
    }
}
