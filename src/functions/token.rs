//! `token`: API keys, session tokens and the like, their prefix and shape kept.

use super::ff1::{Ff1, MAX_NUMERALS};
use super::fpe::{Numerals, ff1};
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static TOKEN: Function = Function {
    name: "token",
    summary: "Encrypt a token such as an API key (FF1): a prefix that tells its kind, such as `sk_live_`, the length, the \
              characters that separate its parts and the padding stay, and so does the alphabet of each part: hex, base32, \
              digits and letters, base64; n characters of an alphabet of m have mⁿ values",
    parameters: &[
        Parameter {
            name: "prefix",
            help: "what tells the kind and stays, where it is not found by itself: words such as `sk`, `live`, `api`, `key` \
                   before `_` or `-`, and what AWS, GitHub, GitLab, Google, Slack, Stripe and others write",
        },
        Parameter {
            name: "alphabet",
            help: "\"hex\", \"base32\", \"alphanumeric\", \"base64\" (with its URL form): of every part, however few \
                   characters a part has; default the smallest that has all of a part's characters, of which there are to \
                   be 8 or more",
        },
    ],
    example: Example {
        rule: r#""token""#,
        ty: PgType::Text,
        input: "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        output: Some("sk_live_fVdpjCF4vqAKGHTKv1rLL5o5"),
    },
    domain: "token",
    domain_by: None,
    takes: |ty| ty.is_text() && *ty.base() != PgType::Citext,
    takes_text: "`text`, `varchar`, `char`, `name`",
    build,
};

/// Alphabets from the smallest; a part has the first that has all of its characters.
const ALPHABETS: [(&str, &[u8]); 6] = [
    ("hex", b"0123456789abcdef"),
    ("HEX", b"0123456789ABCDEF"),
    ("base32", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    ("alphanumeric", b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("base64", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    ("base64url", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
];

/// Prefixes without a separator at their end.
const KNOWN_PREFIXES: &[&str] =
    &["AKIA", "ASIA", "AIza", "eyJ", "SG.", "ya29.", "whsec_", "npm_", "dop_v1_", "glpat-"];

/// The fewest characters that are encrypted where the alphabet is not given: of hex, there are 2³² then.
const LEAST_CHARS: usize = 8;

/// An alphabet, and FF1 over it.
struct Coder {
    numerals: [Option<u16>; 128],
    characters: &'static [u8],
    ff1: Ff1,
}

impl Coder {
    fn new(key: &DomainKey, characters: &'static [u8]) -> Self {
        let mut numerals = [None; 128];
        characters.iter().zip(0..).for_each(|(&byte, number)| numerals[usize::from(byte)] = Some(number));
        Coder { numerals, characters, ff1: ff1(key, characters.len()) }
    }

    fn numeral(&self, byte: u8) -> Option<u16> {
        self.numerals.get(usize::from(byte)).copied().flatten()
    }
}

struct Token {
    coders: Vec<Coder>,
    prefix: Option<String>,
    least_chars: usize,
}

const INVALID: &str =
    "is not a token: letters, digits and the characters of base64, in parts between dots or colons";

impl TextMask for Token {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        let start = out.len();
        let (prefix, mut rest) = value.split_at(self.prefix_len(value));
        out.push_str(prefix);
        let mut encrypted = 0;
        while !rest.is_empty() {
            let end = rest.find(SEPARATORS).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            let (separator, after) = after.split_at(usize::from(!after.is_empty()));
            let (body, padding) = part.split_at(part.trim_end_matches('=').len());
            let is_first = encrypted == 0;
            encrypted += self.push_part(body, prefix, out, |out| {
                // What has no such prefix must not get one, or two values could become equal.
                let len = out.len();
                out.push_str(separator);
                let keeps_prefix = !is_first || self.prefix_len(&out[start..]) == prefix.len();
                out.truncate(len);
                keeps_prefix
            })?;
            out.push_str(padding);
            out.push_str(separator);
            rest = after;
        }
        if encrypted < self.least_chars {
            return Err("has fewer than 8 characters after its prefix; give the `alphabet` if that is so");
        }
        Ok(())
    }
}

/// What separates the parts of a token.
const SEPARATORS: [char; 4] = ['.', ':', '~', ' '];

impl Token {
    /// How many bytes at the start of `value` tell its kind.
    fn prefix_len(&self, value: &str) -> usize {
        match &self.prefix {
            Some(prefix) if value.starts_with(prefix.as_str()) => prefix.len(),
            _ => prefix_len(value),
        }
    }

    /// The first coder whose alphabet has all of a part.
    fn coder_of(&self, part: &str) -> Option<usize> {
        self.coders.iter().position(|coder| part.bytes().all(|byte| coder.numeral(byte).is_some()))
    }

    /// Appends what a part becomes, and gives how many of its characters are encrypted.
    ///
    /// It is encrypted until its alphabet is again the smallest that has it all, and `is_valid` takes what `out` holds: so
    /// no two values become equal (cycle walking).
    fn push_part(
        &self,
        part: &str,
        prefix: &str,
        out: &mut String,
        is_valid: impl Fn(&mut String) -> bool,
    ) -> Result<usize, &'static str> {
        if part.is_empty() {
            return Ok(0);
        }
        let index = self.coder_of(part).ok_or(INVALID)?;
        let coder = &self.coders[index];
        if part.len() > MAX_NUMERALS {
            return Err("has a part of more than 4096 characters");
        }
        let mut numerals = Numerals::default();
        part.bytes().filter_map(|byte| coder.numeral(byte)).for_each(|numeral| numerals.push(numeral));
        let numerals = numerals.as_mut();
        let start = out.len();
        loop {
            coder.ff1.encrypt(prefix.as_bytes(), numerals);
            out.extend(numerals.iter().map(|numeral| char::from(coder.characters[usize::from(*numeral)])));
            if self.coder_of(&out[start..]) == Some(index) && is_valid(out) {
                return Ok(part.len());
            }
            out.truncate(start);
        }
    }
}

/// Words that tell the kind of a token, before `_` or `-`, once or more. No other word stays: it may be a name.
const KIND_WORDS: &[&str] = &[
    "api", "access", "ant", "app", "auth", "bearer", "client", "dev", "ghe", "gho", "ghp", "ghr", "ghs",
    "ghu", "github", "gsk", "hf", "id", "key", "live", "oauth", "pat", "pk", "prod", "proj", "public",
    "pypi", "refresh", "rk", "sandbox", "secret", "sess", "session", "shpat", "shpca", "shppa", "shpss",
    "sk", "staging", "svcacct", "test", "tok", "token", "v1", "v2", "v3", "webhook", "xapp", "xoxa", "xoxb",
    "xoxp", "xoxr", "xoxs",
];

/// How long the prefix of a token is that tells its kind.
fn prefix_len(value: &str) -> usize {
    let known = KNOWN_PREFIXES.iter().find(|known| value.starts_with(**known));
    let mut prefix = known.map_or(0, |known| known.len());
    while let Some(end) = value[prefix..].find(['_', '-'])
        && KIND_WORDS.contains(&&value[prefix..prefix + end])
    {
        prefix += end + 1;
    }
    prefix
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let names = [("hex", 0..2), ("base32", 2..3), ("alphanumeric", 3..4), ("base64", 4..6)];
    let choices: [(&'static str, (usize, usize)); 4] =
        names.map(|(name, range)| (name, (range.start, range.end)));
    let chosen = build.parameters.choice("alphabet", &choices)?;
    let prefix = build.parameters.text("prefix")?.map(str::to_string);
    let (from, to) = chosen.unwrap_or((0, ALPHABETS.len()));
    let coders =
        ALPHABETS[from..to].iter().map(|(_, characters)| Coder::new(build.key, characters)).collect();
    let least_chars = if chosen.is_some() { 1 } else { LEAST_CHARS };
    Ok(Built::text(Token { coders, prefix, least_chars }, Uniqueness::Injective, build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(rule: &str, value: &str) -> Result<String, &'static str> {
        Tester::new(&TOKEN, rule, PgType::Text).masked(value)
    }

    #[test]
    fn the_prefix_the_length_and_the_alphabet_stay() {
        for (value, prefix) in [
            ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "sk_live_"),
            ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_"),
            ("xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "xoxb-"),
            ("AKIAIOSFODNN7EXAMPLEX", "AKIA"),
            ("0123456789abcdef0123456789abcdef", ""),
            ("QmFzZTY0IGlzIG5vdCBhIHNlY3JldCE=", ""),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
                "eyJ",
            ),
        ] {
            let result = masked("", value).unwrap_or_else(|reason| panic!("{value} {reason}"));
            assert!(result != value && result.len() == value.len() && result.starts_with(prefix), "{result}");
            assert_eq!(result.find(['.', '=']), value.find(['.', '=']));
        }
        let hex = masked("", "0123456789abcdef0123456789abcdef").unwrap();
        assert!(hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        assert!(!masked("", "silva-4eC39HqLyjWDarjtT1zdp7dc").unwrap().starts_with("silva"));
        assert!(masked("prefix = 'KEY:'", "KEY:ABCDEFGHIJKLMNOPQRST").unwrap().starts_with("KEY:"));
    }

    #[test]
    fn short_tokens_of_all_alphabets_stay_different() {
        let mask = Tester::new(&TOKEN, "alphabet = 'base64'", PgType::Text);
        let characters = "aZ09+/-_";
        let values =
            || characters.chars().flat_map(|one| characters.chars().map(move |two| format!("{one}{two}")));
        let is_either = |value: &String| !(value.contains(['+', '/']) && value.contains(['-', '_']));
        let results: std::collections::BTreeSet<String> =
            values().filter(is_either).map(|value| mask.masked(&value).unwrap()).collect();
        assert_eq!(results.len(), values().filter(is_either).count());
        let mask = Tester::new(&TOKEN, "", PgType::Text);
        let results: std::collections::BTreeSet<String> = (0..20_000u32)
            .map(|n| if n % 2 == 0 { format!("{n:08}") } else { format!("{n:07}A") })
            .map(|value| mask.masked(&value).unwrap())
            .collect();
        assert_eq!(results.len(), 20_000);
    }

    #[test]
    fn a_short_token_needs_its_alphabet() {
        assert!(masked("", "abc123").unwrap_err().contains("8 characters"));
        assert_ne!(masked("alphabet = 'alphanumeric'", "abc123").unwrap(), "abc123");
        assert!(masked("alphabet = 'hex'", "xyz").is_err());
        assert!(masked("", "päßwörter-sind-keine-zeichen").is_err());
        let mask = Tester::new(&TOKEN, "alphabet = 'base32'", PgType::Text);
        assert_eq!(mask.uniqueness, Uniqueness::Injective);
        assert!(Tester::refused(&TOKEN, "", PgType::Citext).contains("citext"), "case would count");
    }
}
