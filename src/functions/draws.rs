//! What is drawn from a keyed digest: places in lists, digits, tags.

use crate::key::DomainKey;

/// Crockford's base 32, in lower case: no letter that reads like a digit, and no case to lose.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The place in a list of `len` that the `draw`th eight bytes of `digest` name: 0 ≤ place < `len`.
///
/// Multiplies and shifts instead of dividing (Lemire 2019); with 64 bits the bias is below `len` / 2⁶⁴.
pub fn place(digest: &[u8; 32], draw: usize, len: usize) -> usize {
    let word = u64::from_be_bytes(digest[8 * draw..8 * draw + 8].try_into().expect("eight bytes"));
    ((u128::from(word) * len as u128) >> 64) as usize
}

/// A fraction drawn for `subject`, above 0 and at most 1, as a numerator over the denominator after it; and whether it is
/// to be taken as negative.
pub fn signed_fraction(key: &DomainKey, subject: &[u8]) -> (bool, i64, i64) {
    const ONE: i64 = 1 << 40;
    let digest = key.prf(subject);
    (digest[31] & 1 == 1, place(&digest, 0, ONE as usize) as i64 + 1, ONE)
}

/// Appends the first `5 * chars` bits of `bytes` as `chars` ≤ 64 characters of base 32.
pub fn push_base32(bytes: &[u8], chars: usize, out: &mut String) {
    let (mut bits, mut held, mut next) = (0u32, 0, bytes.iter());
    push_ascii(chars, out, |_| {
        if held < 5 {
            bits = bits << 8 | u32::from(*next.next().expect("the bytes have as many bits"));
            held += 8;
        }
        held -= 5;
        BASE32[(bits >> held) as usize & 31]
    });
}

/// Appends `len` ≤ 64 characters of ASCII, each made from its place, all at once: faster than one by one.
pub fn push_ascii(len: usize, out: &mut String, mut character: impl FnMut(usize) -> u8) {
    let mut buffer = [0; 64];
    for (at, byte) in buffer[..len].iter_mut().enumerate() {
        *byte = character(at);
    }
    out.push_str(std::str::from_utf8(&buffer[..len]).expect("ASCII is UTF-8"));
}

/// How many characters a tag has that tells values apart: 50 bits, or 130 where it must be unique.
pub fn tag_chars(unique: bool) -> usize {
    if unique { 26 } else { 10 }
}

/// Appends a tag of `chars` ≤ 26 characters from the end of `digest`, which no [`place`] of draw 0 or 1 depends on.
pub fn push_tag(digest: &[u8; 32], chars: usize, out: &mut String) {
    push_base32(&digest[15..], chars, out);
}

/// A sequence of draws without an end, for values of any length.
pub struct Draws<'a> {
    key: &'a DomainKey,
    block: [u8; 32],
    /// How many words of the block are used up.
    words: usize,
    /// What is left of the last of them, as a fraction of 2⁶⁴.
    word: u64,
    /// In how many ways that word has been drawn from: its draws' counts, multiplied.
    ways: u64,
}

/// A word is drawn from until so many ways are used up: what is left of it, 16 bits and more, is the bias of the last
/// draw.
const MOST_WAYS: u64 = 1 << 48;

impl<'a> Draws<'a> {
    /// The draws of `subject` under `key`.
    pub fn new(key: &'a DomainKey, subject: &[u8]) -> Self {
        Draws { key, block: key.prf(subject), words: 0, word: 0, ways: MOST_WAYS }
    }

    /// A number from `least` to `most`, both of them at most 255.
    ///
    /// The word times the count is the number and what is left of the word (Lemire 2019), from which the next one is
    /// drawn (Brackett-Rozinsky and Lemire 2024, "Batched ranged random integer generation").
    #[inline]
    pub fn number(&mut self, least: u8, most: u8) -> u8 {
        let count = u64::from(most - least) + 1;
        if self.ways * count > MOST_WAYS {
            self.next_word();
        }
        self.ways *= count;
        let product = u128::from(self.word) * u128::from(count);
        self.word = product as u64;
        least + (product >> 64) as u8
    }

    fn next_word(&mut self) {
        if self.words == self.block.len() / 8 {
            self.block = self.key.prf(&self.block);
            self.words = 0;
        }
        let bytes = self.block[8 * self.words..].first_chunk().expect("a word is left");
        self.word = u64::from_be_bytes(*bytes);
        self.words += 1;
        self.ways = 1;
    }

    /// A decimal digit of `least` or more.
    pub fn digit(&mut self, least: u8) -> char {
        char::from(self.digit_byte(least))
    }

    /// …as a byte of ASCII.
    pub fn digit_byte(&mut self, least: u8) -> u8 {
        b'0' + self.number(least, 9)
    }

    /// A letter of ASCII, in upper case if asked.
    pub fn letter(&mut self, upper_case: bool) -> char {
        char::from(if upper_case { b'A' } else { b'a' } + self.number(0, 25))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    #[test]
    fn base32_takes_five_bits_a_character() {
        let mut out = String::new();
        push_base32(&[0b0000_1000, 0b1111_1110, 0, 0, 0], 8, &mut out);
        assert_eq!(out, "13z00000");
    }

    #[test]
    fn draws_cover_their_range_and_go_on_past_a_digest() {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test");
        let mut draws = Draws::new(&key, b"subject");
        let mut seen = [0; 10];
        for _ in 0..1000 {
            seen[usize::from(draws.number(1, 9))] += 1;
        }
        assert_eq!(seen[0], 0);
        assert!(seen[1..].iter().all(|&count| count > 60), "{seen:?}");
        let mut bytes = [0; 256];
        (0..100_000).for_each(|_| bytes[usize::from(draws.number(0, 255))] += 1);
        assert!(bytes.iter().all(|&count| (250..550).contains(&count)), "{bytes:?}");
    }
}
