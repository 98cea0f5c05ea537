//! A rule with its function found and the defaults filled in; checks what needs no schema.

use super::ColumnRule;
use super::document::COMMON_KEYS;
use crate::error::Error;
use crate::functions::text::{InvalidPolicy, NullPolicy};
use crate::functions::{Function, Masking, Parameters};
use crate::nearest::did_you_mean;

/// The name of the function that changes nothing: the one that must never win over a masking one by a pattern.
pub const KEEP: &str = "keep";

/// What a rule asks for, defaults filled in. Two columns mask alike if theirs are equal.
pub struct Setting<'r> {
    /// The rule.
    pub rule: &'r ColumnRule,
    /// Its function.
    pub function: &'static Function,
    /// The domain of its values.
    pub domain: String,
    /// The function's parameters, the default locale among them where it takes one.
    pub parameters: Parameters,
    /// What becomes of NULL.
    pub null: NullPolicy,
    /// What becomes of a value that does not parse.
    pub invalid: InvalidPolicy,
    /// The locale of nested functions that take one.
    pub locale: Option<&'r str>,
}

impl<'r> Setting<'r> {
    /// Finds the rule's function in `functions` and checks the names of its parameters.
    ///
    /// # Errors
    /// The function is unknown, or takes no such parameter.
    pub fn new(
        rule: &'r ColumnRule,
        locale: Option<&'r str>,
        functions: &[&'static Function],
    ) -> Result<Self, Vec<Error>> {
        let Some(function) = functions.iter().copied().find(|function| function.name == rule.function) else {
            return Err(vec![unknown_function(rule, functions)]);
        };
        let errors = unknown_parameters(rule, function);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut parameters = rule.parameters.clone();
        if let Some(locale) = locale
            && takes(function, "locale")
        {
            parameters.0.entry("locale".into()).or_insert_with(|| locale.into());
        }
        Ok(Setting {
            rule,
            function,
            domain: rule.domain.clone().unwrap_or_else(|| default_domain(rule, function).to_string()),
            parameters,
            null: rule.null.unwrap_or_default(),
            invalid: rule.invalid.unwrap_or_default(),
            locale,
        })
    }

    /// Whether columns under the two mask alike.
    pub fn agrees_with(&self, other: &Setting<'_>) -> bool {
        self.function.name == other.function.name
            && self.domain == other.domain
            && self.parameters.0 == other.parameters.0
            && (self.null, self.invalid) == (other.null, other.invalid)
            && self.rule.by == other.rule.by
            && self.rule.when == other.rule.when
    }

    /// Whether the values go out as they came in.
    pub fn keeps(&self) -> bool {
        self.function.name == KEEP
    }

    /// The keys of the rule that mean nothing where the function makes no text.
    pub fn idle_keys(&self, masking: &Masking) -> Vec<&'static str> {
        let rule = self.rule;
        let given = [
            ("domain", rule.domain.is_some()),
            ("null", rule.null.is_some()),
            ("invalid", rule.invalid.is_some()),
        ];
        let idle = !matches!(masking, Masking::Text(_));
        let kept_anyway = matches!(masking, Masking::Keep) && rule.when.is_some();
        let idle = given.into_iter().filter(|(_, given)| idle && *given).map(|(key, _)| key);
        idle.chain(kept_anyway.then_some("when")).collect()
    }

    /// The parameters as a rule writes them, for the plan.
    pub fn parameters_text(&self) -> String {
        let mut parts: Vec<String> =
            self.parameters.0.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if self.null == NullPolicy::Mask {
            parts.push("null = \"mask\"".into());
        }
        if let Some(when) = &self.rule.when {
            parts.push(format!("when = {}", toml::Value::from(when.as_str())));
        }
        match self.invalid {
            InvalidPolicy::Error => {}
            InvalidPolicy::Null => parts.push("invalid = \"null\"".into()),
            InvalidPolicy::Redact => parts.push("invalid = \"redact\"".into()),
        }
        parts.join(", ")
    }
}

/// The domain of a rule that names none: with `by` that of owners, so that a name and an address of one match.
fn default_domain(rule: &ColumnRule, function: &Function) -> &'static str {
    function.domain_by.filter(|_| rule.by.is_some()).unwrap_or(function.domain)
}

/// Whether `function` has the parameter `name`.
pub fn takes(function: &Function, name: &str) -> bool {
    function.parameters.iter().any(|parameter| parameter.name == name)
}

fn unknown_function(rule: &ColumnRule, functions: &[&'static Function]) -> Error {
    let error = Error::rules(format!("unknown function `{}`", rule.function)).at(&rule.line);
    let hint = did_you_mean(&rule.function, functions.iter().map(|function| function.name));
    hint.into_iter().fold(error, Error::hint)
}

fn unknown_parameters(rule: &ColumnRule, function: &Function) -> Vec<Error> {
    let mut errors = Vec::new();
    if rule.by.is_some() && function.domain_by.is_none() {
        let what = format!("`{}` does not take `by`", function.name);
        errors.push(Error::rules(what).at(&rule.line).hint("leave `by` out: equal values mask alike"));
    }
    for name in rule.parameters.0.keys().filter(|name| !takes(function, name)) {
        let what = format!("`{}` has no parameter `{name}`", function.name);
        let known = function.parameters.iter().map(|parameter| parameter.name).chain(COMMON_KEYS);
        let hint = did_you_mean(name, known);
        errors.push(hint.into_iter().fold(Error::rules(what).at(&rule.line), Error::hint));
    }
    errors
}
