//! The plan: everything that is decided before the first row moves. `mask plan` shows it; `pipeline` carries it out.

pub mod fate;
pub mod neutralise;
pub mod show;
pub mod subset;

use std::collections::{HashMap, HashSet};

pub use fate::Fate;

use crate::error::{Error, Place, Result};
use crate::functions::FUNCTIONS;
use crate::key::MasterKey;
use crate::masked::{ColumnMask, InputSource, RowCondition};
use crate::pg::archive_form::archive_form;
use crate::pg::ddl;
use crate::pg::dump::{Dump, Entry};
use crate::plan::subset::SubsetPlan;
use crate::plan::subset::estimate::SubsetEstimate;
use crate::rules::{Binding, ColumnAction, ColumnInput, Decision, LargeObjects, RuleSet, TableName, bind};
use crate::schema::{
    Catalog, Column, ForeignKey, PgType, QualifiedName, Table, TableId, TableKind, quoted, quoted_always,
};
use crate::source::DataPart;

/// What a run will do.
#[derive(Default)]
pub struct Plan {
    /// The dump as it will be written: the snapshot's, or with the entries of a schema file around its data.
    pub dump: Dump,
    /// What becomes of each entry of the dump.
    pub fates: Vec<Fate>,
    /// The snapshot's schema.
    pub catalog: Catalog,
    /// The parts of data to move, in the order of the dump.
    pub parts: Vec<PartPlan>,
    /// The decision for every column of every table that has rows to move, in the order of the table's columns.
    pub decisions: HashMap<TableId, Vec<ColumnAction>>,
    /// Tables whose rows were not asked for.
    pub excluded: HashSet<TableId>,
    /// What becomes of large objects; `None` where there are none.
    pub large_objects: Option<LargeObjects>,
    /// What a person should know: entries left out, statements not understood, constraints that may break.
    pub notes: Vec<String>,
    /// All of the snapshot's data whose table and columns are known, asked for or not, in the order of the dump: what a
    /// subset is selected from.
    pub data: Vec<DataTable>,
    /// The rows to move; `None` for all.
    pub subset: Option<SubsetPlan>,
    /// How large the subset is expected to be, where its rows were not selected.
    pub estimate: Option<SubsetEstimate>,
    /// What tells the key from others.
    pub key_id: String,
    /// SHA-256 of the rules files, in hex.
    pub rules_sha256: String,
}

/// A part of a table's rows: those of one data entry.
pub struct PartPlan {
    /// Its index in the source's data parts.
    pub source_index: usize,
    /// The id of its entry in the dump.
    pub entry: i32,
    /// The table that the rows belong to.
    pub table: TableId,
    /// For each column of the rows, its index in the table's columns.
    pub columns: Vec<usize>,
    /// For each column of the rows, what happens to it.
    pub masks: Vec<ColumnMask>,
}

/// A part of the snapshot's data, and the table that its rows belong to.
pub struct DataTable {
    /// Its index in the source's data parts.
    pub source_index: usize,
    /// The table that the rows belong to.
    pub table: TableId,
    /// For each column of the rows, its index in the table's columns.
    pub columns: Vec<usize>,
}

/// What a plan is made from.
pub struct Request<'a> {
    /// The snapshot's table of contents, a schema file merged in.
    pub dump: Dump,
    /// The snapshot's data.
    pub data: &'a [DataPart],
    /// What of the snapshot is not in its entries.
    pub notes: &'a [String],
    /// The rules.
    pub rules: &'a RuleSet,
    /// The key.
    pub key: &'a MasterKey,
    /// Which tables' rows to move.
    pub filter: TableFilter,
    /// Whether the copy goes live, so that what acts on its own is left out.
    pub goes_live: bool,
}

/// Which tables' rows are moved.
#[derive(Clone, Debug, Default)]
pub struct TableFilter {
    /// Only these, where there are any.
    pub only: Vec<TableName>,
    /// Not these.
    pub except: Vec<TableName>,
}

impl Plan {
    /// Decides everything.
    ///
    /// # Errors
    /// Every reason for which the plan is refused, [`Kind::Rules`](crate::error::Kind::Rules); or one of
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) where the snapshot contradicts itself.
    pub fn build(request: Request<'_>) -> Result<Plan, Vec<Error>> {
        let Request { mut dump, data, notes, rules, key, filter, goes_live } = request;
        let stripped = if goes_live { neutralise::strip_options(&mut dump) } else { Vec::new() };
        let reading = ddl::catalog(ddl::statements(&dump)).map_err(|error| vec![error])?;
        let mut catalog = reading.catalog;
        let may_lack_tables = catalog.tables.is_empty() || has_extension(&dump);
        let mut chosen = choose(&mut catalog, data, &filter, may_lack_tables)?;
        if goes_live {
            chosen.iter_mut().for_each(|part| {
                part.take_if(|part| neutralise::is_job_table(&catalog.table(part.table).name));
            });
        }
        let excluded: HashSet<TableId> =
            catalog.iter().filter(|(_, table)| !filter.takes(&table.name)).map(|(id, _)| id).collect();
        let with_rows: Vec<TableId> = unique(chosen.iter().flatten().map(|part| part.table));
        let binding = bind(rules, &catalog, &with_rows, key, FUNCTIONS)?;
        let large_objects = fate::large_objects(&dump, binding.large_objects).map_err(|error| vec![error])?;
        let data_tables = data_tables(&catalog, data);
        let parts = parts(chosen, &binding, &catalog);
        let fates = fate::decide(&dump, &parts, large_objects, goes_live);
        let mut notes = notes.to_vec();
        notes.extend(reading.unread.iter().map(|unread| format!("{}: {}", unread.place, unread.what)));
        notes.extend(binding.notes.iter().cloned());
        notes.extend(fate::notes(&dump, &fates));
        notes.extend(stripped);
        notes.extend(dangling(&catalog, &excluded));
        Ok(Plan {
            fates,
            parts,
            excluded,
            decisions: binding.tables,
            large_objects,
            notes,
            data: data_tables,
            subset: None,
            estimate: None,
            key_id: key.id(),
            rules_sha256: binding.rules_sha256,
            catalog,
            dump,
        })
    }

    /// The decision for the column `column` of `table`, which has rows to move.
    pub fn decision(&self, table: TableId, column: usize) -> &ColumnAction {
        &self.decisions[&table][column]
    }

    /// What happens to a column, in a word: `keep`, a function's name, or `follows TABLE.COLUMN`.
    pub fn action_text(&self, action: &ColumnAction) -> String {
        match action.decided_by {
            Decision::Follows { table, column } => {
                let table = self.catalog.table(table);
                format!("follows {}.{}", table.name, quoted(&table.columns[column].name))
            }
            _ => action.function.to_string(),
        }
    }

    /// Who decided it, for people: a place in the rules, or the reason.
    pub fn decided_by_text(&self, action: &ColumnAction) -> String {
        match &action.decided_by {
            Decision::Rule(line) => line.to_string(),
            Decision::Unlisted => "[defaults] unlisted".into(),
            Decision::Follows { .. } => "foreign key or partition".into(),
            Decision::Generated => "generated by the database".into(),
        }
    }

    /// The entry whose rows the part `part` holds.
    pub fn entry_of(&self, part: usize) -> &Entry {
        let id = self.parts[part].entry;
        self.dump.entries.iter().find(|entry| entry.id == id).expect("a part's entry is in the dump")
    }

    /// `COPY table (columns) FROM stdin;` for the rows of a part; every name is quoted.
    pub fn copy_statement(&self, part: usize) -> String {
        format!("COPY {} FROM stdin;\n", self.copy_target(part))
    }

    /// `table (columns)` for the rows of a part; every name is quoted.
    pub fn copy_target(&self, part: usize) -> String {
        let part = &self.parts[part];
        let table = self.catalog.table(part.table);
        let names: Vec<String> =
            part.columns.iter().map(|&column| quoted_always(&table.columns[column].name)).collect();
        let list = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let QualifiedName { schema, name } = &table.name;
        format!("{}.{}{list}", quoted_always(schema), quoted_always(name))
    }

    /// The table of contents of an archive of what goes out.
    pub fn archive_dump(&self) -> Dump {
        let entry = |(entry, fate): (&Entry, &Fate)| match fate {
            Fate::Drop(_) => None,
            Fate::Carry => Some(entry.clone()),
            Fate::Data(part) => Some(Entry {
                copy_statement: self.copy_statement(*part),
                definition: String::new(),
                ..entry.clone()
            }),
        };
        let entries = self.dump.entries.iter().zip(&self.fates).filter_map(entry).collect();
        let entries = match self.dump.archive_version {
            Some(_) => entries,
            None => archive_form(entries),
        };
        Dump { entries, ..self.dump.clone() }
    }
}

/// Whether the dump makes an extension: it may hold rows of the extension's tables, which it does not declare.
fn has_extension(dump: &Dump) -> bool {
    dump.entries.iter().any(|entry| entry.kind == "EXTENSION")
}

/// The data parts with their tables and columns; `None` for those that the filter leaves out.
fn choose(
    catalog: &mut Catalog,
    data: &[DataPart],
    filter: &TableFilter,
    may_lack_tables: bool,
) -> Result<Vec<Option<PartPlan>>, Vec<Error>> {
    let mut parts = Vec::with_capacity(data.len());
    let mut errors = Vec::new();
    for (source_index, part) in data.iter().enumerate() {
        if !filter.takes(&part.target.table) {
            parts.push(None);
            continue;
        }
        match resolve(catalog, part, may_lack_tables) {
            Ok((table, columns)) => {
                let masks = Vec::new();
                parts.push(Some(PartPlan { source_index, entry: part.entry, table, columns, masks }));
            }
            Err(error) => errors.push(error),
        }
    }
    errors.extend(filter.unmatched(data));
    if errors.is_empty() { Ok(parts) } else { Err(errors) }
}

impl TableFilter {
    fn takes(&self, table: &QualifiedName) -> bool {
        let names = |names: &[TableName]| names.iter().any(|name| !name.find([table]).is_empty());
        (self.only.is_empty() || names(&self.only)) && !names(&self.except)
    }

    fn unmatched(&self, data: &[DataPart]) -> Vec<Error> {
        let unmatched = |name: &&TableName| name.find(data.iter().map(|part| &part.target.table)).is_empty();
        let error = |name: &TableName| {
            Error::usage(format!("no table with rows matches `{name}`"))
                .hint("`mask plan` lists the tables; a name with capitals needs double quotes")
        };
        self.only.iter().chain(&self.except).filter(unmatched).map(error).collect()
    }
}

/// The table of a part and the columns of its rows.
fn resolve(catalog: &mut Catalog, part: &DataPart, may_lack_tables: bool) -> Result<(TableId, Vec<usize>)> {
    let name = &part.target.table;
    let place = Place::table(name);
    if catalog.unread_tables.contains(name) {
        return Err(Error::snapshot("the table has rows, but its CREATE TABLE cannot be read").at(place));
    }
    let id = match (catalog.find(name), &part.target.columns) {
        (Some(id), _) => id,
        (None, Some(columns)) if may_lack_tables => catalog.add_table(undeclared(name, columns)),
        (None, _) => {
            return Err(Error::snapshot("the table has rows, but the snapshot does not declare it")
                .at(place)
                .hint("give the schema of the database, made by `pg_dump -s`, with `--schema FILE`"));
        }
    };
    let table = catalog.table(id);
    if let Some(column) = part.target.columns.as_deref().and_then(twice) {
        return Err(Error::snapshot("the rows have a column twice")
            .at(place.column(column))
            .hint("the file is damaged; take the snapshot again"));
    }
    let columns = match &part.target.columns {
        None => table.written_columns(),
        Some(names) => {
            let index = |name: &String| {
                table.column_index(name).ok_or_else(|| {
                    Error::snapshot("the rows have a column that the table does not have")
                        .at(place.clone().column(name))
                        .hint("take the data and the schema from the same database")
                })
            };
            names.iter().map(index).collect::<Result<_>>()?
        }
    };
    Ok((id, columns))
}

/// The data whose table and columns are known: all that is asked for, and of the rest what the catalog has.
fn data_tables(catalog: &Catalog, data: &[DataPart]) -> Vec<DataTable> {
    let known = |(source_index, part): (usize, &DataPart)| {
        let id = catalog.find(&part.target.table)?;
        let table = catalog.table(id);
        let columns = match &part.target.columns {
            None => table.written_columns(),
            Some(names) => names.iter().map(|name| table.column_index(name)).collect::<Option<_>>()?,
        };
        Some(DataTable { source_index, table: id, columns })
    };
    data.iter().enumerate().filter_map(known).collect()
}

/// The first name that is in `names` twice.
fn twice(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// A table that is known only by its rows: an extension's, or that of a data-only dump.
fn undeclared(name: &QualifiedName, columns: &[String]) -> Table {
    let unknown = || PgType::Other(QualifiedName::new("pg_catalog", "unknown"));
    let column = |name: &String| Column { type_text: "unknown".into(), ..Column::new(name, unknown()) };
    Table {
        name: name.clone(),
        kind: TableKind::Undeclared,
        columns: columns.iter().map(column).collect(),
        ..Table::default()
    }
}

fn parts(chosen: Vec<Option<PartPlan>>, binding: &Binding, catalog: &Catalog) -> Vec<PartPlan> {
    let complete = |mut part: PartPlan| {
        let table = catalog.table(part.table);
        let decisions = &binding.tables[&part.table];
        let place = |column: usize| part.columns.iter().position(|&index| index == column);
        let input = |input: &ColumnInput| InputSource { column: place(input.column), form: input.form };
        let mask = |&column: &usize| ColumnMask {
            action: decisions[column].action.clone(),
            ty: table.columns[column].ty.clone(),
            by: decisions[column].by.and_then(place),
            when: decisions[column].when.as_ref().and_then(|condition| RowCondition::new(condition, place)),
            inputs: decisions[column].inputs.iter().map(input).collect(),
        };
        part.masks = part.columns.iter().map(mask).collect();
        part
    };
    chosen.into_iter().flatten().map(complete).collect()
}

/// The foreign keys that will not hold, since the rows that they refer to are not asked for.
fn dangling(catalog: &Catalog, excluded: &HashSet<TableId>) -> Vec<String> {
    let dangles = |key: &&ForeignKey| excluded.contains(&key.parent) && !excluded.contains(&key.child);
    let note = |key: &ForeignKey| {
        let (child, parent) = (&catalog.table(key.child).name, &catalog.table(key.parent).name);
        format!(
            "the foreign key `{}` of `{child}` will not hold: the rows of `{parent}` are left out",
            key.name
        )
    };
    catalog.foreign_keys.iter().filter(dangles).map(note).collect()
}

fn unique(tables: impl Iterator<Item = TableId>) -> Vec<TableId> {
    let mut seen = HashSet::new();
    tables.filter(|table| seen.insert(*table)).collect()
}
