//! Which children are within an edge's cap: of each parent, those with the smallest u.

use super::bits::Bits;
use super::links::{DANGLING, Links};
use super::packed::PackedColumn;
use crate::error::Result;

/// The links within the cap, by their place in the column; `None` if no parent has more children than that.
///
/// `u` has the u of each child. Parents are worked through in ranges whose children take about `memory_bytes`.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn within(
    cap: u64,
    links: &Links<'_>,
    u: &PackedColumn,
    parents: u64,
    memory_bytes: u64,
) -> Result<Option<Bits>> {
    let mut children = vec![0_u32; parents as usize];
    let mut cursor = links.cursor();
    for _ in 0..links.rows() {
        for &parent in cursor.read()?.iter().filter(|&&parent| parent != DANGLING) {
            children[parent as usize] = children[parent as usize].saturating_add(1);
        }
    }
    if children.iter().all(|&count| u64::from(count) <= cap) {
        return Ok(None);
    }
    let mut within = Bits::new(links.links());
    let mut first = 0;
    while first < children.len() {
        let end = range_end(&children, first, memory_bytes);
        let bounds = greatest_within(cap, links, u, (first, end), &children)?;
        for_each(links, u, |place, parent, u| {
            if (first..end).contains(&parent) && u <= bounds[parent - first] {
                within.insert(place);
            }
        })?;
        first = end;
    }
    Ok(Some(within))
}

/// Where the range of parents from `first` on ends.
fn range_end(children: &[u32], first: usize, memory_bytes: u64) -> usize {
    let mut bytes = 0;
    let fits = |&&count: &&u32| {
        bytes += 24 + 8 * u64::from(count);
        bytes <= memory_bytes
    };
    first + children[first..].iter().take_while(fits).count().max(1)
}

/// For each parent of the range, the greatest u of a child within the cap; any u where the cap is not reached.
fn greatest_within(
    cap: u64,
    links: &Links<'_>,
    u: &PackedColumn,
    (first, end): (usize, usize),
    children: &[u32],
) -> Result<Vec<Option<u64>>> {
    let is_over = |parent: usize| u64::from(children[parent]) > cap;
    let mut of_children: Vec<Vec<u64>> = (first..end)
        .map(|parent| Vec::with_capacity(if is_over(parent) { children[parent] as usize } else { 0 }))
        .collect();
    for_each(links, u, |_, parent, u| {
        if (first..end).contains(&parent) && is_over(parent) {
            of_children[parent - first].push(u.unwrap_or(u64::MAX));
        }
    })?;
    let bound = |(index, us): (usize, &mut Vec<u64>)| match cap.checked_sub(1) {
        _ if !is_over(first + index) => Some(u64::MAX),
        None => None,
        Some(last) => Some(*us.select_nth_unstable(last as usize).1),
    };
    Ok(of_children.iter_mut().enumerate().map(bound).collect())
}

/// Calls `visit` with the place, the parent, and the child's u of each link to a row.
fn for_each(
    links: &Links<'_>,
    u: &PackedColumn,
    mut visit: impl FnMut(u64, usize, Option<u64>),
) -> Result<()> {
    let (mut links_cursor, mut u_cursor, mut place) = (links.cursor(), u.cursor(), 0);
    for _ in 0..links.rows() {
        let u = u_cursor.read()?;
        for &parent in links_cursor.read()? {
            if parent != DANGLING {
                visit(place, parent as usize, Some(u));
            }
            place += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subset::links::KeptLinks;
    use crate::subset::spill::Store;

    #[test]
    fn the_children_with_the_smallest_u_are_within_the_cap_in_any_memory() {
        let store = Store::new(u64::MAX, std::env::temp_dir());
        let (mut links, mut u) = (KeptLinks::new(&store), PackedColumn::new(&store));
        let children =
            [(Some(0), 9), (Some(1), 5), (Some(0), 3), (None, 0), (Some(0), 7), (Some(DANGLING), 1)];
        for (parent, child_u) in children {
            links.push(&mut parent.into_iter().collect()).unwrap();
            u.push(child_u).unwrap();
        }
        links.finish().unwrap();
        u.finish().unwrap();
        let links = Links::Kept(links);
        for memory_bytes in [0, u64::MAX] {
            let of = |cap| within(cap, &links, &u, 2, memory_bytes).unwrap();
            assert_eq!(of(2).unwrap().iter().collect::<Vec<_>>(), [1, 2, 3]);
            assert_eq!(of(1).unwrap().iter().collect::<Vec<_>>(), [1, 2]);
            assert_eq!(of(0).unwrap().count(), 0);
            assert!(of(3).is_none());
        }
    }
}
