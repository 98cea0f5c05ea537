//! `mask plan`: every decision of a run, and no row.

use clap::{Args, ValueEnum};

use crate::cli::job::{Extent, Job};
use crate::cli::{Format, JobOptions, one, print};
use crate::error::{Error, Result};
use crate::plan::show::PlanView;
use crate::plan::subset::estimate::Sizes;

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
    /// Say how large a subset is by reading the keys of its rows, or by the statistics of a live database; by itself, of
    /// a live database with more than 1 GiB of large tables by its statistics
    #[arg(long, value_enum, default_value_t, help_heading = "How")]
    sizes: SizesOption,
    /// Explain why this row is in the subset or is not, such as `orders(17)`, instead of printing the plan
    #[arg(long, value_name = "ROW")]
    why: Option<String>,
}

/// How the sizes of a subset are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SizesOption {
    /// By reading keys where that does not take long
    #[default]
    Auto,
    /// By reading keys
    Exact,
    /// By statistics, where there are any; small tables are read
    Estimated,
}

impl From<SizesOption> for Sizes {
    fn from(option: SizesOption) -> Sizes {
        match option {
            SizesOption::Auto => Sizes::Auto,
            SizesOption::Exact => Sizes::Exact,
            SizesOption::Estimated => Sizes::Estimated,
        }
    }
}

/// Prints the plan.
pub fn run(options: &PlanOptions) -> Result<(), Vec<Error>> {
    let extent = match options.why.as_deref() {
        None => Extent::Told { sizes: options.sizes.into() },
        why => Extent::Selected { why },
    };
    let job = Job::open(&options.job, extent, options.to.as_deref())?;
    if options.why.is_some() {
        let subset = job.plan.subset.as_ref();
        return match subset.and_then(|subset| subset.why.as_deref()) {
            Some(why) => print(why).map_err(one),
            None => Err(one(Error::usage("`--why` explains a subset, and none is asked for")
                .hint("say `--subset 10%` beside it"))),
        };
    }
    let view = PlanView::new(&job.plan);
    let text = match options.format {
        Format::Text => view.to_text(),
        Format::Json => view.to_json(),
    };
    print(&text).map_err(one)
}
