//! The promises that every entry of `FUNCTIONS` keeps, each in its own file, and its documented example.

mod fit;
mod injective;
mod leaks;
mod nulls;
mod people;
mod refusals;
mod same;
mod samples;
mod types;

use arrow::array::{Array, BinaryViewArray};
use pgmask::functions::row::InputColumn;
use pgmask::functions::text::{InvalidPolicy, NullPolicy, TextColumn};
use pgmask::functions::{
    Build, Built, Context, EXAMPLE_ROW, FUNCTIONS, Function, Input, Masking, Parameters,
};
use pgmask::key::MasterKey;
use pgmask::schema::PgType;

pub fn prepare(function: &Function, key: u8, ty: &PgType, parameters: &Parameters, by: bool) -> Built {
    try_prepare(function, key, ty, parameters, by).unwrap_or_else(|| panic!("`{}` is built", function.name))
}

/// …where it takes the type and parameters.
pub fn try_prepare(
    function: &Function,
    key: u8,
    ty: &PgType,
    parameters: &Parameters,
    by: bool,
) -> Option<Built> {
    let key = MasterKey::from_bytes(vec![key; 32]).unwrap();
    let domain = if by { function.domain_by.unwrap() } else { function.domain };
    let context = Context {
        key: &key,
        functions: FUNCTIONS,
        locale: None,
        folder: "".as_ref(),
        lists: &pgmask::functions::lists::Lists::default(),
    };
    let key = key.domain(domain);
    let build = Build { is_column: true, ..Build::new(parameters, ty, &key, by).within(&context) };
    function.prepare(&build).ok()
}

/// A function as its example builds it, over the column type of the example.
pub fn exemplary(function: &Function, key: u8) -> Built {
    prepare(function, key, &function.example.ty, &function.example.parameters(), false)
}

pub fn column(values: &[Option<&[u8]>]) -> BinaryViewArray {
    BinaryViewArray::from_iter(values.iter().copied())
}

/// A function that masks columns; invalid values become NULL.
pub enum Masker {
    Keep,
    Null,
    Text(TextColumn, Vec<Input>),
}

impl Masker {
    pub fn new(built: Built) -> Self {
        match built.masking {
            Masking::Keep => Masker::Keep,
            Masking::Null => Masker::Null,
            Masking::Text(mask) => {
                let column = TextColumn { mask, null: NullPolicy::Keep, invalid: InvalidPolicy::Null };
                Masker::Text(column, built.inputs)
            }
        }
    }

    pub fn mask(
        &self,
        values: &BinaryViewArray,
        ty: &PgType,
        owners: Option<&BinaryViewArray>,
    ) -> BinaryViewArray {
        match self {
            Masker::Keep => values.clone(),
            Masker::Null => BinaryViewArray::new_null(values.len()),
            Masker::Text(column, inputs) => {
                let owners = owners.map(|owners| (owners, &PgType::Int8));
                let row: Vec<_> = inputs.iter().map(|input| example_column(input, values.len())).collect();
                let column_of = |(input, values): (&Input, _)| InputColumn {
                    values: Some(values),
                    ty: &PgType::Text,
                    form: input.form,
                };
                let row: Vec<_> = inputs.iter().zip(&row).map(column_of).collect();
                column.apply_in_row(values, ty, owners, &row).ok().unwrap().values
            }
        }
    }
}

/// A column of rows like that of the examples.
pub fn example_column(input: &Input, rows: usize) -> BinaryViewArray {
    let value = EXAMPLE_ROW.iter().find(|(name, _)| *name == input.column).map(|(_, value)| *value);
    BinaryViewArray::from_iter(std::iter::repeat_n(value, rows))
}

/// The column that `built` makes of `values`.
pub fn masked_by(
    built: Built,
    values: &BinaryViewArray,
    ty: &PgType,
    owners: Option<&BinaryViewArray>,
) -> BinaryViewArray {
    Masker::new(built).mask(values, ty, owners)
}

pub fn masked(function: &Function, key: u8, values: &BinaryViewArray) -> BinaryViewArray {
    masked_by(exemplary(function, key), values, &function.example.ty, None)
}

pub fn texts(column: &BinaryViewArray) -> Vec<Option<&str>> {
    column.iter().map(|value| value.map(|bytes| std::str::from_utf8(bytes).unwrap())).collect()
}

#[test]
fn every_example_is_what_the_function_gives() {
    let wrong: Vec<String> = FUNCTIONS
        .iter()
        .filter_map(|function| {
            let escaped = |text: &str| text.replace('\\', "\\\\");
            let input = escaped(function.example.input);
            let result = masked(function, 0, &column(&[Some(input.as_bytes())]));
            let result = texts(&result)[0];
            let differs = result != function.example.output.map(escaped).as_deref();
            differs.then(|| format!("{}: {result:?}", function.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_are_in_order_and_found() {
    assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    for function in FUNCTIONS {
        assert_eq!(pgmask::functions::find(function.name).unwrap().name, function.name);
    }
}
