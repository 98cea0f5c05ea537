//! The run's secret key, the keys derived from it, and the keyed function that all masking rests on.
//!
//! Every domain (values that must mask alike) has its own key, HKDF-SHA-256 of the run's key under the domain's name,
//! so that values of two domains are unrelated. Reading the key from a file or the environment is left to `cli`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::prf::Prf;

/// The least number of bytes that a key may have.
pub const MIN_KEY_BYTES: usize = 32;

/// The secret key of a run: 32 bytes or more. Never printed, zeroed on drop.
pub struct MasterKey(Zeroizing<Vec<u8>>);

impl MasterKey {
    /// Takes the key's bytes.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there are fewer than [`MIN_KEY_BYTES`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let key = MasterKey(Zeroizing::new(bytes));
        if key.0.len() < MIN_KEY_BYTES {
            return Err(Error::usage(format!(
                "the key has {} bytes, fewer than {MIN_KEY_BYTES}",
                key.0.len()
            ))
            .hint("make one with `mask keygen --out FILE`"));
        }
        Ok(key)
    }

    /// Reads a key as `mask keygen` writes it: base64 (RFC 4648, with padding), white space around it ignored.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if it is not base64 or too short; the text is not repeated.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| {
            Error::usage("the key is not base64").hint("make one with `mask keygen --out FILE`")
        })?;
        MasterKey::from_bytes(bytes)
    }

    /// A new random key, from the operating system's generator.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if the system has no random numbers to give.
    pub fn generate() -> Result<Self> {
        let mut bytes = vec![0; MIN_KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Error::usage("the system gives no random numbers"))?;
        MasterKey::from_bytes(bytes)
    }

    /// The key in base64, for `mask keygen` to write.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&*self.0))
    }

    /// Eight hex digits that tell two keys apart and say nothing else of them: a prefix of a derived key's hash.
    pub fn id(&self) -> String {
        let hash = Sha256::digest(self.derive("id"));
        hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key of the domain `name`.
    pub fn domain(&self, name: &str) -> DomainKey {
        DomainKey::new(self.derive(&format!("domain/{name}")))
    }

    /// The key under which rows of the entity `entity` are sampled: unrelated to every domain's, so that whether a row is
    /// in a subset says nothing of its masked values.
    pub fn subset(&self, entity: &str) -> DomainKey {
        DomainKey::new(self.derive(&format!("subset/v1/{entity}")))
    }

    /// The key of the fingerprints by which keys of rows are compared; they are in memory only.
    pub fn fingerprints(&self) -> DomainKey {
        DomainKey::new(self.derive("fingerprints"))
    }

    /// HKDF-SHA-256 (RFC 5869) of this key, without salt, under `pgmask/v1/` and `label`.
    fn derive(&self, label: &str) -> [u8; 32] {
        let mut subkey = [0; 32];
        Hkdf::<Sha256>::new(None, &self.0)
            .expand(format!("pgmask/v1/{label}").as_bytes(), &mut subkey)
            .expect("32 bytes are within HKDF's bound");
        subkey
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("MasterKey(…)")
    }
}

/// The key of one domain, and its pseudo-random function. Never printed.
#[derive(Clone)]
pub struct DomainKey {
    prf: Prf,
    bytes: Zeroizing<[u8; 32]>,
}

impl DomainKey {
    fn new(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        DomainKey { prf: Prf::new(&expand(&bytes, "prf")), bytes }
    }

    /// 32 bytes that nobody without the key can tell from random ones, the same for the same `input`; see `Prf`.
    #[inline]
    pub fn prf(&self, input: &[u8]) -> [u8; 32] {
        self.prf.of(input)
    }

    /// A further 32-byte key for the use `label`, such as the AES key of a cipher.
    pub fn subkey(&self, label: &str) -> Zeroizing<[u8; 32]> {
        expand(&self.bytes, label)
    }
}

/// HKDF-Expand (RFC 5869, section 2.3) of a domain's key.
fn expand(key: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    let mut subkey = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::from_prk(key)
        .expect("a domain key is as long as the hash")
        .expand(label.as_bytes(), &mut *subkey)
        .expect("32 bytes are within HKDF's bound");
    subkey
}

impl fmt::Debug for DomainKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DomainKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_and_keys_are_unrelated() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let other = MasterKey::from_bytes(vec![1; 32]).unwrap();
        let input = b"ana";
        assert_eq!(key.domain("email").prf(input), key.domain("email").prf(input));
        assert_ne!(key.domain("email").prf(input), key.domain("phone").prf(input));
        assert_ne!(key.domain("email").prf(input), other.domain("email").prf(input));
        assert_ne!(key.id(), other.id());
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = MasterKey::generate().unwrap();
        let again = MasterKey::from_base64(&format!(" {}\n", *key.to_base64())).unwrap();
        assert_eq!(key.id(), again.id());
    }

    #[test]
    fn a_bad_key_is_refused_without_repeating_it() {
        let error = MasterKey::from_base64("c2VjcmV0").unwrap_err();
        assert_eq!(error.what(), "the key has 6 bytes, fewer than 32");
        assert!(!MasterKey::from_base64("s3cr3t!").unwrap_err().to_string().contains("s3cr3t"));
        assert_eq!(format!("{:?}", MasterKey::generate().unwrap()), "MasterKey(…)");
    }
}
