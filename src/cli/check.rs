//! `mask check`: the rules against the schema, for a gate that fails when they drift apart.

use clap::Args;

use crate::cli::JobOptions;
use crate::cli::job::{Extent, Job};
use crate::error::{Error, Result};

#[derive(Args)]
pub struct CheckOptions {
    #[command(flatten)]
    job: JobOptions,
}

/// Makes the plan and throws it away; what refuses it are the findings.
pub fn run(options: &CheckOptions) -> Result<(), Vec<Error>> {
    let job = Job::open(&options.job, Extent::Decided, None)?;
    if !options.job.quiet {
        job.plan.notes.iter().for_each(|note| eprintln!("note: {note}"));
        eprintln!("the rules decide every column of {} tables", job.plan.decisions.len());
    }
    Ok(())
}
