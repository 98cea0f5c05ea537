//! E-mail addresses in running text: letters, digits and `.`, `_`, `%`, `+`, `-`, `'` before an `@`, a host after it.

use super::{Found, Kind, after};

/// The address around the `@` at the byte `at`, none of it before `floor`.
pub fn around(text: &str, at: usize, floor: usize) -> Option<Found> {
    let start = local_start(text, at, floor);
    let end = host_end(text, at + 1);
    (start < at && end > at + 1).then_some(Found { kind: Kind::Email, start, end })
}

/// The end of the characters from `at` on that may stand before an `@`.
pub fn local_end(text: &str, at: usize) -> usize {
    let length = text[at..].find(|c: char| !is_local(c));
    length.map_or(text.len(), |length| at + length)
}

fn is_local(c: char) -> bool {
    matches!(c, '.' | '_' | '%' | '+' | '-' | '\'') || c.is_alphanumeric()
}

fn local_start(text: &str, at: usize, floor: usize) -> usize {
    let local = text[floor..at].trim_end_matches(is_local);
    let start = floor + local.len();
    // What stands before the first letter or digit belongs to the sentence.
    let stray = text[start..at].find(|c: char| c.is_alphanumeric() || c == '_').unwrap_or(at - start);
    start + stray
}

/// The end of the host at `start`: labels with dots between them, the last with a letter; `start` if there is none.
fn host_end(text: &str, start: usize) -> usize {
    let mut end = start;
    let mut at = start;
    loop {
        let label = label_end(text, at);
        let name = text[at..label].trim_end_matches('-');
        if name.is_empty() {
            return end;
        }
        if name.contains(char::is_alphabetic) {
            end = at + name.len();
        }
        if after(text, label) != Some('.') {
            return end;
        }
        at = label + 1;
    }
}

fn label_end(text: &str, at: usize) -> usize {
    let length = text[at..].find(|c: char| !c.is_alphanumeric() && c != '-');
    length.map_or(text.len(), |length| at + length)
}
