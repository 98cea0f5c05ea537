//! Host names under a reserved domain, so that they are nobody's and cannot be reached.

use std::borrow::Cow;

use super::draws::{push_base32, tag_chars};
use super::phrase::{max_length, too_short};
use super::{Build, Refusal};
use crate::key::DomainKey;
use crate::schema::PgType;

/// Makes host names: a tag for each label, drawn from the label and all after it, so that hosts of one domain have one
/// domain again, and `.test` at the end (RFC 6761).
pub struct Hosts {
    key: DomainKey,
    tag_chars: usize,
    /// Whether names that differ in case are to stay different: the first tag is drawn from the name as it is spelled.
    is_exact: bool,
    most_labels: usize,
}

/// The reserved domain.
const END: &str = ".test";

/// The most labels of a result: those further to the left become one.
const MOST_LABELS: usize = 4;

/// The most characters of a name (RFC 1035, section 2.3.4).
const MAX_CHARS: usize = 253;

impl Hosts {
    /// Hosts as `unique` and `max_length` ask for, and the column's type, less `others`: what comes beside the host.
    ///
    /// # Errors
    /// If no host is so short.
    pub fn new(build: &Build<'_>, others: usize) -> Result<Self, Refusal> {
        let is_unique = build.parameters.flag("unique")?;
        let tag_chars = tag_chars(is_unique);
        let is_exact = is_unique && *build.ty.base() != PgType::Citext;
        let limit = max_length(build)?
            .unwrap_or(usize::MAX)
            .min(build.ty.max_chars().map_or(usize::MAX, |n| n as usize));
        let least = tag_chars + END.len();
        if limit < least + others {
            return Err(too_short(least + others));
        }
        let most_labels = ((limit - others - END.len() + 1) / (tag_chars + 1)).clamp(1, MOST_LABELS);
        Ok(Hosts { key: build.key.clone(), tag_chars, is_exact, most_labels })
    }

    /// The most characters of a result.
    pub fn max_chars(&self) -> usize {
        self.most_labels * (self.tag_chars + 1) - 1 + END.len()
    }

    /// How many bits tell a host from others.
    pub fn bits(&self) -> f64 {
        5.0 * self.tag_chars as f64
    }

    /// Appends what `host` becomes; false if it is not a host name, an address of the internet protocol, or that in
    /// brackets.
    pub fn push(&self, host: &str, out: &mut String) -> bool {
        if host.len() > MAX_CHARS {
            return false;
        }
        let is_literal = host.starts_with('[') && host.ends_with(']');
        let is_address = is_literal || host.parse::<std::net::IpAddr>().is_ok();
        let lower = lower_case(host);
        let lower = lower.as_bytes();
        let name = lower.strip_suffix(b".").unwrap_or(lower);
        let first = if self.is_exact { host.as_bytes() } else { name };
        if is_address {
            self.push_tag(first, out);
        } else {
            if !name.split(|byte| *byte == b'.').all(is_label) {
                return false;
            }
            self.push_labels(name, first, out);
        }
        out.push_str(END);
        true
    }

    /// Appends a tag for each label but the last, the top-level domain, which counts for the tags alone; the first is that
    /// of `first`.
    fn push_labels(&self, name: &[u8], first: &[u8], out: &mut String) {
        let dots = name.iter().filter(|byte| **byte == b'.').count();
        let labels = dots.max(1);
        let mut rest = name;
        for index in 0..labels {
            // Labels too many on the left are part of the first tag.
            if index == 0 || labels - index < self.most_labels {
                if index > 0 {
                    out.push('.');
                }
                self.push_tag(if index == 0 { first } else { rest }, out);
            }
            rest = rest.iter().position(|byte| *byte == b'.').map_or(&[], |dot| &rest[dot + 1..]);
        }
    }

    fn push_tag(&self, name: &[u8], out: &mut String) {
        push_base32(&self.key.prf(name)[..], self.tag_chars, out);
    }
}

/// `text` in lower case; borrowed where it is that already.
pub fn lower_case(text: &str) -> Cow<'_, str> {
    match text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.to_lowercase()),
    }
}

/// Whether it can be a label of a name: letters, digits, hyphens, underscores, and letters that are not of ASCII.
fn is_label(label: &[u8]) -> bool {
    (1..=63).contains(&label.len())
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte) || !byte.is_ascii())
}
