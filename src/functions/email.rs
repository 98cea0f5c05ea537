//! `email`: an address that is well formed and nobody's.

use super::person::{People, Tag, UNIQUE};
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::words::LOCALE;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static EMAIL: Function = Function {
    name: "email",
    summary: "Replace an address by one at a reserved domain, which no mail can reach; with `by`, it holds the name \
              that the owner gets",
    parameters: &[
        Parameter {
            name: "host",
            help: "the domain of the address: example.com, example.net, example.org, or any name that ends in .test, \
                   .example or .invalid; default \"mail.test\"",
        },
        LOCALE,
        MAX_LENGTH,
        UNIQUE,
    ],
    example: Example {
        rule: r#""email""#,
        ty: PgType::Text,
        input: "ana.silva@corp.example",
        output: Some("6pvd67yp9v@mail.test"),
    },
    domain: "email",
    domain_by: Some("person"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The most characters before the `@` (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_CHARS: usize = 64;

struct Email {
    key: DomainKey,
    people: Option<People>,
    /// The most characters of the name before the tag.
    name_chars: usize,
    tag: Tag,
    /// `@` and the domain.
    host: String,
}

impl TextMask for Email {
    fn mask(&self, _value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        if let Some(people) = &self.people {
            self.push_name(people.draw(&digest), out);
        }
        self.tag.push(&digest, out);
        out.push_str(&self.host);
        Ok(())
    }
}

impl Email {
    /// Appends `first.last.`, the name cut where it must be.
    fn push_name(&self, (first, last): (&str, &str), out: &mut String) {
        let start = out.len();
        out.push_str(first);
        if !first.is_empty() && !last.is_empty() {
            out.push('.');
        }
        out.push_str(last);
        out.truncate(out.len().min(start + self.name_chars));
        if out.len() > start && !out.ends_with('.') {
            out.push('.');
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let host = format!("@{}", reserved(build.parameters.text("host")?.unwrap_or("mail.test"))?);
    let tag = Tag::new(build)?;
    let people = People::new(build)?;
    let least = tag.chars + host.len();
    let limit = max_length(build)?.unwrap_or(usize::MAX).min(MAX_LOCAL_CHARS + host.len());
    if limit < least {
        return Err(too_short(least));
    }
    let longest_name = people.as_ref().map_or(0, |people| {
        let (first, last) = people.max_chars();
        first + 1 + last
    });
    let name_chars = longest_name.min((limit - least).saturating_sub(1));
    let max_chars = least + if name_chars > 0 { name_chars + 1 } else { 0 };
    let uniqueness = Uniqueness::Bits(tag.bits());
    let mask = Email { key: build.key.clone(), people, name_chars, tag, host };
    Ok(Built::text(mask, uniqueness, Some(max_chars as u32)))
}

/// Checks that `host` is a domain that is set aside, so that no mail reaches anybody (RFC 2606, RFC 6761).
fn reserved(host: &str) -> Result<&str, Refusal> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let set_aside = ["example.com", "example.net", "example.org"]
        .iter()
        .any(|name| host == *name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
        || [".test", ".example", ".invalid"].iter().any(|end| host.ends_with(end));
    if set_aside && host.len() <= 253 && host.split('.').all(label) {
        return Ok(host);
    }
    Err(Refusal::new("`host` is not a reserved domain, so mail could reach somebody").hint(
        "give one of example.com, example.net, example.org, or a name under .test, .example or .invalid",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    fn masked(parameters: &str, by: bool) -> Result<(String, u32), Refusal> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("person");
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        let built = build(&Build::new(&parameters, &PgType::Text, &key, by))?;
        let Masking::Text(mask) = built.masking else { unreachable!() };
        let mut out = String::new();
        mask.mask("ana@corp.example", b"7", &mut out).unwrap();
        Ok((out, built.max_chars.unwrap()))
    }

    #[test]
    fn without_an_owner_it_is_a_tag() {
        let (address, max_chars) = masked("", false).unwrap();
        assert!(address.ends_with("@mail.test"));
        assert_eq!((address.len(), max_chars), (20, 20));
        assert_eq!(masked("unique = true", false).unwrap().0.len(), 36);
    }

    #[test]
    fn with_an_owner_it_holds_the_name_as_far_as_it_fits() {
        let (address, _) = masked("", true).unwrap();
        assert_eq!(address.split('.').count(), 4, "{address}");
        for limit in 20..60 {
            let (address, max_chars) = masked(&format!("max_length = {limit}"), true).unwrap();
            assert!(address.len() <= limit && max_chars as usize <= limit, "{address}");
            assert!(!address.contains("..") && !address.starts_with('.'), "{address}");
        }
        assert!(masked("max_length = 19", true).is_err());
    }

    #[test]
    fn a_host_that_may_exist_is_refused() {
        for host in ["gmail.com", "test", "a.test.com", "notexample.com", "a..test", "A.test"] {
            assert!(masked(&format!("host = '{host}'"), false).is_err(), "{host}");
        }
        for host in ["example.com", "mail.example.org", "staging.test"] {
            assert!(masked(&format!("host = '{host}'"), false).is_ok(), "{host}");
        }
    }

    #[test]
    fn names_of_other_scripts_leave_the_tag() {
        let (address, _) = masked("locale = 'ja_JP'", true).unwrap();
        assert!(address.is_ascii() && !address.starts_with('.'), "{address}");
    }
}
