//! The functions in words, from the registry: the reference in Markdown, and a page for the terminal.

use std::fmt;

use std::path::Path;

use super::{Build, Built, Context, EXAMPLE_ROW, FUNCTIONS, Form, Function, Uniqueness, collisions};
use crate::key::MasterKey;

/// The text of `docs/functions.md`.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for function in FUNCTIONS {
        text.push_str(&Section(function).to_string());
    }
    text.push_str(&collisions::table());
    text
}

const INTRODUCTION: &str = "\
# Masking functions

Written from the registry; a test compares.
Every function also takes `domain`, `null` and `invalid`; see [rules/README.md](../rules/README.md).
The examples are under the key of 32 zero bytes.
";

/// What `mask functions NAME` prints of `function`.
pub fn describe(function: &Function) -> String {
    let mut text = format!("{}\n\n  {}.\n\n", function.name, function.summary);
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<11} {value}\n"));
    line("takes", &function.takes_text.replace('`', ""));
    line("domain", &domain(function).replace('`', ""));
    line("uniqueness", &uniqueness(function));
    let Example { rule, row, input, output } = example(function);
    line("example", &format!("{rule}{}", row.replace('`', "")));
    line("", &format!("{input} -> {output}"));
    for parameter in function.parameters {
        text.push_str(&format!("\n  {}\n      {}.\n", parameter.name, parameter.help));
    }
    text
}

/// A section of the reference.
struct Section<'a>(&'a Function);

impl fmt::Display for Section<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.0;
        writeln!(out, "\n## `{}`\n\n{}.\n", function.name, function.summary)?;
        writeln!(out, "- Takes: {}", function.takes_text)?;
        writeln!(out, "- Domain: {}", domain(function))?;
        writeln!(out, "- Uniqueness: {}", uniqueness(function))?;
        let Example { rule, row, input, output } = example(function);
        writeln!(out, "- Example: with `{rule}`{row}, `{input}` becomes `{output}`")?;
        if function.parameters.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n| parameter | what it does |\n| --- | --- |")?;
        for parameter in function.parameters {
            writeln!(out, "| `{}` | {} |", parameter.name, parameter.help.replace('|', "\\|"))?;
        }
        Ok(())
    }
}

fn domain(function: &Function) -> String {
    match function.domain_by {
        Some(by) if by != function.domain => format!("`{}`; with `by`, `{by}`", function.domain),
        Some(_) => format!("`{}`, with `by` too", function.domain),
        None => format!("`{}`; takes no `by`", function.domain),
    }
}

/// How unique results are, as the example's rule builds the function.
fn uniqueness(function: &Function) -> String {
    match exemplary(function).map(|built| built.uniqueness) {
        Some(Uniqueness::Injective) => "different values get different results".to_string(),
        Some(Uniqueness::Bits(bits)) => format!("results are spread over 2^{bits} values"),
        _ => "different values may get the same result".to_string(),
    }
}

/// The function as the rule of its example builds it.
pub fn exemplary(function: &Function) -> Option<Built> {
    let key = MasterKey::from_bytes(vec![0; 32]).expect("it is long enough");
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: Path::new(""),
        lists: &crate::functions::lists::Lists::default(),
    };
    let (parameters, key) = (function.example.parameters(), key.domain(function.domain));
    let build = Build::new(&parameters, &function.example.ty, &key, false).within(&context);
    function.prepare(&build).ok()
}

/// What the columns of the row hold that the example asks for.
fn row_of_example(function: &Function) -> String {
    let inputs = exemplary(function).map_or(Vec::new(), |built| built.inputs);
    let asked_for =
        |name: &str, form: Form| inputs.iter().any(|input| input.column == name && input.form == form);
    let given = EXAMPLE_ROW.iter().filter(|(name, ..)| asked_for(name, Form::Masked));
    let told: Vec<String> = given.map(|(name, masked)| format!("masked `{name}` is `{masked}`")).collect();
    if told.is_empty() { String::new() } else { format!(", in a row whose {}", told.join(" and ")) }
}

/// A function's example in words.
struct Example {
    rule: String,
    row: String,
    input: &'static str,
    output: &'static str,
}

fn example(function: &Function) -> Example {
    let example = &function.example;
    Example {
        rule: format!("column = {}", example.rule),
        row: row_of_example(function),
        input: example.input,
        output: example.output.unwrap_or("NULL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_and_the_page_name_everything() {
        let reference = reference();
        for function in FUNCTIONS {
            let page = describe(function);
            assert!(reference.contains(&format!("## `{}`", function.name)));
            for parameter in function.parameters {
                let in_table = parameter.help.replace('|', "\\|");
                assert!(reference.contains(&in_table) && page.contains(parameter.help));
            }
            assert!(page.contains(function.example.input) && reference.contains(function.example.input));
        }
    }
}
