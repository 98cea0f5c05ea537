//! Megabytes a second of the functions that read long values, on one core.
//!
//! `cargo bench --bench text`; the best of a number of rounds counts, as others' work only ever adds time.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use arrow::array::BinaryViewArray;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn};
use pgmask::functions::{Build, Context, FUNCTIONS, Masking, Parameters};
use pgmask::key::MasterKey;
use pgmask::schema::PgType;

const ROUNDS: usize = 15;

fn main() {
    bench("json", JSON_RULE, json_documents());
    bench("free_text", "", notes());
    bench("redact", "find = ['email', 'phone', 'credit_card']", notes());
}

/// Megabytes of text a second through a function as its rule below makes it.
fn bench(function: &str, rule: &str, values: Vec<String>) {
    let function = pgmask::functions::find(function).expect("it is in the registry");
    let key = MasterKey::from_bytes(vec![0; 32]).expect("it is long enough");
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: Path::new(""),
        lists: &pgmask::functions::lists::Lists::default(),
    };
    let parameters = Parameters(toml::from_str(rule).expect("a rule is TOML"));
    let domain = key.domain(function.domain);
    let build = Build::new(&parameters, &PgType::Text, &domain, false).within(&context);
    let Ok(Masking::Text(mask)) = function.prepare(&build).map(|built| built.masking) else { return };
    let (bytes, count) = (values.iter().map(String::len).sum::<usize>(), values.len());
    let values = BinaryViewArray::from_iter_values(values);
    let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Error };
    let round = || {
        let start = Instant::now();
        black_box(column.apply(&values, &PgType::Text, None).expect("the values are valid").values);
        start.elapsed().as_secs_f64()
    };
    let seconds = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!(
        "{:<18} {:>9.1} MB/s, values of {} bytes",
        function.name,
        bytes as f64 / seconds / 1e6,
        bytes / count
    );
}

/// Notes such as support keeps them: some have an address, some a number, most have neither.
fn notes() -> Vec<String> {
    let note = |n: usize| {
        let contact = match n % 8 {
            0 => format!("Write to ana.silva{n}@corp.example before Friday."),
            1 => format!("Call back at +1 212 736 {:04} after 10:30.", n % 10_000),
            2 => "Paid with 4111 1111 1111 1111 on 2024-01-31.".to_string(),
            _ => "Nothing more to be done.".to_string(),
        };
        format!(
            "Called on day {n}; asked for a copy of the contract of 2023, to be sent by post. The customer was friendly, \
             and mentioned that the last 3 invoices did not arrive at the new address; please check (see case #{n}). \
             {contact} The parcel weighs 2.5 kg and should leave the warehouse at 14:00, together with the other two."
        )
    };
    (0..16_384).map(note).collect()
}

const JSON_RULE: &str = r#"
[paths]
"$.id" = "keep"
"$.name" = { fn = "full_name" }
"$.email" = "email"
"$.phone" = "phone"
"$.addresses[*].street" = "street_address"
"$.addresses[*].city" = "city"
"$.addresses[*].geo" = "null"
"$.history" = "keep"
"$..note" = "redact"
"#;

/// Profiles such as web shops keep them: a quarter of the leaves are masked.
fn json_documents() -> Vec<String> {
    let address = |n: usize| {
        format!(
            r#"{{"street": "{n} Rua Augusta", "city": "Lisbon", "geo": {{"lat": 38.7, "lon": -9.{n}}}, "note": "ring twice"}}"#
        )
    };
    let event = |n: usize| {
        format!(
            r#"{{"at": "2024-05-{:02}T10:00:00Z", "kind": "order", "total": {n}.50, "ok": true}}"#,
            1 + n % 28
        )
    };
    let document = |n: usize| {
        let addresses = [address(n), address(n + 1)].join(", ");
        let history: Vec<String> = (0..12).map(event).collect();
        format!(
            r#"{{"id": {n}, "name": "Ana Silva", "email": "ana.silva{n}@corp.example", "phone": "+1 212 555 {:04}", "addresses": [{addresses}], "history": [{}]}}"#,
            n % 10_000,
            history.join(", ")
        )
    };
    (0..8192).map(document).collect()
}
