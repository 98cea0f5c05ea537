//! Tests of the whole program, and of what crosses modules.

mod broken;
mod cli;
mod codec;
mod conditions;
mod connection;
mod damage;
mod determinism;
mod docs;
mod formats;
mod functions;
mod large;
mod large_objects;
mod leaks;
mod live_access;
mod live_source;
mod live_target;
mod live_target_faults;
mod live_target_guards;
mod live_target_modes;
mod nasty;
mod packs;
mod parquet_source;
mod rules;
mod samples;
mod structure;
mod subset;
mod subsets;
mod support;
mod values;
mod versions;

use std::fs;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: support::allocated::Counting = support::allocated::Counting;

#[test]
fn every_file_here_is_a_module_of_the_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name == "main" || main.contains(&format!("\nmod {name};\n")),
            "`mod {name};` is missing in main.rs"
        );
    }
}
