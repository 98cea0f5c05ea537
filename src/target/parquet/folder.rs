//! Names of the tables' folders, such that every file system takes them and keeps them apart.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::schema::QualifiedName;

/// The file beside the tables' folders that holds the DDL.
pub(in crate::target) const SCHEMA_FILE: &str = "schema.sql";

/// The longest file name, in bytes, that common file systems take.
const MAX_NAME_BYTES: usize = 255;

/// A folder name for each table, in their order: `SCHEMA.TABLE`.
///
/// What is unsafe in a file name is percent-encoded, and so are dots within a name, so that the first dot is the one
/// between schema and table. A name that is too long, or that some file systems take for another table's because it
/// differs in case only, gets `~` and eight digits of its hash; so does the table `sql` of a schema `schema`.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if two names are the same even so.
pub(super) fn folder_names<'a>(tables: impl Iterator<Item = &'a QualifiedName>) -> Result<Vec<String>> {
    let names: Vec<String> = tables.map(encode_name).collect();
    let mut alike: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *alike.entry(name.to_lowercase()).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let distinct = |name: String| {
        let folded = name.to_lowercase();
        let is_alike = (name != folded && alike[&folded] > 1) || folded == SCHEMA_FILE;
        let name = if is_alike || name.len() > MAX_NAME_BYTES { with_hash(&name) } else { name };
        if taken.insert(name.to_lowercase()) {
            Ok(name)
        } else {
            Err(Error::staging("two tables would get the same folder").at(format!("folder `{name}`")))
        }
    };
    names.into_iter().map(distinct).collect()
}

fn encode_name(table: &QualifiedName) -> String {
    format!("{}.{}", percent_encode(&table.schema), percent_encode(&table.name))
}

fn percent_encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, character) in name.char_indices() {
        let is_last = index + character.len_utf8() == name.len();
        let is_unsafe =
            character.is_control() || "/\\:*?\"<>|%.~".contains(character) || (character == ' ' && is_last);
        if is_unsafe {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(out, "%{byte:02X}").expect("a string takes all");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// The name, cut to leave room, with `~` and eight hex digits of its SHA-256.
fn with_hash(name: &str) -> String {
    let mut text = name[..name.floor_char_boundary(MAX_NAME_BYTES - 9)].to_string();
    text.push('~');
    for byte in &Sha256::digest(name)[..4] {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tables: &[(&str, &str)]) -> Vec<String> {
        let tables: Vec<_> = tables.iter().map(|&(schema, name)| QualifiedName::new(schema, name)).collect();
        folder_names(tables.iter()).unwrap()
    }

    #[test]
    fn unsafe_characters_are_percent_encoded() {
        assert_eq!(names(&[("public", "users")]), ["public.users"]);
        assert_eq!(names(&[(".a", "b/../c%\n")]), ["%2Ea.b%2F%2E%2E%2Fc%25%0A"]);
        assert_eq!(names(&[("a.b", "c"), ("a", "b.c")]), ["a%2Eb.c", "a.b%2Ec"]);
        assert_eq!(names(&[("über", "größe ")]), ["über.größe%20"]);
    }

    #[test]
    fn names_that_differ_in_case_only_are_told_apart() {
        let names =
            names(&[("public", "Users"), ("public", "users"), ("public", "USERS"), ("public", "Orders")]);
        assert_eq!(names[1], "public.users");
        assert_eq!(names[3], "public.Orders");
        let folded: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), 4);
    }

    #[test]
    fn a_table_does_not_take_the_name_of_the_schema_file() {
        assert!(names(&[("schema", "sql")])[0].starts_with("schema.sql~"));
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let long = "/".repeat(63);
        let names = names(&[(&long, &format!("{long}é")), (&long, &format!("{long}è"))]);
        assert!(names.iter().all(|name| name.len() <= MAX_NAME_BYTES));
        assert_ne!(names[0], names[1]);
    }
}
