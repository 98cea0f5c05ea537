//! Finds what references refer to where the map of the keys does not fit in memory: a slice of the codes at a time.

use std::sync::Arc;

use super::key_layout::{KeyLayout, Slice};
use super::key_set::find_or_dangling;
use super::links::KeptLinks;
use super::lists::Codes;
use super::spill::Store;
use crate::error::Result;

/// Keys whose map is made in slices.
pub struct Sliced<'a> {
    /// The keys.
    pub keys: &'a Codes<'a>,
    /// How their map is made.
    pub layout: &'a KeyLayout,
    /// How many bytes of memory a slice may take.
    pub memory_bytes: u64,
    /// Where links are kept.
    pub store: &'a Arc<Store>,
}

impl Sliced<'_> {
    /// For each column of references, with its number of rows, and each slice, what the codes within the slice refer to, in
    /// their order; `None` if the layout has no room for two rows with one key.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn find(&self, references: &[(&Codes<'_>, u64)]) -> Result<Option<Vec<Vec<KeptLinks>>>> {
        let slices = self.layout.slices(self.memory_bytes);
        let mut found: Vec<Vec<KeptLinks>> = references.iter().map(|_| Vec::new()).collect();
        for index in 0..slices {
            let slice = Slice { index, of: slices };
            let Some(map) = self.layout.build(self.keys, slice)? else { return Ok(None) };
            for ((codes, rows), found) in references.iter().zip(&mut found) {
                let mut links = KeptLinks::new(self.store);
                let (mut cursor, mut code_links) = (codes.cursor(), Vec::new());
                for _ in 0..*rows {
                    for &code in cursor.read()? {
                        if self.layout.slice_of(code, slices) == index {
                            code_links.clear();
                            find_or_dangling(&map, code, &mut code_links);
                            links.push(&mut code_links)?;
                        }
                    }
                }
                links.finish()?;
                found.push(links);
            }
        }
        Ok(Some(found))
    }

    /// The links of the rows of a column of references, from what was found in the slices; `keep` may take some away.
    ///
    /// # Errors
    /// If a temporary file cannot be read or written.
    pub fn put_together(
        &self,
        codes: &Codes<'_>,
        rows: u64,
        slices: &[KeptLinks],
        keep: impl Fn(u64, &mut Vec<u64>),
    ) -> Result<KeptLinks> {
        let mut links = KeptLinks::new(self.store);
        let mut cursors: Vec<_> = slices.iter().map(KeptLinks::cursor).collect();
        let (mut cursor, mut row_links) = (codes.cursor(), Vec::new());
        for row in 0..rows {
            row_links.clear();
            for &code in cursor.read()? {
                let slice = self.layout.slice_of(code, slices.len() as u64);
                row_links.extend_from_slice(cursors[slice as usize].read()?);
            }
            keep(row, &mut row_links);
            links.push(&mut row_links)?;
        }
        links.finish()?;
        Ok(links)
    }
}
