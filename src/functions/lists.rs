//! The files that rules name for functions, such as the list of a `lookup`: part of what a run is made from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The files that were read, by their paths.
#[derive(Default)]
pub struct Lists(RefCell<BTreeMap<PathBuf, Vec<u8>>>);

impl Lists {
    /// The content of a file, which is read once.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut lists = self.0.borrow_mut();
        if !lists.contains_key(path) {
            lists.insert(path.to_path_buf(), std::fs::read(path)?);
        }
        Ok(lists[path].clone())
    }

    /// Gives `take` the content of each file, in the order of their paths.
    pub fn each(&self, take: impl FnMut(&[u8])) {
        self.0.borrow().values().map(Vec::as_slice).for_each(take);
    }
}
