//! Files and folders that are written under a temporary name beside their place and renamed when they are whole.
//!
//! What bears its name is complete; what a run leaves behind when it is killed bears `.NAME.mask-…` instead. Whether
//! what is in the place may be replaced is left to others.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::{Error, Result};

/// How much of a target's name goes into a temporary one, in bytes: file systems take names of 255.
const MAX_NAME_BYTES: usize = 200;

/// A file that is not in place yet. Removed on drop.
pub struct StagedFile {
    file: NamedTempFile,
    place: PathBuf,
}

impl StagedFile {
    /// A new file beside `path`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the folder does not exist or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let place = resolved(path)?;
        let file = beside(&place, |builder, parent| builder.tempfile_in(parent))?;
        Ok(StagedFile { file, place })
    }

    /// Puts the file in place, instead of what may be there.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written out or renamed; what was there is in its
    /// place again then.
    pub fn persist(self) -> Result<()> {
        let StagedFile { file, place } = self;
        file.as_file().sync_all().map_err(|failure| Error::write(&failure).at(place.display()))?;
        allow_reading(file.path());
        let is_in_the_way = place.is_dir();
        put(&place, is_in_the_way, || file.persist(&place).map(drop).map_err(|failure| failure.error))
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

impl Seek for StagedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.as_file_mut().seek(to)
    }
}

/// A folder that is not in place yet. Removed on drop.
pub struct StagedFolder {
    folder: TempDir,
    place: PathBuf,
}

impl StagedFolder {
    /// A new folder beside `path`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the folder above does not exist or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let place = resolved(path)?;
        let folder = beside(&place, |builder, parent| builder.tempdir_in(parent))?;
        Ok(StagedFolder { folder, place })
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the folder in place, instead of what may be there. What is in it is not written out to the disk.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be renamed; what was there is in its place again
    /// then.
    pub fn persist(self) -> Result<()> {
        allow_reading(self.folder.path());
        let is_in_the_way = fs::symlink_metadata(&self.place).is_ok();
        put(&self.place, is_in_the_way, || fs::rename(self.folder.path(), &self.place))?;
        // The folder has its name now; under the temporary one there is nothing left to remove.
        let _ = self.folder.keep();
        Ok(())
    }
}

/// Where `path` leads: what a symbolic link stands for is written beside that, on its disk, and the link stays.
fn resolved(path: &Path) -> Result<PathBuf> {
    let place = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let place = place.map_err(|failure| Error::write(&failure).at(path.display()))?;
    match place.file_name() {
        Some(_) => Ok(place),
        None => Err(Error::usage("the target has no name").at(path.display())),
    }
}

/// Makes something under a temporary name in the folder of `place`.
fn beside<T>(place: &Path, make: impl FnOnce(&Builder<'_, '_>, &Path) -> io::Result<T>) -> Result<T> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{}.mask-", &name[..name.floor_char_boundary(MAX_NAME_BYTES)]);
    make(Builder::new().prefix(&prefix).suffix(".tmp"), parent(place)).map_err(|failure| {
        let error = match failure.kind() {
            io::ErrorKind::NotFound => {
                Error::staging("the folder of the target does not exist").hint("make the folder first")
            }
            _ => Error::write(&failure),
        };
        error.at(place.display())
    })
}

fn parent(place: &Path) -> &Path {
    place.parent().unwrap_or(place)
}

/// Puts what is staged at `place` by `rename`. A file takes the place of a file in one step; anything else there
/// `is_in_the_way`: it is moved aside, and removed after the renaming, or put back if that fails.
fn put(place: &Path, is_in_the_way: bool, rename: impl FnOnce() -> io::Result<()>) -> Result<()> {
    let failed = |failure: io::Error| Error::write(&failure).at(place.display());
    if !is_in_the_way {
        return rename().map_err(failed);
    }
    let aside = beside(place, |builder, parent| builder.tempdir_in(parent))?;
    let old = aside.path().join("old");
    fs::rename(place, &old).map_err(failed)?;
    if let Err(failure) = rename() {
        // Should this fail as well, what was there must not go with the folder that it is in.
        if fs::rename(&old, place).is_err() {
            let _ = aside.keep();
        }
        return Err(failed(failure));
    }
    aside.close().map_err(failed)
}

/// Temporary files are for their owner alone; what is in place follows the umask as any other file does.
#[cfg(unix)]
fn allow_reading(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // The umask can only be read by setting it, which is not safe among threads: a probe file tells it.
    let Ok(probe) = Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(parent(path))
    else {
        return;
    };
    let Ok(mode) = probe.as_file().metadata().map(|metadata| metadata.permissions().mode()) else { return };
    let mode = if path.is_dir() { mode | ((mode & 0o444) >> 2) } else { mode };
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn allow_reading(_path: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    fn stage_file(path: &Path, content: &str) -> Result<()> {
        let mut staged = StagedFile::create(path)?;
        staged.write_all(content.as_bytes()).unwrap();
        staged.persist()
    }

    fn stage_folder(path: &Path, file: &str) -> Result<()> {
        let staged = StagedFolder::create(path)?;
        fs::write(staged.path().join(file), file).unwrap();
        staged.persist()
    }

    #[test]
    fn a_file_is_in_place_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.sql");
        let staged = StagedFile::create(&path).unwrap();
        assert!(!path.exists());
        drop(staged);
        assert_eq!(entries(folder.path()), 0);
        stage_file(&path, "x").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn a_folder_replaces_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        drop(StagedFolder::create(&path).unwrap());
        assert_eq!(entries(folder.path()), 0);
        stage_folder(&path, "old").unwrap();
        stage_folder(&path, "new").unwrap();
        assert!(path.join("new").exists() && !path.join("old").exists());
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn files_and_folders_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        stage_file(&path, "file").unwrap();
        stage_folder(&path, "new").unwrap();
        assert!(path.join("new").exists());
        stage_file(&path, "file").unwrap();
        assert!(path.is_file());
        assert_eq!(entries(folder.path()), 1);
    }

    #[test]
    fn a_folder_above_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/out");
        for error in [stage_file(&path, "").unwrap_err(), stage_folder(&path, "").unwrap_err()] {
            assert_eq!(error.what(), "the folder of the target does not exist");
        }
        assert_eq!(stage_file(Path::new("/"), "").unwrap_err().what(), "the target has no name");
    }

    #[test]
    fn a_name_as_long_as_can_be_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        stage_file(&folder.path().join("é".repeat(127)), "x").unwrap();
        assert_eq!(entries(folder.path()), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_and_what_it_stands_for_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a/out"), folder.path().join("link"));
        fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        stage_folder(&link, "new").unwrap();
        assert!(link.is_symlink() && path.join("new").exists());
        assert_eq!((entries(folder.path()), entries(&folder.path().join("a"))), (2, 1));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_other_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        fs::create_dir(path("folder")).unwrap();
        stage_file(&path("staged file"), "").unwrap();
        stage_folder(&path("staged folder"), "x").unwrap();
        let mode = |name| fs::metadata(path(name)).unwrap().permissions().mode();
        assert_eq!(mode("staged file"), mode("file"));
        assert_eq!(mode("staged folder"), mode("folder"));
    }
}
