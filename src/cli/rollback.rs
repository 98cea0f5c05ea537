//! `mask rollback`: the previous database takes the place of a live target again.

use std::path::PathBuf;

use clap::Args;

use crate::cli::config::Config;
use crate::error::{Error, Result};
use crate::target::is_live;
use crate::target::postgres::{self, Live, RunId};

#[derive(Args)]
pub struct RollbackOptions {
    /// Read settings from this file instead of `mask.toml` in the current folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Swap this live target and its previous database; a second time swaps them back
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,
    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Swaps the two.
pub fn run(options: &RollbackOptions) -> Result<()> {
    let config = Config::read(options.config.as_deref())?;
    let to = options.to.clone().or(config.to).ok_or_else(|| {
        Error::usage("no target is named").hint("say `--to postgres://…`, or `to = …` in mask.toml")
    })?;
    if !is_live(&to) {
        return Err(
            Error::usage("only a live target has a previous database").hint("say `--to postgres://…`")
        );
    }
    let live = Live {
        load: config.load.unwrap_or_default(),
        keep_previous: 1,
        never_write: config.never_write,
        hooks: config.hooks,
        jobs: 1,
        run: RunId::new()?,
    };
    let (name, previous) = postgres::roll_back(&to, &live)?;
    if !options.quiet {
        eprintln!("`{name}` is the database that was `{previous}`, and the other way round");
    }
    Ok(())
}
