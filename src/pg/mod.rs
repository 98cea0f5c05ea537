//! Postgres' own formats: dumps and archives, scripts, COPY text, DDL. Knows nothing of rules or masks.

pub mod archive;
pub mod blocks;
pub mod compress;
pub mod compression;
pub mod copy;
pub mod ddl;
pub mod dump;
pub mod restore;
pub mod copy_statement;
pub mod dump;
pub mod encoding;
pub mod stream;
pub mod escape;
