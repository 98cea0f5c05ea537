//! Different values stay different, where a function says so.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::array::BinaryViewArray;
use pgmask::functions::{FUNCTIONS, Parameters, Uniqueness};
use pgmask::schema::PgType;

use super::samples::each_sample;
use super::{Masker, exemplary, masked_by, prepare};

/// How many values an injective function is tried with, such as `MASK_TEST_INJECTIVE=10000000`.
fn injective_samples() -> u64 {
    std::env::var("MASK_TEST_INJECTIVE").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

/// 128 bits of a value: those of different values differ, or the test fails where it need not.
fn fingerprint(value: &[u8]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, value).hash(&mut hasher);
        hasher.finish()
    };
    u128::from(half(0)) << 64 | u128::from(half(1))
}

#[test]
fn an_injective_function_keeps_different_values_different() {
    for function in FUNCTIONS {
        let built = exemplary(function, 0);
        let spread = match built.uniqueness {
            Uniqueness::Injective => true,
            Uniqueness::Bits(bits) => bits > 100.0,
            Uniqueness::None => false,
        };
        if !spread {
            continue;
        }
        let masker = Masker::new(built);
        let (mut values, mut results) = (Vec::new(), Vec::new());
        each_sample(function, injective_samples(), |samples| {
            values.extend(samples.iter().map(|value| fingerprint(value.as_bytes())));
            let column = BinaryViewArray::from_iter_values(samples);
            let masked = masker.mask(&column, &function.example.ty, None);
            results.extend(masked.iter().map(|result| fingerprint(result.expect("samples are valid"))));
        });
        for (fingerprints, what) in [(&mut values, "values"), (&mut results, "results")] {
            let all = fingerprints.len();
            fingerprints.sort_unstable();
            fingerprints.dedup();
            assert_eq!(fingerprints.len(), all, "{}: different {what}", function.name);
            assert_eq!(all as u64, injective_samples(), "{}", function.name);
        }
    }
}

#[test]
fn a_small_domain_is_permuted() {
    let all = |name: &str, ty: &PgType, parameters: &str, values: Vec<String>| {
        let function = pgmask::functions::find(name).unwrap();
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        let built = prepare(function, 0, ty, &parameters, false);
        let values = BinaryViewArray::from_iter_values(values);
        let result = masked_by(built, &values, ty, None);
        let set = |column: &BinaryViewArray| -> HashSet<Vec<u8>> {
            column.iter().map(|value| value.unwrap().to_vec()).collect()
        };
        assert_eq!(set(&result), set(&values), "{name}");
    };
    let numbers = |range: std::ops::RangeInclusive<i32>| range.map(|n| n.to_string()).collect();
    all("integer_id", &PgType::Int2, "", numbers(-32768..=32767));
    all("integer_id", &PgType::Int8, "min = -3\nmax = 96", numbers(-3..=96));
    let words = ["ash", "elm", "oak", "yew"].map(String::from).to_vec();
    all("lookup", &PgType::Text, "values = ['oak', 'ash', 'yew', 'elm']\nunique = true", words);
    let letters =
        ('a'..='z').flat_map(|one| ('a'..='z').map(move |other| format!("{one}-{other}"))).collect();
    all("fpe", &PgType::Text, "alphabet = 'lower'\nsmall_domain = 'accept'", letters);
    let plates = ('A'..='Z').flat_map(|letter| (0..100).map(move |n| format!("{letter}{n:02}"))).collect();
    all("vehicle_plate", &PgType::Text, "pattern = 'A99'\nsmall_domain = 'accept'", plates);
    let padded = |width: usize| (0..10u32.pow(width as u32)).map(|n| format!("{n:0width$}")).collect();
    all("digits", &PgType::Text, "small_domain = 'accept'", padded(1));
    all("digits", &PgType::Text, "small_domain = 'accept'", padded(3));
    all("digits", &PgType::Text, "small_domain = 'accept'\nkeep_first = 1\nkeep_last = 1", padded(4));
}
