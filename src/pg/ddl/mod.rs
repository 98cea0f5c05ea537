//! The DDL of a dump, read into a [`Catalog`].
//!
//! Statements that say nothing about tables (views, functions, grants) are passed over unparsed, so that what the
//! parser cannot read in them does no harm. What it cannot read of the others is named in [`CatalogReading::unread`].

mod alter;
mod constraint;
mod definition;
mod draft;
mod identifier;
mod name;
mod parse;
mod resolve;
mod split;
mod table;
mod types;

use squawk_syntax::ast;

use identifier::identifier;

use crate::error::{Error, Result};
use crate::pg::dump::{Dump, Entry};
use crate::schema::{Catalog, QualifiedName};
use draft::{Draft, TableIndex};
use name::{Name, SearchPath};
use split::Topic;

/// SQL of a dump: the definition of an entry, or a piece of a script.
#[derive(Clone, Debug, Default)]
pub struct Statement<'a> {
    /// The SQL; one statement or several.
    pub sql: &'a str,
    /// The kind of the entry, such as `TABLE`; empty where it is not known.
    pub kind: &'a str,
    /// The schema of the entry. Until a statement sets the search path, bare names are meant in it: pg_dump before
    /// 10.3 wrote them so, and left it to pg_restore to set the path.
    pub namespace: Option<&'a str>,
    /// Where it is, for messages.
    pub place: String,
}

/// Kinds whose definitions say nothing of tables; those of large objects can be as large as these.
const KINDS_WITHOUT_DDL: [&str; 4] = ["BLOB", "BLOBS", "COMMENT", "ACL"];

/// The DDL of a dump, in its order; the schema of an entry says where the bare names of an old archive are meant.
pub fn statements(dump: &Dump) -> Vec<Statement<'_>> {
    let defines =
        |entry: &&Entry| !entry.definition.is_empty() && !KINDS_WITHOUT_DDL.contains(&entry.kind.as_str());
    dump.entries.iter().filter(defines).map(|entry| statement(dump, entry)).collect()
}

fn statement<'a>(dump: &Dump, entry: &'a Entry) -> Statement<'a> {
    Statement {
        sql: &entry.definition,
        kind: if dump.archive_version.is_some() { &entry.kind } else { "" },
        namespace: entry.namespace.as_deref(),
        place: place(entry),
    }
}

fn place(entry: &Entry) -> String {
    format!("entry {} ({} {})", entry.id, entry.kind, entry.tag.replace(['\n', '\r'], " "))
}

/// A catalog, and what could not be read for it.
#[derive(Debug, Default)]
pub struct CatalogReading {
    /// The catalog.
    pub catalog: Catalog,
    /// The statements that are carried over without being understood.
    pub unread: Vec<Unread>,
}

/// A statement, or a part of one, that is carried over without being understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Where it is.
    pub place: String,
    /// What it is, and why it was not read.
    pub what: String,
}

/// Reads the catalog from the DDL of a dump, in the dump's order.
///
/// A table whose definition cannot be read is named in [`Catalog::unread_tables`]; data for it has to be refused.
///
/// # Errors
/// If a table is declared twice, or the reading stops for want of memory for its stack.
pub fn catalog<'a>(statements: impl IntoIterator<Item = Statement<'a>>) -> Result<CatalogReading> {
    let statements: Vec<_> = statements.into_iter().collect();
    // The parser recurses as deep as expressions are nested; a thread of its own has the stack for it.
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(parse::STACK_BYTES)
            .spawn_scoped(scope, || read(&statements))
            .map_err(|error| Error::read(&error))?
            .join()
            .unwrap_or_else(|_| {
                let error = Error::snapshot("the DDL cannot be read");
                Err(error.hint("report the statement to the authors of mask"))
            })
    })
}

fn read(statements: &[Statement<'_>]) -> Result<CatalogReading> {
    let mut reader = Reader::default();
    for statement in statements {
        reader.read(statement);
    }
    reader.finish()
}

/// Kinds of entries whose definitions may hold statements of their own, and none about tables.
const KINDS_PASSED_OVER: &[&str] =
    &["FUNCTION", "PROCEDURE", "AGGREGATE", "VIEW", "RULE", "TRIGGER", "EVENT TRIGGER"];

/// What a statement is read under.
#[derive(Clone, Default)]
struct Context {
    path: SearchPath,
    place: String,
}

/// Why a statement was not taken into the draft.
#[derive(Debug)]
enum Refusal {
    /// It refers to something that has not been declared, or not yet.
    Missing(String),
    /// It declares a table that is there already.
    Twice,
    /// It is not what the parser said it was.
    Unreadable,
}

impl Refusal {
    fn missing(what: impl Into<String>) -> Self {
        Refusal::Missing(what.into())
    }
}

/// A part of the DDL that waits for what it refers to.
enum Postponed {
    Statement(ast::Stmt),
    Action(Name, ast::AlterTableAction),
}

#[derive(Default)]
struct Reader {
    draft: Draft,
    context: Context,
    /// Whether a statement has set the search path, so that entries' schemas count no more.
    path_is_set: bool,
    postponed: Vec<(Context, Postponed)>,
    unread: Vec<Unread>,
    /// The first fault for which the whole dump is refused.
    fault: Option<Error>,
}

impl Reader {
    fn read(&mut self, statement: &Statement<'_>) {
        if KINDS_PASSED_OVER.contains(&statement.kind) {
            return;
        }
        if let Some(namespace) = statement.namespace.filter(|_| !self.path_is_set) {
            self.context.path = SearchPath::of_entry(namespace);
        }
        self.context.place.clone_from(&statement.place);
        for sql in split::statements(statement.sql) {
            if let Some(topic) = split::topic(sql) {
                self.read_one(sql, topic);
            }
        }
    }

    fn read_one(&mut self, sql: &str, topic: Topic) {
        let statement = match topic {
            Topic::SetSearchPath | Topic::SetConfig => {
                let path = match topic {
                    Topic::SetConfig => SearchPath::of_set_config(sql),
                    _ => SearchPath::of_set(sql),
                };
                if let Some(path) = path {
                    (self.context.path, self.path_is_set) = (path, true);
                }
                return;
            }
            Topic::CreateMaterializedView => {
                self.draft.materialized_views.extend(self.named_after(sql, "view"));
                return;
            }
            Topic::CreateTable => parse::create_table(sql),
            Topic::CreateUniqueIndex | Topic::AlterTable | Topic::Definition => parse::statement(sql),
        };
        match statement {
            Some(ast::Stmt::AlterTable(it)) => self.alter_table(it.table_relation_name(), it.actions()),
            Some(ast::Stmt::AlterForeignTable(it)) => {
                self.alter_table(it.table_relation_name(), it.actions())
            }
            Some(statement) => self.try_now(Postponed::Statement(statement)),
            None if topic == Topic::CreateTable => self.leave_table_unread(sql),
            None => self.note(match topic {
                Topic::CreateUniqueIndex => "a unique index: the SQL parser cannot read it",
                Topic::AlterTable => "a change of a table: the SQL parser cannot read it",
                _ => "a type, domain or sequence: the SQL parser cannot read it",
            }),
        }
    }

    fn alter_table(
        &mut self,
        table: Option<ast::TableRelationName>,
        actions: impl Iterator<Item = ast::AlterTableAction>,
    ) {
        let name = table.and_then(|name| name.table_name_ref());
        let Some(name) = name.and_then(|name| Name::of(&name, &self.context.path)) else { return };
        for action in actions {
            if alter::matters(&action) {
                self.try_now(Postponed::Action(name.clone(), action));
            } else if let Some(index) = self.draft.find(&name).filter(|_| alter::undoes(&action)) {
                let table = self.draft.tables[index].name.clone();
                self.note(&format!("a change of the table `{table}`: it takes back what was declared"));
            }
        }
    }

    /// Takes the part in, or keeps it for the end if something it refers to is not there yet.
    fn try_now(&mut self, part: Postponed) {
        match take_in(&mut self.draft, &part, &self.context) {
            Ok(()) => {}
            Err(Refusal::Missing(_)) => self.postponed.push((self.context.clone(), part)),
            Err(refusal) => self.refuse(&part, refusal),
        }
    }

    fn finish(mut self) -> Result<CatalogReading> {
        for (context, part) in std::mem::take(&mut self.postponed) {
            self.context = context;
            if let Err(refusal) = take_in(&mut self.draft, &part, &self.context) {
                self.refuse(&part, refusal);
            }
        }
        alter::settle_kinds(&mut self.draft);
        let catalog = resolve::catalog(self.draft, &mut self.unread);
        self.fault.map_or(Ok(CatalogReading { catalog, unread: self.unread }), Err)
    }

    fn refuse(&mut self, part: &Postponed, refusal: Refusal) {
        let subject = match part {
            // A view's columns can be given defaults too, and views are not read.
            Postponed::Action(name, action)
                if alter::is_for_views(action) && self.draft.find(name).is_none() =>
            {
                return;
            }
            // What is wrong with the table has been said.
            Postponed::Action(name, _) if self.draft.unread_tables.contains(&name.created()) => return,
            Postponed::Action(name, _) => format!("a change of the table `{}`", name.created()),
            Postponed::Statement(_) => match created_table(part, &self.context) {
                Some(name) => {
                    let subject = format!("the table `{name}`");
                    self.mark_unread(name);
                    subject
                }
                None => "a statement".to_string(),
            },
        };
        let reason = match refusal {
            Refusal::Missing(what) => format!("it refers to {what}, which is not there"),
            Refusal::Twice => {
                // Which of the two the rows are of would be a guess, and no database would load both.
                let error = Error::snapshot(format!("{subject} is declared twice")).at(&self.context.place);
                self.fault.get_or_insert(error.hint("take the snapshot again"));
                return;
            }
            Refusal::Unreadable => "it is not read in full".to_string(),
        };
        self.note(&format!("{subject}: {reason}"));
    }

    /// Marks a table of which no definition has been read.
    fn mark_unread(&mut self, name: QualifiedName) {
        if !self.draft.by_name.contains_key(&name) && !self.draft.unread_tables.contains(&name) {
            self.draft.unread_tables.push(name);
        }
    }

    fn leave_table_unread(&mut self, sql: &str) {
        match self.named_after(sql, "table") {
            Some(name) => {
                self.note(&format!("the table `{name}`: the SQL parser cannot read its definition"));
                self.mark_unread(name);
            }
            None => self.note("a table: the SQL parser cannot read its definition"),
        }
    }

    /// The name that follows `keyword` (and `IF NOT EXISTS`) at the start of a statement that is not parsed.
    fn named_after(&self, sql: &str, keyword: &str) -> Option<QualifiedName> {
        let mut rest = sql;
        loop {
            let (word, length) = identifier(rest)?;
            rest = &rest[length..];
            if word == keyword {
                break;
            }
        }
        for word in ["if", "not", "exists"] {
            if let Some((_, length)) = identifier(rest).filter(|(next, _)| next == word) {
                rest = &rest[length..];
            }
        }
        Name::of_text(rest, &self.context.path).map(|name| name.created())
    }

    fn note(&mut self, what: &str) {
        self.unread.push(Unread { place: self.context.place.clone(), what: what.to_string() });
    }
}

/// Takes a part of the DDL into the draft, or leaves the draft as it was.
fn take_in(draft: &mut Draft, part: &Postponed, context: &Context) -> Result<(), Refusal> {
    match part {
        Postponed::Action(name, action) => {
            let index: TableIndex = draft
                .find(name)
                .ok_or_else(|| Refusal::missing(format!("the table `{}`", name.created())))?;
            alter::apply(draft, index, action, context)
        }
        Postponed::Statement(ast::Stmt::CreateTable(it)) => {
            // A temporary table is gone when the session is, and never in a dump.
            if matches!(it.persistence(), Some(ast::Persistence::Temp(_))) {
                return Ok(());
            }
            table::create(draft, &table::Clauses::of_table(it), context)
        }
        Postponed::Statement(ast::Stmt::CreateForeignTable(it)) => {
            table::create(draft, &table::Clauses::of_foreign_table(it), context)
        }
        Postponed::Statement(ast::Stmt::CreateTableAs(_)) => Err(Refusal::Unreadable),
        Postponed::Statement(ast::Stmt::CreateIndex(it)) => alter::create_unique_index(draft, it, context),
        Postponed::Statement(statement) => definition::read(draft, statement, context),
    }
}

/// The name of the table that the statement creates.
fn created_table(part: &Postponed, context: &Context) -> Option<QualifiedName> {
    use ast::HasCreateTable;
    let name = match part {
        Postponed::Statement(ast::Stmt::CreateTable(it)) => it.table_name(),
        Postponed::Statement(ast::Stmt::CreateForeignTable(it)) => HasCreateTable::table_name(it),
        Postponed::Statement(ast::Stmt::CreateTableAs(it)) => it.table_name(),
        _ => None,
    };
    Name::of(&name?, &context.path).map(|name| name.created())
}

#[cfg(test)]
mod tests;
