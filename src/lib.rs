//! Masked Postgres snapshots for staging.
pub mod cli;
pub mod error;
pub mod functions;
pub mod key;
pub mod masked;
pub mod nearest;
pub mod pg;
pub mod pipeline;
pub mod plan;
pub mod report;
pub mod rules;
pub mod schema;
pub mod source;
pub mod staged;
pub mod target;
