//! `latitude` and `longitude`: a point nearby, or one in the owner's city.

use super::draws::place;
use super::places::{ADDRESS, Places};
use super::words::LOCALE;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static LATITUDE: Function = Function {
    name: "latitude",
    summary: "Move a latitude by some kilometres; with `by`, together with the owner's longitude, or into its city",
    parameters: &[RADIUS, AT, LOCALE],
    example: Example { rule: r#""latitude""#, ty: PgType::Float8, input: "38.7223", output: Some("38.7483") },
    domain: "coordinates",
    domain_by: Some(ADDRESS),
    takes,
    takes_text: TAKES_TEXT,
    build: |build| self::build(build, Axis::Latitude),
};

pub static LONGITUDE: Function = Function {
    name: "longitude",
    summary: "Move a longitude by some kilometres; with `by`, together with the owner's latitude, or into its city",
    parameters: &[RADIUS, AT, LOCALE],
    example: Example {
        rule: r#""longitude""#,
        ty: PgType::Float8,
        input: "-9.1393",
        output: Some("-9.1629"),
    },
    domain: "coordinates",
    domain_by: Some(ADDRESS),
    takes,
    takes_text: TAKES_TEXT,
    build: |build| self::build(build, Axis::Longitude),
};

const RADIUS: Parameter =
    Parameter { name: "radius_km", help: "the most kilometres to move a point, 1 to 1000; default 10" };

const AT: Parameter = Parameter {
    name: "at",
    help: "\"city\" to put it within 5 km of the centre of the city that `city` gives the owner; needs `by`",
};

fn takes(ty: &PgType) -> bool {
    ty.is_text() || matches!(ty.base(), PgType::Float4 | PgType::Float8 | PgType::Numeric(_))
}

const TAKES_TEXT: &str =
    "`real`, `double precision`, `numeric`, `text`, `varchar`, `char`, `name`, `citext`; degrees in decimals";

#[derive(Clone, Copy)]
enum Axis {
    Latitude,
    Longitude,
}

impl Axis {
    /// The greatest value.
    fn limit(self) -> f64 {
        match self {
            Axis::Latitude => 90.0,
            Axis::Longitude => 180.0,
        }
    }

    /// The most kilometres of a degree: of latitude at the poles, of longitude at the equator.
    fn km_a_degree(self) -> f64 {
        match self {
            Axis::Latitude => 111.7,
            Axis::Longitude => 111.33,
        }
    }

    /// `degrees` beyond a pole or the date line, brought back.
    fn wrapped(self, degrees: f64) -> f64 {
        let limit = self.limit();
        match (self, degrees.abs() > limit) {
            (_, false) => degrees,
            (Axis::Latitude, true) => degrees.signum() * (2.0 * limit) - degrees,
            (Axis::Longitude, true) => degrees - degrees.signum() * (2.0 * limit),
        }
    }
}

struct Coordinate {
    key: DomainKey,
    axis: Axis,
    radius_km: f64,
    by: bool,
    /// Where points of owners are, unless they are near where they were.
    places: Option<Places>,
    /// The most characters of a result.
    max_chars: usize,
}

/// How far from a city's centre its points are.
const CITY_RADIUS_KM: f64 = 5.0;

impl TextMask for Coordinate {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let invalid = "is not a coordinate in decimal degrees";
        let degrees: f64 = value.trim().parse().map_err(|_| invalid)?;
        if degrees.is_nan() || degrees.abs() > self.axis.limit() {
            return Err(invalid);
        }
        let digest = self.key.prf(subject);
        let index = self.axis as usize;
        let (from, radius_km) = match &self.places {
            Some(places) => (places.draw(&digest).coordinates[index], CITY_RADIUS_KM),
            None => (degrees, self.radius_km),
        };
        let offset =
            if self.by { in_circle(&digest)[index] } else { fraction(&digest, 1) / std::f64::consts::SQRT_2 };
        let moved = self.axis.wrapped(from + offset * radius_km / self.axis.km_a_degree());
        let text = format!("{moved:.0$}", decimals(value));
        if text.len() > self.max_chars {
            return Err("has a result that does not fit the column");
        }
        out.push_str(&text);
        Ok(())
    }
}

/// A point in the circle of radius 1, by draws after the first; with exact arithmetic alone, so that it is the same on
/// every machine.
fn in_circle(digest: &[u8; 32]) -> [f64; 2] {
    let [x, y] = [fraction(digest, 1), fraction(digest, 2)];
    match x * x + y * y <= 1.0 {
        true => [x, y],
        // A corner of the square around the circle, drawn in.
        false => [x, y].map(|offset| offset / std::f64::consts::SQRT_2),
    }
}

/// A number between -1 and 1.
fn fraction(digest: &[u8; 32], draw: usize) -> f64 {
    const STEPS: usize = 1 << 32;
    place(digest, draw, STEPS + 1) as f64 / (STEPS / 2) as f64 - 1.0
}

/// How many decimals `value` is written with.
fn decimals(value: &str) -> usize {
    match value.trim().split_once('.') {
        Some((_, decimals)) if decimals.bytes().all(|byte| byte.is_ascii_digit()) => decimals.len().min(15),
        _ if value.contains(['e', 'E']) => 6,
        _ => 0,
    }
}

fn build(build: &Build<'_>, axis: Axis) -> Result<Built, Refusal> {
    let radius_km = build.parameters.integer("radius_km", 1..=1000)?.unwrap_or(10) as f64;
    let at_city = build.parameters.choice("at", &[("city", ())])?.is_some();
    if at_city && !build.by {
        return Err(Refusal::new("`at = \"city\"` is for the addresses of owners")
            .hint("add `by = \"…\"`, the column that says whose value it is, or leave it out"));
    }
    let places = Places::new(build)?;
    let mask = Coordinate {
        max_chars: build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize),
        key: build.key.clone(),
        axis,
        radius_km,
        by: build.by,
        places: at_city.then_some(places),
    };
    // A sign, three digits, a point and the decimals.
    let max_chars = build.ty.is_text().then(|| build.ty.max_chars().unwrap_or(u32::MAX).min(20));
    Ok(Built::text(mask, Uniqueness::None, max_chars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn a_point_stays_within_the_radius_and_keeps_its_decimals() {
        let mask = Tester::new(&LATITUDE, "radius_km = 100", PgType::Float8);
        for n in 0..500 {
            let value = format!("{}.{:04}", n % 90, n * 7 % 10_000);
            let result = mask.masked(&value).unwrap();
            let moved = result.parse::<f64>().unwrap() - value.parse::<f64>().unwrap();
            assert!(moved.abs() <= 0.9 / 1.4 + 0.0001, "{value} became {result}");
            assert_eq!(result.split_once('.').unwrap().1.len(), 4);
        }
    }

    #[test]
    fn both_coordinates_of_an_owner_move_within_the_circle() {
        for owner in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            let moved = |function| {
                let mask = Tester::new(function, "", PgType::Float8).by(owner);
                mask.masked("0.000000").unwrap().parse::<f64>().unwrap() * 111.0
            };
            let [north, east] = [&LATITUDE, &LONGITUDE].map(moved);
            assert!(north * north + east * east <= 101.0, "{north} {east}");
        }
    }

    #[test]
    fn the_ends_of_the_world_are_not_crossed() {
        assert_eq!(Axis::Latitude.wrapped(90.5), 89.5);
        assert_eq!(Axis::Longitude.wrapped(180.5), -179.5);
        assert_eq!(Axis::Longitude.wrapped(-180.5), 179.5);
        for value in ["91", "nan", "inf", "", "12 N"] {
            assert!(Tester::new(&LATITUDE, "", PgType::Text).masked(value).is_err(), "{value}");
        }
        assert!(Tester::refused(&LATITUDE, "at = 'city'", PgType::Float8).contains("owners"));
    }
}
