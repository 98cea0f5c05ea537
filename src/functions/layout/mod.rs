//! Identifiers whose places have alphabets of their own, as whole numbers: what permutes them one to one.

mod permuter;
mod place;

pub use permuter::{Permuter, Walk, walk};
pub use place::Ranking;

use place::Place;

use super::Refusal;

/// The most characters of an identifier.
pub const MAX_CHARS: usize = 64;

/// The places of an identifier, read from a pattern.
///
/// In a pattern `9` is a digit, `A` a letter from A to Z, `X` a digit or letter, `[A-DX]` a character of that set,
/// `{01-12}` a number of that many digits in that range, and `#` a check character; any other character, and one after
/// `\`, stands for itself.
pub struct Layout {
    /// As they are written.
    places: Vec<Place>,
    /// The same, those that are alike and side by side as one.
    runs: Vec<Place>,
    /// How many characters it has.
    pub chars: usize,
    segments: Vec<Segment>,
}

/// Runs of places whose values are one number together: few enough that it fits.
struct Segment {
    /// Where its runs end.
    end: usize,
    /// How many values they have.
    size: u128,
}

/// The most values of a segment.
const MAX_SIZE: u128 = 1 << 120;

/// The most segments: each but the last has more than 2⁵⁶ values, which take nine characters or more.
const MAX_SEGMENTS: usize = 8;

/// The numbers of the segments' values.
pub type Ranks = [u128; MAX_SEGMENTS];

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
                b'9' => Place::Digits(1),
                b'A' => Place::Letters(1),
                b'X' => Place::Alphanumerics(1),
                b'#' => Place::Check,
                b'[' => {
                    let end = rest
                        .iter()
                        .position(|byte| *byte == b']')
                        .ok_or_else(|| refused("has a set without an end"))?;
                    let set =
                        set(&rest[..end]).ok_or_else(|| refused("has a set that is empty or upside down"))?;
                    rest = &rest[end + 1..];
                    Place::one_of(set)
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
                    Place::one_of(vec![literal.to_ascii_uppercase()])
                }
                literal => Place::one_of(vec![literal.to_ascii_uppercase()]),
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

    /// The identifiers of which all but the check character at their end are numbered by rules of their own.
    pub fn ranked(ranking: &'static Ranking) -> Self {
        Layout::of(vec![Place::Ranked(ranking), Place::Check])
    }

    fn of(places: Vec<Place>) -> Self {
        let chars = places.iter().map(Place::chars).sum();
        let mut runs: Vec<Place> = Vec::new();
        for place in &places {
            match runs.last().and_then(|run| run.joined(place)) {
                Some(joined) => {
                    runs.pop();
                    runs.push(joined);
                }
                None => runs.push(place.clone()),
            }
        }
        let mut segments = vec![Segment { end: 0, size: 1 }];
        for run in &runs {
            let (last, size) =
                (segments.last_mut().expect("there is one from the start"), u128::from(run.size()));
            if last.size.saturating_mul(size) <= MAX_SIZE {
                last.size *= size;
                last.end += 1;
            } else {
                let end = last.end + 1;
                segments.push(Segment { end, size });
            }
        }
        Layout { places, runs, chars, segments }
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
        self.unrank(&Ranks::default(), &mut chars);
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
            Place::Check | Place::Kept(_) => 0,
            Place::OneOf(set) => usize::from(set.first().is_ascii_alphanumeric()),
            place => place.chars(),
        };
        self.places.iter().map(counted).sum()
    }

    /// The numbers of the segments' values; `None` if `chars`, whatever their check characters, are not of the layout.
    pub fn rank(&self, chars: &[u8]) -> Option<Ranks> {
        if chars.len() != self.chars {
            return None;
        }
        let mut ranks = Ranks::default();
        let (mut at, mut first) = (0, 0);
        for (segment, rank) in self.segments.iter().zip(&mut ranks) {
            for run in &self.runs[first..segment.end] {
                let of_run = u128::from(run.rank(&chars[at..at + run.chars()])?);
                *rank = *rank * u128::from(run.size()) + of_run;
                at += run.chars();
            }
            first = segment.end;
        }
        Some(ranks)
    }

    /// Fills all places of `chars` but check characters from the numbers of the segments' values.
    fn unrank(&self, ranks: &Ranks, chars: &mut [u8]) {
        let mut end_at = self.chars;
        for (index, segment) in self.segments.iter().enumerate().rev() {
            let first = if index == 0 { 0 } else { self.segments[index - 1].end };
            let mut rank = ranks[index];
            for (run_index, run) in self.runs[first..segment.end].iter().enumerate().rev() {
                let start = end_at - run.chars();
                // What is left for the first run is below its size, and most numbers fit the machine's own division.
                let size = run.size();
                let (quotient, remainder) = match u64::try_from(rank) {
                    Ok(rank) if run_index == 0 => (0, rank),
                    Ok(rank) => (u128::from(rank / size), rank % size),
                    Err(_) => (rank / u128::from(size), (rank % u128::from(size)) as u64),
                };
                run.unrank(remainder, &mut chars[start..end_at]);
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
    let (from, to): (u64, u64) = (least.parse().ok()?, most.parse().ok()?);
    let count = to.checked_sub(from).filter(|_| valid)? + 1;
    Some(Place::Number { least: from, count, digits: least.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_what_it_is_numbered() {
        for (pattern, chars) in [
            ("[AC-E]-{08-12}9#", "D-117#"),
            ("AAAAAA99[A-EHLMPR-T][0-7]9[A-MZ]999#", "RCCMNL83S18D969#"),
            ("\\D\\E##999999999999999999", "DE##370400440532013000"),
            ("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ9"),
        ] {
            let layout = Layout::parse(pattern).unwrap();
            let ranks = layout.rank(chars.as_bytes()).unwrap();
            let mut written = vec![b'#'; layout.chars];
            layout.unrank(&ranks, &mut written);
            assert_eq!(written, chars.as_bytes());
        }
    }

    #[test]
    fn what_is_not_of_the_layout_is_refused() {
        let layout = Layout::parse("A\\A{01-12}9").unwrap();
        for text in ["", "BA129", "BB12", "BA139", "BA009", "1A129", "BA12x"] {
            assert_eq!(layout.rank(text.as_bytes()).is_some(), text == "BA129", "{text}");
        }
        for pattern in ["", "[A", "[]", "[B-A]", "[AA]", "{1-12}", "{2-1}", "{x}", "9\\", "é"] {
            assert!(Layout::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_longest_identifiers_have_few_segments() {
        let printable: String =
            (b'!'..=b'~').filter(|byte| !b"]-\\".contains(byte)).map(char::from).collect();
        for pattern in
            ["X".repeat(64), format!("[{printable}]").repeat(64), "{000000000-999999999}".repeat(7)]
        {
            assert!(Layout::parse(&pattern).unwrap().segments.len() <= MAX_SEGMENTS);
        }
    }
}
