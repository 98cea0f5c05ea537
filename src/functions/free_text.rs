//! `free_text`: running text in which each piece of personal data becomes what it becomes in a column of its own.

use super::find::{Country, Found, Kind, Names, Scanner, gaps};
use super::nested::{Nested, Part};
use super::redact::fill;
use super::row::{Form, Input, Row, RowScratch};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static FREE_TEXT: Function = Function {
    name: "free_text",
    summary: "Mask what is found in running text (e-mail addresses, phone numbers, payment cards, national ids, IBANs, \
              links, IP addresses, values of the same row), each by its own function, and leave the rest as it is",
    parameters: &[
        Parameter {
            name: "columns",
            help: "a list of other columns, such as `[\"first_name\", \"email\"]`: where their values stand in the text as \
                   words, in any case, they become what they become there, and so do the words of a value of several; \
                   default none",
        },
        Parameter {
            name: "email",
            help: "the rule for e-mail addresses, a function's name or a table; default \"email\", and likewise for those \
                   that follow. \"keep\" leaves a kind as it is; what a function cannot parse is redacted",
        },
        Parameter { name: "phone", help: "the rule for phone numbers; default \"phone\"" },
        Parameter { name: "credit_card", help: "the rule for payment cards; default \"credit_card\"" },
        Parameter { name: "ssn", help: "the rule for US social security numbers in groups; default \"ssn\"" },
        Parameter {
            name: "national_id",
            help: "the rule for numbers of people that BR (CPF), ES (DNI, NIE), FR (NIR), GB (NINO), IN (Aadhaar) and IT \
                   (codice fiscale) give, and for numbers of 16 digits or more that are no card; default \"national_id\" \
                   of that country, and \"redact\"",
        },
        Parameter { name: "iban", help: "the rule for IBANs; default \"iban\"" },
        Parameter { name: "url", help: "the rule for links; default \"url\"" },
        Parameter { name: "ip", help: "the rule for IP addresses; default \"ip\"" },
    ],
    example: Example {
        rule: r#""free_text""#,
        ty: PgType::Text,
        input: "Call +1 212 736 5000, or write to ana.silva@corp.example.",
        output: Some("Call +1 589 555 0105, or write to 6pvd67yp9v@mail.test."),
    },
    domain: "free_text",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct FreeText {
    email: Nested,
    phone: Nested,
    credit_card: Nested,
    ssn: Nested,
    national_ids: Vec<(Country, Nested)>,
    iban: Nested,
    url: Nested,
    ip: Nested,
    /// How many columns of the row are looked for; of each the value as read and as masked are the first inputs.
    columns: usize,
    /// The most characters of a result.
    limit: usize,
}

impl TextMask for FreeText {
    fn mask_in_row(
        &self,
        value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let start = out.len();
        let found: Vec<Found> = Scanner::new(value).collect();
        let names = self.names(row)?;
        self.rewrite(value, &found, &names, row, false, out);
        let is_short = out.len() - start <= self.limit || out[start..].chars().count() <= self.limit;
        if !is_short {
            out.truncate(start);
            self.rewrite(value, &found, &names, row, true, out);
        }
        Ok(())
    }
}

impl FreeText {
    /// The values of the row to look for, with what they became.
    fn names(&self, row: &Row<'_>) -> Result<Names, &'static str> {
        let mut names = Names::default();
        let (mut original, mut masked) = (RowScratch::default(), RowScratch::default());
        for column in 0..self.columns {
            if let Some(value) = row.get(2 * column, &mut original) {
                let masked = row.get(2 * column + 1, &mut masked).map(text).transpose()?;
                names.add(text(value)?, masked);
            }
        }
        Ok(names)
    }

    /// Appends the text with what was found masked; or where it would be too long, filled with as many characters.
    fn rewrite(
        &self,
        text: &str,
        found: &[Found],
        names: &Names,
        row: &Row<'_>,
        filled: bool,
        out: &mut String,
    ) {
        out.reserve(text.len());
        let mut named = Vec::new();
        for (index, gap) in gaps(text, found).into_iter().enumerate() {
            named.clear();
            names.find(text, gap.clone(), &mut named);
            let mut done = gap.start;
            for (range, name) in named.drain(..) {
                out.push_str(&text[done..range.start]);
                done = range.end;
                let piece = &text[range];
                match names.get(name).in_case_of(piece).filter(|_| !filled) {
                    Some(masked) => out.push_str(&masked),
                    None => fill(piece, out),
                }
            }
            out.push_str(&text[done..gap.end]);
            if let Some(found) = found.get(index) {
                self.piece(&text[found.start..found.end], found.kind, names, row, filled, out);
            }
        }
    }

    /// Appends what a piece becomes that was found by its form.
    fn piece(&self, piece: &str, kind: Kind, names: &Names, row: &Row<'_>, filled: bool, out: &mut String) {
        let nested = self.rule(kind);
        if filled && !nested.is_some_and(Nested::keeps) {
            return fill(piece, out);
        }
        if let Some(name) = names.whole(piece) {
            return match &name.masked {
                Some(masked) => out.push_str(masked),
                None => fill(piece, out),
            };
        }
        let start = out.len();
        match nested.map(|nested| nested.mask(piece, row, out)) {
            Some(Ok(Part::Masked | Part::Null)) => {}
            Some(Ok(Part::Kept)) => out.push_str(piece),
            Some(Err(_)) | None => {
                out.truncate(start);
                fill(piece, out);
            }
        }
    }

    fn rule(&self, kind: Kind) -> Option<&Nested> {
        Some(match kind {
            Kind::Email => &self.email,
            Kind::Phone => &self.phone,
            Kind::CreditCard => &self.credit_card,
            Kind::Ssn => &self.ssn,
            Kind::Iban => &self.iban,
            Kind::Url => &self.url,
            Kind::Ip => &self.ip,
            Kind::NationalId(country) => &self.national_ids.iter().find(|(other, _)| *other == country)?.1,
        })
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let columns = build.parameters.texts("columns")?.unwrap_or_default();
    let mut inputs = Vec::new();
    for column in &columns {
        let input = |form| Input { column: column.to_string(), form, parameter: "columns" };
        inputs.extend([Form::Original, Form::Masked].map(input));
    }
    // Where the case does not count, it does not count in what is found either.
    let is_citext = *build.ty.base() == PgType::Citext;
    let ty = if is_citext { PgType::Citext } else { PgType::Text };
    let mut rule = |name: &str| nested(build, name, None, &ty, &mut inputs);
    let (email, phone, credit_card) = (rule("email")?, rule("phone")?, rule("credit_card")?);
    let (ssn, iban, url, ip) = (rule("ssn")?, rule("iban")?, rule("url")?, rule("ip")?);
    let mut national_ids = Vec::new();
    for (country, code) in COUNTRIES {
        national_ids.push((*country, nested(build, "national_id", Some(*code), &ty, &mut inputs)?));
    }
    let limit = build.ty.max_chars().map_or(usize::MAX, |limit| limit as usize);
    let columns = columns.len();
    let mask = FreeText { email, phone, credit_card, ssn, national_ids, iban, url, ip, columns, limit };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, build.ty.max_chars()) })
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "needs a column that is not valid UTF-8")
}

/// The countries of the national ids that are found, as `national_id` names them.
const COUNTRIES: &[(Country, &str)] = &[
    (Country::Br, "BR"),
    (Country::Es, "ES"),
    (Country::Fr, "FR"),
    (Country::Gb, "GB"),
    (Country::In, "IN"),
    (Country::It, "IT"),
    (Country::Unknown, ""),
];

/// The rule that the parameter `name` gives, else the function of that name, else `redact`.
fn nested(
    build: &Build<'_>,
    name: &str,
    country: Option<&str>,
    ty: &PgType,
    inputs: &mut Vec<Input>,
) -> Result<Nested, Refusal> {
    let of_parameter = |refusal: Refusal| Refusal { what: format!("`{name}`: {}", refusal.what), ..refusal };
    if let Some(rule) = build.parameters.0.get(name) {
        return build.nest(rule, ty, inputs).map_err(of_parameter);
    }
    let is_there = build.context.is_some_and(|context| context.functions.iter().any(|one| one.name == name));
    let rule = match country {
        Some("") => toml::Value::from("redact"),
        _ if !is_there => toml::Value::from("redact"),
        None => toml::Value::from(name),
        Some(country) => {
            let rule =
                [("fn", name), ("country", country)].map(|(key, value)| (key.to_string(), value.into()));
            toml::Value::Table(toml::Table::from_iter(rule))
        }
    };
    build.nest(&rule, ty, inputs).map_err(of_parameter)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow::array::BinaryViewArray;
    use proptest::prelude::*;

    use super::*;
    use crate::functions::row::InputColumn;
    use crate::functions::{Context, FUNCTIONS, Masking, Parameters};
    use crate::key::MasterKey;

    fn built(rule: &str, ty: &PgType) -> Result<Built, Refusal> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap();
        let context = Context {
            key: &key,
            functions: FUNCTIONS,
            locale: None,
            folder: Path::new(""),
            lists: &crate::functions::lists::Lists::default(),
        };
        let parameters = Parameters(toml::from_str(rule).unwrap());
        let domain = key.domain("free_text");
        build(&Build::new(&parameters, ty, &domain, false).within(&context))
    }

    /// The text in a row whose only other column has a value and what it became.
    fn masked(rule: &str, ty: PgType, text: &str, column: (&str, Option<&str>)) -> String {
        let Masking::Text(mask) = built(rule, &ty).unwrap().masking else { unreachable!() };
        let (original, masked) =
            (BinaryViewArray::from_iter([Some(column.0)]), BinaryViewArray::from_iter([column.1]));
        let input = |values, form| InputColumn { values: Some(values), ty: &PgType::Text, form };
        let inputs = [input(&original, Form::Original), input(&masked, Form::Masked)];
        let mut out = String::new();
        mask.mask_in_row(text, text.as_bytes(), &Row::new(&inputs, 0), &mut out).unwrap();
        out
    }

    #[test]
    fn values_of_the_row_become_what_they_become_there() {
        let rule = "columns = ['email']";
        let column = ("ana@corp.example", Some("ines.moreau@mail.test"));
        assert_eq!(masked(rule, PgType::Text, "at Ana@corp.example!", column), "at ines.moreau@mail.test!");
        let column = ("Ana Silva", Some("Ines Moreau"));
        let text = "Mr. SILVA (Ana Silva, ana silva@corp.example)";
        let result = masked(rule, PgType::Text, text, column);
        assert!(result.starts_with("Mr. MOREAU (Ines Moreau, ines "), "{result}");
        assert!(result.ends_with("@mail.test)"), "{result}");
        assert_eq!(masked(rule, PgType::Text, "Ana!", ("Ana", None)), "xxx!");
    }

    #[test]
    fn a_kind_has_a_rule_of_its_own() {
        let rule = "email = 'keep'\nip = { fn = 'fixed', value = '10.0.0.1' }\nphone = 'null'\nnational_id = 'redact'";
        let text = "ana@corp.example, 192.168.4.17; 212 736 5000. 529.982.247-25";
        let expected = "ana@corp.example, 10.0.0.1; . xxxxxxxxxxxxxx";
        assert_eq!(masked(rule, PgType::Text, text, ("", None)), expected);
        assert_eq!(
            built("email = 'emial'", &PgType::Text).err().unwrap().what,
            "`email`: unknown function `emial`"
        );
        assert!(built("columns = 'a'", &PgType::Text).is_err());
    }

    #[test]
    fn what_would_be_too_long_is_filled() {
        let result = masked("", PgType::Varchar(Some(12)), "to a@b.cd ok", ("", None));
        assert_eq!(result, "to xxxxxx ok");
    }

    proptest! {
        #[test]
        fn nothing_that_is_found_is_left(
            text in "[ a-zA-Z,.é]{0,20} ",
            user in "[a-z]{3,10}\\.[a-z]{3,10}",
            number in "[2-9][0-9]{9}",
        ) {
            let text = format!("{text}{user}@corp.example ({number}); http://{user}.example/{number}");
            let result = masked("", PgType::Text, &text, ("", None));
            prop_assert!(!result.contains(&user) && !result.contains(&number), "{}", result);
        }
    }
}
