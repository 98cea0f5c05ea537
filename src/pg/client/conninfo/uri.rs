//! Connection URIs: `postgres://user:password@host1:5432,host2/database?sslmode=require`.

use zeroize::Zeroizing;

use super::keywords::Pairs;
use crate::error::{Error, Result};

/// What a URI begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Whether `text` begins as a URI.
pub fn is_uri(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// Reads a URI into keywords and values.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if it is not one; nothing of it is quoted.
pub fn parse(text: &str) -> Result<Pairs> {
    let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let (rest, query) = split(rest, '?');
    let mut pairs = Pairs::new();
    // The first `/` after the user's part ends the hosts; a `/` in a password must be encoded.
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let hosts = match authority.rsplit_once('@') {
        Some((user, hosts)) => {
            let (user, password) = split(user, ':');
            push(&mut pairs, "user", user)?;
            push(&mut pairs, "password", password)?;
            hosts
        }
        None => authority,
    };
    push_hosts(&mut pairs, hosts)?;
    push(&mut pairs, "dbname", path.strip_prefix('/').unwrap_or_default())?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(Error::usage("the URI has a parameter without `=`"));
        };
        let (name, value) = (decode(name)?, decode(value)?);
        match (name.as_str(), value.as_str()) {
            ("ssl", "true") => pairs.push(("sslmode".into(), Zeroizing::new("require".into()))),
            _ => pairs.push((name.to_string(), value)),
        }
    }
    Ok(pairs)
}

fn split(text: &str, separator: char) -> (&str, &str) {
    text.split_once(separator).unwrap_or((text, ""))
}

fn push(pairs: &mut Pairs, name: &str, value: &str) -> Result<()> {
    if !value.is_empty() {
        pairs.push((name.to_string(), decode(value)?));
    }
    Ok(())
}

/// Hosts with their ports, separated by commas; an IPv6 address stands in brackets.
fn push_hosts(pairs: &mut Pairs, text: &str) -> Result<()> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for item in text.split(',') {
        let (host, port) = match item.strip_prefix('[') {
            Some(inner) => {
                let Some((host, after)) = inner.split_once(']') else {
                    return Err(Error::usage("the URI has an IPv6 address without `]`"));
                };
                if !after.is_empty() && !after.starts_with(':') {
                    return Err(Error::usage("the URI has text after an IPv6 address"));
                }
                (host, after.trim_start_matches(':'))
            }
            None => split(item, ':'),
        };
        hosts.push(decode(host)?.to_string());
        ports.push(decode(port)?.to_string());
    }
    for (name, items) in [("host", hosts), ("port", ports)] {
        if items.iter().any(|item| !item.is_empty()) {
            pairs.push((name.to_string(), Zeroizing::new(items.join(","))));
        }
    }
    Ok(())
}

/// Takes percent-encoding back.
fn decode(text: &str) -> Result<Zeroizing<String>> {
    let wrong = || {
        Error::usage("the URI has a `%` that is not followed by two hexadecimal digits of UTF-8")
            .hint("write a percent sign as `%25`")
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(0) | None => return Err(wrong()),
            Some(decoded) => bytes.push(decoded),
        }
        rest = &after[2..];
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| wrong())
}

/// `text` as it stands in a URI.
pub fn encode(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A host as it stands in a URI.
pub fn encode_host(host: &str) -> String {
    if host.contains(':') && !host.starts_with('/') { format!("[{host}]") } else { encode(host) }
}
