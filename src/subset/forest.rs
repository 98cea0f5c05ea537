//! Spreads sets along references of a table to itself of which each row has one at most: a forest, and what leads into
//! circles.
//!
//! Each row is a node of an array, and its links are links of the array, so that a step of the walk is one access to memory
//! and one to the set, each row and each reference once. Everything is read from front to back before.

use super::bits::Bits;
use super::component::Component;
use crate::error::Result;

/// No row.
const NONE: u32 = u32::MAX;

/// The bytes of memory that a row takes.
const ROW_BYTES: u64 = size_of::<Family>() as u64;

/// Whether a forest of so many rows takes no more than `memory_bytes`.
pub fn fits(rows: u64, memory_bytes: u64) -> bool {
    rows.saturating_mul(ROW_BYTES) <= memory_bytes && rows < u64::from(NONE)
}

/// What is next to a row on the way down.
#[derive(Clone, Copy)]
struct Family {
    /// Its first child.
    child: u32,
    /// The next child of its parent.
    sibling: u32,
}

/// Spreads from parents to children; see [`super::spread::down`]. Parents outside are final.
///
/// # Errors
/// If a temporary file cannot be read.
pub fn spread_down(component: &Component<'_, '_>, unowned: Option<&Bits>, sets: &mut [Bits]) -> Result<()> {
    let table = component.tables()[0];
    let rows = component.rows();
    let mut families = vec![Family { child: NONE, sibling: NONE }; rows as usize];
    let mut reader = component.reader(table);
    let mut entered = Vec::new();
    for _ in 0..rows {
        let (number, entry) = reader.read(sets, |route, parent, number, is_in| {
            if route.parent == table && !is_in {
                let eldest = std::mem::replace(&mut families[parent as usize].child, number as u32);
                families[number as usize].sibling = eldest;
            }
        })?;
        if entry.enters(unowned.is_some_and(|unowned| unowned.contains(number))) {
            sets[table].insert(number);
            // Children that are read later find it in the set.
            if families[number as usize].child != NONE {
                entered.push(number as u32);
            }
        }
    }
    let set = &mut sets[table];
    while let Some(parent) = entered.pop() {
        let mut child = families[parent as usize].child;
        while child != NONE {
            let family = families[child as usize];
            if set.insert(u64::from(child)) && family.child != NONE {
                entered.push(child);
            }
            child = family.sibling;
        }
    }
    Ok(())
}

/// Spreads from children to parents; see [`super::spread::up`].
///
/// # Errors
/// If a temporary file cannot be read.
pub fn spread_up(component: &Component<'_, '_>, sets: &mut [Bits]) -> Result<()> {
    let table = component.tables()[0];
    let rows = component.rows();
    let mut parents = vec![NONE; rows as usize];
    let mut reader = component.reader(table);
    for _ in 0..rows {
        reader.read(sets, |route, parent, number, is_in| {
            if route.parent == table && !is_in {
                parents[number as usize] = parent as u32;
            }
        })?;
    }
    let set = &mut sets[table];
    for row in 0..rows {
        if set.contains(row) {
            let mut parent = parents[row as usize];
            while parent != NONE && set.insert(u64::from(parent)) {
                parent = parents[parent as usize];
            }
        }
    }
    Ok(())
}
