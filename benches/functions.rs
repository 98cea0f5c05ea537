//! Nanoseconds per value of every entry of `FUNCTIONS`, on one core, over a batch of realistic values.
//!
//! `cargo bench --bench functions`; the best of a number of rounds counts, as others' work only ever adds time.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use aes::Aes256;
use arrow::array::BinaryViewArray;
use fpe::ff1::{FF1, FlexibleNumeralString};
use pgmask::functions::ff1::Ff1;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn, TextMask};
use pgmask::functions::{Build, Context, FUNCTIONS, Function, Masking};
use pgmask::key::MasterKey;
use pgmask::schema::PgType;

const VALUES: usize = 65_536;
const ROUNDS: usize = 25;

fn main() {
    println!("{:<18} {:>9} {:>9}", "", "ns/value", "M/s");
    let plain = values("fixed");
    report("copy, no mask", || masked(Box::new(Copy), &PgType::Text, &plain));
    for function in FUNCTIONS {
        bench(function);
    }
    bench_ff1();
}

fn bench(function: &Function) {
    let key = MasterKey::from_bytes(vec![0; 32]).expect("it is long enough");
    let context = Context { key: &key, functions: FUNCTIONS, locale: None, folder: Path::new("") };
    let key = key.domain(function.domain);
    let (parameters, ty) = (function.example.parameters(), &function.example.ty);
    let build = Build::new(&parameters, ty, &key, false).within(&context);
    let Ok(built) = function.prepare(&build) else { return };
    let Masking::Text(mask) = built.masking else { return };
    let values = values(function.name);
    let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Error };
    report(function.name, || black_box(column.apply(&values, ty, None).map(|masked| masked.values)));
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

/// Prints the time of the fastest round of `work`, which handles [`VALUES`] values.
fn report<T>(name: &str, work: impl Fn() -> T) {
    let round = || {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    let seconds = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    let per_value = seconds / VALUES as f64;
    println!("{name:<18} {:>9.1} {:>9.2}", per_value * 1e9, 1e-6 / per_value);
}

/// The mask that changes nothing: what the handling of columns costs by itself.
struct Copy;

impl TextMask for Copy {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        out.push_str(value);
        Ok(())
    }
}

fn masked(mask: Box<dyn TextMask>, ty: &PgType, values: &BinaryViewArray) -> usize {
    let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Error };
    column.apply(values, ty, None).map_or(0, |masked| masked.masked as usize)
}

/// Values as the function meets them.
fn values(function: &str) -> BinaryViewArray {
    BinaryViewArray::from_iter_values((0..VALUES).map(|n| value(function, n)))
}

fn value(function: &str, n: usize) -> String {
    match function {
        "credit_card" => ["4111 1111 1111 1111", "5555 5555 5555 4444", "378282246310005"][n % 3].to_string(),
        "date_shift" => format!("{}-{:02}-{:02}", 1950 + n % 70, 1 + n % 12, 1 + n % 28),
        "digits" | "fpe" => format!("{n:016}"),
        "email" => format!("ana.silva{n}@corp.example"),
        "integer_id" => (n + 1).to_string(),
        "phone" => format!("+1 212 {:03} {:04}", n % 1000, n % 10_000),
        "postal_code" => format!("{:05}", n % 100_000),
        "redact" => format!("Called on day {n}; asked for a copy of the contract, to be sent by post."),
        "street_address" => format!("{} Rua Augusta", n % 1000),
        "uuid" => format!("{n:08x}-7c3e-7d51-9f0a-3b6c1e88d2f4"),
        _ => format!("Silva {n}"),
    }
}
