//! Values that a function takes, as many as are asked for, all of them different.

use std::collections::HashSet;

use arrow::array::{Array, BinaryViewArray};
use pgmask::functions::Function;
use pgmask::functions::collisions;

use super::{Masker, column, exemplary};

/// Values are made so many at a time, so that few of them are held at once.
const BATCH: u64 = 1 << 16;

/// Gives `take` values like that of the function's example, all of them valid and different, a batch at a time; fewer
/// than `count` where the function takes only some words.
pub fn each_sample(function: &Function, count: u64, mut take: impl FnMut(&[String])) {
    if sample(function, 1).is_none() {
        return take(&like_the_example(function, count));
    }
    for first in (1..=count).step_by(BATCH as usize) {
        let last = count.min(first + BATCH - 1);
        take(&(first..=last).filter_map(|n| sample(function, n)).collect::<Vec<_>>());
    }
}

/// All of them at once.
pub fn samples(function: &Function, count: u64) -> Vec<String> {
    let mut samples = Vec::new();
    each_sample(function, count, |batch| samples.extend_from_slice(batch));
    samples
}

/// The example's value with other digits, and letters where more of those are valid.
fn like_the_example(function: &Function, count: u64) -> Vec<String> {
    let masker = Masker::new(exemplary(function, 0));
    let is_valid = |value: &str| {
        let result = masker.mask(&column(&[Some(value.as_bytes())]), &function.example.ty, None);
        matches!(masker, Masker::Null) || result.is_valid(0)
    };
    let like = |letters: bool| move |n: u64| collisions::like(function.example.input, n, letters);
    let valid_of_100 = |letters: bool| (1..=100).map(like(letters)).filter(|value| is_valid(value)).count();
    let letters = valid_of_100(true) >= 20 || valid_of_100(false) == 0;
    let mut seen = HashSet::from([function.example.input.to_string()]);
    let tried = (1..=4 * count + 10_000).map(like(letters));
    let fresh = tried.filter(|value| is_valid(value) && seen.insert(value.clone()));
    let mut samples: Vec<String> = fresh.take(count as usize - 1).collect();
    samples.push(function.example.input.to_string());
    samples
}

/// The numbers below `size` in another order: one for each `n` below it.
fn spread(n: u64, size: u64) -> u64 {
    // A prime that is larger than any size has no divisor in common with it.
    const PRIME: u128 = (1 << 61) - 1;
    (u128::from(n) * PRIME % u128::from(size)) as u64
}

/// An odd multiplier permutes the integers modulo a power of two.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The samples of functions whose values have a form that changed digits and letters seldom meet, or so few of them
/// that they would soon be the same.
fn sample(function: &Function, n: u64) -> Option<String> {
    Some(match function.name {
        "integer_id" => (1 + spread(n, (1 << 31) - 1)).to_string(),
        "uuid" => {
            let tail = format!("{:016x}", scattered(n));
            format!("{n:08x}-{}-4{}-8{}-{}", &tail[..4], &tail[4..7], &tail[7..10], "0a0b0c0d0e0f")
        }
        "hash" | "keep" => format!("value {}", scattered(n)),
        "credit_card" => with_check_digit(&format!("4{:014}", spread(n, 10u64.pow(14)))),
        "date_shift" => format!("{:04}-{:02}-{:02}", 1 + n / 336, 1 + n / 28 % 12, 1 + n % 28),
        "truncate_to" | "time_of_day" => format!("{:04}-{:02}-03 16:45:12.5", 1 + n / 12, 1 + n % 12),
        "noise" | "round" => format!("{n}.57"),
        "zip3" => format!("{:05}", 10_001 + 2 * n % 89_998),
        "bucket" | "clamp" => (90 + n).to_string(),
        "json" => format!(r#"{{"email": "{}@corp.example", "tags": [{n}, null]}}"#, scattered(n)),
        "xml" => format!("<a id='7'><name>Ana {n}</name></a>"),
        "composite" => format!("(street {n},{n},)"),
        "hstore" => format!(r#""name"=>"Ana {n}""#),
        "placeholder" | "blank" => format!(r"\\x{n:08x}"),
        "range" => format!("[2024-01-31,{:04}-03-15)", 2025 + n % 7000),
        "array" => format!("{{{},NULL}}", scattered(n)),
        "free_text" => format!("ask user{}@corp.example", scattered(n)),
        "lookup" => format!("wood {n}"),
        "regex_replace" => format!("ward/{n}0"),
        "digits" | "fpe" => format!("{:012}", spread(n, 10u64.pow(12))),
        "bic" => format!("{}DEFF{:03}", letters(spread(n, 26u64.pow(4)), 4), n % 1000),
        "check_digit" => {
            let n = spread(n, 676_000_000);
            with_mod_11_10(&format!("{}-", letters(n / 1_000_000, 2)), n % 1_000_000)
        }
        "driving_licence" | "passport" | "ssn" => format!("{:09}", spread(n, 1_000_000_000)),
        "vehicle_plate" => {
            let n = spread(n, 175_760_000);
            format!("B-{} {:04}", letters(n / 10_000, 3), n % 10_000)
        }
        "hostname" => format!("host-{n}.corp.example"),
        "iban" => iban(spread(n, 10u64.pow(18))),
        "ip" => {
            let n = spread(n, 1 << 32);
            format!("{}.{}.{}.{}", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255)
        }
        "mac" => {
            let bytes = spread(n, 1 << 40).to_be_bytes();
            format!(
                "08:{}",
                bytes[3..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
            )
        }
        "national_id" => citizen_service_number(spread(n, 24_999_999)),
        "password_hash" => format!("$2b$04${:0>53}", letters(n, 5)),
        "token" => format!("sk_live_{:024}", u128::from(scattered(n)) * 1_000_003),
        "url" => format!("https://corp.example/{n}/users/ana-{n}"),
        "user_agent" => format!("Mozilla/5.0 (Windows NT {n})"),
        "vin" => format!("WVW{:014}", spread(n, 10u64.pow(14))),
        _ => return None,
    })
}

fn with_check_digit(payload: &str) -> String {
    let doubled = |(at, byte): (usize, u8)| {
        let digit = u32::from(byte - b'0') * if at % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    };
    let sum: u32 = payload.bytes().rev().enumerate().map(doubled).sum();
    format!("{payload}{}", (10 - sum % 10) % 10)
}

/// The number `n` in so many letters.
fn letters(n: u64, len: usize) -> String {
    (0..len).rev().map(|place| char::from(b'A' + (n / 26u64.pow(place as u32) % 26) as u8)).collect()
}

/// Six digits of `n` with the check digit of ISO/IEC 7064, MOD 11,10.
fn with_mod_11_10(prefix: &str, n: u64) -> String {
    let payload = format!("{n:06}");
    let product = payload.bytes().fold(10, |product, digit| {
        let sum = (product + u32::from(digit - b'0')) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    format!("{prefix}{payload}-{}", (11 - product) % 10)
}

/// A German account with valid check digits: 98 less the number, D and E as 13 and 14 behind it, modulo 97.
fn iban(n: u64) -> String {
    let check = 98 - (u128::from(n) * 1_000_000 + 131_400) % 97;
    format!("DE{check:02}{n:018}")
}

/// The `n`th number of nine digits that passes the eleven test.
fn citizen_service_number(n: u64) -> String {
    let with_check = |payload: u64| {
        let digits = format!("{payload:08}");
        let sum: u64 =
            digits.bytes().zip((2..=9).rev()).map(|(byte, weight)| u64::from(byte - b'0') * weight).sum();
        (sum % 11 < 10).then(|| format!("{digits}{}", sum % 11))
    };
    (4 * n..).find_map(with_check).unwrap()
}

pub fn sample_column(function: &Function, count: u64) -> BinaryViewArray {
    BinaryViewArray::from_iter_values(samples(function, count))
}
