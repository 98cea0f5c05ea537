//! `--load replace`: the schemas of an existing database are made anew, for a role that may not make databases.
//!
//! In one transaction the old schemas get other names and the new ones are made and filled. Nobody sees it before the
//! commit, nor waits for it: old tables are not locked. After the commit the old schemas are dropped.

use std::collections::BTreeSet;

use super::name;
use super::{Live, marker::Marker};
use crate::error::{Error, Result};
use crate::pg::client::{Connection, Failure, literal};
use crate::pg::dump::{Dump, Entry};
use crate::schema::quoted_always;

/// What follows the name of a schema that is replaced.
const OLD: &str = "_mask_old";

/// How often it is tried to drop an old schema that somebody still reads.
const ATTEMPTS: u32 = 5;

/// The schemas that are replaced.
pub struct Replacement {
    schemas: Vec<Schema>,
    /// What is dropped first, as it lies in no schema: servers, wrappers, languages, casts.
    drops: Vec<String>,
    discard: String,
}

/// A schema of the dump.
struct Schema {
    name: String,
    old_name: String,
    /// Whether the database has it.
    is_there: bool,
    /// Extensions in it that move to the new one.
    extensions: Vec<String>,
    /// What makes the new one what the old one was, where the dump does not say it.
    traits: Vec<String>,
}

impl Replacement {
    /// Looks at what there is, and removes what a run that was killed has left behind. The schemas of `dump` are made
    /// by [`Replacement::make_room`], and no longer by their entries.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if a schema cannot be replaced by this role.
    pub fn plan(
        connection: &mut Connection,
        dump: &mut Dump,
        live: &Live,
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let mut schemas = Vec::new();
        for name in names(dump) {
            schemas.push(Schema::look_at(connection, &name, is_declared(dump, &name))?);
        }
        for schema in &schemas {
            schema.remove_leftover(connection, notes)?;
        }
        for entry in dump.entries.iter_mut().filter(|entry| entry.kind == "SCHEMA") {
            // The schema is there already; what is left of its entry is its owner.
            entry.definition = "SELECT;\n".into();
        }
        let mut drops: Vec<String> = dump.entries.iter().filter_map(drop_of).collect();
        if dump.entries.iter().any(|entry| entry.kind.starts_with("BLOB")) {
            drops.push(
                "SELECT pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata
                 WHERE pg_catalog.pg_has_role(lomowner, 'USAGE')"
                    .into(),
            );
        }
        Ok(Replacement { schemas, drops, discard: Marker::Discarded(live.run.clone()).comment() })
    }

    /// Gives the old schemas other names and makes new ones, empty but for the extensions.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it.
    pub fn make_room(&self, connection: &mut Connection) -> Result<()> {
        let mut run = |sql: String, name: &str| {
            let done = connection.execute(&sql);
            done.map_err(|failure| failure.staging("cannot replace a schema").at(format!("schema `{name}`")))
        };
        for Schema { name, old_name, is_there, extensions, traits } in &self.schemas {
            let (quoted, old) = (quoted_always(name), quoted_always(old_name));
            if *is_there {
                run(format!("ALTER SCHEMA {quoted} RENAME TO {old}"), name)?;
                run(format!("COMMENT ON SCHEMA {old} IS {}", literal(&self.discard)), name)?;
            }
            run(format!("CREATE SCHEMA {quoted}"), name)?;
            for extension in extensions {
                run(format!("ALTER EXTENSION {} SET SCHEMA {quoted}", quoted_always(extension)), name)?;
            }
            for statement in traits {
                run(statement.clone(), name)?;
            }
        }
        for sql in &self.drops {
            let dropped = connection.execute(sql);
            dropped.map_err(|failure| failure.staging("cannot remove what lies in no schema"))?;
        }
        Ok(())
    }

    /// Drops the old schemas, with all that depends on them; returns which could not be dropped.
    pub fn remove_old(&self, connection: &mut Connection) -> Vec<String> {
        let mut notes = Vec::new();
        for schema in self.schemas.iter().filter(|schema| schema.is_there) {
            let old = quoted_always(&schema.old_name);
            let drop = format!("SET lock_timeout = '2s'; DROP SCHEMA {old} CASCADE; SET lock_timeout = 0");
            if !(0..ATTEMPTS).any(|_| connection.execute(&drop).is_ok()) {
                notes.push(format!("the old schema {old} is still read; the next run drops it"));
            }
        }
        notes
    }
}

/// The schemas that hold something of the dump, and those that it makes.
fn names(dump: &Dump) -> BTreeSet<String> {
    let of = |entry: &Entry| match entry.kind.as_str() {
        "SCHEMA" => Some(entry.tag.clone()),
        // An extension's tables stay where they are.
        "TABLE DATA" | "EXTENSION" | "COMMENT" | "ACL" | "DEFAULT ACL" => None,
        _ => entry.namespace.clone(),
    };
    dump.entries.iter().filter_map(of).filter(|name| !name.is_empty() && !name.starts_with("pg_")).collect()
}

/// Whether the dump says what privileges and which owner a schema has.
fn is_declared(dump: &Dump, name: &str) -> bool {
    dump.entries.iter().any(|entry| entry.kind == "SCHEMA" && entry.tag == name)
}

/// The statement that removes what lies in no schema and would be in the way of the same.
fn drop_of(entry: &Entry) -> Option<String> {
    let kind = ["SERVER", "FOREIGN DATA WRAPPER", "ACCESS METHOD", "CAST", "TRANSFORM"]
        .into_iter()
        .find(|kind| entry.kind == *kind)?;
    let object = entry.drop_statement.strip_prefix("DROP ")?.strip_prefix(kind)?;
    Some(format!("DROP {kind} IF EXISTS {} CASCADE", object.trim_end().trim_end_matches(';')))
}

fn unreadable(failure: Failure) -> Error {
    failure.staging("cannot look at the schemas of the target")
}

impl Schema {
    fn look_at(connection: &mut Connection, name: &str, is_declared: bool) -> Result<Schema> {
        let found = connection.query(&format!(
            "SELECT oid, pg_catalog.pg_has_role(nspowner, 'USAGE') FROM pg_catalog.pg_namespace WHERE nspname = {}",
            literal(name)
        ));
        let found = found.map_err(unreadable)?.into_iter().next();
        let old_name = name::with_ending(name, OLD);
        let mut schema = Schema {
            name: name.into(),
            old_name,
            is_there: found.is_some(),
            extensions: Vec::new(),
            traits: Vec::new(),
        };
        let Some(row) = found else { return Ok(schema) };
        let [oid, is_own] = <[Option<String>; 2]>::try_from(row).unwrap_or_default();
        if is_own.as_deref() != Some("t") {
            return Err(Error::usage("the role does not own a schema that is to be replaced")
                .at(format!("schema `{name}`"))
                .hint("let its owner give it to the role: `ALTER SCHEMA … OWNER TO …`"));
        }
        let oid = oid.unwrap_or_default();
        schema.find_extensions(connection, &oid)?;
        if !is_declared {
            schema.find_traits(connection, &oid)?;
        }
        Ok(schema)
    }

    fn find_extensions(&mut self, connection: &mut Connection, oid: &str) -> Result<()> {
        let rows = connection.query(&format!(
            "SELECT extname, extrelocatable FROM pg_catalog.pg_extension WHERE extnamespace = {oid} ORDER BY oid"
        ));
        for row in rows.map_err(unreadable)? {
            let [extension, may_move] = <[Option<String>; 2]>::try_from(row).unwrap_or_default();
            let extension = extension.unwrap_or_default();
            if may_move.as_deref() != Some("t") {
                return Err(Error::usage(
                    "a schema that is to be replaced holds an extension that cannot be moved",
                )
                .at(format!("schema `{}`, extension `{extension}`", self.name))
                .hint("load in another way: `--load swap`, or `--load data`"));
            }
            self.extensions.push(extension);
        }
        Ok(())
    }

    /// Owner, privileges and comment of the old schema, for the new one.
    fn find_traits(&mut self, connection: &mut Connection, oid: &str) -> Result<()> {
        let name = quoted_always(&self.name);
        let grants = connection.query(&format!(
            "SELECT coalesce(pg_catalog.quote_ident(rolname), 'PUBLIC'), privilege_type, is_grantable
             FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(nspacl) LEFT JOIN pg_catalog.pg_roles r ON r.oid = grantee
             WHERE n.oid = {oid} AND grantee <> nspowner"
        ));
        for row in grants.map_err(unreadable)? {
            let [grantee, privilege, grantable] = <[Option<String>; 3]>::try_from(row).unwrap_or_default();
            let option = if grantable.as_deref() == Some("t") { " WITH GRANT OPTION" } else { "" };
            self.traits.push(format!(
                "GRANT {} ON SCHEMA {name} TO {}{option}",
                privilege.unwrap_or_default(),
                grantee.unwrap_or_default()
            ));
        }
        let rest = connection.query(&format!(
            "SELECT coalesce(pg_catalog.obj_description({oid}, 'pg_namespace'), ''), pg_catalog.quote_ident(rolname)
             FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = nspowner WHERE n.oid = {oid}"
        ));
        for row in rest.map_err(unreadable)? {
            let [comment, owner] = <[Option<String>; 2]>::try_from(row).unwrap_or_default();
            let comment = comment.filter(|comment| !comment.is_empty());
            self.traits.extend(comment.map(|text| format!("COMMENT ON SCHEMA {name} IS {}", literal(&text))));
            self.traits.extend(owner.map(|owner| format!("ALTER SCHEMA {name} OWNER TO {owner}")));
        }
        Ok(())
    }

    /// Removes the old schema of a run that ended before it did.
    fn remove_leftover(&self, connection: &mut Connection, notes: &mut Vec<String>) -> Result<()> {
        let comment = connection.query(&format!(
            "SELECT coalesce(pg_catalog.obj_description(oid, 'pg_namespace'), '') FROM pg_catalog.pg_namespace
             WHERE nspname = {}",
            literal(&self.old_name)
        ));
        let Some(comment) = comment.map_err(unreadable)?.into_iter().flatten().flatten().next() else {
            return Ok(());
        };
        let Some(Marker::Discarded(run)) = Marker::parse(&comment) else {
            return Err(Error::usage("a schema that is not of `mask` has a name that the run needs")
                .at(format!("schema `{}`", self.old_name))
                .hint("rename it, or drop it"));
        };
        let dropped = connection.execute(&format!("DROP SCHEMA {} CASCADE", quoted_always(&self.old_name)));
        dropped.map_err(|failure| failure.staging("cannot drop a schema that a run had left behind"))?;
        notes.push(format!(
            "removed the schema `{}`, which run {} had left behind",
            self.old_name,
            run.as_str()
        ));
        Ok(())
    }
}
