//! The keyed permutation of the identifiers of a layout.

use super::{Layout, MAX_SIZE, Ranks};
use crate::functions::feistel::{Feistel, Lane, Size};
use crate::functions::text::LANES;

/// How the identifiers of a layout are permuted.
pub struct Permuter {
    /// The layout.
    pub layout: Layout,
    sizes: Vec<Size>,
    /// What mixes a segment into its neighbour, where there is more than one.
    mixer: Option<Size>,
}

/// An identifier on its way to another of its layout.
pub struct Walk<'a> {
    /// How those of its layout are permuted.
    pub permuter: &'a Permuter,
    /// Its number, and then that of what it has become.
    pub ranks: Ranks,
    /// Its characters, and then those of what it has become.
    pub chars: &'a mut [u8],
}

impl Permuter {
    /// The permutation of `layout` among those of `feistel`.
    pub fn new(layout: Layout, feistel: &Feistel) -> Self {
        let sizes = layout.segments.iter().map(|segment| feistel.size(segment.size)).collect();
        let mixer = (layout.segments.len() > 1).then(|| feistel.size(MAX_SIZE));
        Permuter { layout, sizes, mixer }
    }

    /// Replaces a number by what it becomes, where there is more than one segment.
    fn step(&self, feistel: &Feistel, mixer: &Size, ranks: &mut Ranks) {
        let permuted = |size, number| {
            let mut lane = [Lane { size, number }];
            feistel.apply(&mut lane);
            lane[0].number
        };
        // Each step can be undone: a segment is moved by what another one says, and that one stays meanwhile.
        let last = self.sizes.len() - 1;
        let mix = |ranks: &mut Ranks, from: usize, to: usize| {
            let size = self.layout.segments[to].size;
            let moved = (ranks[to] + permuted(mixer, ranks[from]) % size) % size;
            ranks[to] = permuted(&self.sizes[to], moved);
        };
        ranks[0] = permuted(&self.sizes[0], ranks[0]);
        (1..=last).for_each(|index| mix(ranks, index - 1, index));
        (0..last).rev().for_each(|index| mix(ranks, index + 1, index));
    }
}

/// Replaces each identifier by another of its layout, until `is_valid` takes it, which is told the index of the walk and
/// fills in its check characters.
///
/// One to one among those that are valid (cycle walking), which the identifiers are to be. The permuters are of
/// `feistel`; several identifiers together take little longer than one.
pub fn walk(feistel: &Feistel, walks: &mut [Walk<'_>], mut is_valid: impl FnMut(usize, &mut [u8]) -> bool) {
    for start in (0..walks.len()).step_by(LANES) {
        let mut walking: [usize; LANES] = std::array::from_fn(|lane| start + lane);
        let mut count = LANES.min(walks.len() - start);
        while count > 0 {
            step(feistel, walks, &walking[..count]);
            let mut left_out = 0;
            for at in 0..count {
                let index = walking[at];
                let Walk { permuter, ranks, chars } = &mut walks[index];
                permuter.layout.unrank(ranks, chars);
                if !is_valid(index, chars) {
                    walking[left_out] = index;
                    left_out += 1;
                }
            }
            count = left_out;
        }
    }
}

/// Takes a step with each of those that are still `walking`, at most [`LANES`].
fn step(feistel: &Feistel, walks: &mut [Walk<'_>], walking: &[usize]) {
    let first = walks[walking[0]].permuter;
    let mut lanes = [Lane { size: &first.sizes[0], number: 0 }; LANES];
    let (mut lane_of, mut count) = ([0; LANES], 0);
    for &index in walking {
        let Walk { permuter, ranks, .. } = &mut walks[index];
        match &permuter.mixer {
            Some(mixer) => permuter.step(feistel, mixer, ranks),
            None => {
                lanes[count] = Lane { size: &permuter.sizes[0], number: ranks[0] };
                lane_of[count] = index;
                count += 1;
            }
        }
    }
    feistel.apply(&mut lanes[..count]);
    for (lane, &index) in lanes[..count].iter().zip(&lane_of) {
        walks[index].ranks[0] = lane.number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MasterKey;

    fn feistel() -> Feistel {
        Feistel::new(&MasterKey::from_bytes(vec![0; 32]).unwrap().domain("test"))
    }

    /// What identifiers become together.
    fn permuted(
        pattern: &str,
        texts: &[String],
        is_valid: impl Fn(usize, &mut [u8]) -> bool,
    ) -> Vec<Vec<u8>> {
        let (feistel, layout) = (feistel(), Layout::parse(pattern).unwrap());
        let permuter = Permuter::new(layout, &feistel);
        let mut chars: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
        let mut walks: Vec<Walk<'_>> = chars
            .iter_mut()
            .map(|chars| Walk { ranks: permuter.layout.rank(chars).unwrap(), permuter: &permuter, chars })
            .collect();
        walk(&feistel, &mut walks, is_valid);
        chars
    }

    #[test]
    fn every_identifier_of_a_small_layout_is_permuted() {
        let texts: Vec<String> = "ACDE"
            .chars()
            .flat_map(|letter| (8..=12).map(move |number| format!("{letter}-{number:02}")))
            .flat_map(|start| (0..10).map(move |digit| format!("{start}{digit}?")))
            .collect();
        let results: std::collections::BTreeSet<_> =
            permuted("[AC-E]-{08-12}9#", &texts, |_, _| true).into_iter().collect();
        assert!(results.into_iter().eq(texts.iter().map(String::as_bytes).map(<[u8]>::to_vec)));
        let sevens: Vec<String> = texts.into_iter().filter(|text| text[4..].starts_with('7')).collect();
        let results: std::collections::BTreeSet<_> =
            permuted("[AC-E]-{08-12}9#", &sevens, |_, chars| chars[4] == b'7').into_iter().collect();
        assert!(results.into_iter().eq(sevens.iter().map(String::as_bytes).map(<[u8]>::to_vec)));
    }

    #[test]
    fn a_layout_of_several_segments_is_permuted_as_a_whole() {
        let texts = ["A".repeat(60), "A".repeat(59) + "B"];
        let results = permuted(&"X".repeat(60), &texts, |_, _| true);
        let same = results[0].iter().zip(&results[1]).filter(|(one, other)| one == other).count();
        assert!(same < 12, "{same} of 60 places are as they were");
    }
}
