//! What a mask may ask for of the row of a value: named columns, as they are read or as they are masked.

use std::ops::Range;

use arrow::array::{Array, BinaryViewArray};

use super::canonical::canonical;
use crate::pg::escape::unescape;
use crate::schema::PgType;

/// A column of the row that a mask asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The column's name, as a rule writes it.
    pub column: String,
    /// What of the column.
    pub form: Form,
    /// The parameter that names it, for messages.
    pub parameter: &'static str,
}

/// What a mask is given of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The value as it was read, in canonical form (see [`canonical`]).
    Original,
    /// The value after the column's own rule.
    Masked,
}

/// An [`Input`] as a batch has it.
#[derive(Clone, Copy)]
pub struct InputColumn<'a> {
    /// Its values in COPY text form, still escaped; `None` where the rows have no such column.
    pub values: Option<&'a BinaryViewArray>,
    /// The column's type.
    pub ty: &'a PgType,
    /// What of it is given.
    pub form: Form,
}

/// One row of the inputs, in the order in which the mask asked for them.
#[derive(Clone, Copy, Default)]
pub struct Row<'a> {
    columns: &'a [InputColumn<'a>],
    row: usize,
}

/// What holds a value of a row while it is used.
#[derive(Default)]
pub struct RowScratch {
    unescaped: Vec<u8>,
    canonical: Vec<u8>,
}

impl<'a> Row<'a> {
    /// The row at `row` of `columns`.
    pub fn new(columns: &'a [InputColumn<'a>], row: usize) -> Self {
        Row { columns, row }
    }

    /// The value of the input at `index`, unescaped; `None` for NULL, and for an input that the rows do not have.
    pub fn get<'s>(&self, index: usize, scratch: &'s mut RowScratch) -> Option<&'s [u8]>
    where
        'a: 's,
    {
        let column = self.columns.get(index)?;
        let values = column.values.filter(|values| values.is_valid(self.row))?;
        let value = unescape(values.value(self.row), &mut scratch.unescaped);
        Some(match column.form {
            Form::Original => canonical(column.ty, value, &mut scratch.canonical),
            Form::Masked => value,
        })
    }

    /// The row of some of the inputs, as a nested mask asked for them.
    pub fn part(&self, inputs: &Range<usize>) -> Row<'a> {
        Row { columns: self.columns.get(inputs.clone()).unwrap_or_default(), row: self.row }
    }
}
