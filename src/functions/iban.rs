//! `iban`: bank accounts of the same country.

use std::collections::HashMap;

use super::check_characters::{digit, luhn, mod_97_10, remainder_97, weighted_sum};
use super::layout::Layout;
use super::scheme::Numbers;
use super::spelling::Separators;
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES};
use crate::schema::PgType;

pub static IBAN: Function = Function {
    name: "iban",
    summary: "Replace an IBAN by another of the same country with valid check digits, one to one; those of the country's \
              own (BE, ES, FI, FR, IT, NL, NO, PT and more) are valid where they were; spaces stay; a German account is one of \
              10¹⁸",
    parameters: &[Parameter {
        name: "keep_bank",
        help: "`true` to keep what tells the bank; default `false`. A German IBAN then has 10¹⁰ values instead of 10¹⁸",
    }],
    example: Example {
        rule: r#""iban""#,
        ty: PgType::Text,
        input: "DE89 3704 0044 0532 0130 00",
        output: Some("DE55 0690 7278 8987 1461 22"),
    },
    domain: "iban",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// The country, the form of what comes after its check digits (a count, and `n` for digits, `a` for letters or `c` for
/// either), and how many characters tell the bank (SWIFT, IBAN registry, release 101, ISO 13616).
const STRUCTURES: &[(&str, &str, usize)] = &[
    ("AD", "8n12c", 4),
    ("AE", "19n", 3),
    ("AL", "8n16c", 8),
    ("AT", "16n", 5),
    ("AZ", "4a20c", 4),
    ("BA", "16n", 3),
    ("BE", "12n", 3),
    ("BG", "4a6n8c", 4),
    ("BH", "4a14c", 4),
    ("BI", "23n", 5),
    ("BR", "23n1a1c", 8),
    ("BY", "4c4n16c", 4),
    ("CH", "5n12c", 5),
    ("CR", "18n", 4),
    ("CY", "8n16c", 3),
    ("CZ", "20n", 4),
    ("DE", "18n", 8),
    ("DJ", "23n", 5),
    ("DK", "14n", 4),
    ("DO", "4c20n", 4),
    ("EE", "16n", 2),
    ("EG", "25n", 4),
    ("ES", "20n", 4),
    ("FI", "14n", 3),
    ("FK", "2a12n", 2),
    ("FO", "14n", 4),
    ("FR", "10n11c2n", 5),
    ("GB", "4a14n", 4),
    ("GE", "2a16n", 2),
    ("GI", "4a15c", 4),
    ("GL", "14n", 4),
    ("GR", "7n16c", 3),
    ("GT", "24c", 4),
    ("HN", "4a20n", 4),
    ("HR", "17n", 7),
    ("HU", "24n", 3),
    ("IE", "4a14n", 4),
    ("IL", "19n", 3),
    ("IQ", "4a15n", 4),
    ("IS", "22n", 4),
    ("IT", "1a10n12c", 6),
    ("JO", "4a4n18c", 4),
    ("KW", "4a22c", 4),
    ("KZ", "3n13c", 3),
    ("LB", "4n20c", 4),
    ("LC", "4a24c", 4),
    ("LI", "5n12c", 5),
    ("LT", "16n", 5),
    ("LU", "3n13c", 3),
    ("LV", "4a13c", 4),
    ("LY", "21n", 3),
    ("MC", "10n11c2n", 5),
    ("MD", "20c", 2),
    ("ME", "18n", 3),
    ("MK", "3n10c2n", 3),
    ("MN", "16n", 4),
    ("MR", "23n", 5),
    ("MT", "4a5n18c", 4),
    ("MU", "4a19n3a", 6),
    ("NI", "4a20n", 4),
    ("NL", "4a10n", 4),
    ("NO", "11n", 4),
    ("OM", "3n16c", 3),
    ("PK", "4a16c", 4),
    ("PL", "24n", 8),
    ("PS", "4a21c", 4),
    ("PT", "21n", 4),
    ("QA", "4a21c", 4),
    ("RO", "4a16c", 4),
    ("RS", "18n", 3),
    ("RU", "14n15c", 9),
    ("SA", "2n18c", 2),
    ("SC", "4a20n3a", 6),
    ("SD", "14n", 2),
    ("SE", "20n", 3),
    ("SI", "15n", 5),
    ("SK", "20n", 4),
    ("SM", "1a10n12c", 6),
    ("SO", "19n", 4),
    ("ST", "21n", 4),
    ("SV", "4a20n", 4),
    ("TL", "19n", 3),
    ("TN", "20n", 2),
    ("TR", "6n16c", 5),
    ("UA", "6n19c", 6),
    ("VA", "18n", 3),
    ("VG", "4a16n", 4),
    ("XK", "16n", 4),
    ("YE", "4a4n18c", 4),
];

/// Fills in a country's own check digits in what comes after those of the IBAN; false where there are none.
type Own = fn(&mut [u8]) -> bool;

/// The countries with check digits of their own, and where those are in what comes after the IBAN's.
const OWN: &[(&[&str], std::ops::Range<usize>, Own)] = &[
    (&["BE"], 10..12, belgium),
    (&["ES"], 8..10, spain),
    (&["FI"], 13..14, finland),
    (&["FR", "MC"], 21..23, france),
    (&["IT", "SM"], 0..1, italy),
    (&["NL"], 13..14, netherlands),
    (&["NO"], 10..11, norway),
    (&["BA", "XK"], 14..16, mod_97_at_the_end),
    (&["ME", "RS"], 16..18, mod_97_at_the_end),
    (&["MK"], 13..15, mod_97_at_the_end),
    (&["PT"], 19..21, mod_97_at_the_end),
    (&["SI"], 13..15, mod_97_at_the_end),
    (&["TL"], 17..19, mod_97_at_the_end),
];

fn belgium(bban: &mut [u8]) -> bool {
    let remainder = remainder_97(&bban[..10]);
    write_two(if remainder == 0 { 97 } else { remainder }, &mut bban[10..])
}

fn spain(bban: &mut [u8]) -> bool {
    const WEIGHTS: [u32; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];
    let check = |sum: u32| match 11 - sum % 11 {
        11 => b'0',
        10 => b'1',
        check => digit(check),
    };
    bban[8] = check(weighted_sum(&bban[..8], &WEIGHTS[2..]));
    bban[9] = check(weighted_sum(&bban[10..], &WEIGHTS));
    true
}

fn finland(bban: &mut [u8]) -> bool {
    bban[13] = luhn(&bban[..13]);
    true
}

fn france(bban: &mut [u8]) -> bool {
    // A to I count as 1 to 9, so do J to R, and S to Z as 2 to 9.
    let figure = |character: u8| match character {
        b'A'..=b'R' => (character - b'A') % 9 + b'1',
        b'S'..=b'Z' => character - b'S' + b'2',
        digit => digit,
    };
    let figures: [u8; 21] = std::array::from_fn(|at| figure(bban[at]));
    write_two(97 - remainder_97(figures.iter().chain(b"00")), &mut bban[21..])
}

fn italy(bban: &mut [u8]) -> bool {
    bban[0] = super::national_id::italian_check(&bban[1..]);
    true
}

fn netherlands(bban: &mut [u8]) -> bool {
    eleven_test(&mut bban[4..], &[10, 9, 8, 7, 6, 5, 4, 3, 2])
}

fn norway(bban: &mut [u8]) -> bool {
    eleven_test(bban, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])
}

/// The last digit makes the weighted sum a multiple of 11; it is never 10.
fn eleven_test(digits: &mut [u8], weights: &[u32]) -> bool {
    let check = (11 - weighted_sum(digits, weights) % 11) % 11;
    digits[weights.len()] = digit(check % 10);
    check != 10
}

fn mod_97_at_the_end(bban: &mut [u8]) -> bool {
    let (payload, check) = bban.split_at_mut(bban.len() - 2);
    check.copy_from_slice(&mod_97_10(payload));
    true
}

fn write_two(number: u32, place: &mut [u8]) -> bool {
    place[..2].copy_from_slice(&[digit(number / 10), digit(number % 10)]);
    true
}

/// Fills in the check digits of an IBAN (ISO 7064, MOD 97-10, over its end and then its beginning).
fn complete(iban: &mut [u8]) -> bool {
    let check = 98 - remainder_97(iban[4..].iter().chain(&iban[..2]).chain(b"00"));
    write_two(check, &mut iban[2..])
}

const INVALID: &str = "is not an IBAN of a country that has them, or its check digits are wrong";

/// The accounts of a country: those with valid check digits of its own, which fill those in, then all.
fn forms(country: &str, structure: &str, kept: usize) -> Vec<(Layout, Option<Own>)> {
    let own = OWN.iter().find(|(countries, ..)| countries.contains(&country));
    let account = spelled_out(structure);
    let layout = |account: &str| {
        let literal: String = country.chars().map(|letter| format!("\\{letter}")).collect();
        let layout =
            Layout::parse(&format!("{literal}##{account}")).expect("the registry's structures are patterns");
        layout.keeping(4..4 + kept)
    };
    let with_own = own.map(|(_, places, complete_own)| {
        let mut account = account.clone().into_bytes();
        account[places.clone()].fill(b'#');
        (layout(std::str::from_utf8(&account).expect("it is ASCII")), Some(*complete_own))
    });
    with_own.into_iter().chain([(layout(&account), None)]).collect()
}

/// `4a2n` as the pattern `AAAA99`.
fn spelled_out(structure: &str) -> String {
    let (mut pattern, mut count) = (String::new(), 0);
    for byte in structure.bytes() {
        match byte {
            b'0'..=b'9' => count = count * 10 + usize::from(byte - b'0'),
            kind => {
                let place = match kind {
                    b'n' => '9',
                    b'a' => 'A',
                    _ => 'X',
                };
                pattern.extend(std::iter::repeat_n(place, std::mem::take(&mut count)));
            }
        }
    }
    pattern
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let keeps_bank = build.parameters.flag("keep_bank")?;
    let (mut layouts, mut owns, mut by_start) = (Vec::new(), Vec::new(), HashMap::new());
    for (country, structure, bank_chars) in STRUCTURES {
        let (of_country, own): (Vec<Layout>, Vec<Option<Own>>) =
            forms(country, structure, if keeps_bank { *bank_chars } else { 0 }).into_iter().unzip();
        let code: [u8; 2] = country.as_bytes().try_into().expect("a country has two letters");
        by_start.insert(code, layouts.len()..layouts.len() + of_country.len());
        layouts.extend(of_country);
        owns.extend(own);
    }
    let complete = move |form: usize, iban: &mut [u8]| {
        owns[form].is_none_or(|complete_own| complete_own(&mut iban[4..])) && complete(iban)
    };
    let numbers = Numbers::new(layouts, Box::new(complete), Separators::of(b" "), INVALID, build);
    Ok(numbers.by_start(by_start).built(build))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    /// Examples of the registry, many of them with valid check digits of the country's own.
    const EXAMPLES: &[&str] = &[
        "AD1200012030200359100100",
        "AT611904300234573201",
        "BA391290079401028494",
        "BE68539007547034",
        "BR1800360305000010009795493C1",
        "CH9300762011623852957",
        "DE89370400440532013000",
        "DK5000400440116243",
        "ES9121000418450200051332",
        "FI2112345600000785",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "IT60X0542811101000000123456",
        "LC55HEMM000100010012001200023015",
        "ME25505000012345678951",
        "MK07250120000058984",
        "MT84MALT011000012345MTLCAST001S",
        "MU17BOMM0101101030300200000MUR",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "PL61109010140000071219812874",
        "PT50000201231234567890154",
        "RS35260005601001611379",
        "SE4550000000058398257466",
        "SI56263300012039086",
        "SM86U0322509800000000270100",
        "TR330006100519786457841326",
        "XK051212012345678906",
    ];

    #[test]
    fn accounts_become_others_of_their_country() {
        let mask = Tester::new(&IBAN, "", PgType::Text);
        for example in EXAMPLES {
            let result = mask.masked(example).unwrap_or_else(|reason| panic!("{example} {reason}"));
            assert!(result != *example && result[..2] == example[..2] && result.len() == example.len());
            let moved = result[4..].bytes().chain(result[..4].bytes()).collect::<Vec<_>>();
            assert_eq!(remainder_97(&moved), 1, "{result}");
            mask.masked(&result).unwrap();
        }
    }

    #[test]
    fn the_check_digits_of_a_country_stay_valid() {
        for (countries, places, complete) in OWN {
            let examples: Vec<&&str> =
                EXAMPLES.iter().filter(|iban| countries.contains(&&iban[..2])).collect();
            for example in examples {
                let mask = Tester::new(&IBAN, "", PgType::Text);
                for iban in [example.to_string(), mask.masked(example).unwrap()] {
                    let mut bban = iban.as_bytes()[4..].to_vec();
                    bban[places.clone()].fill(b'?');
                    assert!(complete(&mut bban), "{iban}");
                    assert_eq!(bban, &iban.as_bytes()[4..], "{iban}");
                }
            }
        }
    }

    #[test]
    fn spaces_case_and_where_asked_the_bank_stay() {
        let mask = Tester::new(&IBAN, "keep_bank = true", PgType::Text);
        let result = mask.masked("gb29 nwbk 6016 1331 9268 19").unwrap();
        assert!(result.starts_with("gb") && result[4..10] == *" nwbk ", "{result}");
        assert_eq!(result.len(), 27);
    }

    #[test]
    fn what_is_no_iban_is_refused() {
        let mask = Tester::new(&IBAN, "", PgType::Text);
        for value in [
            "",
            "D",
            "DE",
            "DE88370400440532013000",
            "DE8937040044053201300",
            "US89370400440532013000",
            "De89",
        ] {
            assert_eq!(mask.masked(value), Err(INVALID), "{value}");
        }
    }
}
