//! Reads the keys of a snapshot's tables: of small tables all of them, and then, where it is chosen what becomes of the
//! large ones, of these those that may be in the subset, or all.

use super::SelectSettings;
use super::candidates::Candidates;
use super::choice::{Choice, Measures, choose};
use super::conditions::Conditions;
use super::graph::Graph;
use super::narrow::Narrowing;
use super::specify::{Specified, specify};
use super::survey::Survey;
use crate::error::{Error, Result};
use crate::key::MasterKey;
use crate::plan::Plan;
use crate::rules::subset_names::SubsetAsked;
use crate::source::Source;
use crate::source::look_up::{LookUp, LookUpSettings};
use crate::subset::key_read::{KeyColumns, KeyRead, KeyReadSettings};

/// What was read, and what was chosen by it.
pub struct Keys<'a> {
    /// The key columns.
    pub rows: KeyRead<'a>,
    /// What was counted.
    pub measures: Measures,
    /// What is done with each table and reference.
    pub choice: Choice,
    /// The same, spelled out.
    pub specified: Specified,
    /// Of each part, about how many rows it has, where not all were read.
    pub rows_about: Vec<Option<u64>>,
}

/// What is to be read, and how.
pub struct Reading<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its tables and references.
    pub graph: &'a Graph,
    /// The subset that is asked for.
    pub asked: &'a SubsetAsked,
    /// The parts that have rows of these tables, among those of the plan's data.
    pub parts: &'a [usize],
    /// What is to be read of each.
    pub columns: &'a [KeyColumns],
    /// The snapshot.
    pub source: &'a dyn Source,
    /// The key of the run.
    pub key: &'a MasterKey,
    /// How.
    pub settings: SelectSettings<'a>,
}

impl<'a> Reading<'a> {
    /// Reads the keys and chooses.
    ///
    /// # Errors
    /// What the source fails with, and what the rules ask that the schema does not allow.
    pub fn read(&self, conditions: Conditions) -> Result<Keys<'a>, Vec<Error>> {
        let one = |error| vec![error];
        // A row is explained by rows that are not kept, too.
        let look_up = match self.settings.why {
            None => self.source.look_up().map_err(one)?,
            Some(_) => None,
        };
        let survey = self.survey(look_up);
        let mut rows = self.open(look_up.is_some()).map_err(one)?;
        let mut unread = survey.large_parts();
        let at_once: Vec<usize> = (0..self.parts.len()).filter(|part| !unread.contains(part)).collect();
        rows.read(&at_once).map_err(one)?;
        let mut measures = survey.measures(&rows, &unread);
        let choice = match self.choose(&measures) {
            Some(choice) => choice,
            None => {
                rows.read(&std::mem::take(&mut unread)).map_err(one)?;
                measures = survey.measures(&rows, &unread);
                self.choose(&measures).expect("nothing is estimated any more")
            }
        };
        let mut specified = specify(self.plan, self.graph, self.asked, &choice, conditions)?;
        specified.spec.parts = (0..self.parts.len()).map(|part| survey.table(part)).collect();
        let mut rows_about = vec![None; self.parts.len()];
        if let Some(look_up) = look_up.filter(|_| !unread.is_empty()) {
            unread = self.read_large(&mut rows, look_up, &specified, &measures, unread).map_err(one)?;
            unread.iter().for_each(|&part| rows_about[part] = survey.rows_about(part));
            measures = survey.measures(&rows, &unread);
        }
        Ok(Keys { rows, measures, choice, specified, rows_about })
    }

    fn survey(&self, look_up: Option<&'a dyn LookUp>) -> Survey<'a> {
        let Reading { plan, graph, parts, columns, source, .. } = *self;
        Survey { plan, graph, parts, columns, source, look_up }
    }

    fn open(&self, can_look_up: bool) -> Result<KeyRead<'a>> {
        let settings = KeyReadSettings {
            jobs: self.settings.jobs,
            // The engine has the other half, and rows that are looked up a part of this one.
            memory_bytes: self.settings.memory_bytes / if can_look_up { 4 } else { 2 },
            temp_dir: self.settings.temp_dir.to_path_buf(),
            is_utf8: self.plan.dump.is_utf8(),
        };
        KeyRead::new(self.source, self.columns.to_vec(), &settings)
    }

    fn choose(&self, measures: &Measures) -> Option<Choice> {
        choose(&self.plan.catalog, self.graph, self.asked, measures)
    }

    /// Reads the parts `large`, and returns those of which only some rows were read.
    fn read_large(
        &self,
        rows: &mut KeyRead<'_>,
        look_up: &dyn LookUp,
        specified: &Specified,
        measures: &Measures,
        large: Vec<usize>,
    ) -> Result<Vec<usize>> {
        let spec = &specified.spec;
        let survey = self.survey(None);
        let (is_enforced, is_required) = (survey.enforced(), survey.required());
        let candidates = Candidates::new(spec, self.columns, look_up, measures, &is_enforced, &is_required);
        let (narrowed, whole): (Vec<usize>, Vec<usize>) =
            large.into_iter().partition(|&part| candidates.is_narrowed(spec.parts[part]));
        rows.read(&whole)?;
        let SelectSettings { jobs, memory_bytes, temp_dir, .. } = self.settings;
        let settings = LookUpSettings { jobs, memory_bytes: memory_bytes / 4, temp_dir };
        let narrowing = Narrowing { spec, columns: self.columns, look_up, candidates: &candidates, settings };
        let is_done = !narrowed.is_empty() && narrowing.narrow(rows, self.key)?;
        rows.read(&narrowed)?;
        Ok(if is_done { narrowed } else { Vec::new() })
    }
}
