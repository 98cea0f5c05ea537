//! Numbers of documents: passports, driving licences, plates. Their shape stays, or that of a pattern.

use super::layout::Layout;
use super::scheme::Numbers;
use super::shape::Shapes;
use super::spelling::SEPARATORS;
use super::{Build, Built, Parameter, Refusal, Uniqueness};
use crate::nearest::did_you_mean;

/// The parameter `pattern`.
pub const PATTERN: Parameter = Parameter {
    name: "pattern",
    help: "a pattern that numbers have, or a list of them, without their separators: 9 is a digit, A a letter, X either, \
           [A-D] a character of a set, {01-12} a number in a range; default any shape, where digits become digits and \
           letters become letters: of n digits and m letters there are 10ⁿ times 26ᵐ",
};

/// The parameter `small_domain`.
pub const SMALL_DOMAIN: Parameter = Parameter {
    name: "small_domain",
    help: "\"accept\" for numbers so short that there are fewer than 10⁶ of their shape, which can be guessed one by \
           one; by default they are invalid",
};

/// The numbers of a country's documents.
pub struct Country {
    /// Its two letters (ISO 3166), with the region's after a hyphen.
    pub name: &'static str,
    /// The patterns of its numbers; the first that a number fits counts.
    pub patterns: &'static [&'static str],
}

/// What a function of numbers of documents is built to; numbers of a known country that are none are `invalid`.
///
/// # Errors
/// If both `country` and `pattern` are given, or either is none.
pub fn built(build: &Build<'_>, countries: &[Country], invalid: &'static str) -> Result<Built, Refusal> {
    let parameters = build.parameters;
    let accepts_small = parameters.choice("small_domain", &[("accept", ())])?.is_some();
    let patterns = match (parameters.text("country")?, parameters.0.get("pattern")) {
        (None, None) => {
            let mask = Shapes::new(build.key, accepts_small);
            return Ok(Built::text(mask, Uniqueness::Injective, build.ty.max_chars()));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new("both `country` and `pattern` are given").hint("leave one of them out"));
        }
        (Some(name), None) => of_country(name, countries)?,
        (None, Some(pattern)) => given(pattern)?,
    };
    let layouts: Vec<Layout> =
        patterns.iter().map(|pattern| Layout::parse(pattern)).collect::<Result<_, _>>()?;
    if layouts.iter().any(|layout| !layout.check_places().is_empty()) {
        return Err(Refusal::new("`pattern` has a check character").hint("use `check_digit` for it"));
    }
    let least = layouts.iter().map(Layout::size).fold(f64::INFINITY, f64::min);
    if least < 1e6 && !accepts_small {
        return Err(Refusal::new(format!(
            "a pattern has {least} numbers, fewer than 10^6, which can be guessed"
        ))
        .hint("add `small_domain = \"accept\"` if that is no harm"));
    }
    Ok(Numbers::new(layouts, Box::new(|_, _| true), SEPARATORS, invalid, build).built(build))
}

fn of_country(name: &str, countries: &[Country]) -> Result<Vec<String>, Refusal> {
    let found = countries.iter().find(|country| country.name == name);
    let patterns =
        found.map(|country| country.patterns.iter().map(|pattern| (*pattern).to_string()).collect());
    patterns.ok_or_else(|| {
        let hint = did_you_mean(name, countries.iter().map(|country| country.name));
        Refusal::new(format!("`country` has no choice `{name}`"))
            .hint(hint.unwrap_or_else(|| "leave it out, or give a `pattern`".into()))
    })
}

fn given(pattern: &toml::Value) -> Result<Vec<String>, Refusal> {
    let text = |value: &toml::Value| value.as_str().map(str::to_string);
    let patterns = match pattern {
        toml::Value::Array(patterns) => patterns.iter().map(text).collect(),
        pattern => text(pattern).map(|pattern| vec![pattern]),
    };
    patterns.filter(|patterns: &Vec<String>| !patterns.is_empty()).ok_or_else(|| {
        Refusal::new("`pattern` is neither a string nor a list of them")
            .hint("write `pattern = \"AA999999\"`")
    })
}
