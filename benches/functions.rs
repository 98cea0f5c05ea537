//! Nanoseconds per value of every entry of `FUNCTIONS`, on one core, over a batch of realistic values.
//!
//! Beside each stand two that need no key: a copy of the same values through the same columns, which is what no mask
//! can be faster than, and where there is one, the like of it made at random, by the `fake` crate or from its counter.
//!
//! `cargo bench --bench functions [-- NAME]`; the best of a number of rounds counts, as others' work only ever adds
//! time.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use aes::Aes256;
use arrow::array::BinaryViewArray;
use fake::Fake as _;
use fpe::ff1::{FF1, FlexibleNumeralString};
use pgmask::functions::ff1::Ff1;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn, TextMask};
use pgmask::functions::{Build, Context, FUNCTIONS, Function, Masking};
use pgmask::key::MasterKey;
use pgmask::pg::escape::escape_into;
use sha2::{Digest as _, Sha256};

const VALUES: usize = 65_536;
const ROUNDS: usize = 25;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()));
    println!("{:<18} {:>9} {:>9} {:>11} {:>12}", "", "ns/value", "M/s", "copy, M/s", "random, M/s");
    for function in FUNCTIONS.iter().filter(|function| is_wanted(function.name)) {
        bench(function);
    }
    if is_wanted("FF1") {
        bench_ff1();
    }
}

fn bench(function: &Function) {
    let key = MasterKey::from_bytes(vec![0; 32]).expect("it is long enough");
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: Path::new(""),
        lists: &pgmask::functions::lists::Lists::default(),
    };
    let key = key.domain(function.domain);
    let (parameters, ty) = (function.example.parameters(), &function.example.ty);
    let build = Build::new(&parameters, ty, &key, false).within(&context);
    let Ok(built) = function.prepare(&build) else { return };
    let Masking::Text(mask) = built.masking else { return };
    let values = values(function);
    let masked = |mask: Box<dyn TextMask>| {
        let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Error };
        seconds(|| {
            let Ok(masked) = column.apply(&values, ty, None) else {
                panic!("a value of `{}` is invalid", function.name)
            };
            masked.values
        })
    };
    let (time, copy) = (masked(mask), masked(Box::new(Copy)));
    let random = random(function.name).map_or(String::new(), |time| format!("{:.2}", rate(time)));
    println!("{} {:>11.2} {random:>12}", line(function.name, time), rate(copy));
}

/// The time to make as many values of the kind of `function` without a key, where something does.
fn random(function: &str) -> Option<f64> {
    use fake::faker::{address::en as address, company::en as company, internet::en as internet};
    use fake::faker::{job::en as job, name::en as name, phone_number::en as phone_number};
    fn made<T>(faker: impl Fn() -> T) -> Option<f64> {
        Some(seconds(|| (0..VALUES).map(|_| faker()).collect::<Vec<T>>()))
    }
    match function {
        "city" => made(|| address::CityName().fake::<String>()),
        "company" => made(|| company::CompanyName().fake::<String>()),
        "email" => made(|| internet::SafeEmail().fake::<String>()),
        "first_name" => made(|| name::FirstName().fake::<String>()),
        "full_name" => made(|| name::Name().fake::<String>()),
        "hash" => {
            let values = BinaryViewArray::from_iter_values((0..VALUES).map(|n| format!("Silva {n}")));
            let digests = || values.iter().flatten().map(Sha256::digest).collect::<Vec<_>>();
            Some(seconds(digests))
        }
        "integer_id" => Some(seconds(|| (0..VALUES).map(|n| n.to_string()).collect::<Vec<_>>())),
        "job_title" => made(|| job::Title().fake::<String>()),
        "last_name" => made(|| name::LastName().fake::<String>()),
        "phone" => made(|| phone_number::PhoneNumber().fake::<String>()),
        "postal_code" => made(|| address::ZipCode().fake::<String>()),
        "street_address" => made(|| address::StreetName().fake::<String>()),
        "username" => made(|| internet::Username().fake::<String>()),
        _ => None,
    }
}

/// FF1 of 16 digits, ours beside the `fpe` crate's.
fn bench_ff1() {
    let ours = Ff1::new(&[7; 32], 10).expect("key and radix are in bounds");
    let theirs = FF1::<Aes256>::new(&[7; 32], 10).expect("radix is in bounds");
    let digits = |n: usize| -> [u16; 16] { std::array::from_fn(|at| ((n >> at) % 10) as u16) };
    report("FF1, ours", || {
        for n in 0..VALUES {
            let mut numerals = digits(n);
            ours.encrypt(&[], &mut numerals);
            black_box(numerals);
        }
    });
    report("FF1, crate `fpe`", || {
        for n in 0..VALUES {
            black_box(theirs.encrypt(&[], &FlexibleNumeralString::from(digits(n).to_vec())).ok());
        }
    });
}

fn report<T>(name: &str, work: impl Fn() -> T) {
    println!("{}", line(name, seconds(work)));
}

fn line(name: &str, seconds: f64) -> String {
    format!("{name:<18} {:>9.1} {:>9.2}", seconds / VALUES as f64 * 1e9, rate(seconds))
}

/// Millions of values a second.
fn rate(seconds: f64) -> f64 {
    VALUES as f64 / seconds / 1e6
}

/// The time of the fastest round of `work`, which handles [`VALUES`] values.
fn seconds<T>(work: impl Fn() -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// The mask that changes nothing: what the handling of columns costs by itself.
struct Copy;

impl TextMask for Copy {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        out.push_str(value);
        Ok(())
    }
}

/// Values as the function meets them.
fn values(function: &Function) -> BinaryViewArray {
    let escaped = |n| {
        let mut text = Vec::new();
        escape_into(value(function, n).as_bytes(), &mut text);
        text
    };
    BinaryViewArray::from_iter_values((0..VALUES).map(escaped))
}

fn value(function: &Function, n: usize) -> String {
    match function.name {
        "credit_card" => ["4111 1111 1111 1111", "5555 5555 5555 4444", "378282246310005"][n % 3].to_string(),
        "date_shift" => format!("{}-{:02}-{:02}", 1950 + n % 70, 1 + n % 12, 1 + n % 28),
        "digits" | "fpe" => format!("{n:016}"),
        "email" => format!("ana.silva{n}@corp.example"),
        "integer_id" => (n + 1).to_string(),
        "json" => format!(r#"{{"email": "ana.silva{n}@corp.example", "tags": ["new", {n}]}}"#),
        "phone" => format!("+1 212 {:03} {:04}", n % 1000, n % 10_000),
        "postal_code" => format!("{:05}", n % 100_000),
        "bucket" | "clamp" | "noise" | "round" => format!("{}", n * 37 % 100_000),
        "bic" => ["DEUTDEFF500", "CHASUS33", "BNPAFRPPXXX"][n % 3].to_string(),
        "check_digit" => "NR-945663-4".to_string(),
        "driving_licence" => format!("D{:03}-{:04}-8901", n % 1000, n % 10_000),
        "hostname" => format!("host-{n}.corp.example"),
        "iban" => {
            ["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606"][n % 3].into()
        }
        "ip" => format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255),
        "mac" => format!("08:00:2b:00:{:02x}:{:02x}", n >> 8 & 255, n & 255),
        "national_id" => ["111222333", "123456782"][n % 2].to_string(),
        "passport" => format!("YA{n:07}"),
        "password_hash" => "$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK".to_string(),
        "ssn" => format!("536-90-{:04}", n % 10_000),
        "time_of_day" | "truncate_to" => {
            format!("{}-{:02}-{:02} 16:45:12.5", 1950 + n % 70, 1 + n % 12, 1 + n % 28)
        }
        "token" => format!("sk_live_{n:06}4eC39HqLyjWDarjtT1"),
        "url" => format!("https://shop.corp.example/users/{n}/photo.jpg?size=20"),
        "user_agent" => format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{n})"),
        "vehicle_plate" => format!("B-MW {:04}", n % 10_000),
        "vin" => ["1M8GDM9AXKP042788", "5GZCZ43D13S812715"][n % 2].to_string(),
        "redact" => format!("Called on day {n}; asked for a copy of the contract, to be sent by post."),
        "street_address" => format!("{} Rua Augusta", n % 1000),
        "uuid" => format!("{n:08x}-7c3e-7d51-9f0a-3b6c1e88d2f4"),
        "city" | "company" | "first_name" | "full_name" | "hash" | "last_name" | "middle_name"
        | "username" => {
            format!("Silva {n}")
        }
        _ => function.example.input.to_string(),
    }
}
