//! The service file: settings of connections under a name, chosen by `service` or the variable `PGSERVICE`.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::surroundings::Surroundings;
use super::{Settings, keyword};
use crate::error::{Error, Result};

/// The folders of the file for all users, where `PGSYSCONFDIR` names none: Debian's, and one of others.
const FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc"];

/// Adds what the service file says of the service that `settings` or the environment name, if any.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if the service is not there or its settings cannot be read.
pub fn complete(settings: &mut Settings, surroundings: &Surroundings) -> Result<()> {
    let named = |name: &str, variable: &str| {
        let written = settings.get(name).map(|value| value.to_string());
        written.or_else(|| surroundings.variable(variable)).filter(|value| !value.is_empty())
    };
    let Some(service) = named("service", "PGSERVICE") else { return Ok(()) };
    let own = named("servicefile", "PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| Some(surroundings.home()?.join(".pg_service.conf")));
    let folders = match surroundings.variable("PGSYSCONFDIR") {
        Some(folder) => vec![folder],
        None => FOLDERS.map(String::from).to_vec(),
    };
    let shared = folders.iter().map(|folder| PathBuf::from(folder).join("pg_service.conf"));
    for file in own.into_iter().chain(shared) {
        let Ok(text) = std::fs::read_to_string(&file).map(Zeroizing::new) else { continue };
        let found = section(&text, &service).map_err(|error| error.at(file.display()))?;
        if let Some(found) = found {
            for (name, value) in found {
                settings.entry(name).or_insert(value);
            }
            return Ok(());
        }
    }
    Err(Error::usage("the service of the connection is in no service file").hint(
        "it is looked for in PGSERVICEFILE or ~/.pg_service.conf, then in pg_service.conf of PGSYSCONFDIR",
    ))
}

/// Keywords and values.
type Section = Vec<(&'static str, Zeroizing<String>)>;

/// The settings under `[service]`; `None` where there is no such section.
fn section(text: &str, service: &str) -> Result<Option<Section>> {
    let mut found = None;
    let mut is_inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let wrong = |what: &str| Error::usage(what).at(format!("line {}", index + 1));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if is_inside {
                break;
            }
            is_inside = header.strip_suffix(']') == Some(service);
            if is_inside {
                found = Some(Section::new());
            }
            continue;
        }
        let Some(found) = found.as_mut().filter(|_| is_inside) else { continue };
        if line.starts_with("ldap") {
            return Err(wrong("a service that is looked up by LDAP is not supported"));
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(wrong("a line of the service file has no `=`"));
        };
        if matches!(name, "service" | "servicefile") {
            return Err(wrong("a service cannot name another one"));
        }
        let keyword = keyword(name).map_err(|error| error.at(format!("line {}", index + 1)))?;
        found.push((keyword.name, Zeroizing::new(value.to_string())));
    }
    Ok(found)
}
