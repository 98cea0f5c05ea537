//! `city`: the name of a city that most likely does not exist.

use super::phrase::{Choice, MAX_LENGTH, PhraseMask, Slot};
use super::places::{ADDRESS, Part, PlaceMask};
use super::words::{LOCALE, distinct, locale};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static CITY: Function = Function {
    name: "city",
    summary: "Replace a city by an invented one; with `by`, by a city of the locale's country, on which all parts of an owner's \
              address agree",
    parameters: &[LOCALE, MAX_LENGTH],
    example: Example { rule: r#""city""#, ty: PgType::Text, input: "Lisbon", output: Some("Strackestad") },
    domain: "city",
    domain_by: Some(ADDRESS),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        if build.by {
            return PlaceMask::build(build, Part::City);
        }
        let words = locale(build.parameters)?;
        let slots = vec![
            Slot { name: "CityName", draw: 0, choice: Choice::Words(distinct(words.last_names)) },
            Slot { name: "CitySuffix", draw: 1, choice: Choice::Words(distinct(words.city_suffixes)) },
        ];
        PhraseMask::build(build, words.city, slots)
    },
};
