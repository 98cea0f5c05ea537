//! The promises that every entry of `FUNCTIONS` keeps, and its documented example.

use std::collections::HashSet;

use arrow::array::{Array, BinaryViewArray};
use pgmask::functions::canonical::canonical;
use pgmask::functions::collisions;
use pgmask::functions::row::InputColumn;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn};
use pgmask::functions::{
    Build, Built, Context, EXAMPLE_ROW, FUNCTIONS, Form, Function, Input, Masking, Parameters, Uniqueness,
};
use pgmask::key::MasterKey;
use pgmask::schema::PgType;
use proptest::prelude::*;

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

fn prepare(function: &Function, key: u8, ty: &PgType, parameters: &Parameters, by: bool) -> Built {
    let key = MasterKey::from_bytes(vec![key; 32]).unwrap();
    let domain = if by { function.domain_by.unwrap() } else { function.domain };
    let context = Context { key: &key, functions: FUNCTIONS, locale: None, folder: "".as_ref() };
    let key = key.domain(domain);
    function.prepare(&Build::new(parameters, ty, &key, by).within(&context)).unwrap()
}

/// A function as its example builds it, over the column type of the example.
fn exemplary(function: &Function, key: u8) -> Built {
    prepare(function, key, &function.example.ty, &function.example.parameters(), false)
}

fn column(values: &[Option<&[u8]>]) -> BinaryViewArray {
    BinaryViewArray::from_iter(values.iter().copied())
}

/// A function that masks columns; invalid values become NULL.
enum Masker {
    Keep,
    Null,
    Text(TextColumn, Vec<Input>),
}

impl Masker {
    fn new(built: Built) -> Self {
        match built.masking {
            Masking::Keep => Masker::Keep,
            Masking::Null => Masker::Null,
            Masking::Text(mask) => {
                let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Null };
                Masker::Text(column, built.inputs)
            }
        }
    }

    fn mask(
        &self,
        values: &BinaryViewArray,
        ty: &PgType,
        owners: Option<&BinaryViewArray>,
    ) -> BinaryViewArray {
        match self {
            Masker::Keep => values.clone(),
            Masker::Null => BinaryViewArray::new_null(values.len()),
            Masker::Text(column, inputs) => {
                let owners = owners.map(|owners| (owners, &PgType::Int8));
                let row: Vec<_> = inputs.iter().map(|input| example_column(input, values.len())).collect();
                let column_of = |(input, values): (&Input, _)| InputColumn {
                    values: Some(values),
                    ty: &PgType::Text,
                    form: input.form,
                };
                let row: Vec<_> = inputs.iter().zip(&row).map(column_of).collect();
                column.apply_in_row(values, ty, owners, &row).ok().unwrap().values
            }
        }
    }
}

/// A column of rows like that of the examples.
fn example_column(input: &Input, rows: usize) -> BinaryViewArray {
    let value = EXAMPLE_ROW.iter().find(|(name, _)| *name == input.column).map(|(_, value)| *value);
    BinaryViewArray::from_iter(std::iter::repeat_n(value, rows))
}

/// The column that `built` makes of `values`.
fn masked_by(
    built: Built,
    values: &BinaryViewArray,
    ty: &PgType,
    owners: Option<&BinaryViewArray>,
) -> BinaryViewArray {
    Masker::new(built).mask(values, ty, owners)
}

fn masked(function: &Function, key: u8, values: &BinaryViewArray) -> BinaryViewArray {
    masked_by(exemplary(function, key), values, &function.example.ty, None)
}

fn texts(column: &BinaryViewArray) -> Vec<Option<&str>> {
    column.iter().map(|value| value.map(|bytes| std::str::from_utf8(bytes).unwrap())).collect()
}

/// Values like that of the function's example, all of them valid and different; fewer than `count` where the function
/// takes only some words.
fn samples(function: &Function, count: u64) -> Vec<String> {
    let masker = Masker::new(exemplary(function, 0));
    let is_valid = |value: &str| {
        let result = masker.mask(&column(&[Some(value.as_bytes())]), &function.example.ty, None);
        matches!(masker, Masker::Null) || result.is_valid(0)
    };
    if sample(function, 1).is_some() {
        return (1..=count).filter_map(|n| sample(function, n)).collect();
    }
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

/// An odd multiplier permutes the integers modulo a power of two.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The samples of functions whose values have a form that changed digits and letters seldom meet, or so few of them
/// that they would soon be the same.
fn sample(function: &Function, n: u64) -> Option<String> {
    Some(match function.name {
        "integer_id" => n.to_string(),
        "uuid" => {
            let tail = format!("{:016x}", scattered(n));
            format!("{n:08x}-{}-4{}-8{}-{}", &tail[..4], &tail[4..7], &tail[7..10], "0a0b0c0d0e0f")
        }
        "credit_card" => with_check_digit(&format!("4{n:014}")),
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
        "digits" | "fpe" => format!("{n:012}"),
        "bic" => format!("{}DEFF{:03}", letters(n, 4), n % 1000),
        "check_digit" => with_mod_11_10("KD-", n),
        "driving_licence" | "passport" | "ssn" => format!("{n:09}"),
        "vehicle_plate" => format!("B-{} {:04}", letters(n / 10_000, 3), n % 10_000),
        "hostname" => format!("host-{n}.corp.example"),
        "iban" => iban(n),
        "ip" => format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255),
        "mac" => format!("08:00:2b:{:02x}:{:02x}:{:02x}", n >> 16, n >> 8 & 255, n & 255),
        "national_id" => citizen_service_number(n),
        "password_hash" => format!("$2b$04${:0>53}", letters(n, 5)),
        "token" => format!("sk_live_{:024}", u128::from(scattered(n)) * 1_000_003),
        "url" => format!("https://corp.example/{n}/users/ana-{n}"),
        "user_agent" => format!("Mozilla/5.0 (Windows NT {n})"),
        "vin" => format!("WVWZZZ1JZXW{n:06}"),
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
    let account = 370_400_440_000_000_000 + n;
    let check = 98 - (u128::from(account) * 1_000_000 + 131_400) % 97;
    format!("DE{check:02}{account:018}")
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

fn sample_column(function: &Function, count: u64) -> BinaryViewArray {
    BinaryViewArray::from_iter_values(samples(function, count))
}

#[test]
fn every_example_is_what_the_function_gives() {
    let wrong: Vec<String> = FUNCTIONS
        .iter()
        .filter_map(|function| {
            let escaped = |text: &str| text.replace('\\', "\\\\");
            let input = escaped(function.example.input);
            let result = masked(function, 0, &column(&[Some(input.as_bytes())]));
            let result = texts(&result)[0];
            let differs = result != function.example.output.map(escaped).as_deref();
            differs.then(|| format!("{}: {result:?}", function.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_are_in_order_and_found() {
    assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    for function in FUNCTIONS {
        assert_eq!(pgmask::functions::find(function.name).unwrap().name, function.name);
    }
}

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

/// How many values an injective function is tried with; `MASK_TEST_INJECTIVE=10000000` for as many as memory takes.
fn injective_samples() -> u64 {
    std::env::var("MASK_TEST_INJECTIVE").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
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
        if spread {
            let values = sample_column(function, injective_samples());
            let result = masked_by(built, &values, &function.example.ty, None);
            let distinct: HashSet<_> = result.iter().flatten().collect();
            assert_eq!(distinct.len(), values.len(), "{}", function.name);
            assert!(values.len() >= 10_000, "{}: only {} samples", function.name, values.len());
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
    let padded = |width: usize| (0..10u32.pow(width as u32)).map(|n| format!("{n:0width$}")).collect();
    all("digits", &PgType::Text, "small_domain = 'accept'", padded(1));
    all("digits", &PgType::Text, "small_domain = 'accept'", padded(3));
    all("digits", &PgType::Text, "small_domain = 'accept'\nkeep_first = 1\nkeep_last = 1", padded(4));
}

#[test]
fn a_result_has_at_most_max_chars_and_some_result_of_names_has_them() {
    for function in FUNCTIONS {
        let built = exemplary(function, 0);
        let Some(max_chars) = built.max_chars else { continue };
        let result = masked_by(built, &sample_column(function, 20_000), &function.example.ty, None);
        let longest = texts(&result).iter().flatten().map(|text| text.chars().count()).max();
        assert!(longest <= Some(max_chars as usize), "{}", function.name);
        if ["first_name", "last_name", "email", "username", "hash"].contains(&function.name) {
            assert_eq!(longest, Some(max_chars as usize), "{}", function.name);
        }
    }
}

#[test]
fn max_length_bounds_results_in_every_locale() {
    let locales = ["ar_SA", "cy_GB", "de_DE", "en_US", "fa_IR", "fr_FR", "it_IT", "ja_JP"];
    let more = ["nl_NL", "pt_BR", "pt_PT", "tr_TR", "zh_CN", "zh_TW"];
    let takes = |function: &Function, name: &str| function.parameters.iter().any(|p| p.name == name);
    let bounded = |function: &&Function| takes(function, "max_length") && takes(function, "locale");
    for function in FUNCTIONS.iter().copied().filter(bounded) {
        for locale in locales.iter().chain(&more) {
            let rule = format!("locale = '{locale}'\nmax_length = 22");
            let parameters = Parameters(toml::from_str(&rule).unwrap());
            let built = prepare(function, 0, &PgType::Text, &parameters, false);
            let result = masked_by(built, &sample_column(function, 200), &PgType::Text, None);
            assert!(
                texts(&result).iter().flatten().all(|text| (1..=22).contains(&text.chars().count())),
                "{} in {locale}",
                function.name
            );
        }
    }
}

#[test]
fn the_columns_of_an_owner_agree_on_the_person() {
    let owners = BinaryViewArray::from_iter_values((1..=200).map(|n: u32| n.to_string()));
    let values = BinaryViewArray::from_iter_values((1..=200).map(|n: u32| format!("value {n}")));
    let of = |name: &str| {
        let function = pgmask::functions::find(name).unwrap();
        let built = prepare(function, 0, &PgType::Text, &Parameters::default(), true);
        masked_by(built, &values, &PgType::Text, Some(&owners))
    };
    let [first, last, full] = ["first_name", "last_name", "full_name"].map(of);
    let [email, username] = ["email", "username"].map(of);
    for row in 0..200 {
        let [first, last, full, email, username] =
            [&first, &last, &full, &email, &username].map(|column| texts(column)[row].unwrap());
        assert_eq!(full, format!("{first} {last}"));
        let letters =
            |name: &str| -> String { name.to_lowercase().chars().filter(char::is_ascii_lowercase).collect() };
        assert!(email.starts_with(&format!("{}.{}.", letters(first), letters(last))), "{email}");
        assert!(username.starts_with(&format!("{}{}", &letters(first)[..1], letters(last))), "{username}");
    }
}

#[test]
fn the_parts_of_an_owners_address_agree_in_every_locale() {
    let owners = BinaryViewArray::from_iter_values((1..=100).map(|n: u32| n.to_string()));
    let of = |name: &str, rule: &str, value: &str| {
        let function = pgmask::functions::find(name).unwrap();
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let built = prepare(function, 0, &PgType::Text, &parameters, true);
        let values = BinaryViewArray::from_iter_values((0..100).map(|_| value));
        let result = masked_by(built, &values, &PgType::Text, Some(&owners));
        texts(&result).iter().map(|text| text.unwrap().to_string()).collect::<Vec<_>>()
    };
    let rule = "locale = 'en_US'";
    let (cities, regions) = (of("city", rule, "x"), of("region", rule, "CA"));
    let codes = of("postal_code", rule, "12345");
    let degrees = of("latitude", "at = 'city'", "38.7223");
    let near = |degrees: &str, centre: f64| (degrees.parse::<f64>().unwrap() - centre).abs() < 0.06;
    let mut seen = 0;
    for row in 0..100 {
        let expected = match cities[row].as_str() {
            "Chicago" => ("IL", "606", 41.88),
            "Seattle" => ("WA", "981", 47.61),
            "Boston" => ("MA", "021", 42.36),
            _ => continue,
        };
        seen += 1;
        assert_eq!(regions[row], expected.0);
        assert!(codes[row].starts_with(expected.1) && codes[row].len() == 5);
        assert!(near(&degrees[row], expected.2), "{}", degrees[row]);
    }
    assert!(seen > 2);
    assert!(of("country", rule, "PRT").iter().all(|country| country == "USA"));
    assert!(of("postal_code", rule, "12345-6789").iter().all(|code| code.len() == 10));
    assert!(of("postal_code", "locale = 'nl_NL'", "x").iter().all(|code| code.len() == 7));
}

#[test]
fn names_follow_the_gender_of_a_column() {
    let owners = BinaryViewArray::from_iter_values((1..=50).map(|n: u32| n.to_string()));
    let values = BinaryViewArray::from_iter_values((1..=50).map(|n: u32| format!("value {n}")));
    let genders =
        BinaryViewArray::from_iter_values((1..=50).map(|n: u32| if n.is_multiple_of(2) { "F" } else { "m" }));
    let of = |name: &str, rule: &str| {
        let function = pgmask::functions::find(name).unwrap();
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let built = prepare(function, 0, &PgType::Text, &parameters, true);
        let row = [InputColumn { values: Some(&genders), ty: &PgType::Text, form: Form::Masked }];
        let Masking::Text(mask) = built.masking else { panic!("it masks text") };
        let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Error };
        let row = &row[..built.inputs.len()];
        let result = column.apply_in_row(&values, &PgType::Text, Some((&owners, &PgType::Int8)), row);
        result.unwrap_or_else(|_| panic!("{name}")).values
    };
    let rule = "gender_from = 'sex'";
    let [first, email] = ["first_name", "email"].map(|name| of(name, rule));
    let [female, male] = ["gender = 'female'", "gender = 'male'"].map(|rule| of("first_name", rule));
    for row in 0..50 {
        let expected = if row % 2 == 1 { &female } else { &male };
        let name = texts(&first)[row].unwrap();
        assert_eq!(Some(name), texts(expected)[row]);
        assert!(texts(&email)[row].unwrap().starts_with(&name.to_lowercase()), "{name}");
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

#[test]
fn a_wrong_rule_is_refused_with_a_hint() {
    let refused = |name: &str, ty: &PgType, rule: &str, by: bool| {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let function = pgmask::functions::find(name).unwrap();
        let refusal = function.prepare(&Build::new(&parameters, ty, &key, by)).err().unwrap();
        assert!(refusal.hint.is_some());
        refusal.what
    };
    let text = &PgType::Text;
    assert_eq!(refused("email", &PgType::Int4, "", false), "`email` does not take the type `integer`");
    assert_eq!(refused("hash", text, "lenght = 8", false), "`hash` has no parameter `lenght`");
    assert_eq!(refused("hash", text, "length = 65", false), "`length` is 65, out of bounds");
    assert_eq!(refused("uuid", text, "", true), "`uuid` takes no `by`");
    assert_eq!(
        refused("first_name", text, "max_length = 1", false),
        "`max_length` is shorter than any result"
    );
    assert_eq!(refused("integer_id", &PgType::Int4, "min = 5\nmax = 4", false), "`min` 5 is above `max` 4");
    assert_eq!(refused("fixed", text, "", false), "`fixed` has no `value`");
}

#[test]
fn arbitrary_bytes_never_panic() {
    let maskers: Vec<Masker> = FUNCTIONS.iter().map(|function| Masker::new(exemplary(function, 0))).collect();
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let inputs = (bytes, "\\PC{0,40}", "[-+{]?[0-9a-f :.-]{0,40}( BC|\\})?");
    proptest!(|((bytes, text, numbers) in inputs)| {
        let values = column(&[Some(&bytes), Some(text.as_bytes()), Some(numbers.as_bytes())]);
        for (function, masker) in FUNCTIONS.iter().zip(&maskers) {
            prop_assert_eq!(masker.mask(&values, &function.example.ty, None).len(), 3);
        }
    });
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
