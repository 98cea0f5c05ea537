//! `mask run`: the main job.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use crate::cli::config::Config;
use crate::cli::job::{Extent, Job};
use crate::cli::progress::{self, Style};
use crate::cli::{JobOptions, one};
use crate::error::{Error, Kind, Result};
use crate::pg::client::Conninfo;
use crate::pg::datetime;
use crate::pg::restore::Include;
use crate::pipeline::{self, Settings};
use crate::report::{self, Meter, Report};
use crate::target;
use crate::target::postgres::hooks::AfterSwap;
use crate::target::postgres::{Live, Load, RunId};

#[derive(Args, Clone, Debug)]
pub struct RunOptions {
    #[command(flatten)]
    job: JobOptions,
    /// Write this target: postgres://…, parquet:DIR, dir:DIR, FILE.dump, FILE.sql[.gz|.zst|.lz4], or `-` for a script on stdout
    #[arg(long, value_name = "TARGET", help_heading = "What")]
    to: Option<String>,
    /// Replace the target where it exists and is not empty
    #[arg(long, help_heading = "What")]
    overwrite: bool,
    /// Put a live target in place in this way [default: swap]
    #[arg(long, value_enum, value_name = "WAY", help_heading = "What")]
    load: Option<Load>,
    /// Keep this many previous databases when a live target is swapped
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "What")]
    keep_previous: usize,
    /// Leave out who owns what
    #[arg(long, help_heading = "What")]
    no_owner: bool,
    /// Leave out GRANT and REVOKE
    #[arg(long, help_heading = "What")]
    no_privileges: bool,
    /// Write a report of the run to this file, as JSON
    #[arg(long, value_name = "FILE", help_heading = "How")]
    report: Option<PathBuf>,
    /// Show progress as bars (on a terminal), plain lines, JSON lines, or not at all
    #[arg(long, value_enum, default_value_t, value_name = "STYLE", help_heading = "How")]
    progress: Style,
}

/// Masks the snapshot into the target.
pub fn run(options: &RunOptions) -> Result<(), Vec<Error>> {
    let config = Config::read(options.job.config.as_deref()).map_err(one)?;
    let to = options.to.clone().or_else(|| config.to.clone()).ok_or_else(|| {
        one(Error::usage("no target is named").hint("say `--to TARGET`, or `to = …` in mask.toml"))
    })?;
    let started = now();
    let signals = Signals::handle();
    let mut live = live(options, &config).map_err(one)?;
    let job = Job::open_with(&options.job, config, Extent::Selected { why: None }, Some(&to))?;
    live.jobs = job.jobs;
    signals.hold();
    let include = Include { no_owner: options.no_owner, no_privileges: options.no_privileges };
    let source = job.source.live();
    let place = target::Place {
        to: &to,
        from: &job.from,
        overwrite: options.overwrite,
        include,
        live: Some(&live),
        source: source.as_ref(),
    };
    let target = target::create(place, job.plan.clone()).map_err(one)?;
    let settings = Settings { jobs: job.jobs, memory_bytes: options.job.memory.0 };
    let meter = Meter::new(&job.plan);
    let style = if options.job.quiet { Style::None } else { options.progress };
    if style != Style::None {
        job.tell_plan(options.job.verbose);
    }
    let notes = progress::show(style, &job, &meter, || {
        pipeline::run(&job.plan, &*job.source, target, settings, &meter, &signals.stop)
    })
    .map_err(one)?;
    let mut report = report(&job, &to, started, &meter);
    if !options.job.quiet {
        notes.iter().for_each(|note| eprintln!("note: {note}"));
        eprint!("{}", report::summary(&report.tables));
        if let Some(subset) = &report.subset {
            eprint!("{}", report::subset_summary(subset, &report.tables));
        }
    }
    report.notes.extend(notes);
    options.report.as_ref().map_or(Ok(()), |path| write_report(path, &report)).map_err(one)?;
    match live.hooks.after_swap {
        Some(command) if target::is_live(&to) => after_swap(&command, &to, &live.run).map_err(one),
        _ => Ok(()),
    }
}

fn live(options: &RunOptions, config: &Config) -> Result<Live> {
    Ok(Live {
        load: options.load.or(config.load).unwrap_or_default(),
        keep_previous: options.keep_previous,
        never_write: config.never_write.clone(),
        hooks: config.hooks.clone(),
        jobs: 1,
        run: RunId::new()?,
    })
}

fn after_swap(command: &AfterSwap, to: &str, run: &RunId) -> Result<()> {
    command.run(Conninfo::parse(to)?.database(), run.as_str())
}

/// A source or a target for the report: without credentials.
fn shown(name: &str) -> String {
    match target::is_live(name) {
        true => {
            Conninfo::parse(name).map_or_else(|_| "a live database".into(), |conninfo| conninfo.to_string())
        }
        false => name.to_string(),
    }
}

/// What Ctrl-C and SIGTERM do: they end the process at once, but while a target is being written they let the run
/// remove what it wrote; a second one ends it at once then too.
struct Signals {
    stop: Arc<AtomicBool>,
    is_held: Arc<AtomicBool>,
}

impl Signals {
    fn handle() -> Self {
        let signals = Signals { stop: Arc::default(), is_held: Arc::default() };
        let (stop, is_held) = (signals.stop.clone(), signals.is_held.clone());
        let handler = move || {
            let is_first = !stop.swap(true, Ordering::Relaxed);
            if !is_first || !is_held.load(Ordering::Relaxed) {
                eprintln!("error: {}", Error::interrupted());
                std::process::exit(i32::from(Kind::Interrupted.exit_code()));
            }
        };
        // Without a handler the signal ends the process, which is safe too: the target is not in place.
        let _ = ctrlc::set_handler(handler);
        signals
    }

    /// From now on there is something to be removed.
    fn hold(&self) {
        self.is_held.store(true, Ordering::Relaxed);
    }
}

fn report(job: &Job, to: &str, started: i64, meter: &Meter) -> Report {
    let tables = report::tables(&job.plan, meter);
    Report {
        percent: report::total_percent(&tables),
        references_nulled: tables.iter().map(|table| table.references_nulled).sum(),
        mask_version: env!("CARGO_PKG_VERSION"),
        started_at: datetime::format_rfc3339(started),
        finished_at: datetime::format_rfc3339(now()),
        source: shown(&job.from),
        target: shown(to),
        snapshot_at: job.plan.dump.created_at.map(datetime::format_rfc3339),
        key_id: job.plan.key_id.clone(),
        rules_sha256: job.plan.rules_sha256.clone(),
        subset: job.plan.subset.as_ref().map(|subset| subset.summary.clone()),
        notes: job.plan.notes.clone(),
        phases: report::phases(meter),
        tables,
    }
}

fn write_report(path: &PathBuf, report: &Report) -> Result<()> {
    let json = serde_json::to_string_pretty(report).expect("the report has only strings, numbers and lists");
    std::fs::write(path, json + "\n").map_err(|error| Error::write(&error).at(path.display()))
}

/// Seconds since 1970-01-01 UTC.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |duration| duration.as_secs() as i64)
}
