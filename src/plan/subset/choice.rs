//! What nobody said of a subset: which reference owns the rows of a table, which tables are sampled, which are whole.
//!
//! The choice depends on the schema, on counts of rows and bytes and on how many rows refer to one, never on the
//! percentage: so a smaller subset lies inside a greater one.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::affinity::{affinity, is_named_after, is_of_doer, is_subject};
use super::graph::{Edge, Graph, Origin};
use crate::rules::subset::{Amount, Down};
use crate::rules::subset_names::SubsetAsked;
use crate::schema::{Catalog, ReferentialAction};

/// A table of at most so many rows is small…
pub const SMALL_ROWS: u64 = 1_000;
/// …and so is one of at most so many bytes of COPY text.
pub const SMALL_BYTES: u64 = 1024 * 1024;

/// The share of all bytes that the trees of sampled tables cover at the least, in hundredths.
const COVERED_PERCENT: u64 = 90;

/// A parent of fewer rows than this, with many children each, sorts rows and does not own them…
const CATEGORY_ROWS: u64 = 100;
/// …where each has so many children of those that must have a parent…
const CATEGORY_CHILDREN: f64 = 20.0;
/// …or so many of those that need not.
const CATEGORY_OPTIONAL_CHILDREN: f64 = 5.0;

/// Below so many children for each parent that has any, a reference is one to one.
const ONE_TO_ONE_CHILDREN: f64 = 1.5;

/// How far an estimate of rows may be off.
const ESTIMATE_FACTOR: u64 = 4;

/// What was counted of the snapshot.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Rows of each table of the graph.
    pub rows: Vec<u64>,
    /// Bytes of COPY text of each.
    pub bytes: Vec<u64>,
    /// Of each edge.
    pub references: Vec<References>,
    /// Of each table, whether its rows are an estimate: they may be four times as many, or so many times
    /// fewer.
    pub is_estimated: Vec<bool>,
}

/// What was counted of a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum References {
    /// The rows that refer to something, and to about how many different parents.
    Counted(u64, f64),
    /// About how many rows refer to something; nobody knows to how many parents.
    About(u64),
}

impl Default for References {
    fn default() -> Self {
        References::Counted(0, 0.0)
    }
}

impl References {
    /// How many children there are for each parent that has any, if that was counted.
    fn children_each(self) -> Option<f64> {
        match self {
            References::Counted(_, parents) if parents <= 0.0 => Some(0.0),
            References::Counted(referring, parents) => Some(referring as f64 / parents),
            References::About(_) => None,
        }
    }
}

/// Where a table's own rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// As it was asked.
    Asked(Amount),
    /// A share of its rows: records of other tables belong to them.
    Anchor,
    /// A share of its rows: it belongs to nothing.
    Untied,
    /// With the rows that they belong to, along these edges.
    Follows(Vec<usize>),
    /// All of them: it is small, and others refer to it.
    Lookup,
    /// None: only rows that others refer to.
    Referred,
}

/// The choice for every table and edge.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Of each table of the graph.
    pub policies: Vec<Policy>,
    /// Whether the children of each edge follow.
    pub down: Vec<Down>,
}

/// Chooses for the tables and edges of `graph`; what is asked goes before what names and counts say. `None` where that
/// depends on what was only estimated.
pub fn choose(catalog: &Catalog, graph: &Graph, asked: &SubsetAsked, measures: &Measures) -> Option<Choice> {
    let asked_down = asked_down(graph, asked);
    let chooser = Chooser { catalog, graph, asked, measures, asked_down, is_in_doubt: Cell::new(false) };
    let mut lookups = BTreeSet::new();
    loop {
        let owners = chooser.owners(&lookups);
        let more = chooser.lookups(&owners, &lookups);
        if more.is_subset(&lookups) {
            let choice = chooser.finish(&owners, &lookups);
            return (!chooser.is_in_doubt.get()).then_some(choice);
        }
        lookups.extend(more);
    }
}

/// The edges of `graph` that an entry of `[[subset.edges]]` means: those of its table with its columns, in any order.
pub fn edges_named<'g>(
    graph: &'g Graph,
    table: usize,
    columns: &'g [usize],
) -> impl Iterator<Item = usize> + 'g {
    let wanted: BTreeSet<usize> = columns.iter().copied().collect();
    let is_named = move |edge: &Edge| {
        edge.child == table && edge.child_columns.iter().copied().collect::<BTreeSet<_>>() == wanted
    };
    graph.edges.iter().enumerate().filter(move |(_, edge)| is_named(edge)).map(|(index, _)| index)
}

/// What is asked of each edge's children.
fn asked_down(graph: &Graph, asked: &SubsetAsked) -> BTreeMap<usize, Down> {
    let mut down = BTreeMap::new();
    for rule in &asked.edges {
        let (Some(table), Some(wanted)) = (graph.table(rule.child), rule.down) else { continue };
        down.extend(edges_named(graph, table, &rule.columns).map(|edge| (edge, wanted)));
    }
    down
}

struct Chooser<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    asked: &'a SubsetAsked,
    measures: &'a Measures,
    asked_down: BTreeMap<usize, Down>,
    /// Whether an answer depended on an estimate.
    is_in_doubt: Cell<bool>,
}

/// For each table, the edges along which its rows follow others.
type Owners = Vec<Vec<usize>>;

impl Chooser<'_> {
    /// The edges along which rows follow, where the tables `lookups` own nothing.
    fn owners(&self, lookups: &BTreeSet<usize>) -> Owners {
        let mut owners: Owners = vec![Vec::new(); self.graph.tables.len()];
        for (&edge, &down) in &self.asked_down {
            if down != Down::None {
                owners[self.graph.edges[edge].child].push(edge);
            }
        }
        let mut candidates: Vec<usize> =
            (0..self.graph.edges.len()).filter(|&edge| self.may_own(edge, lookups)).collect();
        candidates.sort_by_key(|&edge| Reverse(self.score(edge)));
        self.doubt_ties(&candidates);
        for edge in candidates {
            let child = self.graph.edges[edge].child;
            if owners[child].is_empty() {
                let all = self.with_other_labels(edge);
                let has_cycle = |edge: &usize| self.leads_to(&owners, self.graph.edges[*edge].parent, child);
                match all.iter().any(has_cycle) {
                    // What comes next, and what came before, may have depended on counts.
                    true => {
                        self.doubt_if(self.measures.references.iter().any(|it| it.children_each().is_none()))
                    }
                    false => owners[child] = all,
                }
            }
        }
        owners
    }

    /// Whether an edge may own its child's rows by itself.
    fn may_own(&self, index: usize, lookups: &BTreeSet<usize>) -> bool {
        let edge = &self.graph.edges[index];
        let says_how = |edge: &usize| self.graph.edges[*edge].child == self.graph.edges[index].child;
        let is_asked_otherwise = self.asked_down.contains_key(&index)
            || self.asked_down.iter().any(|(other, down)| *down != Down::None && says_how(other));
        let owns_nothing = matches!(self.amount(edge.parent), Some(Amount::All | Amount::None))
            || lookups.contains(&edge.parent);
        let has_own_rows = self.amount(edge.child).is_some() || lookups.contains(&edge.child);
        !edge.is_self()
            && edge.is_plain()
            && !is_asked_otherwise
            && !owns_nothing
            && !has_own_rows
            && !self.is_association(index)
    }

    /// Whether an edge says something of a row other than whose it is.
    fn is_association(&self, index: usize) -> bool {
        let edge = &self.graph.edges[index];
        let child = self.catalog.table(self.graph.tables[edge.child]);
        let parent = self.catalog.table(self.graph.tables[edge.parent]);
        if edge.on_delete == ReferentialAction::Cascade {
            return false;
        }
        let clears = matches!(edge.on_delete, ReferentialAction::SetNull | ReferentialAction::SetDefault);
        let by_doer = edge.child_columns.iter().any(|&column| is_of_doer(child, column));
        let named_after = edge.child_columns.iter().any(|&column| is_named_after(child, column, parent));
        // What a person declares in the rules is no mere role.
        let optional_role =
            !self.is_required(edge) && !named_after && !matches!(edge.origin, Origin::Rules(_));
        clears || by_doer || optional_role || self.is_category(index) || self.is_detail(index)
    }

    /// Whether the parents are few that sort rows.
    fn is_category(&self, index: usize) -> bool {
        let edge = &self.graph.edges[index];
        if !self.is_below(edge.parent, CATEGORY_ROWS) {
            return false;
        }
        let limit = if self.is_required(edge) { CATEGORY_CHILDREN } else { CATEGORY_OPTIONAL_CHILDREN };
        match self.measures.references[index] {
            References::About(referring) => {
                let each = referring as f64 / self.measures.rows[edge.parent].max(1) as f64;
                let is_certain = each >= limit * ESTIMATE_FACTOR as f64;
                self.doubt_if(!is_certain);
                is_certain
            }
            counted => counted.children_each().is_some_and(|each| each >= limit),
        }
    }

    /// Whether a person or the like refers, one to one, to what is said of it.
    fn is_detail(&self, index: usize) -> bool {
        let edge = &self.graph.edges[index];
        let child = self.catalog.table(self.graph.tables[edge.child]);
        let parent = self.catalog.table(self.graph.tables[edge.parent]);
        if self.is_in_primary_key(edge) || !is_subject(child) || is_subject(parent) {
            return false;
        }
        match self.measures.references[index] {
            References::Counted(referring, _) => {
                let each = self.measures.references[index].children_each();
                referring >= 20 && each.is_some_and(|each| each < ONE_TO_ONE_CHILDREN)
            }
            References::About(referring) => {
                let least = referring as f64 / self.measures.rows[edge.parent].max(1) as f64;
                let may_be_few = least / (ESTIMATE_FACTOR * ESTIMATE_FACTOR) as f64;
                self.doubt_if(may_be_few < ONE_TO_ONE_CHILDREN);
                false
            }
        }
    }

    /// Whether a table has fewer than `rows` rows.
    fn is_below(&self, table: usize, rows: u64) -> bool {
        let counted = self.measures.rows[table];
        if self.measures.is_estimated[table] {
            self.doubt_if((rows / ESTIMATE_FACTOR..rows * ESTIMATE_FACTOR).contains(&counted));
        }
        counted < rows
    }

    fn doubt_if(&self, is_in_doubt: bool) {
        self.is_in_doubt.set(self.is_in_doubt.get() || is_in_doubt);
    }

    /// Doubts the order of `candidates` where the best one of a table is so only by a count that is not known.
    fn doubt_ties(&self, candidates: &[usize]) {
        let mut best = BTreeMap::new();
        for &edge in candidates {
            let child = self.graph.edges[edge].child;
            let before = *best.entry(child).or_insert(edge);
            if before != edge && self.schema_score(before) == self.schema_score(edge) {
                let is_known = |edge: usize| self.measures.references[edge].children_each().is_some();
                self.doubt_if(!is_known(before) || !is_known(edge));
            }
        }
    }

    /// How much speaks for an edge owning its child's rows; the greater wins.
    fn score(&self, index: usize) -> impl Ord + use<> {
        let children_each = self.measures.references[index].children_each();
        let children_each = children_each.map_or(u64::MAX, |each| (each * 16.0) as u64);
        (self.schema_score(index), Reverse(children_each), Reverse(index))
    }

    /// What of it the schema says.
    fn schema_score(&self, index: usize) -> (bool, bool, bool, Option<impl Ord + use<>>) {
        let edge = &self.graph.edges[index];
        let (child, parent) = (self.graph.tables[edge.child], self.graph.tables[edge.parent]);
        let names = edge.child_columns.iter().map(|&column| affinity(self.catalog, child, column, parent));
        (
            edge.on_delete == ReferentialAction::Cascade,
            self.is_in_primary_key(edge),
            self.is_required(edge),
            names.max(),
        )
    }

    fn is_required(&self, edge: &Edge) -> bool {
        let child = self.catalog.table(self.graph.tables[edge.child]);
        edge.child_columns.iter().all(|&column| child.columns[column].not_null)
    }

    fn is_in_primary_key(&self, edge: &Edge) -> bool {
        let child = self.catalog.table(self.graph.tables[edge.child]);
        let key = child.primary_key.as_ref();
        key.is_some_and(|key| edge.child_columns.iter().all(|column| key.columns.contains(column)))
    }

    /// The edge, and those that lead from the same polymorphic reference to other tables.
    fn with_other_labels(&self, index: usize) -> Vec<usize> {
        let edge = &self.graph.edges[index];
        let Some((column, _)) = &edge.label else { return vec![index] };
        let is_sibling = |other: &Edge| {
            other.child == edge.child
                && other.child_columns == edge.child_columns
                && other.label.as_ref().is_some_and(|(other, _)| other == column)
                && !other.is_self()
        };
        (0..self.graph.edges.len()).filter(|&other| is_sibling(&self.graph.edges[other])).collect()
    }

    /// Whether the owners of `from`, directly or not, are or include `to`.
    fn leads_to(&self, owners: &Owners, from: usize, to: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(table) = open.pop() {
            if table == to {
                return true;
            }
            if seen.insert(table) {
                open.extend(owners[table].iter().map(|&edge| self.graph.edges[edge].parent));
            }
        }
        false
    }

    fn amount(&self, table: usize) -> Option<&Amount> {
        let asked = self.asked.tables.get(&self.graph.tables[table])?;
        asked.amount.as_ref().map(|(amount, _)| amount)
    }

    fn is_small(&self, table: usize) -> bool {
        self.measures.bytes[table] <= SMALL_BYTES || self.is_below(table, SMALL_ROWS + 1)
    }

    fn is_referred_to(&self, table: usize) -> bool {
        self.graph.edges.iter().any(|edge| edge.parent == table && !edge.is_self())
    }

    /// The small tables that are kept whole under `owners`: roots that others refer to, but for those whose trees are
    /// most of the snapshot; and the small tables of their trees.
    fn lookups(&self, owners: &Owners, known: &BTreeSet<usize>) -> BTreeSet<usize> {
        let roots: Vec<usize> = (0..owners.len())
            .filter(|&table| {
                owners[table].is_empty() && self.amount(table).is_none() && !known.contains(&table)
            })
            .collect();
        let anchors = self.largest_trees(&roots, owners);
        let mut lookups = known.clone();
        lookups.extend(
            roots.iter().filter(|root| {
                self.is_small(**root) && self.is_referred_to(**root) && !anchors.contains(*root)
            }),
        );
        // A small table that would follow a lookup is one itself; a large one looks for another owner.
        loop {
            let follows = |table: usize| {
                owners[table].iter().any(|&edge| lookups.contains(&self.graph.edges[edge].parent))
                    && !owners[table].iter().any(|edge| self.asked_down.contains_key(edge))
            };
            let more: Vec<usize> = (0..owners.len())
                .filter(|&table| !lookups.contains(&table) && self.is_small(table) && follows(table))
                .collect();
            if more.is_empty() {
                return lookups;
            }
            lookups.extend(more);
        }
    }

    /// The roots with trees that cover most bytes, largest first; a root that owns nothing has no tree.
    fn largest_trees(&self, roots: &[usize], owners: &Owners) -> BTreeSet<usize> {
        let mut trees: Vec<(u64, usize)> = roots
            .iter()
            .map(|&root| {
                let bytes = (0..owners.len())
                    .filter(|&table| self.leads_to(owners, table, root))
                    .map(|table| self.measures.bytes[table])
                    .sum();
                (bytes, root)
            })
            .collect();
        trees.sort_by_key(|&(bytes, root)| (Reverse(bytes), root));
        let owns = |root: usize| owners.iter().flatten().any(|&edge| self.graph.edges[edge].parent == root);
        let all: u64 = trees.iter().filter(|(_, root)| owns(*root)).map(|(bytes, _)| bytes).sum();
        let mut covered = 0;
        let mut anchors = BTreeSet::new();
        for (bytes, root) in trees {
            if owns(root) && (covered * 100 < all * COVERED_PERCENT || !self.is_small(root)) {
                anchors.insert(root);
                covered += bytes;
            }
        }
        anchors
    }

    fn finish(&self, owners: &Owners, lookups: &BTreeSet<usize>) -> Choice {
        let has_percent = self.asked.percent.is_some();
        let owns = |table: usize| owners.iter().flatten().any(|&edge| self.graph.edges[edge].parent == table);
        let policy = |table: usize| match self.amount(table) {
            Some(amount) => Policy::Asked(amount.clone()),
            None if lookups.contains(&table) => Policy::Lookup,
            None if !owners[table].is_empty() => Policy::Follows(owners[table].clone()),
            None if !has_percent => Policy::Referred,
            None if owns(table) => Policy::Anchor,
            None if self.is_referred_to(table) => Policy::Anchor,
            None => Policy::Untied,
        };
        let mut down = vec![Down::None; self.graph.edges.len()];
        owners.iter().flatten().for_each(|&edge| down[edge] = Down::Owner);
        self.asked_down.iter().for_each(|(&edge, &asked)| down[edge] = asked);
        Choice { policies: (0..owners.len()).map(policy).collect(), down }
    }
}
