//! Each `tests/golden/rules/NAME.toml` gives, against one small schema, what `NAME.txt` beside it says: the errors, or
//! what happens to each column. `UPDATE_GOLDEN=1` rewrites the texts.
//!
//! The functions here are stand-ins, so that the texts do not change with the library.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::Snapshot;
use pgmask::functions::{
    Build, Built, Example, Form, Function, Input, Masking, Parameter, Refusal, TextMask, Uniqueness,
};
use pgmask::key::MasterKey;
use pgmask::rules::{Binding, Decision, RuleSet, bind};
use pgmask::schema::types::DomainType;
use pgmask::schema::{
    Catalog, Column, ForeignKey, Generated, Key, PgType, QualifiedName, Table, TableId, TableKind, quoted,
};

#[test]
fn every_rules_file_gives_the_message_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rules");
    let mut different = Vec::new();
    let mut cases = 0;
    for name in rules_files(&folder) {
        cases += 1;
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        let told = told_of(&name, &text);
        let golden = folder.join(&name).with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &told).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != told {
            different.push(format!("--- {name}\n{told}"));
        }
    }
    assert!(cases >= 25, "{cases} cases");
    assert!(different.is_empty(), "UPDATE_GOLDEN=1 rewrites these:\n{}", different.join("\n"));
}

#[test]
fn the_reference_file_is_read() {
    let text = include_str!("../../rules/reference.toml");
    if let Err(errors) = RuleSet::parse("reference.toml", text) {
        panic!("{}", errors[0]);
    }
}

#[test]
fn a_later_file_wins_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "a.toml",
            "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.events]\nid = \"keep\"\nuser_ref = \"hash\"\n",
        ),
        ("b.toml", "version = 1\n[tables.events]\nuser_ref = \"redact\"\n"),
    ];
    let paths = files.map(|(name, text)| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let rules = RuleSet::read(&paths).unwrap();
    let shop = Shop::new("");
    let binding = bound(&rules, &shop).map_err(|errors| errors[0].to_string()).unwrap();
    let events = &binding.tables[&shop.id("events")];
    assert_eq!(events.iter().map(|action| action.function).collect::<Vec<_>>(), ["keep", "redact"]);
}

#[test]
fn columns_of_one_key_share_one_mask() {
    let text = "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.users]\nid = \"integer_id\"\n";
    let shop = Shop::new(text);
    let binding = bound(&RuleSet::parse("r.toml", text).unwrap(), &shop).ok().unwrap();
    let mask = |table: &str, column: usize| match &binding.tables[&shop.id(table)][column].action {
        pgmask::masked::Action::Text(mask) => Arc::as_ptr(mask),
        _ => panic!("`{table}` is not masked"),
    };
    assert_eq!(mask("users", 0), mask("orders", 1));
}

#[test]
fn a_rules_file_that_is_not_there_is_a_usage_error() {
    for (name, what) in [("/nowhere/r.toml", "no such file"), ("pack:pie", "no rules pack `pie`")] {
        let errors = RuleSet::read(&[name.into()]).unwrap_err();
        assert!(errors[0].what().contains(what), "{}", errors[0]);
        assert_eq!(errors[0].kind().exit_code(), 2);
    }
}

fn rules_files(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".toml")).collect()
}

fn told_of(name: &str, text: &str) -> String {
    let shop = Shop::new(text);
    let outcome = RuleSet::parse(name, text).and_then(|rules| {
        rules.subset_asked(&shop.catalog)?;
        bound(&rules, &shop)
    });
    match outcome {
        Ok(binding) => describe(&binding, &shop.catalog),
        Err(errors) => errors.iter().map(|error| format!("error: {error}\n")).collect(),
    }
}

fn bound(rules: &RuleSet, shop: &Shop) -> Result<Binding, Vec<pgmask::error::Error>> {
    let key = MasterKey::from_bytes(vec![7; 32]).unwrap();
    bind(rules, &shop.catalog, &shop.with_data, &key, FUNCTIONS)
}

/// The columns that are not kept by default, and the notes.
fn describe(binding: &Binding, catalog: &Catalog) -> String {
    let mut text = String::new();
    for (id, table) in catalog.iter() {
        for action in binding.tables.get(&id).into_iter().flatten() {
            let decided_by = match &action.decided_by {
                Decision::Unlisted => continue,
                Decision::Rule(line) => line.to_string(),
                Decision::Generated => "generated".into(),
                Decision::Follows { table, column } => {
                    let table = catalog.table(*table);
                    format!("follows {}.{}", table.name, quoted(&table.columns[*column].name))
                }
            };
            let column = quoted(&table.columns[action.column].name);
            write!(text, "{}.{column}: {}", table.name, action.function).unwrap();
            for (name, value) in [("", &action.parameters), ("domain ", &action.domain)] {
                if !value.is_empty() {
                    write!(text, ", {name}{value}").unwrap();
                }
            }
            for input in &action.inputs {
                let name = quoted(&table.columns[input.column].name);
                write!(text, ", {:?} {name}", input.form).unwrap();
            }
            if let Some(owner) = action.by {
                write!(text, ", by {}", quoted(&table.columns[owner].name)).unwrap();
            }
            writeln!(text, " ({decided_by})").unwrap();
        }
    }
    for note in &binding.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}

/// A small schema with a key of each kind.
struct Shop {
    catalog: Catalog,
    with_data: Vec<TableId>,
}

impl Shop {
    /// The schema; `wide` has rows only where `rules` speak of it, for it makes long texts.
    fn new(rules: &str) -> Self {
        let mut shop = Shop { catalog: Catalog::default(), with_data: Vec::new() };
        shop.users();
        shop.orders();
        shop.payments();
        shop.table(
            "public.events",
            vec![Column::new("id", PgType::Int8), Column::new("user_ref", PgType::Text)],
        );
        shop.table(
            "archive.orders",
            vec![Column::new("id", PgType::Int8), Column::new("note", PgType::Text)],
        );
        shop.table(
            "Sales.Order.Items",
            vec![Column::new("Id", PgType::Int4), Column::new("Label", PgType::Text)],
        );
        let wide = (1..=25).map(|number| Column::new(format!("c{number}"), PgType::Text)).collect();
        shop.table("public.wide", wide);
        for (id, table) in shop.catalog.iter() {
            let has_rows = match table.name.name.as_str() {
                "wide" => rules.contains("wide"),
                _ => table.kind != TableKind::Partitioned,
            };
            shop.with_data.extend(has_rows.then_some(id));
        }
        shop
    }

    fn id(&self, name: &str) -> TableId {
        self.catalog.find(&QualifiedName::new("public", name)).unwrap()
    }

    /// Adds `schema.name`, split at the first dot.
    fn table(&mut self, name: &str, columns: Vec<Column>) -> TableId {
        let (schema, name) = name.split_once('.').unwrap();
        self.catalog.add_table(Table { name: QualifiedName::new(schema, name), columns, ..Table::default() })
    }

    fn users(&mut self) {
        let short = DomainType {
            name: QualifiedName::new("public", "short_code"),
            base: PgType::Text,
            not_null: false,
            checks: vec!["(length(VALUE) < 9)".into()],
        };
        let id = self.table(
            "public.users",
            vec![
                not_null(Column::new("id", PgType::Int8)),
                not_null(Column::new("email", PgType::Varchar(Some(40)))),
                Column::new("first_name", PgType::Text),
                Column::new("ssn", PgType::Varchar(Some(11))),
                Column::new("age", PgType::Int4),
                Column::new("code", PgType::Domain(Arc::new(short))),
                Column::new("created_at", PgType::TimestampTz(None)),
                Column { generated: Some(Generated::Stored), ..Column::new("email_lower", PgType::Text) },
                Column::new("FirstName", PgType::Text),
                Column::new("nick", PgType::Text),
            ],
        );
        let users = self.catalog.table_mut(id);
        users.primary_key = Some(key("users_pkey", &[0]));
        let nick = Key { nulls_not_distinct: true, ..key("users_nick_key", &[9]) };
        users.unique = vec![key("users_email_key", &[1]), nick];
        users.checks = vec!["((age >= 0))".into()];
    }

    fn orders(&mut self) {
        let id = self.table(
            "public.orders",
            vec![
                not_null(Column::new("id", PgType::Int4)),
                not_null(Column::new("user_id", PgType::Int8)),
                Column::new("user_email", PgType::Varchar(Some(40))),
                Column::new("note", PgType::Text),
            ],
        );
        self.catalog.table_mut(id).primary_key = Some(key("orders_pkey", &[0]));
        let users = self.id("users");
        self.reference(id, 1, users, 0);
        self.reference(id, 2, users, 1);
    }

    /// A partitioned table and a partition with its columns in another order; the first holds no rows itself.
    fn payments(&mut self) {
        let columns = ["payer", "paid_on", "iban"].map(|name| Column::new(name, PgType::Text));
        let root = self.table("public.payments", columns.to_vec());
        let leaf = self.table("public.payments_2024", columns.into_iter().rev().collect());
        let table = self.catalog.table_mut(root);
        table.kind = TableKind::Partitioned;
        table.partition_columns = vec![1];
        table.unique = vec![key("payments_key", &[1, 2])];
        self.catalog.table_mut(leaf).partition_of = Some(root);
    }

    fn reference(&mut self, child: TableId, child_column: usize, parent: TableId, parent_column: usize) {
        let (child, parent) = ((child, vec![child_column]), (parent, vec![parent_column]));
        self.catalog.foreign_keys.push(ForeignKey::new("fkey", child, parent));
    }
}

fn not_null(column: Column) -> Column {
    Column { not_null: true, ..column }
}

fn key(name: &str, columns: &[usize]) -> Key {
    Key { name: name.into(), columns: columns.to_vec(), ..Key::default() }
}

/// Makes nothing of a value; what is tested here is whether it would be asked.
struct Silent;

impl TextMask for Silent {
    fn mask(&self, _value: &str, _subject: &[u8], _out: &mut String) -> Result<(), &'static str> {
        Ok(())
    }
}

const EXAMPLE: Example = Example { rule: "", ty: PgType::Text, input: "", output: None };

const PLAIN: Function = Function {
    name: "",
    summary: "",
    parameters: &[],
    example: EXAMPLE,
    domain: "",
    domain_by: None,
    takes: PgType::is_text,
    takes_text: "text",
    build: |_| Ok(text(Uniqueness::None, None)),
};

fn text(uniqueness: Uniqueness, max_chars: Option<u32>) -> Built {
    Built { masking: Masking::Text(Box::new(Silent)), uniqueness, max_chars, inputs: Vec::new() }
}

fn made(masking: Masking) -> Result<Built, Refusal> {
    Ok(Built { masking, uniqueness: Uniqueness::None, max_chars: None, inputs: Vec::new() })
}

/// A mask that asks for the masked values of the columns that `columns` lists.
fn build_template(build: &Build<'_>) -> Result<Built, Refusal> {
    let columns = build.parameters.text("columns")?.unwrap_or_default().split(' ');
    let input = |column: &str| Input { column: column.to_string(), form: Form::Masked, parameter: "columns" };
    Ok(Built { inputs: columns.map(input).collect(), ..text(Uniqueness::None, None) })
}

/// A mask that holds another one for a part of its values.
fn build_parts(build: &Build<'_>) -> Result<Built, Refusal> {
    let mut inputs = Vec::new();
    if let Some(rule) = build.parameters.0.get("part") {
        build.nest(rule, &PgType::Text, &mut inputs)?;
    }
    Ok(Built { inputs, ..text(Uniqueness::None, None) })
}

fn build_email(build: &Build<'_>) -> Result<Built, Refusal> {
    let max_chars = match build.parameters.0.get("max_length") {
        None => 64,
        Some(length) => length.as_integer().filter(|length| (20..=64).contains(length)).ok_or_else(|| {
            Refusal { what: "`max_length` is not a whole number from 20 to 64".into(), hint: None }
        })? as u32,
    };
    let unique = build.parameters.0.get("unique").is_some_and(|unique| unique.as_bool() == Some(true));
    Ok(text(Uniqueness::Bits(if unique { 100.0 } else { 50.0 }), Some(max_chars)))
}

static FUNCTIONS: &[&Function] = &[
    &Function { name: "keep", takes: |_| true, build: |_| made(Masking::Keep), ..PLAIN },
    &Function { name: "null", takes: |_| true, build: |_| made(Masking::Null), ..PLAIN },
    &Function { name: "redact", domain: "redact", ..PLAIN },
    &Function {
        name: "first_name",
        domain: "first_name",
        domain_by: Some("person"),
        parameters: &[Parameter { name: "locale", help: "" }],
        build: |_| Ok(text(Uniqueness::None, Some(12))),
        ..PLAIN
    },
    &Function {
        name: "email",
        domain: "email",
        domain_by: Some("person"),
        parameters: &[Parameter { name: "max_length", help: "" }, Parameter { name: "unique", help: "" }],
        build: build_email,
        ..PLAIN
    },
    &Function {
        name: "hash",
        domain: "hash",
        build: |_| Ok(text(Uniqueness::Bits(128.0), Some(32))),
        ..PLAIN
    },
    &Function {
        name: "template",
        domain: "template",
        parameters: &[Parameter { name: "columns", help: "" }],
        build: build_template,
        ..PLAIN
    },
    &Function {
        name: "parts",
        domain: "parts",
        parameters: &[Parameter { name: "part", help: "" }],
        build: build_parts,
        ..PLAIN
    },
    &Function {
        name: "integer_id",
        domain: "integer_id",
        takes: PgType::is_integer,
        takes_text: "integers",
        build: |_| Ok(text(Uniqueness::Injective, None)),
        ..PLAIN
    },
];

#[test]
fn another_list_of_a_lookup_is_told_of_as_other_rules() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    let text = "version = 1\n[defaults]\nunlisted = \"keep\"\n[tables.customers]\nphone = { fn = \"lookup\", file = \"names.csv\" }\n";
    std::fs::write(&rules, text).unwrap();
    let hash = |list: &str| {
        std::fs::write(folder.path().join("names.csv"), list).unwrap();
        let snapshot = Snapshot::of("shop/shop.dump").rules(&rules).command("plan");
        let run = snapshot.argument("--format").argument("json").run();
        run.succeeds();
        let plan: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        plan["rules_sha256"].as_str().unwrap().to_string()
    };
    let one = hash("Ana\nBea\n");
    assert_eq!(one, hash("Ana\nBea\n"));
    assert_ne!(one, hash("Ana\nBeo\n"));
}
