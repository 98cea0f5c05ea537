//! The rows of a subset: the three fixpoints of its definition, one after another, and the counts of what came of them.

use arrow::buffer::BooleanBuffer;

use super::bits::Bits;
use super::graph::Graph;
use super::links::DANGLING;
use super::selection::{EdgeCounts, RowFilter, Selection, TableCounts};
use super::spec::{Down, Rows, Spec, Up};
use super::spread::{Route, down, up};
use crate::error::Result;

/// Computes the subset of the rows that were gathered.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn close(spec: &Spec, mut graph: Graph<'_>, memory_bytes: u64) -> Result<Selection> {
    let owned = owned(spec, &mut graph, memory_bytes)?;
    let closed = closed(spec, &graph, &owned, memory_bytes)?;
    let closed_counts: Vec<u64> = closed.iter().map(Bits::count).collect();
    let kept = pruned(spec, &graph, closed, memory_bytes)?;
    let tables = (0..spec.tables.len())
        .map(|table| {
            let (rows_kept, rows_stub) = (kept[table].count(), kept[table].count_without(&owned[table]));
            TableCounts {
                rows_read: graph.tables[table].rows,
                rows_owned: rows_kept - rows_stub,
                rows_stub,
                rows_pruned: closed_counts[table] - rows_kept,
            }
        })
        .collect();
    let mut edges = Vec::with_capacity(spec.edges.len());
    let mut nulled = Vec::new();
    for edge in 0..spec.edges.len() {
        let (counts, bits) = count_edge(spec, &graph, edge, &owned, &kept)?;
        edges.push(counts);
        nulled.extend(bits.map(|bits| (edge, bits)));
    }
    let parts = filters(spec, &graph, kept, owned, nulled)?;
    Ok(Selection { tables, edges, parts })
}

/// D: what is owned.
fn owned(spec: &Spec, graph: &mut Graph<'_>, memory_bytes: u64) -> Result<Vec<Bits>> {
    let mut sets: Vec<Bits> =
        graph.tables.iter_mut().map(|table| std::mem::take(&mut table.anchors)).collect();
    let unowned: Vec<Bits> =
        graph.tables.iter_mut().map(|table| std::mem::take(&mut table.unowned)).collect();
    let routes = routes(spec, graph, |edge| edge.down != Down::None, true);
    down(graph, &routes, Some(&unowned), &mut sets, memory_bytes)?;
    Ok(sets)
}

/// S0: with what the owned rows require.
fn closed(spec: &Spec, graph: &Graph<'_>, owned: &[Bits], memory_bytes: u64) -> Result<Vec<Bits>> {
    let mut sets = owned.to_vec();
    for (table, set) in spec.tables.iter().zip(&mut sets) {
        if table.whole {
            set.fill();
        }
    }
    up(graph, &routes(spec, graph, |edge| edge.up == Up::Require, false), &mut sets, memory_bytes)?;
    Ok(sets)
}

/// S1: less what cannot be kept. The complement of a greatest fixpoint is a least one: a row enters it if a parent that it
/// requires or is dropped with is in it.
fn pruned(spec: &Spec, graph: &Graph<'_>, mut closed: Vec<Bits>, memory_bytes: u64) -> Result<Vec<Bits>> {
    let is_closed = spec.tables.iter().all(|table| !matches!(table.rows, Rows::None))
        && spec.edges.iter().all(|edge| edge.up != Up::Drop);
    if is_closed {
        return Ok(closed);
    }
    let mut removed: Vec<Bits> = Vec::with_capacity(closed.len());
    for (table, closed) in spec.tables.iter().zip(&closed) {
        let mut set = Bits::new(closed.len());
        set.fill();
        if !matches!(table.rows, Rows::None) {
            set.subtract(closed);
        }
        removed.push(set);
    }
    down(graph, &routes(spec, graph, |edge| edge.up != Up::Null, false), None, &mut removed, memory_bytes)?;
    closed.iter_mut().zip(&removed).for_each(|(closed, removed)| closed.subtract(removed));
    Ok(closed)
}

/// The edges along which rows enter a set; whether all of them and how many are followed is said for the way down.
fn routes<'g, 'r>(
    spec: &Spec,
    graph: &'g Graph<'r>,
    takes: impl Fn(&super::spec::EdgeSpec) -> bool,
    for_down: bool,
) -> Vec<Route<'g, 'r>> {
    let takes = |&edge: &usize| takes(&spec.edges[edge]);
    let route = |edge: usize| Route {
        child: spec.edges[edge].child,
        parent: spec.edges[edge].parent,
        all: for_down && spec.edges[edge].down == Down::All,
        links: &graph.links[edge],
        within_cap: graph.within_cap[edge].as_ref().filter(|_| for_down),
    };
    (0..spec.edges.len()).filter(takes).map(route).collect()
}

/// What an edge has to do with the rows that are kept, and the children whose reference becomes NULL.
fn count_edge(
    spec: &Spec,
    graph: &Graph<'_>,
    edge_index: usize,
    owned: &[Bits],
    kept: &[Bits],
) -> Result<(EdgeCounts, Option<Bits>)> {
    let edge = &spec.edges[edge_index];
    let links = &graph.links[edge_index];
    let within_cap = graph.within_cap[edge_index].as_ref();
    let (mut counts, mut place) = (EdgeCounts::default(), 0);
    let mut required = Bits::new(if edge.up == Up::Require { graph.tables[edge.parent].rows } else { 0 });
    let mut nulled = (edge.up == Up::Null).then(|| Bits::new(links.rows()));
    let (mut cursor, mut numbers) = (links.cursor(), graph.tables[edge.child].numbers());
    for row in 0..links.rows() {
        let number = numbers.read()?;
        if !kept[edge.child].contains(number) {
            place += cursor.skip()?;
            continue;
        }
        let row_links = cursor.read()?;
        let first = place;
        place += row_links.len() as u64;
        let (mut is_followed, mut is_broken) = (false, false);
        for (&link, place) in row_links.iter().zip(first..) {
            if link == DANGLING {
                counts.references_dangling += 1;
                continue;
            }
            let is_kept = kept[edge.parent].contains(link);
            is_broken |= !is_kept;
            counts.references_kept += u64::from(is_kept);
            let is_within = within_cap.is_none_or(|within| within.contains(place));
            is_followed |= is_within && owned[edge.parent].contains(link);
            if !required.is_empty() && !owned[edge.parent].contains(link) {
                counts.rows_required += u64::from(required.insert(link));
            }
        }
        let follows = edge.down != Down::None && is_followed && owned[edge.child].contains(number);
        counts.rows_followed += u64::from(follows);
        if let Some(nulled) = nulled.as_mut().filter(|_| is_broken) {
            nulled.insert(row);
            counts.references_nulled += 1;
        }
    }
    Ok((counts, nulled))
}

fn filters(
    spec: &Spec,
    graph: &Graph<'_>,
    kept: Vec<Bits>,
    owned: Vec<Bits>,
    nulled: Vec<(usize, Bits)>,
) -> Result<Vec<RowFilter>> {
    let by_place = |sets: Vec<Bits>| -> Result<Vec<BooleanBuffer>> {
        let sets = sets.into_iter().zip(&graph.tables);
        sets.map(|(set, table)| Ok(table.by_place(set)?.into_arrow())).collect()
    };
    let (kept, owned) = (by_place(kept)?, by_place(owned)?);
    let nulled: Vec<_> = nulled.into_iter().map(|(edge, bits)| (edge, bits.into_arrow())).collect();
    let mut next = vec![(0, 0); spec.tables.len()];
    let filter = |&table: &usize| {
        let (part, first) = next[table];
        let rows = graph.tables[table].parts[part] as usize;
        next[table] = (part + 1, first + rows);
        let of_table = nulled.iter().filter(|(edge, _)| spec.edges[*edge].child == table);
        RowFilter {
            kept: kept[table].slice(first, rows),
            owned: owned[table].slice(first, rows),
            nulled: of_table.map(|(edge, bits)| (*edge, bits.slice(first, rows))).collect(),
        }
    };
    Ok(spec.parts.iter().map(filter).collect())
}
