//! What becomes of NULL, and of values that a function cannot parse.

use arrow::array::{Array, BinaryViewArray};
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn};
use pgmask::functions::{FUNCTIONS, Masking};

use super::samples::samples;
use super::{Masker, column, exemplary, masked};

#[test]
fn nulls_and_invalid_values_stand_where_they_stood() {
    for function in FUNCTIONS {
        let Masker::Text(text, inputs) = Masker::new(exemplary(function, 0)) else { continue };
        let masker = Masker::Text(text, inputs);
        let samples = samples(function, 20);
        let valid = |row: usize| samples[row % samples.len()].as_bytes();
        let pattern = |row: usize| if row.is_multiple_of(3) { None } else { Some(valid(row)) };
        let values: Vec<Option<&[u8]>> = (0..50).map(pattern).collect();
        let result = masker.mask(&column(&values), &function.example.ty, None);
        for (row, value) in values.iter().enumerate() {
            let alone = masker.mask(&column(&[*value]), &function.example.ty, None);
            assert_eq!(result.slice(row, 1), alone, "{}, row {row}", function.name);
        }
        let with_invalid = column(&[Some(valid(0)), Some(b"\xff"), None, Some(valid(1))]);
        let result = masker.mask(&with_invalid, &function.example.ty, None);
        assert!(result.is_null(1) && result.is_null(2) && !result.is_null(3), "{}", function.name);
    }
}

#[test]
fn null_stays_null_unless_it_is_masked() {
    for function in FUNCTIONS {
        let null = BinaryViewArray::new_null(1);
        assert!(masked(function, 0, &null).is_null(0), "{}", function.name);
        let Masking::Text(mask) = exemplary(function, 0).masking else { continue };
        let column = TextColumn { mask, null: NullPolicy::Mask, invalid: InvalidPolicy::Error };
        if let Ok(result) = column.apply(&null, &function.example.ty, None) {
            assert_eq!((result.masked, result.nulls), (1, 0), "{}", function.name);
        }
    }
}

/// Values that hardly any function takes.
const STRANGE: &[&str] = &["Zürich 4711 — §?", "{", "-", "1x2", "\u{1f600}"];

#[test]
fn a_value_that_does_not_parse_stops_the_run_or_becomes_null_or_a_filler() {
    let mut tested = Vec::new();
    for function in FUNCTIONS {
        let policies = [InvalidPolicy::Error, InvalidPolicy::Null, InvalidPolicy::Redact];
        let [stops, nulls, redacts] = policies.map(|invalid| {
            let Masking::Text(mask) = exemplary(function, 0).masking else { return None };
            Some(TextColumn { mask, null: NullPolicy::Keep, invalid })
        });
        let (Some(stops), Some(nulls), Some(redacts)) = (stops, nulls, redacts) else { continue };
        let ty = &function.example.ty;
        for value in STRANGE.iter().map(|value| value.as_bytes()).chain([&b"\xff\xfe"[..]]) {
            let values = column(&[Some(value)]);
            let Err(unmasked) = stops.apply(&values, ty, None) else { continue };
            let text = String::from_utf8_lossy(value);
            assert!(unmasked.row == 0 && !unmasked.reason.contains(&*text) || text.chars().count() < 2);
            let nulled = nulls.apply(&values, ty, None).ok().unwrap();
            assert_eq!((nulled.nulls, nulled.values.is_null(0)), (1, true), "{}", function.name);
            let filled = redacts.apply(&values, ty, None).ok().unwrap().values;
            let filled = std::str::from_utf8(filled.value(0)).unwrap();
            let is_filler = |(c, filler): (char, char)| c == filler && !c.is_alphanumeric() || filler == 'x';
            assert_eq!(filled.chars().count(), text.chars().count(), "{}", function.name);
            assert!(text.chars().zip(filled.chars()).all(is_filler), "{}: {filled}", function.name);
            tested.push(function.name);
        }
    }
    tested.dedup();
    assert!(tested.len() > 60, "{tested:?}");
}
