//! The columns of one person or address agree.

use arrow::array::BinaryViewArray;
use pgmask::functions::row::InputColumn;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn};
use pgmask::functions::{Form, Masking, Parameters};
use pgmask::schema::PgType;

use super::{masked_by, prepare, texts};

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
