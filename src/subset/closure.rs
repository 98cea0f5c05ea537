//! The rows of a subset: the three fixpoints of its definition, one after another, and the counts of what came of them.

use super::bits::Bits;
use super::graph::Graph;
use super::lists::DANGLING;
use super::selection::{EdgeCounts, RowFilter, Selection, TableCounts};
use super::spec::{Down, Rows, Spec, Up};
use super::spread::{Route, down, up};
use crate::error::Result;

/// Computes the subset of the rows that were gathered.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn close(spec: &Spec, mut graph: Graph, memory_bytes: u64) -> Result<Selection> {
    let owned = owned(spec, &mut graph, memory_bytes)?;
    let closed = closed(spec, &graph, &owned, memory_bytes)?;
    let removed = removed(spec, &graph, &closed, memory_bytes)?;
    let kept: Vec<Bits> = closed
        .iter()
        .zip(&removed)
        .map(|(closed, removed)| {
            let mut kept = closed.clone();
            kept.subtract(removed);
            kept
        })
        .collect();
    drop(removed);
    let tables =
        (0..spec.tables.len()).map(|table| count(&closed[table], &kept[table], &owned[table])).collect();
    drop(closed);
    let mut edges = Vec::with_capacity(spec.edges.len());
    let mut nulled = Vec::new();
    for edge in 0..spec.edges.len() {
        let (counts, bits) = count_edge(spec, &graph, edge, &owned, &kept)?;
        edges.push(counts);
        nulled.extend(bits.map(|bits| (edge, bits)));
    }
    let parts = filters(spec, &graph, kept, owned, nulled);
    Ok(Selection { tables, edges, parts })
}

/// D: what is owned.
fn owned(spec: &Spec, graph: &mut Graph, memory_bytes: u64) -> Result<Vec<Bits>> {
    let mut sets: Vec<Bits> =
        graph.tables.iter_mut().map(|table| std::mem::take(&mut table.anchors)).collect();
    let unowned: Vec<Bits> =
        graph.tables.iter_mut().map(|table| std::mem::take(&mut table.unowned)).collect();
    let routes = routes(spec, graph, |edge| edge.down != Down::None, true);
    down(graph, &routes, Some(&unowned), &mut sets, memory_bytes)?;
    Ok(sets)
}

/// S0: with what the owned rows require.
fn closed(spec: &Spec, graph: &Graph, owned: &[Bits], memory_bytes: u64) -> Result<Vec<Bits>> {
    let mut sets = owned.to_vec();
    for (table, set) in spec.tables.iter().zip(&mut sets) {
        if table.whole {
            set.fill();
        }
    }
    up(graph, &routes(spec, graph, |edge| edge.up == Up::Require, false), &mut sets, memory_bytes)?;
    Ok(sets)
}

/// What is not in S1: the complement of a greatest fixpoint is a least one. A row enters it if a parent that it requires or
/// is dropped with is in it.
fn removed(spec: &Spec, graph: &Graph, closed: &[Bits], memory_bytes: u64) -> Result<Vec<Bits>> {
    let mut sets: Vec<Bits> = Vec::with_capacity(closed.len());
    for (table, closed) in spec.tables.iter().zip(closed) {
        let mut set = Bits::new(closed.len());
        set.fill();
        if !matches!(table.rows, Rows::None) {
            set.subtract(closed);
        }
        sets.push(set);
    }
    let is_closed = spec.tables.iter().all(|table| !matches!(table.rows, Rows::None))
        && spec.edges.iter().all(|edge| edge.up != Up::Drop);
    if !is_closed {
        down(graph, &routes(spec, graph, |edge| edge.up != Up::Null, false), None, &mut sets, memory_bytes)?;
    }
    Ok(sets)
}

/// The edges along which rows enter a set; whether all of them and how many are followed is said for the way down.
fn routes<'g>(
    spec: &Spec,
    graph: &'g Graph,
    takes: impl Fn(&super::spec::EdgeSpec) -> bool,
    for_down: bool,
) -> Vec<Route<'g>> {
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

fn count(closed: &Bits, kept: &Bits, owned: &Bits) -> TableCounts {
    let mut stubs = kept.clone();
    stubs.subtract(owned);
    let (rows_kept, rows_stub) = (kept.count(), stubs.count());
    TableCounts {
        rows_read: closed.len(),
        rows_owned: rows_kept - rows_stub,
        rows_stub,
        rows_pruned: closed.count() - rows_kept,
    }
}

/// What an edge has to do with the rows that are kept, and the children whose reference becomes NULL.
fn count_edge(
    spec: &Spec,
    graph: &Graph,
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
    let mut cursor = links.cursor();
    for row in 0..links.rows() {
        let row_links = cursor.read()?;
        let first = place;
        place += row_links.len() as u64;
        if !kept[edge.child].contains(row) {
            continue;
        }
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
        let follows = edge.down != Down::None && is_followed && owned[edge.child].contains(row);
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
    graph: &Graph,
    kept: Vec<Bits>,
    owned: Vec<Bits>,
    nulled: Vec<(usize, Bits)>,
) -> Vec<RowFilter> {
    let kept: Vec<_> = kept.into_iter().map(Bits::into_arrow).collect();
    let owned: Vec<_> = owned.into_iter().map(Bits::into_arrow).collect();
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
    spec.parts.iter().map(filter).collect()
}
