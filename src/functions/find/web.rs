//! Links and addresses of hosts in running text.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Found, Kind, after, before, is_boundary};

/// The most characters of an IPv6 address.
const MAX_IPV6_CHARS: usize = 45;

/// The link whose scheme ends at the byte `at`, before `://`.
pub fn url(text: &str, at: usize, floor: usize) -> Option<Found> {
    if !text[at..].starts_with("://") {
        return None;
    }
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-');
    let scheme = text[floor..at].rfind(|c: char| !is_scheme(c));
    let start =
        scheme.map_or(floor, |before| floor + before + after(text, floor + before).map_or(1, char::len_utf8));
    let first_letter = text[start..at].find(|c: char| c.is_ascii_alphabetic())?;
    let end = link_end(text, at + 3);
    (end > at + 3).then_some(Found { kind: Kind::Url, start: start + first_letter, end })
}

/// The link that begins with `www.`, of which the dot is at the byte `at`.
pub fn www(text: &str, at: usize, floor: usize) -> Option<Found> {
    let start = at.checked_sub(3).filter(|start| *start >= floor)?;
    let is_www = text.as_bytes()[start..at].eq_ignore_ascii_case(b"www");
    if !is_www || !is_boundary(before(text, start), Some('w')) || !after(text, at + 1)?.is_alphanumeric() {
        return None;
    }
    let end = link_end(text, at + 1);
    (end > at + 1).then_some(Found { kind: Kind::Url, start, end })
}

/// Where a link ends: at white space or a character that none has; a bracket that it did not open, and the marks of
/// the sentence around it, are not part of it.
fn link_end(text: &str, start: usize) -> usize {
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "<>\"`{}|\\^«»“”".contains(c);
    let length = text[start..].find(is_end).unwrap_or(text.len() - start);
    let mut link = &text[start..start + length];
    // How many more brackets of each kind are closed than opened.
    let surplus = |open: u8, close: u8| {
        link.bytes().fold(0, |count, byte| count + i64::from(byte == close) - i64::from(byte == open))
    };
    let (mut round, mut square) = (surplus(b'(', b')'), surplus(b'[', b']'));
    while let Some(last) = link.chars().next_back() {
        let is_stray = match last {
            ')' => {
                round -= 1;
                round >= 0
            }
            ']' => {
                square -= 1;
                square >= 0
            }
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…' => true,
            _ => false,
        };
        if !is_stray {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    start + link.len()
}

/// The IPv4 address that starts at the digit at `at`.
pub fn ipv4(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let length =
        bytes[at..].iter().take(16).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let run = text[at..at + length].trim_end_matches('.');
    let address: Option<Ipv4Addr> = run.parse().ok();
    let end = at + run.len();
    let is_free =
        before(text, at) != Some('.') && is_boundary(text[..end].chars().next_back(), after(text, end));
    address.filter(|_| is_free).map(|_| Found { kind: Kind::Ip, start: at, end })
}

/// The IPv6 address that the byte `at` is in, a digit or a colon.
pub fn ipv6(text: &str, at: usize, floor: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':';
    let back = bytes[floor..at].iter().rev().take(MAX_IPV6_CHARS + 1).take_while(is_part).count();
    let is_part_or_dot = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let ahead = bytes[at..].iter().take(MAX_IPV6_CHARS + 1).take_while(is_part_or_dot).count();
    let start = at - back;
    let run = text[start..at + ahead].trim_end_matches('.');
    // A colon may end the sentence's part, but two are the address's.
    let run = if run.ends_with(':') && !run.ends_with("::") { &run[..run.len() - 1] } else { run };
    let end = start + run.len();
    let has_digit = run.bytes().any(|byte| byte.is_ascii_digit());
    let is_free = is_boundary(before(text, start), after(text, start))
        && is_boundary(before(text, end), after(text, end));
    let looks_so = run.len() > 3 && run.len() <= MAX_IPV6_CHARS && has_digit && run.matches(':').count() > 1;
    let found = Found { kind: Kind::Ip, start, end };
    (looks_so && is_free && run.parse::<Ipv6Addr>().is_ok()).then_some(found)
}
