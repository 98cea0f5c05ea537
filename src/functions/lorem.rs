//! `lorem`: text without meaning, of like length.

use super::draws::Draws;
use super::{Built, Example, Function, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

pub static LOREM: Function = Function {
    name: "lorem",
    summary: "Replace a text by one without meaning, of as many characters; ends of lines stay where they are",
    parameters: &[],
    example: Example {
        rule: r#""lorem""#,
        ty: PgType::Text,
        input: "Asked for a copy of the contract, to be sent by post.",
        output: Some("Sed eiusmod eiusmod proident proident in nam sint sed"),
    },
    domain: "lorem",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build: |build| {
        let mask = Lorem { key: build.key.clone() };
        Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
    },
};

/// Words of the text that printers have set since the sixteenth century, from Cicero's "De finibus".
const WORDS: [&str; 64] = [
    "ad",
    "adipiscing",
    "aliqua",
    "aliquip",
    "amet",
    "anim",
    "aute",
    "cillum",
    "commodo",
    "consectetur",
    "consequat",
    "culpa",
    "cupidatat",
    "deserunt",
    "dolor",
    "dolore",
    "duis",
    "ea",
    "eiusmod",
    "elit",
    "enim",
    "esse",
    "est",
    "et",
    "eu",
    "ex",
    "excepteur",
    "exercitation",
    "fugiat",
    "id",
    "in",
    "incididunt",
    "ipsum",
    "irure",
    "labore",
    "laboris",
    "laborum",
    "lorem",
    "magna",
    "minim",
    "mollit",
    "nisi",
    "non",
    "nostrud",
    "nulla",
    "occaecat",
    "officia",
    "pariatur",
    "proident",
    "qui",
    "quis",
    "reprehenderit",
    "sed",
    "sint",
    "sit",
    "sunt",
    "tempor",
    "ullamco",
    "ut",
    "velit",
    "veniam",
    "voluptate",
    "nam",
    "porro",
];

struct Lorem {
    key: DomainKey,
}

impl TextMask for Lorem {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut draws = Draws::new(&self.key, subject);
        for line in value.split_inclusive('\n') {
            let text = line.trim_end_matches(['\n', '\r']);
            push_words(text.chars().count(), &mut draws, out);
            out.push_str(&line[text.len()..]);
        }
        Ok(())
    }
}

/// Appends sentences of `chars` characters together; the last word is cut where it must be.
fn push_words(chars: usize, draws: &mut Draws<'_>, out: &mut String) {
    let mut left = chars;
    let mut words_left = 0;
    while left > 0 {
        let begins = words_left == 0;
        if begins {
            words_left = draws.number(4, 12);
        }
        words_left -= 1;
        let word = WORDS[usize::from(draws.number(0, 63))];
        let word = &word[..word.len().min(left)];
        out.push_str(word);
        if begins {
            let start = out.len() - word.len();
            out[start..=start].make_ascii_uppercase();
        }
        left -= word.len();
        // Never a blank at the end: one character more is a stop.
        let end = if left == 1 || words_left == 0 { "." } else { "" };
        let end = if left > 0 { end } else { "" };
        out.push_str(end);
        left -= end.len();
        if left > 1 {
            out.push(' ');
            left -= 1;
        } else if left == 1 {
            out.push('.');
            left = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_many_characters_in_as_many_lines(text in "(\\PC{0,30}(\r?\n)?){0,6}") {
            let result = Tester::new(&LOREM, "", PgType::Text).masked(&text).unwrap();
            prop_assert_eq!(result.chars().count(), text.chars().count());
            let ends = |text: &str| -> Vec<bool> { text.split('\n').map(|line| line.ends_with('\r')).collect() };
            prop_assert_eq!(ends(&result), ends(&text));
            prop_assert!(!result.contains("  ") && !result.ends_with(' '));
        }
    }
}
