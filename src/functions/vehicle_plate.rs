//! `vehicle_plate`: what vehicles have on their plates.

use super::document::{PATTERN, SMALL_DOMAIN, built};
use super::{Example, Function, TEXT_TYPES};
use crate::schema::PgType;

pub static VEHICLE_PLATE: Function = Function {
    name: "vehicle_plate",
    summary: "Replace a vehicle's plate by another of the same shape, one to one; a shape has ten plates for each digit \
              and 26 for each letter",
    parameters: &[PATTERN, SMALL_DOMAIN],
    example: Example {
        rule: r#""vehicle_plate""#,
        ty: PgType::Text,
        input: "B-MW 1234",
        output: Some("A-MV 7788"),
    },
    domain: "vehicle_plate",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| built(build, &[], "is not a plate of the pattern"),
};
