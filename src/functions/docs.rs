//! The functions in words, from the registry: the reference in Markdown, and a page for the terminal.

use std::fmt;

use super::{Build, FUNCTIONS, Function, Uniqueness};
use crate::key::MasterKey;

/// The text of `docs/functions.md`.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for function in FUNCTIONS {
        text.push_str(&Section(function).to_string());
    }
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
    let Example { rule, input, output } = example(function);
    line("example", &rule);
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
        let Example { rule, input, output } = example(function);
        writeln!(out, "- Example: with `{rule}`, `{input}` becomes `{output}`")?;
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
    let key = MasterKey::from_bytes(vec![0; 32]).expect("it is long enough").domain(function.domain);
    let parameters = function.example.parameters();
    let build = Build { parameters: &parameters, ty: &function.example.ty, key: &key, by: false };
    match function.prepare(&build).map(|built| built.uniqueness) {
        Ok(Uniqueness::Injective) => "different values get different results".to_string(),
        Ok(Uniqueness::Bits(bits)) => format!("results are spread over 2^{bits} values"),
        _ => "different values may get the same result".to_string(),
    }
}

/// A function's example in words.
struct Example {
    rule: String,
    input: &'static str,
    output: &'static str,
}

fn example(function: &Function) -> Example {
    let example = &function.example;
    Example {
        rule: format!("column = {}", example.rule),
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
                assert!(reference.contains(parameter.help) && page.contains(parameter.help));
            }
            assert!(page.contains(function.example.input) && reference.contains(function.example.input));
        }
    }
}
