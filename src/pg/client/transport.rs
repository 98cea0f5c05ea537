//! The bytes of a connection: a socket, or TLS over one.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::conninfo::{Conninfo, Host};
use super::failure::{Failure, Result};
use crate::error::io_reason;

/// A TCP connection or one to a local socket.
pub enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Connects to `host`: to its socket, or to the first of its addresses that answers.
    pub fn connect(conninfo: &Conninfo, host: &Host) -> Result<Socket> {
        let refused = |error: &io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    "is the server running, and is this its host and port?"
                }
                _ => "check the host, the port and the network",
            };
            Failure::connect(io_reason(error)).hint(hint)
        };
        #[cfg(unix)]
        if let Some(path) = host.socket() {
            return UnixStream::connect(path).map(Socket::Unix).map_err(|error| refused(&error));
        }
        let name = host.address.as_deref().unwrap_or(&host.name);
        let addresses = (name, host.port).to_socket_addrs().map_err(|_| {
            Failure::connect("the name of the host cannot be resolved").hint("check the host's name")
        })?;
        let mut last = Failure::connect("the host has no address");
        for address in addresses {
            let stream = match conninfo.connect_timeout() {
                Some(timeout) => TcpStream::connect_timeout(&address, timeout),
                None => TcpStream::connect(address),
            };
            match stream.and_then(|stream| with_options(stream, conninfo)) {
                Ok(stream) => return Ok(Socket::Tcp(stream)),
                Err(error) => last = refused(&error),
            }
        }
        Err(last)
    }

    /// The address of the other side; `None` for a local socket.
    pub fn peer(&self) -> Option<String> {
        match self {
            Socket::Tcp(stream) => stream.peer_addr().ok().map(|address| address.ip().to_string()),
            #[cfg(unix)]
            Socket::Unix(_) => None,
        }
    }

    /// Limits how long a read or a write may wait.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => {
                stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout))
            }
            #[cfg(unix)]
            Socket::Unix(stream) => {
                stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout))
            }
        }
    }

    /// Makes reads and writes return at once where they would wait.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_nonblocking(nonblocking),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.set_nonblocking(nonblocking),
        }
    }
}

/// Small messages go out at once, and a peer that is gone is noticed: libpq's `keepalives` settings.
fn with_options(stream: TcpStream, conninfo: &Conninfo) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let number = |name: &str| conninfo.setting(name).and_then(|value| value.trim().parse::<u32>().ok());
    let seconds = |name: &str| {
        number(name).filter(|&seconds| seconds > 0).map(|seconds| Duration::from_secs(seconds.into()))
    };
    if number("keepalives") != Some(0) {
        let mut keepalive = TcpKeepalive::new();
        if let Some(idle) = seconds("keepalives_idle") {
            keepalive = keepalive.with_time(idle);
        }
        if let Some(interval) = seconds("keepalives_interval") {
            keepalive = keepalive.with_interval(interval);
        }
        #[cfg(target_os = "linux")]
        if let Some(count) = number("keepalives_count").filter(|&count| count > 0) {
            keepalive = keepalive.with_retries(count);
        }
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(milliseconds) = number("tcp_user_timeout").filter(|&milliseconds| milliseconds > 0) {
        let timeout = Duration::from_millis(milliseconds.into());
        SockRef::from(&stream).set_tcp_user_timeout(Some(timeout))?;
    }
    Ok(stream)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A TLS session over a socket.
pub type TlsSession = rustls::StreamOwned<rustls::ClientConnection, Socket>;

/// What the messages of the protocol go through.
pub enum Transport {
    Plain(Socket),
    Tls(Box<TlsSession>),
}

impl Transport {
    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Transport::Plain(socket) => socket,
            Transport::Tls(session) => session.get_ref(),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.read(buffer),
            Transport::Tls(session) => session.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(socket) => socket.write(bytes),
            Transport::Tls(session) => session.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(socket) => socket.flush(),
            Transport::Tls(session) => session.flush(),
        }
    }
}
