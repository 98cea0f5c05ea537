//! Postgres' own formats: dumps and archives, scripts, COPY text, DDL. Knows nothing of rules or masks.

pub mod archive;
pub mod archive_form;
pub mod array;
pub mod blocks;
pub mod client;
pub mod compression;
pub mod copy;
pub mod copy_statement;
pub mod datetime;
pub mod ddl;
pub mod dump;
pub mod encoding;
pub mod escape;
pub mod float;
pub mod insert;
pub mod integer;
pub mod interval;
pub mod random_access;
pub mod restore;
pub mod script;
pub mod stream;
pub mod uuid;
pub mod values;
pub mod zlib;
