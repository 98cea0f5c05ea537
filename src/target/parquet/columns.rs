//! One column: from text to an Arrow array, in a loop for each type.
//!
//! The array is of the type that `schema::arrow` names, but for text without escapes, which stays in the views it came
//! in and is not copied.

use std::sync::Arc;

use arrow::array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    ListArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef};

use super::cells::{Cells, Escaped};
use crate::pg::array::{Elements, Shape, delimiter, parse_array};
use crate::pg::values::{self, Fault};
use crate::schema::PgType;

/// A column as an array, and the rows whose value has no exact form in it: NULL in the array.
pub(super) struct Column {
    pub array: ArrayRef,
    pub specials: Vec<usize>,
}

/// A value that no column can hold. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its row in the batch, from 0.
    pub row: usize,
    pub fault: Fault,
}

/// Turns a column of a batch into an array for a field of the type `data_type`.
pub(super) fn convert(
    column: &BinaryViewArray,
    ty: &PgType,
    data_type: &DataType,
) -> Result<Column, Refused> {
    match data_type {
        DataType::Utf8 if !has_escapes(column) => text_views(column),
        DataType::Binary if !has_other_than_hex(column) => hex(column),
        _ => convert_cells(&Escaped(column), ty, data_type),
    }
}

fn convert_cells(cells: &impl Cells, ty: &PgType, data_type: &DataType) -> Result<Column, Refused> {
    use values::{parse_f32, parse_f64, parse_integer};

    match (data_type, ty.base()) {
        (DataType::Boolean, _) => boolean(cells),
        (DataType::Int16, _) => primitive::<Int16Type>(cells, parse_integer),
        (DataType::Int32, _) => primitive::<Int32Type>(cells, parse_integer),
        (DataType::Int64, _) => primitive::<Int64Type>(cells, parse_integer),
        (DataType::UInt32, _) => primitive::<UInt32Type>(cells, parse_integer),
        (DataType::Float32, _) => primitive::<Float32Type>(cells, parse_f32),
        (DataType::Float64, _) => primitive::<Float64Type>(cells, parse_f64),
        (&DataType::Decimal128(precision, scale), _) => {
            let parse = |text: &[u8]| values::parse_decimal128(text, precision, scale);
            Ok(typed(primitive::<Decimal128Type>(cells, parse)?, data_type))
        }
        (&DataType::Decimal256(precision, scale), _) => {
            let parse = |text: &[u8]| values::parse_decimal256(text, precision, scale);
            Ok(typed(primitive::<Decimal256Type>(cells, parse)?, data_type))
        }
        (DataType::Date32, _) => primitive::<Date32Type>(cells, values::parse_date),
        (DataType::Time64(_), _) => primitive::<Time64MicrosecondType>(cells, values::parse_time),
        (DataType::Timestamp(_, None), _) => {
            primitive::<TimestampMicrosecondType>(cells, values::parse_timestamp)
        }
        (DataType::Timestamp(_, Some(_)), _) => {
            let column = primitive::<TimestampMicrosecondType>(cells, values::parse_timestamptz)?;
            Ok(typed(column, data_type))
        }
        (DataType::FixedSizeBinary(_), _) => uuid(cells),
        (DataType::Binary, _) => binary(cells),
        (DataType::List(element), PgType::Array(element_type)) => list(cells, element_type, element),
        _ => text(cells),
    }
}

/// Calls `parse` with a value's text; a value that does not parse as it stands is tried again without its escapes,
/// since what is not text has none as Postgres writes it.
fn parse_cell<T>(
    cells: &impl Cells,
    raw: &[u8],
    scratch: &mut Vec<u8>,
    mut parse: impl FnMut(&[u8]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    match parse(raw) {
        Err(Fault::Invalid) => cells.unescaped(raw, scratch).map_or(Err(Fault::Invalid), parse),
        parsed => parsed,
    }
}

/// Parses every value into `put`; returns which rows are valid and which are special.
///
/// `put` gets `None` for a NULL.
fn parse_all<T>(
    cells: &impl Cells,
    parse: impl Fn(&[u8]) -> Result<T, Fault>,
    mut put: impl FnMut(Option<T>),
) -> Result<(Option<NullBuffer>, Vec<usize>), Refused> {
    let mut valid = Vec::with_capacity(cells.len());
    let mut specials = vec![];
    let mut scratch = vec![];
    for row in 0..cells.len() {
        let parsed = cells.raw(row).map(|raw| parse_cell(cells, raw, &mut scratch, &parse)).transpose();
        let value = match parsed {
            Ok(value) => value,
            Err(Fault::Special) => {
                specials.push(row);
                None
            }
            Err(fault) => return Err(Refused { row, fault }),
        };
        valid.push(value.is_some());
        put(value);
    }
    Ok((nulls(valid), specials))
}

fn nulls(valid: Vec<bool>) -> Option<NullBuffer> {
    Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0)
}

fn primitive<T: ArrowPrimitiveType>(
    cells: &impl Cells,
    parse: impl Fn(&[u8]) -> Result<T::Native, Fault>,
) -> Result<Column, Refused> {
    let mut natives = Vec::with_capacity(cells.len());
    let (nulls, specials) = parse_all(cells, parse, |value| natives.push(value.unwrap_or_default()))?;
    Ok(Column { array: Arc::new(PrimitiveArray::<T>::new(natives.into(), nulls)), specials })
}

/// Gives a column of numbers the parameters of its type: precision and scale, or a time zone.
fn typed(column: Column, data_type: &DataType) -> Column {
    let data = column.array.into_data().into_builder().data_type(data_type.clone());
    let data = data.build().expect("the type differs in its parameters only");
    Column { array: arrow::array::make_array(data), ..column }
}

fn boolean(cells: &impl Cells) -> Result<Column, Refused> {
    let mut bits = Vec::with_capacity(cells.len());
    let (nulls, specials) =
        parse_all(cells, values::parse_bool, |value| bits.push(value.unwrap_or_default()))?;
    Ok(Column { array: Arc::new(BooleanArray::new(BooleanBuffer::from(bits), nulls)), specials })
}

fn uuid(cells: &impl Cells) -> Result<Column, Refused> {
    let mut bytes = Vec::with_capacity(cells.len() * 16);
    let (nulls, specials) =
        parse_all(cells, values::parse_uuid, |value| bytes.extend_from_slice(&value.unwrap_or_default()))?;
    Ok(Column { array: Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), nulls)), specials })
}

/// Values of any length, one after another, as Arrow's string and binary arrays hold them.
struct Bytes {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl Bytes {
    /// Reads every value with `append`, which adds its bytes to those before.
    fn collect(
        cells: &impl Cells,
        append: impl Fn(&[u8], &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<Self, Refused> {
        let mut all = Bytes { bytes: vec![], offsets: Vec::with_capacity(cells.len() + 1), valid: vec![] };
        all.valid.reserve(cells.len());
        all.offsets.push(0);
        let mut scratch = vec![];
        for row in 0..cells.len() {
            let raw = cells.raw(row);
            all.valid.push(raw.is_some());
            if let Some(raw) = raw {
                let text = cells.unescaped(raw, &mut scratch).unwrap_or(raw);
                append(text, &mut all.bytes).map_err(|fault| Refused { row, fault })?;
            }
            all.close(row)?;
        }
        Ok(all)
    }

    fn close(&mut self, row: usize) -> Result<(), Refused> {
        let end = i32::try_from(self.bytes.len()).map_err(|_| Refused { row, fault: Fault::TooLong })?;
        self.offsets.push(end);
        Ok(())
    }

    fn into_binary(self) -> Column {
        let offsets = OffsetBuffer::new(self.offsets.into());
        let array = BinaryArray::new(offsets, self.bytes.into(), nulls(self.valid));
        Column { array: Arc::new(array), specials: vec![] }
    }
}

fn binary(cells: &impl Cells) -> Result<Column, Refused> {
    Ok(Bytes::collect(cells, values::parse_bytea)?.into_binary())
}

/// How COPY text writes the start of a `bytea` in the hex format: its backslash is escaped.
const HEX_PREFIX: &[u8] = b"\\\\x";

/// Whether a value is not in the hex format, whose only backslash is the first one.
fn has_other_than_hex(column: &BinaryViewArray) -> bool {
    column.iter().flatten().any(|raw| !raw.starts_with(HEX_PREFIX))
}

/// `bytea` in the hex format, decoded as it stands: a large value is not copied before.
fn hex(column: &BinaryViewArray) -> Result<Column, Refused> {
    let mut all = Bytes { bytes: vec![], offsets: vec![0], valid: vec![] };
    for (row, raw) in column.iter().enumerate() {
        all.valid.push(raw.is_some());
        let digits = raw.map_or(&[][..], |raw| &raw[HEX_PREFIX.len()..]);
        values::decode_hex(digits, &mut all.bytes).map_err(|fault| Refused { row, fault })?;
        all.close(row)?;
    }
    Ok(all.into_binary())
}

fn text(cells: &impl Cells) -> Result<Column, Refused> {
    let all = Bytes::collect(cells, |text, bytes| {
        std::str::from_utf8(text).map_err(|_| Fault::NotUtf8)?;
        bytes.extend_from_slice(text);
        Ok(())
    })?;
    let nulls = nulls(all.valid);
    let array = StringArray::new(OffsetBuffer::new(all.offsets.into()), all.bytes.into(), nulls);
    Ok(Column { array: Arc::new(array), specials: vec![] })
}

fn has_escapes(column: &BinaryViewArray) -> bool {
    column.iter().flatten().any(|raw| memchr::memchr(b'\\', raw).is_some())
}

/// Text without escapes, in the views that it came in.
fn text_views(column: &BinaryViewArray) -> Result<Column, Refused> {
    match column.clone().to_string_view() {
        Ok(views) => Ok(Column { array: Arc::new(views), specials: vec![] }),
        Err(_) => {
            let is_text = |raw: Option<&[u8]>| raw.is_none_or(|raw| std::str::from_utf8(raw).is_ok());
            let row = column.iter().position(|raw| !is_text(raw)).unwrap_or_default();
            Err(Refused { row, fault: Fault::NotUtf8 })
        }
    }
}

/// Arrays as lists. One that is more than a list, or with an element that has no exact form, is special as a whole.
fn list(cells: &impl Cells, element_type: &PgType, element: &FieldRef) -> Result<Column, Refused> {
    let Arrays { elements, offsets, mut valid, mut specials } =
        Arrays::collect(cells, delimiter(element_type))?;
    let row_of = |index: usize| offsets.partition_point(|&start| start as usize <= index) - 1;
    let items = convert_cells(&elements, element_type, element.data_type())
        .map_err(|refused| Refused { row: row_of(refused.row), ..refused })?;
    for row in items.specials.iter().map(|&index| row_of(index)) {
        if std::mem::take(&mut valid[row]) {
            specials.push(row);
        }
    }
    specials.sort_unstable();
    let offsets = OffsetBuffer::new(offsets.into());
    let array = ListArray::new(Arc::clone(element), offsets, items.array, nulls(valid));
    Ok(Column { array: Arc::new(array), specials })
}

/// Arrays taken apart: those that are lists, as Arrow's list arrays hold them, their elements still as text.
struct Arrays {
    elements: Elements,
    offsets: Vec<i32>,
    valid: Vec<bool>,
    /// The rows whose array is more than a list; no element of theirs is kept.
    specials: Vec<usize>,
}

impl Arrays {
    fn collect(cells: &impl Cells, delimiter: u8) -> Result<Self, Refused> {
        let mut all = Arrays {
            elements: Elements::default(),
            offsets: Vec::with_capacity(cells.len() + 1),
            valid: Vec::with_capacity(cells.len()),
            specials: vec![],
        };
        all.offsets.push(0);
        let mut scratch = vec![];
        for row in 0..cells.len() {
            let refused = |fault| Refused { row, fault };
            let literal = cells.raw(row).map(|raw| cells.unescaped(raw, &mut scratch).unwrap_or(raw));
            let is_list = match literal {
                Some(literal) => all.append(literal, delimiter).map_err(refused)?,
                None => false,
            };
            if literal.is_some() && !is_list {
                all.specials.push(row);
            }
            all.valid.push(is_list);
            let end = i32::try_from(all.elements.len()).map_err(|_| refused(Fault::TooLong))?;
            all.offsets.push(end);
        }
        Ok(all)
    }

    /// Appends the elements of an array if it is a list; whether it is.
    fn append(&mut self, literal: &[u8], delimiter: u8) -> Result<bool, Fault> {
        let before = self.elements.len();
        let shape = parse_array(literal, delimiter, &mut self.elements).map_err(|_| Fault::Invalid)?;
        if shape == Shape::Other {
            // Its text goes to a file of text.
            std::str::from_utf8(literal).map_err(|_| Fault::NotUtf8)?;
            self.elements.truncate(before);
        }
        Ok(shape == Shape::List)
    }
}
