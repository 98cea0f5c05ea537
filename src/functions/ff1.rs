//! FF1: format-preserving encryption of numerals, NIST SP 800-38G (2016), algorithm 7.
//!
//! Checked against NIST's sample vectors (FF1samples.pdf) and the `fpe` crate. Decryption is deliberately absent:
//! masking has no way back.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};

use super::blocks::{self, BlockWork};
use super::text::LANES;

const ROUNDS: u8 = 10;

/// The most numerals that are encrypted at once: the work grows with their square.
pub const MAX_NUMERALS: usize = 4096;

/// FF1 under one key and radix.
pub struct Ff1 {
    cipher: Cipher,
    radix: u32,
    /// The powers of the radix from the 0th on, as far as they are at most [`FAST_MODULUS`].
    powers: Vec<Modulus>,
}

/// Numerals to be encrypted.
pub struct Lane<'a> {
    /// What else the result depends on.
    pub tweak: &'a [u8],
    /// The numerals, each less than the radix, and then what they have become; at most [`MAX_NUMERALS`].
    pub numerals: &'a mut [u16],
}

/// With halves of at most 96 bits a round is one AES block, and its arithmetic fits 128 bits.
const FAST_MODULUS: u128 = 1 << 96;

impl Ff1 {
    /// FF1 under `key` of 16, 24 or 32 bytes, over numerals from 0 to `radix` - 1, where 2 ≤ `radix` ≤ 2¹⁶; `None` for
    /// any other key or radix.
    pub fn new(key: &[u8], radix: u32) -> Option<Self> {
        if !(2..=1 << 16).contains(&radix) {
            return None;
        }
        let next = |power: &u128| Some(power * u128::from(radix)).filter(|power| *power <= FAST_MODULUS);
        let powers = std::iter::successors(Some(1), next).map(Modulus::new).collect();
        Some(Ff1 { cipher: Cipher::new(key)?, radix, powers })
    }

    /// Encrypts `numerals`, each less than the radix, to as many others, one to one for each `tweak` and length.
    ///
    /// NIST asks for 10⁶ possible values or more, which the caller sees to: fewer can be guessed one by one. At most
    /// [`MAX_NUMERALS`], which the caller sees to as well.
    pub fn encrypt(&self, tweak: &[u8], numerals: &mut [u16]) {
        self.encrypt_lanes(&mut [Lane { tweak, numerals }]);
    }

    /// …of several values. A round waits for the one before it, so several together take little longer than one.
    pub fn encrypt_lanes(&self, lanes: &mut [Lane<'_>]) {
        for lanes in lanes.chunks_mut(LANES) {
            match lanes.iter().all(|lane| lane.numerals.len().div_ceil(2) < self.powers.len()) {
                true => self.cipher.run(Short { ff1: self, lanes }),
                false => lanes.iter_mut().for_each(|lane| self.encrypt_long(lane.tweak, lane.numerals)),
            }
        }
    }

    /// NUM(X): the number that numerals are, the first of them the most significant.
    #[inline(always)]
    fn number(&self, numerals: &[u16]) -> u128 {
        match self.radix {
            10 => number(numerals, 10),
            radix => number(numerals, radix.into()),
        }
    }

    /// STR(number): fills `numerals` with it.
    #[inline(always)]
    fn write_number(&self, number: u128, numerals: &mut [u16]) {
        match self.radix {
            10 => write_number(number, 10, numerals),
            radix => write_number(number, radix.into(), numerals),
        }
    }

    /// The algorithm for any length, on numbers of any size.
    fn encrypt_long(&self, tweak: &[u8], numerals: &mut [u16]) {
        if numerals.is_empty() {
            return;
        }
        let (u, v) = (numerals.len() / 2, numerals.len().div_ceil(2));
        let largest = long_number(&vec![(self.radix - 1) as u16; v], self.radix);
        let bits = 32 * largest.len() as u32 - largest.last().map_or(0, |limb| limb.leading_zeros());
        let bytes = byte_len(bits);
        let (mut a, mut b) = (numerals[..u].to_vec(), numerals[u..].to_vec());
        for round in 0..ROUNDS {
            let mut q = tweak.to_vec();
            q.resize((tweak.len() + bytes + 1).next_multiple_of(16) - bytes - 1, 0);
            q.push(round);
            push_big_endian(&long_number(&b, self.radix), bytes, &mut q);
            let start = self.cipher.encrypt(parameters(self.radix, u, v, tweak.len()));
            let mac = q
                .chunks_exact(16)
                .fold(start, |mac, block| self.cipher.encrypt(mac ^ number_of_block(block)));
            let s = self.expand(mac, 4 * bytes.div_ceil(4) + 4);
            add_number(&mut a, limbs_of(&s), self.radix);
            std::mem::swap(&mut a, &mut b);
        }
        numerals[..u].copy_from_slice(&a);
        numerals[u..].copy_from_slice(&b);
    }

    /// S: `len` bytes, a multiple of four, from the output of the CBC-MAC.
    fn expand(&self, mac: u128, len: usize) -> Vec<u8> {
        let mut bytes = mac.to_be_bytes().to_vec();
        for counter in 1.. {
            if bytes.len() >= len {
                break;
            }
            bytes.extend(self.cipher.encrypt(mac ^ counter).to_be_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// The algorithm for at most [`LANES`] values of which NUM(A) and NUM(B) are at most 12 bytes long.
struct Short<'a, 'l> {
    ff1: &'a Ff1,
    lanes: &'a mut [Lane<'l>],
}

/// What is known of a value before the first round.
#[derive(Clone, Copy, Default)]
struct Start {
    /// The radix to the power of `u`, the length of the shorter half, and to that of `v`.
    moduli: [Modulus; 2],
    /// The state of the CBC-MAC, see [`mac_prefix`].
    prefix: u128,
    /// How far to the left the number of a round stands in a block.
    round_shift: u32,
    /// How many bits at the end of an output are not used.
    unused_bits: u32,
}

impl BlockWork for Short<'_, '_> {
    #[inline(always)]
    fn run(self, encrypt: impl Fn(u128) -> u128) {
        let Short { ff1, lanes } = self;
        let mut starts = [Start::default(); LANES];
        let (mut a, mut b) = ([0; LANES], [0; LANES]);
        for (at, lane) in lanes.iter().enumerate() {
            let (left, right) = lane.numerals.split_at(lane.numerals.len() / 2);
            let modulus = ff1.powers[right.len()];
            let bytes = byte_len(128 - (modulus.value - 1).leading_zeros());
            let start = encrypt(parameters(ff1.radix, left.len(), right.len(), lane.tweak.len()));
            starts[at] = Start {
                moduli: [ff1.powers[left.len()], modulus],
                prefix: mac_prefix(start, lane.tweak, bytes, &encrypt),
                round_shift: 8 * bytes as u32,
                unused_bits: 128 - 8 * (4 * bytes.div_ceil(4) + 4) as u32,
            };
            (a[at], b[at]) = (ff1.number(left), ff1.number(right));
        }
        for round in 0..ROUNDS {
            for (at, start) in starts[..lanes.len()].iter().enumerate() {
                let block = start.prefix ^ u128::from(round) << start.round_shift ^ b[at];
                let y = encrypt(block) >> start.unused_bits;
                let modulus = start.moduli[usize::from(round % 2)];
                let sum = a[at] + modulus.remainder(y);
                (a[at], b[at]) = (b[at], if sum >= modulus.value { sum - modulus.value } else { sum });
            }
        }
        for (lane, (a, b)) in lanes.iter_mut().zip(a.into_iter().zip(b)) {
            let (left, right) = lane.numerals.split_at_mut(lane.numerals.len() / 2);
            ff1.write_number(a, left);
            ff1.write_number(b, right);
        }
    }
}

/// A number that others are divided by.
#[derive(Clone, Copy, Default)]
struct Modulus {
    value: u128,
    /// 2¹²⁸ - 1 divided by it.
    reciprocal: u128,
}

impl Modulus {
    fn new(value: u128) -> Self {
        Modulus { value, reciprocal: u128::MAX / value }
    }

    /// The remainder of `number`: by the machine's own division where both fit it, else by the reciprocal (Barrett 1986),
    /// which gives a quotient at most two too small.
    #[inline(always)]
    fn remainder(self, number: u128) -> u128 {
        if let (Ok(number), Ok(value)) = (u64::try_from(number), u64::try_from(self.value)) {
            return u128::from(number % value);
        }
        let mut remainder = number - high_half(number, self.reciprocal) * self.value;
        while remainder >= self.value {
            remainder -= self.value;
        }
        remainder
    }
}

/// The upper half of a product of 256 bits.
#[inline(always)]
fn high_half(one: u128, other: u128) -> u128 {
    let halves = |number: u128| (number >> 64, number & u128::from(u64::MAX));
    let ((a, b), (c, d)) = (halves(one), halves(other));
    let middle = a * d + ((b * d) >> 64);
    let (carried, middle) = halves(middle);
    a * c + carried + ((b * c + middle) >> 64)
}

#[inline(always)]
fn number(numerals: &[u16], radix: u64) -> u128 {
    let more = |number: u128, &numeral: &u16| number * u128::from(radix) + u128::from(numeral);
    numerals.iter().fold(0, more)
}

/// To be called with a radix that is known when it is compiled, if it can be: then most divisions are none.
#[inline(always)]
fn write_number(mut number: u128, radix: u64, numerals: &mut [u16]) {
    for numeral in numerals.iter_mut().rev() {
        if let Ok(small) = u64::try_from(number) {
            *numeral = (small % radix) as u16;
            number = u128::from(small / radix);
        } else {
            *numeral = (number % u128::from(radix)) as u16;
            number /= u128::from(radix);
        }
    }
}

/// The state of the CBC-MAC before the last block, with all of that block but the round's number and NUM(B).
///
/// Those take 1 and `bytes` bytes, at most 13 here, so they are all in the last block.
#[inline(always)]
fn mac_prefix(start: u128, tweak: &[u8], bytes: usize, encrypt: &impl Fn(u128) -> u128) -> u128 {
    let mut state = start;
    let mut blocks = tweak.chunks_exact(16);
    for block in &mut blocks {
        state = encrypt(state ^ number_of_block(block));
    }
    let mut rest = [0; 16];
    rest[..blocks.remainder().len()].copy_from_slice(blocks.remainder());
    state ^= u128::from_be_bytes(rest);
    let fits = blocks.remainder().len() + 1 + bytes <= 16;
    if fits { state } else { encrypt(state) }
}

/// How many bytes hold `bits` bits.
fn byte_len(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// P: the first block, of the lengths of the halves and of the tweak.
fn parameters(radix: u32, u: usize, v: usize, tweak_len: usize) -> u128 {
    let mut block = [0; 16];
    block[..3].copy_from_slice(&[1, 2, 1]);
    block[3..6].copy_from_slice(&radix.to_be_bytes()[1..]);
    block[6] = ROUNDS;
    block[7] = u as u8;
    block[8..12].copy_from_slice(&((u + v) as u32).to_be_bytes());
    block[12..].copy_from_slice(&(tweak_len as u32).to_be_bytes());
    u128::from_be_bytes(block)
}

fn number_of_block(block: &[u8]) -> u128 {
    u128::from_be_bytes(block.try_into().expect("a block has 16 bytes"))
}

/// NUM(X) in limbs of 32 bits, the least significant first.
fn long_number(numerals: &[u16], radix: u32) -> Vec<u32> {
    let mut limbs = Vec::new();
    for &numeral in numerals {
        let mut carry = u64::from(numeral);
        for limb in &mut limbs {
            let product = u64::from(*limb) * u64::from(radix) + carry;
            (*limb, carry) = (product as u32, product >> 32);
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    limbs
}

/// The limbs of a big-endian number whose length is a multiple of four bytes.
fn limbs_of(bytes: &[u8]) -> Vec<u32> {
    let limbs = bytes.rchunks_exact(4);
    limbs.map(|limb| u32::from_be_bytes(limb.try_into().expect("four bytes"))).collect()
}

/// Appends the number as `len` bytes, the most significant first.
fn push_big_endian(limbs: &[u32], len: usize, out: &mut Vec<u8>) {
    let byte = |index: usize| limbs.get(index / 4).map_or(0, |limb| limb.to_le_bytes()[index % 4]);
    out.extend((0..len).rev().map(byte));
}

/// Adds the number `limbs` to the one that `numerals` are, modulo the radix to the power of their count.
fn add_number(numerals: &mut [u16], mut limbs: Vec<u32>, radix: u32) {
    let mut carry = 0;
    for numeral in numerals.iter_mut().rev() {
        let sum = u32::from(*numeral) + divide(&mut limbs, radix) + carry;
        *numeral = (sum % radix) as u16;
        carry = sum / radix;
    }
}

/// Divides the number in place and returns the remainder.
fn divide(limbs: &mut [u32], divisor: u32) -> u32 {
    let mut rest = 0;
    for limb in limbs.iter_mut().rev() {
        let dividend = rest << 32 | u64::from(*limb);
        *limb = (dividend / u64::from(divisor)) as u32;
        rest = dividend % u64::from(divisor);
    }
    rest as u32
}

/// AES with a key of any of its three sizes.
// The variants differ in size, but there is one per column: a box would cost each block a look-up.
#[allow(clippy::large_enum_variant)]
enum Cipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Cipher {
    fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Cipher::Aes128),
            24 => Aes192::new_from_slice(key).ok().map(Cipher::Aes192),
            32 => Aes256::new_from_slice(key).ok().map(Cipher::Aes256),
            _ => None,
        }
    }

    fn run(&self, work: impl BlockWork) {
        match self {
            Cipher::Aes128(aes) => blocks::run(aes, work),
            Cipher::Aes192(aes) => blocks::run(aes, work),
            Cipher::Aes256(aes) => blocks::run(aes, work),
        }
    }

    fn encrypt(&self, block: u128) -> u128 {
        let mut block = block.to_be_bytes().into();
        match self {
            Cipher::Aes128(aes) => aes.encrypt_block(&mut block),
            Cipher::Aes192(aes) => aes.encrypt_block(&mut block),
            Cipher::Aes256(aes) => aes.encrypt_block(&mut block),
        }
        u128::from_be_bytes(block.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fpe::ff1::{FF1, FlexibleNumeralString};
    use proptest::prelude::*;

    /// The key of all of NIST's samples; the shorter ones are its beginning.
    const KEY: [u8; 32] = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xef,
        0x43, 0x59, 0xd8, 0xd5, 0x80, 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94,
    ];

    fn encrypted(key: &[u8], radix: u32, tweak: &[u8], text: &str) -> String {
        let mut numerals: Vec<u16> =
            text.chars().map(|c| c.to_digit(radix.min(36)).unwrap() as u16).collect();
        Ff1::new(key, radix).unwrap().encrypt(tweak, &mut numerals);
        numerals.iter().map(|&numeral| char::from_digit(u32::from(numeral), radix).unwrap()).collect()
    }

    #[test]
    fn nist_samples_are_met() {
        let digits_tweak = b"9876543210";
        let letters_tweak = b"7777pqrs777";
        let samples: [(usize, u32, &[u8], &str, &str); 9] = [
            (16, 10, b"", "0123456789", "2433477484"),
            (16, 10, digits_tweak, "0123456789", "6124200773"),
            (16, 36, letters_tweak, "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
            (24, 10, b"", "0123456789", "2830668132"),
            (24, 10, digits_tweak, "0123456789", "2496655549"),
            (24, 36, letters_tweak, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
            (32, 10, b"", "0123456789", "6657667009"),
            (32, 10, digits_tweak, "0123456789", "1001623463"),
            (32, 36, letters_tweak, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
        ];
        for (key_len, radix, tweak, plain, cipher) in samples {
            assert_eq!(encrypted(&KEY[..key_len], radix, tweak, plain), cipher);
        }
    }

    #[test]
    fn values_of_any_length_are_encrypted_alike_alone_and_together() {
        let ff1 = Ff1::new(&KEY, 10).unwrap();
        for lengths in [[16, 16, 15, 7, 30, 2, 1, 0, 16], [16, 80, 15, 7, 30, 2, 1, 0, 16]] {
            let values = lengths.map(|len| (0..len).map(|n| (n * 7 % 10) as u16).collect::<Vec<_>>());
            let mut together = values.clone();
            let tweaks: [&[u8]; 3] = [b"", b"4", b"a tweak of more than a block"];
            let lane = |(at, numerals)| Lane { tweak: tweaks[at % 3], numerals };
            let mut lanes: Vec<Lane<'_>> =
                together.iter_mut().map(Vec::as_mut_slice).enumerate().map(lane).collect();
            ff1.encrypt_lanes(&mut lanes);
            for (at, (mut alone, together)) in values.into_iter().zip(together).enumerate() {
                ff1.encrypt(tweaks[at % 3], &mut alone);
                assert_eq!(alone, together);
            }
        }
    }

    #[test]
    fn a_key_or_radix_out_of_bounds_is_refused() {
        assert!(Ff1::new(&KEY[..20], 10).is_none());
        assert!(Ff1::new(&KEY, 1).is_none());
        assert!(Ff1::new(&KEY, 65_537).is_none());
    }

    proptest! {
        #[test]
        fn a_remainder_is_that_of_the_division(number: u128, value in 1..=FAST_MODULUS, shift in 0..128u32) {
            for value in [value, (value >> (shift % 96)).max(1)] {
                for number in [number, number >> shift, u128::MAX, value, value - 1] {
                    prop_assert_eq!(Modulus::new(value).remainder(number), number % value);
                }
            }
        }

        #[test]
        fn the_fpe_crate_agrees(
            radix in prop_oneof![2u32..=64, Just(65_535)],
            seed in proptest::collection::vec(any::<u16>(), 20..200),
            tweak in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut numerals: Vec<u16> = seed.iter().map(|&n| (u32::from(n) % radix) as u16).collect();
            let expected = FF1::<Aes256>::new(&KEY, radix)
                .unwrap()
                .encrypt(&tweak, &FlexibleNumeralString::from(numerals.clone()))
                .unwrap();
            Ff1::new(&KEY, radix).unwrap().encrypt(&tweak, &mut numerals);
            prop_assert_eq!(numerals, Vec::<u16>::from(expected));
        }

        #[test]
        fn the_short_and_the_long_path_agree(
            numerals in proptest::collection::vec(0u16..10, 1..56),
            tweak in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let ff1 = Ff1::new(&KEY, 10).unwrap();
            let (mut short, mut long) = (numerals.clone(), numerals);
            ff1.encrypt(&tweak, &mut short);
            ff1.encrypt_long(&tweak, &mut long);
            prop_assert_eq!(short, long);
        }
    }
}
