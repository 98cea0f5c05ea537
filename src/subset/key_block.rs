//! Blocks of key columns, taken apart: each column a block of integers or UUIDs where its values are, else of text.

use memchr::memchr2;

use super::integers::IntegerBlock;
use super::uuids::UuidBlock;
use super::value_block::ValueBlock;
use crate::pg::integer::leading_integer;
use crate::pg::uuid::{TEXT_BYTES, leading_uuid};

/// The columns of a block of rows.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// How many rows there are.
    pub rows: usize,
    /// The columns.
    pub columns: Vec<KeyColumn>,
}

/// A column of a block of rows.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyColumn {
    /// Every value is an integer as Postgres writes it, or NULL; whatever the column's type.
    Integers(IntegerBlock),
    /// Every value is a UUID as Postgres writes it, or NULL.
    Uuids(UuidBlock),
    /// COPY text, still escaped, `\n` after each value.
    Text(Vec<u8>),
}

/// What a column is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Integers: nothing else was seen yet.
    Integers,
    /// UUIDs.
    Uuids,
    /// Text: something else was seen.
    Text,
}

/// Takes rows of COPY text apart. Where a value is not what its column is expected to hold, UUIDs are expected after
/// integers, and text after those; `None` if a row has another number of columns than are expected, or the last one does
/// not end.
pub fn take_apart(bytes: &[u8], expected: &mut [Expected]) -> Option<KeyBlock> {
    if expected.is_empty() {
        let is_empty = bytes.iter().all(|&byte| byte == b'\n');
        return is_empty.then_some(KeyBlock { rows: bytes.len(), columns: Vec::new() });
    }
    loop {
        match attempt(bytes, expected) {
            Ok(block) => return Some(block),
            Err(Surprise { column }) => {
                expected[column] = match expected[column] {
                    Expected::Integers => Expected::Uuids,
                    Expected::Uuids => Expected::Text,
                    // A text takes any value: the row has another number of them.
                    Expected::Text => return None,
                }
            }
        }
    }
}

/// A value of the column is not what was expected, or does not end where it should.
struct Surprise {
    column: usize,
}

fn attempt(bytes: &[u8], expected: &[Expected]) -> Result<KeyBlock, Surprise> {
    let empty = |kind: &Expected| match kind {
        Expected::Integers => KeyColumn::Integers(IntegerBlock::default()),
        Expected::Uuids => KeyColumn::Uuids(UuidBlock::default()),
        Expected::Text => KeyColumn::Text(Vec::new()),
    };
    let mut columns: Vec<KeyColumn> = expected.iter().map(empty).collect();
    let last = columns.len().saturating_sub(1);
    let (mut start, mut rows) = (0, 0);
    while start < bytes.len() {
        for (index, column) in columns.iter_mut().enumerate() {
            let rest = &bytes[start..];
            let end = if index == last { b'\n' } else { b'\t' };
            let len = match column {
                KeyColumn::Integers(values) => value(rest, end, values, leading_integer),
                KeyColumn::Uuids(values) => {
                    value(rest, end, values, |rest| Some((leading_uuid(rest)?, TEXT_BYTES)))
                }
                KeyColumn::Text(values) => text(rest, end, values),
            };
            start += 1 + len.ok_or(Surprise { column: index })?;
        }
        rows += 1;
    }
    Ok(KeyBlock { rows, columns })
}

/// Moves the value or NULL that `rest` begins with to `values`; returns its length, if `end` comes after it.
#[inline]
fn value<T: Copy + Default>(
    rest: &[u8],
    end: u8,
    values: &mut ValueBlock<T>,
    leading: impl Fn(&[u8]) -> Option<(T, usize)>,
) -> Option<usize> {
    let (value, len) = match rest {
        [b'\\', b'N', ..] => (None, 2),
        _ => leading(rest).map(|(value, len)| (Some(value), len))?,
    };
    (rest.get(len) == Some(&end)).then(|| {
        values.push(value);
        len
    })
}

/// Moves the value that `rest` begins with to `values`; returns its length, if `end` comes after it.
fn text(rest: &[u8], end: u8, values: &mut Vec<u8>) -> Option<usize> {
    let len = memchr2(b'\t', b'\n', rest).filter(|&len| rest[len] == end)?;
    values.extend_from_slice(&rest[..len]);
    values.push(b'\n');
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integers(values: &[Option<i64>]) -> KeyColumn {
        let mut block = IntegerBlock::default();
        values.iter().for_each(|&value| block.push(value));
        KeyColumn::Integers(block)
    }

    #[test]
    fn a_column_is_of_integers_until_it_is_not() {
        let mut expected = [Expected::Integers; 3];
        let block = take_apart(b"1\t\\N\t0\n-2\t5\t07\n", &mut expected).unwrap();
        assert_eq!(block.rows, 2);
        assert_eq!(
            block.columns,
            [
                integers(&[Some(1), Some(-2)]),
                integers(&[None, Some(5)]),
                KeyColumn::Text(b"0\n07\n".to_vec())
            ]
        );
        assert_eq!(expected, [Expected::Integers, Expected::Integers, Expected::Text]);
        let again = take_apart(b"1\t2\t\\N\n", &mut expected).unwrap();
        assert_eq!(again.columns[2], KeyColumn::Text(b"\\N\n".to_vec()));
    }

    #[test]
    fn a_column_is_of_uuids_until_it_is_not() {
        const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";
        let mut expected = [Expected::Integers; 2];
        let block = take_apart(format!("{UUID}\t1\n\\N\t2\n").as_bytes(), &mut expected).unwrap();
        let KeyColumn::Uuids(uuids) = &block.columns[0] else { panic!("the column is of UUIDs") };
        assert_eq!([uuids.get(0), uuids.get(1)], [leading_uuid(UUID.as_bytes()), None]);
        assert_eq!(expected, [Expected::Uuids, Expected::Integers]);
        let block = take_apart(format!("{UUID}\t1\n{UUID}x\t2\n").as_bytes(), &mut expected).unwrap();
        assert_eq!(block.columns[0], KeyColumn::Text(format!("{UUID}\n{UUID}x\n").into_bytes()));
    }

    #[test]
    fn rows_without_columns_are_empty_lines() {
        assert_eq!(take_apart(b"\n\n", &mut []).unwrap(), KeyBlock { rows: 2, columns: Vec::new() });
        assert_eq!(take_apart(b"\nx\n", &mut []), None);
    }

    #[test]
    fn a_row_of_another_number_of_columns_is_refused() {
        for rows in ["1\n", "1\t2\t3\n", "1\t2", "1\t2\n3", "1\t2\n\n", "a\t\n\t\t\n"] {
            assert_eq!(take_apart(rows.as_bytes(), &mut [Expected::Integers; 2]), None, "{rows}");
        }
    }

    proptest! {
        #[test]
        fn any_rows_can_be_put_together_again(
            rows in proptest::collection::vec(proptest::collection::vec("[0-9a\\\\N-]{0,3}", 2), 0..20),
        ) {
            let text: String = rows.iter().map(|row| row.join("\t") + "\n").collect();
            let block = take_apart(text.as_bytes(), &mut [Expected::Integers; 2]).unwrap();
            prop_assert_eq!(block.rows, rows.len());
            for (index, column) in block.columns.iter().enumerate() {
                let texts: Vec<String> = match column {
                    KeyColumn::Integers(values) => (0..values.rows())
                        .map(|row| values.get(row).map_or("\\N".into(), |value| value.to_string()))
                        .collect(),
                    KeyColumn::Uuids(_) => vec!["\\N".into(); block.rows],
                    KeyColumn::Text(bytes) => {
                        String::from_utf8(bytes.clone()).unwrap().lines().map(String::from).collect()
                    }
                };
                prop_assert!(texts.iter().eq(rows.iter().map(|row| &row[index])));
            }
        }
    }
}
