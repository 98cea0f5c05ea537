//! `hostname`: names of hosts under a reserved domain.

use super::hosts::Hosts;
use super::person::UNIQUE;
use super::phrase::MAX_LENGTH;
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static HOSTNAME: Function = Function {
    name: "hostname",
    summary: "Replace a host's name by one under `.test`, which cannot be reached; hosts of one domain have one domain \
              again; an IP address becomes a name as well",
    parameters: &[MAX_LENGTH, UNIQUE],
    example: Example {
        rule: r#""hostname""#,
        ty: PgType::Text,
        input: "mail.corp.example",
        output: Some("dkqspd3bwd.mktj85549g.test"),
    },
    domain: "hostname",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Hostname(Hosts);

impl TextMask for Hostname {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() || self.0.push(value, out) { Ok(()) } else { Err("is not a host name") }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hosts = Hosts::new(build, 0)?;
    let (uniqueness, max_chars) = (Uniqueness::Bits(hosts.bits()), hosts.max_chars() as u32);
    Ok(Built::text(Hostname(hosts), uniqueness, Some(max_chars)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn hosts_of_a_domain_have_a_domain_again() {
        let mask = Tester::new(&HOSTNAME, "", PgType::Text);
        let [domain, mail, www] = ["corp.example", "mail.corp.example", "WWW.corp.example."]
            .map(|value| mask.masked(value).unwrap());
        assert!(domain.ends_with(".test") && domain.len() == 15, "{domain}");
        assert!(mail.ends_with(&format!(".{domain}")) && www.ends_with(&format!(".{domain}")) && mail != www);
        assert_ne!(mask.masked("corp.test").unwrap(), domain);
        assert_eq!(mask.masked("10.0.0.1").unwrap().len(), 15);
        assert_eq!(mask.masked("localhost").unwrap().len(), 15);
    }

    #[test]
    fn unique_names_stay_different_in_case_too() {
        let mask = Tester::new(&HOSTNAME, "unique = true", PgType::Text);
        let [lower, upper] =
            ["mail.corp.example", "Mail.corp.example"].map(|value| mask.masked(value).unwrap());
        assert_ne!(lower, upper);
        assert_eq!(lower.split_once('.').unwrap().1, upper.split_once('.').unwrap().1);
        assert_eq!((mask.uniqueness, lower.len()), (Uniqueness::Bits(130.0), 58));
    }

    #[test]
    fn a_name_fits_however_many_labels_it_has() {
        let deep = "a.b.c.d.e.f.example";
        for limit in 15..60u32 {
            let mask = Tester::new(&HOSTNAME, "", PgType::Varchar(Some(limit)));
            let result = mask.masked(deep).unwrap();
            assert!(result.len() <= limit as usize && mask.max_chars.unwrap() <= limit, "{result}");
            assert_ne!(mask.masked("x.b.c.d.e.f.example").unwrap(), result);
        }
        assert!(Tester::refused(&HOSTNAME, "", PgType::Varchar(Some(14))).contains("shorter"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let mask = Tester::new(&HOSTNAME, "", PgType::Text);
        for value in ["a b", ".", "a..b", "-/x", "a@b.example"] {
            assert!(mask.masked(value).is_err(), "{value}");
        }
        assert!(mask.masked(&"a".repeat(64)).is_err() && mask.masked("bücher.example").is_ok());
    }
}
