//! Spreads sets along the references of tables that lie on cycles: adjacency in memory and a stack, each row and each
//! reference once. Where it is enough that a row has one reference, it is [`super::forest`]'s.
//!
//! Where the references of the whole component do not fit in memory, the rows are worked through in blocks, each to its own
//! end, and again from the first until nothing changes. The result is the same; only a chain that leads from block to block
//! and back many times takes as many rounds.

use super::bits::Bits;
use super::forest;
use super::graph::Graph;
use super::spread::{Route, RowReader};
use crate::error::Result;

/// A link that needs no following.
const NONE: u32 = u32::MAX;

/// Tables that reach each other.
pub struct Component<'g, 'r> {
    graph: &'g Graph<'r>,
    tables: Vec<usize>,
    /// The number of each table's first row, all rows of the component numbered through, and of the end.
    bases: Vec<u64>,
    /// For each table of the graph, its place in `tables`.
    places: Vec<Option<usize>>,
    routes: Vec<Route<'g, 'r>>,
}

impl<'g, 'r> Component<'g, 'r> {
    /// The component of `tables`, and those of `routes` that lead from it.
    pub fn new(graph: &'g Graph<'r>, routes: &[Route<'g, 'r>], tables: Vec<usize>) -> Self {
        let mut places = vec![None; graph.tables.len()];
        tables.iter().enumerate().for_each(|(place, &table)| places[table] = Some(place));
        let mut bases = vec![0];
        for &table in &tables {
            bases.push(bases[bases.len() - 1] + graph.tables[table].rows);
        }
        let routes = routes.iter().filter(|route| places[route.child].is_some()).copied().collect();
        Component { graph, tables, bases, places, routes }
    }

    /// Its tables.
    pub fn tables(&self) -> &[usize] {
        &self.tables
    }

    /// Whether a route leads from one of its tables to one.
    pub fn is_cyclic(&self) -> bool {
        self.routes.iter().any(|route| self.is_inward(route))
    }

    /// Whether it is one table of which each row refers to one row of it at most, by a route that is no `all` one, and that
    /// fits in `memory_bytes`.
    pub fn is_forest(&self, memory_bytes: u64) -> bool {
        let mut inward = self.routes.iter().filter(|route| self.is_inward(route));
        let route = inward.next().filter(|route| !route.all && route.links.are_single());
        self.tables.len() == 1
            && route.is_some()
            && inward.next().is_none()
            && forest::fits(self.rows(), memory_bytes)
    }

    /// Reads the links of a table from its first row on.
    pub fn reader(&self, table: usize) -> RowReader<'g, 'r> {
        let routes = self.routes.iter().filter(|route| route.child == table);
        RowReader::new(self.graph.tables[table].numbers(), routes)
    }

    /// The routes that lead out of it.
    pub fn outward(&self) -> impl Iterator<Item = &Route<'g, 'r>> {
        self.routes.iter().filter(|route| !self.is_inward(route))
    }

    fn is_inward(&self, route: &Route<'_, '_>) -> bool {
        self.places[route.parent].is_some()
    }

    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.bases[self.tables.len()]
    }

    /// The number of the row `row` of `table`.
    fn node(&self, table: usize, row: u64) -> u64 {
        self.bases[self.places[table].expect("the table is of the component")] + row
    }

    /// The table and the row with the number `node`.
    fn row(&self, node: u64) -> (usize, u64) {
        let place = self.bases.partition_point(|&base| base <= node) - 1;
        (self.tables[place], node - self.bases[place])
    }

    /// Spreads from parents to children; see [`super::spread::down`]. Parents outside are final.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn spread_down(&self, unowned: Option<&[Bits]>, sets: &mut [Bits], memory_bytes: u64) -> Result<()> {
        let is_unowned = |table: usize, row: u64| unowned.is_some_and(|unowned| unowned[table].contains(row));
        let block_rows = self.block_rows(4 * self.rows(), memory_bytes);
        self.in_rounds(block_rows.unwrap_or(self.rows()), |rows, len| {
            let mut children = match block_rows {
                Some(_) => Some(Children::new(self, rows.clone(), len, sets)?),
                None => None,
            };
            let (mut stack, mut changed) = (Vec::new(), false);
            for at in 0..len {
                let (node, table, row) = rows.advance();
                let mut missing_outside = false;
                let (_, entry) = rows.reader.read(sets, |route, link, _, is_in| {
                    match (&mut children, self.is_inward(route)) {
                        (Some(children), true) => {
                            let parent = self.node(route.parent, link);
                            children.add(parent, node, route.all, is_in);
                        }
                        (None, true) => {}
                        (_, false) => missing_outside |= route.all && !is_in,
                    }
                })?;
                if let Some(children) = &mut children {
                    children.wait(at, if entry.is_barred || missing_outside { NONE } else { entry.missing });
                }
                if entry.enters(is_unowned(table, row)) && sets[table].insert(row) {
                    stack.push(node as u32);
                    changed = true;
                }
            }
            // Without adjacency another round finds the children.
            let Some(mut children) = children else { return Ok(changed) };
            while let Some(parent) = stack.pop() {
                children.each_entering(parent, |child| {
                    let (table, row) = self.row(u64::from(child));
                    if sets[table].insert(row) {
                        stack.push(child);
                    }
                });
            }
            Ok(changed)
        })
    }

    /// Spreads from children to parents within the component; see [`super::spread::up`].
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn spread_up(&self, sets: &mut [Bits], memory_bytes: u64) -> Result<()> {
        match self.rows() < u64::from(NONE) {
            true => self.spread_up_by::<u32>(sets, memory_bytes),
            false => self.spread_up_by::<u64>(sets, memory_bytes),
        }
    }

    /// …with the numbers of rows as wide as `Node`.
    fn spread_up_by<Node>(&self, sets: &mut [Bits], memory_bytes: u64) -> Result<()>
    where
        Node: Copy + Into<u64> + TryFrom<u64>,
    {
        let block_rows = self.block_rows(0, memory_bytes).unwrap_or(LEAST_BLOCK_ROWS);
        self.in_rounds(block_rows, |rows, len| {
            let first = rows.node;
            let mut starts = Vec::with_capacity(len as usize + 1);
            let mut parents: Vec<Node> = Vec::with_capacity(self.mean_links() as usize * len as usize);
            let mut stack: Vec<u32> = Vec::new();
            starts.push(0);
            for at in 0..len as u32 {
                let (_, table, row) = rows.advance();
                rows.reader.read(sets, |route, link, _, is_in| {
                    if self.is_inward(route) && !is_in {
                        parents.extend(Node::try_from(self.node(route.parent, link)).ok());
                    }
                })?;
                starts.push(parents.len() as u32);
                if sets[table].contains(row) {
                    stack.push(at);
                }
            }
            let mut changed = false;
            while let Some(at) = stack.pop() {
                let links = starts[at as usize] as usize..starts[at as usize + 1] as usize;
                for &parent in &parents[links] {
                    let (table, row) = self.row(parent.into());
                    if sets[table].insert(row) {
                        changed = true;
                        let at = parent.into().checked_sub(first).filter(|&at| at < len);
                        stack.extend(at.map(|at| at as u32));
                    }
                }
            }
            Ok(changed)
        })
    }

    /// The links within the component.
    fn links(&self) -> u64 {
        self.routes.iter().filter(|route| self.is_inward(route)).map(|route| route.links.links()).sum()
    }

    /// How many of them a row has, about.
    fn mean_links(&self) -> u64 {
        self.links().div_ceil(self.rows().max(1))
    }

    /// How many rows a block has so that it takes about `memory_bytes`, of which `fixed_bytes` whatever its size; `None` if
    /// that is too little for any.
    fn block_rows(&self, fixed_bytes: u64, memory_bytes: u64) -> Option<u64> {
        let links = self.links();
        // A number for each link, and for the row where its links start, what it waits for, and a place on the stack.
        let row_bytes = 4 * self.mean_links() + 12;
        let rows = memory_bytes.checked_sub(fixed_bytes)? / row_bytes;
        // Rows and links are numbered in 32 bits.
        (rows >= LEAST_BLOCK_ROWS && self.rows().max(links) < u64::from(NONE)).then_some(rows)
    }

    /// Works through the rows of the component in blocks, again and again until `block` says that nothing changed; it takes
    /// the rows of a block and their number.
    fn in_rounds(
        &self,
        block_rows: u64,
        mut block: impl FnMut(&mut ComponentReader<'g, '_, 'r>, u64) -> Result<bool>,
    ) -> Result<()> {
        loop {
            let mut rows = ComponentReader::new(self);
            let mut changed = false;
            while rows.node < self.rows() {
                let len = block_rows.min(self.rows() - rows.node);
                changed |= block(&mut rows, len)?;
            }
            if !changed {
                return Ok(());
            }
        }
    }
}

/// The least number of rows that is worth a block.
const LEAST_BLOCK_ROWS: u64 = 16;

/// Reads the rows of a component's tables, one table after another. A clone goes on from where it is.
#[derive(Clone)]
struct ComponentReader<'g, 'c, 'r> {
    component: &'c Component<'g, 'r>,
    /// The number of the next row.
    node: u64,
    /// The place of the table of the last row.
    place: usize,
    /// Reads the last row.
    reader: RowReader<'g, 'r>,
}

impl<'g, 'c, 'r> ComponentReader<'g, 'c, 'r> {
    fn new(component: &'c Component<'g, 'r>) -> Self {
        let reader = component.reader(component.tables[0]);
        ComponentReader { component, node: 0, place: 0, reader }
    }

    /// Goes to the next row, for the reader to read: its number, its table, and its number there.
    fn advance(&mut self) -> (u64, usize, u64) {
        while self.node == self.component.bases[self.place + 1] {
            self.place += 1;
            self.reader = self.component.reader(self.component.tables[self.place]);
        }
        self.node += 1;
        let node = self.node - 1;
        (node, self.component.tables[self.place], node - self.component.bases[self.place])
    }
}

/// The children of each row of a component, as far as they are in a block: adjacency by counting (compressed sparse rows).
struct Children {
    /// Where the children of each row start; once all are added, where they end.
    starts: Vec<u32>,
    children: Vec<u32>,
    /// The links by `all` routes, by their place in `children`.
    all: Bits,
    /// The first row of the block.
    first: u64,
    /// For each row of the block, how many of its `all` links wait for their parents; [`NONE`] if one waits in vain.
    waiting: Vec<u32>,
}

impl Children {
    /// Room for the children among the next `len` of `rows`.
    fn new(
        component: &Component<'_, '_>,
        mut rows: ComponentReader<'_, '_, '_>,
        len: u64,
        sets: &[Bits],
    ) -> Result<Self> {
        let first = rows.node;
        let mut starts = vec![0_u32; component.rows() as usize];
        let mut has_all = false;
        for _ in 0..len {
            rows.advance();
            rows.reader.read(sets, |route, link, _, _| {
                if component.is_inward(route) {
                    starts[component.node(route.parent, link) as usize] += 1;
                }
                has_all |= route.all;
            })?;
        }
        let mut links = 0;
        for start in &mut starts {
            links += *start;
            *start = links - *start;
        }
        let (all_links, waiting) = if has_all { (u64::from(links), len as usize) } else { (0, 0) };
        let children = vec![NONE; links as usize];
        Ok(Children { starts, children, all: Bits::new(all_links), first, waiting: vec![0; waiting] })
    }

    /// Adds the link of a child; one to a parent that is in its set needs no following.
    fn add(&mut self, parent: u64, child: u64, all: bool, is_in: bool) {
        let start = &mut self.starts[parent as usize];
        if !is_in {
            self.children[*start as usize] = child as u32;
            if all {
                self.all.insert(u64::from(*start));
            }
        }
        *start += 1;
    }

    /// Says for how many parents the row `at` of the block waits.
    fn wait(&mut self, at: u64, missing: u32) {
        if let Some(waiting) = self.waiting.get_mut(at as usize) {
            *waiting = missing;
        }
    }

    /// Calls `visit` with each child that enters now that `parent` is in its set; once for each parent.
    fn each_entering(&mut self, parent: u32, mut visit: impl FnMut(u32)) {
        let start = (parent as usize).checked_sub(1).map_or(0, |before| self.starts[before]);
        for place in start..self.starts[parent as usize] {
            let child = self.children[place as usize];
            if child == NONE {
                continue;
            }
            if !self.all.is_empty() && self.all.contains(u64::from(place)) {
                let waiting = &mut self.waiting[(u64::from(child) - self.first) as usize];
                if *waiting == NONE {
                    continue;
                }
                *waiting -= 1;
                if *waiting > 0 {
                    continue;
                }
            }
            visit(child);
        }
    }
}
