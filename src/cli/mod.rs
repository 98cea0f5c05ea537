//! The command line: options, the settings file, and a file for each subcommand. Only here and in `main` is printed.

mod check;
mod completions;
mod config;
mod functions;
mod job;
mod keygen;
mod plan;
mod progress;
mod rollback;
mod run;
mod size;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::size::Size;
use crate::error::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  mask --from prod.dump --to parquet:staging --rules rules.toml --key-file mask.key
  mask --from prod.dump --to staging.sql.gz --rules rules.toml
  mask --from postgres://prod.example/shop --to postgres://staging.example/shop --rules rules.toml
  pg_dump -Fc prod | mask --from - --to dir:staging --rules rules.toml
  mask plan --config mask.toml --subset 10%

Exit codes: 0 done, 1 the snapshot or the target failed, 2 usage, rules or plan refused (nothing was written),
130 interrupted.";

/// Make a masked copy of a Postgres snapshot for staging: nobody's data, every reference intact.
#[derive(Parser)]
#[command(name = "mask", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunOptions,
}

#[derive(Subcommand)]
enum Command {
    /// Mask a snapshot (the default; `run` may be left out)
    Run(run::RunOptions),
    /// Print every decision of a run, and move no row
    Plan(plan::PlanOptions),
    /// Compare the rules with the schema; exit 2 on any finding
    Check(check::CheckOptions),
    /// List the masking functions, or describe one
    Functions(functions::FunctionsOptions),
    /// Make a new key
    Keygen(keygen::KeygenOptions),
    /// Swap a live target back to the previous database
    Rollback(rollback::RollbackOptions),
    /// Print a completion script for a shell
    Completions(completions::CompletionsOptions),
}

/// Where a job reads its settings, its snapshot and its rules; common to the commands that make a plan.
#[derive(Args, Clone, Debug)]
pub(crate) struct JobOptions {
    /// Read settings from this file instead of `mask.toml` in the current folder
    #[arg(long, value_name = "FILE", help_heading = "What")]
    config: Option<PathBuf>,
    /// Read this snapshot: a live database as `postgres://…` or `host=… dbname=…`, a pg_dump file of any format, a
    /// directory dump, or `-` for stdin
    #[arg(long, value_name = "SOURCE", help_heading = "What")]
    from: Option<String>,
    /// Apply the rules of this file; may be given several times, later files win
    #[arg(long, value_name = "FILE", help_heading = "What")]
    rules: Vec<String>,
    /// Keep only this much: `10%`, or of a table `customers=10%`, `="1000 rows"`, `="where …"`, `=all`, `=none`
    ///
    /// With a percentage alone, the tables that others belong to keep that share of their rows, what belongs to these
    /// rows comes along, and so does what they refer to; `mask plan` says which table is what. May be given several
    /// times; wins over `subset` in mask.toml, which wins over `[subset]` in the rules.
    #[arg(long, value_name = "SPEC", help_heading = "What")]
    subset: Vec<String>,
    /// Take the schema from this dump, made by `pg_dump -s`, for a snapshot that holds only data
    #[arg(long, value_name = "FILE", help_heading = "What")]
    schema: Option<PathBuf>,
    /// Move only the rows of tables that match, such as `orders` or `audit.*`; may be given several times
    #[arg(long, value_name = "PATTERN", help_heading = "What")]
    tables: Vec<String>,
    /// Leave out the rows of tables that match; may be given several times
    #[arg(long, value_name = "PATTERN", help_heading = "What")]
    exclude_tables: Vec<String>,
    /// Read the key from this file instead of the variable MASK_KEY
    #[arg(long, value_name = "FILE", help_heading = "How")]
    key_file: Option<PathBuf>,
    /// Use this many threads; the output does not depend on it [default: the number of cores]
    #[arg(short, long, value_name = "N", help_heading = "How")]
    jobs: Option<usize>,
    /// Hold at most about this much of the snapshot in memory, but for a single row that is larger
    #[arg(long, value_name = "SIZE", default_value = "1GiB", help_heading = "How")]
    memory: Size,
    /// Put temporary files here; what they hold of the snapshot is encrypted [default: the system's folder]
    #[arg(long, value_name = "DIR", help_heading = "How")]
    temp_dir: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, help_heading = "How")]
    quiet: bool,
    /// Print every decision of the plan before the run
    #[arg(short, long, conflicts_with = "quiet", help_heading = "How")]
    verbose: bool,
}

/// A form of output for people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Runs the command that `cli` says. Results go to stdout, the rest to stderr.
///
/// # Errors
/// Every reason for which it failed; the first one decides the exit code.
pub fn run(cli: Cli) -> Result<(), Vec<Error>> {
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::Run(options)) => run::run(&options),
        Some(Command::Plan(options)) => plan::run(&options),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Functions(options)) => functions::run(&options).map_err(one),
        Some(Command::Keygen(options)) => keygen::run(&options).map_err(one),
        Some(Command::Rollback(options)) => rollback::run(&options).map_err(one),
        Some(Command::Completions(options)) => completions::run(&options).map_err(one),
    }
}

fn one(error: Error) -> Vec<Error> {
    vec![error]
}

/// Prints `text` to stdout; a reader that has gone away, such as `head`, is no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::write(&error).at("stdout"))
        }
        _ => Ok(()),
    }
}
