//! Looks a footer's metadata through before it is taken at its word.
//!
//! The reader of the metadata makes room for as many items as a list says it has, and goes as deep as its schema is
//! nested; what it cannot have the memory or the stack for ends the process. So all lengths are compared with the bytes
//! that are there first. The form is Thrift's compact protocol, the fields are those of `FileMetaData` and
//! `SchemaElement` in parquet.thrift.

/// How deep structures may be nested; those of the format are less than ten deep.
const MAX_DEPTH: usize = 32;

/// How deep a schema may be nested.
const MAX_SCHEMA_DEPTH: usize = 64;

/// The field of `FileMetaData` that lists the elements of the schema.
const SCHEMA_FIELD: i64 = 2;

/// The field of `SchemaElement` that says how many of those after it are in it.
const CHILDREN_FIELD: i64 = 5;

/// Whether `metadata` is whole, and no list of it has more items than there are bytes.
pub fn is_sound(metadata: &[u8]) -> bool {
    let mut walk = Walk { rest: metadata, children: Vec::new() };
    walk.structure(0, Role::File).is_some() && is_tree(&walk.children)
}

/// What a structure is, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    File,
    SchemaElement,
    Other,
}

struct Walk<'a> {
    rest: &'a [u8],
    /// For each element of the schema, how many are in it.
    children: Vec<i64>,
}

impl Walk<'_> {
    fn structure(&mut self, depth: usize, role: Role) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (mut field, mut children) = (0i64, 0);
        loop {
            let header = self.byte()?;
            if header == 0 {
                break;
            }
            field = match header >> 4 {
                0 => self.integer()?,
                delta => field.checked_add(i64::from(delta))?,
            };
            match (role, field, header & 0x0f) {
                (Role::File, SCHEMA_FIELD, 9) => self.list(depth, Role::SchemaElement)?,
                (Role::SchemaElement, CHILDREN_FIELD, 4..=6) => children = self.integer()?,
                (_, _, 1 | 2) => {}
                (_, _, kind) => self.value(kind, depth, Role::Other)?,
            }
        }
        if role == Role::SchemaElement {
            self.children.push(children);
        }
        Some(())
    }

    fn value(&mut self, kind: u8, depth: usize, role: Role) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.integer().map(|_| ()),
            7 => self.skip(8),
            8 => {
                let bytes = self.length()?;
                self.skip(bytes)
            }
            9 | 10 => self.list(depth, role),
            11 => self.map(depth),
            12 => self.structure(depth + 1, role),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize, role: Role) -> Option<()> {
        let header = self.byte()?;
        let items = match header >> 4 {
            15 => self.length()?,
            items => usize::from(items),
        };
        // Each item takes a byte at least.
        if depth > MAX_DEPTH || items > self.rest.len() {
            return None;
        }
        (0..items).try_for_each(|_| self.value(header & 0x0f, depth + 1, role))
    }

    fn map(&mut self, depth: usize) -> Option<()> {
        let items = self.length()?;
        if items == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        if depth > MAX_DEPTH || items > self.rest.len() {
            return None;
        }
        (0..items).try_for_each(|_| {
            self.value(kinds >> 4, depth + 1, Role::Other)?;
            self.value(kinds & 0x0f, depth + 1, Role::Other)
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    /// A length or a count.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }

    /// An integer in zigzag form.
    fn integer(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

/// Whether elements with that many in each make up one tree that is not too deep.
fn is_tree(children: &[i64]) -> bool {
    // How many are still to come on each level.
    let mut open: Vec<i64> = vec![1];
    for (index, &count) in children.iter().enumerate() {
        while open.last() == Some(&0) {
            open.pop();
        }
        let left = (children.len() - index - 1) as i64;
        match open.last_mut() {
            Some(last) if (0..=left).contains(&count) => *last -= 1,
            _ => return false,
        }
        if count > 0 {
            open.push(count);
        }
        if open.len() > MAX_SCHEMA_DEPTH {
            return false;
        }
    }
    open.iter().all(|&left| left == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Version 1, a root without columns, no rows, no row groups.
    const EMPTY: &[u8] = b"\x15\x02\x19\x1c\x48\x01r\x00\x16\x00\x19\x0c\x00";

    #[test]
    fn lengths_are_compared_with_what_is_there() {
        assert!(is_sound(EMPTY));
        for cut in 0..EMPTY.len() {
            assert!(!is_sound(&EMPTY[..cut]), "{cut}");
        }
        // 2,147,483,647 row groups; a text of as many bytes.
        assert!(!is_sound(b"\x15\x02\x19\x1c\x48\x01r\x00\x16\x00\x19\xfc\xff\xff\xff\xff\x07\x00"));
        assert!(!is_sound(b"\x15\x02\x19\x1c\x48\xff\xff\xff\xff\x07r\x00\x16\x00\x19\x0c\x00"));
    }

    #[test]
    fn a_schema_is_one_tree() {
        assert!(is_tree(&[0]));
        assert!(is_tree(&[2, 0, 1, 0]));
        for children in [&[][..], &[0, 0], &[1], &[2, 0], &[-1], &[1, 1], &[i64::MAX, 0]] {
            assert!(!is_tree(children), "{children:?}");
        }
        let mut deep = vec![1; 1_000_000];
        deep.push(0);
        assert!(!is_tree(&deep));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(metadata: Vec<u8>) {
            let _ = is_sound(&metadata);
        }
    }
}
