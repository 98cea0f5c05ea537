//! What a connection takes from around the process: environment variables, the home folder, the user.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Gives the value of an environment variable.
type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Environment variables and the home folder.
#[derive(Clone)]
pub struct Surroundings {
    variables: Variables,
    home: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Surroundings {
        Surroundings { variables: Arc::new(|name| std::env::var(name).ok()), home: std::env::home_dir() }
    }

    /// These variables, and this folder.
    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)], home: &Path) -> Surroundings {
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let find = move |name: &str| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        Surroundings { variables: Arc::new(find), home: Some(home.to_path_buf()) }
    }

    /// The environment variable `name`; `None` where it is not set.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }

    /// The user's home folder.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The name of the system's user.
    pub fn user(&self) -> Option<String> {
        user_of_process().or_else(|| self.variable("USER")).or_else(|| self.variable("LOGNAME"))
    }
}

/// The name that belongs to the number of the user that runs the process, where the system tells them by files.
#[cfg(unix)]
fn user_of_process() -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let number = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_string())
    };
    users.lines().find_map(name)
}

#[cfg(not(unix))]
fn user_of_process() -> Option<String> {
    None
}
