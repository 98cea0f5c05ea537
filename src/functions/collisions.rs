//! When two values first get the same result, function by function: for the reference, and for the values of tests.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::canonical::canonical;
use super::docs::exemplary;
use super::{FUNCTIONS, Function, Masking, Uniqueness};

/// How many values are tried.
const TRIED: u64 = 20_000;

/// The table of first collisions, in Markdown, each function as its example builds it.
pub fn table() -> String {
    let mut text = String::from(INTRODUCTION);
    for function in FUNCTIONS {
        let Some(built) = exemplary(function) else { continue };
        let Masking::Text(_) = built.masking else { continue };
        let found = match (built.uniqueness, first_collision(function)) {
            (Uniqueness::Injective, _) => "never: one to one".to_string(),
            (_, Some(count)) => count.to_string(),
            (Uniqueness::Bits(bits), None) => format!("none found; expected after some 2^{}", bits / 2.0),
            (_, None) => "none found".to_string(),
        };
        writeln!(text, "| `{}` | {found} |", function.name).expect("a string takes all text");
    }
    text
}

const INTRODUCTION: &str = "
## First collisions

How many different values like that of its example, at most 20000, each function takes until two of them get the same result.
A function that is not one to one is refused on a unique column unless its results are far more than rows.

| function | values until two results are the same |
| --- | --- |
";

/// After how many values like the example's the function first gives two of them the same result.
fn first_collision(function: &Function) -> Option<u64> {
    let Masking::Text(mask) = exemplary(function)?.masking else { return None };
    let ty = &function.example.ty;
    let letters = [false, true].into_iter().max_by_key(|&letters| {
        let values = (1..=100).map(|n| like(function.example.input, n, letters));
        values.filter(|value| mask.mask(value, value.as_bytes(), &mut String::new()).is_ok()).count()
    })?;
    let mut results: HashMap<String, Vec<u8>> = HashMap::new();
    let (mut count, mut scratch) = (0, Vec::new());
    for n in 1..=TRIED {
        let value = like(function.example.input, n, letters);
        let subject = canonical(ty, value.as_bytes(), &mut scratch).to_vec();
        let mut result = String::new();
        if mask.mask(&value, &subject, &mut result).is_err() {
            continue;
        }
        count += 1;
        if results.insert(result, subject.clone()).is_some_and(|other| other != subject) {
            return Some(count);
        }
    }
    None
}

/// A value like `example`, by the number `n`: its digits are others, and so are its letters of ASCII where asked.
pub fn like(example: &str, n: u64, letters: bool) -> String {
    // An odd multiplier permutes the integers modulo a power of two.
    let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut state = scattered(n);
    let mut drawn = |from: u8, count: u64| {
        state = scattered(state ^ (state >> 31)).wrapping_add(1);
        char::from(from + ((state >> 33) % count) as u8)
    };
    let other = |character: char| match character {
        '0'..='9' => drawn(b'0', 10),
        'a'..='z' if letters => drawn(b'a', 26),
        'A'..='Z' if letters => drawn(b'A', 26),
        other => other,
    };
    example.chars().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_few_results_collides_soon() {
        let name = super::super::find("last_name").unwrap();
        assert!((2..200).contains(&first_collision(name).unwrap()));
        assert_eq!(first_collision(super::super::find("hash").unwrap()), None);
    }

    #[test]
    fn like_values_keep_their_form() {
        let value = like("Ab-12 é", 7, true);
        assert_eq!(value.chars().count(), 7);
        assert!(value.contains('-') && value.ends_with(" é") && value != "Ab-12 é");
        assert!(like("Ab-12", 7, false).starts_with("Ab-"));
    }
}
