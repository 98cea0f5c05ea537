//! Results are no longer than they are said to be, in any script.

use arrow::array::BinaryViewArray;
use pgmask::functions::{FUNCTIONS, Function, Parameters};
use pgmask::schema::PgType;

use super::samples::{sample_column, samples};
use super::{exemplary, masked_by, prepare, texts, try_prepare};

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
fn results_fit_the_column_in_any_script() {
    let scripts = [
        "Ána Müller-Ž",
        "山田 太郎 様",
        "Жанна 🎉🎉 d'Arc",
        "שלום عالم 12",
        "e\u{301}e\u{301}e\u{301}",
        "A1 b2 C3 d4",
    ];
    let mut fitted = std::collections::BTreeSet::new();
    for function in FUNCTIONS {
        for limit in [1, 2, 3, 5, 8, 13, 21, 34, 55] {
            let types = [PgType::Varchar(Some(limit)), PgType::Bpchar(Some(limit))];
            for ty in types.iter().filter(|ty| (function.takes)(ty)) {
                let parameters = function.example.parameters();
                let Some(built) = try_prepare(function, 0, ty, &parameters, false) else { continue };
                // A plan refuses a function that may make more than the column holds.
                if built.max_chars.is_some_and(|longest| longest > limit) {
                    continue;
                }
                let like = samples(function, 20);
                let cut = |text: &str| text.chars().take(limit as usize).collect::<String>();
                let values = like.iter().map(String::as_str).chain(scripts).map(cut);
                let result = masked_by(built, &BinaryViewArray::from_iter_values(values), ty, None);
                for result in texts(&result).into_iter().flatten() {
                    let chars = result.replace(r"\\", r"\").chars().count();
                    assert!(chars <= limit as usize, "{}: {result} in {ty}", function.name);
                    fitted.insert(function.name);
                }
            }
        }
    }
    assert!(fitted.len() > 45, "{fitted:?}");
}
