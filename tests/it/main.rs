//! Tests that cross modules, in one binary.

mod rules;
