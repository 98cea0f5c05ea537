//! Folders: names for tables that every file system takes, and a tree that appears whole or not at all.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::schema::QualifiedName;

/// The file beside the tables' folders that holds the DDL.
pub(super) const SCHEMA_FILE: &str = "schema.sql";

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

/// A folder that is written under another name beside its place. Dropped before it is put in place, it is removed.
pub(super) struct StagedFolder {
    temporary: TempDir,
    place: PathBuf,
    overwrite: bool,
}

impl StagedFolder {
    /// A folder to be put at `place`; with `overwrite`, instead of what is there.
    pub fn create(place: &Path, overwrite: bool) -> Result<Self> {
        // Behind a symbolic link, the folder that it leads to is written, on that folder's disk.
        let place = match fs::canonicalize(place) {
            Ok(place) => place,
            Err(_) => std::path::absolute(place).map_err(|error| Error::write(&error))?,
        };
        let parent =
            place.parent().ok_or_else(|| Error::staging("the target is no folder that can be written"))?;
        let temporary = tempfile::Builder::new()
            .prefix(&temporary_prefix(&place))
            .suffix(".tmp")
            .tempdir_in(parent)
            .map_err(|error| at_folder(Error::write(&error), parent))?;
        Ok(StagedFolder { temporary, place, overwrite })
    }

    /// Where it is until it is put in place.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts it in place.
    ///
    /// With `overwrite`, what was there is moved aside before, and back if this fails.
    pub fn put_in_place(self) -> Result<()> {
        let result = if self.overwrite && fs::symlink_metadata(&self.place).is_ok() {
            self.replace()
        } else {
            self.occupy()
        };
        result.map_err(|error| at_folder(Error::write(&error), &self.place))?;
        // The folder is not under its temporary name any more, so nothing is to be removed.
        let _ = self.temporary.keep();
        Ok(())
    }

    fn occupy(&self) -> io::Result<()> {
        // Removes an empty folder only; a place that has been filled meanwhile is refused by the renaming.
        let _ = fs::remove_dir(&self.place);
        if fs::symlink_metadata(&self.place).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.path(), &self.place)
    }

    fn replace(&self) -> io::Result<()> {
        let aside = self.path().with_extension("old");
        fs::rename(&self.place, &aside)?;
        if let Err(error) = fs::rename(self.path(), &self.place) {
            fs::rename(&aside, &self.place)?;
            return Err(error);
        }
        if fs::symlink_metadata(&aside)?.is_dir() {
            fs::remove_dir_all(aside)
        } else {
            fs::remove_file(aside)
        }
    }
}

/// `.NAME.mask-`, of a NAME that is cut if it is long.
fn temporary_prefix(place: &Path) -> String {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    format!(".{}.mask-", &name[..name.floor_char_boundary(200)])
}

fn at_folder(error: Error, folder: &Path) -> Error {
    error.at(format!("folder `{}`", folder.display()))
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

    #[test]
    fn a_folder_that_is_dropped_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let folder = StagedFolder::create(&parent.path().join("out"), false).unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_replaces_another_only_with_overwrite() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("out");
        fs::create_dir(&place).unwrap();
        StagedFolder::create(&place, false).unwrap().put_in_place().unwrap();

        fs::write(place.join("old"), "x").unwrap();
        let error = StagedFolder::create(&place, false).unwrap().put_in_place().unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::Staging);
        assert!(place.join("old").exists());

        let folder = StagedFolder::create(&place, true).unwrap();
        fs::write(folder.path().join("new"), "x").unwrap();
        folder.put_in_place().unwrap();
        assert!(place.join("new").exists() && !place.join("old").exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
