//! Nothing of a value is left in its result.

use std::collections::HashMap;

use arrow::array::BinaryViewArray;
use pgmask::functions::FUNCTIONS;
use pgmask::schema::PgType;

use super::samples::samples;
use super::{masked, masked_by, prepare, texts};

/// What is kept of a value is what these are for: the start, the year, a bound of a range, a word that is not searched
/// for.
const KEEP_PARTS: &[&str] = &["keep", "regex_replace", "truncate", "truncate_to"];

/// How many letters and digits in a row tell something of a value.
const TELLING: usize = 7;

#[test]
fn nothing_that_tells_a_value_from_others_is_left_in_it() {
    for function in FUNCTIONS.iter().filter(|function| !KEEP_PARTS.contains(&function.name)) {
        let samples = samples(function, 500);
        let parts = |value: &str| -> Vec<String> {
            let characters: Vec<char> = value.chars().collect();
            let is_telling = |part: &&[char]| part.iter().all(|c| c.is_alphanumeric());
            characters.windows(TELLING).filter(is_telling).map(|part| part.iter().collect()).collect()
        };
        // What many values have says nothing of one of them.
        let mut counts: HashMap<String, usize> = HashMap::new();
        samples.iter().flat_map(|value| parts(value)).for_each(|part| *counts.entry(part).or_default() += 1);
        let result = masked(function, 0, &BinaryViewArray::from_iter_values(&samples));
        for (value, result) in samples.iter().zip(texts(&result)) {
            let result = result.unwrap_or("");
            let shown =
                parts(value).into_iter().find(|part| counts[part] < 5 && result.contains(part.as_str()));
            assert_eq!(shown, None, "{}: of {value} in {result}", function.name);
        }
    }
}

#[test]
fn nothing_of_a_secret_is_left() {
    let keeps_parts = ["keep", "null", "free_text"];
    for function in FUNCTIONS.iter().filter(|function| !keeps_parts.contains(&function.name)) {
        let secrets: Vec<String> =
            (0..200).map(|n| format!("Zq{n:05}x{:07}", n * 7919 + 1_234_567)).collect();
        let ty = if function.takes_text.contains("text`,") { &PgType::Text } else { continue };
        let built = prepare(function, 0, ty, &function.example.parameters(), false);
        let result = masked_by(built, &BinaryViewArray::from_iter_values(&secrets), ty, None);
        for (secret, result) in secrets.iter().zip(texts(&result)) {
            let result = result.unwrap_or("");
            let shown = (0..secret.len() - 7).find(|&at| result.contains(&secret[at..at + 8]));
            assert_eq!(shown, None, "{}", function.name);
        }
    }
}
