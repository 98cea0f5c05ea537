//! TLS by rustls: which certificates are trusted for each `sslmode`, the client's own, and what SCRAM is bound to.
//!
//! As with libpq, `require` trusts every certificate unless there is a root certificate, then it is `verify-ca`. Unlike
//! libpq, a certificate's common name is no host name, only its subject alternative names are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore};
use rustls::{SignatureScheme, StreamOwned};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::conninfo::{Conninfo, Host, SslMode};
use super::failure::{Failure, Result};
use super::transport::{Socket, TlsSession};

/// The name of the protocol in the TLS handshake, needed where TLS starts at once.
const PROTOCOL: &[u8] = b"postgresql";

/// Shakes hands over `socket`.
pub fn handshake(conninfo: &Conninfo, host: &Host, socket: Socket) -> Result<TlsSession> {
    let mut config = config(conninfo)?;
    if conninfo.is_direct_tls() {
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
    }
    config.enable_sni = conninfo.setting("sslsni") != Some("0");
    let name = ServerName::try_from(host.name.clone())
        .or_else(|_| ServerName::try_from("localhost"))
        .map_err(|_| Failure::connect("the host has no name that a certificate can be for"))?;
    let refused = || Failure::connect("TLS cannot be set up").hint("check `sslmode` and the certificates");
    let connection = ClientConnection::new(Arc::new(config), name).map_err(|_| refused())?;
    let mut session = StreamOwned::new(connection, socket);
    while session.conn.is_handshaking() {
        if let Err(error) = session.conn.complete_io(&mut session.sock) {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            return Err(inner.map_or_else(|| Failure::lost(&error).while_connecting(), failure));
        }
    }
    if conninfo.is_direct_tls() && session.conn.alpn_protocol() != Some(PROTOCOL) {
        return Err(Failure::connect("the server does not take TLS at once")
            .hint("leave `sslnegotiation=direct` out; servers before PostgreSQL 17 ask for that"));
    }
    Ok(session)
}

fn failure(error: &rustls::Error) -> Failure {
    let certificate = |what: &str, hint: &str| {
        Failure::connect(format!("the server's certificate is not accepted: {what}")).hint(hint)
    };
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                certificate(
                    "it is not for this host",
                    "connect by the name that is in its subject alternative names, or say `sslmode=verify-ca`",
                )
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                certificate("it has expired", "renew it")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                certificate("it is not valid yet", "check the clocks")
            }
            CertificateError::UnknownIssuer => certificate(
                "it comes from no known authority",
                "name the authority's certificate with `sslrootcert`",
            ),
            CertificateError::Revoked => certificate("it was revoked", "renew it"),
            _ => certificate("it cannot be verified", "check the server's certificate and `sslrootcert`"),
        },
        rustls::Error::AlertReceived(_) => {
            Failure::connect("the server ended the TLS handshake").hint("check `sslcert` and `sslkey`")
        }
        _ => Failure::connect("the TLS handshake failed"),
    }
}

fn config(conninfo: &Conninfo) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| Failure::connect("TLS cannot be set up"))?;
    let verifier = verifier(conninfo, provider)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    match client_files(conninfo)? {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let wrong = |path: &Path, hint: &str| {
                Failure::connect("the client's certificate or key cannot be used")
                    .at(path.display())
                    .hint(hint.to_string())
            };
            let chain = certificates(&certificate)?;
            let secret = PrivateKeyDer::from_pem_file(&key)
                .map_err(|_| wrong(&key, "a key must be PEM and without a password"))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|_| wrong(&certificate, "the certificate and the key must belong together"))
        }
    }
}

/// The client's certificate and key, where both are there.
fn client_files(conninfo: &Conninfo) -> Result<Option<(PathBuf, PathBuf)>> {
    let file = |name: &str, default: &str| {
        let named = conninfo.setting(name).map(PathBuf::from);
        named.or_else(|| conninfo.default_file(default).filter(|path| path.exists()))
    };
    let Some(certificate) = file("sslcert", "postgresql.crt") else { return Ok(None) };
    let Some(key) = file("sslkey", "postgresql.key") else {
        return Err(Failure::connect("there is a client's certificate without its key")
            .at(certificate.display())
            .hint("name the key with `sslkey`"));
    };
    // As libpq: a certificate that is named but not there is none.
    Ok(certificate.exists().then_some((certificate, key)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = || {
        Failure::connect("a file of certificates cannot be read")
            .at(path.display())
            .hint("it must be PEM: `-----BEGIN CERTIFICATE-----`")
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|_| wrong())?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|_| wrong())?;
    if certificates.is_empty() { Err(wrong()) } else { Ok(certificates) }
}

fn verifier(conninfo: &Conninfo, provider: Arc<CryptoProvider>) -> Result<Verifier> {
    let mode = conninfo.ssl_mode();
    let roots = match conninfo.setting("sslrootcert") {
        Some("system") => rustls_native_certs::load_native_certs().certs,
        Some(path) => certificates(Path::new(path))?,
        None => match conninfo.default_file("root.crt").filter(|path| path.exists()) {
            Some(path) => certificates(&path)?,
            None if mode >= SslMode::VerifyCa => {
                return Err(Failure::connect("no root certificate is named")
                    .hint("name it with `sslrootcert=FILE` or `sslrootcert=system`, or put it at ~/.postgresql/root.crt"));
            }
            None => return Ok(Verifier { provider, roots: None }),
        },
    };
    if mode < SslMode::Require {
        return Ok(Verifier { provider, roots: None });
    }
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|_| Failure::connect("no certificate of `sslrootcert` can be used"))?;
    let trusted = Trusted { chain, roots, checks_name: mode == SslMode::VerifyFull };
    Ok(Verifier { provider, roots: Some(trusted) })
}

/// Verifies a server's certificate as far as `sslmode` asks for.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` to accept every certificate.
    roots: Option<Trusted>,
}

#[derive(Debug)]
struct Trusted {
    chain: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError as Wrong;
        let Some(trusted) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let verified = trusted.chain.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                Wrong::NotValidForName | Wrong::NotValidForNameContext { .. },
            )) if !trusted.checks_name => Ok(ServerCertVerified::assertion()),
            // A certificate that signs itself is trusted where it is itself among the roots.
            Err(rustls::Error::InvalidCertificate(Wrong::Other(_) | Wrong::UnknownIssuer))
                if trusted.roots.contains(certificate) =>
            {
                if trusted.checks_name {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What SCRAM binds to: the hash of the server's certificate, by the hash of its signature but SHA-256 at least
/// (`tls-server-end-point`, RFC 5929, section 4). `None` where the signature has no single hash.
pub fn end_point(session: &TlsSession) -> Option<Vec<u8>> {
    let certificate = session.conn.peer_certificates()?.first()?;
    match signature_algorithm(certificate)? {
        SHA256_RSA | SHA256_ECDSA | SHA1_RSA | MD5_RSA | SHA1_ECDSA => {
            Some(Sha256::digest(certificate).to_vec())
        }
        SHA384_RSA | SHA384_ECDSA => Some(Sha384::digest(certificate).to_vec()),
        SHA512_RSA | SHA512_ECDSA => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

const MD5_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];
const SHA1_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
const SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const SHA384_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const SHA512_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
const SHA1_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const SHA256_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SHA384_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const SHA512_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

/// The object identifier of a certificate's `signatureAlgorithm` (RFC 5280, section 4.1), in DER.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, after_content) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after_content, SEQUENCE)?;
    element(algorithm, OBJECT_IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of the DER element of `tag` at the beginning of `bytes`, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first().filter(|(first, _)| **first == tag)?;
    debug_assert_eq!(first, tag);
    let (&length, rest) = rest.split_first()?;
    if length < 0x80 {
        return rest.split_at_checked(length.into());
    }
    let (digits, rest) =
        rest.split_at_checked(usize::from(length & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
    let length = digits.iter().fold(0_usize, |length, &digit| length << 8 | usize::from(digit));
    rest.split_at_checked(length)
}
