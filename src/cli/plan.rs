//! `mask plan`: every decision of a run, and no row.

use clap::Args;

use crate::cli::job::{Extent, Job};
use crate::cli::{Format, JobOptions, one, print};
use crate::error::{Error, Result};
use crate::plan::show::PlanView;

#[derive(Args)]
pub struct PlanOptions {
    #[command(flatten)]
    job: JobOptions,
    /// Plan for this target: what would act on its own is left out where it is a live database
    #[arg(long, value_name = "TARGET", help_heading = "What")]
    to: Option<String>,
    /// Print it for people or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the plan.
pub fn run(options: &PlanOptions) -> Result<(), Vec<Error>> {
    let job = Job::open(&options.job, Extent::Selected, options.to.as_deref())?;
    let view = PlanView::new(&job.plan);
    let text = match options.format {
        Format::Text => view.to_text(),
        Format::Json => view.to_json(),
    };
    print(&text).map_err(one)
}
