//! Random schemas with random rows: cycles, self-references, composites, NULLs, duplicates, and any setting of any edge.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use pgmask::error::Result;
use pgmask::pg::escape::unescape;
use pgmask::schema::PgType;
use pgmask::subset::Spec;
use pgmask::subset::json_path::JsonPath;
use pgmask::subset::spec::{
    ColumnPair, Down, EdgeSpec, Extract, Guard, RowCondition, Rows, Share, TableSpec, Up,
};

use super::database::{Database, Reading, Row};

/// Random numbers: SplitMix64 (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let value = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        let value = (value ^ value >> 27).wrapping_mul(0x94d049bb133111eb);
        value ^ value >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == 0
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// Whether the first column's value has an odd number of bytes.
pub struct OddLength;

impl RowCondition for OddLength {
    fn columns(&self) -> &[usize] {
        &[0]
    }

    fn holds(&self, batch: &RecordBatch, _first_row: u64) -> Result<Vec<bool>> {
        let column = batch.column(0).as_binary_view();
        let is_odd =
            |row: usize| column.is_valid(row) && unescape(column.value(row), &mut Vec::new()).len() % 2 == 1;
        Ok((0..column.len()).map(is_odd).collect())
    }
}

/// A database that depends on `seed` alone.
pub fn database(seed: u64) -> Database {
    let random = &mut Random(seed);
    let mut tables = Vec::new();
    let mut rows = Vec::new();
    // Values are numbers below this, so that references find something; a few do not.
    let domain = 1 + random.below(24);
    for index in 0..1 + random.below(5) {
        let (table, table_rows) = table(random, index, domain);
        tables.push(table);
        rows.push(table_rows);
    }
    let mut edges: Vec<EdgeSpec> = Vec::new();
    for index in 0..random.below(2 * tables.len() + 2) {
        edges.push(edge(random, index, &tables));
    }
    Database { spec: Spec { tables, parts: Vec::new(), edges }, rows }
}

fn table(random: &mut Random, index: usize, domain: usize) -> (TableSpec, Vec<Row>) {
    let types = [
        PgType::Int4,
        PgType::Int4,
        PgType::Int8,
        PgType::Numeric(None),
        PgType::Text,
        PgType::Citext,
        PgType::Bpchar(Some(8)),
        PgType::Float8,
        PgType::Array(Box::new(PgType::Int4)),
        PgType::Jsonb,
    ];
    let columns: Vec<PgType> = (0..2 + random.below(4))
        .map(|column| if column < 2 { random.of(&types[..8]) } else { random.of(&types) })
        .collect();
    let key = match random.below(5) {
        0 => vec![],
        1 => vec![1, 0],
        _ => vec![0],
    };
    let count = match random.below(8) {
        0 => 0,
        1 => random.below(4 * domain),
        _ => random.below(domain + 1),
    };
    let nulls = 2 + random.below(6);
    let mut rows: Vec<Row> = Vec::new();
    let mut numbers: Vec<usize> =
        (0..count).map(|number| number * domain.max(count) / count.max(1)).collect();
    random.shuffle(&mut numbers);
    for number in numbers {
        let value = |(column, ty): (usize, &PgType)| {
            if column == 0 && key.len() == 1 {
                return Some(text(random, ty, number));
            }
            let is_null = !key.contains(&column) && random.one_in(nulls);
            let number = random.below(domain + 2);
            (!is_null).then(|| text(random, ty, number))
        };
        let row: Row = columns.iter().enumerate().map(value).collect();
        rows.push(row);
        if key.is_empty() && random.one_in(3) {
            let copy = rows[random.below(rows.len())].clone();
            rows.push(copy);
        }
    }
    let percents = [0.0, 1.0, 10.0, 30.0, 50.0, 80.0, 100.0];
    let mut table = TableSpec::new(format!("t{index}"), columns, key);
    table.rows = match random.below(12) {
        0..5 => Rows::Percent(Share::percent(random.of(&percents))),
        5 => Rows::Count(random.below(6) as u64),
        6 => Rows::Where(Arc::new(OddLength)),
        7 => Rows::All,
        8 => Rows::None,
        _ => Rows::Unsaid,
    };
    table.unowned = random.one_in(4).then(|| Share::percent(random.of(&percents)));
    table.whole = random.one_in(8);
    if random.one_in(6) && !table.key.is_empty() {
        let value = |&column: &usize| {
            let number = random.below(domain);
            text(random, &table.columns[column], number).into_bytes()
        };
        table.include = vec![table.key.iter().map(value).collect()];
    }
    if random.one_in(5) {
        table.entity = "entity".to_string();
    }
    (table, rows)
}

/// One of the texts of a number, as a value of the type.
fn text(random: &mut Random, ty: &PgType, number: usize) -> String {
    match ty {
        PgType::Numeric(_) => {
            random.of(&[format!("{number}"), format!("{number}.0"), format!("{number}.50")])
        }
        PgType::Float8 => random.of(&[format!("{number}"), format!("{number}.5"), "-0".to_string()]),
        PgType::Text if number % 3 == 1 => format!("t\\{number}\t\n'é🦀"),
        PgType::Citext => random.of(&[format!("{number}aÉ"), format!("{number}Aé"), format!("{number}")]),
        PgType::Bpchar(_) => format!("{number}{}", " ".repeat(random.below(4))),
        PgType::Array(_) => {
            let others = [random.below(number + 1).to_string(), "NULL".to_string()];
            random.of(&[
                format!("{{{number}}}"),
                "{}".to_string(),
                format!("{{{number},{},{}}}", others[0], others[1]),
            ])
        }
        PgType::Jsonb => {
            let other = random.below(number + 1);
            random.of(&[format!("{{\"a\": [{number}, null, \"{other}\"]}}"), "{\"a\": []}".to_string()])
        }
        _ => format!("{number}"),
    }
}

fn edge(random: &mut Random, index: usize, tables: &[TableSpec]) -> EdgeSpec {
    let (child, parent) = (random.below(tables.len()), random.below(tables.len()));
    let (child_types, parent_spec) = (&tables[child].columns, &tables[parent]);
    let scalars: Vec<usize> = (0..child_types.len())
        .filter(|&column| !matches!(child_types[column], PgType::Array(_) | PgType::Jsonb))
        .collect();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    if random.one_in(4) {
        let mut parents = vec![0, 1];
        random.shuffle(&mut parents);
        pairs.extend(parents.into_iter().map(|column| (random.of(&scalars), column)));
    } else {
        let column = random.below(child_types.len());
        let to =
            if random.one_in(3) { random.below(2) } else { parent_spec.key.first().copied().unwrap_or(0) };
        pairs.push((column, to));
    }
    let mut edge = EdgeSpec::new(format!("e{index}"), child, parent, &pairs);
    let extract = |pair: &mut ColumnPair| {
        pair.extract = match child_types[pair.child] {
            PgType::Array(_) => Extract::Elements,
            PgType::Jsonb => Extract::Json(JsonPath::parse("$.a[*]").unwrap()),
            _ => Extract::Value,
        };
    };
    edge.columns.iter_mut().for_each(extract);
    edge.down = random.of(&[Down::None, Down::None, Down::Owner, Down::Any, Down::All, Down::All]);
    edge.up = random.of(&[Up::Require, Up::Require, Up::Null, Up::Drop]);
    edge.cap = random.one_in(4).then(|| random.below(4) as u64);
    if random.one_in(8) {
        let column = random.of(&scalars);
        let values = (0..2).map(|_| random.below(12).to_string().into_bytes()).collect();
        // A type column is compared as text here, so only one of text is.
        edge.guard = (child_types[column] == PgType::Text).then_some(Guard { column, values });
    }
    edge
}

/// A way of reading a database: its rows in another order, in parts and batches, by several threads, in little memory.
pub fn reading(random: &mut Random, database: &Database, shuffled: bool, threads: usize) -> Reading {
    let mut reading = Reading::plain(database);
    if shuffled {
        reading.order.iter_mut().for_each(|order| random.shuffle(order));
    }
    for ends in &mut reading.part_ends {
        let rows = ends[0];
        *ends = (0..random.below(3)).map(|_| random.below(rows + 1)).collect();
        ends.push(rows);
        ends.sort_unstable();
    }
    reading.batch_rows = 1 + random.below(9);
    reading.threads = threads;
    reading.integers = random.one_in(2);
    reading.memory_bytes = random.of(&[0, 200, 2_000, 5_000, 20_000, 1 << 30]);
    reading
}
