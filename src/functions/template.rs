//! `template`: a text made of the masked values of other columns of the row.

use super::row::{Form, Input, Row, RowScratch};
use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::schema::PgType;

pub static TEMPLATE: Function = Function {
    name: "template",
    summary: "Replace a value by a text that is made of the masked values of other columns of its row",
    parameters: &[
        Parameter {
            name: "template",
            help: "the text; `{column}` is the masked value of that column, the empty string for NULL, and `{column|lower}` \
                   or `{column|upper}` the same in that case; `{{` and `}}` are braces; required",
        },
        Parameter {
            name: "max_length",
            help: "the most characters of a result: the rest is cut off; by default a result that is longer than the \
                   column is invalid",
        },
    ],
    example: Example {
        rule: r#"{ fn = "template", template = "{first_name|lower}.{last_name|lower}@mail.test" }"#,
        ty: PgType::Text,
        input: "ana.silva@corp.example",
        output: Some("ines.moreau@mail.test"),
    },
    domain: "template",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

struct Template {
    pieces: Vec<Piece>,
    /// The most characters of a result.
    limit: usize,
    /// Whether a longer one is cut.
    cut: bool,
}

enum Piece {
    Literal(String),
    /// The input at that index.
    Column(usize, Case),
}

#[derive(Clone, Copy)]
enum Case {
    AsIs,
    Lower,
    Upper,
}

impl TextMask for Template {
    fn mask_in_row(
        &self,
        _value: &str,
        _subject: &[u8],
        row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let start = out.len();
        let mut scratch = RowScratch::default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Column(index, case) => {
                    let value = row.get(*index, &mut scratch).unwrap_or_default();
                    let value =
                        std::str::from_utf8(value).map_err(|_| "needs a column that is not valid UTF-8")?;
                    match case {
                        Case::AsIs => out.push_str(value),
                        Case::Lower => out.push_str(&value.to_lowercase()),
                        Case::Upper => out.push_str(&value.to_uppercase()),
                    }
                }
            }
        }
        match (out[start..].char_indices().nth(self.limit), self.cut) {
            (None, _) => Ok(()),
            (Some((at, _)), true) => {
                out.truncate(start + at);
                Ok(())
            }
            (Some(_), false) => Err("has a result that is longer than its column"),
        }
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(template) = build.parameters.text("template")? else {
        return Err(Refusal::new("`template` has no `template`").hint("add `template = \"{column} …\"`"));
    };
    let max_length = build.parameters.integer("max_length", 1..=10_485_760)?.map(|length| length as u32);
    let mut inputs = Vec::new();
    let pieces = parse(template, &mut inputs)?;
    if inputs.is_empty() {
        let hint = "name columns in braces, such as `{first_name}`; for one text for all use `fixed`";
        return Err(Refusal::new("`template` names no column").hint(hint));
    }
    let limit = max_length.or(build.ty.max_chars());
    let mask = Template {
        pieces,
        limit: limit.map_or(usize::MAX, |limit| limit as usize),
        cut: max_length.is_some(),
    };
    Ok(Built { inputs, ..Built::text(mask, Uniqueness::None, limit) })
}

/// Splits a template at its braces; the columns go to `inputs`.
fn parse(template: &str, inputs: &mut Vec<Input>) -> Result<Vec<Piece>, Refusal> {
    let unbalanced =
        || Refusal::new("`template` has a brace without its other").hint("write a brace twice to mean one");
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        let (slot, after) = rest.split_once('}').filter(|_| brace == "{").ok_or_else(unbalanced)?;
        rest = after;
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        let (column, case) = match slot.rsplit_once('|') {
            None => (slot, Case::AsIs),
            Some((column, "lower")) => (column, Case::Lower),
            Some((column, "upper")) => (column, Case::Upper),
            Some(_) => {
                return Err(
                    Refusal::new("`template` has an unknown word after `|`").hint("write `lower` or `upper`")
                );
            }
        };
        if column.trim().is_empty() {
            return Err(Refusal::new("`template` has braces without a column").hint("write `{column}`"));
        }
        pieces.push(Piece::Column(inputs.len(), case));
        inputs.push(Input { column: column.trim().to_string(), form: Form::Masked, parameter: "template" });
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use arrow::array::BinaryViewArray;

    use super::*;
    use crate::functions::row::InputColumn;
    use crate::functions::{Masking, Parameters};
    use crate::key::MasterKey;

    fn built(parameters: &str, ty: PgType) -> Result<Built, Refusal> {
        let key = MasterKey::from_bytes(vec![0; 32]).unwrap().domain("template");
        let parameters = Parameters(toml::from_str(parameters).unwrap());
        build(&Build::new(&parameters, &ty, &key, false))
    }

    fn filled(parameters: &str, ty: PgType, values: [Option<&[u8]>; 2]) -> Result<String, &'static str> {
        let built = built(parameters, ty).unwrap();
        let Masking::Text(mask) = built.masking else { unreachable!() };
        let columns = values.map(|value| BinaryViewArray::from_iter([value]));
        let inputs = [0, 1].map(|index| InputColumn {
            values: Some(&columns[index]),
            ty: &PgType::Text,
            form: Form::Masked,
        });
        let mut out = String::from("-");
        mask.mask_in_row("", b"", &Row::new(&inputs, 0), &mut out).map(|()| out)
    }

    #[test]
    fn columns_are_filled_in_and_null_is_nothing() {
        let rule = "template = '{{{a|upper}}} {\"B c\"}!'";
        assert_eq!(filled(rule, PgType::Text, [Some("é".as_bytes()), Some(br"x\ty")]).unwrap(), "-{É} x\ty!");
        assert_eq!(filled(rule, PgType::Text, [None, Some(b"")]).unwrap(), "-{} !");
    }

    #[test]
    fn a_long_result_is_an_error_or_cut() {
        let (rule, short) = ("template = '{a}{b}'", PgType::Varchar(Some(3)));
        assert!(filled(rule, short.clone(), [Some(b"ab"), Some(b"cd")]).is_err());
        let cut = "template = '{a}{b}'\nmax_length = 3";
        assert_eq!(filled(cut, short, [Some("äb".as_bytes()), Some(b"cd")]).unwrap(), "-äbc");
    }

    #[test]
    fn a_wrong_template_is_refused() {
        for template in ["", "x", "{", "}", "{a", "a}", "{}", "{a|title}", "{{a}}"] {
            let refusal = built(&format!("template = '{template}'"), PgType::Text).err().unwrap();
            assert!(refusal.hint.is_some(), "{template}");
        }
        assert!(built("", PgType::Text).is_err());
    }
}
