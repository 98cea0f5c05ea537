//! Reads a batch of a table's rows: what of them the engine keeps.

use arrow::array::RecordBatch;

use super::code_reader::{BatchCodes, Columns, Scratch};
use super::gathered::Digest;
use super::key_set::find_or_dangling;
use super::key_values::{KeyValues, texts};
use super::links::DANGLING;
use super::period::Period;
use super::seed::Sampler;
use super::spec::{Rows, Share};
use super::table_reader::{Sampled, TableReader, Wanted};
use crate::error::{Error, Place, Result};

/// What of a batch is kept; its first row is the row `first_row` of its part.
///
/// # Errors
/// A value that is not what its type says, and what a condition fails with.
pub fn digest(reader: &TableReader<'_>, first_row: u64, batch: &RecordBatch) -> Result<Digest> {
    let columns: Vec<_> = batch.columns().iter().map(KeyValues::of).collect();
    let rows = batch.num_rows();
    let mut digest = Digest::new(reader, rows);
    // Rows without columns are sampled too.
    if !columns.is_empty() || reader.sampler.is_some() {
        let batch = BatchReader {
            reader,
            columns: &columns,
            keys: reader.keys.iter().map(|key| key.of_batch(&columns)).collect(),
            edges: reader
                .edges
                .iter()
                .map(|edge| edge.as_ref().map(|edge| edge.codes.of_batch(&columns)))
                .collect(),
        };
        let mut scratch = Scratch::default();
        for row in 0..rows {
            batch.digest_row(row, &mut scratch, &mut digest).map_err(|what| {
                let place = Place::table(&reader.table.name).row(first_row + row as u64 + 1);
                Error::snapshot(format!("a key {what}"))
                    .at(place)
                    .hint("the snapshot is damaged; take it again")
            })?;
        }
    }
    if let Some((condition, places)) = &reader.condition {
        let asked = batch.project(places).expect("the columns of the condition are read");
        let held = condition.holds(&texts(&asked), first_row)?;
        (0..).zip(held).filter(|(_, holds)| *holds).for_each(|(row, _)| {
            digest.anchors.insert(row);
        });
    }
    Ok(digest)
}

/// What is read of each row.
struct BatchReader<'b> {
    reader: &'b TableReader<'b>,
    columns: &'b Columns<'b>,
    keys: Vec<BatchCodes<'b>>,
    edges: Vec<Option<BatchCodes<'b>>>,
}

impl BatchReader<'_> {
    fn digest_row(&self, row: usize, scratch: &mut Scratch, digest: &mut Digest) -> Result<(), &'static str> {
        for (key, lists) in self.keys.iter().zip(&mut digest.keys) {
            lists.row(|codes| key.read(row, scratch, codes))?;
        }
        let is_tied = self.digest_references(row, scratch, digest)?;
        for ((at, ty), periods) in self.reader.periods.iter().zip(&mut digest.periods) {
            let column = self.columns[*at];
            let value = (!column.is_null(row)).then(|| column.text(row, &mut scratch.value));
            periods.push(value.map_or_else(Period::default, |value| Period::read(ty, value)));
        }
        if let Some(sampler) = &self.reader.sampler {
            self.sample_row(sampler, row, is_tied, scratch, digest);
        }
        Ok(())
    }

    /// Returns whether the row follows a parent.
    fn digest_references(
        &self,
        row: usize,
        scratch: &mut Scratch,
        digest: &mut Digest,
    ) -> Result<bool, &'static str> {
        let mut is_tied = false;
        let edges = self.reader.edges.iter().zip(&self.edges).zip(&mut digest.edges);
        for ((edge, codes), references) in edges {
            let (Some(edge), Some(codes)) = (edge, codes) else { continue };
            if let (Wanted::Codes, Some(lists)) = (edge.wanted, &mut references.codes) {
                lists.row(|list| codes.read(row, scratch, list))?;
                continue;
            }
            let Some(parents) = edge.parents else { continue };
            digest.codes.clear();
            codes.read(row, scratch, &mut digest.codes)?;
            match &mut references.links {
                Some(links) => {
                    let before = links.items.len();
                    digest.codes.iter().for_each(|&code| find_or_dangling(parents, code, &mut links.items));
                    is_tied |= edge.is_followed && links.items[before..].iter().any(|&link| link != DANGLING);
                    links.end_row();
                }
                None => is_tied |= digest.codes.iter().any(|&code| parents.find_one(code).is_some()),
            }
        }
        Ok(is_tied)
    }

    fn sample_row(
        &self,
        sampler: &Sampler,
        row: usize,
        is_tied: bool,
        scratch: &mut Scratch,
        digest: &mut Digest,
    ) {
        let TableReader { table, sampled, keeps_u, .. } = self.reader;
        // What the sample says of a row that is tied to a parent, nobody asks.
        let is_sampled = match sampled {
            Sampled::Every => true,
            Sampled::Untied => !is_tied,
            Sampled::None => false,
        };
        if !is_sampled && table.include.is_empty() {
            return;
        }
        sampler.read(self.columns, row, scratch);
        let mut is_anchor = sampler.includes(scratch);
        if is_sampled {
            let sample = sampler.sample(scratch);
            if *keeps_u {
                digest.samples.push(sample);
            }
            let takes = |share: Share| !sampler.is_by_whole_row() && share.takes(sample[0]);
            is_anchor |= matches!(table.rows, Rows::Percent(share) if takes(share));
            if table.unowned.is_some_and(takes) {
                digest.unowned.insert(row as u64);
            }
        }
        if is_anchor {
            digest.anchors.insert(row as u64);
        }
    }
}
