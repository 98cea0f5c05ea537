//! Equal in, equal out: however values are put together. Another key gives other results, and no result is the value.

use std::collections::HashSet;

use arrow::array::Array;
use pgmask::functions::canonical::canonical;
use pgmask::functions::{FUNCTIONS, Function, Masking};
use pgmask::schema::PgType;
use proptest::prelude::*;

use super::samples::sample_column;
use super::{Masker, column, exemplary, masked, prepare, texts};

/// The functions whose result does not depend on the key.
const KEYLESS: &[&str] = &[
    "array",
    "blank",
    "bucket",
    "clamp",
    "composite",
    "default",
    "fixed",
    "hstore",
    "keep",
    "null",
    "placeholder",
    "range",
    "redact",
    "regex_replace",
    "round",
    "template",
    "truncate",
    "truncate_to",
    "xml",
    "zip3",
];

/// The functions of so few results that many are the same under another key.
const OF_FEW_RESULTS: [&str; 2] = ["choice", "lookup"];

#[test]
fn equal_in_is_equal_out_and_another_key_gives_another_result() {
    for function in FUNCTIONS {
        let values = sample_column(function, 500);
        let result = masked(function, 0, &values);
        assert_eq!(result, masked(function, 0, &values), "{}", function.name);
        if KEYLESS.contains(&function.name) || OF_FEW_RESULTS.contains(&function.name) {
            continue;
        }
        let other = masked(function, 1, &values);
        let same = result.iter().zip(other.iter()).filter(|(one, other)| one == other).count();
        // Of so few results, some are the same by chance.
        let distinct = result.iter().chain(other.iter()).collect::<HashSet<_>>().len();
        let by_chance = 3 * values.len() / (2 * distinct.max(2)) + values.len() / 10;
        assert!(
            same <= by_chance.min(values.len() - 1) || values.len() < 3,
            "{}: {same} of {} are the same under another key",
            function.name,
            values.len()
        );
    }
}

#[test]
fn samples_are_valid_and_differ_from_their_results() {
    for function in FUNCTIONS.iter().filter(|function| !["default", "keep", "null"].contains(&function.name))
    {
        let values = sample_column(function, 500);
        let result = masked(function, 0, &values);
        assert_eq!(result.null_count(), 0, "{}", function.name);
        let same = result.iter().zip(values.iter()).filter(|(one, other)| one == other).count();
        assert!(
            same < 3 || values.len() < 3,
            "{}: {same} of {} are as they were",
            function.name,
            values.len()
        );
    }
}

#[test]
fn values_mask_alike_alone_and_together_and_after_other_text() {
    for function in FUNCTIONS {
        let ty = &function.example.ty;
        let values = sample_column(function, 100);
        let together = masked(function, 0, &values);
        let masker = Masker::new(exemplary(function, 0));
        for row in 0..values.len() {
            assert_eq!(
                masker.mask(&values.slice(row, 1), ty, None),
                together.slice(row, 1),
                "{}",
                function.name
            );
        }
        let built = exemplary(function, 0);
        let Masking::Text(mask) = built.masking else { continue };
        if !built.inputs.is_empty() {
            continue;
        }
        for (value, result) in texts(&values).iter().zip(texts(&together)) {
            let (mut out, mut scratch) = (String::from("before"), Vec::new());
            let value = value.unwrap().replace(r"\\", r"\");
            mask.mask(&value, canonical(ty, value.as_bytes(), &mut scratch), &mut out).unwrap();
            assert!(out.starts_with("before"), "{}", function.name);
            if !result.unwrap().contains('\\') {
                assert_eq!(Some(&out[6..]), result, "{}", function.name);
            }
        }
    }
}

#[test]
fn case_does_not_matter_in_citext() {
    let ty = PgType::Citext;
    let takes_citext = |function: &&&Function| (function.takes)(&ty);
    let functions: Vec<_> = FUNCTIONS.iter().filter(takes_citext).collect();
    let build = |function: &Function| prepare(function, 0, &ty, &function.example.parameters(), false);
    let maskers: Vec<Masker> = functions.iter().map(|function| Masker::new(build(function))).collect();
    proptest!(|(text in "[A-Za-zÀ-ÿ0-9]{1,12}")| {
        let values = column(&[Some(text.as_bytes()), Some(text.to_lowercase().as_bytes())]);
        for (function, masker) in functions.iter().zip(&maskers) {
            let result = masker.mask(&values, &ty, None);
            let folded: Vec<_> = texts(&result).iter().map(|text| text.map(str::to_lowercase)).collect();
            prop_assert_eq!(&folded[0], &folded[1], "{}", function.name);
        }
    });
}
