//! How a password's hash was made and is written: read from one, followed for another.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// All of a hash but the salt and the digest. Its costs are those of the hash it was read from, or the greatest that are
/// followed, if those are less.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// What is written before: a framework's name for the algorithm.
    prefix: &'static str,
    form: Form,
    algorithm: Kind,
    /// Bytes of the salt, or characters where it is text.
    salt_len: usize,
    digest_len: usize,
}

/// How the parts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// `$2b$12$` and the salt and digest in bcrypt's own alphabet.
    Bcrypt,
    /// `$argon2id$v=19$m=65536,t=3,p=4$salt$digest`, in base64 without padding (the PHC string format).
    Phc,
    /// `pbkdf2_sha256$600000$salt$digest`: the salt is text, the digest base64 (Django).
    Django,
    /// `$pbkdf2-sha256$29000$salt$digest`: base64 without padding, `.` for `+` (passlib).
    Passlib,
    /// `pbkdf2:sha256:600000$salt$digest`: the salt is text, the digest hex (Werkzeug).
    Werkzeug,
    /// One base64 of a byte 1, algorithm, iterations, length of the salt, salt and digest (ASP.NET Core Identity).
    AspNet,
}

/// A password-hashing function and its costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Bcrypt { version: char, cost: u32 },
    Argon2 { name: &'static str, version: u32, memory_kib: u32, passes: u32, lanes: u32 },
    Pbkdf2 { digest: Digest, iterations: u32 },
    Scrypt { log_n: u8, r: u32, p: u32 },
}

/// What PBKDF2 is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

// The greatest costs that are followed: a quarter of a second or 64 MiB, as much as most logins take.
const MAX_BCRYPT: u32 = 12;
const MAX_ARGON2_KIB: u32 = 65_536;
const MAX_ARGON2_PASSES: u32 = 4;
const MAX_ARGON2_LANES: u32 = 8;
const MAX_ITERATIONS: u32 = 1_000_000;
const MAX_SCRYPT_LOG_N: u8 = 15;
const MAX_SCRYPT_R: u32 = 16;
const MAX_SCRYPT_P: u32 = 4;

/// The longest salt and digest that are followed.
const MAX_BYTES: usize = 128;

impl Recipe {
    /// How `hash` was made; `None` if it is not a hash of a known kind.
    pub fn of(hash: &str) -> Option<Self> {
        for (prefix, rest_begins) in
            [("{bcrypt}", "$2"), ("{argon2}", "$argon2"), ("bcrypt$", "$2"), ("argon2", "$argon2")]
        {
            if let Some(rest) = hash.strip_prefix(prefix).filter(|rest| rest.starts_with(rest_begins)) {
                return Recipe::of(rest).map(|recipe| Recipe { prefix, ..recipe });
            }
        }
        let recipe = if hash.starts_with("$2") {
            of_bcrypt(hash)
        } else if hash.starts_with("$argon2") {
            of_argon2(hash)
        } else if hash.starts_with("$pbkdf2") {
            of_passlib(hash)
        } else if hash.starts_with("pbkdf2_") {
            of_django(hash)
        } else if hash.starts_with("pbkdf2:") || hash.starts_with("scrypt:") {
            of_werkzeug(hash)
        } else {
            of_asp_net(hash)
        };
        recipe.filter(|recipe| {
            (1..=MAX_BYTES).contains(&recipe.salt_len) && (4..=MAX_BYTES).contains(&recipe.digest_len)
        })
    }

    /// The hash of `password` with a salt made of `seed`; `None` if the costs are none that the algorithm has.
    pub fn hash(&self, password: &[u8], seed: &[u8; 32]) -> Option<String> {
        let salt: Vec<u8> = match self.form {
            Form::Django | Form::Werkzeug => {
                const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
                seed.iter().cycle().take(self.salt_len).map(|byte| LETTERS[usize::from(byte % 32)]).collect()
            }
            _ => seed.iter().copied().cycle().take(self.salt_len).collect(),
        };
        let mut digest = vec![0; self.digest_len];
        match self.algorithm {
            Kind::Bcrypt { version, cost } => {
                let salt = salt.try_into().ok()?;
                let parts = bcrypt::hash_with_salt(password, cost, salt).ok()?;
                // The versions differ in faults of old implementations, none of which a password of ASCII meets.
                let text = parts.format_for_version(bcrypt::Version::TwoB);
                return Some(format!("{}$2{version}{}", self.prefix, &text[3..]));
            }
            Kind::Argon2 { name, version, memory_kib, passes, lanes } => {
                let algorithm = Algorithm::new(name).ok()?;
                let version = Version::try_from(version).ok()?;
                let params = Params::new(memory_kib, passes, lanes, Some(self.digest_len)).ok()?;
                Argon2::new(algorithm, version, params)
                    .hash_password_into(password, &salt, &mut digest)
                    .ok()?;
            }
            Kind::Pbkdf2 { digest: of, iterations } => {
                let function = match of {
                    Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>,
                    Digest::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>,
                    Digest::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>,
                };
                function(password, &salt, iterations, &mut digest);
            }
            Kind::Scrypt { log_n, r, p } => {
                scrypt::scrypt(password, &salt, &scrypt::Params::new(log_n, r, p).ok()?, &mut digest).ok()?;
            }
        }
        Some(self.written(&salt, &digest))
    }

    fn written(&self, salt: &[u8], digest: &[u8]) -> String {
        let plain = STANDARD_NO_PAD;
        let text = String::from_utf8_lossy(salt);
        match self.form {
            Form::Bcrypt => String::new(),
            Form::Phc => format!("{self}${}${}", plain.encode(salt), plain.encode(digest)),
            Form::Passlib => {
                format!("{self}${}${}", plain.encode(salt), plain.encode(digest)).replace('+', ".")
            }
            Form::Django => format!("{self}${text}${}", STANDARD.encode(digest)),
            Form::Werkzeug => {
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("{self}${text}${hex}")
            }
            Form::AspNet => {
                let Kind::Pbkdf2 { digest: of, iterations } = self.algorithm else { return String::new() };
                let mut bytes = vec![1];
                for number in [of.number_in_asp_net(), iterations, salt.len() as u32] {
                    bytes.extend(number.to_be_bytes());
                }
                bytes.extend(salt);
                bytes.extend(digest);
                STANDARD.encode(bytes)
            }
        }
    }
}

/// What stands before the salt.
impl fmt::Display for Recipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.prefix)?;
        match (self.algorithm, self.form) {
            (Kind::Bcrypt { version, cost }, _) => write!(out, "$2{version}${cost:02}"),
            (Kind::Argon2 { name, version, memory_kib, passes, lanes }, _) => {
                let version = if version == 16 { String::new() } else { format!("v={version}$") };
                write!(out, "${name}${version}m={memory_kib},t={passes},p={lanes}")
            }
            (Kind::Pbkdf2 { digest, iterations }, Form::Django) => {
                write!(out, "pbkdf2_{digest}${iterations}")
            }
            (Kind::Pbkdf2 { digest, iterations }, Form::Passlib) => match digest {
                Digest::Sha1 => write!(out, "$pbkdf2${iterations}"),
                digest => write!(out, "$pbkdf2-{digest}${iterations}"),
            },
            (Kind::Pbkdf2 { digest, iterations }, Form::Phc) => {
                write!(out, "$pbkdf2-{digest}$i={iterations},l={}", self.digest_len)
            }
            (Kind::Pbkdf2 { digest, iterations }, _) => write!(out, "pbkdf2:{digest}:{iterations}"),
            (Kind::Scrypt { log_n, r, p }, _) => write!(out, "scrypt:{}:{r}:{p}", 1u64 << log_n),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Digest::Sha1 => "sha1",
            Digest::Sha256 => "sha256",
            Digest::Sha512 => "sha512",
        })
    }
}

impl Digest {
    fn named(name: &str) -> Option<Self> {
        [Digest::Sha1, Digest::Sha256, Digest::Sha512].into_iter().find(|digest| digest.to_string() == name)
    }

    /// The number of the `KeyDerivationPrf`.
    fn number_in_asp_net(self) -> u32 {
        match self {
            Digest::Sha1 => 0,
            Digest::Sha256 => 1,
            Digest::Sha512 => 2,
        }
    }
}

fn of_bcrypt(hash: &str) -> Option<Recipe> {
    let bytes = hash.as_bytes();
    let is_rest = |byte: &u8| byte.is_ascii_alphanumeric() || b"./".contains(byte);
    let valid = bytes.len() == 60 && bytes[3] == b'$' && bytes[6] == b'$' && bytes[7..].iter().all(is_rest);
    let version = char::from(*bytes.get(2)?);
    let cost: u32 = number(hash.get(4..6).filter(|_| valid)?)?;
    let is_known = matches!(version, 'a' | 'b' | 'x' | 'y') && (4..=31).contains(&cost);
    let algorithm = Kind::Bcrypt { version, cost: cost.min(MAX_BCRYPT) };
    is_known.then_some(Recipe { prefix: "", form: Form::Bcrypt, algorithm, salt_len: 16, digest_len: 23 })
}

fn of_argon2(hash: &str) -> Option<Recipe> {
    let mut parts = hash.strip_prefix('$')?.split('$').peekable();
    let name = parts.next()?;
    let name = ["argon2d", "argon2i", "argon2id"].into_iter().find(|known| *known == name)?;
    let version = parts.next_if(|part| part.starts_with("v="));
    let version = version.map_or(Some(16), |part| number(&part[2..]))?;
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| number(costs.next()?.strip_prefix(name)?);
    let (memory, passes, lanes): (u32, u32, u32) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let lanes = lanes.clamp(1, MAX_ARGON2_LANES);
    let algorithm = Kind::Argon2 {
        name,
        version,
        memory_kib: memory.clamp(8 * lanes, MAX_ARGON2_KIB),
        passes: passes.clamp(1, MAX_ARGON2_PASSES),
        lanes,
    };
    let (salt, digest) = (parts.next()?, parts.next()?);
    let lens = (decoded_len(salt)?.max(8), decoded_len(digest)?);
    let is_whole = parts.next().is_none() && costs.next().is_none() && matches!(version, 16 | 19);
    is_whole.then_some(Recipe {
        prefix: "",
        form: Form::Phc,
        algorithm,
        salt_len: lens.0,
        digest_len: lens.1,
    })
}

/// passlib's form, and that of the PHC string format, which has names before the numbers.
fn of_passlib(hash: &str) -> Option<Recipe> {
    let [name, iterations, salt, digest] = parts(hash.strip_prefix('$')?, '$')?;
    let of = match name.strip_prefix("pbkdf2")? {
        "" => Digest::Sha1,
        name => Digest::named(name.strip_prefix('-')?)?,
    };
    let (form, iterations) = match iterations.strip_prefix("i=") {
        Some(rest) => (Form::Phc, rest.split(',').next()?),
        None => (Form::Passlib, iterations),
    };
    let algorithm = Kind::Pbkdf2 { digest: of, iterations: iterations_of(iterations)? };
    Some(Recipe {
        prefix: "",
        form,
        algorithm,
        salt_len: decoded_len(salt)?,
        digest_len: decoded_len(digest)?,
    })
}

fn of_django(hash: &str) -> Option<Recipe> {
    let [name, iterations, salt, digest] = parts(hash, '$')?;
    let of = Digest::named(name.strip_prefix("pbkdf2_")?)?;
    let algorithm = Kind::Pbkdf2 { digest: of, iterations: iterations_of(iterations)? };
    let digest_len = STANDARD.decode(digest).ok()?.len();
    Some(Recipe { prefix: "", form: Form::Django, algorithm, salt_len: salt.len(), digest_len })
}

fn of_werkzeug(hash: &str) -> Option<Recipe> {
    let [method, salt, digest] = parts(hash, '$')?;
    let algorithm = match method.split(':').collect::<Vec<_>>()[..] {
        ["pbkdf2", name, iterations] => {
            Kind::Pbkdf2 { digest: Digest::named(name)?, iterations: iterations_of(iterations)? }
        }
        ["scrypt", n, r, p] => {
            let (n, r, p): (u32, u32, u32) = (number(n)?, number(r)?, number(p)?);
            let log_n = n.is_power_of_two().then(|| n.ilog2() as u8)?;
            Kind::Scrypt {
                log_n: log_n.clamp(1, MAX_SCRYPT_LOG_N),
                r: r.clamp(1, MAX_SCRYPT_R),
                p: p.clamp(1, MAX_SCRYPT_P),
            }
        }
        _ => return None,
    };
    let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && digest.len().is_multiple_of(2);
    let (salt_len, digest_len) = (salt.len(), digest.len() / 2);
    is_hex.then_some(Recipe { prefix: "", form: Form::Werkzeug, algorithm, salt_len, digest_len })
}

fn of_asp_net(hash: &str) -> Option<Recipe> {
    let bytes = STANDARD.decode(hash).ok().filter(|bytes| bytes.first() == Some(&1))?;
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let of = match number(1)? {
        0 => Digest::Sha1,
        1 => Digest::Sha256,
        2 => Digest::Sha512,
        _ => return None,
    };
    let (iterations, salt_len) = (number(5)?, number(9)? as usize);
    let algorithm = Kind::Pbkdf2 { digest: of, iterations: iterations.clamp(1, MAX_ITERATIONS) };
    let digest_len = (bytes.len() - 13).checked_sub(salt_len)?;
    (digest_len >= 16).then_some(Recipe { prefix: "", form: Form::AspNet, algorithm, salt_len, digest_len })
}

/// As many parts as are asked for, no more and no fewer.
fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

fn iterations_of(digits: &str) -> Option<u32> {
    number::<u32>(digits)
        .filter(|iterations| *iterations > 0)
        .map(|iterations| iterations.min(MAX_ITERATIONS))
}

/// How many bytes base64 without padding has, `.` for `+` or not.
fn decoded_len(text: &str) -> Option<usize> {
    STANDARD_NO_PAD.decode(text.replace('.', "+")).ok().map(|bytes| bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that a hash with these salt and digest would be written as `hash`, which another implementation made.
    #[track_caller]
    fn is_made(hash: &str, password: &str, salt: &[u8]) {
        let recipe = Recipe::of(hash).expect("it is known");
        let mut digest = vec![0; recipe.digest_len];
        match recipe.algorithm {
            Kind::Pbkdf2 { digest: Digest::Sha256, iterations } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, &mut digest);
            }
            Kind::Pbkdf2 { digest: Digest::Sha512, iterations } => {
                pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, &mut digest);
            }
            Kind::Pbkdf2 { digest: Digest::Sha1, iterations } => {
                pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, iterations, &mut digest);
            }
            Kind::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).unwrap();
                scrypt::scrypt(password.as_bytes(), salt, &params, &mut digest).unwrap();
            }
            _ => panic!("not checked so"),
        }
        assert_eq!(recipe.written(salt, &digest), hash);
    }

    #[test]
    fn hashes_of_other_implementations_are_made_again() {
        // Made by Python's hashlib, written as each framework documents.
        is_made(
            "pbkdf2_sha256$1000$seasalt$R1/GfWtwog1T8Ev9VndgDjzkiRzbFr8JpmJtL9cMmQU=",
            "letmein",
            b"seasalt",
        );
        is_made("pbkdf2_sha1$1000$seasalt$FR1Hz/2XTwvhcvkmbwDDrzMsEnQ=", "letmein", b"seasalt");
        is_made(
            "$pbkdf2-sha512$1000$8PHy8/T19vf4.fr7/P3./w$QR4nq9/a/7SXe/e11guk.ildyK7vFBAUdcqRUBxI8xvqh5fwAUsNHv9uE/bD593pSvYM02YI26dYZxIeDsOR4Q",
            "letmein",
            &(240..=255).collect::<Vec<u8>>(),
        );
        is_made(
            "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$NH4flvY2XpzjW38HcLbuyPXdCSM",
            "letmein",
            &(0..16).collect::<Vec<u8>>(),
        );
        is_made(
            "pbkdf2:sha256:1000$Y0uRsAlT$6868783dd6a5464bbdf0bc10bf3460940e3d17028f20891e90cf5abd73fe720c",
            "letmein",
            b"Y0uRsAlT",
        );
        is_made(
            "scrypt:1024:8:1$Y0uRsAlT$26c87115b57d7ae14878dafecc1115bb529d4554a4215a47f9b31258260230bb916344bf8e4434e804b2ed67d861934790c99a46465461bde35a848d8cee7bf9",
            "letmein",
            b"Y0uRsAlT",
        );
        is_made(
            "AQAAAAEAAAPoAAAAEAABAgMEBQYHCAkKCwwNDg8KxXvCzupBNriAuUHxZxDelxXHWfNq93XBZD7EYZng7A==",
            "letmein",
            &(0..16).collect::<Vec<u8>>(),
        );
    }

    #[test]
    fn a_hash_is_of_the_form_it_was_read_from() {
        for hash in [
            "$2y$05$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
            "bcrypt$$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
            "{bcrypt}$2a$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "argon2$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$pbkdf2-sha256$i=1000,l=32$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ] {
            let recipe = Recipe::of(hash).expect(hash);
            let made = recipe.hash(b"staging", &[7; 32]).expect(hash);
            assert_ne!(made, hash);
            assert_eq!(made.len(), hash.len(), "{made}");
            assert_eq!(Recipe::of(&made), Some(recipe.clone()), "{made}");
            assert!(made.starts_with(&recipe.to_string()));
        }
    }

    #[test]
    fn argon2_gives_the_example_of_the_reference_implementation() {
        let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let recipe = Recipe::of(hash).unwrap();
        let mut digest = [0; 32];
        let params = Params::new(256, 2, 1, Some(32)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(b"password", b"somesalt", &mut digest).unwrap();
        assert_eq!(recipe.written(b"somesalt", &digest), hash);
    }

    #[test]
    fn costs_are_bounded() {
        let costs = |hash: &str| Recipe::of(hash).unwrap().to_string();
        assert_eq!(costs("$2b$31$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK"), "$2b$12");
        let argon2 = "$argon2id$v=19$m=4000000000,t=4000000000,p=4000000000$c29tZXNhbHQ$CTFhFdXPJO1a";
        assert_eq!(costs(argon2), "$argon2id$v=19$m=65536,t=4,p=8");
        assert_eq!(costs("scrypt:1073741824:64:64$salt$aabbccdd"), "scrypt:32768:16:4");
        assert_eq!(costs("pbkdf2_sha256$4000000000$salt$CTFhFdXPJO1a"), "pbkdf2_sha256$1000000");
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for hash in [
            "",
            "$2",
            "$2b$04$short",
            "$2z$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
            "$argon2id$v=19$m=64,t=2$c29tZXNhbHQ$CTFh",
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
            "pbkdf2_md5$1$salt$CTFhFdXPJO1a",
            "pbkdf2_sha256$0$salt$CTFhFdXPJO1a",
            "pbkdf2_sha256$1$$CTFhFdXPJO1a",
            "scrypt:3:8:1$salt$aabbccdd",
            "AQ==",
            "bcrypt$bcrypt$",
            "$pbkdf2-sha256$x$c29tZXNhbHQ$CTFh",
        ] {
            assert_eq!(Recipe::of(hash), None, "{hash}");
        }
    }
}
