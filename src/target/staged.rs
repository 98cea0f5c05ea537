//! Files and folders that are written under a temporary name beside the target and renamed when they are whole.
//!
//! A target that bears its name is complete; what a run leaves behind when it is killed bears `.NAME.mask-…` instead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::{Error, Result};

/// A file that is not in place yet. Removed on drop.
pub struct StagedFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl StagedFile {
    /// A new file beside `path`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the folder does not exist or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file = builder(path, |builder| builder.tempfile_in(parent(path)))?;
        Ok(StagedFile { file, path: path.to_path_buf() })
    }

    /// The file, to be written.
    pub fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Puts the file in place, instead of one that may be there.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be written out or renamed.
    pub fn persist(self) -> Result<()> {
        let written = self.file.as_file().sync_all();
        written.map_err(|error| Error::write(&error).at(self.path.display()))?;
        allow_reading(self.file.path());
        self.file.persist(&self.path).map_err(|error| Error::write(&error.error).at(self.path.display()))?;
        Ok(())
    }
}

/// A folder that is not in place yet. Removed on drop; once it is renamed, its temporary name has nothing to remove.
pub struct StagedFolder {
    folder: TempDir,
    path: PathBuf,
}

impl StagedFolder {
    /// A new folder beside `path`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the folder above does not exist or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let folder = builder(path, |builder| builder.tempdir_in(parent(path)))?;
        Ok(StagedFolder { folder, path: path.to_path_buf() })
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the folder in place, instead of one that may be there.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if it cannot be renamed; then the old one is in its place again.
    pub fn persist(self) -> Result<()> {
        let fault = |error: std::io::Error| Error::write(&error).at(self.path.display());
        allow_reading(self.folder.path());
        if !self.path.exists() {
            return fs::rename(self.folder.path(), &self.path).map_err(fault);
        }
        let old = builder(&self.path, |builder| builder.tempdir_in(parent(&self.path)))?;
        let aside = old.path().join("old");
        fs::rename(&self.path, &aside).map_err(fault)?;
        if let Err(error) = fs::rename(self.folder.path(), &self.path) {
            let _ = fs::rename(&aside, &self.path);
            return Err(fault(error));
        }
        old.close().map_err(|error| Error::write(&error))
    }
}

fn builder<T>(path: &Path, make: impl FnOnce(&mut Builder<'_, '_>) -> std::io::Result<T>) -> Result<T> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = format!(".{name}.mask-");
    make(Builder::new().prefix(&prefix).suffix(".tmp")).map_err(|error| {
        let error = if error.kind() == std::io::ErrorKind::NotFound {
            Error::staging("the folder of the target does not exist").hint("make the folder first")
        } else {
            Error::write(&error)
        };
        error.at(path.display())
    })
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
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
    let is_folder = path.is_dir();
    let mode = if is_folder { mode | ((mode & 0o444) >> 2) } else { mode };
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn allow_reading(_path: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_in_place_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.sql");
        let mut staged = StagedFile::create(&path).unwrap();
        staged.as_file_mut().write_all(b"x").unwrap();
        assert!(!path.exists());
        staged.persist().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
        drop(StagedFile::create(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_replaces_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        for content in ["old", "new"] {
            let staged = StagedFolder::create(&path).unwrap();
            fs::write(staged.path().join(content), content).unwrap();
            staged.persist().unwrap();
        }
        assert!(path.join("new").exists() && !path.join("old").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
