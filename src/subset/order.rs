//! The order in which tables are worked through: the strongly connected components of their references.

/// The strongly connected components of the graph of `nodes` nodes with the arcs `arcs`, each component after all those
/// that it can reach. Nodes of a component are in their order.
///
/// Tarjan 1972, "Depth-first search and linear graph algorithms", with a stack of its own in place of recursion.
pub fn components(nodes: usize, arcs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); nodes];
    arcs.into_iter().for_each(|(from, to)| next[from].push(to));
    let mut search =
        Search { next, index: vec![None; nodes], low: vec![0; nodes], open: Vec::new(), found: Vec::new() };
    (0..nodes).for_each(|node| search.visit(node));
    search.found
}

struct Search {
    next: Vec<Vec<usize>>,
    /// When a node was reached; [`DONE`] once its component is found.
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    open: Vec<usize>,
    found: Vec<Vec<usize>>,
}

const DONE: usize = usize::MAX;

impl Search {
    fn visit(&mut self, root: usize) {
        let mut reached = self.index.iter().flatten().count();
        let mut path: Vec<(usize, usize)> = Vec::new();
        if self.index[root].is_none() {
            path.push((root, 0));
        }
        while let Some((node, arc)) = path.pop() {
            if arc == 0 {
                self.index[node] = Some(reached);
                self.low[node] = reached;
                self.open.push(node);
                reached += 1;
            }
            if let Some(&next) = self.next[node].get(arc) {
                path.push((node, arc + 1));
                match self.index[next] {
                    None => path.push((next, 0)),
                    Some(DONE) => {}
                    Some(index) => self.low[node] = self.low[node].min(index),
                }
                continue;
            }
            if let Some(&(before, _)) = path.last() {
                self.low[before] = self.low[before].min(self.low[node]);
            }
            if self.index[node] == Some(self.low[node]) {
                self.close(node);
            }
        }
    }

    /// The component of which `first` was reached first is complete.
    fn close(&mut self, first: usize) {
        let start = self.open.iter().rposition(|&node| node == first).expect("the node is open");
        let mut component = self.open.split_off(start);
        component.iter().for_each(|&node| self.index[node] = Some(DONE));
        component.sort_unstable();
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn overlapping_cycles_are_one_component_and_come_after_what_they_reach() {
        let arcs = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 1), (3, 4), (5, 5)];
        assert_eq!(components(6, arcs), [vec![4], vec![0, 1, 2, 3], vec![5]]);
    }

    proptest! {
        #[test]
        fn nodes_are_together_if_each_reaches_the_other(
            arcs in proptest::collection::vec((0_usize..9, 0_usize..9), 0..20),
        ) {
            let mut reaches = [[false; 9]; 9];
            (0..9).for_each(|node| reaches[node][node] = true);
            arcs.iter().for_each(|&(from, to)| reaches[from][to] = true);
            for via in 0..9 {
                for from in 0..9 {
                    for to in 0..9 {
                        reaches[from][to] |= reaches[from][via] && reaches[via][to];
                    }
                }
            }
            let found = components(9, arcs);
            let place: Vec<usize> =
                (0..9).map(|node| found.iter().position(|group| group.contains(&node)).unwrap()).collect();
            prop_assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 9);
            for from in 0..9 {
                for to in 0..9 {
                    prop_assert_eq!(place[from] == place[to], reaches[from][to] && reaches[to][from]);
                    prop_assert!(!reaches[from][to] || place[to] <= place[from]);
                }
            }
        }
    }
}
