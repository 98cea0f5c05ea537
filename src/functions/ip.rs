//! `ip`: addresses of the internet protocol, their common prefixes kept.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use aes::Aes128;
use aes::cipher::KeyInit;

use super::blocks::{self, BlockWork};
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static IP: Function = Function {
    name: "ip",
    summary: "Replace an IPv4 or IPv6 address by another, one to one, so that addresses with a common prefix have one of \
              the same length again (Crypto-PAn); the length of a network's prefix stays; it may be somebody's; \
              there are 2³² of one kind and 2¹²⁸ of the other",
    parameters: &[
        Parameter {
            name: "keep_v4",
            help: "bits at the start of an IPv4 address that stay, 0 to 24; default 0",
        },
        Parameter {
            name: "keep_v6",
            help: "bits at the start of an IPv6 address that stay, 0 to 64; default 0",
        },
    ],
    example: Example {
        rule: r#""ip""#,
        ty: PgType::Inet,
        input: "192.168.4.17/24",
        output: Some("197.7.249.238/24"),
    },
    domain: "ip",
    domain_by: None,
    takes: |ty| matches!(ty.base(), PgType::Inet | PgType::Cidr) || ty.is_text(),
    takes_text: "`inet`, `cidr`, `text`, `varchar`, `char`, `name`, `citext`",
    build,
};

/// Crypto-PAn (Xu, Fan, Ammar, Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002), for addresses of 32 and of
/// 128 bits: a bit is flipped by what AES makes of the bits before it.
struct CryptoPan {
    cipher: Aes128,
    pad: u128,
}

impl CryptoPan {
    /// Under a key of 32 bytes: that of AES, and a block that is encrypted for the bits not used yet.
    fn new(key: &[u8; 32]) -> Self {
        let (cipher_key, pad) = key.split_at(16);
        let cipher = Aes128::new_from_slice(cipher_key).expect("it has 16 bytes");
        let mut encrypted = 0;
        let pad = u128::from_be_bytes(pad.try_into().expect("16 bytes are left"));
        blocks::run(&cipher, Encrypt { block: pad, result: &mut encrypted });
        CryptoPan { cipher, pad: encrypted }
    }

    /// Replaces the first `bits` bits of an address, which stands at the start of 128, but for the first `kept`.
    fn apply(&self, address: u128, kept: u32, bits: u32) -> u128 {
        let mut flips = 0;
        blocks::run(&self.cipher, Flips { pad: self.pad, address, kept, bits, flips: &mut flips });
        address ^ flips
    }
}

struct Encrypt<'a> {
    block: u128,
    result: &'a mut u128,
}

impl BlockWork for Encrypt<'_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        *self.result = encrypt(self.block);
    }
}

/// The bits of an address to flip.
struct Flips<'a> {
    pad: u128,
    address: u128,
    kept: u32,
    bits: u32,
    flips: &'a mut u128,
}

impl BlockWork for Flips<'_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        for bit in self.kept..self.bits {
            let after = u128::MAX >> bit;
            let block = self.address & !after | self.pad & after;
            *self.flips |= encrypt(block) >> 127 << (127 - bit);
        }
    }
}

struct Ip {
    pan: CryptoPan,
    keep_v4: u32,
    keep_v6: u32,
    /// Whether all bits after a network's prefix are zero.
    is_cidr: bool,
}

const INVALID: &str = "is not an IP address";

impl TextMask for Ip {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let (address, prefix) = match value.split_once('/') {
            Some((address, prefix)) => {
                let is_number =
                    (1..=3).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
                let bits: u32 = prefix.parse().ok().filter(|_| is_number).ok_or(INVALID)?;
                (address, Some((bits, &value[address.len()..])))
            }
            None => (value, None),
        };
        let bits = |all: u32| match prefix {
            Some((bits, _)) if bits > all => Err(INVALID),
            Some((bits, _)) if self.is_cidr => Ok(bits),
            _ => Ok(all),
        };
        if let Ok(address) = address.parse::<Ipv4Addr>() {
            let bits = bits(32)?;
            let address = u128::from(address.to_bits()) << 96;
            let result = self.pan.apply(address, self.keep_v4.min(bits), bits);
            write!(out, "{}", Ipv4Addr::from_bits((result >> 96) as u32)).expect("a string takes all text");
        } else if let Ok(address) = address.parse::<Ipv6Addr>() {
            let bits = bits(128)?;
            let result = match address.to_ipv4_mapped() {
                // The address within is masked as it is by itself.
                Some(mapped) if bits == 128 => {
                    let mapped = self.pan.apply(u128::from(mapped.to_bits()) << 96, self.keep_v4, 32);
                    address.to_bits() >> 32 << 32 | mapped >> 96
                }
                _ => self.apart_from_mapped(address.to_bits(), bits),
            };
            write!(out, "{}", Ipv6Addr::from_bits(result)).expect("a string takes all text");
        } else {
            return Err(INVALID);
        }
        out.push_str(prefix.map_or("", |(_, text)| text));
        Ok(())
    }
}

impl Ip {
    /// Replaces an IPv6 address that has no IPv4 address within by another such (cycle walking).
    fn apart_from_mapped(&self, address: u128, bits: u32) -> u128 {
        let mut result = address;
        loop {
            result = self.pan.apply(result, self.keep_v6.min(bits), bits);
            if bits < 128 || Ipv6Addr::from_bits(result).to_ipv4_mapped().is_none() {
                return result;
            }
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let keep_v4 = build.parameters.integer("keep_v4", 0..=24)?.unwrap_or(0) as u32;
    let keep_v6 = build.parameters.integer("keep_v6", 0..=64)?.unwrap_or(0) as u32;
    let pan = CryptoPan::new(&build.key.subkey("crypto-pan"));
    let is_cidr = *build.ty.base() == PgType::Cidr;
    // As text, an IPv6 address has several spellings, and they become one.
    let (uniqueness, max_chars) = match build.ty.is_text() {
        true => (Uniqueness::None, Some(49)),
        false => (Uniqueness::Injective, None),
    };
    Ok(Built::text(Ip { pan, keep_v4, keep_v6, is_cidr }, uniqueness, max_chars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn the_published_trace_of_crypto_pan_is_met() {
        let key = [
            21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121,
            121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
        ];
        let pan = CryptoPan::new(&key);
        for (address, result) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("24.0.250.221", "100.15.198.226"),
        ] {
            let address: Ipv4Addr = address.parse().unwrap();
            let masked = pan.apply(u128::from(address.to_bits()) << 96, 0, 32) >> 96;
            assert_eq!(Ipv4Addr::from_bits(masked as u32).to_string(), result);
        }
    }

    fn common_bits(one: &str, other: &str) -> u32 {
        let bits = |text: &str| match text.parse().unwrap() {
            std::net::IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            std::net::IpAddr::V6(address) => address.to_bits(),
        };
        (bits(one) ^ bits(other)).leading_zeros()
    }

    #[test]
    fn common_prefixes_stay_as_long_as_they_are() {
        let mask = Tester::new(&IP, "", PgType::Inet);
        let pairs = [
            ("10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "10.1.130.3"),
            ("10.1.2.3", "138.1.2.3"),
            ("2001:db8::1", "2001:db8:0:1::1"),
            ("2001:db8::1", "2001:db9::1"),
        ];
        for (one, other) in pairs {
            let masked = [one, other].map(|value| mask.masked(value).unwrap());
            assert_eq!(common_bits(&masked[0], &masked[1]), common_bits(one, other), "{one} {other}");
        }
        let mask = Tester::new(&IP, "keep_v4 = 8\nkeep_v6 = 32", PgType::Inet);
        assert!(mask.masked("10.1.2.3").unwrap().starts_with("10."));
        assert!(mask.masked("2001:db8::1").unwrap().starts_with("2001:db8:"));
    }

    #[test]
    fn networks_keep_their_length_and_their_zeros() {
        let inet = Tester::new(&IP, "", PgType::Inet);
        let cidr = Tester::new(&IP, "", PgType::Cidr);
        let [host, network] =
            [inet.masked("192.168.4.17/24").unwrap(), cidr.masked("192.168.4.0/24").unwrap()];
        assert!(host.ends_with("/24") && network.ends_with(".0/24"), "{host} {network}");
        assert_eq!(host[..host.rfind('.').unwrap()], network[..network.rfind('.').unwrap()]);
        assert_eq!(cidr.masked("0.0.0.0/0").unwrap(), "0.0.0.0/0");
        assert!(cidr.masked("2001:db8::/32").unwrap().ends_with("::/32"));
    }

    #[test]
    fn an_address_within_another_is_masked_as_by_itself() {
        let mask = Tester::new(&IP, "", PgType::Inet);
        let alone = mask.masked("192.0.2.1").unwrap();
        assert_eq!(mask.masked("::ffff:192.0.2.1").unwrap(), format!("::ffff:{alone}"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let mask = Tester::new(&IP, "", PgType::Text);
        for value in [
            "",
            "1.2.3",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "::1/129",
            "::g",
            "fe80::1%eth0",
        ] {
            assert_eq!(mask.masked(value), Err(INVALID), "{value}");
        }
    }
}
