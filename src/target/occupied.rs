//! What is in a target's place already: replaced only if that was asked for, and only if a run may have written it.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::pg::archive::TOC_FILE;
use crate::target::parquet::SCHEMA_FILE;

/// Refuses to replace what is at `path`: the snapshot `from`, what is not to be overwritten, and in any case a folder
/// that holds anything but what a run writes.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if so.
pub fn refuse_occupied(path: &Path, from: &str, overwrite: bool) -> Result<()> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let metadata = fs::metadata(path).ok().filter(|metadata| metadata.is_dir() || metadata.is_file());
    let Some(metadata) = metadata else {
        return Err(Error::usage("the target is there, and neither a file nor a folder")
            .at(path.display())
            .hint("name another target"));
    };
    if holds(path, Path::new(from)) {
        return Err(Error::usage("the target is where the snapshot is").at(path.display()));
    }
    let is_empty = match metadata.is_dir() {
        true => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
        false => metadata.len() == 0,
    };
    if !is_empty && !overwrite {
        return Err(Error::usage("the target exists and is not empty")
            .at(path.display())
            .hint("say `--overwrite` to replace it, or name another target"));
    }
    if metadata.is_dir() && !is_empty && !is_dump(path) && !is_parquet(path) {
        return Err(Error::usage("the folder holds files that are not those of a dump or a Parquet target")
            .at(path.display())
            .hint("`--overwrite` replaces a whole folder; name one that holds nothing else"));
    }
    Ok(())
}

/// Whether `inner` is `outer` or lies in it.
fn holds(outer: &Path, inner: &Path) -> bool {
    match (fs::canonicalize(outer), fs::canonicalize(inner)) {
        (Ok(outer), Ok(inner)) => inner.starts_with(outer),
        _ => false,
    }
}

/// Whether a folder is a directory dump and holds nothing else.
fn is_dump(folder: &Path) -> bool {
    folder.join(TOC_FILE).is_file() && holds_only(folder, |entry, name| entry.is_file() && is_dump_file(name))
}

/// `toc.dat`, the rows of an entry, a large object or a list of those, compressed or not.
fn is_dump_file(name: &str) -> bool {
    let stem = [".gz", ".lz4", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_data = stem.strip_suffix(".dat").map(|data| data.strip_prefix("blob_").unwrap_or(data));
    let of_list = stem.strip_prefix("blobs_").and_then(|list| list.strip_suffix(".toc"));
    name == TOC_FILE || stem == "blobs.toc" || of_data.or(of_list).is_some_and(is_number)
}

/// Whether a folder is a Parquet target and holds nothing else.
fn is_parquet(folder: &Path) -> bool {
    let is_part = |name: &str| {
        name == "_special.csv" || name.strip_prefix("part-").is_some_and(|part| part.ends_with(".parquet"))
    };
    folder.join(SCHEMA_FILE).is_file()
        && holds_only(folder, |entry, name| match entry.is_dir() {
            true => holds_only(entry, |file, name| file.is_file() && is_part(name)),
            false => name == SCHEMA_FILE,
        })
}

/// Whether `is_ours` says so of every entry of the folder, told by its path and its name.
fn holds_only(folder: &Path, is_ours: impl Fn(&Path, &str) -> bool) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    entries.all(|entry| {
        entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(|name| is_ours(&entry.path(), name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a folder with these files, with `--overwrite`.
    fn said_of(files: &[&str]) -> Option<String> {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("out");
        fs::create_dir(&folder).unwrap();
        for file in files {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        said(&folder, "-", true)
    }

    fn said(path: &Path, from: &str, overwrite: bool) -> Option<String> {
        refuse_occupied(path, from, overwrite).err().map(|error| error.what().to_string())
    }

    #[test]
    fn what_a_run_writes_is_replaced() {
        assert_eq!(said_of(&[]), None);
        let dump = ["toc.dat", "12.dat", "13.dat.zst", "blobs.toc", "blobs_7.toc", "blob_70001.dat.gz"];
        assert_eq!(said_of(&dump), None);
        let parquet = ["schema.sql", "public.a/part-00000.parquet", "public.a/_special.csv"];
        assert_eq!(said_of(&parquet), None);
    }

    #[test]
    fn a_folder_that_holds_anything_else_is_not_replaced() {
        for files in [
            &["thesis.txt"][..],
            &["12.dat"],
            &["toc.dat", "a.dat"],
            &["toc.dat", "blobfish.png"],
            &["toc.dat", "12.database"],
            &["toc.dat", "schema.sql"],
            &["toc.dat", "notes/a.txt"],
            &["public.a/part-00000.parquet"],
            &["schema.sql", "other.sql"],
            &["schema.sql", "public.a/part-00000.parquet", "public.a/thesis.txt"],
            &["schema.sql", "public.a/part-1.parquet/thesis.txt"],
        ] {
            assert!(said_of(files).is_some(), "{files:?}");
        }
    }

    #[test]
    fn a_file_is_replaced_only_if_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        assert_eq!(said(&path, "-", false), None);
        fs::write(&path, "").unwrap();
        assert_eq!(said(&path, "-", false), None);
        fs::write(&path, "x").unwrap();
        assert_eq!(said(&path, "-", false).unwrap(), "the target exists and is not empty");
        assert_eq!(said(&path, "-", true), None);
    }

    #[test]
    fn the_snapshot_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toc.dat");
        fs::write(&path, "x").unwrap();
        let what = "the target is where the snapshot is";
        assert_eq!(said(&path, path.to_str().unwrap(), true).unwrap(), what);
        assert_eq!(said(folder.path(), path.to_str().unwrap(), true).unwrap(), what);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("a.sql");
        std::os::unix::fs::symlink(folder.path().join("missing"), &link).unwrap();
        assert!(said(&link, "-", true).unwrap().ends_with("neither a file nor a folder"));
    }
}
