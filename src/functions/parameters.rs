//! Reading a rule's parameters: each kind of value with its check, and a refusal that says how to mend it.

use std::ops::RangeInclusive;

use super::{Function, Parameters, Refusal};

impl Refusal {
    /// A refusal because of `what`.
    pub fn new(what: impl Into<String>) -> Self {
        Refusal { what: what.into(), hint: None }
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
        let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
        Err(Refusal::new(format!("`{name}` has no choice `{text}`")).hint(one_of(text, &names)))
    }
}

/// Checks that `function` knows every one of `parameters`.
///
/// # Errors
/// The first one that it does not know, with the nearest name as the hint.
pub fn check_known(function: &Function, parameters: &Parameters) -> Result<(), Refusal> {
    let names: Vec<&str> = function.parameters.iter().map(|parameter| parameter.name).collect();
    let Some(unknown) = parameters.0.keys().find(|name| !names.contains(&name.as_str())) else {
        return Ok(());
    };
    let hint = match names.is_empty() {
        true => format!("`{}` takes no parameters of its own", function.name),
        false => one_of(unknown, &names),
    };
    Err(Refusal::new(format!("`{}` has no parameter `{unknown}`", function.name)).hint(hint))
}

/// The one of `candidates` that `name` is most likely a misspelling of.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// A hint that names the nearest of `names` and lists them all.
fn one_of(wrong: &str, names: &[&str]) -> String {
    let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(wrong, names.iter().copied()) {
        Some(name) if names.len() > 1 => format!("did you mean `{name}`? There are {list}"),
        _ => format!("there is {list}"),
    }
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
        assert_eq!(refusal.hint.unwrap(), "did you mean `hex`? There are `hex`, `base32`");
    }
}
