//! Reading a rule's parameters: each kind of value with its check, and a refusal that says how to mend it.

use std::ops::RangeInclusive;

use super::{Function, Parameters, Refusal};
use crate::nearest::did_you_mean;

impl Refusal {
    /// A refusal because of `what`.
    pub fn new(what: impl Into<String>) -> Self {
        Refusal { what: what.into(), hint: None }
    }

    /// …of the part `name` of a rule.
    pub fn of_part(self, name: &str) -> Self {
        Refusal { what: format!("`{name}`: {}", self.what), ..self }
    }

    /// …that is mended so.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Parameters {
    /// The text that `name` has.
    ///
    /// # Errors
    /// If it is not a string.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong_type(name, "a string", value))
    }

    /// The texts of the list that `name` has.
    ///
    /// # Errors
    /// If it is not a list of strings.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let texts = value.as_array().and_then(|list| list.iter().map(toml::Value::as_str).collect());
        texts.map(Some).ok_or_else(|| {
            Refusal::new(format!("`{name}` is not a list of strings")).hint("write `[\"…\", \"…\"]`")
        })
    }

    /// The integer that `name` has.
    ///
    /// # Errors
    /// If it is not an integer, or not in `bounds`.
    pub fn integer(&self, name: &str, bounds: RangeInclusive<i64>) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_integer().ok_or_else(|| wrong_type(name, "an integer", value))?;
        if bounds.contains(&number) {
            return Ok(Some(number));
        }
        Err(Refusal::new(format!("`{name}` is {number}, out of bounds")).hint(format!(
            "give a number from {} to {}",
            bounds.start(),
            bounds.end()
        )))
    }

    /// Whether `name` is true; false where it is not given.
    ///
    /// # Errors
    /// If it is not a boolean.
    pub fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let Some(value) = self.0.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| wrong_type(name, "`true` or `false`", value))
    }

    /// The one of `choices` that `name` names.
    ///
    /// # Errors
    /// If it names none of them.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&'static str, T)]) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if let Some((_, choice)) = choices.iter().find(|(choice, _)| *choice == text) {
            return Ok(Some(*choice));
        }
        let hint = did_you_mean(text, choices.iter().map(|(choice, _)| *choice));
        Err(Refusal { what: format!("`{name}` has no choice `{text}`"), hint })
    }
}

/// Checks that `function` knows every one of `parameters`.
///
/// # Errors
/// The first one that it does not know, with the nearest name as the hint.
pub fn check_known(function: &Function, parameters: &Parameters) -> Result<(), Refusal> {
    let names = function.parameters.iter().map(|parameter| parameter.name);
    let Some(unknown) = parameters.0.keys().find(|given| names.clone().all(|name| name != *given)) else {
        return Ok(());
    };
    let hint = did_you_mean(unknown, names)
        .unwrap_or_else(|| format!("`{}` takes no parameters of its own", function.name));
    Err(Refusal::new(format!("`{}` has no parameter `{unknown}`", function.name)).hint(hint))
}

fn wrong_type(name: &str, expected: &str, value: &toml::Value) -> Refusal {
    let article = if value.type_str().starts_with(['a', 'i']) { "an" } else { "a" };
    Refusal::new(format!("`{name}` is {article} {}, not {expected}", value.type_str()))
        .hint(format!("write {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Parameters {
        Parameters(toml::from_str(text).unwrap())
    }

    #[test]
    fn a_wrong_type_or_bound_is_refused_with_a_hint() {
        let given = parameters("length = 'x'\ndays = 0\nunique = 1");
        assert_eq!(given.integer("length", 1..=9).unwrap_err().what, "`length` is a string, not an integer");
        assert_eq!(given.integer("days", 1..=9).unwrap_err().hint.unwrap(), "give a number from 1 to 9");
        assert_eq!(given.flag("unique").unwrap_err().what, "`unique` is an integer, not `true` or `false`");
        assert_eq!(given.integer("absent", 1..=9), Ok(None));
    }

    #[test]
    fn an_unknown_choice_names_the_nearest() {
        let refusal =
            parameters("encoding = 'hexx'").choice("encoding", &[("hex", 1), ("base32", 2)]).unwrap_err();
        assert_eq!(refusal.hint.unwrap(), "did you mean `hex`?");
    }
}
