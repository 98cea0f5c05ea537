//! The password file: `~/.pgpass`, a line `host:port:database:user:password` a connection.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::surroundings::Surroundings;
use super::{Conninfo, Host, SOCKET_FOLDERS};

/// What was found of a password.
#[derive(Clone)]
pub enum Found {
    /// The password.
    Password(Zeroizing<String>),
    /// None.
    Nothing,
    /// There is a password file, which is not used since others may read it.
    Unsafe,
}

/// The password of the first line that fits `host` and the database and the user of `conninfo`.
pub fn look_up(conninfo: &Conninfo, host: &Host, surroundings: &Surroundings) -> Found {
    let named = conninfo.setting("passfile").map(PathBuf::from);
    let path = named.or_else(|| Some(surroundings.home()?.join(".pgpass")));
    let Some(path) = path.filter(|path| path.is_file()) else { return Found::Nothing };
    if !is_private(&path) {
        return Found::Unsafe;
    }
    let Ok(text) = std::fs::read_to_string(&path).map(Zeroizing::new) else { return Found::Nothing };
    let is_default_socket = SOCKET_FOLDERS.contains(&host.name.as_str());
    let name = if is_default_socket { "localhost" } else { &host.name };
    let port = host.port.to_string();
    let wanted = [name, &port, conninfo.database(), conninfo.user()];
    text.lines().find_map(|line| password(line, &wanted)).map_or(Found::Nothing, Found::Password)
}

/// The password of `line`, if its first fields are `wanted` or `*`.
fn password(line: &str, wanted: &[&str; 4]) -> Option<Zeroizing<String>> {
    let mut rest = line.trim_end_matches('\r');
    if rest.starts_with('#') {
        return None;
    }
    for wanted in wanted {
        let (written, field, after) = field(rest)?;
        if written != "*" && field.as_str() != *wanted {
            return None;
        }
        rest = after;
    }
    // The password ends at a colon as the other fields do.
    let password = field(rest).map_or_else(|| unescaped(rest), |(_, password, _)| password);
    (!password.is_empty()).then_some(password)
}

/// The field before the next colon, as written and without escapes, and what follows the colon.
fn field(text: &str) -> Option<(&str, Zeroizing<String>, &str)> {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b':' if !is_escaped => {
                return Some((&text[..index], unescaped(&text[..index]), &text[index + 1..]));
            }
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

fn unescaped(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}

/// Whether only the owner may read the file.
#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_path: &Path) -> bool {
    true
}
