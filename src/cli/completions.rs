//! `mask completions`: a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, print};
use crate::error::Result;

#[derive(Args)]
pub struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &CompletionsOptions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "mask", &mut script);
    print(&String::from_utf8_lossy(&script))
}
