//! Postgres' own formats: dumps and archives, scripts, COPY text, DDL. Knows nothing of rules or masks.

pub mod archive;
pub mod blocks;
pub mod compression;
pub mod copy_statement;
pub mod dump;
pub mod encoding;
pub mod stream;
pub mod zlib;
