//! Progress on stderr: a bar a table on a terminal, else a line a table, or JSON lines.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::job::Job;
use crate::plan::Plan;
use crate::report::{Meter, Phase, Stage, human_bytes};
use crate::source::Source;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Bars on a terminal, plain lines otherwise
    #[default]
    Auto,
    /// A bar a table
    Bar,
    /// A line when a table is complete
    Plain,
    /// A line of JSON when a table is complete
    Json,
    /// Nothing
    None,
}

const REDRAW: Duration = Duration::from_millis(100);

/// Runs `work` and shows what `meter` counts until it is over.
pub fn show<T: Send>(style: Style, job: &Job, meter: &Meter, work: impl FnOnce() -> T + Send) -> T {
    let mut display: Box<dyn Display + Send> = match style {
        Style::None => return work(),
        Style::Auto if stderr().is_terminal() => Box::new(Bars::new(&*job.source, &job.plan)),
        Style::Bar => Box::new(Bars::new(&*job.source, &job.plan)),
        Style::Auto | Style::Plain => Box::new(Lines::new(&job.plan, PLAIN)),
        Style::Json => Box::new(Lines::new(&job.plan, JSON)),
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                display.update(meter);
                std::thread::park_timeout(REDRAW);
            }
            display.update(meter);
            display.end();
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        result
    })
}

trait Display {
    fn update(&mut self, meter: &Meter);
    fn end(&mut self) {}
}

/// A line for each part that is complete, and for each phase after them.
struct Lines {
    names: Vec<String>,
    told: Vec<bool>,
    told_phases: usize,
    forms: Forms,
}

/// How a line is written.
#[derive(Clone, Copy)]
struct Forms {
    part: fn(&str, u64, u64, Duration) -> String,
    phase: fn(&Phase) -> String,
}

const PLAIN: Forms = Forms { part: plain_line, phase: plain_phase };
const JSON: Forms = Forms { part: json_line, phase: json_phase };

impl Lines {
    fn new(plan: &Plan, forms: Forms) -> Self {
        let names = part_names(plan);
        Lines { told: vec![false; names.len()], names, told_phases: 0, forms }
    }
}

impl Display for Lines {
    fn update(&mut self, meter: &Meter) {
        for (index, name) in self.names.iter().enumerate() {
            let part = meter.part(index);
            if !self.told[index] && part.stage() == Stage::Done {
                self.told[index] = true;
                eprintln!("{}", (self.forms.part)(name, part.rows(), part.read_bytes(), part.elapsed()));
            }
        }
        let over = meter.phases().list().into_iter().filter(Phase::is_over);
        for phase in over.skip(self.told_phases) {
            self.told_phases += 1;
            eprintln!("{}", (self.forms.phase)(&phase));
        }
    }
}

fn plain_line(name: &str, rows: u64, bytes: u64, elapsed: Duration) -> String {
    format!("{name}: {rows} rows, {} in {:.1} s", human_bytes(bytes), elapsed.as_secs_f64())
}

fn json_line(name: &str, rows: u64, bytes: u64, elapsed: Duration) -> String {
    serde_json::json!({ "table": name, "rows": rows, "bytes": bytes, "seconds": elapsed.as_secs_f64() })
        .to_string()
}

fn plain_phase(phase: &Phase) -> String {
    format!("{}: {} of {} in {:.1} s", phase.name, phase.done, phase.steps, phase.elapsed().as_secs_f64())
}

fn json_phase(phase: &Phase) -> String {
    serde_json::json!({ "phase": phase.name, "steps": phase.done, "seconds": phase.elapsed().as_secs_f64() })
        .to_string()
}

fn part_names(plan: &Plan) -> Vec<String> {
    plan.parts.iter().map(|part| plan.catalog.table(part.table).name.to_string()).collect()
}

/// A bar for each part that is moving, one for the whole, and one for the phase after the rows.
struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    parts: Vec<PartBar>,
    phase: Option<(&'static str, ProgressBar)>,
}

struct PartBar {
    name: String,
    stored_bytes: Option<u64>,
    bar: Option<ProgressBar>,
    is_over: bool,
}

impl Bars {
    fn new(source: &dyn Source, plan: &Plan) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bytes = plan.parts.iter().map(|part| source.data()[part.source_index].stored_bytes);
        let parts: Vec<PartBar> = part_names(plan)
            .into_iter()
            .zip(bytes)
            .map(|(name, stored_bytes)| PartBar { name, stored_bytes, bar: None, is_over: false })
            .collect();
        let hidden = ProgressDrawTarget::hidden();
        let total = all.add(ProgressBar::with_draw_target(Some(parts.len() as u64), hidden));
        total.set_style(style("{prefix:32!} {bar:24} {pos}/{len} tables {msg}"));
        total.set_prefix("total");
        Bars { all, total, parts, phase: None }
    }
}

impl Display for Bars {
    fn update(&mut self, meter: &Meter) {
        let (mut done, mut rows, mut bytes) = (0, 0, 0);
        for (index, part) in self.parts.iter_mut().enumerate() {
            let counted = meter.part(index);
            rows += counted.rows();
            bytes += counted.read_bytes();
            done += u64::from(counted.stage() == Stage::Done);
            match (counted.stage(), &part.bar) {
                (Stage::Moving, None) if counted.elapsed() > REDRAW => {
                    part.bar = Some(self.all.insert_before(&self.total, part.new_bar()));
                }
                (Stage::Done, Some(bar)) if !part.is_over => {
                    bar.finish_and_clear();
                    part.is_over = true;
                }
                _ => (),
            }
            if let (Some(bar), Stage::Moving) = (&part.bar, counted.stage()) {
                bar.set_position(counted.stored_bytes_read());
                bar.set_message(format!("{} rows", counted.rows()));
            }
        }
        self.total.set_position(done);
        self.total.set_message(format!("{rows} rows, {}", human_bytes(bytes)));
        if let Some(phase) = meter.phases().list().last() {
            self.show_phase(phase);
        }
    }

    fn end(&mut self) {
        self.total.finish_and_clear();
        if let Some((_, bar)) = self.phase.take() {
            bar.finish_and_clear();
        }
        self.all.clear().ok();
    }
}

impl Bars {
    fn show_phase(&mut self, phase: &Phase) {
        if self.phase.as_ref().is_none_or(|(name, _)| *name != phase.name) {
            if let Some((_, bar)) = self.phase.take() {
                bar.finish_and_clear();
            }
            let hidden = ProgressDrawTarget::hidden();
            let bar = self.all.add(ProgressBar::with_draw_target(Some(phase.steps), hidden));
            bar.set_style(style("{prefix:32!} {bar:24} {pos}/{len} {elapsed}"));
            bar.set_prefix(phase.name);
            self.phase = Some((phase.name, bar));
        }
        if let Some((_, bar)) = &self.phase {
            bar.set_position(phase.done);
        }
    }
}

impl PartBar {
    fn new_bar(&self) -> ProgressBar {
        // Hidden until it is among the others, which draw it: else it would leave a line of its own.
        let hidden = |bytes| ProgressBar::with_draw_target(bytes, ProgressDrawTarget::hidden());
        let bar = match self.stored_bytes {
            Some(bytes) => hidden(Some(bytes)).with_style(style(
                "{prefix:32!} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {msg} eta {eta}",
            )),
            None => hidden(None).with_style(style("{prefix:32!} {spinner} {bytes} {bytes_per_sec} {msg}")),
        };
        bar.set_prefix(self.name.clone());
        bar
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is one of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_table_rows_size_and_time() {
        let line = plain_line("public.users", 3, 2048, Duration::from_millis(1500));
        assert_eq!(line, "public.users: 3 rows, 2.0 KiB in 1.5 s");
    }
}
