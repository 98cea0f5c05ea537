//! Masked Postgres snapshots for staging.
pub mod error;
pub mod functions;
pub mod key;
pub mod masked;
pub mod pg;
pub mod plan;
pub mod rules;
pub mod schema;
pub mod source;
pub mod target;
