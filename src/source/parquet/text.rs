//! One column of a batch: from an Arrow array to the text that COPY writes, in a closure for each pair of types.
//!
//! The Postgres type decides the form: a `numeric(10,2)` has two decimals whatever its decimal in Parquet has. What
//! cannot be a value of the type in every case has no [`Column`]; what cannot in some is refused at the value. The
//! inverse of `target::parquet::columns`.

use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimeUnit};

use super::number::{decimal_text, integer_range};
use super::time;
use crate::pg::array::{delimiter, push_element};
use crate::pg::escape::escape_into;
use crate::pg::float;
use crate::schema::PgType;
use crate::schema::arrow::arrow_type;

/// Why a value is not one of the column's type. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The type's bounds, or its digits, do not hold it.
    OutOfRange,
    /// It has more than six decimals of a second.
    TooFine,
    /// It is text, but not UTF-8.
    NotUtf8,
    /// It is text with a zero byte, which Postgres has no text with.
    ZeroByte,
}

impl Fault {
    /// What it is, for a column of type `ty`.
    pub fn what(self, ty: &PgType) -> String {
        match self {
            Fault::OutOfRange => format!("value is out of the range of `{ty}`"),
            Fault::TooFine => format!("value is finer than a microsecond, which `{ty}` cannot hold"),
            Fault::NotUtf8 => "text is not valid UTF-8".into(),
            Fault::ZeroByte => "text has a zero byte, which Postgres cannot hold".into(),
        }
    }
}

/// Appends the text of the value at a row, which is not NULL.
type Push<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), Fault> + 'a>;

/// A column of a batch.
pub struct Column<'a> {
    array: &'a dyn Array,
    push: Push<'a>,
    /// Whether the text may have characters that COPY escapes.
    may_escape: bool,
}

impl<'a> Column<'a> {
    /// The array `array` as a column of the type `ty`; `None` if the one cannot hold values of the other.
    pub fn new(array: &'a ArrayRef, ty: &PgType) -> Option<Self> {
        let array: &dyn Array = array.as_ref();
        let push = push(array, ty.base())?;
        let may_escape = match array.data_type() {
            DataType::Utf8 | DataType::Binary | DataType::List(_) => true,
            DataType::FixedSizeBinary(_) => matches!(ty.base(), PgType::Bytea),
            _ => false,
        };
        Some(Column { array, push, may_escape })
    }

    /// Whether the value at `row` is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        // A column of the type Null has no null bitmap.
        self.array.is_null(row) || *self.array.data_type() == DataType::Null
    }

    /// Appends the value at `row` as a field of COPY text; `scratch` is overwritten.
    ///
    /// # Errors
    /// If the type has no such value.
    pub fn push_field(&self, row: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.is_null(row) {
            out.extend_from_slice(b"\\N");
            return Ok(());
        }
        if !self.may_escape {
            return (self.push)(row, out);
        }
        scratch.clear();
        (self.push)(row, scratch)?;
        escape_into(scratch, out);
        Ok(())
    }
}

/// Whether values of `ty` can be in an array of the type `data_type`.
pub fn is_held(data_type: &DataType, ty: &PgType) -> bool {
    let element = match data_type {
        DataType::List(element) => element.data_type(),
        other => other,
    };
    let is_huge = matches!(element, DataType::FixedSizeBinary(bytes) if *bytes > MAX_FIXED_BYTES);
    !is_huge && Column::new(&arrow::array::new_empty_array(data_type), ty).is_some()
}

/// The longest values of a fixed length that are read: their length is the schema's word, for each value of a batch.
const MAX_FIXED_BYTES: i32 = 1 << 20;

fn push<'a>(array: &'a dyn Array, ty: &PgType) -> Option<Push<'a>> {
    use DataType as Arrow;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond};

    Some(match (array.data_type(), ty) {
        (Arrow::Null, _) => Box::new(|_, _| Ok(())),
        (Arrow::Utf8, _) => {
            let array = array.as_string::<i32>();
            Box::new(move |row, out| push_text(array.value(row).as_bytes(), out))
        }
        (Arrow::Binary, PgType::Bytea) => {
            let array = array.as_binary::<i32>();
            Box::new(move |row, out| push_bytea(array.value(row), out))
        }
        // Text without the mark that it is.
        (Arrow::Binary, _) if arrow_type(ty) == Arrow::Utf8 => {
            let array = array.as_binary::<i32>();
            Box::new(move |row, out| push_utf8(array.value(row), out))
        }
        (Arrow::FixedSizeBinary(_), PgType::Bytea) => {
            let array = array.as_fixed_size_binary();
            Box::new(move |row, out| push_bytea(array.value(row), out))
        }
        (Arrow::FixedSizeBinary(16), PgType::Uuid) => {
            let array = array.as_fixed_size_binary();
            Box::new(move |row, out| push_uuid(array.value(row), out))
        }
        (Arrow::Boolean, PgType::Bool) => {
            let array = array.as_boolean();
            Box::new(move |row, out| push_all(if array.value(row) { b"t" } else { b"f" }, out))
        }
        (Arrow::Int8, _) => integer::<Int8Type>(array, ty)?,
        (Arrow::Int16, _) => integer::<Int16Type>(array, ty)?,
        (Arrow::Int32, _) => integer::<Int32Type>(array, ty)?,
        (Arrow::Int64, _) => integer::<Int64Type>(array, ty)?,
        (Arrow::UInt8, _) => integer::<UInt8Type>(array, ty)?,
        (Arrow::UInt16, _) => integer::<UInt16Type>(array, ty)?,
        (Arrow::UInt32, _) => integer::<UInt32Type>(array, ty)?,
        (Arrow::UInt64, _) => integer::<UInt64Type>(array, ty)?,
        (Arrow::Float32, PgType::Float4) => primitive::<Float32Type>(array, push_single),
        (Arrow::Float32, PgType::Float8) => {
            primitive::<Float32Type>(array, |value, out| push_double(f64::from(value), out))
        }
        (Arrow::Float64, PgType::Float8) => primitive::<Float64Type>(array, push_double),
        (Arrow::Float64, PgType::Float4) => primitive::<Float64Type>(array, push_narrowed),
        (&Arrow::Decimal32(_, scale), _) => decimal::<Decimal32Type>(array, scale, ty)?,
        (&Arrow::Decimal64(_, scale), _) => decimal::<Decimal64Type>(array, scale, ty)?,
        (&Arrow::Decimal128(_, scale), _) => decimal::<Decimal128Type>(array, scale, ty)?,
        (&Arrow::Decimal256(_, scale), _) => decimal::<Decimal256Type>(array, scale, ty)?,
        (Arrow::Date32, PgType::Date) => primitive::<Date32Type>(array, time::push_date),
        (Arrow::Time32(Millisecond), PgType::Time(_)) => {
            primitive::<Time32MillisecondType>(array, |value, out| {
                time::push_time(i64::from(value) * 1000, out)
            })
        }
        (Arrow::Time64(Microsecond), PgType::Time(_)) => {
            primitive::<Time64MicrosecondType>(array, time::push_time)
        }
        (Arrow::Time64(Nanosecond), PgType::Time(_)) => {
            primitive::<Time64NanosecondType>(array, |value, out| {
                time::push_time(time::of_nanoseconds(value)?, out)
            })
        }
        (Arrow::Timestamp(unit, zone), PgType::Timestamp(_) | PgType::TimestampTz(_)) => {
            let with_zone = matches!(ty, PgType::TimestampTz(_));
            // A time on no clock in particular is no instant, nor the other way round. Only the time of twelve bytes,
            // the oldest form, does not say which it is: `columns` gives it the zone of its column.
            if zone.is_some() != with_zone {
                return None;
            }
            match unit {
                Microsecond => primitive::<TimestampMicrosecondType>(array, move |value, out| {
                    time::push_timestamp(value, with_zone, out)
                }),
                Millisecond => primitive::<TimestampMillisecondType>(array, move |value, out| {
                    let value = value.checked_mul(1000).ok_or(Fault::OutOfRange)?;
                    time::push_finite_timestamp(value, with_zone, out)
                }),
                Nanosecond => primitive::<TimestampNanosecondType>(array, move |value, out| {
                    time::push_finite_timestamp(time::of_nanoseconds(value)?, with_zone, out)
                }),
                TimeUnit::Second => return None,
            }
        }
        (Arrow::List(_), PgType::Array(element)) => list(array, element)?,
        _ => return None,
    })
}

fn primitive<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    push: impl Fn(T::Native, &mut Vec<u8>) -> Result<(), Fault> + 'a,
) -> Push<'a> {
    let values = array.as_primitive::<T>().values();
    Box::new(move |row, out| push(values[row], out))
}

/// Integers as such, as an `oid`, or as a `numeric`.
fn integer<'a, T>(array: &'a dyn Array, ty: &PgType) -> Option<Push<'a>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    if let PgType::Numeric(limits) = *ty {
        return Some(primitive::<T>(array, move |value, out| {
            let value: i128 = value.into();
            decimal_text(&value.to_string(), 0, limits, out)
        }));
    }
    let range = integer_range(ty)?;
    Some(primitive::<T>(array, move |value, out| {
        let value: i128 = value.into();
        if !range.contains(&value) {
            return Err(Fault::OutOfRange);
        }
        let mut digits = [0; 40];
        push_all(integer_text(value, &mut digits), out)
    }))
}

/// The decimal digits of an integer.
fn integer_text(value: i128, digits: &mut [u8; 40]) -> &[u8] {
    let mut start = digits.len();
    // The integers of all column types fit 64 bits, where a division is cheap.
    let mut rest = value.unsigned_abs() as u64;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        start -= 1;
        digits[start] = b'-';
    }
    &digits[start..]
}

/// Decimals as a `numeric`, or as an integer where they have no places.
fn decimal<'a, T>(array: &'a dyn Array, scale: i8, ty: &PgType) -> Option<Push<'a>>
where
    T: ArrowPrimitiveType,
    T::Native: std::fmt::Display,
{
    let places = usize::try_from(scale).ok()?;
    if let PgType::Numeric(limits) = *ty {
        return Some(primitive::<T>(array, move |value, out| {
            decimal_text(&value.to_string(), places, limits, out)
        }));
    }
    let range = integer_range(ty).filter(|_| places == 0)?;
    Some(primitive::<T>(array, move |value, out| {
        let text = value.to_string();
        match text.parse::<i128>() {
            Ok(value) if range.contains(&value) => push_all(text.as_bytes(), out),
            _ => Err(Fault::OutOfRange),
        }
    }))
}

fn push_single(value: f32, out: &mut Vec<u8>) -> Result<(), Fault> {
    float::push_f32(value, out);
    Ok(())
}

fn push_double(value: f64, out: &mut Vec<u8>) -> Result<(), Fault> {
    float::push_f64(value, out);
    Ok(())
}

/// A number of double precision in a `real`, which holds few of them.
fn push_narrowed(value: f64, out: &mut Vec<u8>) -> Result<(), Fault> {
    let narrowed = value as f32;
    if !value.is_nan() && f64::from(narrowed) != value {
        return Err(Fault::OutOfRange);
    }
    float::push_f32(narrowed, out);
    Ok(())
}

/// Lists as arrays of one dimension, as `array_out` of Postgres writes them.
fn list<'a>(array: &'a dyn Array, element: &PgType) -> Option<Push<'a>> {
    let list = array.as_list::<i32>();
    // Arrays of arrays are one array of more dimensions in Postgres, which a list of lists need not be.
    if matches!(element.base(), PgType::Array(_)) {
        return None;
    }
    let push = push(list.values().as_ref(), element.base())?;
    let values = list.values();
    let delimiter = delimiter(element);
    Some(Box::new(move |row, out| {
        let mut text = Vec::new();
        out.push(b'{');
        let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
        for index in start..end {
            if index > start {
                out.push(delimiter);
            }
            if values.is_null(index) {
                out.extend_from_slice(b"NULL");
            } else {
                text.clear();
                push(index, &mut text)?;
                push_element(&text, delimiter, out);
            }
        }
        out.push(b'}');
        Ok(())
    }))
}

fn push_all(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(text);
    Ok(())
}

fn push_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if memchr::memchr(0, text).is_some() {
        return Err(Fault::ZeroByte);
    }
    push_all(text, out)
}

fn push_utf8(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    std::str::from_utf8(text).map_err(|_| Fault::NotUtf8)?;
    push_text(text, out)
}

fn push_bytea(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.extend_from_slice(b"\\x");
    push_hex(bytes, out);
    Ok(())
}

fn push_uuid(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut uuid = [0; 16];
    uuid.copy_from_slice(bytes);
    crate::pg::uuid::push_uuid(&uuid, out);
    Ok(())
}

fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array,
        Int32Array, Int64Array, ListArray, NullArray, StringArray, Time64NanosecondArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
    };

    use super::*;

    fn fields(array: impl Array + 'static, ty: &PgType) -> Result<Vec<String>, Fault> {
        let array: ArrayRef = Arc::new(array);
        let column = Column::new(&array, ty).expect("the array can hold the type");
        let field = |row| {
            let mut out = Vec::new();
            column.push_field(row, &mut Vec::new(), &mut out)?;
            Ok(String::from_utf8(out).expect("it is text"))
        };
        (0..array.len()).map(field).collect()
    }

    #[test]
    fn numbers_have_the_form_of_their_column() {
        let numeric = |precision, scale| PgType::Numeric(Some((precision, scale)));
        let decimals =
            |scale| Decimal128Array::from(vec![-150, 0, 1200]).with_precision_and_scale(10, scale).unwrap();
        assert_eq!(fields(decimals(2), &numeric(10, 2)).unwrap(), ["-1.50", "0.00", "12.00"]);
        assert_eq!(fields(decimals(2), &numeric(10, 4)).unwrap(), ["-1.5000", "0.0000", "12.0000"]);
        assert_eq!(fields(decimals(2), &numeric(10, 1)).unwrap(), ["-1.5", "0.0", "12.0"]);
        assert_eq!(fields(decimals(2), &numeric(10, 0)), Err(Fault::OutOfRange));
        assert_eq!(fields(decimals(0), &PgType::Int4).unwrap(), ["-150", "0", "1200"]);
        assert_eq!(fields(Int32Array::from(vec![Some(7), None]), &numeric(5, 2)).unwrap(), ["7.00", "\\N"]);
        assert_eq!(
            fields(Int64Array::from(vec![i64::MIN]), &PgType::Int8).unwrap(),
            ["-9223372036854775808"]
        );
        assert_eq!(fields(Int64Array::from(vec![1 << 31]), &PgType::Int4), Err(Fault::OutOfRange));
        assert_eq!(fields(UInt64Array::from(vec![u64::MAX]), &PgType::Int8), Err(Fault::OutOfRange));
        assert_eq!(fields(UInt64Array::from(vec![4294967295]), &PgType::Oid).unwrap(), ["4294967295"]);
        assert_eq!(fields(Float64Array::from(vec![1e20, 0.1]), &PgType::Float8).unwrap(), ["1e+20", "0.1"]);
        assert_eq!(fields(Float64Array::from(vec![0.5, f64::NAN]), &PgType::Float4).unwrap(), ["0.5", "NaN"]);
        assert_eq!(fields(Float64Array::from(vec![0.1]), &PgType::Float4), Err(Fault::OutOfRange));
    }

    #[test]
    fn text_is_escaped_and_bytes_are_hex() {
        let text = StringArray::from(vec![Some("a\tb\\"), None, Some(""), Some("\\N")]);
        assert_eq!(fields(text, &PgType::Text).unwrap(), ["a\\tb\\\\", "\\N", "", "\\\\N"]);
        assert_eq!(fields(StringArray::from(vec!["a\0"]), &PgType::Text), Err(Fault::ZeroByte));
        let bytes = || BinaryArray::from(vec![&b"\x00\xff"[..]]);
        assert_eq!(fields(bytes(), &PgType::Bytea).unwrap(), ["\\\\x00ff"]);
        assert_eq!(fields(bytes(), &PgType::Text), Err(Fault::NotUtf8));
        let uuid = FixedSizeBinaryArray::new(16, (0..16).collect::<Vec<u8>>().into(), None);
        assert_eq!(fields(uuid, &PgType::Uuid).unwrap(), ["00010203-0405-0607-0809-0a0b0c0d0e0f"]);
        assert_eq!(fields(BooleanArray::from(vec![true, false]), &PgType::Bool).unwrap(), ["t", "f"]);
        assert_eq!(fields(NullArray::new(2), &PgType::Int4).unwrap(), ["\\N", "\\N"]);
    }

    #[test]
    fn times_are_written_as_postgres_does() {
        let date = Date32Array::from(vec![0, i32::MAX, -i32::MAX, -719_163, 2_145_042_905]);
        assert_eq!(
            fields(date, &PgType::Date).unwrap(),
            ["1970-01-01", "infinity", "-infinity", "0001-12-31 BC", "5874897-12-31"]
        );
        assert_eq!(fields(Date32Array::from(vec![2_145_042_906]), &PgType::Date), Err(Fault::OutOfRange));
        let instants = vec![-1, 0, i64::MAX, -i64::MAX, 1_500_000];
        let zoned = TimestampMicrosecondArray::from(instants.clone()).with_timezone("UTC");
        assert_eq!(
            fields(zoned, &PgType::TimestampTz(None)).unwrap(),
            [
                "1969-12-31 23:59:59.999999+00",
                "1970-01-01 00:00:00+00",
                "infinity",
                "-infinity",
                "1970-01-01 00:00:01.5+00"
            ]
        );
        let ends = TimestampMicrosecondArray::from(vec![-62_135_596_800_000_001, i64::MAX - 1]);
        assert_eq!(
            fields(ends, &PgType::Timestamp(None)).unwrap(),
            ["0001-12-31 23:59:59.999999 BC", "294247-01-10 04:00:54.775806"]
        );
        let seconds = TimestampMillisecondArray::from(vec![1500]);
        assert_eq!(fields(seconds, &PgType::Timestamp(None)).unwrap(), ["1970-01-01 00:00:01.5"]);
        let time = Time64NanosecondArray::from(vec![86_400_000_000_000, 1000]);
        assert_eq!(fields(time, &PgType::Time(None)).unwrap(), ["24:00:00", "00:00:00.000001"]);
        assert_eq!(fields(Time64NanosecondArray::from(vec![1]), &PgType::Time(None)), Err(Fault::TooFine));
        assert_eq!(
            fields(Time64NanosecondArray::from(vec![-1000]), &PgType::Time(None)),
            Err(Fault::OutOfRange)
        );
    }

    #[test]
    fn lists_are_arrays() {
        let array = |element| PgType::Array(Box::new(element));
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        assert_eq!(fields(numbers, &array(PgType::Int4)).unwrap(), ["{1,NULL}", "\\N", "{}"]);
        let mut texts = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        texts.append_value([Some("a \"b\""), Some("null"), Some(""), Some("x\\y"), None, Some("plain")]);
        assert_eq!(
            fields(texts.finish(), &array(PgType::Text)).unwrap(),
            ["{\"a \\\\\"b\\\\\"\",\"null\",\"\",\"x\\\\\\\\y\",NULL,plain}"]
        );
    }

    #[test]
    fn an_array_that_cannot_hold_the_type_has_no_column() {
        let list = |element| DataType::List(Arc::new(arrow::datatypes::Field::new("element", element, true)));
        for (data_type, ty) in [
            (DataType::Boolean, PgType::Int4),
            (DataType::Int32, PgType::Text),
            (DataType::Int64, PgType::TimestampTz(None)),
            (DataType::Float64, PgType::Numeric(None)),
            (DataType::Timestamp(TimeUnit::Microsecond, None), PgType::TimestampTz(None)),
            (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), PgType::Timestamp(None)),
            (DataType::Timestamp(TimeUnit::Microsecond, None), PgType::Date),
            (DataType::Binary, PgType::Uuid),
            (DataType::FixedSizeBinary(15), PgType::Uuid),
            (DataType::FixedSizeBinary(i32::MAX), PgType::Bytea),
            (DataType::Decimal128(10, 2), PgType::Int4),
            (list(list(DataType::Int32)), PgType::Array(Box::new(PgType::Int4))),
            (list(DataType::Int32), PgType::Jsonb),
        ] {
            assert!(!is_held(&data_type, &ty), "{data_type} {ty}");
        }
        assert!(is_held(&DataType::Utf8, &PgType::TimestampTz(None)));
        assert!(is_held(&DataType::Utf8, &PgType::Array(Box::new(PgType::Int4))));
    }
}
