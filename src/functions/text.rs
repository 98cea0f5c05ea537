//! `TextMask`: one string in, one string out. Nulls, escapes, `by`, `null` and `invalid` are handled here, once.

use arrow::array::builder::BinaryViewBuilder;
use arrow::array::{Array, BinaryViewArray};

use super::canonical::{canonical, without_padding};
use super::redact::fill;
use super::row::{InputColumn, Row};
use crate::pg::escape::{escape_into, needs_escape, unescape};
use crate::schema::PgType;

/// Masks one value given as text, unescaped.
pub trait TextMask: Send + Sync {
    /// Appends the masked form of `value` to `out`.
    ///
    /// `subject` is what the result depends on besides the value's shape: the owner's value where the rule says `by`,
    /// else the value itself, in canonical form (see [`canonical`]).
    ///
    /// # Errors
    /// The reason, without the value, such as "is not a UUID".
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str>;

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
        let mut values = BinaryViewBuilder::with_capacity(column.len());
        let mut buffers = Buffers::default();
        let (mut masked, mut nulls) = (0, 0);
        for row in 0..column.len() {
            let escaped = match (column.is_null(row), self.null) {
                (true, NullPolicy::Keep) => {
                    values.append_null();
                    nulls += 1;
                    continue;
                }
                (true, NullPolicy::Mask) => &[],
                (false, _) => column.value(row),
            };
            let owner = owner.filter(|(owners, _)| owners.is_valid(row));
            let owner = owner.map(|(owners, ty)| (owners.value(row), ty));
            masked += 1;
            let unmasked = |reason| Unmasked { row, reason };
            let inputs = Row::new(inputs, row);
            if self.mask_value(escaped, ty, owner, &inputs, &mut buffers).map_err(unmasked)? {
                let value = buffers.escaped_result();
                values.try_append_value(value).map_err(|_| unmasked("has a result of more than 4 GiB"))?;
            } else {
                values.append_null();
                nulls += 1;
            }
        }
        Ok(MaskedColumn { values: values.finish(), masked, nulls })
    }

    /// Masks one value into `buffers.result`; false where it becomes NULL.
    fn mask_value(
        &self,
        escaped: &[u8],
        ty: &PgType,
        owner: Option<(&[u8], &PgType)>,
        inputs: &Row<'_>,
        buffers: &mut Buffers,
    ) -> Result<bool, &'static str> {
        let Buffers { value: value_scratch, owner: owner_scratch, subject: subject_scratch, result, .. } =
            buffers;
        result.clear();
        let bytes = unescape(escaped, value_scratch);
        let is_bpchar = matches!(ty.base(), PgType::Bpchar(_));
        let bytes = if is_bpchar { without_padding(bytes) } else { bytes };
        let subject = match owner {
            Some((owner, owner_ty)) => canonical(owner_ty, unescape(owner, owner_scratch), subject_scratch),
            None => canonical(ty, bytes, subject_scratch),
        };
        let outcome = match std::str::from_utf8(bytes) {
            Ok(value) => self.mask.mask_in_row(value, subject, inputs, result),
            Err(_) => Err("is not valid UTF-8"),
        };
        match (outcome, self.invalid) {
            (Ok(()), _) => {}
            (Err(reason), InvalidPolicy::Error) => return Err(reason),
            (Err(_), InvalidPolicy::Null) => return Ok(false),
            (Err(_), InvalidPolicy::Redact) => {
                result.clear();
                fill(&String::from_utf8_lossy(bytes), result);
            }
        }
        if is_bpchar {
            pad(result, ty.max_chars().unwrap_or(1));
        }
        Ok(true)
    }
}

/// Appends blanks to `text` until it has `chars` characters.
fn pad(text: &mut String, chars: u32) {
    let missing = (chars as usize).saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n(' ', missing));
}

/// What is used again for every value of a column, so that none is allocated by itself.
#[derive(Default)]
struct Buffers {
    value: Vec<u8>,
    owner: Vec<u8>,
    subject: Vec<u8>,
    result: String,
    escaped: Vec<u8>,
}

impl Buffers {
    fn escaped_result(&mut self) -> &[u8] {
        let result = self.result.as_bytes();
        if !needs_escape(result) {
            return result;
        }
        self.escaped.clear();
        escape_into(result, &mut self.escaped);
        &self.escaped
    }
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
