//! Postgres' own formats: dumps and archives, scripts, COPY text, DDL. Knows nothing of rules or masks.

pub mod array;
pub mod compression;
pub mod datetime;
pub mod dump;
