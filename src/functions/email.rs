//! `email`: an address that is well formed and nobody's.

use super::genders::GENDER_FROM;
use super::person::{People, Tag, UNIQUE};
use super::phrase::{MAX_LENGTH, max_length, too_short};
use super::row::Row;
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
        Parameter {
            name: "keep_domain",
            help: "the domains that stay: \"providers\" for those of well-known providers of mailboxes, each under .test \
                   (gmail.com.test), so that no mail reaches anybody; or a list of domains, which stay as they are, so that \
                   mail may; default none",
        },
        GENDER_FROM,
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
    hosts: Hosts,
}

impl TextMask for Email {
    fn mask_in_row(
        &self,
        value: &str,
        subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let digest = self.key.prf(subject);
        if let Some(people) = &self.people {
            self.push_name(people.draw(&digest, row), out);
        }
        self.tag.push(&digest, out);
        out.push_str(self.hosts.of(value));
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

/// The domains of addresses.
struct Hosts {
    /// `@` and the domain of all that are not kept.
    default: String,
    /// Domains in lower case that are kept, and `@` and what each becomes.
    kept: Vec<(String, String)>,
}

/// Providers at which anybody may have a mailbox.
const PROVIDERS: &[&str] = &[
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "uol.com.br",
    "web.de",
    "yahoo.co.jp",
    "yahoo.com",
    "yandex.ru",
    "163.com",
];

impl Hosts {
    fn new(build: &Build<'_>) -> Result<Self, Refusal> {
        let default = format!("@{}", reserved(build.parameters.text("host")?.unwrap_or("mail.test"))?);
        let kept = match build.parameters.0.get("keep_domain") {
            None => Vec::new(),
            Some(toml::Value::String(class)) if class == "providers" => {
                PROVIDERS.iter().map(|host| (host.to_string(), format!("@{host}.test"))).collect()
            }
            Some(toml::Value::Array(hosts)) => hosts.iter().map(kept_host).collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong_keep_domain()),
        };
        Ok(Hosts { default, kept })
    }

    /// `@` and the domain that the address `value` gets.
    fn of(&self, value: &str) -> &str {
        let Some((_, host)) = value.rsplit_once('@').filter(|_| !self.kept.is_empty()) else {
            return &self.default;
        };
        let kept = self.kept.iter().find(|(kept, _)| kept.eq_ignore_ascii_case(host.trim_end()));
        kept.map_or(&self.default, |(_, becomes)| becomes)
    }

    fn max_chars(&self) -> usize {
        self.kept.iter().map(|(_, host)| host.len()).chain([self.default.len()]).max().unwrap_or(0)
    }
}

fn kept_host(host: &toml::Value) -> Result<(String, String), Refusal> {
    let host = host.as_str().map(str::to_ascii_lowercase).filter(|host| is_host(host));
    host.map(|host| (host.clone(), format!("@{host}"))).ok_or_else(wrong_keep_domain)
}

fn wrong_keep_domain() -> Refusal {
    Refusal::new("`keep_domain` is neither \"providers\" nor a list of domains")
        .hint("write `keep_domain = \"providers\"` or `keep_domain = [\"corp.example\"]`")
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hosts = Hosts::new(build)?;
    let tag = Tag::new(build)?;
    let (people, inputs) = People::new(build)?;
    let least = tag.chars + hosts.max_chars();
    let limit = max_length(build)?.unwrap_or(usize::MAX).min(MAX_LOCAL_CHARS + hosts.max_chars());
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
    let mask = Email { key: build.key.clone(), people, name_chars, tag, hosts };
    Ok(Built { inputs, ..Built::text(mask, uniqueness, Some(max_chars as u32)) })
}

/// Checks that `host` is a domain that is set aside, so that no mail reaches anybody (RFC 2606, RFC 6761).
fn reserved(host: &str) -> Result<&str, Refusal> {
    let set_aside = ["example.com", "example.net", "example.org"]
        .iter()
        .any(|name| host == *name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
        || [".test", ".example", ".invalid"].iter().any(|end| host.ends_with(end));
    if set_aside && is_host(host) {
        return Ok(host);
    }
    Err(Refusal::new("`host` is not a reserved domain, so mail could reach somebody").hint(
        "give one of example.com, example.net, example.org, or a name under .test, .example or .invalid",
    ))
}

/// Whether `host` is the name of a host in lower case (RFC 1123, section 2.1).
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;
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
    fn domains_stay_where_asked() {
        let masked = |rule: &str, value: &str| {
            Tester::new(&EMAIL, rule, PgType::Text)
                .masked(value)
                .unwrap()
                .split_once('@')
                .unwrap()
                .1
                .to_string()
        };
        assert_eq!(masked("keep_domain = 'providers'", "ana@Gmail.com"), "gmail.com.test");
        assert_eq!(masked("keep_domain = 'providers'", "ana@corp.example"), "mail.test");
        assert_eq!(masked("keep_domain = ['Corp.example']", "ana@corp.EXAMPLE"), "corp.example");
        assert_eq!(masked("keep_domain = ['corp.example']\nhost = 'x.test'", "ana"), "x.test");
        for rule in ["keep_domain = 'all'", "keep_domain = [1]", "keep_domain = ['a b']"] {
            assert!(Tester::refused(&EMAIL, rule, PgType::Text).contains("keep_domain"));
        }
        assert!(Tester::refused(&EMAIL, "gender_from = 'sex'", PgType::Text).contains("gender_from"));
    }

    #[test]
    fn names_of_other_scripts_leave_the_tag() {
        let (address, _) = masked("locale = 'ja_JP'", true).unwrap();
        assert!(address.is_ascii() && !address.starts_with('.'), "{address}");
    }
}
