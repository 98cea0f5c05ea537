//! Which pg_dump to run: one that is not older than the server, and no newer than need be.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The variable that names the program.
pub const VARIABLE: &str = "MASK_PG_DUMP";

/// Folders of folders of versions, and what follows the version: Debian's, Red Hat's, Homebrew's.
const FAMILIES: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/usr/local", "bin"),
];

const PROGRAM: &str = if cfg!(windows) { "pg_dump.exe" } else { "pg_dump" };

/// The pg_dump for a server of the major version `major`.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) that says which version is needed and what there is.
pub fn find(major: u32) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        let found = version(&path).ok_or_else(|| {
            Error::snapshot(format!("the program that `{VARIABLE}` names is no pg_dump"))
                .at(path.display())
                .hint("name a pg_dump, or unset the variable")
        })?;
        return match found >= major {
            true => Ok(path),
            false => Err(too_old(major, &[(found, path)])),
        };
    }
    let found: Vec<(u32, PathBuf)> =
        candidates().into_iter().filter_map(|path| Some((version(&path)?, path))).collect();
    let fitting = found.iter().filter(|(version, _)| *version >= major);
    match fitting.min_by_key(|(version, _)| *version) {
        Some((_, path)) => Ok(path.clone()),
        None => Err(too_old(major, &found)),
    }
}

fn too_old(major: u32, found: &[(u32, PathBuf)]) -> Error {
    let places: Vec<String> =
        found.iter().map(|(version, path)| format!("{} is of version {version}", path.display())).collect();
    let found = match places.is_empty() {
        true => "there is none in PATH or in the folders of /usr/lib/postgresql".to_string(),
        false => places.join(", "),
    };
    Error::snapshot(format!("a pg_dump of version {major} or later is needed, to read the schema: {found}"))
        .hint(format!("install the client of PostgreSQL {major}, or name its pg_dump by `{VARIABLE}`"))
}

fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    for (parent, inner) in FAMILIES {
        let versions = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let mut versions: Vec<PathBuf> =
            versions.map(|version| version.path()).filter(|path| is_of_postgres(path)).collect();
        versions.sort();
        folders.extend(versions.into_iter().map(|version| version.join(inner)));
    }
    folders.into_iter().map(|folder| folder.join(PROGRAM)).filter(|path| path.is_file()).collect()
}

/// Whether a folder is named for a version, such as `15`, `pgsql-15` or `postgresql@15`.
fn is_of_postgres(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.trim_start_matches("pgsql-").trim_start_matches("postgresql@");
    version == "pgsql" || version == "libpq" || version.parse::<u32>().is_ok()
}

/// The major version of the pg_dump at `path`; `None` if it is none.
fn version(path: &Path) -> Option<u32> {
    let mut command = Command::new(path);
    command.arg("--version").env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null());
    let text = String::from_utf8(command.output().ok()?.stdout).ok()?;
    let version = text.strip_prefix("pg_dump (PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_and_what_there_is_are_told() {
        let error = too_old(18, &[(15, PathBuf::from("/usr/bin/pg_dump"))]).to_string();
        assert_eq!(
            error,
            "a pg_dump of version 18 or later is needed, to read the schema: /usr/bin/pg_dump is of version 15\n\
             hint: install the client of PostgreSQL 18, or name its pg_dump by `MASK_PG_DUMP`"
        );
    }

    #[test]
    fn folders_of_versions_are_told_by_their_names() {
        for name in ["/usr/lib/postgresql/15", "/usr/pgsql-17", "/opt/homebrew/opt/postgresql@16"] {
            assert!(is_of_postgres(Path::new(name)), "{name}");
        }
        assert!(!is_of_postgres(Path::new("/usr/share")));
    }
}
