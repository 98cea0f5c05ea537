//! The first pass over a script: its statements as the entries of a dump, and where its rows are.

use std::collections::HashMap;
use std::io::Read;

use crate::error::{Error, Place, Result};
use crate::pg::copy_statement::copy_target;
use crate::pg::dump::{Compression, CopyTarget, Dump, Entry, Section};
use crate::pg::encoding::{Transcoder, transcoder};
use crate::pg::insert::Header;
use crate::pg::script::header::{DumpLine, EntryHeader, dump_lines};
use crate::pg::script::statement::{self, Class};
use crate::pg::script::{Extent, InsertShape, Item, Meta, Splitter, Statement};
use crate::source::DataPart;

/// What the first pass finds.
#[derive(Debug, Default)]
pub struct Index {
    /// The entries.
    pub dump: Dump,
    /// The parts of rows, in the order of the script.
    pub parts: Vec<DataPart>,
    /// Where each part is, in the same order.
    pub places: Vec<PartPlace>,
    /// Where the statements are that write large objects, by the entry's id.
    pub large_objects: HashMap<i32, Extent>,
    /// What was left out, for the plan.
    pub notes: Vec<String>,
}

/// Where a part's rows are in the script, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlace {
    /// The bytes of the data, or of the INSERT statements.
    pub extent: Extent,
    /// The form of the rows.
    pub form: Form,
}

/// The form of a part's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// COPY text.
    Copy,
    /// INSERT statements.
    Insert {
        /// Whether `standard_conforming_strings` is off.
        backslashes: bool,
    },
}

/// Reads the whole script `text`, which `transcoder` has turned into UTF-8 if that is given.
///
/// # Errors
/// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with line and byte if the script is damaged, cut short, or carries
/// rows in a form that is not read.
pub fn index(text: impl Read, transcoder: Option<Transcoder>) -> Result<Index> {
    let mut splitter = Splitter::new(text);
    let mut builder = Builder::new(transcoder);
    loop {
        let item = splitter.next_item()?;
        match item {
            Item::End(comments) => {
                builder.comments(&comments);
                return builder.finish();
            }
            Item::Meta(meta) => {
                // A new session has the server's settings.
                if meta.command.starts_with('c') {
                    splitter.set_backslashes(false);
                }
                builder.meta(meta)?;
            }
            Item::Copy(statement, data) => {
                let (line, start) = (statement.line, statement.extent.start);
                builder.copy(statement, data).map_err(|error| error.at(place(line, start)))?;
            }
            Item::Insert(statement, shape) => {
                let (line, start) = (statement.line, statement.extent.start);
                let backslashes = splitter.backslashes();
                builder
                    .insert(statement, shape, backslashes)
                    .map_err(|error| error.at(place(line, start)))?;
            }
            Item::Statement(statement) => {
                let (line, start) = (statement.line, statement.extent.start);
                builder.statement(statement, &mut splitter).map_err(|error| error.at(place(line, start)))?;
            }
        }
    }
}

fn place(line: u64, start: u64) -> Place {
    Place::default().line(line).byte(start)
}

struct Builder {
    index: Index,
    transcoder: Option<Transcoder>,
    /// Whether a statement has named the encoding that the text was decoded from.
    encoding_is_confirmed: bool,
    /// The schema of names without one: the first of the search path.
    default_schema: String,
    section: Section,
    /// Dumps that have begun and are not complete.
    open_dumps: i32,
    has_statements: bool,
    /// The database that `\connect` named last.
    connected: Option<String>,
    /// The database that the first table or row belongs to.
    database_of_tables: Option<Option<String>>,
    /// The INSERT that the last part of rows goes on with.
    run: Option<(String, Vec<usize>)>,
    passwords: usize,
}

impl Builder {
    fn new(transcoder: Option<Transcoder>) -> Self {
        let dump = Dump { compression: Compression::Gzip, ..Dump::default() };
        Builder {
            index: Index { dump, ..Index::default() },
            encoding_is_confirmed: transcoder.is_none(),
            transcoder,
            default_schema: "public".to_string(),
            section: Section::PreData,
            open_dumps: 0,
            has_statements: false,
            connected: None,
            database_of_tables: None,
            run: None,
            passwords: 0,
        }
    }

    /// Reads what `comments` say of the whole dump.
    fn comments(&mut self, comments: &str) {
        let dump = &mut self.index.dump;
        for line in dump_lines(comments) {
            match line {
                DumpLine::Begin => self.open_dumps += 1,
                DumpLine::Complete => self.open_dumps -= 1,
                DumpLine::ServerVersion(version) => dump.server_version = Some(server_version(version)),
                DumpLine::DumpVersion(version) => dump.dump_version = Some(version.to_string()),
            }
        }
    }

    fn finish(mut self) -> Result<Index> {
        if !self.has_statements {
            return Err(Error::snapshot("the script holds no statement")
                .hint("the file is empty or cut short; take the snapshot again"));
        }
        if self.open_dumps > 0 {
            return Err(Error::snapshot("the script lacks the line that says that the dump is complete")
                .hint("the file is cut short; take the snapshot again"));
        }
        if !self.encoding_is_confirmed {
            return Err(other_encoding());
        }
        if self.passwords > 0 {
            let passwords = self.passwords;
            self.index.notes.push(format!("passwords of roles left out: {passwords}"));
        }
        let of_tables = self.database_of_tables.flatten();
        self.index.dump.database = of_tables.or(self.index.dump.database);
        Ok(self.index)
    }

    /// Adds an entry, and gives its number.
    fn push(&mut self, entry: Entry) -> i32 {
        self.has_statements = true;
        let entries = &mut self.index.dump.entries;
        let id = entries.len() as i32 + 1;
        entries.push(Entry { id, ..entry });
        id
    }

    fn meta(&mut self, meta: Meta) -> Result<()> {
        self.comments(&meta.comments);
        self.run = None;
        let mut tag = String::new();
        match meta.command {
            "connect" | "c" => {
                tag = connected_database(&meta.argument);
                self.connected = Some(tag.clone());
                self.default_schema = "public".to_string();
            }
            // pg_dump writes `\encoding SQL_ASCII` before it connects to a database of an unusual name; the session
            // after that names its own.
            "encoding" if meta.argument == "SQL_ASCII" => {}
            "encoding" => self
                .client_encoding(meta.argument.trim_matches('\''))
                .map_err(|error| error.at(Place::default().line(meta.line)))?,
            _ => {}
        }
        let definition = format!("\\{} {}", meta.command, meta.argument);
        self.push(Entry { tag, kind: "META".to_string(), definition, ..Entry::default() });
        Ok(())
    }

    fn statement<R: Read>(&mut self, statement: Statement, splitter: &mut Splitter<R>) -> Result<()> {
        self.comments(statement.comments());
        self.run = None;
        let class = statement::classify(statement.sql(), splitter.backslashes())?;
        let mut definition = statement.text.clone();
        if class.kind == "SESSION"
            && let Some((name, value)) = statement::setting(statement.sql())
        {
            match name.as_str() {
                "standard_conforming_strings" => splitter.set_backslashes(is_off(&value)),
                "search_path" => self.search_path(&value),
                "client_encoding" => {
                    self.client_encoding(&value)?;
                    if self.transcoder.is_some() {
                        definition = format!("{}SET client_encoding = 'UTF8';", statement.comments());
                    }
                }
                _ => {}
            }
        }
        match class.kind {
            "BLOBS" => return self.large_object(&statement),
            "TABLE" | "FOREIGN TABLE" => self.belongs_to_database()?,
            "ROLE" => definition = self.without_passwords(definition, splitter.backslashes()),
            _ => {}
        }
        let entry = self.entry(class, &statement, definition);
        self.push(entry);
        Ok(())
    }

    /// The entry of a statement: what its keywords say, and its header where that agrees with them.
    fn entry(&mut self, class: Class, statement: &Statement, definition: String) -> Entry {
        let section = class.section.unwrap_or(self.section);
        if section != Section::None {
            self.section = section;
        }
        let namespace = match &class.schema {
            None if !class.name.is_empty() && is_in_schema(class.kind) => Some(self.default_schema.clone()),
            schema => schema.clone(),
        };
        let entry = Entry {
            tag: class.name,
            kind: class.kind.to_string(),
            section,
            definition,
            namespace,
            ..Entry::default()
        };
        match EntryHeader::find(statement.comments()) {
            Some(header) if header.kind == class.kind || class.kind.is_empty() => Entry {
                tag: header.tag,
                kind: header.kind,
                namespace: header.namespace,
                owner: header.owner,
                tablespace: header.tablespace,
                ..entry
            },
            _ => entry,
        }
    }

    /// A run of statements that write large objects is one entry, its contents left in the script.
    fn large_object(&mut self, statement: &Statement) -> Result<()> {
        self.section = Section::Data;
        if let Some(last) = self.index.dump.entries.last()
            && last.kind == "BLOBS"
            && let Some(extent) = self.index.large_objects.get_mut(&last.id)
        {
            extent.end = statement.extent.end;
            return Ok(());
        }
        self.belongs_to_database()?;
        let id = self.push(Entry {
            tag: "BLOBS".to_string(),
            kind: "BLOBS".to_string(),
            section: Section::Data,
            has_data: true,
            ..Entry::default()
        });
        self.index.large_objects.insert(id, statement.extent);
        Ok(())
    }

    fn copy(&mut self, statement: Statement, data: Extent) -> Result<()> {
        self.comments(statement.comments());
        self.run = None;
        let target = copy_target(statement.sql(), &self.default_schema)?;
        let copy_statement = statement.sql().to_string();
        self.rows(&statement, target, copy_statement, PartPlace { extent: data, form: Form::Copy })
    }

    fn insert(&mut self, statement: Statement, shape: InsertShape, backslashes: bool) -> Result<()> {
        self.comments(statement.comments());
        // A header says that the rows of another table begin, of the same partition root maybe.
        let goes_on = EntryHeader::find(statement.comments()).is_none();
        if let Some((header, defaults)) = &self.run
            && goes_on
            && header == statement.sql()
            && let Some(place) = self.index.places.last_mut()
        {
            if *defaults != shape.defaults {
                return Err(Error::snapshot("an INSERT has DEFAULT in other places than the one before it"));
            }
            place.extent.end = statement.extent.end;
            self.part_grows();
            return Ok(());
        }
        let header = Header::parse(statement.sql(), backslashes).ok_or_else(|| {
            Error::snapshot("an INSERT of another form than `INSERT INTO table (columns) VALUES (…), …;`")
                .hint("take the dump with pg_dump")
        })?;
        let target = header.target(&self.default_schema, &shape.defaults);
        let form = Form::Insert { backslashes };
        self.rows(&statement, target, String::new(), PartPlace { extent: statement.extent, form })?;
        self.run = Some((statement.sql().to_string(), shape.defaults));
        Ok(())
    }

    /// The part that was added last is as long as its place says.
    fn part_grows(&mut self) {
        if let (Some(part), Some(place)) = (self.index.parts.last_mut(), self.index.places.last()) {
            part.stored_bytes = Some(place.extent.end - place.extent.start);
        }
    }

    /// Adds an entry with rows.
    fn rows(
        &mut self,
        statement: &Statement,
        target: CopyTarget,
        copy_statement: String,
        place: PartPlace,
    ) -> Result<()> {
        self.belongs_to_database()?;
        self.section = Section::Data;
        let header = EntryHeader::find(statement.comments()).filter(|header| header.kind == "TABLE DATA");
        let entry = self.push(Entry {
            tag: target.table.name.clone(),
            kind: "TABLE DATA".to_string(),
            section: Section::Data,
            has_data: true,
            copy_statement,
            namespace: Some(target.table.schema.clone()),
            owner: header.map(|header| header.owner).unwrap_or_default(),
            ..Entry::default()
        });
        self.index.parts.push(DataPart { entry, target, stored_bytes: None });
        self.index.places.push(place);
        self.part_grows();
        Ok(())
    }

    /// A table or rows: all of them must be of one database.
    fn belongs_to_database(&mut self) -> Result<()> {
        match &self.database_of_tables {
            Some(database) if *database != self.connected => {
                Err(Error::snapshot("the script holds several databases")
                    .hint("take a dump of one of them with pg_dump"))
            }
            Some(_) => Ok(()),
            None => {
                self.database_of_tables = Some(self.connected.clone());
                Ok(())
            }
        }
    }

    fn search_path(&mut self, value: &str) {
        let first = value.split(',').next().unwrap_or_default().trim().trim_matches('"');
        self.default_schema = if first.is_empty() { "public".to_string() } else { first.to_string() };
    }

    /// The text was decoded as a whole, so every statement must name the same encoding.
    fn client_encoding(&mut self, name: &str) -> Result<()> {
        if transcoder(name)? != self.transcoder {
            return Err(other_encoding());
        }
        self.encoding_is_confirmed = true;
        Ok(())
    }

    fn without_passwords(&mut self, definition: String, backslashes: bool) -> String {
        let clauses = statement::password_clauses(&definition, backslashes);
        self.passwords += clauses.len();
        let mut kept = definition;
        for clause in clauses.into_iter().rev() {
            kept.replace_range(clause, "");
        }
        kept
    }
}

fn other_encoding() -> Error {
    Error::snapshot("the script changes its client encoding").hint("take the dump with `--encoding=UTF8`")
}

/// Whether a name without schema, of an object of the kind `kind`, is looked up or made in the search path.
fn is_in_schema(kind: &str) -> bool {
    const KINDS: [&str; 15] = [
        "AGGREGATE",
        "COLLATION",
        "CONVERSION",
        "DOMAIN",
        "FOREIGN TABLE",
        "FUNCTION",
        "MATERIALIZED VIEW",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "PROCEDURE",
        "SEQUENCE",
        "SEQUENCE SET",
        "TABLE",
        "TYPE",
        "VIEW",
    ];
    KINDS.contains(&kind)
}

fn is_off(value: &str) -> bool {
    ["off", "false", "no", "0", "f", "n"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// The version alone, as in `15.20 (Debian 15.20-0+deb12u1)`.
fn server_version(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_string()
}

/// The database that the argument of `\connect` names: a bare or quoted name, or `-reuse-previous=on "dbname='…'"`.
fn connected_database(argument: &str) -> String {
    let name = argument.strip_prefix("-reuse-previous=on").unwrap_or(argument).trim();
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.split_whitespace().next().unwrap_or_default().to_string(),
    };
    match name.strip_prefix("dbname='").and_then(|name| name.strip_suffix('\'')) {
        Some(quoted) => unescaped(quoted),
        None => name,
    }
}

/// A value of a connection string, its backslashes undone.
fn unescaped(quoted: &str) -> String {
    let mut name = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        name.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    name
}
