//! The rows of all tables and the references between them, by number: what the closure works on.
//!
//! A row's number is its place in its table, or, where that takes less memory, the number of keys that are less than its
//! own: a table of integer keys without gaps then needs no map, whatever the order of its rows.

use std::sync::Arc;

use super::bits::Bits;
use super::code_reader::integer_code;
use super::key_set::KeySet;
use super::links::Links;
use super::table_integers::{IntegerCursor, TableIntegers};
use crate::error::Result;

/// The rows and their references.
pub struct Graph<'r> {
    /// The rows of each table.
    pub tables: Vec<GraphTable<'r>>,
    /// The links of each edge.
    pub links: Vec<Links<'r>>,
    /// For each edge with a cap that some parent reaches, the links that are within it, by their place in the column.
    pub within_cap: Vec<Option<Bits>>,
}

/// The rows of one table.
#[derive(Default)]
pub struct GraphTable<'r> {
    /// The rows of each of its parts, in the order of the specification's.
    pub parts: Vec<u64>,
    /// Their number.
    pub rows: u64,
    /// The anchors.
    pub anchors: Bits,
    /// Those that are anchors if nothing ties them to a parent.
    pub unowned: Bits,
    /// How rows are numbered, if not by their place.
    pub by_key: Option<NumbersByKey<'r>>,
}

/// Rows that are numbered by their keys.
pub struct NumbersByKey<'r> {
    /// The key of each row.
    pub keys: TableIntegers<'r>,
    /// The number of each key.
    pub map: Arc<KeySet>,
}

impl<'r> GraphTable<'r> {
    /// The numbers of the rows, in their order in the table.
    pub fn numbers(&self) -> Numbers<'_, 'r> {
        let by_key = self.by_key.as_ref().map(|by_key| (by_key.keys.cursor(), &*by_key.map));
        Numbers { by_key, next: 0 }
    }

    /// A set of rows by their numbers, made one by their places in the table.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn by_place(&self, set: Bits) -> Result<Bits> {
        self.translated(set, |set, translated, place, number| {
            if set.contains(number) {
                translated.insert(place);
            }
        })
    }

    /// A set of rows by their places in the table, made one by their numbers.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    pub fn by_number(&self, set: Bits) -> Result<Bits> {
        self.translated(set, |set, translated, place, number| {
            if set.contains(place) {
                translated.insert(number);
            }
        })
    }

    fn translated(&self, set: Bits, translate: impl Fn(&Bits, &mut Bits, u64, u64)) -> Result<Bits> {
        if self.by_key.is_none() {
            return Ok(set);
        }
        let (mut translated, mut numbers) = (Bits::new(self.rows), self.numbers());
        for place in 0..self.rows {
            translate(&set, &mut translated, place, numbers.read()?);
        }
        Ok(translated)
    }
}

/// Reads the numbers of a table's rows. A clone goes on from where it is.
#[derive(Clone)]
pub struct Numbers<'a, 'r> {
    by_key: Option<(IntegerCursor<'a, 'r>, &'a KeySet)>,
    next: u64,
}

impl Numbers<'_, '_> {
    /// The number of the next row.
    ///
    /// # Errors
    /// If a temporary file cannot be read.
    ///
    /// # Panics
    /// After the last row.
    #[inline]
    pub fn read(&mut self) -> Result<u64> {
        let Some((keys, map)) = &mut self.by_key else {
            self.next += 1;
            return Ok(self.next - 1);
        };
        let number = keys.read()?.and_then(|key| map.find_one(integer_code(key)));
        Ok(number.expect("every row has a key, and the map has every key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subset::key_layout::{KeyLayout, Slice};
    use crate::subset::lists::Codes;
    use crate::subset::table_integers::tests::table_integers;

    #[test]
    fn sets_by_place_and_by_number_are_the_same_rows() {
        let keys =
            || table_integers(vec![vec![vec![Some(70), Some(10)]], vec![vec![Some(40), Some(20), Some(30)]]]);
        let layout = KeyLayout::survey(&Codes::Again(keys()), 5).unwrap().numbering().unwrap();
        let map = Arc::new(layout.build(&Codes::Again(keys()), Slice::WHOLE).unwrap().unwrap());
        let by_key = Some(NumbersByKey { keys: keys(), map });
        let table = GraphTable { rows: 5, by_key, ..GraphTable::default() };
        let mut set = Bits::new(5);
        set.insert(0);
        set.insert(3);
        let numbered = table.by_number(set.clone()).unwrap();
        assert_eq!(numbered.iter().collect::<Vec<_>>(), [1, 4]);
        assert_eq!(table.by_place(numbered).unwrap(), set);
        let plain = GraphTable { rows: 5, ..GraphTable::default() };
        assert_eq!(plain.by_number(set.clone()).unwrap(), set);
    }
}
