//! Identifiers whose places have alphabets of their own, as whole numbers: what permutes them one to one.

use super::Refusal;
use super::feistel::Permutation;
use crate::key::DomainKey;

/// The most characters of an identifier.
pub const MAX_CHARS: usize = 64;

/// The places of an identifier, read from a pattern.
///
/// In a pattern `9` is a digit, `A` a letter from A to Z, `X` a digit or letter, `[A-DX]` a character of that set,
/// `{01-12}` a number of that many digits in that range, and `#` a check character; any other character, and one after
/// `\`, stands for itself.
pub struct Layout {
    places: Vec<Place>,
    /// How many characters it has.
    pub chars: usize,
    segments: Vec<Segment>,
}

/// A place of an identifier.
enum Place {
    /// One of these characters.
    Character(Vec<u8>),
    /// A number from the first on, so many of them, of that many digits.
    Number { least: u128, count: u128, digits: usize },
    /// A check character, which follows from the others.
    Check,
    /// One of that place, which stays as it is.
    Kept(Box<Place>),
}

/// Places whose values are one number together: few enough that it fits.
struct Segment {
    /// Where its places end.
    end: usize,
    /// How many values they have.
    size: u128,
}

/// The most values of a segment.
const MAX_SIZE: u128 = 1 << 120;

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Place {
    fn size(&self) -> u128 {
        match self {
            Place::Character(characters) => characters.len() as u128,
            Place::Number { count, .. } => *count,
            Place::Check | Place::Kept(_) => 1,
        }
    }

    fn chars(&self) -> usize {
        match self {
            Place::Number { digits, .. } => *digits,
            Place::Kept(place) => place.chars(),
            _ => 1,
        }
    }

    /// The number of the value that `chars` are, from 0; `None` if it is none of the place.
    fn rank(&self, chars: &[u8]) -> Option<u128> {
        match self {
            Place::Character(characters) => {
                let at = characters.iter().position(|character| *character == chars[0])?;
                Some(at as u128)
            }
            Place::Number { least, count, .. } => {
                let digit = |number: u128, byte: &u8| {
                    byte.is_ascii_digit().then(|| number * 10 + u128::from(byte - b'0'))
                };
                let number = chars.iter().try_fold(0, digit)?;
                number.checked_sub(*least).filter(|rank| rank < count)
            }
            Place::Check => Some(0),
            Place::Kept(place) => place.rank(chars).map(|_| 0),
        }
    }

    /// Fills `chars` with the value of that number.
    fn unrank(&self, rank: u128, chars: &mut [u8]) {
        match self {
            Place::Character(characters) => chars[0] = characters[rank as usize],
            Place::Number { least, .. } => {
                let mut number = least + rank;
                for byte in chars.iter_mut().rev() {
                    *byte = b'0' + (number % 10) as u8;
                    number /= 10;
                }
            }
            Place::Check | Place::Kept(_) => {}
        }
    }
}

impl Layout {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If a set or range in it is not closed, empty or upside down, or it has no place or more than [`MAX_CHARS`].
    pub fn parse(pattern: &str) -> Result<Self, Refusal> {
        let refused = |what: &str| {
            Refusal::new(format!("`pattern` {what}"))
                .hint(
                    "write 9 for a digit, A for a letter, X for either, # for a check character, [A-D] for a set, \
                     {01-12} for a range; all else stands for itself, and so does what follows a \\",
                )
        };
        let mut places = Vec::new();
        let mut rest = pattern.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            places.push(match first {
                b'9' => Place::Character(DIGITS.to_vec()),
                b'A' => Place::Character(LETTERS.to_vec()),
                b'X' => Place::Character([DIGITS, LETTERS].concat()),
                b'#' => Place::Check,
                b'[' => {
                    let end = rest
                        .iter()
                        .position(|byte| *byte == b']')
                        .ok_or_else(|| refused("has a set without an end"))?;
                    let set =
                        set(&rest[..end]).ok_or_else(|| refused("has a set that is empty or upside down"))?;
                    rest = &rest[end + 1..];
                    Place::Character(set)
                }
                b'{' => {
                    let end = rest
                        .iter()
                        .position(|byte| *byte == b'}')
                        .ok_or_else(|| refused("has a range without an end"))?;
                    let range = range(&rest[..end]).ok_or_else(|| refused("has a range that is none"))?;
                    rest = &rest[end + 1..];
                    range
                }
                b'\\' => {
                    let (&literal, after) = rest.split_first().ok_or_else(|| refused("ends with a \\"))?;
                    rest = after;
                    Place::Character(vec![literal.to_ascii_uppercase()])
                }
                literal => Place::Character(vec![literal.to_ascii_uppercase()]),
            });
        }
        if !pattern.is_ascii()
            || places.is_empty()
            || places.iter().map(Place::chars).sum::<usize>() > MAX_CHARS
        {
            return Err(refused("is not 1 to 64 characters of ASCII"));
        }
        Ok(Layout::of(places))
    }

    fn of(places: Vec<Place>) -> Self {
        let chars = places.iter().map(Place::chars).sum();
        let mut segments = vec![Segment { end: 0, size: 1 }];
        for place in &places {
            let last = segments.last_mut().expect("there is one from the start");
            if last.size.saturating_mul(place.size()) <= MAX_SIZE {
                last.size *= place.size();
                last.end += 1;
            } else {
                let end = last.end + 1;
                segments.push(Segment { end, size: place.size() });
            }
        }
        Layout { places, chars, segments }
    }

    /// The same, but that the places from the one on to the other stay as they are.
    pub fn keeping(mut self, places: std::ops::Range<usize>) -> Self {
        for place in &mut self.places[places] {
            if !matches!(place, Place::Check) {
                let kept = std::mem::replace(place, Place::Check);
                *place = Place::Kept(Box::new(kept));
            }
        }
        Layout::of(self.places)
    }

    /// How many identifiers there are, whatever their check characters say.
    pub fn size(&self) -> f64 {
        self.segments.iter().map(|segment| segment.size as f64).product()
    }

    /// The first identifier of all, without its check characters.
    #[cfg(test)]
    pub fn first(&self) -> Vec<u8> {
        let mut chars = vec![b'#'; self.chars];
        self.unrank(&[0; MAX_CHARS], &mut chars);
        chars
    }

    /// Where its check characters are.
    pub fn check_places(&self) -> Vec<usize> {
        let mut at = 0;
        let start = |place: &Place| {
            at += place.chars();
            matches!(place, Place::Check).then_some(at - 1)
        };
        self.places.iter().filter_map(start).collect()
    }

    /// How many of its characters, check characters aside, are digits or letters.
    pub fn counted_chars(&self) -> usize {
        let counted = |place: &Place| match place {
            Place::Character(characters) => usize::from(characters[0].is_ascii_alphanumeric()),
            Place::Number { digits, .. } => *digits,
            Place::Check | Place::Kept(_) => 0,
        };
        self.places.iter().map(counted).sum()
    }

    /// Whether `chars` are of the layout, whatever their check characters.
    pub fn holds(&self, chars: &[u8]) -> bool {
        chars.len() == self.chars && {
            let mut ranks = [0; MAX_CHARS];
            self.rank(chars, &mut ranks).is_some()
        }
    }

    /// The numbers of the segments' values.
    fn rank(&self, chars: &[u8], ranks: &mut [u128; MAX_CHARS]) -> Option<()> {
        let (mut at, mut first) = (0, 0);
        for (segment, rank) in self.segments.iter().zip(ranks) {
            *rank = 0;
            for place in &self.places[first..segment.end] {
                *rank = *rank * place.size() + place.rank(&chars[at..at + place.chars()])?;
                at += place.chars();
            }
            first = segment.end;
        }
        Some(())
    }

    /// Fills all places of `chars` but check characters from the numbers of the segments' values.
    fn unrank(&self, ranks: &[u128; MAX_CHARS], chars: &mut [u8]) {
        let mut end_at = self.chars;
        for (index, segment) in self.segments.iter().enumerate().rev() {
            let first = if index == 0 { 0 } else { self.segments[index - 1].end };
            let mut rank = ranks[index];
            for place in self.places[first..segment.end].iter().rev() {
                let start = end_at - place.chars();
                // Most places are small, and so is what is left of most numbers: the machine divides those itself.
                let (quotient, remainder) = match (u64::try_from(rank), u64::try_from(place.size())) {
                    (Ok(rank), Ok(size)) => (u128::from(rank / size), u128::from(rank % size)),
                    _ => (rank / place.size(), rank % place.size()),
                };
                place.unrank(remainder, &mut chars[start..end_at]);
                rank = quotient;
                end_at = start;
            }
        }
    }
}

/// The characters of a set, ranges spelled out; `None` if there are none, or one is there twice.
fn set(text: &[u8]) -> Option<Vec<u8>> {
    let (mut characters, mut rest) = (Vec::new(), text);
    while let [first, after @ ..] = rest {
        let (last, after) = match after {
            [b'-', last, after @ ..] => (last, after),
            _ => (first, after),
        };
        if first > last {
            return None;
        }
        characters.extend(*first..=*last);
        rest = after;
    }
    let distinct: std::collections::BTreeSet<_> = characters.iter().collect();
    (!characters.is_empty() && distinct.len() == characters.len()).then_some(characters)
}

/// A range such as `01-12`.
fn range(text: &[u8]) -> Option<Place> {
    let (least, most) = std::str::from_utf8(text).ok()?.split_once('-')?;
    let valid = least.len() == most.len() && (1..=18).contains(&least.len());
    let (from, to): (u128, u128) = (least.parse().ok()?, most.parse().ok()?);
    let count = to.checked_sub(from).filter(|_| valid)? + 1;
    Some(Place::Number { least: from, count, digits: least.len() })
}

/// A keyed permutation of the identifiers of a layout.
pub struct Permuter {
    /// The layout.
    pub layout: Layout,
    permutations: Vec<Permutation>,
    /// What mixes a segment into its neighbour, where there is more than one.
    mixer: Option<Permutation>,
}

impl Permuter {
    /// The permutation of `layout` under `key`.
    pub fn new(layout: Layout, key: &DomainKey) -> Self {
        let permutations =
            layout.segments.iter().map(|segment| Permutation::new(key, segment.size)).collect();
        let mixer = (layout.segments.len() > 1).then(|| Permutation::new(key, MAX_SIZE));
        Permuter { layout, permutations, mixer }
    }

    /// Replaces `chars`, an identifier of the layout, by another, until `is_valid` takes it, which fills in its check
    /// characters; false if `chars` is not of the layout.
    ///
    /// One to one among those that are valid (cycle walking), which `chars` is to be.
    pub fn permute(&self, chars: &mut [u8], mut is_valid: impl FnMut(&mut [u8]) -> bool) -> bool {
        let mut ranks = [0; MAX_CHARS];
        if chars.len() != self.layout.chars || self.layout.rank(chars, &mut ranks).is_none() {
            return false;
        }
        loop {
            self.step(&mut ranks);
            self.layout.unrank(&ranks, chars);
            if is_valid(chars) {
                return true;
            }
        }
    }

    fn step(&self, ranks: &mut [u128; MAX_CHARS]) {
        let Some(mixer) = &self.mixer else {
            ranks[0] = self.permutations[0].of(ranks[0]);
            return;
        };
        // Each step can be undone: a segment is moved by what another one says, and that one stays meanwhile.
        let last = self.permutations.len() - 1;
        let mix = |ranks: &mut [u128; MAX_CHARS], from: usize, to: usize| {
            let size = self.layout.segments[to].size;
            ranks[to] = (ranks[to] + mixer.of(ranks[from]) % size) % size;
            ranks[to] = self.permutations[to].of(ranks[to]);
        };
        ranks[0] = self.permutations[0].of(ranks[0]);
        (1..=last).for_each(|index| mix(ranks, index - 1, index));
        (0..last).rev().for_each(|index| mix(ranks, index + 1, index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn key() -> DomainKey {
        MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test")
    }

    #[test]
    fn every_identifier_of_a_small_layout_is_permuted() {
        let permuter = Permuter::new(Layout::parse("[AC-E]-{08-12}9#").unwrap(), &key());
        assert_eq!(permuter.layout.size(), 200.0);
        let mut results = std::collections::BTreeSet::new();
        for letter in "ACDE".chars() {
            for number in 8..=12 {
                for digit in 0..10 {
                    let mut chars = format!("{letter}-{number:02}{digit}?").into_bytes();
                    assert!(permuter.permute(&mut chars, |chars| chars[4] != b'7' || digit == 7));
                    assert!(permuter.layout.holds(&chars));
                    results.insert(chars);
                }
            }
        }
        assert!(results.len() > 180);
    }

    #[test]
    fn a_layout_of_several_segments_is_permuted_as_a_whole() {
        let permuter = Permuter::new(Layout::parse(&"X".repeat(60)).unwrap(), &key());
        assert_eq!(permuter.permutations.len(), 3);
        let permuted = |text: String| {
            let mut chars = text.into_bytes();
            assert!(permuter.permute(&mut chars, |_| true));
            chars
        };
        let (one, other) = (permuted("A".repeat(60)), permuted("A".repeat(59) + "B"));
        let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!(same < 12, "{same} of 60 places are as they were");
    }

    #[test]
    fn what_is_not_of_the_layout_is_refused() {
        let permuter = Permuter::new(Layout::parse("A\\A{01-12}9").unwrap(), &key());
        for text in ["", "BA129", "BB12", "BA139", "BA009", "1A129", "BA12x"] {
            let holds = permuter.permute(&mut text.as_bytes().to_vec(), |_| true);
            assert_eq!(holds, text == "BA129", "{text}");
        }
        for pattern in ["", "[A", "[]", "[B-A]", "[AA]", "{1-12}", "{2-1}", "{x}", "9\\", "é"] {
            assert!(Layout::parse(pattern).is_err(), "{pattern}");
        }
    }
}
