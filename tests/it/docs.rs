//! The reference pages in docs/, which are written from the code. `UPDATE_GOLDEN=1` rewrites them.

use std::fs;
use std::path::Path;

use pgmask::functions::docs::reference;
use pgmask::source::parquet::READING;
use pgmask::target::parquet::TREATMENT;

/// Compares the page `name` of docs/ with what the code says, or rewrites it.
#[track_caller]
fn assert_page(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
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
