//! `TextMask`: one string in, one string out. Nulls, escapes, `by`, `null` and `invalid` are handled here, once.

use std::borrow::Cow;

use arrow::array::{Array, BinaryViewArray};

use super::canonical::{canonical, without_padding};
use super::redact::fill;
use super::results::Results;
use super::row::{InputColumn, Row};
use crate::pg::escape::unescape;
use crate::schema::PgType;

/// Checks that what was appended to `out` from `start` on is not longer than a column of `limit` characters.
///
/// # Errors
/// That it is.
pub fn check_length(out: &str, start: usize, limit: usize) -> Result<(), &'static str> {
    let is_short = out.len() - start <= limit || out[start..].chars().count() <= limit;
    if is_short { Ok(()) } else { Err("has a result that is longer than its column") }
}

/// How many values a mask is given at once, at most.
pub const LANES: usize = 8;

/// Masks values given as text, unescaped: by `mask`, or by `mask_in_row` where it asks for something of the row.
pub trait TextMask: Send + Sync {
    /// Appends the masked form of `value` to `out`, whatever `out` holds already; one that asks for something of its row
    /// is masked as in a row of NULLs.
    ///
    /// `subject` is what the result depends on besides the value's shape: the owner's value where the rule says `by`,
    /// else the value itself, in canonical form (see [`canonical`]).
    ///
    /// # Errors
    /// The reason, without the value, such as "is not a UUID". What was appended until then is dropped.
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        self.mask_in_row(value, subject, &Row::default(), out)
    }

    /// Masks a value with what the mask asked for of its row; a mask that asked for nothing leaves this as it is.
    ///
    /// # Errors
    /// As [`TextMask::mask`].
    fn mask_in_row(
        &self,
        value: &str,
        subject: &[u8],
        _row: &Row<'_>,
        out: &mut String,
    ) -> Result<(), &'static str> {
        self.mask(value, subject, out)
    }

    /// Adds the masked forms of `values` to `results`, in their order: each as [`TextMask::mask_in_row`] makes it.
    ///
    /// For a mask whose work is a chain of steps that wait for each other: it may take each step for all the values.
    fn mask_lanes(&self, values: &[Given<'_>], results: &mut Results) {
        for given in values {
            results.push(|out| self.mask_in_row(given.value, given.subject, &given.row, out));
        }
    }
}

/// A value that a mask is given.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// The value.
    pub value: &'a str,
    /// What the result depends on besides the value's shape; see [`TextMask::mask`].
    pub subject: &'a [u8],
    /// What the mask asked for of the value's row.
    pub row: Row<'a>,
}

/// What becomes of NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NullPolicy {
    /// NULL stays NULL.
    #[default]
    Keep,
    /// NULL is masked as the empty string is.
    Mask,
}

/// What becomes of a value that the function cannot parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InvalidPolicy {
    /// The run stops.
    #[default]
    Error,
    /// It becomes NULL.
    Null,
    /// It becomes a filler of like length, as `redact` makes it.
    Redact,
}

/// A text mask over the columns of batches.
pub struct TextColumn {
    /// What masks a value.
    pub mask: Box<dyn TextMask>,
    /// What becomes of NULL.
    pub null: NullPolicy,
    /// What becomes of a value that does not parse.
    pub invalid: InvalidPolicy,
}

/// A masked column, and how much of it was masked.
pub struct MaskedColumn {
    /// As many values as went in, in COPY text form, still escaped, NULL in the null bitmap.
    pub values: BinaryViewArray,
    /// How many values went through the mask.
    pub masked: u64,
    /// How many values are NULL after it.
    pub nulls: u64,
}

/// A value that could not be masked. Says nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmasked {
    /// Its row in the batch, from 0.
    pub row: usize,
    /// The reason, such as "is not a UUID".
    pub reason: &'static str,
}

impl TextColumn {
    /// Masks a column of a batch: values in COPY text form, still escaped, NULL in the null bitmap.
    ///
    /// `ty` is the column's type; `owner` the column that `by` names and its type. Where the owner is NULL, the value
    /// is its own subject. A `character(n)` is masked without its padding and padded again.
    ///
    /// # Errors
    /// The first row with a value that cannot be masked, under [`InvalidPolicy::Error`].
    pub fn apply(
        &self,
        column: &BinaryViewArray,
        ty: &PgType,
        owner: Option<(&BinaryViewArray, &PgType)>,
    ) -> Result<MaskedColumn, Unmasked> {
        self.apply_in_row(column, ty, owner, &[])
    }

    /// …with the columns of the rows that the mask asked for, in the order in which it asked.
    ///
    /// # Errors
    /// As [`TextColumn::apply`].
    pub fn apply_in_row(
        &self,
        column: &BinaryViewArray,
        ty: &PgType,
        owner: Option<(&BinaryViewArray, &PgType)>,
        inputs: &[InputColumn<'_>],
    ) -> Result<MaskedColumn, Unmasked> {
        let rows = Rows { column, ty, owner, inputs, null: self.null };
        let padded_chars = if rows.is_padded() { ty.max_chars().unwrap_or(1) as usize } else { 0 };
        let mut results = Results::new(column.len(), padded_chars);
        let mut buffers: [Buffers; LANES] = Default::default();
        let (mut row, mut masked) = (0, 0);
        while row < column.len() {
            masked += self.apply_lanes(&rows, &mut row, &mut buffers, &mut results)?;
        }
        let (values, nulls) = results.finish();
        Ok(MaskedColumn { values, masked, nulls })
    }

    /// Masks the next rows from `next` on, as many as there are lanes, and fewer where values are long; returns how
    /// many values went through the mask.
    fn apply_lanes(
        &self,
        rows: &Rows<'_>,
        next: &mut usize,
        buffers: &mut [Buffers; LANES],
        results: &mut Results,
    ) -> Result<u64, Unmasked> {
        let first = *next;
        let mut taken = [Taken::Null; LANES];
        let mut given = [Given::default(); LANES];
        let (mut lanes, mut bytes) = (0, 0);
        for (buffers, taken) in buffers.iter_mut().zip(&mut taken).take(rows.column.len() - first) {
            *taken = rows.take(*next, buffers);
            *next += 1;
            if let Taken::Value(value) = *taken {
                given[lanes] = value;
                lanes += 1;
                bytes += value.value.len();
            }
            if bytes > LONG_BYTES {
                break;
            }
        }
        results.begin();
        self.mask.mask_lanes(&given[..lanes], results);
        assert_eq!(results.added(), lanes, "a mask adds as many results as it is given values");
        let mut lane = 0;
        for (row, taken) in (first..*next).zip(taken) {
            let outcome = match taken {
                Taken::Null => {
                    results.append_null();
                    continue;
                }
                Taken::Value(_) => {
                    lane += 1;
                    results.take(lane - 1)
                }
                Taken::NotText(_) => Err("is not valid UTF-8"),
            };
            let appended = match (outcome, self.invalid) {
                (Ok(result), _) => results.append(result),
                (Err(reason), InvalidPolicy::Error) => Err(reason),
                (Err(_), InvalidPolicy::Null) => {
                    results.append_null();
                    Ok(())
                }
                (Err(_), InvalidPolicy::Redact) => results.append_written(|out| fill(&taken.text(), out)),
            };
            appended.map_err(|reason| Unmasked { row, reason })?;
        }
        Ok(taken[..*next - first].iter().filter(|taken| !matches!(taken, Taken::Null)).count() as u64)
    }
}

/// Values of so many bytes are masked without waiting for more, so that few of them are held at once.
const LONG_BYTES: usize = 1 << 16;

/// The rows of a column to be masked.
struct Rows<'a> {
    column: &'a BinaryViewArray,
    ty: &'a PgType,
    owner: Option<(&'a BinaryViewArray, &'a PgType)>,
    inputs: &'a [InputColumn<'a>],
    null: NullPolicy,
}

/// The value of a row.
#[derive(Clone, Copy)]
enum Taken<'a> {
    Null,
    Value(Given<'a>),
    /// One that is not valid UTF-8.
    NotText(&'a [u8]),
}

impl Taken<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Taken::Null => Cow::default(),
            Taken::Value(given) => Cow::Borrowed(given.value),
            Taken::NotText(bytes) => String::from_utf8_lossy(bytes),
        }
    }
}

impl<'a> Rows<'a> {
    fn is_padded(&self) -> bool {
        matches!(self.ty.base(), PgType::Bpchar(_))
    }

    /// The value of `row`, unescaped, and its subject.
    #[inline]
    fn take<'t>(&self, row: usize, buffers: &'t mut Buffers) -> Taken<'t>
    where
        'a: 't,
    {
        let escaped: &'a [u8] = match (self.column.is_null(row), self.null) {
            (true, NullPolicy::Keep) => return Taken::Null,
            (true, NullPolicy::Mask) => &[],
            (false, _) => self.column.value(row),
        };
        let bytes = unescape(escaped, &mut buffers.value);
        let bytes = if self.is_padded() { without_padding(bytes) } else { bytes };
        let Ok(value) = std::str::from_utf8(bytes) else { return Taken::NotText(bytes) };
        let subject = match self.owner {
            Some((owners, owner_ty)) if owners.is_valid(row) => {
                let owner = unescape(owners.value(row), &mut buffers.owner);
                canonical(owner_ty, owner, &mut buffers.subject)
            }
            _ => canonical(self.ty, bytes, &mut buffers.subject),
        };
        Taken::Value(Given { value, subject, row: Row::new(self.inputs, row) })
    }
}

/// What is used again for every value of a lane, so that none is allocated by itself.
#[derive(Default)]
struct Buffers {
    value: Vec<u8>,
    owner: Vec<u8>,
    subject: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what a mask is given.
    struct Show;

    impl TextMask for Show {
        fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
            if value == "bad" {
                return Err("is bad");
            }
            out.push_str(value);
            out.push('|');
            out.push_str(std::str::from_utf8(subject).unwrap());
            Ok(())
        }
    }

    fn column(null: NullPolicy, invalid: InvalidPolicy) -> TextColumn {
        TextColumn { mask: Box::new(Show), null, invalid }
    }

    fn batch(values: &[Option<&[u8]>]) -> BinaryViewArray {
        BinaryViewArray::from_iter(values.iter().copied())
    }

    #[test]
    fn values_are_unescaped_and_escaped_again() {
        let masked = column(NullPolicy::Keep, InvalidPolicy::Error)
            .apply(&batch(&[Some(br"a\tb\x41"), None]), &PgType::Text, None)
            .unwrap();
        assert_eq!(masked.values, batch(&[Some(br"a\tbA|a\tbA"), None]));
        assert_eq!((masked.masked, masked.nulls), (1, 1));
    }

    #[test]
    fn null_is_masked_as_the_empty_string_where_asked() {
        let masked = column(NullPolicy::Mask, InvalidPolicy::Error)
            .apply(&batch(&[None]), &PgType::Text, None)
            .unwrap();
        assert_eq!(masked.values, batch(&[Some(b"|")]));
    }

    #[test]
    fn the_owner_is_the_subject_unless_it_is_null() {
        let owners = batch(&[Some(b"7.0"), None]);
        let masked = column(NullPolicy::Keep, InvalidPolicy::Error)
            .apply(&batch(&[Some(b"a"), Some(b"b")]), &PgType::Text, Some((&owners, &PgType::Numeric(None))))
            .unwrap();
        assert_eq!(masked.values, batch(&[Some(b"a|7"), Some(b"b|b")]));
    }

    #[test]
    fn a_bpchar_is_masked_without_its_padding() {
        let masked = column(NullPolicy::Keep, InvalidPolicy::Error)
            .apply(&batch(&[Some(b"ab      ")]), &PgType::Bpchar(Some(8)), None)
            .unwrap();
        assert_eq!(masked.values, batch(&[Some(b"ab|ab   ")]));
    }

    #[test]
    fn an_invalid_value_stops_becomes_null_or_is_redacted() {
        let values = batch(&[Some(b"good"), Some(b"bad"), Some(b"\xff\xff")]);
        let apply = |invalid| column(NullPolicy::Keep, invalid).apply(&values, &PgType::Text, None);
        assert_eq!(apply(InvalidPolicy::Error).err(), Some(Unmasked { row: 1, reason: "is bad" }));
        assert_eq!(apply(InvalidPolicy::Null).unwrap().nulls, 2);
        let redacted = apply(InvalidPolicy::Redact).unwrap().values;
        assert_eq!(redacted, batch(&[Some(b"good|good"), Some(b"xxx"), Some(b"xx")]));
    }
}
