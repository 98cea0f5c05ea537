//! `--load data`: the tables of an existing schema are emptied and filled, in one transaction.
//!
//! Foreign keys are dropped and declared again when all rows are there, so that their order does not matter, nor whether
//! they run in a circle; triggers are off meanwhile. Others wait for the tables until the commit.

use std::collections::BTreeSet;

use crate::error::{Error, Place, Result};
use crate::pg::client::{Connection, Failure, Row, literal};
use crate::plan::{Fate, Plan};
use crate::schema::{QualifiedName, TableKind, quoted_always};

/// What is done around the rows: statements, in order.
#[derive(Default)]
pub struct Reload {
    /// Before them.
    before: Vec<String>,
    /// After them.
    after: Vec<String>,
    /// When everything else is done.
    refreshes: Vec<String>,
}

impl Reload {
    /// Looks at the tables of the target that `plan` fills.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if one is not there, lacks a column or belongs to another role.
    pub fn plan(connection: &mut Connection, plan: &Plan) -> Result<Reload> {
        let tables: BTreeSet<&QualifiedName> =
            plan.parts.iter().map(|part| &plan.catalog.table(part.table).name).collect();
        if tables.is_empty() {
            return Ok(Reload::default());
        }
        for part in &plan.parts {
            let table = plan.catalog.table(part.table);
            let columns: Vec<&str> =
                part.columns.iter().map(|&index| table.columns[index].name.as_str()).collect();
            refuse_other_form(connection, &table.name, &columns)?;
        }
        let list = tables.iter().map(|name| literal(&full(name))).collect::<Vec<_>>().join(", ");
        let mut reload = Reload::default();
        reload.take_triggers(connection, &list)?;
        reload.take_constraints(connection, &list)?;
        reload.take_row_security(connection, &list)?;
        let is_root = |name: &QualifiedName| {
            let table = plan.catalog.find(name).map(|id| plan.catalog.table(id));
            table.is_some_and(|table| table.kind == TableKind::Partitioned)
        };
        let emptied = tables.iter().map(|name| match is_root(name) {
            true => full(name),
            false => format!("ONLY {}", full(name)),
        });
        reload.before.push(format!("TRUNCATE TABLE {}", emptied.collect::<Vec<_>>().join(", ")));
        reload.take_sequences(connection, plan)?;
        reload.take_refreshes(connection, plan)?;
        Ok(reload)
    }

    /// Empties the tables, and takes out of the way what would look at their rows one by one.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it.
    pub fn empty(&self, connection: &mut Connection) -> Result<()> {
        run(connection, &self.before, "cannot empty the tables")
    }

    /// Sets the sequences, declares the foreign keys again, which checks them, and turns the triggers on.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if one does not hold.
    pub fn complete(&self, connection: &mut Connection) -> Result<()> {
        run(connection, &self.after, "cannot complete the tables")
    }

    /// Refreshes the materialized views.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if one cannot be.
    pub fn refresh(&self, connection: &mut Connection) -> Result<()> {
        run(connection, &self.refreshes, "cannot refresh the materialized views")
    }

    fn take_triggers(&mut self, connection: &mut Connection, list: &str) -> Result<()> {
        let rows = connection.query(&format!(
            "SELECT pg_catalog.format('%I.%I', nspname, relname), pg_catalog.quote_ident(tgname), tgenabled
             FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = tgrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
             WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgrelid IN ({})",
            tables(list)
        ));
        for row in rows.map_err(unreadable)? {
            let [table, trigger, state] = texts(row)?;
            let enable = if state == "A" { "ENABLE ALWAYS" } else { "ENABLE" };
            self.before.push(format!("ALTER TABLE ONLY {table} DISABLE TRIGGER {trigger}"));
            self.after.push(format!("ALTER TABLE ONLY {table} {enable} TRIGGER {trigger}"));
        }
        Ok(())
    }

    /// Foreign keys from and to the tables or the roots of partitions among them, and checks that not all rows hold.
    fn take_constraints(&mut self, connection: &mut Connection, list: &str) -> Result<()> {
        let tables = tables(list);
        let with_roots = format!(
            "{tables} UNION SELECT relid FROM ({tables}) t (oid), pg_catalog.pg_partition_ancestors(t.oid)"
        );
        let rows = connection.query(&format!(
            "SELECT pg_catalog.format('%I.%I', nspname, relname), pg_catalog.quote_ident(conname),
                 pg_catalog.pg_get_constraintdef(o.oid), coalesce(pg_catalog.obj_description(o.oid, 'pg_constraint'), ''),
                 pg_catalog.pg_has_role(relowner, 'USAGE')
             FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
             WHERE conparentid = 0 AND coninhcount = 0 AND (
                 contype = 'f' AND (conrelid IN ({with_roots}) OR confrelid IN ({with_roots}))
                 OR contype = 'c' AND NOT convalidated AND conrelid IN ({with_roots}))
             ORDER BY contype, o.oid"
        ));
        for row in rows.map_err(unreadable)? {
            let [table, name, definition, comment, is_own] = texts(row)?;
            if is_own != "t" {
                return Err(not_own(&table));
            }
            self.before.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
            self.after.push(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"));
            if !comment.is_empty() {
                self.after.push(format!("COMMENT ON CONSTRAINT {name} ON {table} IS {}", literal(&comment)));
            }
        }
        Ok(())
    }

    fn take_row_security(&mut self, connection: &mut Connection, list: &str) -> Result<()> {
        let rows = connection.query(&format!(
            "SELECT pg_catalog.format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
             WHERE relrowsecurity AND relforcerowsecurity AND c.oid IN ({})",
            tables(list)
        ));
        for row in rows.map_err(unreadable)? {
            let [table] = texts(row)?;
            self.before.push(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"));
            self.after.push(format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
        }
        Ok(())
    }

    /// Sequence values of the dump. `setval` is not taken back with a transaction, unless the sequence was restarted in
    /// it: then it has a new file.
    fn take_sequences(&mut self, connection: &mut Connection, plan: &Plan) -> Result<()> {
        for (entry, fate) in plan.dump.entries.iter().zip(&plan.fates) {
            if entry.kind != "SEQUENCE SET" || *fate != Fate::Carry {
                continue;
            }
            let name = QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
            if is_there(connection, &name, "S")? {
                self.after.push(format!("ALTER SEQUENCE {} RESTART; {}", full(&name), entry.definition));
            }
        }
        Ok(())
    }

    fn take_refreshes(&mut self, connection: &mut Connection, plan: &Plan) -> Result<()> {
        for (entry, fate) in plan.dump.entries.iter().zip(&plan.fates) {
            let name = QualifiedName::new(entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
            let is_refresh = entry.kind == "MATERIALIZED VIEW DATA" && *fate == Fate::Carry;
            if is_refresh && is_there(connection, &name, "m")? {
                self.refreshes.push(format!("REFRESH MATERIALIZED VIEW {}", full(&name)));
            }
        }
        Ok(())
    }
}

/// Refuses a table that is not in the target, or lacks columns, or is not the role's to change.
fn refuse_other_form(connection: &mut Connection, table: &QualifiedName, columns: &[&str]) -> Result<()> {
    let found = connection.query(&format!(
        "SELECT pg_catalog.pg_has_role(relowner, 'USAGE'), coalesce(attname, ''), coalesce(attgenerated, '')
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
         WHERE c.oid = pg_catalog.to_regclass({}) AND relkind IN ('r', 'p')",
        literal(&full(table))
    ));
    let found: Vec<[String; 3]> = found.map_err(unreadable)?.into_iter().map(texts).collect::<Result<_>>()?;
    let hint =
        "`--load data` fills tables that are there as they are in the snapshot; `--load swap` makes them";
    let Some([is_own, ..]) = found.first() else {
        return Err(Error::usage("a table of the snapshot is not in the target")
            .at(Place::table(table))
            .hint(hint));
    };
    if is_own != "t" {
        return Err(not_own(&full(table)));
    }
    let lacks =
        |column: &&&str| !found.iter().any(|[_, name, generated]| name == **column && generated.is_empty());
    match columns.iter().find(lacks) {
        Some(column) => {
            Err(Error::usage("a column of the snapshot is not in the target, or is computed there")
                .at(Place::table(table).column(column))
                .hint(hint))
        }
        None => Ok(()),
    }
}

fn not_own(table: &str) -> Error {
    Error::usage("the role does not own a table that is to be filled, or one that refers to it")
        .at(format!("table `{table}`"))
        .hint("let its owner give it to the role, or connect as its owner")
}

fn is_there(connection: &mut Connection, name: &QualifiedName, kind: &str) -> Result<bool> {
    let found = connection.value(&format!(
        "SELECT true FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass({}) AND relkind = '{kind}'",
        literal(&full(name))
    ));
    Ok(found.map_err(unreadable)?.is_some())
}

/// The oids of the tables of a list of literals.
fn tables(list: &str) -> String {
    format!("SELECT pg_catalog.to_regclass(t)::oid FROM pg_catalog.unnest(ARRAY[{list}]) t")
}

fn full(name: &QualifiedName) -> String {
    format!("{}.{}", quoted_always(&name.schema), quoted_always(&name.name))
}

fn texts<const COLUMNS: usize>(row: Row) -> Result<[String; COLUMNS]> {
    let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
    texts.try_into().map_err(|_| Error::staging("the target's server gives an answer of another form"))
}

fn unreadable(failure: Failure) -> Error {
    failure.staging("cannot look at the tables of the target")
}

fn run(connection: &mut Connection, statements: &[String], doing: &str) -> Result<()> {
    statements.iter().try_for_each(|sql| connection.execute(sql).map_err(|failure| failure.staging(doing)))
}
