//! `check_digit`: numbers of a given pattern with a check digit of a given scheme.

use super::check_characters::{damm, digit, hybrid, luhn, mod_97_10, pure, verhoeff, weighted_sum};
use super::layout::{Layout, MAX_CHARS};
use super::scheme::Numbers;
use super::spelling::Separators;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES};
use crate::schema::PgType;

pub static CHECK_DIGIT: Function = Function {
    name: "check_digit",
    summary: "Replace a number of a pattern by another of it, one to one, with valid check characters; a number whose \
              check characters are wrong is invalid",
    parameters: &[
        Parameter {
            name: "pattern",
            help: "9 is a digit, A a letter, X either, # a check character, [A-D] a character of a set, {01-12} a number \
                   in a range; all else stands for itself, and so does what follows a \\; required. The pattern's places \
                   say how many numbers there are: ten for each 9, 26 for each A",
        },
        Parameter {
            name: "scheme",
            help: "\"luhn\", \"verhoeff\", \"damm\", \"mod11_2\", \"mod37_2\", \"mod97_10\" (two characters), \
                   \"mod11_10\", \"mod37_36\" (all of ISO/IEC 7064), or \"weights\"; required",
        },
        Parameter {
            name: "weights",
            help: "for `scheme = \"weights\"`: what each character but the check character counts, in their order, \
                   letters as 10 to 35",
        },
        Parameter {
            name: "modulus",
            help: "for `scheme = \"weights\"`: what the weighted sum with the check character is a multiple of, 10 or 11; \
                   default 11, where the check character of 10 is X",
        },
        Parameter {
            name: "small_domain",
            help: "\"accept\" for a pattern of fewer than 10⁶ numbers, which can be guessed one by one; by default it is \
                   refused",
        },
    ],
    example: Example {
        rule: r##"{ fn = "check_digit", pattern = "AA-999999-#", scheme = "mod11_10" }"##,
        ty: PgType::Text,
        input: "KD-004711-0",
        output: Some("RS-135545-5"),
    },
    domain: "check_digit",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// How check characters are computed.
#[derive(Clone, Copy)]
enum Kind {
    Luhn,
    Verhoeff,
    Damm,
    Pure(u32),
    Mod97,
    Hybrid(u32),
    Weights,
}

const KINDS: [(&str, Kind); 9] = [
    ("luhn", Kind::Luhn),
    ("verhoeff", Kind::Verhoeff),
    ("damm", Kind::Damm),
    ("mod11_2", Kind::Pure(11)),
    ("mod37_2", Kind::Pure(37)),
    ("mod97_10", Kind::Mod97),
    ("mod11_10", Kind::Hybrid(10)),
    ("mod37_36", Kind::Hybrid(36)),
    ("weights", Kind::Weights),
];

impl Kind {
    /// Whether letters have a check character in it.
    fn takes_letters(self) -> bool {
        matches!(self, Kind::Pure(37) | Kind::Mod97 | Kind::Hybrid(36) | Kind::Weights)
    }

    fn check_chars(self) -> usize {
        if matches!(self, Kind::Mod97) { 2 } else { 1 }
    }
}

/// A scheme, with its weights and modulus where it has them.
struct Check {
    kind: Kind,
    weights: Vec<u32>,
    modulus: u32,
    /// Where the check characters are.
    places: Vec<usize>,
}

impl Check {
    /// Fills in the check characters; false where there are none.
    fn complete(&self, number: &mut [u8]) -> bool {
        let (mut payload, mut len) = ([0; MAX_CHARS], 0);
        for (at, &byte) in number.iter().enumerate() {
            let counts = byte.is_ascii_digit() || byte.is_ascii_uppercase() && self.kind.takes_letters();
            if counts && !self.places.contains(&at) {
                payload[len] = byte;
                len += 1;
            }
        }
        let payload = &payload[..len];
        let mut check = [0; 2];
        match self.kind {
            Kind::Luhn => check[0] = luhn(payload),
            Kind::Verhoeff => check[0] = verhoeff(payload),
            Kind::Damm => check[0] = damm(payload),
            Kind::Pure(modulus) => check[0] = pure(payload, modulus),
            Kind::Mod97 => check = mod_97_10(payload),
            Kind::Hybrid(radix) => check[0] = hybrid(payload, radix),
            Kind::Weights => {
                let sum = weighted_sum(payload, &self.weights) % self.modulus;
                check[0] = match (self.modulus - sum) % self.modulus {
                    10 => b'X',
                    check => digit(check),
                };
            }
        }
        self.places.iter().zip(check).for_each(|(&at, check)| number[at] = check);
        true
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let parameters = build.parameters;
    let Some(pattern) = parameters.text("pattern")? else {
        return Err(
            Refusal::new("`check_digit` has no `pattern`").hint("add one, such as `pattern = \"999-999-#\"`")
        );
    };
    let Some(kind) = parameters.choice("scheme", &KINDS)? else {
        let names = KINDS.map(|(name, _)| format!("\"{name}\"")).join(", ");
        return Err(Refusal::new("`check_digit` has no `scheme`").hint(format!("add one of {names}")));
    };
    let layout = Layout::parse(pattern)?;
    let places = layout.check_places();
    if places.len() != kind.check_chars() {
        let what =
            format!("`pattern` has {} check characters, the scheme has {}", places.len(), kind.check_chars());
        return Err(Refusal::new(what).hint("write # where each of them is"));
    }
    let accepts = parameters.choice("small_domain", &[("accept", ())])?.is_some();
    if layout.size() < 1e6 && !accepts {
        let what = format!(
            "`pattern` has {} numbers, fewer than 10^6, which can be guessed one by one",
            layout.size()
        );
        return Err(Refusal::new(what).hint("add `small_domain = \"accept\"` if that is no harm"));
    }
    let weights = weights(build, kind, &layout)?;
    let modulus = parameters.integer("modulus", 10..=11)?.unwrap_or(11) as u32;
    let max_chars = layout.chars as u32;
    let check = Check { kind, weights, modulus, places };
    let complete = Box::new(move |_form: usize, number: &mut [u8]| check.complete(number));
    let mask = Numbers::new(
        [layout],
        complete,
        Separators::of(b""),
        "is not a number of the pattern with the right check",
        build,
    );
    let mut built = mask.built(build);
    built.max_chars = Some(max_chars);
    Ok(built)
}

/// The weights of `scheme = "weights"`.
fn weights(build: &Build<'_>, kind: Kind, layout: &Layout) -> Result<Vec<u32>, Refusal> {
    let given = build.parameters.0.get("weights").or(build.parameters.0.get("modulus"));
    if !matches!(kind, Kind::Weights) {
        return match given {
            None => Ok(vec![]),
            Some(_) => {
                Err(Refusal::new("`weights` and `modulus` are for `scheme = \"weights\"`")
                    .hint("leave them out"))
            }
        };
    }
    let refused = || {
        Refusal::new(
            "`weights` is not a list of a number from 1 to 99 for each character but the check character",
        )
        .hint("write them in the order of the characters, such as `weights = [3, 1, 3, 1]`")
    };
    let list =
        build.parameters.0.get("weights").and_then(|weights| weights.as_array()).ok_or_else(refused)?;
    let weight = |weight: &toml::Value| {
        weight.as_integer().filter(|weight| (1..=99).contains(weight)).map(|weight| weight as u32)
    };
    let weights: Option<Vec<u32>> = list.iter().map(weight).collect();
    weights.filter(|weights| weights.len() == layout.counted_chars()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Uniqueness;
    use crate::functions::test_support::Tester;

    fn tester(rule: &str) -> Tester {
        Tester::new(&CHECK_DIGIT, rule, PgType::Text)
    }

    #[test]
    fn published_numbers_become_others_of_their_scheme() {
        for (rule, value) in [
            ("scheme = 'luhn'\npattern = '9999999999#'", "79927398713"),
            ("scheme = 'verhoeff'\npattern = '99999999999#'", "234123412346"),
            ("scheme = 'mod11_2'\npattern = '0000-9999-9999-999#'", "0000-0002-1825-0097"),
            ("scheme = 'mod37_36'\npattern = 'A1-XXXXX-XXXXXXXXXX-#'", "A1-2425G-ABC1234002-M"),
            (
                "scheme = 'weights'\nmodulus = 10\nweights = [1,3,1,3,1,3,1,3,1,3,1,3]\npattern = '999999999999#'",
                "4006381333931",
            ),
            (
                "scheme = 'weights'\nweights = [10,9,8,7,6,5,4,3,2]\npattern = '9-9999-9999-#'",
                "0-8044-2957-X",
            ),
            ("scheme = 'mod97_10'\npattern = '99999999##'", "1234567895"),
        ] {
            let mask = tester(rule);
            let value = if value == "1234567895" {
                let check = mod_97_10(b"12345678");
                format!("12345678{}", std::str::from_utf8(&check).unwrap())
            } else {
                value.to_string()
            };
            let result = mask.masked(&value).expect(rule);
            assert_ne!(result, value);
            mask.masked(&result).expect("a result has the right check");
            let mut wrong = value.into_bytes();
            let digit = wrong.iter().rposition(u8::is_ascii_digit).unwrap();
            wrong[digit] = b'0' + (wrong[digit] - b'0' + 1) % 10;
            assert!(mask.masked(std::str::from_utf8(&wrong).unwrap()).is_err());
        }
    }

    #[test]
    fn a_small_pattern_is_permuted_where_it_is_accepted() {
        let rule = "scheme = 'luhn'\npattern = '999#'";
        let refused = Tester::refused(&CHECK_DIGIT, rule, PgType::Text);
        assert!(refused.contains("1000 numbers"), "{refused}");
        let mask = tester(&format!("{rule}\nsmall_domain = 'accept'"));
        assert_eq!((mask.uniqueness, mask.max_chars), (Uniqueness::Injective, Some(4)));
        let value = |number: u32| {
            let payload = format!("{number:03}");
            format!("{payload}{}", char::from(luhn(payload.as_bytes())))
        };
        let results: std::collections::BTreeSet<_> =
            (0..1000).map(|number| mask.masked(&value(number)).unwrap()).collect();
        assert!(results.into_iter().eq((0..1000).map(value)));
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let refused = |rule: &str| Tester::refused(&CHECK_DIGIT, rule, PgType::Text);
        assert!(refused("").contains("no `pattern`"));
        assert!(refused("pattern = '9#'").contains("no `scheme`"));
        assert!(refused("pattern = '99999999'\nscheme = 'luhn'").contains("0 check characters"));
        assert!(refused("pattern = '9999999#'\nscheme = 'luhn'\nmodulus = 11").contains("for `scheme"));
        assert!(refused("pattern = '9999999#'\nscheme = 'weights'\nweights = [1]").contains("not a list"));
    }
}
