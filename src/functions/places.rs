//! Cities that the parts of an address come from where it has an owner: city, region, postal code, country and
//! coordinates of one owner are those of one place.

use super::draws::{Draws, place};
use super::phrase::max_length;
use super::words::locale;
use super::{Build, Built, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;

/// The domain of addresses by owner.
pub const ADDRESS: &str = "address";

/// The places of a locale.
pub struct Places {
    /// The two-letter code of the country, its three-letter code (ISO 3166-1), and its name.
    pub country: [&'static str; 3],
    places: Vec<Place>,
}

/// A city.
pub struct Place {
    /// Its name.
    pub city: &'static str,
    /// The region it is in, and a code of it.
    pub region: [&'static str; 2],
    /// Its postal codes: `#` is a digit, `$` a letter.
    pub postal_codes: &'static str,
    /// Degrees north and degrees east.
    pub coordinates: [f64; 2],
}

/// Places by locale.
const LISTS: &str = include_str!("words/places.txt");

impl Places {
    /// The places of the rule's locale.
    ///
    /// # Errors
    /// If there is no such locale.
    pub fn new(build: &Build<'_>) -> Result<Self, Refusal> {
        Ok(Places::of_locale(locale(build.parameters)?.name).expect("every locale has places"))
    }

    fn of_locale(name: &str) -> Option<Self> {
        let title = format!("\n[{name}|");
        let (head, body) = LISTS[LISTS.find(&title)? + title.len()..].split_once("]\n")?;
        let body = body.split_once("\n\n").map_or(body, |(body, _)| body);
        let country = fields(head)?;
        let places = body.lines().map(Place::parse).collect::<Option<Vec<_>>>()?;
        Some(Places { country, places })
    }

    /// The place that `digest` draws, with its first eight bytes.
    pub fn draw(&self, digest: &[u8; 32]) -> &Place {
        &self.places[place(digest, 0, self.places.len())]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }
}

impl Place {
    fn parse(line: &'static str) -> Option<Self> {
        let [city, region, code, postal_codes, latitude, longitude] = fields(line)?;
        let coordinates = [latitude.parse().ok()?, longitude.parse().ok()?];
        Some(Place { city, region: [region, code], postal_codes, coordinates })
    }
}

fn fields<const N: usize>(line: &'static str) -> Option<[&'static str; N]> {
    line.split('|').collect::<Vec<_>>().try_into().ok()
}

/// What of an owner's place a column holds.
#[derive(Clone, Copy)]
pub enum Part {
    City,
    Region,
    PostalCode,
    Country,
}

/// The mask that replaces a part of an address by that of the owner's place.
pub struct PlaceMask {
    key: DomainKey,
    places: Places,
    part: Part,
    /// The most characters of a result; the rest is cut off.
    limit: usize,
}

impl PlaceMask {
    /// The mask of that part, as short as `max_length` asks.
    ///
    /// # Errors
    /// If a parameter is wrong.
    pub fn build(build: &Build<'_>, part: Part) -> Result<Built, Refusal> {
        let places = Places::new(build)?;
        let [_, _, country] = places.country;
        let chars = |text: &str| text.chars().count();
        let longest = match part {
            Part::City => places.iter().map(|place| chars(place.city)).max().unwrap_or(0),
            Part::Region => places.iter().map(|place| chars(place.region[0])).max().unwrap_or(0),
            Part::PostalCode => {
                places.iter().map(|place| chars(place.postal_codes)).max().unwrap_or(0).max(ZIP_CHARS)
            }
            Part::Country => chars(country).max(3),
        };
        let limit = max_length(build)?.unwrap_or(longest).min(longest);
        let mask = PlaceMask { key: build.key.clone(), places, part, limit };
        Ok(Built::text(mask, Uniqueness::None, Some(limit as u32)))
    }
}

/// The characters of a ZIP code with its add-on, `12345-6789`.
const ZIP_CHARS: usize = 10;

impl TextMask for PlaceMask {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        let place = self.places.draw(&digest);
        let start = out.len();
        match self.part {
            Part::City => out.push_str(place.city),
            Part::Region => out.push_str(place.region[usize::from(is_code(value))]),
            Part::Country => out.push_str(in_form_of(value, self.places.country)),
            Part::PostalCode => {
                let mut draws = Draws::new(&self.key, &digest);
                fill(place.postal_codes, &mut draws, out);
                if self.places.country[0] == "US" && value.trim_end().len() == ZIP_CHARS {
                    fill("-####", &mut draws, out);
                }
            }
        }
        if let Some((cut, _)) = out[start..].char_indices().nth(self.limit) {
            out.truncate(start + cut);
        }
        Ok(())
    }
}

fn fill(pattern: &str, draws: &mut Draws<'_>, out: &mut String) {
    out.extend(pattern.chars().map(|character| match character {
        '#' => draws.digit(0),
        '$' => draws.letter(true),
        other => other,
    }));
}

/// Whether `value` is a code, not a name: at most three letters of ASCII or digits.
pub fn is_code(value: &str) -> bool {
    let value = value.trim();
    (1..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The one of two-letter code, three-letter code and name that has the form of `value`.
pub fn in_form_of<'a>(value: &str, [two, three, name]: [&'a str; 3]) -> &'a str {
    match (is_code(value), value.trim().len()) {
        (true, 2) => two,
        (true, 3) => three,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::words::LOCALES;

    #[test]
    fn every_locale_has_places() {
        for locale in LOCALES {
            let places = Places::of_locale(locale.name).unwrap_or_else(|| panic!("{}", locale.name));
            assert!(places.places.len() >= 12, "{}", locale.name);
            for place in places.iter() {
                assert!(!place.city.is_empty() && is_code(place.region[1]), "{}", place.city);
                assert!((1..=11).contains(&place.postal_codes.len()), "{}", place.city);
                let [latitude, longitude] = place.coordinates;
                assert!(latitude.abs() < 90.0 && longitude.abs() < 180.0);
            }
        }
    }

    #[test]
    fn a_value_keeps_its_form() {
        let country = ["DE", "DEU", "Deutschland"];
        assert_eq!(in_form_of("FR", country), "DE");
        assert_eq!(in_form_of("FRA", country), "DEU");
        assert_eq!(in_form_of("France", country), "Deutschland");
        assert_eq!(in_form_of("", country), "Deutschland");
    }
}
