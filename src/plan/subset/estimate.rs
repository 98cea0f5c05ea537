//! A subset whose sizes are estimated: for a live database so large that reading its keys takes long.
//!
//! Small tables are counted by reading them, so that the choice of what is whole and what is sampled is that of a run;
//! of large ones the server's statistics say how many rows there are, and how their references are spread.

use super::choice::{Choice, Measures, choose};
use super::expectation::{Counted, expect};
use super::graph::Graph;
use super::survey::Survey;
use super::{SelectSettings, SubsetRequest, key_columns, parts, specify};
use crate::error::{Error, Result};
use crate::source::{ColumnStatistics, Source, TableStatistics};
use crate::subset::key_read::{KeyColumns, KeyRead, KeyReadSettings};
use crate::subset::{EdgeCounts, Spec, TableCounts};

/// A database whose large tables take more than so many bytes is estimated unless it is asked to be read.
const READ_BYTES: u64 = 1 << 30;

/// Whether `mask plan` reads the keys of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sizes {
    /// Where that does not take long.
    #[default]
    Auto,
    /// Always.
    Exact,
    /// Never those of large tables.
    Estimated,
}

/// A subset of which no more is known than how large it is expected to be.
pub struct SubsetEstimate {
    /// What was asked, in words.
    pub summary: String,
    /// The tables and references.
    pub graph: Graph,
    /// What is known of the snapshot.
    pub measures: Measures,
    /// What is done with each table and reference.
    pub choice: Choice,
    /// The same, spelled out.
    pub spec: Spec,
    /// The counts that are expected of the tables.
    pub tables: Vec<TableCounts>,
    /// The counts that are expected of the references.
    pub edges: Vec<EdgeCounts>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// How references are spread over what they lead to.
struct Spread {
    /// Of each edge, the rows that refer to something, and to about how many different parents.
    references: Vec<(u64, f64)>,
    /// Of each edge, the shares of the child's rows that its most common references have.
    common: Vec<Vec<f64>>,
}

impl SubsetRequest<'_> {
    /// Estimates the subset; `None` where it is as well to read the keys, or where the server's statistics do not say
    /// enough: of a table that was never analysed, or of what a condition selects.
    ///
    /// # Errors
    /// What the source fails with, and what the rules ask that the schema does not allow.
    pub fn estimate(
        &self,
        source: &dyn Source,
        sizes: Sizes,
        settings: &SelectSettings<'_>,
    ) -> Result<Option<SubsetEstimate>, Vec<Error>> {
        let one = |error| vec![error];
        if sizes == Sizes::Exact {
            return Ok(None);
        }
        let Some(look_up) = source.look_up().map_err(one)? else { return Ok(None) };
        let parts = parts(self.plan, &self.graph);
        let columns = |&part: &usize| key_columns(self.plan, &self.graph, &self.conditions, part);
        let columns: Vec<KeyColumns> = parts.iter().map(columns).collect();
        let survey = Survey {
            plan: self.plan,
            graph: &self.graph,
            parts: &parts,
            columns: &columns,
            source,
            look_up: Some(look_up),
        };
        let large = survey.large_parts();
        let bytes = |&part: &usize| source.data()[columns[part].source_index].stored_bytes.unwrap_or(0);
        let large_bytes: u64 = large.iter().map(bytes).sum();
        if large.is_empty() || (sizes == Sizes::Auto && large_bytes <= READ_BYTES) {
            return Ok(None);
        }
        let read_settings = KeyReadSettings {
            jobs: settings.jobs,
            memory_bytes: settings.memory_bytes,
            temp_dir: settings.temp_dir.to_path_buf(),
            is_utf8: self.plan.dump.is_utf8(),
        };
        let mut rows = KeyRead::new(source, columns.clone(), &read_settings).map_err(one)?;
        let small: Vec<usize> = (0..parts.len()).filter(|part| !large.contains(part)).collect();
        rows.read(&small).map_err(one)?;
        let measures = survey.measures(&rows, &large);
        let Some(choice) = choose(&self.plan.catalog, &self.graph, &self.asked, &measures) else {
            return Ok(None);
        };
        let conditions = self.conditions.clone();
        let specified = specify::specify(self.plan, &self.graph, &self.asked, &choice, conditions)?;
        let statistics = |&part: &usize| {
            Ok(source.statistics(columns[part].source_index)?.map(|statistics| (part, statistics)))
        };
        let statistics: Option<Vec<(usize, TableStatistics)>> =
            large.iter().map(statistics).collect::<Result<_>>().map_err(one)?;
        let spread = statistics.and_then(|statistics| self.spread(&survey, &rows, &statistics, &measures));
        let Some(Spread { references, common }) = spread else { return Ok(None) };
        let counted = Counted { measures: &measures, references: &references, common: &common };
        let Some((tables, edges)) = expect(&specified.spec, &counted) else { return Ok(None) };
        Ok(Some(SubsetEstimate {
            summary: self.asked.summary.clone(),
            graph: self.graph.clone(),
            measures,
            choice,
            spec: specified.spec,
            tables,
            edges,
            notes: specified.notes,
        }))
    }

    /// What was counted of small tables and is known of large ones; `None` where nothing is known of a column that
    /// refers.
    fn spread(
        &self,
        survey: &Survey<'_>,
        rows: &KeyRead<'_>,
        statistics: &[(usize, TableStatistics)],
        measures: &Measures,
    ) -> Option<Spread> {
        let mut spread = Spread { references: Vec::new(), common: Vec::new() };
        for (index, edge) in self.graph.edges.iter().enumerate() {
            let counted = rows.distinct(index);
            let (mut referring, mut distinct) = (counted.values() as f64, counted.count());
            let mut common = Vec::new();
            let of_child = |part: usize| edge.is_plain() && survey.table(part) == edge.child;
            let known = || statistics.iter().filter(|(part, _)| of_child(*part));
            for (part, known) in known() {
                let of_edge = of_columns(&survey.columns[*part], known, &edge.child_columns)?;
                referring += known.rows * (1.0 - of_edge.nulls);
                distinct += of_edge.distinct;
                let of_table = known.rows / (measures.rows[edge.child] as f64).max(1.0);
                common.extend(of_edge.common.iter().map(|share| share * of_table));
            }
            let parents = measures.rows[edge.parent] as f64;
            spread.references.push((referring as u64, distinct.min(parents)));
            // The most common values of several partitions may be the same ones: then they are told apart no more.
            spread.common.push(if known().count() == 1 { common } else { Vec::new() });
        }
        Some(spread)
    }
}

/// What is known of some columns of a part together: of several, what is known of the one with most values.
fn of_columns(part: &KeyColumns, known: &TableStatistics, columns: &[usize]) -> Option<ColumnStatistics> {
    let of_column = |column: &usize| known.columns.get(&part.place(*column)?);
    let known = columns.iter().map(of_column).collect::<Option<Vec<_>>>()?;
    let nulls = known.iter().map(|column| column.nulls).fold(0.0, f64::max);
    let most = known.iter().max_by(|one, other| one.distinct.total_cmp(&other.distinct))?;
    let common = if known.len() == 1 { most.common.clone() } else { Vec::new() };
    Some(ColumnStatistics { nulls, distinct: most.distinct, common })
}
