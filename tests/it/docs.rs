//! The reference pages in docs/, which are written from the code. `UPDATE_GOLDEN=1` rewrites them.

use std::fs;
use std::path::Path;

use pgmask::functions::docs::{exemplary, reference};
use pgmask::functions::{FUNCTIONS, Function, Uniqueness};
use pgmask::source::parquet::READING;
use pgmask::target::parquet::TREATMENT;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares the page `name` of docs/ with what the code says, or rewrites it.
#[track_caller]
fn assert_page(name: &str, text: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == text, "docs/{name} is not what the code says; `just docs` rewrites it");
}

#[test]
fn the_page_of_functions_is_that_of_the_registry() {
    assert_page("functions.md", &reference());
}

#[test]
fn the_page_of_parquet_types_is_that_of_the_target() {
    assert_page("parquet.md", &format!("{TREATMENT}\n{READING}"));
}

#[test]
fn the_threat_model_speaks_of_every_function() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let families: String = text.lines().filter(|line| line.starts_with("| ")).collect();
    let missing = FUNCTIONS.iter().filter(|function| !families.contains(&format!("`{}`", function.name)));
    assert_eq!(missing.map(|function| function.name).collect::<Vec<_>>(), <[&str; 0]>::default());
}

#[test]
fn every_one_to_one_function_says_how_many_values_there_are() {
    let is_injective = |function: &&&Function| {
        exemplary(function).is_some_and(|built| built.uniqueness == Uniqueness::Injective)
    };
    let says_how_many = |function: &&Function| {
        let helps = function.parameters.iter().map(|parameter| parameter.help);
        let text: String = helps.chain([function.summary]).collect();
        text.contains(|c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿᵐ".contains(c)) || text.contains("million")
    };
    let silent = FUNCTIONS.iter().filter(is_injective).filter(|function| !says_how_many(function));
    assert_eq!(silent.map(|function| function.name).collect::<Vec<_>>(), ["keep"]);
}

/// A masked copy is pseudonymous, and nothing says that it is more.
#[test]
fn nothing_says_that_data_is_anonymised() {
    let mut folders = vec![root().join("src"), root().join("rules"), root().join("docs")];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().to_lowercase();
            let said =
                ["anonymised", "anonymized", "anonymous data"].into_iter().find(|word| text.contains(word));
            assert_eq!(said, None, "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 300, "{read}");
}
