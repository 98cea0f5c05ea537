//! The binary `mask`: runs the command line, prints the errors, sets the exit code.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use pgmask::cli::{self, Cli};
use pgmask::error::Error;

/// How many errors are shown; the rest are counted.
const SHOWN_ERRORS: usize = 20;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        // The message of a panic may quote what was being worked on; its place does not.
        let place = info.location().map(|location| format!(" at {}:{}", location.file(), location.line()));
        eprintln!("error: a defect of mask{}", place.unwrap_or_default());
    }));
    let cli = Cli::parse();
    match std::panic::catch_unwind(AssertUnwindSafe(|| cli::run(cli))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(errors)) => fail(&errors),
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(errors: &[Error]) -> ExitCode {
    for error in errors.iter().take(SHOWN_ERRORS) {
        eprintln!("error: {error}");
    }
    if errors.len() > SHOWN_ERRORS {
        eprintln!("error: and {} more", errors.len() - SHOWN_ERRORS);
    }
    ExitCode::from(errors.first().map_or(1, |error| error.kind().exit_code()))
}
