//! `[guards] never_write`: hosts that are never written to, whatever a command line says.

use std::net::{IpAddr, ToSocketAddrs};

use crate::error::{Error, Result};
use crate::pg::client::conninfo::Host;
use crate::rules::glob;

/// Refuses a target one of whose hosts is meant by one of `never_write`: by its name, by its address, or by another
/// name of the same address.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if so.
pub fn refuse(hosts: &[Host], never_write: &[String]) -> Result<()> {
    if never_write.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> =
        hosts.iter().flat_map(|host| [Some(host.name.as_str()), host.address.as_deref()]).flatten().collect();
    let addresses: Vec<IpAddr> = named.iter().flat_map(|name| addresses(name)).collect();
    for pattern in never_write {
        let by_name = named.iter().any(|name| matches(pattern, name));
        let by_address = || addresses.iter().any(|address| matches(pattern, &address.to_string()));
        let is_name = !pattern.contains(['*', '?']);
        let by_other_name =
            || is_name && self::addresses(pattern).iter().any(|other| addresses.contains(other));
        if by_name || by_address() || by_other_name() {
            return Err(Error::usage("the target's host is one that is never written to")
                .at(format!("`{pattern}` of `[guards] never_write`"))
                .hint("name another target; the list is in the settings file"));
        }
    }
    Ok(())
}

/// Host names do not tell capitals from others, and may end in a dot.
fn matches(pattern: &str, host: &str) -> bool {
    let plain = |name: &str| name.trim_end_matches('.').to_lowercase();
    glob(&plain(pattern), &plain(host))
}

/// The addresses of a host; none for a socket, or where the name is not known.
fn addresses(host: &str) -> Vec<IpAddr> {
    if host.starts_with('/') || host.starts_with('@') {
        return Vec::new();
    }
    (host, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, never_write: &str) -> bool {
        let host = Host { name: host.into(), address: None, port: 5432 };
        refuse(&[host], &[never_write.to_string()]).is_err()
    }

    #[test]
    fn a_host_is_refused_by_name_whatever_its_case() {
        assert!(refused("db1.PROD.example", "*prod*"));
        assert!(refused("db1.example.", "db?.example"));
        assert!(!refused("/var/run/postgresql", "*prod*"));
    }

    #[test]
    fn a_host_is_refused_by_its_address_and_by_another_name_of_it() {
        assert!(refused("localhost", "127.*") || refused("localhost", "::1"));
        assert!(refused("127.0.0.1", "localhost"));
        assert!(!refused("127.0.0.1", "192.0.2.*"));
    }

    #[test]
    fn one_host_of_several_is_enough() {
        let host = |name: &str| Host { name: name.into(), address: None, port: 5432 };
        assert!(refuse(&[host("/tmp"), host("prod-2")], &["prod-*".into()]).is_err());
    }
}
