//! From an address to a session: which host, TLS or not, and who we are.

use std::io::{Read, Write};

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ScramSha256};
use zeroize::Zeroizing;

use super::conninfo::{ChannelBinding, Conninfo, Host, PasswordFile, SslMode};
use super::failure::{Failure, Result};
use super::tls;
use super::transport::{Socket, Transport};
use super::wire::{Fields, Message, Wire};

/// What is sent instead of a version to ask for TLS.
const SSL_REQUEST: i32 = 80_877_103;

/// What is sent instead of a version to cancel what a session does.
const CANCEL_REQUEST: i32 = 80_877_102;

/// Version 3.0 of the protocol.
const PROTOCOL_VERSION: i32 = 3 << 16;

/// What the server says of a session when it begins.
#[derive(Clone, Default)]
pub struct Session {
    /// The number of the server's process.
    pub process: i32,
    /// What allows to cancel.
    pub secret: i32,
    /// Reported settings, such as `server_version`.
    pub parameters: Vec<(String, String)>,
}

/// Whether TLS is used in an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    None,
    IfOffered,
    Always,
}

/// Connects to `host`, with TLS or without as `sslmode` says, and begins a session.
pub fn connect(conninfo: &Conninfo, host: &Host) -> Result<(Wire, Session, Encryption)> {
    let is_local = cfg!(unix) && host.socket().is_some();
    let attempts: &[Encryption] = match conninfo.ssl_mode() {
        _ if is_local => &[Encryption::None],
        SslMode::Disable => &[Encryption::None],
        SslMode::Allow => &[Encryption::None, Encryption::Always],
        SslMode::Prefer => &[Encryption::IfOffered, Encryption::None],
        _ => &[Encryption::Always],
    };
    let (first, others) = attempts.split_first().expect("there is an attempt for each mode");
    let mut attempt = attempt(conninfo, host, *first);
    for encryption in others {
        match &attempt {
            // As libpq: another attempt where the server may want it, or where TLS was not a must.
            Err(failure) if failure.sqlstate() == Some("28000") || is_of_tls(failure, *first) => {
                let again = self::attempt(conninfo, host, *encryption);
                // Where none succeeds, the first failure says more.
                if again.is_ok() {
                    attempt = again;
                }
            }
            _ => break,
        }
    }
    attempt.map_err(Failure::while_connecting)
}

fn is_of_tls(failure: &Failure, encryption: Encryption) -> bool {
    encryption == Encryption::IfOffered && failure.sqlstate().is_none()
}

fn attempt(conninfo: &Conninfo, host: &Host, encryption: Encryption) -> Result<(Wire, Session, Encryption)> {
    let (transport, encryption) = open(conninfo, host, encryption)?;
    let mut wire = Wire::new(transport);
    let session = begin(&mut wire, conninfo, host)?;
    wire.transport().socket().set_timeout(None).map_err(|error| Failure::lost(&error))?;
    Ok((wire, session, encryption))
}

/// A transport to `host`, and whether it has TLS.
fn open(conninfo: &Conninfo, host: &Host, encryption: Encryption) -> Result<(Transport, Encryption)> {
    let mut socket = Socket::connect(conninfo, host)?;
    socket.set_timeout(conninfo.connect_timeout()).map_err(|error| Failure::lost(&error))?;
    if encryption == Encryption::None {
        return Ok((Transport::Plain(socket), encryption));
    }
    if !conninfo.is_direct_tls() {
        let mut request = [0; 8];
        request[..4].copy_from_slice(&8_i32.to_be_bytes());
        request[4..].copy_from_slice(&SSL_REQUEST.to_be_bytes());
        let mut answer = [0];
        // The one byte of the answer is all that may come before the handshake.
        let asked = socket.write_all(&request).and_then(|()| socket.read_exact(&mut answer));
        asked.map_err(|error| Failure::lost(&error))?;
        match answer[0] {
            b'S' => {}
            b'N' if encryption == Encryption::IfOffered => {
                return Ok((Transport::Plain(socket), Encryption::None));
            }
            b'N' => {
                return Err(Failure::connect("the server does not offer TLS")
                    .hint("turn `ssl` on in the server, or say `sslmode=prefer`"));
            }
            b'E' => return Err(Failure::connect("the server refuses to answer a request for TLS")),
            _ => return Err(Failure::connect("there is no PostgreSQL at this port")),
        }
    }
    let session = tls::handshake(conninfo, host, socket)?;
    Ok((Transport::Tls(Box::new(session)), Encryption::Always))
}

/// Sends who we are, proves it, and reads up to where statements can be sent.
fn begin(wire: &mut Wire, conninfo: &Conninfo, host: &Host) -> Result<Session> {
    let options = conninfo.setting("options");
    let time_zone = conninfo.time_zone();
    let parameters = [
        ("user", Some(conninfo.user())),
        ("database", Some(conninfo.database())),
        ("application_name", Some(super::APPLICATION_NAME)),
        ("client_encoding", Some("UTF8")),
        ("options", options),
        ("TimeZone", time_zone.as_deref()),
    ];
    wire.put_first(|out| {
        out.extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
        for (name, value) in parameters {
            if let Some(value) = value {
                out.extend_from_slice(name.as_bytes());
                out.push(0);
                out.extend_from_slice(value.as_bytes());
                out.push(0);
            }
        }
        out.push(0);
    });
    wire.flush()?;
    authenticate(wire, conninfo, host)?;
    let mut session = Session::default();
    loop {
        let Message { kind, content } = wire.receive()?;
        let mut fields = Fields(content);
        match kind {
            b'S' => session.set_parameter(&mut fields)?,
            b'K' => (session.process, session.secret) = (fields.int32()?, fields.int32()?),
            b'Z' => return Ok(session),
            b'E' => return Err(server_failure(content)),
            b'N' | b'v' => {}
            _ => return Err(unexpected()),
        }
    }
}

impl Session {
    /// Takes what a ParameterStatus message says.
    pub fn set_parameter(&mut self, fields: &mut Fields<'_>) -> Result<()> {
        let mut text = || fields.string().map(|text| String::from_utf8_lossy(text).into_owned());
        let (name, value) = (text()?, text()?);
        match self.parameters.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.parameters.push((name, value)),
        }
        Ok(())
    }

    /// The reported setting `name`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A failure that the server reports.
pub fn server_failure(content: &[u8]) -> Failure {
    let mut fields = Fields(content);
    Failure::of_server(std::iter::from_fn(move || {
        let kind = fields.bytes(1).ok()?[0];
        let value = (kind != 0).then(|| fields.string().ok()).flatten()?;
        Some((kind, value))
    }))
}

pub fn unexpected() -> Failure {
    Failure::protocol("the server sends a message that does not belong here")
}

/// Answers what the server asks for until it lets us in.
fn authenticate(wire: &mut Wire, conninfo: &Conninfo, host: &Host) -> Result<()> {
    let allowed = Methods(conninfo.setting("require_auth"));
    let mut scram: Option<ScramSha256> = None;
    let must_bind = conninfo.channel_binding() == ChannelBinding::Require;
    let mut is_bound = false;
    let mut is_proven = false;
    let mut has_answered = false;
    loop {
        let Message { kind, content } = wire.receive()?;
        match kind {
            b'R' => {}
            b'E' => return Err(with_password_hint(server_failure(content), conninfo, host)),
            b'N' | b'v' => continue,
            _ => return Err(unexpected()),
        }
        let mut fields = Fields(content);
        let wanted = fields.int32()?;
        let rest = fields.0.to_vec();
        match wanted {
            0 => {
                if must_bind && !is_bound {
                    return Err(unbound());
                }
                if scram.is_some() && !is_proven {
                    return Err(unproven());
                }
                if !has_answered {
                    allowed.check("none")?;
                }
                return Ok(());
            }
            3 | 5 if must_bind => return Err(unbound()),
            3 => {
                allowed.check("password")?;
                let password = password(conninfo, host)?;
                send_password(wire, &password)?;
            }
            5 => {
                allowed.check("md5")?;
                let salt = fields.bytes(4)?;
                let salt = [salt[0], salt[1], salt[2], salt[3]];
                let password = password(conninfo, host)?;
                let answer = md5_hash(conninfo.user().as_bytes(), password.as_bytes(), salt);
                send_password(wire, &Zeroizing::new(answer))?;
            }
            10 => {
                allowed.check("scram-sha-256")?;
                let password = password(conninfo, host)?;
                let (mechanism, binding) = mechanism(wire.transport(), conninfo, &rest)?;
                is_bound = mechanism == sasl::SCRAM_SHA_256_PLUS;
                if must_bind && !is_bound {
                    return Err(unbound());
                }
                let exchange = scram.insert(ScramSha256::new(password.as_bytes(), binding));
                wire.put(b'p', |out| {
                    out.extend_from_slice(mechanism.as_bytes());
                    out.push(0);
                    out.extend_from_slice(&(exchange.message().len() as u32).to_be_bytes());
                    out.extend_from_slice(exchange.message());
                });
                wire.flush()?;
            }
            11 => {
                let exchange = scram.as_mut().ok_or_else(unexpected)?;
                exchange.update(&rest).map_err(|_| unproven())?;
                wire.put(b'p', |out| out.extend_from_slice(exchange.message()));
                wire.flush()?;
            }
            12 => {
                scram.as_mut().ok_or_else(unexpected)?.finish(&rest).map_err(|_| unproven())?;
                is_proven = true;
            }
            7..=9 => {
                return Err(Failure::connect("the server asks for GSSAPI or SSPI, which are not supported")
                    .hint("let the role in by a password or a certificate in pg_hba.conf"));
            }
            _ => return Err(Failure::connect("the server asks for a proof of an unknown kind")),
        }
        has_answered = true;
    }
}

fn unbound() -> Failure {
    Failure::connect("the server does not bind its proof to the TLS session")
        .hint("`channel_binding=require` needs TLS and a password stored for SCRAM")
}

fn unproven() -> Failure {
    Failure::connect("the server does not prove that it knows the password")
}

fn password(conninfo: &Conninfo, host: &Host) -> Result<Zeroizing<String>> {
    match conninfo.password(host) {
        PasswordFile::Password(password) => Ok(password),
        PasswordFile::Nothing => Err(Failure::connect("the server asks for a password, and there is none")
            .hint("put it into ~/.pgpass or the variable PGPASSWORD")),
        PasswordFile::Unsafe => {
            Err(Failure::connect("the password file is not used, since others than its owner may read it")
                .hint("`chmod 0600` it"))
        }
    }
}

fn with_password_hint(failure: Failure, conninfo: &Conninfo, host: &Host) -> Failure {
    let failure = failure.while_connecting();
    match failure.sqlstate() {
        Some("28P01") if matches!(conninfo.password(host), PasswordFile::Password(_)) => failure.hint(
            "check the user and the password; they come from the connection, the environment or ~/.pgpass",
        ),
        Some("28000") => failure.hint("check the user, and pg_hba.conf of the server"),
        Some("3D000") => failure.hint("check the name of the database"),
        Some("53300") => failure.hint("lower `--jobs`, or raise max_connections of the server"),
        _ => failure,
    }
}

fn send_password(wire: &mut Wire, password: &str) -> Result<()> {
    wire.put(b'p', |out| {
        out.extend_from_slice(password.as_bytes());
        out.push(0);
    });
    wire.flush()
}

/// Which of the mechanisms that the server offers is taken, and what it is bound to.
fn mechanism(
    transport: &Transport,
    conninfo: &Conninfo,
    offered: &[u8],
) -> Result<(&'static str, sasl::ChannelBinding)> {
    let offers = |mechanism: &str| offered.split(|&byte| byte == 0).any(|name| name == mechanism.as_bytes());
    let end_point = match transport {
        Transport::Tls(session) if conninfo.channel_binding() != ChannelBinding::Disable => {
            tls::end_point(session)
        }
        _ => None,
    };
    match end_point {
        Some(hash) if offers(sasl::SCRAM_SHA_256_PLUS) => {
            Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(hash)))
        }
        Some(_) if offers(sasl::SCRAM_SHA_256) => {
            Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested()))
        }
        None if offers(sasl::SCRAM_SHA_256) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
        _ => Err(Failure::connect("the server asks for a proof of an unknown kind")
            .hint("passwords are proven by SCRAM-SHA-256, MD5 or as they are")),
    }
}

/// The methods of `require_auth`: a list of those that may be used, or with `!` of those that may not.
struct Methods<'a>(Option<&'a str>);

impl Methods<'_> {
    fn check(&self, method: &str) -> Result<()> {
        let Some(list) = self.0 else { return Ok(()) };
        let mut names = list.split(',').map(str::trim);
        let is_negative = list.trim_start().starts_with('!');
        let is_listed = names.any(|name| name.trim_start_matches('!') == method);
        match is_listed != is_negative {
            true => Ok(()),
            false => Err(Failure::connect("the server asks for a proof that `require_auth` does not allow")),
        }
    }
}

/// Asks the server to cancel what the session of `process` does; no answer tells whether it did.
pub fn cancel(conninfo: &Conninfo, host: &Host, encryption: Encryption, session: &Session) -> Result<()> {
    let (transport, _) = open(conninfo, host, encryption)?;
    let mut wire = Wire::new(transport);
    wire.put_first(|out| {
        for number in [CANCEL_REQUEST, session.process, session.secret] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    });
    wire.flush()?;
    // The server closes the connection when it has acted.
    let _ = wire.receive();
    Ok(())
}
