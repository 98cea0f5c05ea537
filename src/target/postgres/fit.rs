//! The entries of a dump as the target can take them: owners, privileges and tablespaces that it does not have are left
//! out and named, extensions that it does not have are refused.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::error::{Error, Result};
use crate::pg::dump::{Dump, Entry};
use crate::pg::restore::Include;
use crate::pg::script::tokens::{Token, Tokens};

/// What the target has.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its roles, and whether the one that is connected may give objects to them.
    pub roles: HashMap<String, bool>,
    /// Its tablespaces.
    pub tablespaces: HashSet<String>,
    /// The extensions that can be created.
    pub extensions: HashSet<String>,
    /// Whether the role that is connected is a superuser.
    pub is_superuser: bool,
}

/// Entries that the target can take.
#[derive(Clone, Debug, Default)]
pub struct Fitted {
    /// The dump.
    pub dump: Dump,
    /// What was left out of it.
    pub notes: Vec<String>,
}

/// Fits `dump`, in the form of an archive, to a target with these `facts`.
///
/// # Errors
/// [`Kind::Usage`](crate::error::Kind::Usage) if an extension is missing; all of them are named.
pub fn fit(mut dump: Dump, facts: &Facts, include: Include) -> Result<Fitted> {
    refuse_missing_extensions(&dump, facts)?;
    let mut lacking = Lacking::default();
    let mut entries = Vec::with_capacity(dump.entries.len());
    for mut entry in dump.entries {
        if !include.no_owner {
            lacking.owner(&mut entry, facts);
        }
        lacking.tablespace(&mut entry, facts);
        let is_left_out = match entry.kind.as_str() {
            "ACL" | "DEFAULT ACL" if !include.no_privileges => lacking.privileges(&mut entry, facts),
            "POLICY" => lacking.policy(&entry, facts),
            _ => false,
        };
        if !is_left_out {
            entries.push(entry);
        }
    }
    dump.entries = entries;
    Ok(Fitted { dump, notes: lacking.notes() })
}

fn refuse_missing_extensions(dump: &Dump, facts: &Facts) -> Result<()> {
    let wanted = dump.entries.iter().filter(|entry| entry.kind == "EXTENSION").map(|entry| &entry.tag);
    let missing: BTreeSet<&String> = wanted.filter(|name| !facts.extensions.contains(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (names, verb) = (listed(missing), "are not available on the target's server");
    Err(Error::usage(format!("extensions of the snapshot {verb}: {names}"))
        .hint("install their packages there; `pg_available_extensions` lists those that are"))
}

/// What the target lacks, by name, and how much of the dump depends on it.
#[derive(Default)]
struct Lacking {
    owners: BTreeMap<String, usize>,
    unfit_owners: BTreeMap<String, usize>,
    grantees: BTreeMap<String, usize>,
    tablespaces: BTreeMap<String, usize>,
    policies: BTreeSet<String>,
}

impl Lacking {
    fn owner(&mut self, entry: &mut Entry, facts: &Facts) {
        if entry.owner.is_empty() {
            return;
        }
        let known = match facts.roles.get(&entry.owner) {
            Some(true) => return,
            Some(false) => &mut self.unfit_owners,
            None => &mut self.owners,
        };
        let owner = std::mem::take(&mut entry.owner);
        // Only what gives its owner away; data and comments have one in an archive too.
        if !entry.drop_statement.is_empty() {
            *known.entry(owner).or_default() += 1;
        }
    }

    fn tablespace(&mut self, entry: &mut Entry, facts: &Facts) {
        let is_missing = |name: &String| !name.is_empty() && !facts.tablespaces.contains(name);
        if let Some(name) = entry.tablespace.take_if(|name| is_missing(name)) {
            *self.tablespaces.entry(name).or_default() += 1;
            entry.tablespace = Some(String::new());
        }
    }

    /// Leaves out the statements for roles that are not there; says whether none is left.
    fn privileges(&mut self, entry: &mut Entry, facts: &Facts) -> bool {
        let mut kept = String::new();
        let mut is_of_other_grantor = false;
        for statement in statements(&entry.definition) {
            let named = roles(statement);
            let missing: Vec<&String> =
                named.iter().filter(|role| !facts.roles.contains_key(*role)).collect();
            let begins = Tokens::new(statement, false).eat_all(&["SET", "SESSION", "AUTHORIZATION"]);
            let ends = Tokens::new(statement, false).eat_all(&["RESET", "SESSION", "AUTHORIZATION"]);
            // To grant in the name of another role, one must be able to become it.
            is_of_other_grantor |= begins && (!facts.is_superuser || !missing.is_empty());
            let is_of_other_owner =
                default_owner(statement).is_some_and(|role| facts.roles.get(&role) == Some(&false));
            if missing.is_empty() && !is_of_other_grantor && !is_of_other_owner {
                kept.push_str(statement.trim_start_matches('\n'));
                kept.push('\n');
            } else if !begins && !ends {
                let of = if missing.is_empty() { named.iter().collect() } else { missing };
                of.into_iter().for_each(|role| *self.grantees.entry(role.clone()).or_default() += 1);
            }
            is_of_other_grantor &= !ends;
        }
        entry.definition = kept;
        entry.definition.is_empty()
    }

    fn policy(&mut self, entry: &Entry, facts: &Facts) -> bool {
        let is_lacking = policy_roles(&entry.definition).iter().any(|role| !facts.roles.contains_key(role));
        if is_lacking {
            self.policies.insert(entry.tag.clone());
        }
        is_lacking
    }

    fn notes(self) -> Vec<String> {
        let count = |names: &BTreeMap<String, usize>| names.values().sum::<usize>();
        let mut notes = Vec::new();
        let mut note = |names: &BTreeMap<String, usize>, text: &str| {
            if !names.is_empty() {
                notes.push(format!("{text}: {}", listed(names.keys())));
            }
        };
        let owned = format!(
            "{} objects belong to the role that loads them, as the target lacks their owners",
            count(&self.owners)
        );
        note(&self.owners, &owned);
        let unfit = format!(
            "{} objects belong to the role that loads them, as it may not give them to their owners",
            count(&self.unfit_owners)
        );
        note(&self.unfit_owners, &unfit);
        let granted = format!(
            "{} privileges are left out, as the target lacks their roles or they are not the loading role's to give",
            count(&self.grantees)
        );
        note(&self.grantees, &granted);
        note(&self.tablespaces, "the default tablespace is used, as the target lacks");
        if !self.policies.is_empty() {
            notes.push(format!(
                "row security policies are left out, as the target lacks their roles: {}",
                listed(&self.policies)
            ));
        }
        notes
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{}`", name.replace(['\n', '\r'], " ")))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The statements of a text, each with its semicolon.
pub fn statements(text: &str) -> Vec<&str> {
    let mut tokens = Tokens::new(text, false);
    let (mut statements, mut start) = (Vec::new(), 0);
    while let Some(token) = tokens.next() {
        if token == Token::Symbol(b';') {
            statements.push(&text[start..tokens.offset()]);
            start = tokens.offset();
        }
    }
    if Tokens::new(&text[start..], false).next().is_some() {
        statements.push(&text[start..]);
    }
    statements
}

/// The roles that a statement on privileges names.
fn roles(statement: &str) -> Vec<String> {
    let mut tokens = Tokens::new(statement, false);
    if tokens.eat_all(&["SET", "SESSION", "AUTHORIZATION"]) {
        return tokens.identifier().into_iter().collect();
    }
    let mut roles: Vec<String> = default_owner(statement).into_iter().collect();
    let mut grantees = None;
    // Names that are keywords are quoted, so that these two are no names.
    while tokens.peek().is_some() {
        match tokens.eat("TO") || tokens.eat("FROM") {
            true => grantees = Some(tokens.clone()),
            false => drop(tokens.next()),
        }
    }
    roles.extend(grantees.map(role_list).unwrap_or_default());
    roles
}

/// The role of `ALTER DEFAULT PRIVILEGES FOR ROLE …`.
fn default_owner(statement: &str) -> Option<String> {
    let mut tokens = Tokens::new(statement, false);
    tokens.eat_all(&["ALTER", "DEFAULT", "PRIVILEGES", "FOR", "ROLE"]).then(|| tokens.identifier()).flatten()
}

/// The roles of a policy; none where it is for everybody.
fn policy_roles(definition: &str) -> Vec<String> {
    let mut tokens = Tokens::new(definition, false);
    let mut depth = 0_u32;
    while tokens.peek().is_some() {
        if depth == 0 && tokens.eat("TO") {
            return role_list(tokens);
        }
        match tokens.next() {
            Some(Token::Symbol(b'(')) => depth += 1,
            Some(Token::Symbol(b')')) => depth = depth.saturating_sub(1),
            _ => (),
        }
    }
    Vec::new()
}

fn role_list(mut tokens: Tokens<'_>) -> Vec<String> {
    let mut roles = Vec::new();
    loop {
        tokens.eat("GROUP");
        let is_pseudo =
            ["PUBLIC", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"].iter().any(|name| tokens.eat(name));
        if !is_pseudo {
            roles.extend(tokens.identifier());
        }
        if !tokens.eat_symbol(b',') {
            return roles;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let roles = [("app".to_string(), true), ("to".to_string(), true), ("boss".to_string(), false)];
        Facts { roles: roles.into(), extensions: HashSet::from(["citext".to_string()]), ..Facts::default() }
    }

    fn entry(kind: &str, definition: &str) -> Entry {
        Entry { kind: kind.into(), tag: "t".into(), definition: definition.into(), ..Entry::default() }
    }

    fn fitted(entry: Entry) -> Fitted {
        fit(Dump { entries: vec![entry], ..Dump::default() }, &facts(), Include::default()).unwrap()
    }

    #[test]
    fn a_grant_to_a_role_that_is_not_there_is_left_out_and_named() {
        let text = "REVOKE ALL ON TABLE public.t FROM app;\nGRANT SELECT ON TABLE public.\"to\" TO \"Gone; x\" WITH GRANT OPTION;\nGRANT SELECT ON TABLE public.t TO PUBLIC;\n";
        let Fitted { dump, notes } = fitted(entry("ACL", text));
        let expected = "REVOKE ALL ON TABLE public.t FROM app;\nGRANT SELECT ON TABLE public.t TO PUBLIC;\n";
        assert_eq!(dump.entries[0].definition, expected);
        assert!(notes.len() == 1 && notes[0].ends_with("`Gone; x`"), "{notes:?}");
    }

    #[test]
    fn default_privileges_of_a_role_that_one_is_not_are_left_out() {
        let text = "ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA a GRANT SELECT ON TABLES TO app;\n";
        assert!(fitted(entry("DEFAULT ACL", text)).dump.entries.is_empty());
        let own = "ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT SELECT ON TABLES TO app;\n";
        assert_eq!(fitted(entry("DEFAULT ACL", own)).dump.entries[0].definition, own);
    }

    #[test]
    fn what_another_role_granted_takes_a_superuser() {
        let text = "SET SESSION AUTHORIZATION app;\nGRANT SELECT ON TABLE t TO \"to\";\nRESET SESSION AUTHORIZATION;\nGRANT UPDATE ON TABLE t TO app;\n";
        assert_eq!(
            fitted(entry("ACL", text)).dump.entries[0].definition,
            "GRANT UPDATE ON TABLE t TO app;\n"
        );
    }

    #[test]
    fn owners_and_tablespaces_that_are_not_there_are_named() {
        let table = Entry {
            owner: "gone".into(),
            tablespace: Some("fast".into()),
            drop_statement: "DROP TABLE t;".into(),
            ..entry("TABLE", "CREATE TABLE t ();")
        };
        let Fitted { dump, notes } = fitted(table);
        assert_eq!((dump.entries[0].owner.as_str(), dump.entries[0].tablespace.as_deref()), ("", Some("")));
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn a_policy_for_a_role_that_is_not_there_is_left_out() {
        let policy = |roles| {
            format!("CREATE POLICY p ON public.t FOR SELECT TO {roles} USING ((a = 'to x'::text));\n")
        };
        assert!(fitted(entry("POLICY", &policy("app, gone"))).dump.entries.is_empty());
        assert_eq!(fitted(entry("POLICY", &policy("app, PUBLIC"))).dump.entries.len(), 1);
    }

    #[test]
    fn extensions_that_are_not_there_are_all_named() {
        let extension = |name: &str| Entry { tag: name.into(), ..entry("EXTENSION", "CREATE EXTENSION x;") };
        let entries = ["citext", "postgis", "odd"].map(extension).to_vec();
        let error = fit(Dump { entries, ..Dump::default() }, &facts(), Include::default()).unwrap_err();
        assert_eq!(
            error.what(),
            "extensions of the snapshot are not available on the target's server: `odd`, `postgis`"
        );
    }
}
