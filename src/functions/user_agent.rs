//! `user_agent`: what browsers call themselves.

use super::draws::place;
use super::{Build, Built, Example, Function, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static USER_AGENT: Function = Function {
    name: "user_agent",
    summary: "Replace a user agent by a common one of its kind: a desktop's by a desktop's, a phone's by a phone's, a \
              robot's or a program's by one",
    parameters: &[],
    example: Example {
        rule: r#""user_agent""#,
        ty: PgType::Text,
        input: "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0 Ana's",
        output: Some(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        ),
    },
    domain: "user_agent",
    domain_by: Some("user_agent"),
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

const DESKTOP: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
];

const PHONE: &[&str] = &[
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
];

const ROBOT: &[&str] = &[
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
];

const PROGRAM: &[&str] = &[
    "curl/8.11.0",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "Go-http-client/2.0",
    "PostmanRuntime/7.42.0",
];

/// The agents of the kind of `value`.
fn of_its_kind(value: &str) -> &'static [&'static str] {
    let has = |words: &[&str]| words.iter().any(|word| contains_ignoring_case(value, word));
    match () {
        () if has(&["bot", "crawl", "spider", "slurp"]) => ROBOT,
        () if has(&["mobile", "android", "iphone", "ipad"]) => PHONE,
        () if has(&["mozilla", "opera"]) => DESKTOP,
        () => PROGRAM,
    }
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

struct UserAgent {
    key: DomainKey,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for UserAgent {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        let agents = of_its_kind(value);
        let drawn = place(&self.key.prf(subject), 0, agents.len());
        // The next one that is another and fits; some program fits every column that is not refused.
        let fits = |agent: &&str| agent.len() <= self.limit && !agent.eq_ignore_ascii_case(value);
        let from_drawn = agents.iter().copied().cycle().skip(drawn).take(agents.len());
        let agent =
            from_drawn.chain(PROGRAM.iter().copied()).find(fits).expect("two programs fit any column");
        out.push_str(agent);
        Ok(())
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    // Two of them fit, so that one is another than the value.
    let least =
        PROGRAM.iter().map(|program| program.len()).filter(|len| *len > 11).min().expect("there are some");
    let limit = build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize);
    if limit < least {
        return Err(Refusal::new(format!("the column holds {limit} characters, no user agent is so short"))
            .hint("mask it with another function"));
    }
    let longest =
        [DESKTOP, PHONE, ROBOT, PROGRAM].concat().iter().map(|agent| agent.len()).max().unwrap_or(0);
    let mask = UserAgent { key: build.key.clone(), limit };
    Ok(Built::text(mask, Uniqueness::None, Some(longest.min(limit) as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn an_agent_becomes_another_of_its_kind() {
        let mask = Tester::new(&USER_AGENT, "", PgType::Text);
        for agents in [DESKTOP, PHONE, ROBOT, PROGRAM] {
            for agent in agents {
                let result = mask.masked(agent).unwrap();
                assert!(agents.contains(&result.as_str()) && result != *agent, "{result}");
            }
        }
        assert!(PROGRAM.contains(&mask.masked("Ana's own").unwrap().as_str()));
    }

    #[test]
    fn a_result_fits_the_column() {
        let mask = Tester::new(&USER_AGENT, "", PgType::Varchar(Some(20)));
        for agent in DESKTOP.iter().chain(PROGRAM) {
            let result = mask.masked(agent).unwrap();
            assert!(result.len() <= 20 && result != *agent);
        }
        assert!(Tester::refused(&USER_AGENT, "", PgType::Varchar(Some(8))).contains("8 characters"));
    }
}
