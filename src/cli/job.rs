//! A job: the options and the settings file together, opened up to the plan.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::JobOptions;
use crate::cli::config::Config;
use crate::error::{Error, Result, io_reason};
use crate::key::MasterKey;
use crate::pg::dump::Dump;
use crate::plan::show::PlanView;
use crate::plan::subset::estimate::Sizes;
use crate::plan::subset::{SelectSettings, SubsetRequest};
use crate::plan::{Plan, Request, TableFilter};
use crate::rules::subset::Layer;
use crate::rules::{NEUTRALISE, RuleSet, TableName};
use crate::source::{self, Opening, Source};
use crate::target;

/// The variable that holds the key where no file is named.
const KEY_VARIABLE: &str = "MASK_KEY";

/// An opened snapshot and what is to be done with it.
pub struct Job {
    /// The snapshot, as it was named but for a password.
    pub from: String,
    /// The snapshot.
    pub source: Box<dyn Source>,
    /// What to do with it.
    pub plan: Arc<Plan>,
    /// How many threads.
    pub jobs: usize,
}

/// How far a job is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All of it: where there is a subset, its rows are selected, and one of them is explained.
    Selected {
        /// The row to be explained.
        why: Option<&'a str>,
    },
    /// All that a person is told: the rows of a subset may be only estimated.
    Told {
        /// Whether they are.
        sizes: Sizes,
    },
    /// Without reading a row.
    Decided,
}

impl Job {
    /// Reads settings, key and rules, opens the snapshot and makes the plan; for a target that the settings may name.
    ///
    /// # Errors
    /// Whatever is missing, cannot be read, or is refused.
    pub fn open(options: &JobOptions, extent: Extent<'_>, to: Option<&str>) -> Result<Job, Vec<Error>> {
        let config = Config::read(options.config.as_deref()).map_err(|error| vec![error])?;
        let to = to.map(str::to_string).or_else(|| config.to.clone());
        Job::open_with(options, config, extent, to.as_deref())
    }

    /// As [`Job::open`], with settings that were read before, for the target `to` if there is one.
    ///
    /// # Errors
    /// As those of [`Job::open`].
    pub fn open_with(
        options: &JobOptions,
        config: Config,
        extent: Extent<'_>,
        to: Option<&str>,
    ) -> Result<Job, Vec<Error>> {
        let one = |error: Error| vec![error];
        let from = options.from.clone().or_else(|| config.from.clone()).ok_or_else(|| {
            one(Error::usage("no snapshot is named").hint("say `--from SOURCE`, or `from = …` in mask.toml"))
        })?;
        let jobs = jobs(options, &config).map_err(one)?;
        let is_live = to.is_some_and(target::is_live);
        let rules = read_rules(options, &config, is_live)?;
        let key = read_key(options, &config).map_err(one)?;
        let filter = filter(options).map_err(one)?;
        let temp_dir = options.temp_dir.clone().unwrap_or_else(std::env::temp_dir);
        let schema = options.schema.clone().or_else(|| config.schema.clone());
        let opening = Opening { temp_dir: &temp_dir, schema: schema.as_deref() };
        let source = source::open_with(&from, &opening).map_err(one)?;
        let dump = whole_dump(&*source, schema.as_deref(), &temp_dir).map_err(one)?;
        let mut plan = Plan::build(Request {
            dump,
            data: source.data(),
            notes: source.notes(),
            rules: &rules,
            key: &key,
            filter,
            goes_live: is_live || rules.has_pack(NEUTRALISE),
        })?;
        if rules.subset.is_active() {
            let request = SubsetRequest::new(&plan, &rules)?;
            let (why, sizes) = match extent {
                Extent::Selected { why } => (why, Sizes::Exact),
                Extent::Told { sizes } => (None, sizes),
                Extent::Decided => (None, Sizes::Exact),
            };
            let settings = SelectSettings { jobs, memory_bytes: options.memory.0, temp_dir: &temp_dir, why };
            if extent != Extent::Decided {
                plan = match request.estimate(&*source, sizes, &settings)? {
                    Some(estimate) => plan.with_estimate(estimate),
                    None => {
                        if !options.quiet {
                            eprintln!("reading keys, to select the subset");
                        }
                        let subset = request.select(&*source, &key, settings)?;
                        plan.with_subset(subset)
                    }
                };
            }
        }
        let from = source::shown(&from).map_err(one)?;
        Ok(Job { from, source, plan: Arc::new(plan), jobs })
    }
}

impl Job {
    /// Prints to stderr what a person should know of the plan; with `verbose`, all of it.
    pub fn tell_plan(&self, verbose: bool) {
        match verbose {
            true => eprint!("{}", PlanView::new(&self.plan).to_text()),
            false => self.plan.notes.iter().for_each(|note| eprintln!("note: {note}")),
        }
    }
}

/// The rules that are named; for a live target, behind the pack that asks for what would act from there.
fn read_rules(options: &JobOptions, config: &Config, is_live: bool) -> Result<RuleSet, Vec<Error>> {
    let files = if options.rules.is_empty() { &config.rules } else { &options.rules };
    if files.is_empty() {
        let error = Error::usage("no rules are named");
        return Err(vec![error.hint("say `--rules FILE`, or `rules = [\"FILE\"]` in mask.toml")]);
    }
    let is_named = files.iter().any(|file| file == NEUTRALISE);
    let by_itself = (is_live && !is_named).then(|| PathBuf::from(NEUTRALISE));
    let files: Vec<PathBuf> = by_itself.into_iter().chain(files.iter().map(PathBuf::from)).collect();
    let mut rules = RuleSet::read(&files)?;
    for (specs, layer) in [(&config.subset, Layer::Settings), (&options.subset, Layer::Flags)] {
        rules.subset.add_specs(specs, layer).map_err(|error| vec![error])?;
    }
    Ok(rules)
}

fn jobs(options: &JobOptions, config: &Config) -> Result<usize> {
    match options.jobs.or(config.jobs) {
        Some(0) => Err(Error::usage("`--jobs` must be 1 or more")),
        Some(jobs) => Ok(jobs),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

fn read_key(options: &JobOptions, config: &Config) -> Result<MasterKey> {
    if let Some(path) = options.key_file.as_ref().or(config.key_file.as_ref()) {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(format!("cannot read the key file: {}", io_reason(&error)))
                .at(path.display())
                .hint("make a key with `mask keygen --out FILE`")
        })?;
        return MasterKey::from_base64(&text).map_err(|error| error.at(path.display()));
    }
    match std::env::var(KEY_VARIABLE) {
        Ok(text) => {
            MasterKey::from_base64(&text).map_err(|error| error.at(format!("variable {KEY_VARIABLE}")))
        }
        Err(_) => Err(Error::usage("there is no key").hint(format!(
            "make one with `mask keygen --out FILE` and say `--key-file FILE`, or set {KEY_VARIABLE}"
        ))),
    }
}

fn filter(options: &JobOptions) -> Result<TableFilter> {
    let names = |patterns: &[String]| {
        let parse = |pattern: &String| {
            TableName::parse(pattern).ok_or_else(|| {
                Error::usage("a table pattern cannot be read")
                    .hint("write `table`, `schema.table` or a pattern such as `audit.*`; names with capitals in double quotes")
            })
        };
        patterns.iter().map(parse).collect::<Result<Vec<_>>>()
    };
    Ok(TableFilter { only: names(&options.tables)?, except: names(&options.exclude_tables)? })
}

/// The snapshot's entries, with those of the schema file around them.
fn whole_dump(source: &dyn Source, schema: Option<&Path>, temp_dir: &Path) -> Result<Dump> {
    let dump = source.dump().clone();
    let Some(path) = schema.filter(|_| !dump.declares_tables()) else { return Ok(dump) };
    let schema = source::open(&path.to_string_lossy(), temp_dir)?;
    Ok(dump.with_schema(schema.dump()))
}
