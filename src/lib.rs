//! Masked Postgres snapshots for staging: nobody's data, every reference intact.
//!
//! Data flows one way: [`source`] reads blocks of COPY text, [`pg::copy`] decodes them into batches, [`masked`] applies
//! the actions of the [`plan`], a [`target`] encodes and writes them; [`pipeline`] carries it out on all cores. A rule is
//! read and bound to the [`schema`] by [`rules`], and built from a function of [`functions`] under a [`key`].
//! docs/architecture.md has the map in full.

pub mod cli;
pub mod condition;
pub mod error;
pub mod functions;
pub mod kept_rows;
pub mod key;
pub mod masked;
pub mod nearest;
pub mod pg;
pub mod pipeline;
pub mod plan;
mod prf;
pub mod report;
pub mod rules;
pub mod schema;
pub mod source;
pub mod staged;
pub mod subset;
pub mod target;
