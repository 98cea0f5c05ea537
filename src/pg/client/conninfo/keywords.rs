//! The keywords of libpq, and strings of them: `host=db1 dbname='my base'`.

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A keyword of libpq (PostgreSQL 18, "Parameter Key Words").
pub struct Keyword {
    /// The keyword.
    pub name: &'static str,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// What is done with it.
    pub support: Support,
}

/// What is done with a keyword.
#[derive(PartialEq, Eq)]
pub enum Support {
    /// It counts.
    Used,
    /// It counts while the settings are put together, and is of no use after that.
    Lookup,
    /// Nothing depends on it here.
    Ignored,
    /// It would have to count but cannot, unless it has one of these values.
    Refused(&'static [&'static str]),
}

use Support::{Ignored, Lookup, Refused, Used};

const fn keyword(name: &'static str, variable: &'static str, support: Support) -> Keyword {
    Keyword { name, variable: if variable.is_empty() { None } else { Some(variable) }, support }
}

/// Every keyword.
pub static KEYWORDS: &[Keyword] = &[
    keyword("service", "PGSERVICE", Lookup),
    keyword("servicefile", "PGSERVICEFILE", Lookup),
    keyword("user", "PGUSER", Used),
    keyword("password", "PGPASSWORD", Used),
    keyword("passfile", "PGPASSFILE", Lookup),
    keyword("dbname", "PGDATABASE", Used),
    keyword("host", "PGHOST", Used),
    keyword("hostaddr", "PGHOSTADDR", Used),
    keyword("port", "PGPORT", Used),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT", Used),
    keyword("options", "PGOPTIONS", Used),
    keyword("sslmode", "PGSSLMODE", Used),
    keyword("sslnegotiation", "PGSSLNEGOTIATION", Used),
    keyword("sslcert", "PGSSLCERT", Used),
    keyword("sslkey", "PGSSLKEY", Used),
    keyword("sslrootcert", "PGSSLROOTCERT", Used),
    keyword("sslsni", "PGSSLSNI", Used),
    keyword("channel_binding", "PGCHANNELBINDING", Used),
    keyword("require_auth", "PGREQUIREAUTH", Used),
    keyword("target_session_attrs", "PGTARGETSESSIONATTRS", Used),
    keyword("load_balance_hosts", "PGLOADBALANCEHOSTS", Used),
    keyword("keepalives", "", Used),
    keyword("keepalives_idle", "", Used),
    keyword("keepalives_interval", "", Used),
    keyword("keepalives_count", "", Used),
    keyword("tcp_user_timeout", "", Used),
    keyword("client_encoding", "PGCLIENTENCODING", Ignored),
    keyword("application_name", "PGAPPNAME", Ignored),
    keyword("fallback_application_name", "", Ignored),
    keyword("sslcompression", "PGSSLCOMPRESSION", Ignored),
    keyword("sslkeylogfile", "", Ignored),
    keyword("krbsrvname", "PGKRBSRVNAME", Ignored),
    keyword("gsslib", "PGGSSLIB", Ignored),
    keyword("gssdelegation", "PGGSSDELEGATION", Ignored),
    keyword("max_protocol_version", "PGMAXPROTOCOLVERSION", Ignored),
    keyword("gssencmode", "PGGSSENCMODE", Refused(&["disable", "prefer"])),
    keyword("sslcertmode", "PGSSLCERTMODE", Refused(&["allow"])),
    keyword("sslcrl", "PGSSLCRL", Refused(&[])),
    keyword("sslcrldir", "PGSSLCRLDIR", Refused(&[])),
    keyword("sslpassword", "", Refused(&[])),
    keyword("requirepeer", "PGREQUIREPEER", Refused(&[])),
    keyword("min_protocol_version", "PGMINPROTOCOLVERSION", Refused(&["3.0"])),
    keyword("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Refused(&["TLSv1", "TLSv1.1", "TLSv1.2"])),
    keyword("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Refused(&["TLSv1.3"])),
    keyword("replication", "", Refused(&["false", "off", "no", "0"])),
    keyword("scram_client_key", "", Refused(&[])),
    keyword("scram_server_key", "", Refused(&[])),
    keyword("oauth_issuer", "", Refused(&[])),
    keyword("oauth_client_id", "", Refused(&[])),
    keyword("oauth_client_secret", "", Refused(&[])),
    keyword("oauth_scope", "", Refused(&[])),
];

/// Keywords and values as they are written.
pub type Pairs = Vec<(String, Zeroizing<String>)>;

/// Reads a keyword string: a value is quoted by `'`, and `\` takes the next character as it is.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if it is not one; nothing of it is quoted.
pub fn parse(text: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(after) = after.trim_start().strip_prefix('=').filter(|_| !name.is_empty()) else {
            return Err(Error::usage("the connection has a keyword without `=`")
                .hint("write `keyword=value`, and a value with blanks as 'value'"));
        };
        let (value, after) = value(after.trim_start())?;
        pairs.push((name.to_string(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The value at the beginning of `text`, and what follows it.
fn value(text: &str) -> Result<(Zeroizing<String>, &str)> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let (is_quoted, text) = match text.strip_prefix('\'') {
        Some(after) => (true, after),
        None => (false, text),
    };
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if is_quoted => return Ok((value, &text[index + 1..])),
            blank if !is_quoted && blank.is_whitespace() => return Ok((value, &text[index..])),
            other => value.push(other),
        }
    }
    match is_quoted {
        true => Err(Error::usage("the connection has a quoted value without its end")),
        false => Ok((value, "")),
    }
}
