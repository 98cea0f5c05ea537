//! Postgres' own formats: dumps and archives, scripts, COPY text, DDL. Knows nothing of rules or masks.

pub mod compression;
pub mod dump;
pub mod encoding;
pub mod insert;
pub mod script;
