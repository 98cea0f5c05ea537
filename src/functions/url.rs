//! `url`: addresses of pages at reserved hosts.

use super::draws::Draws;
use super::hosts::{Hosts, lower_case};
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static URL: Function = Function {
    name: "url",
    summary: "Replace a URL by one with the scheme, the port and the shape of path and query kept: the host as `hostname` \
              does, under `.test`; the user, path, fragment and values of the query character by character; the names in \
              the query and the ending of a file stay",
    parameters: &[],
    example: Example {
        rule: r#""url""#,
        ty: PgType::Text,
        input: "https://shop.corp.example/users/ana/photo.jpg?size=20",
        output: Some("https://zhhzke9tg9.mktj85549g.test/thhay/jyo/qzsvv.jpg?size=22"),
    },
    domain: "hostname",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Url {
    hosts: Hosts,
    key: DomainKey,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for Url {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        let start = out.len();
        let mut rest = value;
        if let Some((scheme, after)) = value.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            out.push_str(scheme);
            out.push_str("://");
            rest = self.authority(after, scheme == "file", out)?;
        } else if let Some(after) = value.strip_prefix("//") {
            out.push_str("//");
            rest = self.authority(after, false, out)?;
        } else if !value.starts_with(['/', '?', '#']) {
            // Before a host by itself, a user would be that of an e-mail address.
            if value.split(['/', '?', '#']).next().is_some_and(|host| host.contains('@')) {
                return Err(INVALID);
            }
            rest = self.authority(value, false, out)?;
        }
        self.resource(rest, out);
        if out[start..].chars().count() > self.limit {
            return Err("has a host so short that its result does not fit the column");
        }
        Ok(())
    }
}

const INVALID: &str = "is not a URL with a host or a path";

impl Url {
    /// Appends user, host and port, and gives what comes after them.
    fn authority<'v>(
        &self,
        text: &'v str,
        may_lack_host: bool,
        out: &mut String,
    ) -> Result<&'v str, &'static str> {
        let (authority, rest) = text.split_at(text.find(['/', '?', '#', '\\']).unwrap_or(text.len()));
        let (user, host_and_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        if let Some(user) = user {
            self.scramble(user, out);
            out.push('@');
        }
        let (host, port) = match host_and_port.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5 => {
                (host, &host_and_port[host.len()..])
            }
            _ => (host_and_port, ""),
        };
        let lacks_host = host.is_empty() && may_lack_host;
        if !lacks_host && (host.is_empty() || !self.hosts.push(host, out)) {
            return Err(INVALID);
        }
        out.push_str(port);
        Ok(rest)
    }

    /// Appends path, query and fragment.
    fn resource(&self, text: &str, out: &mut String) {
        let (before, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
        let (path, query) = before.split_at(before.find('?').unwrap_or(before.len()));
        let (folders, file) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
        folders.split_inclusive('/').for_each(|folder| self.scramble(folder, out));
        let ending = file.rfind('.').filter(|at| is_ending(&file[at + 1..])).unwrap_or(file.len());
        self.scramble(&file[..ending], out);
        out.push_str(&file[ending..]);
        for pair in query.split_inclusive('&') {
            let (name, value) = pair.split_at(pair.find('=').map_or(pair.len(), |at| at + 1));
            // What has no value may itself be one.
            if value.is_empty() && !name.ends_with('=') {
                self.scramble(name, out)
            } else {
                out.push_str(name)
            }
            self.scramble(value, out);
        }
        self.scramble(fragment, out);
    }

    /// Appends letters for letters and digits for digits, drawn from the whole text but for its case; a byte that is spelled `%41` becomes
    /// letters too.
    fn scramble(&self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        let mut draws = Draws::new(&self.key, lower_case(text).as_bytes());
        let mut chars = text.chars();
        while let Some(character) = chars.next() {
            let hex = chars.as_str().as_bytes().get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
            match character {
                '%' if hex.is_some() => {
                    (0..3).for_each(|_| out.push(draws.letter(false)));
                    chars.next();
                    chars.next();
                }
                _ if character.is_numeric() => out.push(draws.digit(0)),
                _ if character.is_alphabetic() => out.push(draws.letter(character.is_uppercase())),
                _ if character.is_ascii() => out.push(character),
                _ => out.push(draws.letter(false)),
            }
        }
    }
}

/// Whether it is a scheme of a URL (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 20
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The endings of files that stay; what else comes after a point may be a name.
const ENDINGS: &[&str] = &[
    "asp", "aspx", "avi", "avif", "bmp", "bz2", "css", "csv", "doc", "docx", "eml", "gif", "gz", "heic",
    "htm", "html", "ico", "ics", "jpeg", "jpg", "js", "json", "jsp", "log", "md", "mov", "mp3", "mp4", "odt",
    "ogg", "pdf", "php", "png", "ppt", "pptx", "rtf", "svg", "tar", "tgz", "tif", "tiff", "txt", "wav",
    "webm", "webp", "xhtml", "xls", "xlsx", "xml", "yaml", "yml", "zip",
];

/// Whether it is the ending of a file's name, such as `jpg` or `html`.
fn is_ending(text: &str) -> bool {
    ENDINGS.iter().any(|ending| ending.eq_ignore_ascii_case(text))
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let hosts = Hosts::new(build, 0)?;
    let limit = build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize);
    let mask = Url { hosts, key: build.key.clone(), limit };
    Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::hostname::HOSTNAME;
    use crate::functions::test_support::Tester;

    fn masked(value: &str) -> Result<String, &'static str> {
        Tester::new(&URL, "", PgType::Text).masked(value)
    }

    #[test]
    fn scheme_port_shape_and_names_stay() {
        let result =
            masked("https://ana:s3cret@shop.corp.example:8443/users/Ana-7/photo.jpg?size=20&q=a%20b&x#top")
                .unwrap();
        let (before, query) = result.split_once('?').unwrap();
        assert!(
            before.starts_with("https://") && before.contains(".test:8443/") && before.ends_with(".jpg"),
            "{result}"
        );
        assert!(query.starts_with("size=") && query.contains("&q=") && query.contains('#'), "{result}");
        for secret in ["ana", "s3cret", "corp", "users", "Ana-7", "photo", "=20", "a%20b", "top"] {
            assert!(!result.contains(secret), "{result}");
        }
        assert_eq!(before.matches('/').count(), 5);
    }

    #[test]
    fn a_host_becomes_what_it_becomes_by_itself() {
        let host = Tester::new(&HOSTNAME, "", PgType::Text).masked("corp.example").unwrap();
        assert_eq!(masked("http://corp.example").unwrap(), format!("http://{host}"));
        assert_eq!(masked("//corp.example:80").unwrap(), format!("//{host}:80"));
        assert_eq!(masked("corp.example/").unwrap(), format!("{host}/"));
        assert_eq!(masked("http://[2001:db8::1]:80/").unwrap().len(), "http://:80/".len() + 15);
    }

    #[test]
    fn only_the_endings_of_files_stay() {
        assert!(masked("https://corp.example/a/photo.JPG").unwrap().ends_with(".JPG"));
        assert!(!masked("https://corp.example/people/ana.silva").unwrap().contains("silva"));
    }

    #[test]
    fn a_path_alone_is_one_too() {
        let result = masked("/users/ana?x=1").unwrap();
        assert!(result.starts_with('/') && result.contains("?x=") && !result.contains("ana"));
        assert!(masked("file:///home/ana").unwrap().starts_with("file:///"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for value in ["mailto:ana@corp.example", "http://", "http:///x", "two words", "javascript:alert(1)"] {
            assert!(masked(value).is_err(), "{value}");
        }
        let narrow = Tester::new(&URL, "", PgType::Varchar(Some(30)));
        assert!(
            narrow.masked("https://a.de/x").is_ok() && narrow.masked("https://a.de/123456789012").is_err()
        );
    }
}
