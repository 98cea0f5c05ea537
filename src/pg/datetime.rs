//! stub
pub fn format_rfc3339(_s: i64) -> String { String::new() }
