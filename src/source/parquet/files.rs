//! The files of a Parquet snapshot, by the table that folders and names say they are of.
//!
//! Two layouts are read. Ours, and that of other programs: a folder or a file `SCHEMA.TABLE` a table. And the one in
//! which Amazon RDS and Aurora export snapshots ("File naming conventions for exports to Amazon S3", Amazon RDS User
//! Guide): `EXPORT/DATABASE/SCHEMA.TABLE/BATCH/part-….gz.parquet`, or without `BATCH` from before, with
//! `export_info_….json` and `export_tables_info_….json` beside the databases and `_success` beside the files.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::special;
use crate::error::{Error, Result};
use crate::schema::{Catalog, QualifiedName, TableId};

/// The file with the schema that the Parquet target writes beside the tables.
pub const SCHEMA_FILE: &str = "schema.sql";

/// The ending of the names of Parquet files.
const ENDING: &str = ".parquet";

/// How many folders there are above a file: the database's, the table's, the batch's.
const MAX_FOLDERS: usize = 3;

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The files of each table, in the order of their names.
    pub tables: Vec<Group>,
    /// The schema, where there is one.
    pub schema: Option<PathBuf>,
    /// How many files are none of a snapshot.
    pub others: usize,
}

/// The files of one folder, or one file.
#[derive(Debug)]
pub struct Group {
    /// What the folder or the file is called, without the ending.
    pub label: String,
    /// The files, in the natural order of their names.
    pub files: Vec<PathBuf>,
    /// The file with values that have no form in Parquet.
    pub special: Option<PathBuf>,
    /// Whether it is a file that is in no table's folder.
    pub is_file: bool,
}

/// Whether there is a Parquet file at `path`, or in it.
pub fn holds_parquet(path: &Path) -> bool {
    path.is_dir() && any_parquet(path, MAX_FOLDERS)
}

fn any_parquet(folder: &Path, deeper: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    // Files first: what is looked for is found without opening every folder.
    paths.sort_by_key(|path| path.is_dir());
    paths.iter().any(|path| match path.is_dir() {
        true => deeper > 0 && any_parquet(path, deeper - 1),
        false => is_parquet(&name(path)),
    })
}

/// Lists what is at `root`, a file or a folder.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it cannot be read, or holds several databases.
pub fn list(root: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    if !root.is_dir() {
        listing.tables.push(single(root));
        return Ok(listing);
    }
    let mut walk = Walk { root, listing, folders: BTreeMap::new() };
    walk.folder(&mut Vec::new())?;
    walk.finish()
}

/// A file, and the names of its batch and of itself, which say its place among the others of a table.
type Placed = (Vec<String>, PathBuf);

struct Walk<'a> {
    root: &'a Path,
    listing: Listing,
    /// The Parquet files in folders, by the database's folder and the table's.
    folders: BTreeMap<(Vec<String>, String), Vec<Placed>>,
}

impl Walk<'_> {
    /// Lists the folder that `names` lead to.
    fn folder(&mut self, names: &mut Vec<String>) -> Result<()> {
        let folder = names.iter().fold(self.root.to_path_buf(), |path, name| path.join(name));
        let read =
            || fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
        for path in read().map_err(|error| Error::read(&error).at(folder.display()))? {
            let name = name(&path);
            match path.is_dir() {
                true if names.len() < MAX_FOLDERS => {
                    names.push(name);
                    self.folder(names)?;
                    names.pop();
                }
                false if is_parquet(&name) => self.file(names, path),
                false if names.is_empty() && name == SCHEMA_FILE => self.listing.schema = Some(path),
                false if is_beside(&name) => {}
                _ => self.listing.others += 1,
            }
        }
        Ok(())
    }

    fn file(&mut self, names: &[String], path: PathBuf) {
        let Some((last, before)) = names.split_last() else {
            return self.listing.tables.push(single(&path));
        };
        let is_batch = last.bytes().all(|byte| byte.is_ascii_digit());
        let (table, database) = match before.split_last() {
            Some((table, database)) if is_batch => (table, database),
            _ => (last, before),
        };
        let mut place = names[database.len() + 1..].to_vec();
        place.push(stem(&name(&path)).to_string());
        self.folders.entry((database.to_vec(), table.clone())).or_default().push((place, path));
    }

    fn finish(mut self) -> Result<Listing> {
        let mut databases: Vec<&Vec<String>> = self.folders.keys().map(|(database, _)| database).collect();
        databases.dedup();
        if databases.len() > 1 {
            return Err(Error::snapshot("the folder holds the tables of several databases")
                .at(self.root.display())
                .hint("name the folder of one of them"));
        }
        for ((_, label), mut files) in self.folders {
            files.sort_by(|(left, _), (right, _)| natural_path(left, right));
            let files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
            let special =
                files.first().and_then(|file| file.parent()).map(|folder| folder.join(special::FILE_NAME));
            let special = special.filter(|path| path.is_file());
            let label = stem(&label).to_string();
            self.listing.tables.push(Group { label, files, special, is_file: false });
        }
        self.listing.tables.sort_by(|left, right| natural(&left.label, &right.label));
        Ok(self.listing)
    }
}

fn single(path: &Path) -> Group {
    let label = stem(&name(path)).to_string();
    // Part of a table's folder that is named itself.
    let special = path.parent().map(|folder| folder.join(special::FILE_NAME)).filter(|path| path.is_file());
    Group { label, files: vec![path.to_path_buf()], special, is_file: true }
}

fn name(path: &Path) -> String {
    path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
}

/// Whether a name is that of a Parquet file; names that begin with `_` or `.` are for other things by custom.
fn is_parquet(name: &str) -> bool {
    name.ends_with(ENDING) && !name.starts_with(['_', '.'])
}

/// Whether a file belongs to a snapshot without being one of its tables.
fn is_beside(name: &str) -> bool {
    let is_about_export = name.starts_with("export_info_") || name.starts_with("export_tables_info_");
    name.starts_with(['_', '.']) || (is_about_export && name.ends_with(".json"))
}

fn stem(name: &str) -> &str {
    name.strip_suffix(ENDING).unwrap_or(name)
}

/// The table that a folder or file is called after; `None` if it is that of none or of several.
///
/// It is `SCHEMA.TABLE`, percent-encoded as the Parquet target writes names, or with underscores in the place of what an
/// export of RDS has them for, or the bare name of the only table of that name.
pub fn table_of(label: &str, catalog: &Catalog) -> Option<TableId> {
    let encoded = label.split_once('.').and_then(|(schema, name)| {
        catalog.find(&QualifiedName { schema: percent_decode(schema)?, name: percent_decode(name)? })
    });
    let only = |is_it: &dyn Fn(&QualifiedName) -> bool| {
        let mut found = catalog.iter().filter(|(_, table)| is_it(&table.name)).map(|(id, _)| id);
        found.next().filter(|_| found.next().is_none())
    };
    encoded
        .or_else(|| only(&|table| exported(&format!("{}.{}", table.schema, table.name)) == label))
        .or_else(|| percent_decode(label).and_then(|label| only(&|table| table.name == label)))
}

/// The name as an export of RDS writes it ("Considerations for DB snapshot exports", Amazon RDS User Guide).
fn exported(name: &str) -> String {
    name.replace(['\\', '`', '"', ' '], "_")
}

/// The name that a label with one dot at least stands for, where no schema declares it.
pub fn name_of(label: &str) -> Option<QualifiedName> {
    let (schema, name) = label.split_once('.')?;
    Some(QualifiedName { schema: percent_decode(schema)?, name: percent_decode(name)? })
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

fn natural_path(left: &[String], right: &[String]) -> Ordering {
    let names = left.iter().zip(right).map(|(left, right)| natural(left, right));
    names.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// Orders names as people do: `part-9` before `part-10`.
fn natural(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left.as_bytes(), right.as_bytes());
    loop {
        let (in_a, in_b) = (digits(a), digits(b));
        let order = if in_a > 0 && in_b > 0 {
            let (number, other) = (without_zeros(&a[..in_a]), without_zeros(&b[..in_b]));
            (a, b) = (&a[in_a..], &b[in_b..]);
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            match (a.split_first(), b.split_first()) {
                (Some((byte, rest)), Some((other, other_rest))) => {
                    (a, b) = (rest, other_rest);
                    byte.cmp(other)
                }
                _ => return a.len().cmp(&b.len()).then_with(|| left.cmp(right)),
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|&&digit| digit == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;

    fn listed(files: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let listing = list(root.path())?;
        let relative = |path: PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
        let group = |group: Group| (group.label, group.files.into_iter().map(relative).collect());
        Ok(listing.tables.into_iter().map(group).collect())
    }

    #[test]
    fn the_files_of_a_table_are_in_the_order_of_their_numbers() {
        let files = [
            "s.t/part-00999.parquet",
            "s.t/part-01000.parquet",
            "s.t/part-00999-01000.parquet",
            "s.t/_SUCCESS",
        ];
        let expected = ["s.t/part-00999.parquet", "s.t/part-00999-01000.parquet", "s.t/part-01000.parquet"];
        assert_eq!(listed(&files).unwrap(), [("s.t".to_string(), expected.map(String::from).to_vec())]);
        let files = ["a.parquet", "schema.sql", "b.c/x9.parquet", "b.c/x10.parquet"];
        let groups = listed(&files).unwrap();
        assert_eq!(groups[1].1, ["b.c/x9.parquet", "b.c/x10.parquet"]);
        assert_eq!(groups[0].0, "a");
    }

    #[test]
    fn an_export_of_rds_is_read_batch_by_batch() {
        let files = [
            "export_info_e.json",
            "export_tables_info_e_from_1_to_2.json",
            "shop/public.orders/10/part-00000-aa.gz.parquet",
            "shop/public.orders/2/part-00000-bb.gz.parquet",
            "shop/public.orders/2/_success",
            "shop/public.users/part-00000-cc.gz.parquet",
        ];
        let groups = listed(&files).unwrap();
        assert_eq!(groups[0].0, "public.orders");
        assert_eq!(groups[0].1, [files[3], files[2]]);
        assert_eq!(groups[1].1, [files[5]]);
        let error = listed(&[files[2], "other/public.a/1/part-0.parquet"]).unwrap_err();
        assert_eq!(error.what(), "the folder holds the tables of several databases");
    }

    #[test]
    fn a_table_is_found_by_the_forms_of_its_name() {
        let mut catalog = Catalog::default();
        for (schema, name) in
            [("public", "users"), ("a.b", "c/d"), ("x", "my \"table\""), ("y", "same"), ("z", "same")]
        {
            catalog.add_table(Table { name: QualifiedName::new(schema, name), ..Table::default() });
        }
        let found = |label| table_of(label, &catalog).map(|id| catalog.table(id).name.name.as_str());
        assert_eq!(found("public.users"), Some("users"));
        assert_eq!(found("users"), Some("users"));
        assert_eq!(found("a%2Eb.c%2Fd"), Some("c/d"));
        assert_eq!(found("x.my__table_"), Some("my \"table\""));
        assert_eq!(found("same"), None);
        assert_eq!(found("y.same"), Some("same"));
        assert_eq!(found("%zz.a"), None);
        assert_eq!(found("public.nothing"), None);
    }

    #[test]
    fn numbers_in_names_are_compared_as_such() {
        let mut names = ["b", "a10", "a9", "a010", "a9b", "a"];
        names.sort_by(|left, right| natural(left, right));
        assert_eq!(names, ["a", "a9", "a9b", "a010", "a10", "b"]);
    }
}
