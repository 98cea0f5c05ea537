//! Why a row is in a subset, or is not: the path of references from a row that is there for its own sake.
//!
//! The rows on the path are told by their numbers in the snapshot, never by a value of theirs.

use std::collections::{HashMap, HashSet};

use super::choice::Policy;
use super::graph::{Graph, row_key};
use super::row_search::{Link, RowId, RowSearch, Values};
use crate::error::{Error, Result};
use crate::functions::canonical::canonical;
use crate::rules::subset::{Amount, Include};
use crate::schema::{Catalog, PgType};
use crate::subset::spec::{Down, Rows, Spec, Up};

/// The most rows of a path that are told…
const MAX_ROWS: usize = 100;
/// …and the most that are looked at by each reference at every step of it.
const MAX_CHILDREN: usize = 1_000;

/// What a path is found in.
pub struct Explainer<'a> {
    pub catalog: &'a Catalog,
    pub graph: &'a Graph,
    pub policies: &'a [Policy],
    pub spec: &'a Spec,
    pub search: RowSearch<'a>,
    /// The name of the table that each part of the specification is of: a partition's own.
    pub part_names: &'a [String],
}

impl Explainer<'_> {
    /// Explains the row that `asked` names: `orders(17)`, `lines(7, 1)`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is no such row; what reading the keys again fails with.
    pub fn explain(&self, asked: &str) -> Result<String> {
        let (table, values) = self.parse(asked)?;
        let key = row_key(self.catalog, self.graph.tables[table]);
        let types: Vec<&PgType> =
            key.iter().map(|&column| &self.spec.tables[table].columns[column]).collect();
        let mut scratch = Vec::new();
        let wanted: Values = values
            .iter()
            .zip(&types)
            .map(|(value, ty)| Some(canonical(ty, value.as_bytes(), &mut scratch).to_vec()))
            .collect();
        let found = self.search.find(table, &key, &|row| row == wanted, 1)?;
        let Some(&start) = found.first() else {
            return Err(Error::usage(format!("`{}` has no such row", self.name(table)))
                .at("--why")
                .hint("name a row by its key, such as `orders(17)`"));
        };
        let mut lines = Vec::new();
        self.tell(start, &mut lines)?;
        Ok(lines.concat())
    }

    fn parse(&self, asked: &str) -> Result<(usize, Vec<String>)> {
        let refuse = || {
            Error::usage("this names no row")
                .at("--why")
                .hint("write a table and a key, such as `orders(17)` or `lines(7, 1)`")
        };
        let open = crate::rules::subset::open_parenthesis(asked).ok_or_else(refuse)?;
        let written = format!("{}: {}", &asked[..open], &asked[open..]);
        let include = Include::parse(&written, "--why").ok_or_else(refuse)?;
        let [values] = &include.keys[..] else { return Err(refuse()) };
        let id = crate::rules::subset_names::one_table(&include.table, self.catalog)
            .map_err(|error| error.at("--why"))?;
        let table = self.graph.table(id).ok_or_else(refuse)?;
        let key = row_key(self.catalog, self.graph.tables[table]);
        if key.len() != values.len() {
            return Err(Error::usage(format!(
                "the key of `{}` has {} columns, not {}",
                self.name(table),
                key.len(),
                values.len()
            ))
            .at("--why"));
        }
        Ok((table, values.clone()))
    }

    fn name(&self, table: usize) -> &str {
        &self.spec.tables[table].name
    }

    fn row_name(&self, row: RowId) -> String {
        format!("row {} of {}", row.row + 1, self.part_names[row.part])
    }

    fn edge_name(&self, link: Link) -> &str {
        &self.spec.edges[link.edge].name
    }

    fn tell(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let name = self.row_name(start);
        match (self.search.is_kept(start), self.search.is_owned(start)) {
            (true, true) => {
                lines.push(format!("{name} is kept, and owned\n"));
                self.tell_owners(start, lines)
            }
            (true, false) => {
                lines.push(format!("{name} is kept, though nothing that is kept owns it\n"));
                self.tell_children(start, lines)
            }
            (false, owned) => {
                lines.push(format!("{name} is not kept\n"));
                self.tell_absence(start, owned, lines)
            }
        }
    }

    /// Follows owners up to a row that is sampled.
    fn tell_owners(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let mut row = start;
        let mut seen = HashSet::from([start]);
        while seen.len() <= MAX_ROWS {
            let links = self.search.parents(row, |edge| edge.down != Down::None)?;
            let is_next = |link: &Link| self.search.is_owned(link.parent) && !seen.contains(&link.parent);
            let Some(link) = links.into_iter().find(is_next) else {
                let policy = self.policy(row);
                lines.push(format!("  {} is kept for its own sake: {policy}\n", self.row_name(row)));
                return Ok(());
            };
            let (child, parent) = (self.row_name(row), self.row_name(link.parent));
            lines.push(format!("  {child} follows {parent} by {}\n", self.edge_name(link)));
            row = link.parent;
            seen.insert(row);
        }
        lines.push(format!("  and so on: the path has more than {MAX_ROWS} rows\n"));
        Ok(())
    }

    /// Looks for the nearest row that is owned, or kept with its table, among those that refer to the row.
    fn tell_children(&self, start: RowId, lines: &mut Vec<String>) -> Result<()> {
        let is_there = |row: RowId| self.search.is_owned(row) || self.is_whole(row);
        let mut led_by: HashMap<RowId, Link> = HashMap::new();
        let mut nearest = vec![start];
        for _ in 0..MAX_ROWS {
            if let Some(&end) = nearest.iter().find(|row| is_there(**row)) {
                return self.tell_path(start, end, &led_by, lines);
            }
            let links = self.search.children(&nearest, MAX_CHILDREN)?;
            nearest.clear();
            for link in links {
                if link.child != start && !led_by.contains_key(&link.child) {
                    led_by.insert(link.child, link);
                    nearest.push(link.child);
                }
            }
            if nearest.is_empty() {
                return Ok(());
            }
        }
        lines.push(format!("  rows that refer to it lead to it by more than {MAX_ROWS} others\n"));
        Ok(())
    }

    /// Tells the path down from `start` to a row that is kept for another reason than being referred to.
    fn tell_path(
        &self,
        start: RowId,
        end: RowId,
        led_by: &HashMap<RowId, Link>,
        lines: &mut Vec<String>,
    ) -> Result<()> {
        let mut path = Vec::new();
        let mut row = end;
        while row != start {
            let link = led_by[&row];
            path.push(link);
            row = link.parent;
        }
        for link in path.into_iter().rev() {
            let (child, parent) = (self.row_name(link.child), self.row_name(link.parent));
            lines.push(format!("  {parent} is referred to by {child} by {}\n", self.edge_name(link)));
        }
        if self.search.is_owned(end) {
            return self.tell_owners(end, lines);
        }
        lines.push(format!("  {} is kept with its whole table\n", self.row_name(end)));
        Ok(())
    }

    fn is_whole(&self, row: RowId) -> bool {
        self.spec.tables[self.search.table_of(row)].whole
    }

    fn tell_absence(&self, row: RowId, owned: bool, lines: &mut Vec<String>) -> Result<()> {
        let table = self.search.table_of(row);
        if matches!(self.spec.tables[table].rows, Rows::None) {
            let why = match &self.policies[table] {
                Policy::Asked(Amount::None) => "as asked",
                _ => "for each needs a row of a table that is left out",
            };
            lines.push(format!("  no row of {} is kept, {why}\n", self.name(table)));
            return Ok(());
        }
        if owned || self.is_whole(row) {
            let reason = if owned { "is owned" } else { "belongs to a table that is kept whole" };
            for link in self.search.parents(row, |edge| edge.up != Up::Null)? {
                if !self.search.is_kept(link.parent) {
                    let (parent, edge) = (self.row_name(link.parent), self.edge_name(link));
                    lines
                        .push(format!("  it {reason}, but it needs {parent} by {edge}, which is not kept\n"));
                }
            }
            return Ok(());
        }
        for link in self.search.parents(row, |edge| edge.down != Down::None)? {
            let (parent, edge) = (self.row_name(link.parent), self.edge_name(link));
            lines.push(match (self.search.is_owned(link.parent), self.spec.edges[link.edge].cap) {
                (true, Some(cap)) => {
                    format!("  {parent}, which is owned, brings {cap} others along by {edge}\n")
                }
                (true, None) => {
                    format!("  it would follow {parent} by {edge}, but not by all its references\n")
                }
                (false, _) => format!("  it would follow {parent} by {edge}, which is not owned\n"),
            });
        }
        lines.push(format!("  {}: {}\n", self.name(table), self.policy(row)));
        lines.push("  and no kept row refers to it\n".to_string());
        Ok(())
    }

    fn policy(&self, row: RowId) -> String {
        let table = self.search.table_of(row);
        match &self.policies[table] {
            Policy::Asked(Amount::Where(_)) => "the condition that was asked".to_string(),
            Policy::Asked(amount) => format!("asked for {amount}"),
            Policy::Anchor | Policy::Untied => "its table is sampled".to_string(),
            Policy::Follows(_) => {
                "its table follows others, and rows that belong to none are sampled".to_string()
            }
            Policy::Lookup => "the table is kept whole".to_string(),
            Policy::Referred => "only what is referred to is kept".to_string(),
        }
    }
}
