//! Numbers in running text: cards, national ids, bank accounts, telephones, and what looks like them and is none.

use super::web::{ipv4, ipv6};
use super::{Country, Found, Kind, after, before, is_boundary};

/// The most groups of digits that are looked at together.
const MAX_GROUPS: usize = 12;

/// The most digits of a telephone number (ITU-T E.164).
const MAX_PHONE_DIGITS: usize = 15;

/// The most characters of an IBAN, without spaces.
const MAX_IBAN_CHARS: usize = 34;

/// What is found at the digit at `at`, and where to go on if it is nothing: past what cannot begin anything.
pub fn at(text: &str, at: usize, floor: usize) -> (Option<Found>, usize) {
    let bytes = text.as_bytes();
    if before(text, at).is_some_and(|c| c.is_alphanumeric() || c == '_') {
        let start = word_start(bytes, at, floor);
        let found = after_letters(text, start);
        return (found, word_end(text, at));
    }
    if let Some(found) = ipv4(text, at).or_else(|| ipv6(text, at, floor)) {
        return (Some(found), at);
    }
    let groups = Groups::new(text, at);
    let first_end = groups.ends[0];
    if let Some(end) = date_end(bytes, &groups).or_else(|| uuid_end(bytes, at)) {
        return (None, end);
    }
    if after(text, first_end).is_some_and(|c| c.is_alphabetic() || c == '_') {
        let found = spanish(text, at, first_end).or_else(|| fiscal_code(text, at));
        return (found, word_end(text, at));
    }
    // Two letters and a blank before: the only form that begins so.
    let letters = at.checked_sub(3).filter(|start| *start >= floor && text.is_char_boundary(*start));
    if let Some(found) = letters.and_then(|start| insurance_number(text, start))
        && is_boundary(before(text, found.start), Some('A'))
    {
        return (Some(found), at);
    }
    let start = number_start(text, at, floor);
    let found = groups
        .national_id()
        .or_else(|| groups.card())
        .or_else(|| groups.long())
        .or_else(|| groups.phone(start < at, text));
    let found = found.map(|(kind, end)| {
        let start = if kind == Kind::Phone { start } else { at };
        Found { kind, start, end }
    });
    (found, first_end)
}

/// Groups of digits with separators between them, all of them from one digit on.
struct Groups<'a> {
    bytes: &'a [u8],
    start: usize,
    starts: [usize; MAX_GROUPS],
    ends: [usize; MAX_GROUPS],
    count: usize,
}

impl<'a> Groups<'a> {
    fn new(text: &'a str, start: usize) -> Self {
        let bytes = text.as_bytes();
        let mut groups = Groups { bytes, start, starts: [0; MAX_GROUPS], ends: [0; MAX_GROUPS], count: 0 };
        let mut at = start;
        while groups.count < MAX_GROUPS {
            let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_word = after(text, end).is_some_and(|c| c.is_alphabetic() || c == '_');
            if is_word && groups.count > 0 {
                break;
            }
            groups.starts[groups.count] = at;
            groups.ends[groups.count] = end;
            groups.count += 1;
            match next_group(bytes, end) {
                Some(next) => at = next,
                None => break,
            }
        }
        groups
    }

    /// The first `count` groups' lengths.
    fn lengths(&self) -> impl Iterator<Item = usize> {
        (0..self.count).map(|group| self.ends[group] - self.starts[group])
    }

    /// Whether the groups have these lengths, and one of `separators` alone between each and the next.
    fn are(&self, lengths: &[usize], separators: &[u8]) -> bool {
        let separated = |group: usize| {
            self.starts[group + 1] == self.ends[group] + 1
                && separators.contains(&self.bytes[self.ends[group]])
        };
        self.count >= lengths.len()
            && self.lengths().take(lengths.len()).eq(lengths.iter().copied())
            && (0..lengths.len() - 1).all(separated)
    }

    /// The digits of the first `count` groups.
    fn digits(&self, count: usize) -> impl DoubleEndedIterator<Item = u32> {
        let bytes = self.bytes[self.start..self.ends[count - 1]].iter();
        bytes.filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'))
    }

    fn number(&self, count: usize) -> u64 {
        self.digits(count)
            .fold(0, |number: u64, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit)))
    }

    /// The longest card that the groups begin with: blanks or hyphens between them, and a valid check digit.
    fn card(&self) -> Option<(Kind, usize)> {
        let mut found = None;
        let mut digits = 0;
        for (group, length) in self.lengths().enumerate() {
            digits += length;
            let is_joined = group == 0
                || self.starts[group] == self.ends[group - 1] + 1
                    && matches!(self.bytes[self.ends[group - 1]], b' ' | b'-');
            if !is_joined || digits > 19 {
                break;
            }
            if digits >= 13 && luhn(self.digits(group + 1)) {
                found = Some((Kind::CreditCard, self.ends[group]));
            }
        }
        found
    }

    fn national_id(&self) -> Option<(Kind, usize)> {
        let id = |country, count: usize| Some((Kind::NationalId(country), self.ends[count - 1]));
        let first = self.ends[0] - self.start;
        if self.are(&[3, 2, 4], b" -") && is_ssn(self.number(3)) {
            return Some((Kind::Ssn, self.ends[2]));
        }
        if self.are(&[3, 3, 3, 2], b".-") && is_cpf(self.digits(4)) {
            return id(Country::Br, 4);
        }
        if first == 11 && is_cpf(self.digits(1)) {
            return id(Country::Br, 1);
        }
        if self.are(&[1, 2, 2, 2, 3, 3, 2], b" ") && is_nir(self.number(7)) {
            return id(Country::Fr, 7);
        }
        if first == 15 && is_nir(self.number(1)) {
            return id(Country::Fr, 1);
        }
        if self.are(&[4, 4, 4], b" -") && verhoeff(self.digits(3)) {
            return id(Country::In, 3);
        }
        None
    }

    /// A number too long for a telephone.
    fn long(&self) -> Option<(Kind, usize)> {
        let is_long = self.ends[0] - self.start > MAX_PHONE_DIGITS;
        is_long.then_some((Kind::NationalId(Country::Unknown), self.ends[0]))
    }

    /// The longest telephone number that the groups begin with.
    fn phone(&self, has_plus: bool, text: &str) -> Option<(Kind, usize)> {
        let (mut digits, mut count) = (0, 0);
        for length in self.lengths() {
            if digits + length > MAX_PHONE_DIGITS {
                break;
            }
            digits += length;
            count += 1;
        }
        let is_phone = match count {
            0 => false,
            _ if has_plus && before(text, self.start) == Some('+') => digits >= 7,
            1 => digits >= 9,
            _ => digits >= 9 || digits >= 7 && !self.is_amount(count) && !self.are_years(),
        };
        is_phone.then(|| (Kind::Phone, self.ends[count - 1]))
    }

    /// Whether the groups are those of `1.234.567` or `12345.67`.
    fn is_amount(&self, count: usize) -> bool {
        let dots = (0..count - 1).all(|group| self.bytes[self.ends[group]] == b'.');
        dots && (count == 2 || self.lengths().take(count).skip(1).all(|length| length == 3))
    }

    /// Whether the groups are those of `1990-1995`.
    fn are_years(&self) -> bool {
        let year = |group: usize| {
            let digits = &self.bytes[self.starts[group]..self.ends[group]];
            digits.len() == 4 && (digits.starts_with(b"19") || digits.starts_with(b"20"))
        };
        self.count == 2 && year(0) && year(1)
    }
}

/// Where the next group of digits starts after the one that ends at `end`: up to three separators later.
fn next_group(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    while at < end + 4 {
        match bytes.get(at..)? {
            [b'0'..=b'9', ..] if at > end => return Some(at),
            // A sentence ends.
            [b'.', b' ', ..] => return None,
            [b' ' | b'-' | b'.' | b'/' | b'(' | b')', ..] => at += 1,
            // A blank that does not break, and a hyphen that does not.
            [0xc2, 0xa0, ..] => at += 2,
            [0xe2, 0x80, 0x91 | 0xaf, ..] => at += 3,
            _ => return None,
        }
    }
    None
}

/// The start of a telephone number whose first digit is at `at`: a bracket and a plus before it belong to it.
fn number_start(text: &str, at: usize, floor: usize) -> usize {
    let bytes = text.as_bytes();
    let mut start = at;
    for sign in [b'(', b'+', b'('] {
        if start > floor && bytes[start - 1] == sign {
            start -= 1;
        }
    }
    start
}

fn word_start(bytes: &[u8], at: usize, floor: usize) -> usize {
    let letters =
        bytes[floor..at].iter().rev().take(MAX_IBAN_CHARS).take_while(|byte| byte.is_ascii_alphanumeric());
    at - letters.count()
}

/// The end of the letters, digits and underscores from `at` on.
fn word_end(text: &str, at: usize) -> usize {
    let length = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_');
    length.map_or(text.len(), |length| at + length)
}

/// What begins with letters at `start` and has digits after them.
fn after_letters(text: &str, start: usize) -> Option<Found> {
    if before(text, start).is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    iban(text, start)
        .or_else(|| insurance_number(text, start))
        .or_else(|| fiscal_code(text, start))
        .or_else(|| foreigner(text, start))
}

/// An IBAN: two letters, two check digits, letters and digits in groups or not; ISO 7064, MOD 97-10.
fn iban(text: &str, start: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let code = bytes.get(start..start + 4)?;
    if !(code[..2].iter().all(u8::is_ascii_alphabetic) && code[2..].iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let length = iban_chars(&code[..2].to_ascii_uppercase())?;
    let mut characters = [0; MAX_IBAN_CHARS];
    let (mut count, mut at) = (0, start);
    while count < length {
        match *bytes.get(at)? {
            b' ' if count > 0 && bytes[at - 1] != b' ' => {}
            byte if byte.is_ascii_alphanumeric() => {
                characters[count] = byte.to_ascii_uppercase();
                count += 1;
            }
            _ => return None,
        }
        at += 1;
    }
    let turned = characters[4..length].iter().chain(&characters[..4]);
    let remainder = turned.fold(0u32, |remainder, &byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    let is_free = after(text, at).is_none_or(|c| !c.is_alphanumeric());
    (remainder == 1 && is_free).then_some(Found { kind: Kind::Iban, start, end: at })
}

/// How many characters an IBAN of the country has (SWIFT, IBAN registry).
fn iban_chars(country: &[u8]) -> Option<usize> {
    const LENGTHS: &[(usize, &str)] = &[
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FK FO GL NL SD"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU MN XK"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ OM SO TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT ST"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HN HU LB NI PL SV YE"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    ];
    let has =
        |(_, countries): &&(usize, &str)| countries.as_bytes().chunks(3).any(|one| one.starts_with(country));
    LENGTHS.iter().find(has).map(|(length, _)| *length)
}

/// A British National Insurance number such as `AB 12 34 56 C`.
fn insurance_number(text: &str, start: usize) -> Option<Found> {
    const FORM: &[u8] = b"AA999999A";
    let end = matches_form(text, start, FORM)?;
    let bytes = text.as_bytes();
    let may_begin = |byte: u8| !b"DFIQUV".contains(&byte.to_ascii_uppercase());
    let is_number = may_begin(bytes[start])
        && may_begin(bytes[start + 1])
        && (b'A'..=b'D').contains(&bytes[end - 1].to_ascii_uppercase());
    is_number.then_some(Found { kind: Kind::NationalId(Country::Gb), start, end })
}

/// An Italian codice fiscale, by its form: some digits may be letters, where two people would have the same.
fn fiscal_code(text: &str, start: usize) -> Option<Found> {
    let end = matches_form(text, start, b"AAAAAA99A99A999A").filter(|end| *end == start + 16)?;
    Some(Found { kind: Kind::NationalId(Country::It), start, end })
}

/// A Spanish NIE: X, Y or Z, seven digits, and their letter.
fn foreigner(text: &str, start: usize) -> Option<Found> {
    let end = matches_form(text, start, b"A9999999A").filter(|end| *end == start + 9)?;
    let bytes = text.as_bytes();
    let first = b"XYZ".iter().position(|letter| letter.eq_ignore_ascii_case(&bytes[start]))? as u32;
    spanish_letter(first, &bytes[start + 1..end])?;
    Some(Found { kind: Kind::NationalId(Country::Es), start, end })
}

/// A Spanish DNI: eight digits and their letter.
fn spanish(text: &str, start: usize, digits_end: usize) -> Option<Found> {
    let end = digits_end + 1;
    let number = text.as_bytes().get(start..end)?;
    let is_free = after(text, end).is_none_or(|c| !c.is_alphanumeric());
    (number.len() == 9 && is_free && spanish_letter(0, number).is_some()).then_some(Found {
        kind: Kind::NationalId(Country::Es),
        start,
        end,
    })
}

/// Checks the letter after the digits: the number modulo 23 says which it is.
fn spanish_letter(first: u32, number: &[u8]) -> Option<()> {
    let (letter, digits) = number.split_last()?;
    let number = digits.iter().fold(first, |number, byte| number * 10 + u32::from(byte & 15));
    (b"TRWAGMYFPDXBNJZSQVHLCKE"[number as usize % 23].eq_ignore_ascii_case(letter)).then_some(())
}

/// The end of a number of the form, 9 for a digit and A for a letter, single blanks left out.
fn matches_form(text: &str, start: usize, form: &[u8]) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    for (place, kind) in form.iter().enumerate() {
        if place > 0 && bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        let byte = bytes.get(at)?;
        let fits = if *kind == b'9' { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        if !fits {
            return None;
        }
        at += 1;
    }
    after(text, at).is_none_or(|c| !c.is_alphanumeric()).then_some(at)
}

/// The end of a date such as `2024-01-31`, `31.1.2024` or `1/31/2024` that the groups begin with.
fn date_end(bytes: &[u8], groups: &Groups<'_>) -> Option<usize> {
    if groups.count < 3 {
        return None;
    }
    let number = |group: usize| {
        let digits = &bytes[groups.starts[group]..groups.ends[group]];
        digits
            .iter()
            .fold(0u32, |number, byte| number.saturating_mul(10).saturating_add(u32::from(byte & 15)))
    };
    let separator = bytes[groups.ends[0]];
    let is_separated = |group: usize| {
        groups.starts[group + 1] == groups.ends[group] + 1 && bytes[groups.ends[group]] == separator
    };
    let is_apart = b"-./".contains(&separator) && is_separated(0) && is_separated(1);
    let length = |group: usize| groups.ends[group] - groups.starts[group];
    let is_day_and_month =
        |one: u32, other: u32| one.min(other) <= 12 && one.max(other) <= 31 && one.min(other) > 0;
    let is_year = |year: u32| (1000..3000).contains(&year);
    let is_date = match [length(0), length(1), length(2)] {
        [4, 1..=2, 1..=2] => is_year(number(0)) && is_day_and_month(number(1), number(2)),
        [1..=2, 1..=2, 4] => is_year(number(2)) && is_day_and_month(number(0), number(1)),
        _ => false,
    };
    (is_apart && is_date).then_some(groups.ends[2])
}

/// The end of a UUID whose first digit is at `start`.
fn uuid_end(bytes: &[u8], start: usize) -> Option<usize> {
    let uuid = bytes.get(start..start + 36)?;
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    uuid.iter().enumerate().all(fits).then_some(start + 36)
}

/// Luhn's algorithm (ISO/IEC 7812-1, annex B).
fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let values = digits.rev().enumerate().map(|(at, digit)| if at % 2 == 1 { doubled(digit) } else { digit });
    values.sum::<u32>().is_multiple_of(10)
}

/// Whether the number can be a social security number: no part is zero, and its area is one that is given.
fn is_ssn(number: u64) -> bool {
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    area != 0 && area != 666 && group != 0 && serial != 0
}

/// The check digits of Brazil's CPF.
fn is_cpf(digits: impl Iterator<Item = u32>) -> bool {
    let digits: Vec<u32> = digits.collect();
    let check = |count: usize| {
        let sum: u32 = digits[..count]
            .iter()
            .zip((2..=count as u32 + 1).rev())
            .map(|(digit, weight)| digit * weight)
            .sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11 && check(9) == digits[9] && check(10) == digits[10]
}

/// The key of France's NIR: 97 less the number modulo 97.
fn is_nir(number: u64) -> bool {
    let (number, key) = (number / 100, number % 100);
    matches!(number / 1_000_000_000_000, 1 | 2) && 97 - number % 97 == key
}

/// Verhoeff's algorithm, by the multiplication of the dihedral group of order ten.
fn verhoeff(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    const PERMUTATION: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u32, b: u32| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted =
        |times: usize, digit: u32| (0..times % 8).fold(digit, |digit, _| PERMUTATION[digit as usize]);
    let sum = digits.rev().enumerate().fold(0, |sum, (at, digit)| product(sum, permuted(at, digit)));
    sum == 0
}
