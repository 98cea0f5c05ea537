//! Conditions: SQL over the columns of one row, as `when` and `where` say it, checked before any row is read.
//!
//! `compile` turns the text into a typed `Expression` and refuses what is outside the language
//! that rules/README.md describes, `decode` reads COPY text into Arrow arrays, `evaluate` applies Arrow's kernels,
//! `sql` writes a condition for a server, and `certain` knows which ones a server may be asked, so that a live source
//! selects the same rows as a file.

mod cast;
mod certain;
mod compile;
mod decode;
mod evaluate;
mod expression;
mod function;
mod interval;
mod literal;
mod operand;
mod sql;

use arrow::array::{Array, BinaryViewArray, BooleanArray};

use crate::error::{Error, Result};
use crate::schema::{PgType, Table, quoted, quoted_always};
use expression::Expression;

/// A condition over the columns of one table.
#[derive(Clone, Debug)]
pub struct Condition {
    expression: Expression,
    columns: Vec<usize>,
    types: Vec<PgType>,
}

/// Why a condition has no answer for a row. Says nothing of the row's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The row in the batch, from 0; `None` where only the batch is known.
    pub row: Option<usize>,
    /// The column of the table that could not be read; `None` where an operation failed.
    pub column: Option<usize>,
    /// The reason, such as "is not of its column's type".
    pub reason: &'static str,
}

impl Condition {
    /// Reads `text` as a condition over the columns of `table`.
    ///
    /// # Errors
    /// [`Kind::Rules`](crate::error::Kind::Rules) if it is not SQL, names a column that is not there, has types that do
    /// not go together, or is outside the language.
    pub fn parse(text: &str, table: &Table) -> Result<Condition> {
        Condition::parse_for(text, table, |name| table.column_index(name))
    }

    /// Reads `text` as a condition that names one column, `written`, and means the column `meant` of `table`: the
    /// condition of a key, asked of a column that refers to it.
    ///
    /// # Errors
    /// As those of [`Condition::parse`]; and if it names any other column.
    pub fn parse_for_reference(text: &str, table: &Table, written: &str, meant: usize) -> Result<Condition> {
        Condition::parse_for(text, table, |name| (name == written).then_some(meant))
    }

    fn parse_for(text: &str, table: &Table, find: impl Fn(&str) -> Option<usize>) -> Result<Condition> {
        let mut columns = Vec::new();
        let expression = compile::compile(text, &mut |name: &str| {
            let index = find(name).ok_or_else(|| unknown_column(name, table))?;
            let input = columns.iter().position(|&known| known == index).unwrap_or_else(|| {
                columns.push(index);
                columns.len() - 1
            });
            Ok((input, &table.columns[index].ty))
        })?;
        let types = columns.iter().map(|&column| table.columns[column].ty.clone()).collect();
        Ok(Condition { expression, columns, types })
    }

    /// The columns of the table that it reads, as indexes, each once.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// For each of `rows` rows whether the condition holds: true, where SQL says neither false nor NULL.
    ///
    /// `inputs` are the columns of [`Condition::columns`], in that order: COPY text, still escaped, NULL in the null
    /// bitmap.
    ///
    /// # Errors
    /// The first value that is not of its column's type, or an operation that fails: an overflow, a division by zero.
    pub fn holds(&self, inputs: &[&BinaryViewArray], rows: usize) -> Result<BooleanArray, Undecided> {
        let mut decoded = Vec::with_capacity(inputs.len());
        for ((input, ty), &column) in inputs.iter().zip(&self.types).zip(&self.columns) {
            let array = decode::decode(input, ty).map_err(|(row, reason)| Undecided {
                row: Some(row),
                column: Some(column),
                reason,
            })?;
            decoded.push(array);
        }
        let truth =
            evaluate::truth(&self.expression, &evaluate::Inputs { columns: &decoded, raw: inputs, rows })
                .map_err(|reason| Undecided { row: None, column: None, reason })?;
        Ok(match truth.nulls() {
            Some(nulls) => BooleanArray::new(truth.values() & nulls.inner(), None),
            None => truth,
        })
    }

    /// The condition as SQL for a server, over the columns of `table`; every name is quoted and every literal typed.
    pub fn to_sql(&self, table: &Table) -> String {
        let names: Vec<&str> =
            self.columns.iter().map(|&column| table.columns[column].name.as_str()).collect();
        sql::write(&self.expression, &names)
    }

    /// The condition as an SQL expression that a server decides as [`Condition::holds`] does: true, false, or NULL where
    /// `holds` fails. `None` where that is not certain.
    ///
    /// It is meant for a database in UTF-8, and a session that finds nothing but `pg_catalog` without naming its schema.
    pub fn to_certain_sql(&self, table: &Table) -> Option<String> {
        if !certain::is_certain(&self.expression, &self.types) {
            return None;
        }
        let numbers = self.columns.iter().zip(&self.types);
        let numbers = numbers.filter(|(_, ty)| matches!(ty.base(), PgType::Numeric(_)));
        let not_numbers: Vec<String> = numbers
            .map(|(&column, _)| {
                format!("{} = 'NaN'::pg_catalog.numeric", quoted_always(&table.columns[column].name))
            })
            .collect();
        let decided = format!("({}) IS TRUE", self.to_sql(table));
        Some(match not_numbers.is_empty() {
            true => decided,
            false => format!("CASE WHEN {} THEN NULL ELSE {decided} END", not_numbers.join(" OR ")),
        })
    }
}

fn unknown_column(name: &str, table: &Table) -> Error {
    let error = Error::rules(format!("the condition names `{}`, which the row does not have", quoted(name)));
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    match crate::nearest::did_you_mean(name, names) {
        Some(hint) => error.hint(hint),
        None => error.hint(format!("a condition reads the columns of `{}` alone", table.name)),
    }
}

#[cfg(test)]
mod tests;
