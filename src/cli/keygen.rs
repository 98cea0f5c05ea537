//! `mask keygen`: a new random key.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::print;
use crate::error::{Error, Result};
use crate::key::MasterKey;

#[derive(Args)]
pub struct KeygenOptions {
    /// Write the key to this new file, readable only by you, instead of to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Makes a key and writes it.
pub fn run(options: &KeygenOptions) -> Result<()> {
    let key = MasterKey::generate()?;
    let text = key.to_base64();
    match &options.out {
        None => print(&format!("{}\n", *text)),
        Some(path) => {
            write(path, &text)?;
            eprintln!("wrote key {} to {}", key.id(), path.display());
            Ok(())
        }
    }
}

/// Never overwrites: a lost key is a staging database that cannot be made again.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::usage("the key file is there already")
            .at(path.display())
            .hint("choose another name, or move it away"),
        _ => Error::write(&error).at(path.display()),
    })?;
    file.write_all(format!("{text}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::write(&error).at(path.display()))
}
