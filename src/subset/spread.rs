//! Spreads sets of rows along references, down from parents to children or up from children to parents, until nothing
//! more enters: a least fixpoint.
//!
//! Tables are worked through in the order of their references, so that one pass over the links of a table is enough; only
//! tables on a cycle need more, which is `component`'s.

use super::bits::Bits;
use super::component::Component;
use super::forest;
use super::graph::{Graph, Numbers};
use super::links::{DANGLING, LinkCursor, Links};
use super::order::components;
use crate::error::Result;

/// An edge along which rows enter a set.
#[derive(Clone, Copy)]
pub struct Route<'g, 'r> {
    /// The table that refers.
    pub child: usize,
    /// The table referred to.
    pub parent: usize,
    /// Whether it has to be agreed on by all such references of a child, downwards.
    pub all: bool,
    /// The references.
    pub links: &'g Links<'r>,
    /// Those of them along which a child enters, by their place, if not all.
    pub within_cap: Option<&'g Bits>,
}

/// Adds to `sets`, a set a table, every child that has a parent in its set by a route that is not an `all` one, or has
/// `all` routes and every one of its references by them leads to a row of a set.
///
/// A row of `unowned`, a set a table, enters as well if no route leads anywhere from it.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn down(
    graph: &Graph<'_>,
    routes: &[Route<'_, '_>],
    unowned: Option<&[Bits]>,
    sets: &mut [Bits],
    memory_bytes: u64,
) -> Result<()> {
    for tables in order(graph, routes) {
        let component = Component::new(graph, routes, tables);
        let table = component.tables()[0];
        let table_unowned = unowned.map(|unowned| &unowned[table]);
        if component.is_forest(memory_bytes) {
            forest::spread_down(&component, table_unowned, sets)?;
            continue;
        }
        if component.is_cyclic() {
            component.spread_down(unowned, sets, memory_bytes)?;
            continue;
        }
        if !routes.iter().any(|route| route.child == table) {
            table_unowned.into_iter().for_each(|unowned| sets[table].union(unowned));
            continue;
        }
        let mut reader = component.reader(table);
        for _ in 0..graph.tables[table].rows {
            let (number, entry) = reader.read(sets, |_, _, _, _| ())?;
            if entry.enters(table_unowned.is_some_and(|unowned| unowned.contains(number))) {
                sets[table].insert(number);
            }
        }
    }
    Ok(())
}

/// Adds to `sets`, a set a table, every parent that a child in its set refers to.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn up(graph: &Graph<'_>, routes: &[Route<'_, '_>], sets: &mut [Bits], memory_bytes: u64) -> Result<()> {
    for tables in order(graph, routes).into_iter().rev() {
        let component = Component::new(graph, routes, tables);
        if component.is_forest(memory_bytes) {
            forest::spread_up(&component, sets)?;
        } else if component.is_cyclic() {
            component.spread_up(sets, memory_bytes)?;
        }
        // What is in the sets of the component is final: from it to the parents outside.
        for route in component.outward() {
            let (mut cursor, mut numbers) = (route.links.cursor(), graph.tables[route.child].numbers());
            for _ in 0..route.links.rows() {
                if !sets[route.child].contains(numbers.read()?) {
                    cursor.skip()?;
                    continue;
                }
                cursor.read()?.iter().filter(|&&link| link != DANGLING).for_each(|&link| {
                    sets[route.parent].insert(link);
                });
            }
        }
    }
    Ok(())
}

/// The components of the tables, parents before children.
fn order(graph: &Graph<'_>, routes: &[Route<'_, '_>]) -> Vec<Vec<usize>> {
    components(graph.tables.len(), routes.iter().map(|route| (route.child, route.parent)))
}

/// What the references of a row say of its entry into a set.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    /// A reference that is enough alone leads to a row of the set.
    pub any: bool,
    /// There are references that have to agree.
    pub has_all: bool,
    /// How many of them do not lead to a row of the set.
    pub missing: u32,
    /// One of them never will.
    pub is_barred: bool,
    /// A reference leads to a row.
    pub is_tied: bool,
}

impl Entry {
    /// Whether the row enters.
    pub fn enters(self, is_unowned: bool) -> bool {
        self.any || (self.has_all && self.missing == 0 && !self.is_barred) || (is_unowned && !self.is_tied)
    }
}

/// Reads the links of a table's rows by several routes at once. A clone goes on from where it is.
#[derive(Clone)]
pub struct RowReader<'g, 'r> {
    numbers: Numbers<'g, 'r>,
    routes: Vec<RouteReader<'g, 'r>>,
}

#[derive(Clone)]
struct RouteReader<'g, 'r> {
    route: Route<'g, 'r>,
    cursor: LinkCursor<'g, 'r>,
    place: u64,
}

impl<'g, 'r> RowReader<'g, 'r> {
    /// A reader of a table's rows from the first on; `routes` lead from it.
    pub fn new<'a>(numbers: Numbers<'g, 'r>, routes: impl Iterator<Item = &'a Route<'g, 'r>>) -> Self
    where
        'g: 'a,
        'r: 'a,
    {
        let reader =
            |route: &Route<'g, 'r>| RouteReader { route: *route, cursor: route.links.cursor(), place: 0 };
        RowReader { numbers, routes: routes.map(reader).collect() }
    }

    /// Reads the next row: its number, and what it says of its entry into `sets`. Calls `visit` with the route and the
    /// parent of each link along which the row may enter, the number of the row, and whether the parent is in its set.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    #[inline]
    pub fn read(
        &mut self,
        sets: &[Bits],
        mut visit: impl FnMut(&Route<'g, 'r>, u64, u64, bool),
    ) -> Result<(u64, Entry)> {
        let number = self.numbers.read()?;
        let mut entry = Entry::default();
        for RouteReader { route, cursor, place } in &mut self.routes {
            let links = cursor.read()?;
            entry.has_all |= route.all && !links.is_empty();
            for &link in links {
                let is_within = route.within_cap.is_none_or(|within| within.contains(*place));
                *place += 1;
                entry.is_tied |= link != DANGLING;
                if link == DANGLING || !is_within {
                    entry.is_barred |= route.all;
                    continue;
                }
                let is_in = sets[route.parent].contains(link);
                entry.any |= is_in && !route.all;
                entry.missing += u32::from(route.all && !is_in);
                visit(route, link, number, is_in);
            }
        }
        Ok((number, entry))
    }
}
