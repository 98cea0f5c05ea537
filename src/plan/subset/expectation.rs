//! How many rows a subset is expected to have, from counts alone: what `mask plan` says where reading the keys would take
//! long.
//!
//! A row is owned with the probability that it is drawn itself or that an owned row brings it along. A row that m rows
//! refer to is kept with 1 − (1 − f)^m, where f is the share of these that is kept; the most common values have an m of
//! their own, all others one about the mean. References are taken to be independent of each other.

use super::choice::Measures;
use crate::subset::spec::{Down, EdgeSpec, Rows, Spec, TableSpec, Up};
use crate::subset::{EdgeCounts, TableCounts};

/// After so many rounds, what still changes on a cycle is near enough.
const MAX_ROUNDS: usize = 100;
/// A smaller change of a probability is none.
const PRECISION: f64 = 1e-6;

/// As many of the most common values that the server knows are as many as it was told to know (the default of
/// `default_statistics_target`): then others are common too, else no other one is much more common than the mean.
const FULL_LIST: usize = 100;
/// The greatest spread of the numbers of children that is taken for one, as a multiple of their mean.
const MAX_SPREAD: f64 = 1.5;

/// What is counted of the snapshot, and how the rows of each edge are spread over its parents.
pub struct Counted<'a> {
    /// Rows.
    pub measures: &'a Measures,
    /// Of each edge, the rows that refer to something, and to about how many different parents.
    pub references: &'a [(u64, f64)],
    /// Of each edge, the shares of the child's rows that the most common references have.
    pub common: &'a [Vec<f64>],
}

/// The counts that are expected of the tables and edges of `spec`; `None` where a condition decides, of which counts say
/// nothing.
pub fn expect(spec: &Spec, counted: &Counted<'_>) -> Option<(Vec<TableCounts>, Vec<EdgeCounts>)> {
    if spec.tables.iter().any(|table| matches!(table.rows, Rows::Where(_))) {
        return None;
    }
    let expectation = Expectation { spec, counted };
    let owned = expectation.owned();
    let kept = expectation.kept(&owned);
    let count = |share: f64, rows: f64| (share * rows).round() as u64;
    let tables = (0..spec.tables.len()).map(|table| {
        let rows = expectation.rows(table);
        let rows_owned = count(owned[table].min(kept[table]), rows);
        let rows_stub = count(kept[table], rows).saturating_sub(rows_owned);
        TableCounts { rows_read: rows as u64, rows_owned, rows_stub, rows_pruned: 0 }
    });
    let edges = spec.edges.iter().enumerate().map(|(index, edge)| {
        let (children, tied) = (expectation.rows(edge.child), expectation.tied(index));
        let references = tied * kept[edge.child];
        let nulled = if edge.up == Up::Null { 1.0 - kept[edge.parent] } else { 0.0 };
        let new = expectation.rows(edge.parent) * (1.0 - owned[edge.parent]);
        EdgeCounts {
            rows_followed: count(expectation.followed(index, &owned), children),
            rows_required: match edge.up {
                Up::Require => count(expectation.pulled(index, &owned, &kept), new),
                _ => 0,
            },
            references_kept: count(references * kept[edge.parent], children),
            references_nulled: count(references * nulled, children),
            references_dangling: 0,
        }
    });
    Some((tables.collect(), edges.collect()))
}

struct Expectation<'a> {
    spec: &'a Spec,
    counted: &'a Counted<'a>,
}

impl Expectation<'_> {
    fn rows(&self, table: usize) -> f64 {
        self.counted.measures.rows[table] as f64
    }

    fn edges_of(&self, table: usize) -> impl Iterator<Item = (usize, &EdgeSpec)> {
        self.spec.edges.iter().enumerate().filter(move |(_, edge)| edge.child == table)
    }

    /// The share of a child's rows that refer to something by an edge.
    fn tied(&self, edge: usize) -> f64 {
        let rows = self.rows(self.spec.edges[edge].child);
        if rows > 0.0 { (self.counted.references[edge].0 as f64 / rows).min(1.0) } else { 0.0 }
    }

    /// The share of a child's rows that an edge brings along.
    fn followed(&self, index: usize, owned: &[f64]) -> f64 {
        let edge = &self.spec.edges[index];
        if edge.down == Down::None {
            return 0.0;
        }
        let (references, parents) = self.counted.references[index];
        let children_each = (references as f64 / parents.max(1.0)).max(1.0);
        let within_cap = edge.cap.map_or(1.0, |cap| (cap as f64 / children_each).min(1.0));
        self.tied(index) * owned[edge.parent] * within_cap
    }

    /// The share of each table that is drawn for its own sake.
    fn drawn(&self, table: &TableSpec, rows: f64) -> f64 {
        let of = |count: f64| if rows > 0.0 { (count / rows).min(1.0) } else { 0.0 };
        let by_rows = match &table.rows {
            Rows::Unsaid | Rows::None | Rows::Where(_) => 0.0,
            Rows::All => 1.0,
            Rows::Percent(share) => share.fraction(),
            Rows::Count(count) => of(*count as f64),
        };
        either(by_rows, of(table.include.len() as f64))
    }

    /// The share of a table that is drawn since no edge ties it to a parent that it would follow.
    fn drawn_untied(&self, table: usize) -> f64 {
        let followed = self.edges_of(table).filter(|(_, edge)| edge.down != Down::None);
        let untied: f64 = followed.map(|(index, _)| 1.0 - self.tied(index)).product();
        self.spec.tables[table].unowned.map_or(0.0, |share| untied * share.fraction())
    }

    fn owned(&self) -> Vec<f64> {
        let mut owned = vec![0.0; self.spec.tables.len()];
        rounds(&mut owned, |table, owned| {
            let spec = &self.spec.tables[table];
            let followed = || self.edges_of(table).filter(|(_, edge)| edge.down != Down::None);
            let all = || followed().filter(|(_, edge)| edge.down == Down::All);
            let none_of_all: f64 = all().map(|(index, _)| 1.0 - self.tied(index)).product();
            let led_by_all: f64 =
                all().map(|(index, edge)| 1.0 - self.tied(index) * (1.0 - owned[edge.parent])).product();
            let any = followed().filter(|(_, edge)| edge.down != Down::All);
            let by_any = any.fold(0.0, |share, (index, _)| either(share, self.followed(index, owned)));
            let drawn = either(self.drawn(spec, self.rows(table)), self.drawn_untied(table));
            either(either(drawn, by_any), (led_by_all - none_of_all).max(0.0))
        });
        owned
    }

    fn kept(&self, owned: &[f64]) -> Vec<f64> {
        let whole = |table: usize| self.spec.tables[table].whole;
        let mut kept: Vec<f64> = vec![0.0; owned.len()];
        rounds(&mut kept, |table, kept| {
            if matches!(self.spec.tables[table].rows, Rows::None) {
                return 0.0;
            }
            let base = if whole(table) { 1.0 } else { owned[table] };
            let required = self.spec.edges.iter().enumerate();
            let required = required.filter(|(_, edge)| edge.parent == table && edge.up == Up::Require);
            required.fold(base, |share, (index, _)| either(share, self.pulled(index, owned, kept)))
        });
        // What cannot do without a row that is not kept goes.
        let lost = |table: usize| -> f64 {
            let needs = |(index, edge): (usize, &EdgeSpec)| match edge.up {
                Up::Null => 1.0,
                Up::Drop => 1.0 - self.tied(index) * (1.0 - kept[edge.parent]),
                Up::Require if matches!(self.spec.tables[edge.parent].rows, Rows::None) => {
                    1.0 - self.tied(index)
                }
                Up::Require => 1.0,
            };
            self.edges_of(table).map(needs).product()
        };
        (0..kept.len()).map(|table| kept[table] * lost(table)).collect()
    }

    /// The share of the parent's rows to which a row refers that is kept, but not for the parent's sake.
    fn pulled(&self, index: usize, owned: &[f64], kept: &[f64]) -> f64 {
        let edge = &self.spec.edges[index];
        let (children, parents) = (self.rows(edge.child), self.rows(edge.parent));
        if children == 0.0 || parents == 0.0 {
            return 0.0;
        }
        let for_its_sake = match edge.down {
            Down::None => 0.0,
            _ => self.followed(index, owned) + self.drawn_untied(edge.child),
        };
        let kept_share = (kept[edge.child] - for_its_sake).clamp(0.0, 1.0);
        let (references, distinct) = self.counted.references[index];
        let common = &self.counted.common[index];
        let reached = |each: f64| 1.0 - (1.0 - kept_share).powf(each);
        let of_common: f64 = common.iter().map(|share| reached(share * children)).sum();
        let other_parents = (distinct.min(parents) - common.len() as f64).max(0.0);
        let other_children = (references as f64 - common.iter().sum::<f64>() * children).max(0.0);
        let of_others = match other_parents > 0.0 {
            true => {
                let mean = other_children / other_parents;
                let spread = spread(common, children, mean, other_parents);
                other_parents * reached_of_spread(kept_share, mean, spread)
            }
            false => 0.0,
        };
        ((of_common + of_others) / parents).min(1.0)
    }
}

/// How far the numbers of children of the parents that are not among the most common ones spread about their mean: none
/// have more than the last of the most common ones, where an exponential distribution, of spread 1, would have some with
/// the logarithm of their number times the mean.
fn spread(common: &[f64], children: f64, mean: f64, parents: f64) -> f64 {
    let Some(last) = common.last().filter(|_| common.len() >= FULL_LIST) else { return 0.0 };
    let of_exponential = parents.ln() - 1.0;
    match of_exponential > 1.0 && mean > 0.0 {
        true => ((last * children / mean - 1.0) / of_exponential).clamp(0.0, MAX_SPREAD),
        false => 0.0,
    }
}

/// The share of parents to which a kept row refers, whose numbers of children have a gamma distribution.
fn reached_of_spread(kept_share: f64, mean: f64, spread: f64) -> f64 {
    if spread < 0.01 || kept_share >= 1.0 {
        return 1.0 - (1.0 - kept_share).powf(mean);
    }
    let shape = 1.0 / (spread * spread);
    1.0 - (1.0 - (1.0 - kept_share).ln() * mean / shape).powf(-shape)
}

/// The probability of one of two things that have nothing to do with each other.
fn either(one: f64, other: f64) -> f64 {
    1.0 - (1.0 - one) * (1.0 - other)
}

/// Computes each table's share from all of them until nothing changes.
fn rounds(shares: &mut [f64], share: impl Fn(usize, &[f64]) -> f64) {
    for _ in 0..MAX_ROUNDS {
        let mut change: f64 = 0.0;
        for table in 0..shares.len() {
            let next = share(table, shares);
            change = change.max((next - shares[table]).abs());
            shares[table] = next;
        }
        if change < PRECISION {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::PgType;
    use crate::subset::spec::Share;

    fn tables(names: &[&str]) -> Spec {
        let table = |name: &&str| TableSpec::new(*name, vec![PgType::Int4; 3], vec![0]);
        Spec { tables: names.iter().map(table).collect(), ..Spec::default() }
    }

    #[test]
    fn a_hub_fills_with_the_number_of_its_children() {
        let mut spec = tables(&["users", "orders", "products"]);
        spec.tables[0].rows = Rows::Percent(Share::percent(10.0));
        spec.edges.push(EdgeSpec { down: Down::Owner, ..EdgeSpec::new("o", 1, 0, &[(1, 0)]) });
        spec.edges.push(EdgeSpec::new("p", 1, 2, &[(2, 0)]));
        let measures = Measures { rows: vec![1_000, 22_000, 1_000], ..Measures::default() };
        let references = [(22_000, 1_000.0), (22_000, 1_000.0)];
        let counted = Counted { measures: &measures, references: &references, common: &[vec![], vec![]] };
        let (tables, edges) = expect(&spec, &counted).unwrap();
        assert_eq!((tables[0].rows_owned, tables[1].rows_owned, tables[1].rows_stub), (100, 2_200, 0));
        // 1 − 0.9^22 of the products.
        assert_eq!((tables[2].rows_owned, tables[2].rows_stub, edges[1].rows_required), (0, 902, 902));
        let common = [vec![], vec![0.5]];
        let (tables, _) =
            expect(&spec, &Counted { measures: &measures, references: &references, common: &common })
                .unwrap();
        assert_eq!(tables[2].rows_stub, 687);
    }

    #[test]
    fn fewer_parents_are_reached_where_their_children_spread() {
        let of = |spread: f64| (1_000.0 * reached_of_spread(0.03, 19.3, spread)).round();
        assert_eq!((of(0.0), of(0.8), of(1.0)), (444.0, 393.0, 370.0));
        assert_eq!(reached_of_spread(1.0, 19.3, 1.0), 1.0);
        // The numbers fall off with the power −2/3: their spread is 0.8 of the mean.
        let common: Vec<f64> = (1..=100).map(|rank| (f64::from(rank) / 5_000.0).powf(-2.0 / 3.0)).collect();
        let found = spread(&common, 1.0, 2.23, 4_900.0);
        assert!((0.6..0.9).contains(&found), "{found}");
        assert_eq!(spread(&common[..9], 1.0, 2.23, 4_900.0), 0.0);
    }

    #[test]
    fn what_is_left_out_takes_along_what_needs_it() {
        let mut spec = tables(&["users", "orders"]);
        spec.tables[0].rows = Rows::None;
        spec.tables[1].rows = Rows::All;
        spec.edges.push(EdgeSpec { up: Up::Drop, ..EdgeSpec::new("o", 1, 0, &[(1, 0)]) });
        let measures = Measures { rows: vec![10, 100], ..Measures::default() };
        let references = [(60, 10.0)];
        let (tables, _) =
            expect(&spec, &Counted { measures: &measures, references: &references, common: &[vec![]] })
                .unwrap();
        assert_eq!((tables[0].rows_kept(), tables[1].rows_kept()), (0, 40));
    }
}
