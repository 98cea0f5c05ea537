//! The maps of the keys that are referred to, as many as there is room for.

use std::sync::Arc;

use super::graph::NumbersByKey;
use super::key_layout::{KeyLayout, Slice};
use super::key_set::KeySet;
use super::lists::Codes;
use super::table_integers::TableIntegers;
use crate::error::Result;

/// The maps of all keys, by their index.
pub struct KeyMaps<'r> {
    keys: Vec<Key<'r>>,
    /// The bytes of memory for all maps.
    memory_bytes: u64,
}

/// A map of a key.
pub struct KeyMap {
    /// The map.
    pub map: Arc<KeySet>,
    /// It takes so little that it may stay in memory to the end.
    pub stays: bool,
}

/// How references to a key are found.
enum Key<'r> {
    /// Its table is not read yet.
    Unread,
    /// In a map.
    Map(KeyMap),
    /// The map is made a slice at a time, once all is read.
    Codes(Codes<'r>, KeyLayout),
    /// Nothing looks for it any more.
    Done,
}

impl<'r> KeyMaps<'r> {
    /// No map yet of `keys` keys.
    pub fn new(keys: usize, memory_bytes: u64) -> Self {
        KeyMaps { keys: (0..keys).map(|_| Key::Unread).collect(), memory_bytes }
    }

    /// The map of a key, if it is made.
    pub fn get(&self, key: usize) -> Option<&KeyMap> {
        match &self.keys[key] {
            Key::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Makes the map of a key of a table of `rows` rows, if there is room for it.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn keep(&mut self, key: usize, codes: Codes<'r>, rows: u64) -> Result<()> {
        let layout = KeyLayout::survey(&codes, rows)?;
        self.keep_as(key, codes, layout)
    }

    /// Makes the map of a key, and numbers the rows of its table by it if that takes less memory than to note them.
    ///
    /// # Errors
    /// As those of [`KeyMaps::keep`].
    pub fn number_by(
        &mut self,
        key: usize,
        integers: TableIntegers<'r>,
        rows: u64,
    ) -> Result<Option<NumbersByKey<'r>>> {
        let codes = Codes::Again(integers.clone());
        let layout = KeyLayout::survey(&codes, rows)?;
        let numbering = layout.numbering().filter(|layout| layout.bytes() <= self.free_bytes() / 2);
        // There is none if two rows have one key.
        let map = numbering.map(|layout| layout.build(&codes, Slice::WHOLE)).transpose()?.flatten();
        let Some(map) = map.map(Arc::new) else {
            self.keep_as(key, codes, layout)?;
            return Ok(None);
        };
        self.keys[key] = Key::Map(KeyMap { map: map.clone(), stays: true });
        Ok(Some(NumbersByKey { keys: integers, map }))
    }

    /// Drops the maps that nothing has any more, of keys to which `is_found` says that all references are found.
    pub fn drop_unused(&mut self, is_found: impl Fn(usize) -> bool) {
        for (index, key) in self.keys.iter_mut().enumerate() {
            if matches!(key, Key::Map(map) if Arc::strong_count(&map.map) == 1) && is_found(index) {
                *key = Key::Done;
            }
        }
    }

    /// The codes of a key whose map there was no room for, and how it is made; nothing looks for the key after that.
    pub fn take_codes(&mut self, key: usize) -> Option<(Codes<'r>, KeyLayout)> {
        match std::mem::replace(&mut self.keys[key], Key::Done) {
            Key::Codes(codes, layout) => Some((codes, layout)),
            _ => None,
        }
    }

    fn keep_as(&mut self, key: usize, codes: Codes<'r>, mut layout: KeyLayout) -> Result<()> {
        let free = self.free_bytes();
        let mut map = None;
        if layout.slices(free) == 1 {
            map = layout.build(&codes, Slice::WHOLE)?;
            if map.is_none() {
                layout = layout.without_density();
                if layout.slices(free) == 1 {
                    map = layout.build(&codes, Slice::WHOLE)?;
                }
            }
        }
        let stays = layout.is_bits_alone() && layout.bytes() <= free / 2;
        self.keys[key] = match map {
            Some(map) => Key::Map(KeyMap { map: Arc::new(map), stays }),
            None => Key::Codes(codes, layout),
        };
        Ok(())
    }

    /// The bytes of memory that maps do not take yet.
    fn free_bytes(&self) -> u64 {
        let bytes = |key: &Key<'_>| if let Key::Map(map) = key { map.map.memory_bytes() } else { 0 };
        self.memory_bytes.saturating_sub(self.keys.iter().map(bytes).sum())
    }
}
