//! `password_hash`: every account gets one stated password, hashed as the old one was.

mod recipe;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{Build, Built, Example, Function, Parameter, Refusal, TEXT_TYPES, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::schema::PgType;

use recipe::Recipe;

pub static PASSWORD_HASH: Function = Function {
    name: "password_hash",
    summary: "Replace a password's hash by that of one stated password, so that everybody who knows it can log in as any \
              account of staging: bcrypt, argon2, PBKDF2 and scrypt as PHP, Rails, Django, passlib, Werkzeug, Spring and \
              ASP.NET write them, with the same parameters as far as they are cheap (bcrypt 12, 64 MiB and 4 passes of \
              argon2, 10⁶ iterations, scrypt 2¹⁵); one hash is computed for each set of parameters; an account that cannot \
              log in stays one",
    parameters: &[Parameter {
        name: "password",
        help: "the password, 1 to 72 bytes; whoever reads the rules reads it, so that it is no secret; required",
    }],
    example: Example {
        rule: r#"{ fn = "password_hash", password = "staging" }"#,
        ty: PgType::Text,
        input: "$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK",
        output: Some("$2b$04$2PYcBbNbFP6v04xg9IVJgerGNvDRRZdL9gxAmmh52PqEysroUwor2"),
    },
    domain: "password_hash",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: TEXT_TYPES,
    build,
};

/// How many sets of parameters a column may have: each costs the time of a hash.
const MAX_RECIPES: usize = 64;

struct PasswordHash {
    key: DomainKey,
    password: Zeroizing<String>,
    hashes: Mutex<HashMap<Recipe, Arc<str>>>,
}

impl TextMask for PasswordHash {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if value.is_empty() {
            return Ok(());
        }
        // What no password has as its hash: Unix' `*`, and Django's `!` before random characters.
        if value.starts_with(['!', '*']) {
            out.push_str(&value[..1]);
            return Ok(());
        }
        let recipe = Recipe::of(value).ok_or("is not a password's hash of a kind that is known")?;
        out.push_str(&self.hash(recipe)?);
        Ok(())
    }
}

impl PasswordHash {
    /// The hash by that recipe, computed once. Others wait meanwhile, for most of them need the same.
    fn hash(&self, recipe: Recipe) -> Result<Arc<str>, &'static str> {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = hashes.get(&recipe) {
            return Ok(hash.clone());
        }
        if hashes.len() >= MAX_RECIPES {
            return Err("is the hash of a 65th set of parameters, and each costs the time of a hash");
        }
        let salt = self.key.prf(recipe.to_string().as_bytes());
        let hash = recipe.hash(self.password.as_bytes(), &salt);
        let hash: Arc<str> = hash.ok_or("is a password's hash with parameters that no hash can have")?.into();
        hashes.insert(recipe, hash.clone());
        Ok(hash)
    }
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let Some(password) = build.parameters.text("password")? else {
        return Err(Refusal::new("`password_hash` has no `password`")
            .hint("add the password that every account of staging is to have"));
    };
    if password.is_empty() || password.len() > 72 || password.contains('\0') {
        return Err(Refusal::new("`password` is not 1 to 72 bytes without NUL")
            .hint("bcrypt takes no other; give another password"));
    }
    let password = Zeroizing::new(password.to_string());
    let mask = PasswordHash { key: build.key.clone(), password, hashes: Mutex::default() };
    Ok(Built::text(mask, Uniqueness::None, build.ty.max_chars()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn accounts_with_the_same_parameters_get_the_same_hash() {
        let mask = Tester::new(&PASSWORD_HASH, "password = 'staging'", PgType::Text);
        let one = mask.masked("$2b$04$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK").unwrap();
        let other = mask.masked("$2b$04$zyxwvutsrqponmlkjihgfeCuvKKgmxj5YhWAG5fJbEJbF/7ZGrHn6").unwrap();
        assert_eq!(one, other);
        assert!(bcrypt::verify("staging", &one).unwrap());
        assert_eq!(mask.masked("!hV7sk0aFzv").unwrap(), "!");
        assert_eq!(mask.masked("").unwrap(), "");
        for value in ["hunter2", "5f4dcc3b5aa765d61d8327deb882cf99", "$2b$99$", "$1$abc$def"] {
            assert!(mask.masked(value).is_err(), "{value}");
        }
    }

    #[test]
    fn the_number_of_hashes_is_bounded() {
        let mask = Tester::new(&PASSWORD_HASH, "password = 'staging'", PgType::Text);
        let value = |n: usize| format!("pbkdf2_sha1${n}$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert!((1..=64).all(|n| mask.masked(&value(n)).is_ok()));
        assert!(mask.masked(&value(65)).unwrap_err().contains("65th"));
        assert!(mask.masked(&value(64)).is_ok());
    }

    #[test]
    fn a_password_is_required() {
        let refused = |rule: &str| Tester::refused(&PASSWORD_HASH, rule, PgType::Text);
        assert!(refused("").contains("no `password`"));
        assert!(refused("password = ''").contains("1 to 72"));
        assert!(refused(&format!("password = '{}'", "x".repeat(73))).contains("1 to 72"));
    }
}
