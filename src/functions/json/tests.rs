//! Documents under rules.

use std::path::Path as FilePath;

use proptest::prelude::*;

use super::*;
use crate::functions::{Context, FUNCTIONS, Masking, Parameters};
use crate::key::MasterKey;

fn try_build(rule: &str) -> Result<Built, Refusal> {
    let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: FilePath::new(""),
        lists: &crate::functions::lists::Lists::default(),
    };
    let parameters = Parameters(toml::from_str(rule).unwrap());
    let domain = key.domain("json");
    build(&Build::new(&parameters, &PgType::Json, &domain, false).within(&context))
}

fn mask(rule: &str) -> Box<dyn TextMask> {
    let Masking::Text(mask) = try_build(rule).unwrap().masking else { unreachable!() };
    mask
}

fn masked(rule: &str, document: &str) -> Result<String, &'static str> {
    let mut out = String::new();
    mask(rule).mask(document, document.as_bytes(), &mut out).map(|()| out)
}

#[test]
fn only_leaves_that_a_path_selects_change() {
    let rule = r#"
        unlisted = "keep"
        [paths]
        "$.a[1:]" = { fn = "fixed", value = "x" }
        "$..secret" = { fn = "fixed", value = 0 }
        "$.b['c d'].e" = "null"
    "#;
    let document = " { \"a\" : [1e0, \"é\" ,2.50,{ } ],\n\"a\":[],\"b\":{\"c d\":{\"e\":[1,{}],\"e\":1}}, \"k\\u0065y\":1,\
                    \"q\":[{\"secret\":1.0}, {\"secret\":true}, {\"secret\":null}]}\t";
    let expected = " { \"a\" : [1e0, \"x\" ,\"x\",{ } ],\n\"a\":[],\"b\":{\"c d\":{\"e\":null,\"e\":null}}, \"k\\u0065y\":1,\
                    \"q\":[{\"secret\":0}, {\"secret\":\"0\"}, {\"secret\":null}]}\t";
    assert_eq!(masked(rule, document).unwrap(), expected);
}

#[test]
fn an_escaped_name_is_the_name_that_it_means() {
    let rule = "paths = { '$.key' = 'redact' }";
    assert_eq!(masked(rule, r#"{"\u006bey":"a\"\ud83d\ude00"}"#).unwrap(), r#"{"\u006bey":"xxx"}"#);
}

#[test]
fn the_closest_path_decides() {
    let rule = "unlisted = 'error'\n[paths]\n'$..*' = 'redact'\n'$.open' = 'keep'\n'$.open.not' = 'null'";
    let document = r#"{"a":{"b":"cd"},"open":{"x":["yz"],"not":5,"deep":{"not":"k"}}}"#;
    let expected = r#"{"a":{"b":"xx"},"open":{"x":["yz"],"not":null,"deep":{"not":"k"}}}"#;
    assert_eq!(masked(rule, document).unwrap(), expected);
}

#[test]
fn what_no_path_selects_is_refused_unless_a_rule_says_more() {
    let document = r#"{"a":"x@y.test","b":[1]}"#;
    assert!(masked("paths = { '$.a' = 'email' }", document).unwrap_err().contains("no path names"));
    let result = masked("unlisted = 'null'\npaths = { '$.a' = 'keep' }", document).unwrap();
    assert_eq!(result, r#"{"a":"x@y.test","b":[null]}"#);
    assert!(masked("paths = { '$.a' = 'email' }", "{\"b\":[{}]}").is_ok());
    let strict = "missing = 'error'\nunlisted = 'keep'\npaths = { '$.a' = 'email', '$.b[*]' = 'keep' }";
    assert!(masked(strict, document).is_ok());
    assert!(masked(strict, r#"{"a":"x@y.test","b":[]}"#).unwrap_err().contains("lacks"));
}

#[test]
fn a_part_is_masked_as_its_column_is() {
    let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
    let column = |name: &str, ty: &PgType, value: &str| {
        let function = crate::functions::find(name).unwrap();
        let (parameters, domain) = (Parameters::default(), key.domain(function.domain));
        let Masking::Text(mask) =
            function.prepare(&Build::new(&parameters, ty, &domain, false)).unwrap().masking
        else {
            unreachable!()
        };
        let mut out = String::new();
        mask.mask(value, value.as_bytes(), &mut out).map(|()| out).unwrap()
    };
    let rule = "[paths]\n'$.email' = 'email'\n'$.id' = { fn = 'integer_id', type = 'integer' }\n'$.on' = 'date_shift'";
    let result = masked(rule, r#"{"email":"a@b.example","id":42,"on":"2024-01-31T10:00:00.5Z"}"#).unwrap();
    let [email, id] = [("email", &PgType::Text, "a@b.example"), ("integer_id", &PgType::Int4, "42")]
        .map(|(f, ty, v)| column(f, ty, v));
    let on = column("date_shift", &PgType::TimestampTz(None), "2024-01-31 10:00:00.5").replace(' ', "T");
    assert_eq!(result, format!(r#"{{"email":"{email}","id":{id},"on":"{on}Z"}}"#));
}

#[test]
fn elements_are_counted_from_either_end_past_what_is_left_out() {
    let rule = "unlisted = 'keep'\n[paths]\n'$.x[-1]' = { fn = 'fixed', value = 'z' }\n'$.n' = 'null'";
    let document = r#"{"n":[[],[1,[2]]],"x":[[1,2,3],4,5]}"#;
    assert_eq!(masked(rule, document).unwrap(), r#"{"n":null,"x":[[1,2,3],4,"z"]}"#);
    assert_eq!(masked(rule, r#"{"x":[[1,2,3]]}"#).unwrap(), r#"{"x":[["z","z","z"]]}"#);
}

#[test]
fn a_leaf_of_a_kind_that_the_function_does_not_take_becomes_a_string() {
    let rule = "unlisted = 'redact'\npaths = { '$.n' = 'integer_id' }";
    assert_eq!(
        masked(rule, r#"{"a":true,"b":-1.5,"c":null}"#).unwrap(),
        r#"{"a":"xxxx","b":"xxxx","c":null}"#
    );
    assert!(masked(rule, r#"{"n":true}"#).unwrap_err().contains("takes none"));
    assert!(masked(rule, r#"{"n":1.5}"#).is_err());
}

#[test]
fn a_filter_chooses_by_what_comes_later() {
    let rule = "unlisted = 'keep'\n[paths]\n\"$[?@.kind == 'home'].no\" = 'redact'";
    let document = r#"[{"no":"12","kind":"home"},{"no":"34","kind":"work"},{"no":"56"}]"#;
    let expected = r#"[{"no":"xx","kind":"home"},{"no":"34","kind":"work"},{"no":"56"}]"#;
    assert_eq!(masked(rule, document).unwrap(), expected);
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "]",
        "{]",
        "[}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{,}",
        "[1 2]",
        "1 2",
        "tru",
        "nulls",
        "01",
        "'a'",
        "\"a",
        "\"\t\"",
        "[1]]",
        "{\"a\":1}}",
        "{\"a\" 1}",
        "[:]",
    ] {
        assert_eq!(masked("unlisted = 'keep'\npaths = {}", text), Err("is not JSON"), "{text}");
    }
}

#[test]
fn deep_nesting_needs_no_stack() {
    let deep = format!("{}1{}", "[{\"a\":".repeat(200_000), "}]".repeat(200_000));
    assert_eq!(masked("unlisted = 'keep'\npaths = {}", &deep).unwrap(), deep);
    assert!(masked("unlisted = 'keep'\npaths = {}", &"[".repeat(200_000)).is_err());
    let last = masked("unlisted = 'keep'\npaths = { '$..[-1].a' = 'null' }", &deep).unwrap();
    assert_eq!(last, "[{\"a\":null}]");
}

#[test]
fn a_wrong_rule_is_refused() {
    let refused = |rule: &str| try_build(rule).err().unwrap();
    assert!(refused("").what.contains("no `paths`"));
    assert!(refused("paths = 1").hint.is_some());
    assert_eq!(
        refused("paths = { 'email' = 'email' }").what,
        "`email` is not a path: expected `$` at byte 0"
    );
    assert_eq!(refused("paths = { '$.a' = 'emial' }").hint.unwrap(), "did you mean `email`?");
    assert_eq!(refused("paths = { '$.a' = { fn = 'uuid', by = 'id' } }").what, "`$.a`: `uuid` takes no `by`");
    assert!(
        refused("paths = { '$.a.*' = 'email', '$.*.a' = 'keep' }").what.contains("may select the same node")
    );
    assert!(refused("unlisted = 'kep'\npaths = {}").what.contains("`unlisted`"));
    assert!(try_build("paths = { '$.a.*' = 'email', '$.*.a' = 'email' }").is_ok());
}

#[test]
fn nested_rules_ask_for_columns_of_the_row() {
    let inputs = try_build("paths = { '$.a' = { fn = 'email', by = 'id' } }").unwrap().inputs;
    // One for strings and one for numbers.
    assert!(inputs.iter().all(|input| input.column == "id") && !inputs.is_empty());
}

/// Any document, as text with white space.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_string()),
        Just("true".to_string()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let members = proptest::collection::vec(("[a-c]{1,2}", inner.clone()), 0..5);
        let elements = proptest::collection::vec(inner, 0..5);
        prop_oneof![
            elements.prop_map(|elements| format!("[ {}]", elements.join(" ,"))),
            members.prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_kept_goes_out_byte_for_byte(document in documents()) {
        prop_assert_eq!(masked("unlisted = 'keep'\npaths = { '$..zz' = 'null' }", &document), Ok(document));
    }

    #[test]
    fn a_masked_document_is_one_with_the_same_shape(document in documents()) {
        let rule = "unlisted = 'redact'\n[paths]\n'$..a' = 'email'\n'$[-2:]' = 'hash'\n'$..[?@.b]' = 'keep'\n'$.c' = 'null'";
        let result = masked(rule, &document).unwrap();
        let shape = |text: &str| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            value.as_array().map(Vec::len).or(value.as_object().map(serde_json::Map::len))
        };
        prop_assert_eq!(shape(&result), shape(&document));
    }

    #[test]
    fn any_text_is_masked_or_refused(text in "[\\[\\]{}\",:\\\\u0-9a-f \\x00-\\x20é]{0,40}") {
        let _ = masked("unlisted = 'redact'\n[paths]\n'$..a' = 'email'\n'$[?@.a==1]' = 'keep'", &text);
    }
}
