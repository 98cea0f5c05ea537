//! `mask functions`: the masking functions, their parameters, an example of each.

use clap::Args;

use crate::cli::print;
use crate::error::{Error, Result};
use crate::functions::{self, FUNCTIONS, docs};
use crate::nearest::did_you_mean;

#[derive(Args)]
pub struct FunctionsOptions {
    /// Describe this function
    name: Option<String>,
}

/// Prints the list, or the description of one.
pub fn run(options: &FunctionsOptions) -> Result<()> {
    match &options.name {
        None => print(&list()),
        Some(name) => match functions::find(name) {
            Some(function) => print(&docs::describe(function)),
            None => {
                let names = FUNCTIONS.iter().map(|function| function.name);
                let error = Error::usage(format!("there is no masking function `{name}`"));
                Err(error
                    .hint(did_you_mean(name, names).unwrap_or_else(|| "`mask functions` lists them".into())))
            }
        },
    }
}

fn list() -> String {
    let width = FUNCTIONS.iter().map(|function| function.name.len()).max().unwrap_or(0);
    FUNCTIONS.iter().map(|function| format!("{:<width$}  {}\n", function.name, function.summary)).collect()
}
