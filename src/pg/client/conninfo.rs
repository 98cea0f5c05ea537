//! How a connection is asked for: libpq's URIs and keyword strings, completed as libpq completes them.
//!
//! What is written wins over the service file, that over the environment variables, those over the defaults; a
//! password that is still missing is looked up in the password file when a host is known. Neither `Display` nor
//! `Debug` shows a password.

mod keywords;
mod passfile;
mod service;
mod surroundings;
mod uri;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::nearest::{did_you_mean, nearest};
use keywords::{KEYWORDS, Keyword, Support};
pub use passfile::Found as PasswordFile;
use surroundings::Surroundings;

/// The port where none is named.
const DEFAULT_PORT: u16 = 5432;

/// Where servers put their sockets: Debian's folder, and PostgreSQL's own default.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// libpq waits two seconds at least.
const MIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of a connection to be made.
#[derive(Clone)]
pub struct Conninfo {
    settings: Settings,
    hosts: Vec<Host>,
    surroundings: Surroundings,
}

/// Keywords with their values; a password among them.
type Settings = BTreeMap<&'static str, Zeroizing<String>>;

/// One of the servers to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, address, or the folder of its socket.
    pub name: String,
    /// The address to connect to, where the name is not to be looked up.
    pub address: Option<String>,
    /// Its port.
    pub port: u16,
}

impl Host {
    /// The socket, where the host is a folder.
    pub fn socket(&self) -> Option<PathBuf> {
        let is_socket = self.address.is_none() && (self.name.starts_with('/') || self.name.starts_with('@'));
        is_socket.then(|| Path::new(&self.name).join(format!(".s.PGSQL.{}", self.port)))
    }
}

/// How much TLS is asked for: `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// None.
    Disable,
    /// Only where the server insists.
    Allow,
    /// Where the server has it.
    Prefer,
    /// Always.
    Require,
    /// Always, and the certificate must come from a known authority.
    VerifyCa,
    /// Always, and the certificate must be that of the host.
    VerifyFull,
}

/// What SCRAM ties to the TLS session: `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Nothing.
    Disable,
    /// The certificate, where both sides can.
    Prefer,
    /// The certificate, or no connection.
    Require,
}

/// Which server of several will do: `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAttributes {
    /// Every one.
    Any,
    /// One that takes writes.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is no standby.
    Primary,
    /// One that is.
    Standby,
    /// A standby where there is one.
    PreferStandby,
}

impl Conninfo {
    /// Whether `text` is written as a connection: a URI, or a keyword string.
    ///
    /// A string counts from its first keyword on, even a misspelt one, so that the mistake is told and not taken for a
    /// file's name.
    pub fn recognises(text: &str) -> bool {
        let known = || KEYWORDS.iter().map(|keyword| keyword.name);
        uri::is_uri(text)
            || text.split_once('=').is_some_and(|(name, _)| {
                let name = name.trim();
                let is_word =
                    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                is_word && (known().any(|keyword| keyword == name) || nearest(name, known()).is_some())
            })
    }

    /// Reads `text`, and completes it from the service file, the environment and the defaults, as libpq does.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) for what cannot be read, is not known or is not supported.
    pub fn parse(text: &str) -> Result<Conninfo> {
        Conninfo::parse_in(text, Surroundings::of_process())
    }

    fn parse_in(text: &str, surroundings: Surroundings) -> Result<Conninfo> {
        let pairs = if uri::is_uri(text) { uri::parse(text)? } else { keywords::parse(text)? };
        let mut settings = Settings::new();
        for (name, value) in pairs {
            settings.insert(keyword(&name)?.name, value);
        }
        service::complete(&mut settings, &surroundings)?;
        for Keyword { name, variable, .. } in KEYWORDS {
            if let Some(value) = variable.and_then(|variable| surroundings.variable(variable)) {
                settings.entry(name).or_insert_with(|| Zeroizing::new(value));
            }
        }
        refuse_unsupported(&settings)?;
        let hosts = hosts(&settings)?;
        let mut conninfo = Conninfo { settings, hosts, surroundings };
        conninfo.complete_names()?;
        conninfo.check()?;
        Ok(conninfo)
    }

    /// The user is that of the system, the database that of the user, where they are not named.
    fn complete_names(&mut self) -> Result<()> {
        if self.setting("user").is_none() {
            let user = self.surroundings.user().ok_or_else(|| {
                Error::usage("the user of the connection is not known").hint("name it with `user=…`")
            })?;
            self.settings.insert("user", Zeroizing::new(user));
        }
        if self.setting("dbname").is_none() {
            self.settings.insert("dbname", Zeroizing::new(self.user().to_string()));
        }
        Ok(())
    }

    /// Reads every setting that is a choice once, so that a mistake is told before anything is connected to.
    fn check(&self) -> Result<()> {
        choice::<SslMode>(self, "sslmode", SSL_MODES)?;
        choice(self, "channel_binding", CHANNEL_BINDINGS)?;
        choice(self, "target_session_attrs", SESSION_ATTRIBUTES)?;
        choice(self, "sslnegotiation", NEGOTIATIONS)?;
        choice(self, "load_balance_hosts", BALANCINGS)?;
        if let Some(seconds) = self.setting("connect_timeout") {
            seconds
                .trim()
                .parse::<i32>()
                .map_err(|_| unreadable("connect_timeout", "a number of seconds"))?;
        }
        if self.setting("sslrootcert") == Some("system") && self.ssl_mode() != SslMode::VerifyFull {
            return Err(Error::usage("`sslrootcert=system` needs `sslmode=verify-full`"));
        }
        if self.is_direct_tls() && self.ssl_mode() < SslMode::Require {
            return Err(Error::usage("`sslnegotiation=direct` needs `sslmode=require` or more"));
        }
        Ok(())
    }

    /// The value of a keyword of libpq; `None` where it has none or an empty one. No password comes out here.
    pub fn setting(&self, name: &str) -> Option<&str> {
        if name == "password" {
            return None;
        }
        self.settings.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The servers to be tried, in their order; one at least.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The role to connect as.
    pub fn user(&self) -> &str {
        self.setting("user").unwrap_or_default()
    }

    /// The database.
    pub fn database(&self) -> &str {
        self.setting("dbname").unwrap_or_default()
    }

    /// The same connection to another database.
    pub fn with_database(&self, name: &str) -> Conninfo {
        let mut other = self.clone();
        other.settings.insert("dbname", Zeroizing::new(name.to_string()));
        other
    }

    /// The same connection to one of its hosts alone, whatever the state of that server.
    pub fn with_host(&self, host: &Host) -> Conninfo {
        let mut other = self.clone();
        other.hosts = vec![host.clone()];
        other.settings.remove("target_session_attrs");
        other
    }

    /// How much TLS is asked for; `prefer` where nothing is said.
    pub fn ssl_mode(&self) -> SslMode {
        let default = match self.setting("sslrootcert") {
            Some("system") => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        choice(self, "sslmode", SSL_MODES).ok().flatten().unwrap_or(default)
    }

    /// Whether TLS starts at once, without asking for it first.
    pub fn is_direct_tls(&self) -> bool {
        choice(self, "sslnegotiation", NEGOTIATIONS).ok().flatten().unwrap_or(false)
    }

    /// Whether the hosts are to be tried in a random order.
    pub fn is_load_balanced(&self) -> bool {
        choice(self, "load_balance_hosts", BALANCINGS).ok().flatten().unwrap_or(false)
    }

    /// What SCRAM ties to the TLS session.
    pub fn channel_binding(&self) -> ChannelBinding {
        let choice = choice(self, "channel_binding", CHANNEL_BINDINGS);
        choice.ok().flatten().unwrap_or(ChannelBinding::Prefer)
    }

    /// Which server of several will do.
    pub fn session_attributes(&self) -> SessionAttributes {
        let choice = choice(self, "target_session_attrs", SESSION_ATTRIBUTES);
        choice.ok().flatten().unwrap_or(SessionAttributes::Any)
    }

    /// How long an attempt may take; `None` for as long as it takes.
    pub fn connect_timeout(&self) -> Option<Duration> {
        let seconds: u64 = self.setting("connect_timeout")?.trim().parse().ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds).max(MIN_TIMEOUT))
    }

    /// The zone in which the session tells times, where the variable `PGTZ` sets one.
    pub fn time_zone(&self) -> Option<String> {
        self.surroundings.variable("PGTZ").filter(|zone| !zone.is_empty())
    }

    /// A file of `~/.postgresql`, libpq's folder for certificates and keys.
    pub fn default_file(&self, name: &str) -> Option<PathBuf> {
        Some(self.surroundings.home()?.join(".postgresql").join(name))
    }

    /// The password for `host`, from wherever libpq takes it.
    pub fn password(&self, host: &Host) -> PasswordFile {
        match self.settings.get("password").filter(|password| !password.is_empty()) {
            Some(password) => PasswordFile::Password(password.clone()),
            None => passfile::look_up(self, host, &self.surroundings),
        }
    }

    /// What PostgreSQL's own programs need in their environment to make this connection, to the first host: the
    /// variables to be set. Others whose names begin with `PG` are to be removed.
    ///
    /// A password is among the values.
    pub fn environment(&self) -> Vec<(&'static str, Zeroizing<String>)> {
        let host = &self.hosts[0];
        let plain = |text: &str| Zeroizing::new(text.to_string());
        let of_hosts = ["host", "hostaddr", "port", "password"];
        let mut variables = vec![("PGHOST", plain(&host.name)), ("PGPORT", plain(&host.port.to_string()))];
        variables.extend(host.address.as_deref().map(|address| ("PGHOSTADDR", plain(address))));
        variables.extend(self.time_zone().map(|zone| ("PGTZ", Zeroizing::new(zone))));
        if let PasswordFile::Password(password) = self.password(host) {
            variables.push(("PGPASSWORD", password));
        }
        for Keyword { name, variable, support } in KEYWORDS {
            let is_wanted =
                !of_hosts.contains(name) && !matches!(support, Support::Lookup | Support::Ignored);
            if let (true, Some(variable), Some(value)) = (is_wanted, variable, self.setting(name)) {
                variables.push((variable, plain(value)));
            }
        }
        variables
    }
}

/// The connection without its password: a URI.
impl fmt::Display for Conninfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = |host: &Host| match host.port {
            DEFAULT_PORT => String::new(),
            port => format!(":{port}"),
        };
        let host = |host: &Host| format!("{}{}", uri::encode_host(&host.name), port(host));
        let hosts: Vec<String> = self.hosts.iter().map(host).collect();
        let (user, database) = (uri::encode(self.user()), uri::encode(self.database()));
        write!(out, "postgres://{user}@{}/{database}", hosts.join(","))
    }
}

impl fmt::Debug for Conninfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn keyword(name: &str) -> Result<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name).ok_or_else(|| {
        let names: Vec<&str> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        // A string that was misread may hold a password where a keyword is thought to be.
        match nearest(name, names.iter().copied()) {
            Some(near) => Error::usage(format!("the connection has an unknown keyword; it is near `{near}`"))
                .hint(did_you_mean(name, names).unwrap_or_default()),
            None => Error::usage("the connection has an unknown keyword")
                .hint("the keywords are those of libpq, such as `host`, `port`, `dbname`, `user`, `sslmode`"),
        }
    })
}

fn refuse_unsupported(settings: &Settings) -> Result<()> {
    let is_set = |name: &str| settings.get(name).is_some_and(|value| !value.is_empty());
    for Keyword { name, support, .. } in KEYWORDS {
        let harmless = match support {
            Support::Refused(harmless) => harmless,
            _ => continue,
        };
        if is_set(name) && !harmless.contains(&settings[name].as_str()) {
            return Err(Error::usage(format!("the setting `{name}` of the connection is not supported"))
                .hint("leave it out, also as an environment variable and in the service file"));
        }
    }
    Ok(())
}

/// The hosts with their addresses and ports, which are lists of equal lengths.
fn hosts(settings: &Settings) -> Result<Vec<Host>> {
    let list = |name: &str| -> Vec<String> {
        let value = settings.get(name).map(|value| value.as_str()).unwrap_or_default();
        if value.is_empty() {
            Vec::new()
        } else {
            value.split(',').map(|item| item.trim().to_string()).collect()
        }
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = names.len().max(addresses.len()).max(1);
    let fits = |items: &[String]| items.is_empty() || items.len() == count;
    if !fits(&names) || !fits(&addresses) || !(fits(&ports) || ports.len() == 1) {
        return Err(Error::usage("the connection has not as many ports or addresses as hosts"));
    }
    let port = |index: usize| match ports.get(if ports.len() == 1 { 0 } else { index }).map(String::as_str) {
        None | Some("") => Ok(DEFAULT_PORT),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(unreadable("port", "a number from 1 to 65535")),
        },
    };
    let host = |index: usize| {
        let port = port(index)?;
        let item = |items: &[String]| items.get(index).filter(|item| !item.is_empty()).cloned();
        let address = item(&addresses);
        let name = item(&names).or_else(|| address.clone()).unwrap_or_else(|| default_host(port));
        Ok(Host { name, address, port })
    };
    (0..count).map(host).collect()
}

/// The folder that has a socket for `port`.
fn default_host(port: u16) -> String {
    if cfg!(not(unix)) {
        return "localhost".to_string();
    }
    let has_socket = |folder: &&&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    SOCKET_FOLDERS.iter().find(has_socket).unwrap_or(&SOCKET_FOLDERS[0]).to_string()
}

const SSL_MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const CHANNEL_BINDINGS: &[(&str, ChannelBinding)] = &[
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];

const SESSION_ATTRIBUTES: &[(&str, SessionAttributes)] = &[
    ("any", SessionAttributes::Any),
    ("read-write", SessionAttributes::ReadWrite),
    ("read-only", SessionAttributes::ReadOnly),
    ("primary", SessionAttributes::Primary),
    ("standby", SessionAttributes::Standby),
    ("prefer-standby", SessionAttributes::PreferStandby),
];

const NEGOTIATIONS: &[(&str, bool)] = &[("postgres", false), ("direct", true)];

const BALANCINGS: &[(&str, bool)] = &[("disable", false), ("random", true)];

/// The value of `name` as one of `choices`.
fn choice<T: Copy>(conninfo: &Conninfo, name: &'static str, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(value) = conninfo.setting(name) else { return Ok(None) };
    match choices.iter().find(|(written, _)| *written == value) {
        Some((_, choice)) => Ok(Some(*choice)),
        None => {
            let names: Vec<&str> = choices.iter().map(|(written, _)| *written).collect();
            Err(unreadable(name, &format!("one of {}", names.join(", "))))
        }
    }
}

fn unreadable(name: &str, form: &str) -> Error {
    Error::usage(format!("the setting `{name}` of the connection must be {form}"))
}

#[cfg(test)]
mod tests;
