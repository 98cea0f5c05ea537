//! `region`: a state, province or the like.

use super::draws::place;
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::places::{ADDRESS, Part, PlaceMask, Places, is_code};
use super::words::LOCALE;
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static REGION: Function = Function {
    name: "region",
    summary: "Replace a state, province or the like by another, a code by a code; with `by`, by that of the owner's city",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example { rule: r#""region""#, ty: PgType::Text, input: "CA", output: Some("WA") },
    domain: "region",
    domain_by: Some(ADDRESS),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// Regions and their codes.
struct Region {
    key: DomainKey,
    regions: Vec<[&'static str; 2]>,
}

impl TextMask for Region {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let drawn = place(&self.key.prf(subject), 0, self.regions.len());
        let form = usize::from(is_code(value));
        let is_itself = self.regions[drawn][form].eq_ignore_ascii_case(value.trim());
        out.push_str(self.regions[(drawn + usize::from(is_itself)) % self.regions.len()][form]);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    if build.by {
        return PlaceMask::build(build, Part::Region);
    }
    let mut regions: Vec<_> = Places::new(build)?.iter().map(|place| place.region).collect();
    regions.sort_unstable();
    regions.dedup();
    let chars = |region: &[&str; 2]| region[0].chars().count().max(region[1].len());
    if let Some(limit) = max_length(build)? {
        let least = regions.iter().map(chars).min().unwrap_or(0);
        regions.retain(|region| chars(region) <= limit);
        if regions.is_empty() {
            return Err(too_short(least));
        }
    }
    let longest = regions.iter().map(chars).max().unwrap_or(0);
    let mask = Region { key: build.key.clone(), regions };
    Ok(Built::text(mask, Uniqueness::None, Some(longest as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_code_becomes_a_code_and_a_name_a_name() {
        let mask = Tester::new(&REGION, "locale = 'de_DE'", PgType::Text);
        assert_eq!(mask.masked("BY").unwrap().len(), 2);
        assert!(mask.masked("Bayern").unwrap().chars().count() > 3);
        assert_ne!(mask.masked("Bayern").unwrap(), "Bayern");
    }
}
