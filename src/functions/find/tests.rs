//! What is found in sentences, and what is not.

use proptest::prelude::*;

use super::*;

/// The pieces found, with the first letters of their kinds.
fn found(text: &str) -> Vec<(String, &str)> {
    Scanner::new(text).map(|found| (format!("{:?}", found.kind), &text[found.start..found.end])).collect()
}

/// Checks that each `[piece]` of the sentence, and nothing else, is found as `kind`.
fn assert_found(kind: &str, marked: &[&str]) {
    for marked in marked {
        let text = marked.replace(['⟦', '⟧'], "");
        let pieces: Vec<(String, &str)> = marked
            .split('⟦')
            .skip(1)
            .map(|rest| (kind.to_string(), rest.split('⟧').next().unwrap()))
            .collect();
        assert_eq!(found(&text), pieces, "{text}");
    }
}

#[test]
fn addresses() {
    assert_found(
        "Email",
        &[
            "write to ⟦ana.silva@corp.example⟧, or <⟦a+b%c@x-y.co.uk⟧>.",
            "mailto:⟦ana@corp.example⟧?subject=x",
            "'⟦o'neil_9@corp.example⟧'",
            "⟦josé@müller.de⟧; ⟦4111111111111111@x.org⟧ ⟦root@localhost⟧",
            "a @ b, @ana, ana@, @, a@1, 5@2",
        ],
    );
}

#[test]
fn telephones() {
    assert_found(
        "Phone",
        &[
            "call ⟦+1 (212) 736-5000⟧ or ⟦(212) 736-5000⟧ or ⟦2127365000⟧ now",
            "tel. ⟦030/901820⟧, ⟦+351 21 000 00 00⟧; ⟦555-1234⟧. ⟦0049 30 901820⟧!",
            "⟦06 12 34 56 78⟧ / ⟦(+44) 20 7946 0018⟧",
            "⟦20\u{a0}7946\u{a0}0018⟧ and ⟦212.736.5000⟧",
            "on 2024-01-31 10:00, 31.1.2024, 1/31/2024, from 1990-1995",
            "1234567, 12 apples, 1.234.567 or 12345.67, v1.2.3, x1234567890, 123456789abc",
            "id 12345678-7c3e-7d51-9f0a-123456789012",
        ],
    );
}

#[test]
fn cards_and_national_ids() {
    assert_found(
        "CreditCard",
        &["paid with ⟦4111 1111 1111 1111⟧ 12/25", "⟦378282246310005⟧, ⟦5555-5555-5555-4444⟧"],
    );
    assert_found("Ssn", &["ssn ⟦536-90-4399⟧, ⟦536 90 4399⟧"]);
    assert_found("NationalId(Br)", &["cpf ⟦529.982.247-25⟧ ou ⟦52998224725⟧"]);
    assert_found("NationalId(Es)", &["DNI ⟦12345678Z⟧, NIE ⟦X1234567L⟧"]);
    assert_found("NationalId(Fr)", &["NIR ⟦2 55 08 14 168 025 38⟧ ou ⟦255081416802538⟧"]);
    assert_found("NationalId(Gb)", &["NI ⟦AB 12 34 56 C⟧ ⟦AB123456C⟧"]);
    assert_found("NationalId(In)", &["aadhaar ⟦2341 2341 2346⟧"]);
    assert_found("NationalId(It)", &["CF ⟦RSSMRA85T10A562S⟧"]);
    assert_found("NationalId(Unknown)", &["account ⟦12345678901234567890123⟧"]);
    assert_found("", &["12345678A", "AB123456Z", "X1234567A", "AB123456CD"]);
}

#[test]
fn accounts_links_and_hosts() {
    assert_found(
        "Iban",
        &[
            "to ⟦DE89370400440532013000⟧ or ⟦GB82 WEST 1234 5698 7654 32⟧, please",
            "⟦MT84MALT011000012345MTLCAST001S⟧",
        ],
    );
    assert_found(
        "Url",
        &[
            "see ⟦https://ana:pw@corp.example/a_(b)?x=1#y⟧. (⟦http://x.example/⟧)",
            "⟦www.corp.example/ana⟧, ⟦ftp://10.0.0.1⟧; \"⟦HTTPS://X⟧\"",
            "://, x://, www., awww.x",
        ],
    );
    assert_found(
        "Ip",
        &[
            "from ⟦192.168.4.17⟧:80 and ⟦10.0.0.1⟧.",
            "⟦2001:db8::8a2e:370:7334⟧, [⟦fe80::1⟧] ⟦::ffff:10.0.0.1⟧",
            "std::vec, 12:30:45, a::b, 1.2.3, 256.1.1.1x, 1.2.3.4.5",
        ],
    );
}

#[test]
fn the_leftmost_is_found_and_of_those_the_longest() {
    let kinds: Vec<String> = found("https://x.example/ana@corp.example ana@corp.example")
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["Url", "Email"]);
    assert_eq!(found("12127365000@x.example")[0].1, "12127365000@x.example");
}

fn names(values: &[(&str, Option<&str>)], text: &str) -> Vec<(String, Option<String>)> {
    let mut names = Names::default();
    values.iter().for_each(|(value, masked)| names.add(value, *masked));
    let mut found = Vec::new();
    names.find(text, 0..text.len(), &mut found);
    let told = |(range, index): (std::ops::Range<usize>, usize)| {
        let piece = &text[range];
        (piece.to_string(), names.get(index).in_case_of(piece))
    };
    found.into_iter().map(told).collect()
}

fn told(pieces: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    pieces.iter().map(|(piece, masked)| (piece.to_string(), Some(masked.to_string()))).collect()
}

#[test]
fn names_are_found_whole_and_by_words_in_any_case() {
    let values = [("Ana", Some("Ines")), ("Silva Éclair", Some("Moreau"))];
    assert_eq!(
        names(&values, "Ana SILVA ÉCLAIR; éclair's anagram, ANA_1, ana"),
        told(&[("Ana", "Ines"), ("SILVA ÉCLAIR", "MOREAU"), ("éclair", "moreau"), ("ana", "ines")])
    );
    assert_eq!(names(&[("山田", Some("佐藤"))], "山田さん"), told(&[("山田", "佐藤")]));
    assert_eq!(names(&[("A", Some("B")), ("", Some("C")), ("--", None)], "A -- b"), []);
    assert_eq!(names(&[("Ana", None)], "Ana"), [("Ana".to_string(), None)]);
}

proptest! {
    #[test]
    fn any_text_is_scanned(text in "([@:./+() -]|\\PC|[0-9]{1,9}|[a-fA-F]|www|://|\u{a0}|é|山){0,40}") {
        let mut end = 0;
        for found in Scanner::new(&text) {
            prop_assert!(found.start >= end && found.start < found.end);
            prop_assert!(text.get(found.start..found.end).is_some());
            end = found.end;
        }
    }

    #[test]
    fn an_address_is_found_wherever_it_stands(before in "[ a-z(<,;:!\"\n]{0,8}[ (<,;\"\n]", after in "([ )>,;:!?\"\n][ a-z]{0,8})?") {
        let text = format!("{before}ana.silva@corp.example{after}");
        prop_assert!(found(&text).contains(&("Email".to_string(), "ana.silva@corp.example")));
    }
}
